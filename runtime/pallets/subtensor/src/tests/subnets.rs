//! Subnets come and go: what they cost, what they start with, who makes room.

use super::*;
use frame_support::assert_noop;
use sp_runtime::DispatchError;

#[test]
fn a_subnet_costs_its_price_and_opens_with_it() {
    run_each(|| {
        let cost = Chain::network_lock_cost();
        assert_eq!(cost.rao(), 1_000 * UNIT);
        assert_ok!(Chain::register_network(signed(1), 101));
        let netuid = NetUid::new(1);
        assert_eq!(tao_balance(1), WEALTH - cost.rao());
        assert_eq!(SubnetTAO::<Test>::get(netuid), cost);
        assert_eq!(SubnetAlphaIn::<Test>::get(netuid).rao(), cost.rao(), "the first opens at 1");
        assert_eq!(SubnetOwner::<Test>::get(netuid), 1);
        assert_eq!(Keys::<Test>::get(netuid, 0), 101);
        assert_eq!(TokenSymbol::<Test>::get(netuid), "α".as_bytes());
        assert_eq!(TotalNetworks::<Test>::get(), 2);
    });
}

#[test]
fn the_next_subnet_costs_twice_as_much_until_time_has_passed() {
    run_each(|| {
        found_subnet(1);
        assert_eq!(Chain::network_lock_cost().rao(), 2_000 * UNIT);
        let last = System::block_number();
        System::set_block_number(last + NetworkLockReductionInterval::<Test>::get() / 2);
        let step = 1_000 * UNIT / NetworkLockReductionInterval::<Test>::get();
        let half = NetworkLockReductionInterval::<Test>::get() / 2;
        assert_eq!(Chain::network_lock_cost().rao(), 2_000 * UNIT - half * step);
        System::set_block_number(last + 10 * NetworkLockReductionInterval::<Test>::get());
        assert_eq!(Chain::network_lock_cost().rao(), 1_000 * UNIT, "the floor");
        System::set_block_number(last);
    });
}

#[test]
fn a_pool_opens_at_the_median_price() {
    run(local(), || {
        for (owner, spent) in [(1, 0), (2, 900), (3, 300)] {
            let netuid = found_subnet(owner);
            let tao = SubnetTAO::<Test>::get(netuid).rao();
            SubnetAlphaIn::<Test>::insert(netuid, Alpha::new(tao));
            if spent > 0 {
                stake(netuid, 9, owner + 100, spent * UNIT);
            }
        }
        let mut prices: Vec<u64> = Chain::subnets().into_iter().map(Chain::alpha_price).collect();
        prices.sort_unstable();
        let fourth = found_subnet(4);
        assert!(Chain::alpha_price(fourth).abs_diff(prices[1]) <= 1, "{prices:?}");
    });
}

#[test]
fn each_preset_gives_a_new_subnet_its_hyperparameters() {
    for (genesis, tempo, rate, commit_reveal, emission) in
        [(local(), 20, 0, false, true), (upstream(), 360, 100, true, false)]
    {
        run(genesis, || {
            assert_ok!(Chain::register_network(signed(1), 101));
            let netuid = NetUid::new(1);
            assert_eq!(Tempo::<Test>::get(netuid), tempo);
            assert_eq!(WeightsSetRateLimit::<Test>::get(netuid), rate);
            assert_eq!(CommitRevealWeightsEnabled::<Test>::get(netuid), commit_reveal);
            assert_eq!(SubnetEmissionEnabled::<Test>::get(netuid), emission);
            assert_eq!(MinAllowedWeights::<Test>::get(netuid), 1);
            assert_eq!(ImmunityPeriod::<Test>::get(netuid), 5_000);
            assert!(Yuma3On::<Test>::get(netuid));
            assert!(!NetworkPowRegistrationAllowed::<Test>::get(netuid));
        });
    }
}

#[test]
fn upstream_registers_a_subnet_a_day() {
    run(upstream(), || {
        assert_ok!(Chain::register_network(signed(1), 101));
        next_block();
        assert_noop!(
            Chain::register_network(signed(2), 102),
            Error::<Test>::NetworkTxRateLimitExceeded
        );
        System::set_block_number(1 + NetworkRateLimit::<Test>::get());
        assert_ok!(Chain::register_network(signed(2), 102));
    });
}

#[test]
fn registration_needs_means_and_a_hotkey_of_ones_own() {
    run(local(), || {
        found_subnet(1);
        assert_noop!(Chain::register_network(signed(2), 101), Error::<Test>::NonAssociatedColdKey);
        assert_noop!(Chain::register_network(signed(77), 177), Error::<Test>::CannotAffordLockCost);
        NetworkMinLockCost::<Test>::put(Tao::new(WEALTH));
        // The account must go on existing, so not even all it has is enough.
        assert_noop!(Chain::register_network(signed(2), 102), Error::<Test>::CannotAffordLockCost);
    });
}

#[test]
fn only_the_owner_starts_a_subnet_and_once() {
    run_each(|| {
        assert_ok!(Chain::register_network(signed(1), 101));
        let netuid = NetUid::new(1);
        assert_noop!(
            Chain::add_stake(signed(2), 101, netuid, Tao::new(UNIT)),
            Error::<Test>::SubtokenDisabled
        );
        assert_noop!(Chain::start_call(signed(2), netuid), sp_runtime::DispatchError::BadOrigin);
        StartCallDelay::<Test>::put(5);
        assert_noop!(
            Chain::start_call(signed(1), netuid),
            Error::<Test>::NeedWaitingMoreBlocksToStarCall
        );
        run_to_block(6);
        assert_ok!(Chain::start_call(signed(1), netuid));
        assert_eq!(FirstEmissionBlockNumber::<Test>::get(netuid), Some(7));
        assert_noop!(
            Chain::start_call(signed(1), netuid),
            Error::<Test>::FirstEmissionBlockNumberAlreadySet
        );
        assert_noop!(Chain::start_call(signed(1), NetUid::new(9)), Error::<Test>::SubnetNotExists);
    });
}

#[test]
fn a_full_chain_gives_up_its_cheapest_subnet_that_is_not_immune() {
    run(local(), || {
        SubnetLimit::<Test>::put(2);
        NetworkImmunityPeriod::<Test>::put(100);
        let first = found_subnet(1);
        run_to_block(20);
        let second = found_subnet(2);
        assert_noop!(Chain::register_network(signed(3), 103), Error::<Test>::SubnetLimitReached);
        stake(first, 4, 101, 50 * UNIT);
        stake(second, 5, 102, 50 * UNIT);
        run_to_block(110);
        // Only the first is past its immunity; its stakers get what its pool holds.
        let (before, pool) = (tao_balance(4), SubnetTAO::<Test>::get(first).rao());
        assert_ok!(Chain::register_network(signed(3), 103));
        assert!(tao_balance(4) > before && tao_balance(4) - before <= pool);
        assert_eq!(SubnetOwner::<Test>::get(first), 3);
        assert_eq!(SubnetworkN::<Test>::get(first), 1);
        assert_eq!(Keys::<Test>::get(first, 0), 103);
        assert_eq!(staked(first, 4, 101), 0);
        assert!(!SubtokenEnabled::<Test>::get(first));
        assert!(!IsNetworkMember::<Test>::get(101, first));
        assert!(staked(second, 5, 102) > 0);
    });
}

#[test]
fn a_dissolved_subnet_leaves_nothing_under_its_netuid() {
    run(local(), || {
        let netuid = found_subnet(1);
        let validator = join(netuid, 2);
        join(netuid, 3);
        stake(netuid, 2, 102, 100 * UNIT);
        run_to_block(45);
        assert_ok!(Chain::set_weights(signed(102), netuid, vec![2], vec![1], 0));
        run_to_block(90);
        assert!(!Bonds::<Test>::get(NetUidStorageIndex::main(netuid), validator).is_empty());
        let issuance = TotalIssuance::<Test>::get();
        assert_ok!(Chain::root_dissolve_network(RuntimeOrigin::root(), netuid));
        assert!(TotalIssuance::<Test>::get() <= issuance);
        assert_eq!(Uids::<Test>::iter_prefix(netuid).count(), 0);
        assert_eq!(Weights::<Test>::iter().count(), 0);
        assert_eq!(Bonds::<Test>::iter().count(), 0);
        assert_eq!(AlphaShares::<Test>::iter().count(), 0);
        assert_eq!(Burn::<Test>::iter().count(), 0);
        assert_noop!(
            Chain::root_dissolve_network(signed(1), netuid),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}

#[test]
fn a_choice_for_a_subnet_ends_with_it_whether_or_not_its_coldkey_has_a_neuron_there() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        let outsider = 3;
        assert_ok!(Chain::try_associate_hotkey(signed(outsider), 103));
        let chosen = || {
            [2, outsider].map(|coldkey| {
                let take = ChildkeyTake::<Test>::get(coldkey + 100, netuid).deconstruct();
                (AutoStakeDestination::<Test>::get(coldkey, netuid), take)
            })
        };
        for coldkey in [2, outsider] {
            assert_ok!(Chain::set_coldkey_auto_stake_hotkey(signed(coldkey), netuid, 101));
            let take = sp_runtime::PerU16::from_parts(5_000);
            assert_ok!(Chain::set_childkey_take(signed(coldkey), coldkey + 100, netuid, take));
        }
        assert_eq!(chosen(), [(Some(101), 5_000); 2]);
        assert_ok!(Chain::root_dissolve_network(RuntimeOrigin::root(), netuid));
        assert_eq!(found_subnet(4), netuid);
        assert_eq!(chosen(), [(None, 0); 2]);
    });
}

#[test]
fn identities_have_limits_and_symbols_are_not_shared() {
    run(local(), || {
        let netuid = found_subnet(1);
        found_subnet(2);
        let identity = |name: Vec<u8>| {
            let rest = || b"x".to_vec();
            Chain::set_subnet_identity(
                signed(1),
                netuid,
                name,
                rest(),
                rest(),
                rest(),
                rest(),
                rest(),
                rest(),
                rest(),
            )
        };
        assert_ok!(identity(vec![b'n'; 256]));
        assert_noop!(identity(vec![b'n'; 257]), Error::<Test>::InvalidIdentity);
        assert_noop!(
            Chain::update_symbol(signed(1), netuid, "β".into()),
            Error::<Test>::SymbolAlreadyInUse
        );
        assert_noop!(
            Chain::update_symbol(signed(1), netuid, b"SN1".to_vec()),
            Error::<Test>::SymbolDoesNotExist
        );
        assert_ok!(Chain::update_symbol(signed(1), netuid, "シ".into()));
        assert_ok!(Chain::update_symbol(signed(1), netuid, "ω".into()));
        assert_eq!(TokenSymbol::<Test>::get(netuid), "ω".as_bytes());
    });
}

#[test]
fn a_subnet_has_the_letter_that_its_number_has_publicly() {
    run(local(), || {
        assert_eq!(TokenSymbol::<Test>::get(NetUid::ROOT), "Τ".as_bytes());
        // The public list by its own numbers: the first, the one that is no Greek letter, both
        // ends of alphabets, and the last.
        let public = [(1, "α"), (19, "t"), (24, "ω"), (25, "א"), (52, "ا"), (438, "ධ")];
        for (netuid, letter) in public {
            assert_eq!(Chain::free_symbol(NetUid::new(netuid)), letter.as_bytes());
        }
        assert_eq!(Chain::free_symbol(NetUid::new(439)), "α".as_bytes());
    });
}

#[test]
fn the_public_genesis_begins_with_a_subnet_that_nobody_owns() {
    let genesis =
        crate::GenesisConfig { first_subnet: true, root_owner: Some((1, 101)), ..local() };
    run(genesis, || {
        let netuid = NetUid::new(1);
        assert_eq!(SubnetOwner::<Test>::get(NetUid::ROOT), 1);
        assert_eq!(SubnetOwnerHotkey::<Test>::get(NetUid::ROOT), 101);
        assert_eq!(SubnetTAO::<Test>::get(netuid).rao(), 10 * UNIT);
        assert_eq!(Keys::<Test>::get(netuid, 0), 0);
        assert_eq!(staked(netuid, 0, 0), UNIT);
        let (uid, other) = (join(netuid, 2), found_subnet(3));
        assert_eq!((uid, other), (1, NetUid::new(2)));
        run_to_block(System::block_number() + 10);
        assert!(SubnetAlphaOut::<Test>::get(netuid).rao() > UNIT, "it takes part in the emission");
    });
}

#[test]
fn an_owner_sets_the_tempo_within_bounds_and_not_often() {
    run(upstream(), || {
        let netuid = found_subnet(1);
        run_to_block(50);
        let set = |who, tempo| Chain::set_tempo(signed(who), netuid, tempo);
        assert_noop!(set(2, 400), DispatchError::BadOrigin);
        assert_noop!(set(1, 359), Error::<Test>::TempoOutOfBounds);
        assert_noop!(set(1, 50_401), Error::<Test>::TempoOutOfBounds);
        assert_ok!(set(1, 400));
        assert_eq!(Tempo::<Test>::get(netuid), 400);
        assert_eq!(LastEpochBlock::<Test>::get(netuid), 50, "counted anew");
        System::assert_last_event(Event::TempoSet(netuid, 400).into());
        run_to_block(409);
        assert_noop!(set(1, 500), Error::<Test>::TxRateLimitExceeded);
        run_to_block(410);
        assert_ok!(set(1, 500));
        // Not while validators are about to vote.
        PendingEpochAt::<Test>::insert(netuid, 900);
        run_to_block(800);
        let frozen = Error::<Test>::AdminActionProhibitedDuringWeightsWindow;
        assert_noop!(set(1, 600), frozen);
        assert_noop!(
            Chain::set_activity_cutoff_factor(signed(1), netuid, 2_000),
            Error::<Test>::AdminActionProhibitedDuringWeightsWindow
        );
        let root = RuntimeOrigin::root();
        assert_ok!(Chain::set_activity_cutoff_factor(root, netuid, 2_000));
        assert_eq!(ActivityCutoffFactorMilli::<Test>::get(netuid), 2_000);
    });
}

#[test]
fn root_alone_ends_a_subnet_whoever_is_named() {
    run(local(), || {
        let netuid = found_subnet(1);
        assert_noop!(Chain::dissolve_network(signed(1), 1, netuid), DispatchError::BadOrigin);
        assert_ok!(Chain::dissolve_network(RuntimeOrigin::root(), 777, netuid));
        assert!(!Chain::subnet_exists(netuid));
    });
}
