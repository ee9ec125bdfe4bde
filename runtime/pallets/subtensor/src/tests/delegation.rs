//! Keys and takes: who owns what, and how a take may change.

use super::*;
use frame_support::assert_noop;
use sp_runtime::PerU16;

type E = Error<Test>;

#[test]
fn a_hotkey_is_its_first_owners_for_good() {
    run_each(|| {
        assert_ok!(Chain::try_associate_hotkey(signed(2), 500));
        assert_ok!(Chain::try_associate_hotkey(signed(2), 500));
        assert_noop!(Chain::try_associate_hotkey(signed(3), 500), E::NonAssociatedColdKey);
        assert_eq!(OwnedHotkeys::<Test>::get(2), [500]);
        assert_eq!(System::sufficients(&500), 0, "association alone keeps no account alive");
    });
}

#[test]
fn a_coldkey_owns_only_so_many_hotkeys() {
    run_each(|| {
        let most = crate::staking::MAX_HOTKEYS_PER_COLDKEY as u64;
        for hotkey in 0..most {
            assert_ok!(Chain::try_associate_hotkey(signed(2), 10_000 + hotkey));
        }
        assert_noop!(
            Chain::try_associate_hotkey(signed(2), 10_000 + most),
            E::TooManyStakingHotkeys
        );
    });
}

#[test]
fn a_take_falls_freely_and_rises_slowly() {
    run_each(|| {
        let take = PerU16::from_parts;
        assert_ok!(Chain::root_register(signed(2), 102));
        assert_eq!(Delegates::<Test>::get(102), take(11_796));
        assert_noop!(Chain::decrease_take(signed(3), 102, take(5)), E::NonAssociatedColdKey);
        assert_noop!(Chain::decrease_take(signed(2), 555, take(5)), E::HotKeyAccountNotExists);
        assert_noop!(Chain::decrease_take(signed(2), 102, take(11_796)), E::DelegateTakeTooLow);
        let raise = |to| Chain::increase_take(signed(2), 102, take(to));
        assert_ok!(Chain::decrease_take(signed(2), 102, take(5)));
        assert_noop!(raise(11_797), E::DelegateTakeTooHigh);
        // Whoever came for the low take has as long to leave as after a raise.
        assert_noop!(raise(6), E::DelegateTxRateLimitExceeded);
        let limit = TxDelegateTakeRateLimit::<Test>::get();
        System::set_block_number(1 + limit);
        assert_noop!(raise(6), E::DelegateTxRateLimitExceeded);
        System::set_block_number(2 + limit);
        assert_ok!(raise(6));
        assert_noop!(raise(7), E::DelegateTxRateLimitExceeded);
        assert_ok!(Chain::decrease_take(signed(2), 102, take(5)));
        TxDelegateTakeRateLimit::<Test>::put(0);
        assert_ok!(raise(7));
    });
}

#[test]
fn incentives_are_staked_where_the_coldkey_says() {
    run_each(|| {
        let netuid = found_subnet(1);
        join(netuid, 2);
        let choose = |hotkey| Chain::set_coldkey_auto_stake_hotkey(signed(2), netuid, hotkey);
        assert_noop!(choose(555), E::HotKeyNotRegisteredInSubNet);
        assert_ok!(choose(101));
        assert_noop!(choose(101), E::SameAutoStakeHotkeyAlreadySet);
        assert_eq!(AutoStakeDestination::<Test>::get(2, netuid), Some(101));
    });
}
