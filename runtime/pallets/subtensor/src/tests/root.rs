//! Alpha earned by stake on root: by time, to nobody else, and claimed once.

use super::*;

/// A subnet dear enough that root's alpha is kept (the sum of moving prices is above one), with a
/// validator that is on root.
fn with_root() -> NetUid {
    let netuid = found_subnet(1);
    MaxRegistrationsPerBlock::<Test>::insert(netuid, 8);
    join(netuid, 3);
    assert_ok!(Chain::root_register(signed(3), 103));
    stake(netuid, 3, 103, 50 * UNIT);
    stake(NetUid::ROOT, 3, 103, 1_000 * UNIT);
    SubnetMovingPrice::<Test>::insert(netuid, substrate_fixed::types::I96F32::from_num(2));
    netuid
}

fn owed(netuid: NetUid, who: u64) -> u64 {
    Chain::root_alpha_owed(netuid, &103, &who).rao()
}

#[test]
fn root_stake_earns_alpha_and_claims_it_once() {
    run(local(), || {
        let netuid = with_root();
        stake(NetUid::ROOT, 9, 103, 3_000 * UNIT);
        run_to_epoch(netuid);
        run_to_epoch(netuid);
        let (own, nominated) = (owed(netuid, 3), owed(netuid, 9));
        assert!(own > 0 && nominated.abs_diff(3 * own) <= 3, "{own} {nominated}");
        let unclaimed = RootAlphaUnclaimed::<Test>::get(netuid).rao();
        assert!(own + nominated <= unclaimed && unclaimed - own - nominated <= 4);

        let claimed = Chain::claim_root_alpha(netuid, &103, &9).unwrap();
        assert_eq!(claimed.rao(), nominated);
        // A share is worth up to one rao less than was paid for it.
        assert!(nominated - staked(netuid, 9, 103) <= 1);
        assert_eq!(Chain::claim_root_alpha(netuid, &103, &9), Ok(AlphaBalance::ZERO));
        assert_eq!(owed(netuid, 3), own, "the other's claim is untouched");
    });
}

#[test]
fn new_root_stake_earns_nothing_of_the_past_and_leaving_forfeits_nothing() {
    run(local(), || {
        let netuid = with_root();
        run_to_epoch(netuid);
        run_to_epoch(netuid);
        let before = owed(netuid, 3);
        assert!(before > 0);
        stake(NetUid::ROOT, 9, 103, 50_000 * UNIT);
        assert_eq!(owed(netuid, 9), 0);
        assert_eq!(owed(netuid, 3), before);

        let all = AlphaBalance::new(staked(NetUid::ROOT, 3, 103));
        let staked_before = staked(netuid, 3, 103);
        assert_ok!(Chain::remove_stake(signed(3), 103, NetUid::ROOT, all));
        assert_eq!(owed(netuid, 3), 0);
        assert_eq!(staked(netuid, 3, 103) - staked_before, before, "paid out on leaving");
    });
}

#[test]
fn an_interval_has_so_many_registrations() {
    run(upstream(), || {
        let full = || Error::<Test>::TooManyRegistrationsThisInterval;
        let seat = |hotkey: u64| Chain::root_register(signed(1), hotkey);
        for hotkey in 500..503 {
            assert_ok!(seat(hotkey));
            next_block();
        }
        frame_support::assert_noop!(seat(503), full());
        run_to_block(99);
        frame_support::assert_noop!(seat(503), full());
        next_block();
        assert_eq!(RegistrationsThisInterval::<Test>::get(NetUid::ROOT), 0);
        assert_ok!(seat(503));
        // From then on each block is an interval of its own.
        MaxRegistrationsPerBlock::<Test>::insert(NetUid::ROOT, 8);
        assert_ok!(seat(504));
        assert_ok!(seat(505));
        frame_support::assert_noop!(seat(506), full());
        next_block();
        TargetRegistrationsPerInterval::<Test>::insert(NetUid::ROOT, 0);
        frame_support::assert_noop!(seat(506), full());
    });
}

#[test]
fn a_cheap_market_keeps_nothing_for_root() {
    run(local(), || {
        let netuid = with_root();
        SubnetMovingPrice::<Test>::insert(netuid, substrate_fixed::types::I96F32::from_bits(1));
        run_to_epoch(netuid);
        run_to_epoch(netuid);
        assert_eq!(RootAlphaUnclaimed::<Test>::get(netuid).rao(), 0);
        assert_eq!(owed(netuid, 3), 0);
    });
}

#[test]
fn a_dissolved_subnet_owes_nothing() {
    run(local(), || {
        let netuid = with_root();
        run_to_epoch(netuid);
        run_to_epoch(netuid);
        assert!(owed(netuid, 3) > 0);
        assert_ok!(Chain::dissolve(netuid));
        assert_eq!(owed(netuid, 3), 0);
        assert_eq!(RootAlphaUnclaimed::<Test>::get(netuid).rao(), 0);
        assert!(!RootClaimable::<Test>::get(103).contains_key(&netuid));
    });
}

#[test]
fn claiming_turns_alpha_into_root_stake() {
    run(local(), || {
        let netuid = with_root();
        stake(NetUid::ROOT, 9, 103, 3_000 * UNIT);
        run_to_epoch(netuid);
        run_to_epoch(netuid);
        let before = [staked(NetUid::ROOT, 9, 103), staked(NetUid::ROOT, 3, 103)];
        let expected = Chain::quote_sell(netuid, owed(netuid, 9).into()).unwrap().tao_amount.rao();
        assert_ok!(Chain::claim_root_with_hotkey(signed(9), 103));
        let gained = staked(NetUid::ROOT, 9, 103) - before[0];
        assert!(gained.abs_diff(expected) <= 1, "{gained} {expected}");
        assert_eq!(owed(netuid, 9), 0);
        assert_eq!(staked(netuid, 9, 103), 0, "nothing is left as alpha");
        System::assert_last_event(
            Event::RootClaimed { coldkey: 9, tao: Tao::new(expected) }.into(),
        );

        assert_ok!(Chain::claim_root(signed(3), [NetUid::ROOT].into()));
        assert!(staked(NetUid::ROOT, 3, 103) > before[1]);
        check();
    });
}

#[test]
fn small_claims_wait() {
    run(local(), || {
        let netuid = with_root();
        run_to_epoch(netuid);
        run_to_epoch(netuid);
        let amount = owed(netuid, 3);
        let threshold = substrate_fixed::types::I96F32::from_num(amount + 1);
        RootClaimableThreshold::<Test>::insert(netuid, threshold);
        assert_ok!(Chain::claim_root_with_hotkey(signed(3), 103));
        assert_eq!(owed(netuid, 3), amount);
    });
}

#[test]
fn claims_below_the_threshold_wait() {
    run(local(), || {
        let netuid = with_root();
        run_to_epoch(netuid);
        run_to_epoch(netuid);
        let set = |origin, netuid, rao| Chain::sudo_set_root_claim_threshold(origin, netuid, rao);
        let error = Error::<Test>::InvalidRootClaimThreshold;
        frame_support::assert_noop!(set(signed(1), netuid, 10_000_001), error);
        let missing = Error::<Test>::SubnetNotExists;
        frame_support::assert_noop!(set(RuntimeOrigin::root(), NetUid::new(9), 1), missing);
        let bad = sp_runtime::DispatchError::BadOrigin;
        frame_support::assert_noop!(set(signed(2), netuid, 1), bad);
        let has = owed(netuid, 3);
        assert!(has > 1, "{has}");
        // What is owed is made one rao more than is asked for, then as much.
        let fewer = has - 5_000_000;
        RootClaimed::<Test>::mutate((netuid, 103, 3), |had| *had += u128::from(fewer));
        RootAlphaUnclaimed::<Test>::mutate(netuid, |all| *all = all.minus(fewer.into()).unwrap());
        SubnetProtocolAlpha::<Test>::mutate(netuid, |all| *all = all.plus(fewer.into()).unwrap());
        assert_ok!(set(signed(1), netuid, 5_000_001));
        assert_ok!(Chain::claim_root_with_hotkey(signed(3), 103));
        assert_eq!(owed(netuid, 3), 5_000_000, "it waits");
        assert_ok!(set(RuntimeOrigin::root(), netuid, 5_000_000));
        assert_ok!(Chain::claim_root_with_hotkey(signed(3), 103));
        assert_eq!(owed(netuid, 3), 0);
    });
}
