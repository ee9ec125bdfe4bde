//! Amounts on their way: trades, fees, the block's emission, moving prices.

use super::*;
use assay_arithmetic::issuance::EMISSION_FIRST;
use frame_support::assert_noop;

fn pool(netuid: NetUid) -> (u64, u64, u64) {
    (
        SubnetTAO::<Test>::get(netuid).rao(),
        SubnetAlphaIn::<Test>::get(netuid).rao(),
        SubnetAlphaOut::<Test>::get(netuid).rao(),
    )
}

#[test]
fn a_purchase_moves_what_the_formula_says() {
    run(local(), || {
        let netuid = found_subnet(1);
        let (tao, alpha, out) = pool(netuid);
        let before = tao_balance(2);
        stake(netuid, 2, 101, 10 * UNIT);

        let fee = 10 * UNIT * 33 / 65535;
        let net = u128::from(10 * UNIT - fee);
        let bought = u64::try_from(u128::from(alpha) * net / (u128::from(tao) + net)).unwrap();
        assert_eq!(pool(netuid), (tao + 10 * UNIT - fee, alpha - bought, out + bought));
        assert_eq!(staked(netuid, 2, 101), bought);
        assert_eq!(tao_balance(2), before - 10 * UNIT);
        assert_eq!(tao_balance(AUTHOR), fee);
    });
}

#[test]
fn nobody_gains_by_buying_and_selling() {
    run(local(), || {
        let netuid = found_subnet(1);
        let before = tao_balance(2);
        stake(netuid, 2, 101, 500 * UNIT);
        let alpha = AlphaBalance::new(staked(netuid, 2, 101));
        assert_ok!(Chain::remove_stake(signed(2), 101, netuid, alpha));
        assert!(tao_balance(2) < before);
        assert!(tao_balance(2) > before - UNIT, "fees of two trades and no more");
        assert_eq!(staked(netuid, 2, 101), 0);
    });
}

#[test]
fn a_limit_fills_in_part_or_not_at_all() {
    run(local(), || {
        let netuid = found_subnet(1);
        let limit = Tao::new(Chain::alpha_price(netuid) + Chain::alpha_price(netuid) / 100);
        let amount = Tao::new(900 * UNIT);
        assert_noop!(
            Chain::add_stake_limit(signed(2), 101, netuid, amount, limit, false),
            Error::<Test>::SlippageTooHigh
        );
        assert_ok!(Chain::add_stake_limit(signed(2), 101, netuid, amount, limit, true));
        let price = Chain::alpha_price(netuid);
        assert!(price <= limit.rao() && price > limit.rao() - limit.rao() / 10_000, "{price}");
        let spent = WEALTH - tao_balance(2);
        assert!(spent < 10 * UNIT, "half a percent of the pool: {spent}");
    });
}

#[test]
fn quotes_are_what_trades_come_to_and_write_nothing() {
    run(local(), || {
        let netuid = found_subnet(1);
        let root = state_root();
        let quote = Chain::quote_buy(netuid, Tao::new(7 * UNIT)).unwrap();
        assert_eq!(state_root(), root);
        stake(netuid, 2, 101, 7 * UNIT);
        assert_eq!(staked(netuid, 2, 101), quote.alpha_amount.rao());
        assert!(quote.alpha_slippage.rao() > 0);

        let alpha = AlphaBalance::new(staked(netuid, 2, 101));
        let quote = Chain::quote_sell(netuid, alpha).unwrap();
        let before = tao_balance(2);
        assert_ok!(Chain::remove_stake(signed(2), 101, netuid, alpha));
        assert_eq!(tao_balance(2) - before, quote.tao_amount.rao());
    });
}

#[test]
fn root_and_unstarted_pools() {
    run(local(), || {
        assert_ok!(Chain::root_register(signed(3), 103));
        stake(NetUid::ROOT, 2, 103, 5 * UNIT);
        assert_eq!(staked(NetUid::ROOT, 2, 103), 5 * UNIT);
        assert_eq!(Chain::alpha_price(NetUid::ROOT), UNIT);
        assert_ok!(Chain::remove_stake(signed(2), 103, NetUid::ROOT, AlphaBalance::new(5 * UNIT)));
        assert_eq!(tao_balance(2), WEALTH);
        assert_eq!(SubnetTAO::<Test>::get(NetUid::ROOT), Tao::ZERO);

        assert_ok!(Chain::register_network(signed(1), 101));
        assert_noop!(
            Chain::add_stake(signed(2), 101, NetUid::new(1), Tao::new(UNIT)),
            Error::<Test>::SubtokenDisabled
        );
    });
}

#[test]
fn emission_reaches_pools_owner_miners_and_validators() {
    run(local(), || {
        let netuid = found_subnet(1);
        run_to_block(40);
        // Without root stake the pool has room for no alpha: all TAO buys alpha for the chain.
        assert_eq!(SubnetExcessTao::<Test>::get(netuid), Tao::new(EMISSION_FIRST));
        assert_eq!(SubnetTaoInEmission::<Test>::get(netuid), Tao::ZERO);
        let out = SubnetAlphaOutEmission::<Test>::get(netuid).rao();
        assert_eq!(out, EMISSION_FIRST);
        let owner_cut = EMISSION_FIRST * 11_796 / 65535;
        assert_eq!(PendingServerEmission::<Test>::get(netuid).rao() % ((out - owner_cut) / 2), 0);

        // With it, alpha enters beside TAO and the price does not move for that.
        assert_ok!(Chain::root_register(signed(3), 103));
        stake(NetUid::ROOT, 3, 103, 50_000 * UNIT);
        next_block();
        next_block();
        assert!(SubnetAlphaInEmission::<Test>::get(netuid).rao() > UNIT / 2);
        assert!(SubnetTaoInEmission::<Test>::get(netuid).rao() > UNIT / 2);
        assert!(RootProp::<Test>::get(netuid) > 0);
    });
}

#[test]
fn injection_keeps_the_price_by_shifting_weights() {
    run(local(), || {
        let netuid = found_subnet(1);
        let price = Chain::alpha_price(netuid);
        assert_ok!(Chain::inject_liquidity(netuid, Tao::new(40 * UNIT), AlphaBalance::ZERO));
        TotalIssuance::<Test>::mutate(|total| *total = Tao::new(total.rao() + 40 * UNIT));
        assert!(Chain::alpha_price(netuid).abs_diff(price) <= 1);
        assert_ne!(PoolTaoWeight::<Test>::get(netuid).deconstruct(), 500_000_000_000_000_000);
        // Trades still work, and still lose on the way there and back.
        let before = tao_balance(2);
        stake(netuid, 2, 101, 50 * UNIT);
        let alpha = AlphaBalance::new(staked(netuid, 2, 101));
        assert_ok!(Chain::remove_stake(signed(2), 101, netuid, alpha));
        assert!(tao_balance(2) < before && tao_balance(2) > before - UNIT);
    });
}

#[test]
fn the_emission_is_shared_by_moving_price_and_kept_from_the_barred() {
    run(local(), || {
        let (first, second) = (found_subnet(1), found_subnet(2));
        run_to_block(60);
        assert!(SubnetMovingPrice::<Test>::get(first) > 0);
        let shares = |netuid| SubnetExcessTao::<Test>::get(netuid).rao();
        assert!(shares(first) > 0 && shares(second) > 0);
        assert!(shares(first) + shares(second) <= EMISSION_FIRST);
        SubnetEmissionEnabled::<Test>::insert(second, false);
        next_block();
        assert_eq!((shares(first), shares(second)), (EMISSION_FIRST, 0));
        // Its participants still earn alpha.
        assert!(SubnetAlphaOutEmission::<Test>::get(second).rao() > 0);
        NetworkRegistrationAllowed::<Test>::insert(second, false);
        next_block();
        assert_eq!(SubnetAlphaOutEmission::<Test>::get(second).rao(), 0);
    });
}

#[test]
fn what_is_minted_is_counted() {
    run(upstream(), || {
        let netuid = found_subnet(1);
        SubnetEmissionEnabled::<Test>::insert(netuid, true);
        run_to_block(30);
        let before = TotalIssuance::<Test>::get().rao();
        for _ in 0..10 {
            next_block();
            check();
        }
        assert_eq!(TotalIssuance::<Test>::get().rao() - before, 10 * EMISSION_FIRST);
    });
}

#[test]
fn without_an_author_the_pool_keeps_the_fee() {
    run(local(), || {
        Author::set(false);
        let netuid = found_subnet(1);
        let (tao, ..) = pool(netuid);
        stake(netuid, 2, 101, 10 * UNIT);
        assert_eq!(pool(netuid).0, tao + 10 * UNIT);
    });
}

#[test]
fn alpha_is_given_up_for_good_or_to_be_emitted_again() {
    run(local(), || {
        let netuid = found_subnet(1);
        stake(netuid, 2, 101, 10 * UNIT);
        let held = staked(netuid, 2, 101);
        let out = SubnetAlphaOut::<Test>::get(netuid).rao();
        let part = AlphaBalance::new(held / 4);
        assert_ok!(Chain::burn_alpha(signed(2), 101, part, netuid));
        assert_eq!(SubnetAlphaOut::<Test>::get(netuid).rao(), out);
        assert_eq!(SubnetAlphaBurned::<Test>::get(netuid), part);
        assert_ok!(Chain::recycle_alpha(signed(2), 101, AlphaBalance::MAX, netuid));
        assert_eq!(staked(netuid, 2, 101), 0);
        assert!(SubnetAlphaOut::<Test>::get(netuid).rao() < out);
        assert_noop!(
            Chain::burn_alpha(signed(2), 101, part, NetUid::ROOT),
            Error::<Test>::CannotBurnOrRecycleOnRootSubnet
        );

        let price = Chain::alpha_price(netuid);
        assert_noop!(
            Chain::add_stake_burn(signed(2), 101, netuid, Tao::new(UNIT), Some(Tao::new(price))),
            Error::<Test>::SlippageTooHigh
        );
        assert_ok!(Chain::add_stake_burn(signed(2), 101, netuid, Tao::new(UNIT), None));
        assert!(Chain::alpha_price(netuid) > price);
        assert!(SubnetAlphaBurned::<Test>::get(netuid) > part);
        check();
    });
}

#[test]
fn the_average_flow_follows_trades() {
    run(local(), || {
        let netuid = found_subnet(1);
        stake(netuid, 2, 101, 100 * UNIT);
        next_block();
        let (block, flow) = SubnetEmaTaoFlow::<Test>::get(netuid).unwrap();
        assert_eq!(block, System::block_number());
        assert!(flow > 0);
        let alpha = AlphaBalance::new(staked(netuid, 2, 101));
        assert_ok!(Chain::remove_stake(signed(2), 101, netuid, alpha));
        next_block();
        assert!(SubnetEmaTaoFlow::<Test>::get(netuid).unwrap().1 < flow);
    });
}
