//! Locks: what they bind, how they decay, what conviction they give, and what follows them.

use super::*;
use substrate_fixed::types::U64F64;

const SUBNET: NetUid = NetUid::new(1);

/// A subnet of coldkey 1 with hotkey 101; coldkeys 2 and 3 have staked behind it, and 103 is of 3.
fn staked() {
    assert_ok!(Chain::register_network(signed(1), 101));
    assert_ok!(Chain::start_call(signed(1), SUBNET));
    assert_ok!(Chain::try_associate_hotkey(signed(3), 103));
    assert_ok!(Chain::try_associate_hotkey(signed(4), 104));
    for who in [2, 3] {
        assert_ok!(Chain::add_stake(signed(who), 101, SUBNET, Tao::new(1_000 * UNIT)));
    }
}

fn of(who: u64) -> AlphaBalance {
    Chain::alpha_of_coldkey(&who, SUBNET)
}

fn locked(who: u64) -> u64 {
    Chain::coldkey_lock(&who, SUBNET).map_or(0, |lock| lock.locked_mass.rao())
}

/// Conviction in whole rao.
fn convinced(hotkey: u64) -> u64 {
    Chain::hotkey_conviction(&hotkey, SUBNET).to_num()
}

/// So many blocks, without what happens in them.
fn later(blocks: u64) {
    System::set_block_number(System::block_number() + blocks);
}

#[test]
fn what_is_locked_stays_and_the_rest_may_go() {
    run(local(), || {
        staked();
        let all = of(2).rao();
        let amount = AlphaBalance::new(all / 2);
        assert_ok!(Chain::lock_stake(signed(2), 103, SUBNET, amount));
        System::assert_last_event(
            Event::StakeLocked { coldkey: 2, hotkey: 103, netuid: SUBNET, amount }.into(),
        );
        assert!(LockingColdkeys::<Test>::contains_key((SUBNET, 103, 2)));
        let leave = |alpha: u64| Chain::remove_stake(signed(2), 101, SUBNET, alpha.into());
        assert_noop!(leave(all - all / 2 + 1), Error::<Test>::StakeUnavailable);
        let elsewhere = Chain::swap_stake(signed(2), 101, SUBNET, NetUid::ROOT, all.into());
        assert_noop!(elsewhere, Error::<Test>::StakeUnavailable);
        assert_noop!(
            Chain::burn_alpha(signed(2), 101, of(2), SUBNET),
            Error::<Test>::StakeUnavailable
        );
        // Behind another hotkey of the same subnet is still on the subnet.
        assert_ok!(Chain::move_stake(signed(2), 101, 103, SUBNET, SUBNET, (all / 4).into()));
        let free = Chain::stake_availability(vec![2], None)[&2][&SUBNET].clone();
        assert_eq!((free.locked.0, free.total.0), (amount, of(2)));
        assert_ok!(leave(free.available.0.rao()));
        assert_ok!(Chain::unstake_all(signed(2), 101));
        assert!(of(2).rao() + 2 >= all / 2, "shares round down");
        assert_ok!(Chain::remove_stake(signed(3), 101, SUBNET, of(3)));
    });
}

#[test]
fn no_more_is_locked_than_is_there_and_behind_one_hotkey_alone() {
    run(local(), || {
        staked();
        let all = of(2);
        let lock =
            |hotkey, alpha: AlphaBalance| Chain::lock_stake(signed(2), hotkey, SUBNET, alpha);
        assert_noop!(lock(101, Alpha::ZERO), Error::<Test>::AmountTooLow);
        assert_noop!(lock(999, all), Error::<Test>::HotKeyAccountNotExists);
        assert_noop!(
            Chain::lock_stake(signed(2), 101, NetUid::new(7), all),
            Error::<Test>::SubnetNotExists
        );
        let beyond = AlphaBalance::new(all.rao() + 1);
        assert_noop!(lock(101, beyond), Error::<Test>::InsufficientStakeForLock);
        assert_ok!(lock(101, AlphaBalance::new(all.rao() - 1)));
        assert_noop!(lock(103, AlphaBalance::new(1)), Error::<Test>::LockHotkeyMismatch);
        assert_noop!(lock(101, AlphaBalance::new(2)), Error::<Test>::InsufficientStakeForLock);
        assert_ok!(lock(101, AlphaBalance::new(1)));
        assert_eq!(locked(2), all.rao());
    });
}

#[test]
fn a_lock_decays_and_a_perpetual_one_does_not() {
    run(local(), || {
        staked();
        UnlockRate::<Test>::put(1_000);
        MaturityRate::<Test>::put(1_000);
        let amount = AlphaBalance::new(100 * UNIT);
        for who in [2, 3] {
            assert_ok!(Chain::lock_stake(signed(who), 103, SUBNET, amount));
        }
        assert_ok!(Chain::set_perpetual_lock(signed(3), SUBNET, true));
        assert_eq!(HotkeyLock::<Test>::get(SUBNET, 103).unwrap().locked_mass, amount);
        assert_eq!(DecayingHotkeyLock::<Test>::get(SUBNET, 103).unwrap().locked_mass, amount);
        later(1_000);
        // e^-1 is left of one; conviction is that, and of the other the rest.
        let part = (100.0 * UNIT as f64 / core::f64::consts::E) as u64;
        assert!(locked(2).abs_diff(part) <= 2);
        assert_eq!(locked(3), amount.rao());
        assert!(convinced(103).abs_diff(100 * UNIT) <= 4);
        assert_eq!(Chain::most_convicted_hotkey(SUBNET), Some(103));
        // It begins to decay only now.
        assert_ok!(Chain::set_perpetual_lock(signed(3), SUBNET, false));
        assert!(!HotkeyLock::<Test>::contains_key(SUBNET, 103));
        later(1_000);
        assert!(locked(3).abs_diff(part) <= 2);
        // What is left of it in the end does not stand in the way of another.
        later(50_000);
        assert_ok!(Chain::lock_stake(signed(3), 104, SUBNET, amount));
        assert!(!Lock::<Test>::contains_key((3, SUBNET, 103)));
        assert_eq!(Chain::hotkey_conviction(&103, SUBNET), U64F64::from_num(0));
        System::set_block_number(1);
        Lock::<Test>::remove((3, SUBNET, 104)); // of a block to come
        LockingColdkeys::<Test>::remove((SUBNET, 104, 3));
        DecayingHotkeyLock::<Test>::remove(SUBNET, 104);
        let _ = Lock::<Test>::clear(9, None);
        let _ = LockingColdkeys::<Test>::clear(9, None);
        let _ = DecayingHotkeyLock::<Test>::clear(9, None);
    });
}

#[test]
fn conviction_moves_with_a_lock_only_inside_one_coldkey() {
    run(local(), || {
        staked();
        assert_ok!(Chain::try_associate_hotkey(signed(3), 113));
        UnlockRate::<Test>::put(1_000);
        MaturityRate::<Test>::put(1_000);
        assert_noop!(Chain::move_lock(signed(2), 103, SUBNET), Error::<Test>::NoExistingLock);
        assert_ok!(Chain::lock_stake(signed(2), 103, SUBNET, (100 * UNIT).into()));
        for _ in 0..30 {
            next_block();
        }
        let before = convinced(103);
        assert!(before > UNIT);
        assert_ok!(Chain::move_lock(signed(2), 113, SUBNET));
        assert!(convinced(113).abs_diff(before) <= 1 && convinced(103) == 0);
        let mass = locked(2);
        assert_ok!(Chain::move_lock(signed(2), 104, SUBNET));
        assert_eq!((convinced(104), convinced(113), locked(2)), (0, 0, mass));
        System::assert_last_event(
            Event::LockMoved {
                coldkey: 2,
                origin_hotkey: 113,
                destination_hotkey: 104,
                netuid: SUBNET,
            }
            .into(),
        );
        assert_noop!(
            Chain::move_lock(signed(2), 999, SUBNET),
            Error::<Test>::HotKeyAccountNotExists
        );
    });
}

#[test]
fn the_owners_hotkey_has_all_conviction_at_once_and_another_gets_it() {
    run(local(), || {
        staked();
        assert_ok!(Chain::lock_stake(signed(2), 101, SUBNET, (100 * UNIT).into()));
        assert_ok!(Chain::lock_stake(signed(3), 103, SUBNET, (50 * UNIT).into()));
        assert_eq!((convinced(101), convinced(103)), (100 * UNIT, 0));
        assert_eq!(DecayingOwnerLock::<Test>::get(SUBNET).unwrap().locked_mass.rao(), 100 * UNIT);
        assert_eq!(Chain::most_convicted_hotkey(SUBNET), Some(101));
        Chain::set_owner_hotkey(SUBNET, &103);
        assert_eq!((convinced(101), convinced(103)), (100 * UNIT, 50 * UNIT));
        assert_eq!(DecayingOwnerLock::<Test>::get(SUBNET).unwrap().locked_mass.rao(), 50 * UNIT);
        Chain::set_owner_hotkey(SUBNET, &103);
        assert_eq!((convinced(101), convinced(103)), (100 * UNIT, 50 * UNIT));
    });
}

#[test]
fn locked_stake_goes_only_to_who_takes_it() {
    run(local(), || {
        staked();
        let all = of(2).rao();
        assert_ok!(Chain::lock_stake(signed(2), 101, SUBNET, (all / 2).into()));
        let give = |alpha: u64| {
            Chain::transfer_stake(signed(2), 3, 101, SUBNET, SUBNET, AlphaBalance::new(alpha))
        };
        assert_ok!(give(all / 4));
        assert_eq!(locked(3), 0);
        assert_noop!(give(all / 2), Error::<Test>::AccountRejectsLockedAlpha);
        assert_ok!(Chain::set_reject_locked_alpha(signed(3), false));
        assert_ok!(give(all / 2));
        let (left, got) = (locked(2), locked(3));
        assert!((left + got).abs_diff(all / 2) <= 1 && got.abs_diff(all / 4) <= 4, "{left} {got}");
        assert_eq!(convinced(101), left + got);
        // Behind another hotkey than the receiver's lock is it does not go.
        assert_ok!(Chain::move_lock(signed(3), 103, SUBNET));
        assert_noop!(give(all / 4), Error::<Test>::LockHotkeyMismatch);
        assert_ok!(Chain::set_reject_locked_alpha(signed(3), true));
        assert!(!AccountFlags::<Test>::contains_key(3));
    });
}

#[test]
fn the_owners_cut_is_locked_where_the_subnet_is_set_so() {
    run(local(), || {
        staked();
        OwnerCutAutoLockEnabled::<Test>::insert(SUBNET, true);
        run_to_block(50);
        let cut = of(1).rao();
        assert!(cut > 0 && locked(1) > 0 && locked(1) <= cut);
        assert_ok!(Chain::lock_stake(signed(2), 101, SUBNET, UNIT.into()));
        assert_ok!(Chain::dissolve(SUBNET));
        assert_eq!(Lock::<Test>::iter().count() + LockingColdkeys::<Test>::iter().count(), 0);
        assert!(!DecayingOwnerLock::<Test>::contains_key(SUBNET));
    });
}
