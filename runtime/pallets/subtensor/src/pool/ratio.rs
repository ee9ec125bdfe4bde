//! Two trades in a row: alpha of one subnet sold, that of another bought with the proceeds.
//!
//! The limit of such a move is a ratio of prices, the origin's over the destination's, times 1e9,
//! as it is after both trades; moving lowers it.

use crate::*;
use assay_arithmetic::{
    pool::{self, Side, PRICE_SCALE},
    wide::mul_div_floor,
};

impl<T: Config> Pallet<T> {
    /// The present ratio of two prices, times 1e9. None where the second is zero.
    pub(crate) fn price_ratio(from: NetUid, to: NetUid) -> Option<u64> {
        ratio(Self::alpha_price(from), Self::alpha_price(to))
    }

    /// How much of `amount` can move before the ratio falls below `limit`.
    pub(crate) fn movable_within(
        from: NetUid,
        to: NetUid,
        amount: AlphaBalance,
        limit: u64,
    ) -> AlphaBalance {
        let keeps = |amount: u64| {
            let after = || {
                let (tao, origin) = Self::foresee(from, Side::Sell, amount)?;
                let (_, destination) = Self::foresee(to, Side::Buy, tao)?;
                ratio(origin, destination)
            };
            amount == 0 || after().is_some_and(|after| after >= limit)
        };
        if keeps(amount.rao()) {
            return amount;
        }
        let (mut fits, mut exceeds) = (0u64, amount.rao());
        // Each step halves what lies between, so 64 are enough for any amount.
        while exceeds.saturating_sub(fits) > 1 {
            let middle = fits.saturating_add(exceeds.saturating_sub(fits) / 2);
            match keeps(middle) {
                true => fits = middle,
                false => exceeds = middle,
            }
        }
        AlphaBalance::new(fits)
    }

    /// What a trade would yield, and the price after it.
    fn foresee(netuid: NetUid, side: Side, amount: u64) -> Option<(u64, u64)> {
        if Self::is_stable(netuid) {
            return Some((amount, PRICE_SCALE));
        }
        let fee = pool::fee(amount, T::PoolSettings::fee_rate(netuid));
        let mut pool = Self::pool_of(netuid);
        let yields = pool.swap(side, amount.saturating_sub(fee), super::RESERVE_MIN).ok()?;
        Some((yields, pool.price()))
    }
}

fn ratio(origin: u64, destination: u64) -> Option<u64> {
    let scaled = mul_div_floor(origin.into(), PRICE_SCALE.into(), destination.into())?;
    Some(u64::try_from(scaled).unwrap_or(u64::MAX))
}
