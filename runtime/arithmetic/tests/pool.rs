//! The pool never loses: properties of trades, injections and limits over random pools.

// A test is there to panic.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use assay_arithmetic::pool::{
    fee, with_fee, Pool, PoolError, Side, INPUT_MULTIPLE_MAX, PRICE_SCALE, WEIGHT_EQUAL,
    WEIGHT_MIN, WEIGHT_ONE,
};
use proptest::prelude::*;

fn pools() -> impl Strategy<Value = Pool> {
    let reserve = || prop_oneof![1_000u64..1_000_000, 1_000_000u64..21_000_000_000_000_000];
    let weight = prop_oneof![Just(WEIGHT_EQUAL), WEIGHT_MIN..=WEIGHT_ONE - WEIGHT_MIN];
    (reserve(), reserve(), weight).prop_map(|(tao, alpha, tao_weight)| Pool {
        tao,
        alpha,
        tao_weight,
    })
}

fn equal_pools() -> impl Strategy<Value = Pool> {
    pools().prop_map(|pool| Pool { tao_weight: WEIGHT_EQUAL, ..pool })
}

#[test]
fn executed_swaps_are_met_exactly() {
    // floor(x - x * y / (y + t)): the form in which executed runtimes state it.
    let pool = Pool::new(1_000_000_000_000, 2_000_000_000_000);
    assert_eq!(pool.quote(Side::Buy, 1_000_000_000, 0), Ok(1_998_001_998));
    assert_eq!(pool.quote(Side::Sell, 1_000_000_000, 0), Ok(499_750_124));
    assert_eq!(pool.price(), 500_000_000);
}

#[test]
fn refusals() {
    let mut pool = Pool::new(1_000, 1_000);
    assert_eq!(pool.quote(Side::Buy, 0, 0), Err(PoolError::AmountOutOfRange));
    assert_eq!(
        pool.quote(Side::Buy, 1_000 * INPUT_MULTIPLE_MAX + 1, 0),
        Err(PoolError::AmountOutOfRange)
    );
    assert_eq!(pool.quote(Side::Buy, 1_000, 501), Err(PoolError::InsufficientLiquidity));
    assert_eq!(pool.quote(Side::Buy, 1_000, 500), Ok(500));
    assert_eq!(Pool::new(0, 5).quote(Side::Buy, 1, 0), Err(PoolError::InsufficientLiquidity));
    assert_eq!(pool.inject(u64::MAX, 0), Err(PoolError::Overflow));
    assert_eq!(pool.inject(1_000_000, 0), Err(PoolError::WeightOutOfRange));
    assert_eq!(pool, Pool::new(1_000, 1_000));
}

#[test]
fn weighted_trades_agree_with_high_precision() {
    // floor(x * (1 - (y / (y + t))^(w_y / w_x))) and its mirror, computed with 400-bit floats.
    let pool =
        Pool { tao: 123_456_789_012, alpha: 987_654_321_098, tao_weight: 3 * WEIGHT_ONE / 10 };
    assert_eq!(pool.quote(Side::Buy, 10_000_000_000, 0), Ok(32_423_686_359));
    assert_eq!(pool.quote(Side::Sell, 10_000_000_000, 0), Ok(2_868_158_120));
}

proptest! {
    #[test]
    fn equal_trades_never_lower_the_product(pool in equal_pools(), amount: u64, buy: bool) {
        let mut after = pool;
        let side = if buy { Side::Buy } else { Side::Sell };
        if after.swap(side, amount, 1).is_ok() {
            let product = |pool: &Pool| u128::from(pool.tao) * u128::from(pool.alpha);
            prop_assert!(product(&after) >= product(&pool));
            prop_assert!(after.tao > 0 && after.alpha > 0);
        }
    }

    #[test]
    fn nobody_gains_by_going_there_and_back(pool in pools(), amount in 1u64.., buy: bool) {
        let (there, back) = if buy { (Side::Buy, Side::Sell) } else { (Side::Sell, Side::Buy) };
        let mut after = pool;
        if let Ok(out) = after.swap(there, amount, 1) {
            if let Ok(returned) = after.swap(back, out, 1) {
                prop_assert!(returned <= amount, "{returned} of {amount}");
            }
        }
    }

    #[test]
    fn nobody_gains_by_splitting(pool in pools(), first in 1u64..1 << 50, second in 1u64..1 << 50) {
        let mut parts = pool;
        let whole = pool.quote(Side::Buy, first + second, 1);
        let split = parts.swap(Side::Buy, first, 1)
            .and_then(|out| parts.swap(Side::Buy, second, 1).map(|more| out + more));
        if let (Ok(whole), Ok(split)) = (whole, split) {
            // A part's rounding can only cost; one rao is the bound of the weighted form.
            prop_assert!(split <= whole + 1, "{split} > {whole}");
        }
    }

    #[test]
    fn nearly_equal_weights_trade_nearly_equally(pool in equal_pools(), amount in 1u64..1 << 50) {
        let tilted = Pool { tao_weight: WEIGHT_EQUAL - 1, ..pool };
        if let (Ok(equal), Ok(weighted)) =
            (pool.quote(Side::Buy, amount, 1), tilted.quote(Side::Buy, amount, 1))
        {
            prop_assert!(equal.abs_diff(weighted) <= 1 + equal / 1_000_000_000_000);
        }
    }

    #[test]
    fn injection_keeps_the_price(pool in pools(), tao in 0u64..1 << 50, alpha in 0u64..1 << 50) {
        let mut after = pool;
        if after.inject(tao, alpha).is_ok() {
            let (old, new) = (pool.price_bits(), after.price_bits());
            prop_assert!(old.abs_diff(new) <= 1 + old / 1_000_000_000_000, "{old} {new}");
        }
    }

    #[test]
    fn a_limit_is_reached_but_not_passed(
        pool in pools(), factor in 1_001u64..3_000, buy: bool,
    ) {
        prop_assume!(pool.tao > 1 << 32 && pool.alpha > 1 << 32 && pool.price() > 1 << 20);
        let (side, limit) = if buy {
            (Side::Buy, pool.price().saturating_mul(factor) / 1_000)
        } else {
            (Side::Sell, pool.price() / factor * 1_000)
        };
        let amount = pool.amount_to_limit(side, limit);
        let mut after = pool;
        if amount > 0 && after.swap(side, amount, 1).is_ok() {
            let tolerance = 2 + limit / 100_000_000;
            let end = after.price();
            prop_assert!(end.abs_diff(limit) <= tolerance, "{end} {limit}");
            let passed = if buy { end > limit } else { end + 1 < limit };
            prop_assert!(!passed, "{end} passes {limit}");
        }
        let beyond = if buy { pool.price() / 2 } else { pool.price().saturating_mul(2) };
        prop_assert_eq!(pool.amount_to_limit(side, beyond), 0);
        prop_assert!(PRICE_SCALE > 0);
    }

    #[test]
    fn a_gross_amount_leaves_its_net(net in 0u64..1 << 60, rate in 0u16..60_000) {
        let gross = with_fee(net, rate);
        prop_assert!(gross - fee(gross, rate) <= net);
        let more = gross + 2;
        prop_assert!(more - fee(more, rate) > net);
    }
}
