//! Child keys: what is refused, when they take effect, what they keep, how many there may be.

use super::*;
use crate::coinbase::{ANNOUNCEMENTS_PER_EPOCH, PARENTS_MAX};
use frame_support::assert_noop;
use sp_runtime::PerU16;

fn announce(
    netuid: NetUid,
    who: u64,
    children: &[(u64, u64)],
) -> frame_support::dispatch::DispatchResult {
    Chain::set_children(signed(who), who + 100, netuid, children.to_vec())
}

#[test]
fn what_cannot_be_lent_is_refused() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        join(netuid, 3);
        let (one, half) = (u64::MAX, u64::MAX / 2);
        let refused = |children: &[(u64, u64)], error: Error<Test>| {
            assert_noop!(announce(netuid, 2, children), error);
        };
        refused(&[(one, 102)], Error::InvalidChild);
        refused(&[(half, 103), (1, 103)], Error::DuplicateChild);
        refused(&[(one, 103), (1, 101)], Error::ProportionOverflow);
        let many: Vec<(u64, u64)> = (0..6).map(|key| (1, 500 + key)).collect();
        refused(&many, Error::TooManyChildren);
        // Of several faults the first in the public order is told.
        refused(&[(1, 103); 6], Error::DuplicateChild);
        refused(&[many.as_slice(), &[(1, 102)]].concat(), Error::InvalidChild);
        StakeThreshold::<Test>::put(UNIT);
        refused(&[(one, 103)], Error::NotEnoughStakeToSetChildkeys);
        StakeThreshold::<Test>::put(0);
        assert_noop!(
            Chain::set_children(signed(3), 102, netuid, vec![(one, 103)]),
            Error::<Test>::NonAssociatedColdKey
        );
        // Whoever asks for a hotkey that nobody has is told the same.
        assert_noop!(
            Chain::set_children(signed(3), 999, netuid, vec![(one, 103)]),
            Error::<Test>::NonAssociatedColdKey
        );
        assert_noop!(
            announce(NetUid::ROOT, 2, &[(one, 103)]),
            Error::<Test>::RegistrationNotPermittedOnRootSubnet
        );
        Chain::replace_children(netuid, &103, vec![(half, 102)]);
        refused(&[(one, 103)], Error::ChildParentInconsistency);
    });
}

#[test]
fn children_count_after_the_cooldown_and_an_epoch() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        PendingChildKeyCooldown::<Test>::put(5);
        let announced = System::block_number();
        assert_ok!(announce(netuid, 2, &[(u64::MAX / 4, 101)]));
        while LastEpochBlock::<Test>::get(netuid) < announced + 5 {
            assert!(ChildKeys::<Test>::get(102, netuid).is_empty());
            next_block();
        }
        assert_eq!(ParentKeys::<Test>::get(101, netuid), [(u64::MAX / 4, 102)]);
        assert!(!PendingChildKeys::<Test>::contains_key(netuid, 102));
        assert_ok!(announce(netuid, 2, &[]));
        run_to_block(System::block_number() + 30);
        assert!(ParentKeys::<Test>::get(101, netuid).is_empty());
    });
}

#[test]
fn a_hotkey_waits_between_two_lists_for_a_subnet() {
    for (genesis, wait) in [(upstream(), 150), (local(), 15)] {
        run(genesis, || {
            let netuid = found_subnet(1);
            assert_ok!(announce(netuid, 1, &[]));
            let last = System::block_number();
            let told = TransactionKeyLastBlock::<Test>::get((101, netuid, 0));
            assert_eq!(told, last);
            let early = Error::<Test>::TxRateLimitExceeded;
            System::set_block_number(last + wait - 1);
            assert_noop!(announce(netuid, 1, &[(u64::MAX, 555)]), early);
            // It is the first thing that is looked at, and each hotkey and subnet has its own.
            let other = Chain::set_children(signed(9), 101, netuid, vec![]);
            assert_noop!(other, Error::<Test>::TxRateLimitExceeded);
            assert_noop!(announce(NetUid::new(9), 1, &[]), Error::<Test>::SubnetNotExists);
            assert_ok!(Chain::try_associate_hotkey(signed(1), 501));
            assert_ok!(Chain::set_children(signed(1), 501, netuid, vec![]));
            // What fails begins no wait.
            System::set_block_number(last + wait);
            assert_noop!(announce(netuid, 1, &[(1, 101)]), Error::<Test>::InvalidChild);
            assert_ok!(announce(netuid, 1, &[(u64::MAX, 555)]));
        });
    }
}

#[test]
fn on_a_subnet_that_has_not_started_they_count_at_once() {
    run(local(), || {
        assert_ok!(Chain::register_network(signed(1), 101));
        let netuid = NetUid::new(1);
        assert_ok!(announce(netuid, 1, &[(u64::MAX, 555)]));
        assert_eq!(ParentKeys::<Test>::get(555, netuid), [(u64::MAX, 101)]);
    });
}

#[test]
fn a_childs_take_rises_rarely_and_falls_freely() {
    let set =
        |parts| Chain::set_childkey_take(signed(1), 101, NetUid::new(1), PerU16::from_parts(parts));
    run(upstream(), || {
        let netuid = found_subnet(1);
        assert_noop!(set(11_797), Error::<Test>::InvalidChildkeyTake);
        assert_ok!(set(5_000));
        assert_noop!(set(5_001), Error::<Test>::TxChildkeyTakeRateLimitExceeded);
        assert_ok!(set(4_000));
        MinChildkeyTakePerSubnet::<Test>::insert(netuid, PerU16::from_parts(3_000));
        assert_noop!(set(2_999), Error::<Test>::InvalidChildkeyTake);
        System::set_block_number(216_000);
        assert_noop!(set(5_001), Error::<Test>::TxChildkeyTakeRateLimitExceeded);
        System::set_block_number(216_001);
        assert_ok!(set(5_001));
    });
    run(local(), || {
        found_subnet(1);
        assert_ok!(set(5_000));
        assert_ok!(set(5_001));
    });
}

#[test]
fn root_bounds_the_take_and_the_wait() {
    run(upstream(), || {
        let (netuid, take, root) = (found_subnet(1), PerU16::from_parts, RuntimeOrigin::root);
        let set = |parts| Chain::set_childkey_take(signed(1), 101, netuid, take(parts));
        assert_ok!(set(100));
        assert_ok!(Chain::sudo_set_min_childkey_take(root(), take(200)));
        assert_noop!(set(199), Error::<Test>::InvalidChildkeyTake);
        assert_eq!(Chain::childkey_take(&101, netuid), take(200), "whoever takes less takes it");
        assert_ok!(Chain::sudo_set_max_childkey_take(root(), take(300)));
        assert_noop!(set(301), Error::<Test>::InvalidChildkeyTake);
        assert_noop!(set(300), Error::<Test>::TxChildkeyTakeRateLimitExceeded);
        assert_ok!(Chain::sudo_set_tx_childkey_take_rate_limit(root(), 0));
        assert_ok!(set(300));
        let bad = sp_runtime::DispatchError::BadOrigin;
        assert_noop!(Chain::sudo_set_min_childkey_take(signed(1), take(0)), bad);
        assert_noop!(Chain::sudo_set_max_childkey_take(signed(1), take(0)), bad);
        assert_noop!(Chain::sudo_set_tx_childkey_take_rate_limit(signed(1), 0), bad);
        let told: Vec<Event<Test>> = vec![
            Event::MinChildKeyTakeSet(take(200)),
            Event::MaxChildKeyTakeSet(take(300)),
            Event::TxChildKeyTakeRateLimitSet(0),
        ];
        told.into_iter().for_each(|event| System::assert_has_event(event.into()));
    });
}

#[test]
fn two_that_announced_each_other_do_not_both_lend() {
    run(local(), || {
        let netuid = found_subnet(1);
        PendingChildKeyCooldown::<Test>::put(0);
        join(netuid, 2);
        join(netuid, 3);
        assert_ok!(announce(netuid, 2, &[(u64::MAX, 103)]));
        assert_ok!(announce(netuid, 3, &[(u64::MAX, 102)]));
        run_to_epoch(netuid);
        let lending = [102, 103].map(|hotkey| ChildKeys::<Test>::get(hotkey, netuid).len());
        assert_eq!(lending.iter().sum::<usize>(), 1, "{lending:?}");
        assert_eq!(PendingChildKeys::<Test>::iter_prefix(netuid).count(), 0);
    });
}

#[test]
fn what_is_borrowed_cannot_be_lent_on() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        join(netuid, 3);
        stake(netuid, 2, 102, 100 * UNIT);
        StakeThreshold::<Test>::put(UNIT);
        Chain::replace_children(netuid, &102, vec![(u64::MAX, 103)]);
        assert!(Chain::stake_weight_of(&103, netuid) > UNIT);
        assert_noop!(
            announce(netuid, 3, &[(u64::MAX, 101)]),
            Error::<Test>::NotEnoughStakeToSetChildkeys
        );
    });
}

#[test]
fn a_key_has_so_many_parents_and_the_greatest_of_them() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        let lender = |number: u64| 1_000 + number;
        let count = PARENTS_MAX as u64;
        for number in 0..count + 2 {
            assert_ok!(Chain::try_associate_hotkey(signed(9), lender(number)));
            let hotkey = lender(number);
            // The first lends least.
            stake(netuid, 9, hotkey, (number + 1) * UNIT);
        }
        let lend = |number: u64| {
            Chain::replace_children(netuid, &lender(number), vec![(u64::MAX, 102), (0, 101)]);
            check();
        };
        (1..=count).for_each(lend);
        assert_eq!(ParentKeys::<Test>::get(102, netuid).len(), PARENTS_MAX);
        // Too little: the relation with the other child is made all the same.
        lend(0);
        assert_eq!(ChildKeys::<Test>::get(lender(0), netuid), []);
        assert_eq!(ParentKeys::<Test>::get(102, netuid).len(), PARENTS_MAX);
        // More than the least, which goes, and is told.
        lend(count + 1);
        let parents = ParentKeys::<Test>::get(102, netuid);
        assert_eq!(parents.len(), PARENTS_MAX);
        assert!(parents.contains(&(u64::MAX, lender(count + 1))));
        assert_eq!(ChildKeys::<Test>::get(lender(1), netuid), [(0, 101)]);
        System::assert_has_event(Event::SetChildren(lender(1), netuid, vec![(0, 101)]).into());
    });
}

#[test]
fn an_epoch_looks_at_so_many_announcements_and_the_next_at_the_rest() {
    run(local(), || {
        let netuid = found_subnet(1);
        let count = ANNOUNCEMENTS_PER_EPOCH + ANNOUNCEMENTS_PER_EPOCH / 2;
        for number in 0..count as u64 {
            // Every other is not due yet, and keeps nobody else waiting.
            let from = if number % 2 == 0 { 0 } else { u64::MAX };
            PendingChildKeys::<Test>::insert(netuid, 5_000 + number, (vec![(1, number)], from));
        }
        let waiting = || {
            PendingChildKeys::<Test>::iter_prefix_values(netuid)
                .filter(|(_, from)| *from == 0)
                .count()
        };
        run_to_epoch(netuid);
        assert!(waiting() > 0 && waiting() < count / 2);
        run_to_epoch(netuid);
        assert_eq!(waiting(), 0);
        assert_eq!(PendingChildKeysCursor::<Test>::get(netuid), None);
        run_to_epoch(netuid);
        assert!(PendingChildKeysCursor::<Test>::get(netuid).is_none());
        assert_eq!(PendingChildKeys::<Test>::iter_prefix(netuid).count(), count / 2);
    });
}
