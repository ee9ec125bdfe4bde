//! Liquid alpha: the speed at which a bond follows a weight, by how bold the weight is
//! (subtensor.md 7, step 9).
//!
//! alpha = low + sigmoid(steepness * (difference - 1/2)) * (high - low), where the difference is
//! how far the weight exceeds the consensus when buying, or how far the bond exceeds the weight
//! when selling.
//!
//! The sigmoid is computed deterministically in fixed point: e^-|x| = 2^-(|x| * log2 e) through
//! [`crate::power::exp2_of_minus`], whose relative error is below 2^-117, with log2 e held to 120
//! fractional bits. The quotient is then truncated to 32 fractional bits, so a sigmoid is at most
//! 2^-31 away from the exact one. The original chain uses a series of another library here; the
//! last bits of an alpha may therefore differ from its own, and no vector covers them.

use crate::fixed::{Fixed, FRACTION_BITS};
use crate::power;
use crate::wide::mul_div_floor;

/// The hyperparameters of liquid alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiquidAlpha {
    /// The slowest speed, of 65535.
    pub low: u16,
    /// The fastest speed, of 65535.
    pub high: u16,
    /// A hundred times the slope of the sigmoid.
    pub steepness: i16,
}

impl LiquidAlpha {
    /// The speed for one pair of validator and neuron.
    pub fn speed(&self, weight: Fixed, bond: Fixed, consensus: Fixed) -> Fixed {
        let distance = if weight >= bond { weight.minus(consensus) } else { bond.minus(weight) };
        let distance = distance.clamp_to(Fixed::ZERO, Fixed::ONE);
        let (low, high) = (Fixed::from_share(self.low), Fixed::from_share(self.high));
        let rise = high.minus(low).times(sigmoid(self.exponent(distance)));
        low.plus(rise).clamp_to(low, high)
    }

    /// steepness / 100 * (distance - 1/2), truncated.
    fn exponent(&self, distance: Fixed) -> Fixed {
        let half = Fixed::from_raw(Fixed::ONE.raw() / 2);
        let scaled = i64::from(self.steepness).saturating_mul(distance.minus(half).raw());
        Fixed::from_raw(scaled / 100)
    }
}

/// 1 / (1 + e^-x).
fn sigmoid(x: Fixed) -> Fixed {
    // From 88 on, e^-|x| is below 2^-126; the bound keeps the product below 2^127.
    let magnitude = u128::from(x.raw().unsigned_abs()).min(88 << FRACTION_BITS);
    let exponent = mul_div_floor(magnitude, power::LOG2_E, 1 << FRACTION_BITS).unwrap_or(u128::MAX);
    let small = power::exp2_of_minus(exponent);
    // 94 fractional bits leave room for the 32 of the quotient.
    let scale_down = 33;
    let (one, small) = (power::ONE >> scale_down, small >> scale_down);
    let numerator = if x >= Fixed::ZERO { one } else { small };
    Fixed::from_wide_ratio(numerator, one.saturating_add(small))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests alone may use floats: an independent, if coarser, judge.
    fn exact(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    #[test]
    fn the_sigmoid_is_right_to_31_bits() {
        for step in -2000i64..=2000 {
            let x = Fixed::from_raw(step * (1 << 26));
            let ours = sigmoid(x).raw() as f64 / 2f64.powi(32);
            let error = (ours - exact(step as f64 / 64.0)).abs();
            assert!(error <= 2f64.powi(-31), "{step}: {error}");
        }
        assert_eq!(sigmoid(Fixed::ZERO).raw(), 1 << 31);
        assert_eq!(sigmoid(Fixed::from_raw(i64::MAX)), Fixed::ONE);
        assert_eq!(sigmoid(Fixed::from_raw(i64::MIN)), Fixed::ZERO);
    }

    #[test]
    fn speed_runs_from_low_to_high() {
        let rule = LiquidAlpha { low: 45875, high: 58982, steepness: 1000 };
        let (zero, one) = (Fixed::ZERO, Fixed::ONE);
        let slow = rule.speed(zero, zero, zero);
        let fast = rule.speed(one, zero, zero);
        assert!(slow < fast);
        assert!(slow >= Fixed::from_share(45875) && fast <= Fixed::from_share(58982));
        // Selling is measured by the bond, not by the consensus.
        assert_eq!(rule.speed(zero, one, one), fast);
    }

    #[test]
    fn crossed_bounds_stay_bounded() {
        let rule = LiquidAlpha { low: 60000, high: 10, steepness: i16::MIN };
        assert_eq!(rule.speed(Fixed::ONE, Fixed::ZERO, Fixed::ZERO), Fixed::from_share(60000));
    }
}
