//! Stake that moves: what it may leave behind, what it costs, whose it is afterwards.

use super::*;
use frame_support::assert_noop;

type E = Error<Test>;

#[test]
fn inside_a_subnet_alpha_moves_whole() {
    run_each(|| {
        let netuid = found_subnet(1);
        join(netuid, 2);
        stake(netuid, 3, 101, 10 * UNIT);
        let alpha = staked(netuid, 3, 101);
        let all = Alpha::new(alpha);
        assert_ok!(Chain::move_stake(signed(3), 101, 102, netuid, netuid, all));
        assert_eq!(staked(netuid, 3, 101), 0);
        assert_eq!(staked(netuid, 3, 102), alpha);
        assert_noop!(Chain::move_stake(signed(3), 102, 102, netuid, netuid, all), E::SameNetuid);
    });
}

#[test]
fn between_subnets_both_prices_apply() {
    run(local(), || {
        let first = found_subnet(1);
        let second = found_subnet(2);
        stake(first, 3, 101, 10 * UNIT);
        let all = Alpha::new(staked(first, 3, 101));
        let worth = Chain::quote_sell(first, all).unwrap().tao_amount;
        assert_ok!(Chain::swap_stake(signed(3), 101, first, second, all));
        assert_eq!(staked(first, 3, 101), 0);
        let got = Chain::tao_worth(second, Alpha::new(staked(second, 3, 101)));
        // The purchase itself raised the price by which it is now worth more.
        assert!(got.rao().abs_diff(worth.rao()) < worth.rao() / 50, "{got:?} of {worth:?}");
        assert_ok!(Chain::swap_stake(
            signed(3),
            101,
            second,
            NetUid::ROOT,
            Alpha::new(staked(second, 3, 101))
        ));
        assert!(staked(NetUid::ROOT, 3, 101) > 9 * UNIT);
    });
}

#[test]
fn stake_passes_to_another_coldkey_where_that_is_allowed() {
    run_each(|| {
        let netuid = found_subnet(1);
        stake(netuid, 3, 101, 10 * UNIT);
        let half = Alpha::new(staked(netuid, 3, 101) / 2);
        TransferToggle::<Test>::insert(netuid, false);
        assert_noop!(
            Chain::transfer_stake(signed(3), 4, 101, netuid, netuid, half),
            E::TransferDisallowed
        );
        TransferToggle::<Test>::insert(netuid, true);
        assert_ok!(Chain::transfer_stake(signed(3), 4, 101, netuid, netuid, half));
        assert_eq!(staked(netuid, 4, 101), half.rao());
        assert!(StakingHotkeys::<Test>::get(4).contains(&101));
        assert_noop!(
            Chain::transfer_stake(signed(5), 4, 101, netuid, netuid, half),
            E::NotEnoughStakeToWithdraw
        );
    });
}

#[test]
fn amounts_that_cost_more_than_they_are_worth_are_refused() {
    run_each(|| {
        let netuid = found_subnet(1);
        let least = crate::staking::MIN_STAKE;
        let less = Tao::new(least.rao() - 1);
        assert_noop!(Chain::add_stake(signed(3), 101, netuid, less), E::AmountTooLow);
        assert_ok!(Chain::add_stake(signed(3), 101, netuid, least));
        stake(netuid, 3, 101, UNIT);
        let dust = Alpha::new(1_000);
        assert_noop!(Chain::remove_stake(signed(3), 101, netuid, dust), E::AmountTooLow);
        assert_noop!(Chain::remove_stake(signed(3), 101, netuid, Alpha::ZERO), E::AmountTooLow);
        assert_noop!(
            Chain::move_stake(signed(3), 101, 101, netuid, NetUid::ROOT, dust),
            E::AmountTooLow
        );
    });
}

#[test]
fn unstaking_all_leaves_root_alone_and_passes_over_what_cannot_be_sold() {
    run(local(), || {
        let first = found_subnet(1);
        let second = found_subnet(2);
        for netuid in [first, second, NetUid::ROOT] {
            stake(netuid, 3, 101, 10 * UNIT);
        }
        SubtokenEnabled::<Test>::insert(second, false);
        assert_ok!(Chain::unstake_all(signed(3), 101));
        assert_eq!(staked(first, 3, 101), 0);
        assert!(staked(second, 3, 101) > 0);
        assert_eq!(staked(NetUid::ROOT, 3, 101), 10 * UNIT);
        SubtokenEnabled::<Test>::insert(second, true);
        assert_ok!(Chain::unstake_all_alpha(signed(3), 101));
        assert_eq!(staked(second, 3, 101), 0);
        assert!(staked(NetUid::ROOT, 3, 101) > 19 * UNIT);
    });
}

#[test]
fn all_of_one_position_can_be_taken_back_at_a_price() {
    run_each(|| {
        let netuid = found_subnet(1);
        stake(netuid, 3, 101, 10 * UNIT);
        let price = Chain::alpha_price(netuid);
        let full = |limit| Chain::remove_stake_full_limit(signed(3), 101, netuid, limit);
        assert_noop!(full(Some(Tao::new(price))), E::SlippageTooHigh);
        assert_ok!(full(Some(Tao::new(price * 9 / 10))));
        assert_eq!(staked(netuid, 3, 101), 0);
    });
}

#[test]
fn nobody_fills_anothers_list_of_hotkeys() {
    run_each(|| {
        let netuid = found_subnet(1);
        stake(netuid, 3, 101, 10 * UNIT);
        for hotkey in 0..512 {
            assert_ok!(Chain::try_associate_hotkey(signed(4), 10_000 + hotkey));
        }
        let amount = Alpha::new(staked(netuid, 3, 101) / 2);
        assert_noop!(
            Chain::transfer_stake(signed(3), 4, 101, netuid, netuid, amount),
            E::TooManyStakingHotkeys
        );
        stake(netuid, 4, 101, UNIT);
        assert_ok!(Chain::transfer_stake(signed(3), 4, 101, netuid, netuid, amount));
    });
}

#[test]
fn a_move_stops_at_its_ratio_of_prices() {
    run(local(), || {
        let (first, second) = (found_subnet(1), found_subnet(2));
        stake(first, 3, 101, 300 * UNIT);
        let amount = Alpha::new(staked(first, 3, 101));
        let now = Chain::price_ratio(first, second).unwrap();
        let swap = |limit, partial| {
            let limit = Tao::new(limit);
            Chain::swap_stake_limit(signed(3), 101, first, second, amount, limit, partial)
        };
        assert_noop!(swap(now * 9 / 10, false), E::SlippageTooHigh);
        assert_noop!(swap(now + 1, true), E::SlippageTooHigh);
        assert_ok!(swap(now * 9 / 10, true));
        let after = Chain::price_ratio(first, second).unwrap();
        let limit = now * 9 / 10;
        assert!(after.abs_diff(limit) < limit / 1_000, "{after} of {limit}");
        assert!(staked(first, 3, 101) > 0 && staked(second, 3, 101) > 0);

        let rest = Alpha::new(staked(first, 3, 101) / 100);
        let to_root = |limit| {
            let (root, limit) = (NetUid::ROOT, Tao::new(limit));
            Chain::move_stake_limit(signed(3), 101, 102, first, root, rest, limit, false)
        };
        join(first, 2);
        assert_noop!(to_root(Chain::alpha_price(first) + 1), E::SlippageTooHigh);
        assert_ok!(to_root(Chain::alpha_price(first) * 99 / 100));
        assert!(staked(NetUid::ROOT, 3, 102) > 0);
    });
}

#[test]
fn stake_passes_to_another_coldkey_behind_another_hotkey() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        stake(netuid, 3, 101, 10 * UNIT);
        let all = staked(netuid, 3, 101);
        let pass = |amount| {
            let amount = Alpha::new(amount);
            Chain::transfer_stake_and_hotkey(signed(3), 4, 101, 102, netuid, netuid, amount)
        };
        assert_noop!(pass(all + 1), Error::<Test>::NotEnoughStakeToWithdraw);
        TransferToggle::<Test>::insert(netuid, false);
        assert_noop!(pass(all), Error::<Test>::TransferDisallowed);
        TransferToggle::<Test>::insert(netuid, true);
        assert_ok!(pass(all / 2));
        assert_eq!(staked(netuid, 4, 102), all / 2);
        // The greatest number is all there is.
        assert_ok!(pass(u64::MAX));
        assert_eq!((staked(netuid, 3, 101), staked(netuid, 4, 102)), (0, all));
        let event = System::events().pop().unwrap().event;
        let wanted = (3, 4, 101, 102);
        assert!(matches!(event, RuntimeEvent::SubtensorModule(Event::StakeAndHotkeyTransferred {
            origin_coldkey, destination_coldkey, origin_hotkey, destination_hotkey, ..
        }) if (origin_coldkey, destination_coldkey, origin_hotkey, destination_hotkey) == wanted));
    });
}
