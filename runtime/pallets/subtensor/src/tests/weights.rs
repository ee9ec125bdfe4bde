//! Setting weights: every check of subtensor.md 9, at its bound and beyond it.

use super::*;
use frame_support::{assert_noop, dispatch::DispatchResult};

type E = Error<Test>;

/// A subnet with the owner's neuron 0, a validator 1 (hotkey 102) and miners 2 and 3, after the
/// epoch that gave the validator its permit.
fn judged_subnet() -> NetUid {
    let netuid = found_subnet(1);
    for who in 2..=4 {
        join(netuid, who);
    }
    stake(netuid, 2, 102, 100 * UNIT);
    run_to_block(41);
    assert!(ValidatorPermit::<Test>::get(netuid)[1]);
    netuid
}

fn set(hotkey: u64, netuid: NetUid, row: &[(u16, u16)]) -> DispatchResult {
    let (uids, values) = row.iter().copied().unzip();
    Chain::set_weights(signed(hotkey), netuid, uids, values, 0)
}

#[test]
fn a_row_is_scaled_and_stored_in_its_order() {
    run(local(), || {
        let netuid = judged_subnet();
        assert_ok!(set(102, netuid, &[(3, 10), (2, 5), (0, 0)]));
        let index = NetUidStorageIndex::main(netuid);
        assert_eq!(Weights::<Test>::get(index, 1), [(3, 65535), (2, 32768), (0, 0)]);
        assert_eq!(LastUpdate::<Test>::get(index)[1], 41);
        System::assert_last_event(Event::WeightsSet(index, 1).into());
    });
}

#[test]
fn malformed_rows_are_refused_for_their_own_reason() {
    run(local(), || {
        let netuid = judged_subnet();
        let lopsided = Chain::set_weights(signed(102), netuid, vec![2, 3], vec![1], 0);
        assert_eq!(lopsided, Err(E::WeightVecNotEqualSize.into()));
        assert_noop!(set(102, netuid, &[(2, 1), (2, 1)]), E::DuplicateUids);
        assert_noop!(set(102, netuid, &[(2, 1), (4, 1)]), E::UidVecContainInvalidOne);
        let five: Vec<_> = (0..5).map(|uid| (uid, 1)).collect();
        assert_noop!(set(102, netuid, &five), E::UidsLengthExceedUidsInSubNet);
        MinAllowedWeights::<Test>::insert(netuid, 3);
        assert_noop!(set(102, netuid, &[(2, 1), (3, 1)]), E::WeightVecLengthIsLow);
        assert_ok!(set(102, netuid, &[(2, 1), (3, 1), (0, 0)]));
        MinAllowedWeights::<Test>::insert(netuid, 100);
        assert_ok!(set(102, netuid, &[(2, 1), (3, 1), (0, 0), (1, 0)]));
        MinAllowedWeights::<Test>::insert(netuid, 1);
        MaxWeightsLimit::<Test>::insert(netuid, u16::MAX / 2);
        assert_noop!(set(102, netuid, &[(2, 2), (3, 1)]), E::MaxWeightExceeded);
    });
}

#[test]
fn who_may_not_judge_is_told_why() {
    run(local(), || {
        let netuid = judged_subnet();
        let row = [(2, 1)];
        assert_noop!(set(102, NetUid::ROOT, &row), E::CanNotSetRootNetworkWeights);
        assert_noop!(set(102, NetUid::new(9), &row), E::SubnetNotExists);
        assert_noop!(set(555, netuid, &row), E::HotKeyNotRegisteredInSubNet);
        assert_noop!(set(103, netuid, &[(3, 1)]), E::NeuronNoValidatorPermit);
        StakeThreshold::<Test>::put(1);
        assert_noop!(set(103, netuid, &row), E::NotEnoughStakeToSetWeights);
        StakeThreshold::<Test>::put(0);
        assert_ok!(set(103, netuid, &row));
        assert_ok!(set(101, netuid, &row));
        let other =
            Chain::set_mechanism_weights(signed(102), netuid, MechId::new(1), vec![2], vec![1], 0);
        assert_eq!(other, Err(E::MechanismDoesNotExist.into()));
    });
}

#[test]
fn an_old_version_is_refused() {
    run(local(), || {
        let netuid = judged_subnet();
        WeightsVersionKey::<Test>::insert(netuid, 7);
        let set = |version| Chain::set_weights(signed(102), netuid, vec![2], vec![1], version);
        assert_noop!(set(6), E::IncorrectWeightVersionKey);
        assert_ok!(set(7));
        assert_ok!(set(8));
    });
}

#[test]
fn the_rate_limit_counts_from_the_last_setting() {
    run(local(), || {
        let netuid = judged_subnet();
        WeightsSetRateLimit::<Test>::insert(netuid, 5);
        assert_ok!(set(102, netuid, &[(2, 1)]));
        run_to_block(45);
        assert_noop!(set(102, netuid, &[(2, 1)]), E::SettingWeightsTooFast);
        run_to_block(46);
        assert_ok!(set(102, netuid, &[(2, 1)]));
    });
}

#[test]
fn a_fresh_neuron_waits_for_the_rate_limit_too() {
    run(upstream(), || {
        let netuid = found_subnet(1);
        CommitRevealWeightsEnabled::<Test>::insert(netuid, false);
        run_to_block(2);
        join(netuid, 2);
        assert_noop!(set(102, netuid, &[(1, 1)]), E::SettingWeightsTooFast);
        run_to_block(102);
        assert_ok!(set(102, netuid, &[(1, 1)]));
    });
}

#[test]
fn with_commit_reveal_weights_are_not_set_in_the_open() {
    run(local(), || {
        let netuid = judged_subnet();
        CommitRevealWeightsEnabled::<Test>::insert(netuid, true);
        assert_noop!(set(102, netuid, &[(2, 1)]), E::CommitRevealEnabled);
    });
}

#[test]
fn each_mechanism_has_rows_and_limits_of_its_own() {
    run(local(), || {
        let netuid = judged_subnet();
        MechanismCountCurrent::<Test>::insert(netuid, MechId::new(2));
        WeightsSetRateLimit::<Test>::insert(netuid, 50);
        let set = |mechanism| {
            let mechanism = MechId::new(mechanism);
            Chain::set_mechanism_weights(signed(102), netuid, mechanism, vec![2], vec![1], 0)
        };
        assert_ok!(set(1));
        assert_noop!(set(1), E::SettingWeightsTooFast);
        let index = NetUidStorageIndex::of(netuid, MechId::new(1)).unwrap();
        assert_eq!(Weights::<Test>::get(index, 1), [(2, 65535)]);
        assert!(Weights::<Test>::get(NetUidStorageIndex::main(netuid), 1).is_empty());
    });
}
