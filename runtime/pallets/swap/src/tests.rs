//! Who may set a pool's fee, and to what.

use frame_support::{assert_noop, assert_ok};
use pallet_subtensor::NetUid;
use sp_runtime::DispatchError::BadOrigin;

use crate::{mock::*, Error, Event, FeeRate, DEFAULT_FEE_RATE, MAX_FEE_RATE};

const SUBNET: NetUid = NetUid::new(1);

#[test]
fn root_sets_the_fee_up_to_the_limit() {
    new_test_ext().execute_with(|| {
        assert_eq!(FeeRate::<Test>::get(SUBNET), DEFAULT_FEE_RATE);
        assert_ok!(Swap::set_fee_rate(RuntimeOrigin::root(), SUBNET, MAX_FEE_RATE));
        assert_eq!(FeeRate::<Test>::get(SUBNET), MAX_FEE_RATE);
        assert_eq!(FeeRate::<Test>::get(NetUid::new(2)), DEFAULT_FEE_RATE);
        System::assert_last_event(Event::FeeRateSet { netuid: SUBNET, rate: MAX_FEE_RATE }.into());
        assert_noop!(
            Swap::set_fee_rate(RuntimeOrigin::root(), SUBNET, MAX_FEE_RATE + 1),
            Error::<Test>::FeeRateTooHigh
        );
    });
}

#[test]
fn nobody_else_sets_it_and_only_where_there_is_a_pool() {
    new_test_ext().execute_with(|| {
        assert_noop!(Swap::set_fee_rate(RuntimeOrigin::signed(1), SUBNET, 1), BadOrigin);
        assert_noop!(
            Swap::set_fee_rate(RuntimeOrigin::root(), NetUid::new(2), 1),
            Error::<Test>::MechanismDoesNotExist
        );
    });
}
