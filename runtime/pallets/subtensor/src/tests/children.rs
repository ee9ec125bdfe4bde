//! Child keys: what is refused, when they take effect, what they keep.

use super::*;
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
        StakeThreshold::<Test>::put(UNIT);
        refused(&[(one, 103)], Error::NotEnoughStakeToSetChildkeys);
        StakeThreshold::<Test>::put(0);
        assert_noop!(
            Chain::set_children(signed(3), 102, netuid, vec![(one, 103)]),
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
    run(local(), || {
        let netuid = found_subnet(1);
        let set =
            |parts| Chain::set_childkey_take(signed(1), 101, netuid, PerU16::from_parts(parts));
        assert_noop!(set(11_797), Error::<Test>::InvalidChildkeyTake);
        assert_ok!(set(5_000));
        assert_noop!(set(5_001), Error::<Test>::TxChildkeyTakeRateLimitExceeded);
        assert_ok!(set(4_000));
        MinChildkeyTakePerSubnet::<Test>::insert(netuid, PerU16::from_parts(3_000));
        assert_noop!(set(2_999), Error::<Test>::InvalidChildkeyTake);
    });
}
