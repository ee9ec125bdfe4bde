//! What the runtime APIs that no client can do without answer, beside what storage has.

use super::*;
use assay_runtime_api::{
    runtime_decl_for_delegate_info_runtime_api::DelegateInfoRuntimeApi,
    runtime_decl_for_neuron_info_runtime_api::NeuronInfoRuntimeApi,
    runtime_decl_for_stake_info_runtime_api::StakeInfoRuntimeApi,
    runtime_decl_for_subnet_info_runtime_api::SubnetInfoRuntimeApi,
    runtime_decl_for_subnet_registration_runtime_api::SubnetRegistrationRuntimeApi,
    runtime_decl_for_swap_runtime_api::SwapRuntimeApi,
};
use pallet_subtensor::*;

const ABSENT: NetUid = NetUid::new(77);
const STAKED: u64 = 10_000_000_000;

/// Alice's subnet with Bob's worker on it, whose hotkey Bob and Charlie stake behind.
fn staked(test: impl FnOnce(AccountId, AccountId)) {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        let (bob, worker) = (account("//Bob"), account("//worker"));
        for staker in ["//Bob", "//Charlie"] {
            let (hotkey, amount_staked) = (worker.clone(), Tao::new(STAKED));
            done(staker, Subtensor::add_stake { hotkey, netuid: NETUID, amount_staked });
        }
        test(bob, worker);
    });
}

#[test]
fn neurons_are_those_of_storage() {
    staked(|bob, worker| {
        let (whole, lite) = (Runtime::get_neurons(NETUID), Runtime::get_neurons_lite(NETUID));
        assert_eq!(whole.len(), usize::from(SubnetworkN::<Runtime>::get(NETUID)));
        assert_eq!(lite.len(), whole.len());
        for (uid, (whole, lite)) in (0..).zip(whole.iter().zip(&lite)) {
            assert_eq!(whole.hotkey, Keys::<Runtime>::get(NETUID, uid));
            assert_eq!(whole.coldkey, Owner::<Runtime>::get(&whole.hotkey));
            assert_eq!((&whole.hotkey, &whole.coldkey), (&lite.hotkey, &lite.coldkey));
            assert_eq!(whole.stake, lite.stake);
            assert_eq!(Runtime::get_neuron(NETUID, uid).as_ref(), Some(whole));
            assert_eq!(Runtime::get_neuron_lite(NETUID, uid).as_ref(), Some(lite));
        }
        let of_worker = lite.iter().find(|neuron| neuron.hotkey == worker).unwrap();
        let alpha = TotalHotkeyAlpha::<Runtime>::get(&worker, NETUID);
        assert_eq!(of_worker.stake, [(bob, alpha.into())]);
        assert!(Runtime::get_neurons(ABSENT).is_empty());
        assert!(Runtime::get_neurons_lite(ABSENT).is_empty());
    });
}

#[test]
fn a_subnet_is_that_of_storage() {
    staked(|_, _| {
        let seen = Runtime::get_metagraph(NETUID).unwrap();
        assert_eq!(seen.owner_coldkey, account("//Alice"));
        assert_eq!(seen.tempo.0, Tempo::<Runtime>::get(NETUID));
        assert_eq!(seen.alpha_in.0, SubnetAlphaIn::<Runtime>::get(NETUID));
        assert_eq!(seen.tao_in.0, SubnetTAO::<Runtime>::get(NETUID));
        assert!(Runtime::get_metagraph(ABSENT).is_none());
        let entries = Runtime::get_subnet_hyperparams_v3(NETUID).unwrap();
        let value = |name: &str| {
            let entry = entries.iter().find(|entry| entry.name == name.as_bytes());
            entry.map(|entry| entry.value.encode())
        };
        // A value's first byte says its type.
        let tail = |bytes: Vec<u8>| bytes.split_first().map(|(_, tail)| tail.to_vec());
        let kappa = codec::Compact(Kappa::<Runtime>::get(NETUID)).encode();
        assert_eq!(value("kappa").and_then(tail), Some(kappa));
        assert_eq!(value("unheard of"), None);
        assert!(Runtime::get_subnet_hyperparams_v3(ABSENT).is_none());
        let next = Runtime::get_next_epoch_start_block(NETUID).unwrap();
        assert!(next > u64::from(System::block_number()));
        Tempo::<Runtime>::insert(NETUID, 0);
        assert_eq!(Runtime::get_next_epoch_start_block(NETUID), None, "it never has one");
        assert_eq!(Runtime::get_network_registration_cost(), SubtensorModule::network_lock_cost());
    });
}

#[test]
fn the_subnet_to_prune_is_one_that_is_there_and_not_immune() {
    staked(|_, _| {
        assert!(NetworkImmunityPeriod::<Runtime>::get() > 0);
        assert_eq!(Runtime::get_subnet_to_prune(), None);
        NetworkImmunityPeriod::<Runtime>::put(0);
        System::set_block_number(100);
        assert_eq!(Runtime::get_subnet_to_prune(), Some(NETUID));
    });
}

#[test]
fn stakes_are_those_of_storage() {
    staked(|bob, worker| {
        let alpha = SubtensorModule::stake_of(&worker, &bob, NETUID);
        let info =
            Runtime::get_stake_info_for_hotkey_coldkey_netuid(worker.clone(), bob.clone(), NETUID);
        assert_eq!(info.as_ref().unwrap().stake.0, alpha);
        assert!(!alpha.is_zero());
        assert_eq!(Runtime::get_stake_info_for_coldkey(bob.clone()), [info.unwrap()]);
        assert!(Runtime::get_stake_info_for_coldkey(account("//Dave")).is_empty());
    });
}

#[test]
fn a_delegate_is_that_of_storage() {
    staked(|bob, worker| {
        assert!(Runtime::get_delegate(worker.clone()).is_none(), "it takes no stake of others yet");
        done("//Bob", Subtensor::root_register { hotkey: worker.clone() });
        let delegate = Runtime::get_delegate(worker.clone()).unwrap();
        assert_eq!((&delegate.delegate_ss58, &delegate.owner_ss58), (&worker, &bob));
        assert_eq!(delegate.take.0, Delegates::<Runtime>::get(&worker));
        let nominators: Vec<_> = delegate.nominators.iter().map(|(who, _)| who.clone()).collect();
        assert!(nominators.contains(&account("//Charlie")));
        assert!(Runtime::get_delegates().contains(&delegate));
        let (seen, _) = Runtime::get_delegated(account("//Charlie")).pop().unwrap();
        assert_eq!(seen.delegate_ss58, worker);
        assert!(Runtime::get_delegate(account("//nobody")).is_none());
    });
}

#[test]
fn a_trade_comes_to_what_was_quoted() {
    staked(|bob, worker| {
        let price = Runtime::current_alpha_price(NETUID);
        let all = Runtime::current_alpha_price_all();
        assert_eq!(all.iter().find(|one| one.netuid == NETUID).unwrap().price, price);
        let quote = Runtime::sim_swap_tao_for_alpha(NETUID, Tao::new(STAKED));
        let before = SubtensorModule::stake_of(&worker, &bob, NETUID);
        let (hotkey, amount_staked) = (worker.clone(), Tao::new(STAKED));
        done("//Bob", Subtensor::add_stake { hotkey, netuid: NETUID, amount_staked });
        let after = SubtensorModule::stake_of(&worker, &bob, NETUID);
        // A share's rounding is at most a rao.
        let got = after.rao() - before.rao();
        assert!(quote.alpha_amount.rao().abs_diff(got) <= 1, "{quote:?}, got {got}");
        let sale = Runtime::sim_swap_alpha_for_tao(NETUID, quote.alpha_amount);
        assert!(!sale.tao_amount.is_zero() && sale.tao_amount <= Tao::new(STAKED));
    });
}
