//! How much may be traded before a price limit is reached.
//!
//! A purchase that takes TAO from y to y' moves the price by `(y'/y)^(1/w_x)`, a sale that takes
//! alpha from x to x' by `(x'/x)^(-1/w_y)`; solved for the reserve and rounded down, so that the
//! limit is never passed by more than the rounding of one rao.

// Shifts below stay within 256 bits by the widths stated beside them; divisors are not zero.
#![allow(clippy::arithmetic_side_effects)]

use primitive_types::U256;

use super::{Pool, Side, PRICE_SCALE, WEIGHT_EQUAL, WEIGHT_ONE};
use crate::power::{self, Exponent, LOG_BITS};

impl Pool {
    /// The most, after any fee, that a trade may bring so that the price ends no further than
    /// `limit` (of [`PRICE_SCALE`]); zero when the price is there already.
    pub fn amount_to_limit(&self, side: Side, limit: u64) -> u64 {
        let price_side = U256::from(PRICE_SCALE)
            .saturating_mul(self.alpha_weight().into())
            .saturating_mul(self.tao.into());
        let limit_side = U256::from(limit)
            .saturating_mul(self.tao_weight.into())
            .saturating_mul(self.alpha.into());
        let (high, low, reserve, weight) = match side {
            Side::Buy => (limit_side, price_side, self.tao, self.alpha_weight()),
            Side::Sell => (price_side, limit_side, self.alpha, self.tao_weight),
        };
        if high <= low || reserve == 0 {
            return 0;
        }
        if low.is_zero() {
            return u64::MAX;
        }
        let target = if self.tao_weight == WEIGHT_EQUAL {
            equal_target(self, side, limit)
        } else {
            grown(reserve, high, low, weight)
        };
        target.saturating_sub(reserve)
    }
}

/// With equal weights the reserve at the limit is a square root: `y'^2 = limit * x * y`, or
/// `x'^2 = x * y / limit`.
fn equal_target(pool: &Pool, side: Side, limit: u64) -> u64 {
    let product = U256::from(pool.tao).saturating_mul(pool.alpha.into());
    let (numerator, denominator) = match side {
        Side::Buy => (limit, PRICE_SCALE),
        Side::Sell => (PRICE_SCALE, limit),
    };
    let square = product.saturating_mul(numerator.into()) / U256::from(denominator.max(1));
    u64::try_from(square.integer_sqrt()).unwrap_or(u64::MAX)
}

/// `floor(reserve * (high / low)^weight)`, from below.
fn grown(reserve: u64, high: U256, low: U256, weight: u64) -> u64 {
    // Both sides are cut to 120 bits; `high` loses what `low` gains, so the ratio only falls.
    let spare = high.bits().max(low.bits()).saturating_sub(120);
    let (high, low) = ((high >> spare).low_u128(), (low >> spare).low_u128().saturating_add(1));
    let exponent = Exponent { numerator: weight, denominator: WEIGHT_ONE };
    let logarithm = U256::from(power::log2_of_ratio(high, low))
        .saturating_mul(exponent.numerator.into())
        / U256::from(exponent.denominator);
    let logarithm = logarithm.low_u128();
    // 2^v is 2^ceil(v) / 2^(ceil(v) - v); the logarithm's own rounding was downwards already.
    let whole = (logarithm >> LOG_BITS).saturating_add(1);
    let rest = (whole << LOG_BITS).saturating_sub(logarithm);
    // 64 + 127 bits, shifted by a whole part of at most 64 wherever the result fits 64 bits.
    let scaled = U256::from(reserve).saturating_mul(power::exp2_of_minus(rest).into());
    let shifted =
        if whole <= 64 { scaled << usize::try_from(whole).unwrap_or(0) } else { U256::MAX };
    u64::try_from(shifted >> 127).unwrap_or(u64::MAX)
}
