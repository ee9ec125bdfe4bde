//! Voting power: who has it, how it moves, when it ends.

use super::*;
use crate::epoch::DISABLE_AFTER;
use assay_arithmetic::voting::{moved, ALPHA_ONE};
use frame_support::assert_noop;
use sp_runtime::DispatchError;

/// A started subnet of coldkey 1 with one more neuron, of coldkey 2, that has stake.
fn tracked() -> NetUid {
    let netuid = found_subnet(1);
    join(netuid, 2);
    stake(netuid, 2, 102, 50 * UNIT);
    assert_ok!(Chain::enable_voting_power_tracking(signed(1), netuid));
    assert_ok!(Chain::sudo_set_voting_power_ema_alpha(
        RuntimeOrigin::root(),
        netuid,
        ALPHA_ONE / 10
    ));
    netuid
}

fn power(netuid: NetUid, hotkey: u64) -> u64 {
    VotingPower::<Test>::get(netuid, hotkey)
}

#[test]
fn who_may_have_it_tracked_and_what_is_refused() {
    run(local(), || {
        let netuid = found_subnet(1);
        let (root, nowhere) = (RuntimeOrigin::root(), NetUid::new(9));
        let not_tracked = Error::<Test>::VotingPowerTrackingNotEnabled;
        assert_noop!(Chain::disable_voting_power_tracking(signed(1), netuid), not_tracked);
        for origin in [signed(1), root.clone()] {
            assert_ok!(Chain::enable_voting_power_tracking(origin.clone(), netuid));
            assert_ok!(Chain::disable_voting_power_tracking(origin, netuid));
        }
        let bad = DispatchError::BadOrigin;
        assert_noop!(Chain::enable_voting_power_tracking(signed(2), netuid), bad);
        assert_noop!(Chain::disable_voting_power_tracking(signed(2), netuid), bad);
        assert_noop!(Chain::sudo_set_voting_power_ema_alpha(signed(1), netuid, 1), bad);
        let set = |netuid, alpha| {
            Chain::sudo_set_voting_power_ema_alpha(RuntimeOrigin::root(), netuid, alpha)
        };
        assert_ok!(set(netuid, ALPHA_ONE));
        assert_noop!(set(netuid, ALPHA_ONE + 1), Error::<Test>::InvalidVotingPowerEmaAlpha);
        let missing = || Error::<Test>::SubnetNotExists;
        assert_noop!(set(nowhere, 1), missing());
        assert_noop!(Chain::enable_voting_power_tracking(root.clone(), nowhere), missing());
        assert_noop!(Chain::disable_voting_power_tracking(root, nowhere), missing());
    });
}

#[test]
fn it_follows_the_stake_of_those_with_permits() {
    run(local(), || {
        let netuid = tracked();
        let staked = Chain::stake_weight_of(&102, netuid);
        run_to_epoch(netuid);
        let first = power(netuid, 102);
        assert_eq!(first, staked / 10);
        assert_eq!(power(netuid, 101), 0, "the owner has no stake and no permit");
        let counted = Chain::stake_weight_of(&102, netuid);
        run_to_epoch(netuid);
        let second = power(netuid, 102);
        // The epoch saw the stake from before it paid.
        assert_eq!(second, moved(first, counted, ALPHA_ONE / 10));
        // By now the owner has stake as well, of its cut.
        let all = second + power(netuid, 101);
        assert_eq!(TotalVotingPower::<Test>::get(netuid), all);

        // A new threshold takes it from who has had more than that, and from nobody else.
        StakeThreshold::<Test>::put(second);
        VotingPowerEmaAlpha::<Test>::insert(netuid, 0);
        run_to_epoch(netuid);
        assert_eq!(power(netuid, 102), second);
        StakeThreshold::<Test>::put(second + 1);
        run_to_epoch(netuid);
        assert_eq!(power(netuid, 102), second, "it never had as much");
        MaxAllowedValidators::<Test>::insert(netuid, 0);
        run_to_epoch(netuid);
        assert_eq!(power(netuid, 102), 0, "without a permit");
        assert_eq!(TotalVotingPower::<Test>::get(netuid), power(netuid, 101));
    });
}

/// With consensus nobody has a permit below the threshold; the leader without it may.
#[test]
fn who_falls_below_the_threshold_loses_it_and_begins_anew() {
    run(local(), || {
        let netuid = tracked();
        stake(netuid, 1, 101, 80 * UNIT);
        SubnetEpochConsensus::<Test>::insert(netuid, EpochConsensus::Null);
        VotingPowerEmaAlpha::<Test>::insert(netuid, ALPHA_ONE);
        run_to_epoch(netuid);
        let full = power(netuid, 101);
        assert!(full > 0);
        assert_eq!(power(netuid, 102), 0, "it does not lead");
        StakeThreshold::<Test>::put(1_000 * UNIT);
        run_to_epoch(netuid);
        assert!(power(netuid, 101) >= full, "it has never had so much");
        Chain::put_voting_power(netuid, &101, 1_000 * UNIT);
        run_to_epoch(netuid);
        assert_eq!(power(netuid, 101), 0);
        run_to_epoch(netuid);
        assert!(power(netuid, 101) > 0);
    });
}

#[test]
fn it_ends_with_the_first_epoch_after_its_grace_and_may_be_kept() {
    run(local(), || {
        let netuid = tracked();
        run_to_epoch(netuid);
        let ordered = System::block_number();
        assert_ok!(Chain::disable_voting_power_tracking(signed(1), netuid));
        let end = VotingPowerDisableAtBlock::<Test>::get(netuid);
        assert_eq!(end, ordered + DISABLE_AFTER);
        run_to_epoch(netuid);
        assert!(power(netuid, 102) > 0, "in its grace it goes on");
        assert_ok!(Chain::enable_voting_power_tracking(signed(1), netuid));
        assert_eq!(VotingPowerDisableAtBlock::<Test>::get(netuid), 0);

        assert_ok!(Chain::disable_voting_power_tracking(signed(1), netuid));
        System::set_block_number(end + 1_000);
        run_to_epoch(netuid);
        assert!(!VotingPowerTrackingEnabled::<Test>::get(netuid));
        assert_eq!((power(netuid, 102), TotalVotingPower::<Test>::get(netuid)), (0, 0));
        System::assert_has_event(Event::VotingPowerTrackingDisabled { netuid }.into());
    });
}

#[test]
fn it_goes_with_a_swap_and_not_to_who_takes_the_slot() {
    run(local(), || {
        let netuid = tracked();
        run_to_epoch(netuid);
        let before = power(netuid, 102);
        assert_ok!(Chain::swap_hotkey(signed(2), 102, 502, Some(netuid)));
        assert_eq!((power(netuid, 102), power(netuid, 502)), (0, before));
        check();
        Chain::replace_neuron(netuid, 1, &777);
        assert_eq!((power(netuid, 502), power(netuid, 777)), (0, 0));
        assert_eq!(TotalVotingPower::<Test>::get(netuid), 0);
        assert_ok!(Chain::try_associate_hotkey(signed(7), 777));
        assert_ok!(Chain::root_dissolve_network(RuntimeOrigin::root(), netuid));
        assert!(!VotingPowerTrackingEnabled::<Test>::contains_key(netuid));
    });
}
