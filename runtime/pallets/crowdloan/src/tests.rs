//! Crowdloans from beginning to end, each refusal, and money counted after every test.

// A test is there to panic.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo};
use sp_runtime::{DispatchError, DispatchResult};

type E = Error<Test>;

fn signed(who: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

fn create(call: Option<RuntimeCall>, target: Option<u64>) -> DispatchResult {
    Crowdloan::create(signed(1), 10 * UNIT, UNIT, 100 * UNIT, 101, call.map(Box::new), target)
}

fn contribute(who: u64, amount: u64) -> DispatchResult {
    Crowdloan::contribute(signed(who), 0, amount)
}

fn refund(who: u64) -> DispatchResult {
    Crowdloan::refund(signed(who), 0).map(|_| ()).map_err(|failed| failed.error)
}

fn free(who: u64) -> u64 {
    Balances::free_balance(who)
}

fn raised() -> u64 {
    Crowdloans::<Test>::get(0).unwrap().raised
}

/// The first crowdloan, of account 1, for account 9, with its cap reached by 2 and 3.
fn full(call: Option<RuntimeCall>) {
    let target = call.is_none().then_some(9);
    assert_ok!(create(call, target));
    assert_ok!(contribute(2, 50 * UNIT));
    assert_ok!(contribute(3, 60 * UNIT));
    assert_eq!((raised(), free(3)), (100 * UNIT, WEALTH - 40 * UNIT), "no more than the cap");
}

#[test]
fn what_is_raised_is_paid_out_once() {
    run(|| {
        full(None);
        assert_noop!(contribute(4, UNIT), E::CapRaised);
        assert_noop!(Crowdloan::finalize(signed(2), 0), E::InvalidOrigin);
        assert_ok!(Crowdloan::finalize(signed(1), 0));
        assert_eq!(free(9), WEALTH + 100 * UNIT);
        assert_eq!(free(Crowdloan::funds_account(0)), 0);
        assert_noop!(Crowdloan::finalize(signed(1), 0), E::AlreadyFinalized);
        assert_noop!(Crowdloan::withdraw(signed(2), 0), E::AlreadyFinalized);
        assert_noop!(refund(1), E::AlreadyFinalized);
        assert_noop!(Crowdloan::dissolve(signed(1), 0), E::AlreadyFinalized);
        assert_noop!(Crowdloan::update_cap(signed(1), 0, 200 * UNIT), E::AlreadyFinalized);
    });
}

#[test]
fn a_call_spends_what_was_raised_in_the_creators_name() {
    run(|| {
        full(Some(spender::Call::spend { to: 8, amount: 100 * UNIT }.into()));
        // Somebody sends money there: it is not part of what was raised.
        let account = Crowdloan::funds_account(0);
        assert_ok!(Balances::transfer_keep_alive(signed(7), account, UNIT));
        let bare = crate::Call::<Test>::finalize { crowdloan_id: 99 }.get_dispatch_info();
        let weighed = crate::Call::<Test>::finalize { crowdloan_id: 0 }.get_dispatch_info();
        assert!(weighed.call_weight.all_gte(bare.call_weight));
        assert_ok!(Crowdloan::finalize(signed(1), 0));
        assert_eq!((free(8), free(account)), (WEALTH + 100 * UNIT, UNIT));
        assert!(!CurrentCrowdloanId::<Test>::exists());
        assert_noop!(spender::Pallet::<Test>::spend(signed(1), 8, 1), "no crowdloan asks");
    });
}

#[test]
fn a_call_that_fails_or_leaves_money_finalizes_nothing() {
    run(|| {
        full(Some(spender::Call::spend { to: 8, amount: 99 * UNIT }.into()));
        assert_noop!(Crowdloan::finalize(signed(1), 0), E::FundsNotSettled);
        assert_ok!(Crowdloan::withdraw(signed(2), 0));
        assert_eq!(free(2), WEALTH);
    });
    run(|| {
        full(Some(frame_system::Call::set_code { code: vec![] }.into()));
        assert_noop!(Crowdloan::finalize(signed(1), 0), DispatchError::BadOrigin);
        assert!(!CurrentCrowdloanId::<Test>::exists());
    });
    run(|| {
        // It asks for its own refund: the money would be paid twice.
        full(Some(crate::Call::refund { crowdloan_id: 0 }.into()));
        assert_noop!(Crowdloan::finalize(signed(1), 0), E::AlreadyFinalized);
    });
    run(|| {
        full(Some(crate::Call::finalize { crowdloan_id: 1 }.into()));
        assert_ok!(Crowdloan::create(signed(1), 10 * UNIT, UNIT, 11 * UNIT, 101, None, Some(9)));
        assert_ok!(Crowdloan::contribute(signed(4), 1, UNIT));
        assert_noop!(Crowdloan::finalize(signed(1), 0), E::AlreadyFinalizing);
    });
    run(|| {
        let long = frame_system::Call::remark { remark: vec![0; CALL_BYTES_MAX] };
        assert_noop!(create(Some(long.into()), None), E::CallUnavailable);
    });
}

#[test]
fn a_long_call_is_kept_as_a_preimage_and_dropped_with_its_crowdloan() {
    run(|| {
        let remark = frame_system::Call::remark { remark: vec![7; 1_000] };
        assert_ok!(create(Some(remark.into()), None));
        assert_eq!(pallet_preimage::PreimageFor::<Test>::iter().count(), 1);
        assert_ok!(Crowdloan::dissolve(signed(1), 0));
        assert_eq!(pallet_preimage::PreimageFor::<Test>::iter().count(), 0);
        assert_eq!(pallet_preimage::RequestStatusFor::<Test>::iter().count(), 0);
    });
}

#[test]
fn everybody_gets_their_part_back_and_the_creator_last() {
    run(|| {
        assert_ok!(create(None, Some(9)));
        for who in 2..=5 {
            assert_ok!(contribute(who, who * UNIT));
        }
        assert_noop!(contribute(6, UNIT), E::MaxContributorsReached);
        assert_noop!(refund(2), E::InvalidOrigin);
        assert_noop!(Crowdloan::dissolve(signed(1), 0), E::NotReadyToDissolve);
        assert_ok!(refund(1));
        System::assert_last_event(Event::PartiallyRefunded { crowdloan_id: 0 }.into());
        Crowdloan::do_try_state().unwrap();
        assert_ok!(refund(1));
        System::assert_last_event(Event::AllRefunded { crowdloan_id: 0 }.into());
        assert!((2..=5).all(|who| free(who) == WEALTH));
        assert_ok!(Crowdloan::dissolve(signed(1), 0));
        assert_eq!((free(1), Crowdloans::<Test>::iter().count()), (WEALTH, 0));
        assert_eq!(Contributions::<Test>::iter().count(), 0);
        assert!(!System::account_exists(&Crowdloan::funds_account(0)));
        assert_noop!(Crowdloan::dissolve(signed(1), 0), E::InvalidCrowdloanId);
        assert_noop!(contribute(2, UNIT), E::InvalidCrowdloanId);
    });
}

#[test]
fn whoever_changes_their_mind_takes_it_back() {
    run(|| {
        assert_ok!(create(None, Some(9)));
        assert_ok!(contribute(2, 5 * UNIT));
        assert_ok!(contribute(2, 5 * UNIT));
        assert_eq!(Contributions::<Test>::get(0, 2), Some(10 * UNIT));
        assert_noop!(Crowdloan::withdraw(signed(3), 0), E::NoContribution);
        assert_ok!(Crowdloan::withdraw(signed(2), 0));
        assert_eq!((free(2), raised()), (WEALTH, 10 * UNIT));
        assert_noop!(Crowdloan::withdraw(signed(2), 0), E::NoContribution);
        assert_noop!(Crowdloan::withdraw(signed(1), 0), E::DepositCannotBeWithdrawn);
        assert_ok!(contribute(1, 3 * UNIT));
        assert_ok!(Crowdloan::withdraw(signed(1), 0));
        assert_eq!((free(1), raised()), (WEALTH - 10 * UNIT, 10 * UNIT));
        System::set_block_number(101);
        assert_noop!(contribute(2, UNIT), E::ContributionPeriodEnded);
        assert_noop!(Crowdloan::finalize(signed(1), 0), E::CapNotRaised);
    });
}

#[test]
fn what_makes_no_crowdloan_is_refused() {
    run(|| {
        let try_one = |deposit, least, cap, end, call: Option<RuntimeCall>, target| {
            let call = call.map(Box::new);
            Crowdloan::create(signed(1), deposit, least, cap, end, call, target)
        };
        let (d, m, c) = (10 * UNIT, UNIT / 10, 100 * UNIT);
        let refused = |outcome: DispatchResult, error: E| assert_eq!(outcome, Err(error.into()));
        refused(try_one(d - 1, m, c, 101, None, Some(9)), E::DepositTooLow);
        refused(try_one(d, m, d, 101, None, Some(9)), E::CapTooLow);
        refused(try_one(d, m - 1, c, 101, None, Some(9)), E::MinimumContributionTooLow);
        refused(try_one(d, m, c, 101, None, None), E::InvalidFinalizationConfig);
        let call = frame_system::Call::remark { remark: vec![] };
        refused(try_one(d, m, c, 101, Some(call.into()), Some(9)), E::InvalidFinalizationConfig);
        refused(try_one(d, m, c, 1, None, Some(9)), E::CannotEndInPast);
        refused(try_one(d, m, c, 50, None, Some(9)), E::BlockDurationTooShort);
        refused(try_one(d, m, c, 20_002, None, Some(9)), E::BlockDurationTooLong);
        refused(try_one(WEALTH + 1, m, u64::MAX, 101, None, Some(9)), E::InsufficientBalance);
        assert_ok!(try_one(d, m, c, 51, None, Some(9)));
        assert_ok!(try_one(d, m, c, 20_001, None, Some(9)));
        assert_noop!(contribute(2, m - 1), E::ContributionTooLow);
        assert_ok!(Crowdloan::update_cap(signed(1), 0, u64::MAX));
        assert_noop!(contribute(2, WEALTH + 1), E::InsufficientBalance);
        assert_noop!(Crowdloan::finalize(signed(1), 7), E::InvalidCrowdloanId);
    });
}

#[test]
fn the_creator_alone_changes_the_terms() {
    run(|| {
        assert_ok!(create(None, Some(9)));
        assert_noop!(Crowdloan::update_cap(signed(2), 0, 200 * UNIT), E::InvalidOrigin);
        assert_noop!(Crowdloan::update_cap(signed(1), 0, 10 * UNIT - 1), E::CapTooLow);
        assert_ok!(Crowdloan::update_cap(signed(1), 0, 200 * UNIT));
        assert_noop!(Crowdloan::update_end(signed(1), 0, 1), E::CannotEndInPast);
        assert_noop!(Crowdloan::update_end(signed(1), 0, 50), E::BlockDurationTooShort);
        assert_ok!(Crowdloan::update_end(signed(1), 0, 500));
        assert_noop!(
            Crowdloan::update_min_contribution(signed(1), 0, 1),
            E::MinimumContributionTooLow
        );
        assert_noop!(
            Crowdloan::set_max_contribution(signed(1), 0, Some(10 * UNIT - 1)),
            E::MaximumContributionTooLow
        );
        assert_ok!(Crowdloan::set_max_contribution(signed(1), 0, Some(20 * UNIT)));
        assert_noop!(
            Crowdloan::update_min_contribution(signed(1), 0, 21 * UNIT),
            E::MinimumContributionTooHigh
        );
        assert_ok!(Crowdloan::update_min_contribution(signed(1), 0, 2 * UNIT));
        assert_ok!(contribute(2, 50 * UNIT));
        assert_eq!(Contributions::<Test>::get(0, 2), Some(20 * UNIT), "the greatest there is");
        assert_noop!(contribute(2, 2 * UNIT), E::MaxContributionReached);
        assert_ok!(Crowdloan::set_max_contribution(signed(1), 0, None));
        assert_ok!(contribute(2, 50 * UNIT));
        let terms = Crowdloans::<Test>::get(0).unwrap();
        assert_eq!((terms.cap, terms.end, terms.min_contribution), (200 * UNIT, 500, 2 * UNIT));
    });
}

#[test]
fn whoever_gives_all_comes_back_with_all() {
    run(|| {
        assert_ok!(create(None, Some(9)));
        assert_ok!(Crowdloan::update_cap(signed(1), 0, 2 * WEALTH));
        assert_ok!(contribute(2, WEALTH));
        assert!(!System::account_exists(&2));
        assert_ok!(Crowdloan::refund(signed(1), 0));
        assert_eq!(free(2), WEALTH);
    });
}
