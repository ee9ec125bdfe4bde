//! Slots: who gets one at what price, who has to go, and what a newcomer must not inherit.

use super::*;
use frame_support::assert_noop;

#[test]
fn registration_costs_the_price_which_rises_and_falls() {
    run_each(|| {
        let netuid = found_subnet(1);
        let price = Burn::<Test>::get(netuid).rao();
        assert_eq!(join(netuid, 2), 1);
        assert_eq!(tao_balance(2), WEALTH - price);
        let raised = Burn::<Test>::get(netuid).rao();
        assert_eq!(raised, price * 126 / 100);
        run_to_block(1 + u64::from(BurnHalfLife::<Test>::get(netuid)));
        let fallen = Burn::<Test>::get(netuid).rao();
        assert!(fallen <= raised / 2 && fallen > raised / 2 - raised / 1_000, "{fallen}");
    });
}

#[test]
fn what_a_registration_buys_is_recycled() {
    run_each(|| {
        let netuid = found_subnet(1);
        let tao = SubnetTAO::<Test>::get(netuid).rao();
        join(netuid, 2);
        assert_eq!(SubnetAlphaOut::<Test>::get(netuid), Alpha::ZERO);
        assert!(SubnetTAO::<Test>::get(netuid).rao() > tao);
        assert_eq!(RAORecycledForRegistration::<Test>::get(netuid).rao(), UNIT);
    });
}

#[test]
fn a_registration_with_a_limit_stays_within_it() {
    run_each(|| {
        let netuid = found_subnet(1);
        assert_noop!(
            Chain::register_limit(signed(2), netuid, 102, UNIT - 1),
            Error::<Test>::RegistrationPriceLimitExceeded
        );
        assert_ok!(Chain::register_limit(signed(2), netuid, 102, UNIT));
    });
}

#[test]
fn registration_is_refused_for_its_own_reason() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        let register = |who, netuid, hotkey| Chain::burned_register(signed(who), netuid, hotkey);
        type E = Error<Test>;
        assert_noop!(register(3, NetUid::ROOT, 103), E::RegistrationNotPermittedOnRootSubnet);
        assert_noop!(register(3, NetUid::new(9), 103), E::SubnetNotExists);
        assert_noop!(register(2, netuid, 102), E::HotKeyAlreadyRegisteredInSubNet);
        let other = found_subnet(4);
        assert_noop!(register(3, other, 102), E::NonAssociatedColdKey);
        assert_noop!(register(77, netuid, 177), E::NotEnoughBalanceToStake);
        NetworkRegistrationAllowed::<Test>::insert(netuid, false);
        assert_noop!(register(3, netuid, 103), E::SubNetRegistrationDisabled);
        NetworkRegistrationAllowed::<Test>::insert(netuid, true);
        MaxRegistrationsPerBlock::<Test>::insert(netuid, 1);
        assert_noop!(register(3, netuid, 103), E::TooManyRegistrationsThisBlock);
        next_block();
        assert_ok!(register(3, netuid, 103));
    });
}

#[test]
fn a_hotkey_exists_without_balance_from_its_first_registration_on() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        assert_eq!(System::sufficients(&102), 1);
        assert!(System::account_exists(&102));
        System::inc_account_nonce(102);
        let other = found_subnet(3);
        assert_ok!(Chain::burned_register(signed(2), other, 102));
        assert_eq!(System::sufficients(&102), 1, "one reference is enough");
        assert_ok!(Chain::root_dissolve_network(RuntimeOrigin::root(), netuid));
        assert_ok!(Chain::root_dissolve_network(RuntimeOrigin::root(), other));
        assert_eq!(System::account_nonce(102), 1, "and it outlives the slots");
    });
}

/// A subnet of three slots, full, nobody immune but the owner, whose neurons earned in order.
fn full_subnet() -> NetUid {
    let netuid = found_subnet(1);
    MaxAllowedUids::<Test>::insert(netuid, 3);
    MinNonImmuneUids::<Test>::insert(netuid, 0);
    ImmunityPeriod::<Test>::insert(netuid, 10);
    join(netuid, 2);
    join(netuid, 3);
    Emission::<Test>::insert(netuid, vec![Alpha::ZERO, Alpha::new(5), Alpha::new(4)]);
    netuid
}

#[test]
fn the_neuron_that_earns_least_makes_room() {
    run(local(), || {
        let netuid = full_subnet();
        System::set_block_number(20);
        Leavers::take();
        assert_eq!(join(netuid, 4), 2, "uid 0 earned less but is the owner's");
        assert_eq!(Leavers::take(), [(netuid, 103)]);
        assert!(!Uids::<Test>::contains_key(netuid, 103));
        assert!(!IsNetworkMember::<Test>::get(103, netuid));
        assert_eq!(Owner::<Test>::get(103), 3, "a hotkey stays its owner's");
    });
}

#[test]
fn the_immune_go_only_when_too_few_others_are_left() {
    run(local(), || {
        let netuid = full_subnet();
        BlockAtRegistration::<Test>::insert(netuid, 2, 15);
        System::set_block_number(20);
        assert_eq!(Chain::neuron_to_prune(netuid), Some(1), "uid 2 earned less but is immune");
        MinNonImmuneUids::<Test>::insert(netuid, 1);
        assert_eq!(Chain::neuron_to_prune(netuid), Some(2), "the one that is not may not go");
        BlockAtRegistration::<Test>::insert(netuid, 2, 1);
        MinNonImmuneUids::<Test>::insert(netuid, 2);
        assert_eq!(Chain::neuron_to_prune(netuid), None);
        assert_noop!(
            Chain::burned_register(signed(4), netuid, 104),
            Error::<Test>::NoNeuronIdAvailable
        );
    });
}

#[test]
fn equal_earners_go_by_age_then_by_uid() {
    run(local(), || {
        let netuid = full_subnet();
        System::set_block_number(20);
        Emission::<Test>::insert(netuid, vec![Alpha::ZERO; 3]);
        BlockAtRegistration::<Test>::insert(netuid, 1, 3);
        BlockAtRegistration::<Test>::insert(netuid, 2, 2);
        assert_eq!(Chain::neuron_to_prune(netuid), Some(2));
        BlockAtRegistration::<Test>::insert(netuid, 1, 2);
        assert_eq!(Chain::neuron_to_prune(netuid), Some(1));
    });
}

#[test]
fn a_newcomer_inherits_nothing() {
    run(local(), || {
        let netuid = full_subnet();
        let index = NetUidStorageIndex::main(netuid);
        stake(netuid, 2, 102, 100 * UNIT);
        run_to_block(41);
        assert_ok!(Chain::set_weights(signed(102), netuid, vec![2], vec![1], 0));
        run_to_block(61);
        let axon = Chain::serve_axon(signed(103), netuid, 1, 0x0101_0101, 8091, 4, 0, 0, 0);
        assert_ok!(axon);
        assert!(Incentive::<Test>::get(index)[2].deconstruct() > 0);
        Emission::<Test>::insert(netuid, vec![Alpha::ZERO, Alpha::new(2), Alpha::new(1)]);

        assert_eq!(join(netuid, 4), 2);
        assert_eq!(Weights::<Test>::get(index, 1), [(2, 0)], "nobody has judged the newcomer");
        assert!(!Axons::<Test>::contains_key(netuid, 103));
        assert_eq!(Incentive::<Test>::get(index)[2].deconstruct(), 0);
        assert_eq!(LastUpdate::<Test>::get(index)[2], System::block_number());
        assert_eq!(BlockAtRegistration::<Test>::get(netuid, 2), System::block_number());
    });
}

#[test]
fn root_seats_go_to_the_larger_stake() {
    run_each(|| {
        TargetRegistrationsPerInterval::<Test>::insert(NetUid::ROOT, 100);
        MaxRegistrationsPerBlock::<Test>::insert(NetUid::ROOT, 100);
        for seat in 0..64 {
            assert_ok!(Chain::root_register(signed(1), 1_000 + seat));
        }
        assert_ok!(Chain::try_associate_hotkey(signed(2), 102));
        assert_noop!(Chain::root_register(signed(2), 102), Error::<Test>::StakeTooLowForRoot);
        stake(NetUid::ROOT, 2, 102, UNIT);
        assert_ok!(Chain::root_register(signed(2), 102));
        assert_eq!(Uids::<Test>::get(NetUid::ROOT, 102), Some(0));
        assert!(!Uids::<Test>::contains_key(NetUid::ROOT, 1_000));
        assert_eq!(SubnetworkN::<Test>::get(NetUid::ROOT), 64);
        assert_noop!(
            Chain::root_register(signed(2), 102),
            Error::<Test>::HotKeyAlreadyRegisteredInSubNet
        );
    });
}

#[test]
fn bonds_are_reset_where_the_owner_allows_it() {
    run(local(), || {
        let netuid = full_subnet();
        let index = NetUidStorageIndex::main(netuid);
        Bonds::<Test>::insert(index, 1, vec![(1, 9), (2, 8)]);
        Chain::reset_bonds_to(netuid, &103);
        assert_eq!(Bonds::<Test>::get(index, 1).len(), 2);
        BondsResetOn::<Test>::insert(netuid, true);
        Chain::reset_bonds_to(netuid, &103);
        assert_eq!(Bonds::<Test>::get(index, 1), [(1, 9)]);
    });
}
