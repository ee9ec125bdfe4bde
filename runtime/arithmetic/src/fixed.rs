//! Fixed-point numbers with 32 fractional bits, the numbers the epoch is made of.
//!
//! A [`Fixed`] is an `i64` whose value is `raw / 2^32`. Multiplication rounds down (towards
//! minus infinity), division rounds towards zero, sums are exact: this is what the executed
//! runtimes do, and a reference in this arithmetic equalled all their epochs bit for bit, while
//! double precision did not. Sums are taken in `i128`, so that they can neither overflow nor
//! depend on the order of their terms.

// Operators below work in i128 on 64-bit operands: no product, shift or sum can overflow.
#![allow(clippy::arithmetic_side_effects)]

use alloc::vec::Vec;

/// Fractional bits.
pub const FRACTION_BITS: u32 = 32;

/// A number with 32 fractional bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed(i64);

impl Fixed {
    /// Zero.
    pub const ZERO: Fixed = Fixed(0);
    /// One.
    pub const ONE: Fixed = Fixed(1 << FRACTION_BITS);

    /// The number whose bits are `raw`.
    pub const fn from_raw(raw: i64) -> Self {
        Fixed(raw)
    }

    /// The bits.
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// `value` as it is, without a fraction.
    pub const fn from_u16(value: u16) -> Self {
        Fixed((value as i64) << FRACTION_BITS)
    }

    /// `value / 65535`, truncated: how a stored `u16` share is read back.
    pub fn from_share(value: u16) -> Self {
        Self::from_ratio(u64::from(value), u64::from(u16::MAX))
    }

    /// `numerator / denominator`, truncated; zero when the denominator is zero. Saturates at
    /// the largest number.
    pub fn from_ratio(numerator: u64, denominator: u64) -> Self {
        Self::from_wide_ratio(u128::from(numerator), u128::from(denominator))
    }

    /// As [`Fixed::from_ratio`] for a numerator below 2^96.
    pub fn from_wide_ratio(numerator: u128, denominator: u128) -> Self {
        let scaled = numerator.saturating_mul(1 << FRACTION_BITS);
        let raw = scaled.checked_div(denominator).unwrap_or(0);
        Fixed(i64::try_from(raw).unwrap_or(i64::MAX))
    }

    /// The product, rounded down.
    pub fn times(self, other: Fixed) -> Fixed {
        saturate((i128::from(self.0) * i128::from(other.0)) >> FRACTION_BITS)
    }

    /// The quotient, rounded towards zero; zero when the divisor is zero.
    pub fn over(self, other: Fixed) -> Fixed {
        self.div_by_sum(i128::from(other.0))
    }

    /// The quotient by a sum made by [`sum`], rounded towards zero; zero when the sum is zero.
    pub fn div_by_sum(self, sum: i128) -> Fixed {
        let scaled = i128::from(self.0) << FRACTION_BITS;
        scaled.checked_div(sum).map_or(Fixed::ZERO, saturate)
    }

    /// The sum; saturates.
    pub fn plus(self, other: Fixed) -> Fixed {
        Fixed(self.0.saturating_add(other.0))
    }

    /// The difference; saturates.
    pub fn minus(self, other: Fixed) -> Fixed {
        Fixed(self.0.saturating_sub(other.0))
    }

    /// The number brought between `low` and `high`; `low` wins when they cross.
    pub fn clamp_to(self, low: Fixed, high: Fixed) -> Fixed {
        self.min(high).max(low)
    }

    /// `self * amount` rounded down, for a number between zero and one; never more than `amount`.
    pub fn of_amount(self, amount: u64) -> u64 {
        let share = u128::from(self.0.clamp(0, Self::ONE.0).unsigned_abs());
        // share <= 2^32 and amount < 2^64: the product stays below 2^97, the result <= amount.
        u64::try_from((share * u128::from(amount)) >> FRACTION_BITS).unwrap_or(amount)
    }

    /// `self * 65535` rounded down: how a share is stored. A full share made of truncated
    /// parts therefore often reads 65534.
    pub fn to_share(self) -> u16 {
        let clamped = i128::from(self.0.max(0)) * i128::from(u16::MAX);
        u16::try_from(clamped >> FRACTION_BITS).unwrap_or(u16::MAX)
    }

    /// The nearest whole number, halves up, as `u16`.
    pub fn round_to_u16(self) -> u16 {
        let half = 1i128 << (FRACTION_BITS - 1);
        let rounded = (i128::from(self.0.max(0)) + half) >> FRACTION_BITS;
        u16::try_from(rounded).unwrap_or(u16::MAX)
    }
}

fn saturate(raw: i128) -> Fixed {
    let bound = if raw < 0 { i64::MIN } else { i64::MAX };
    Fixed(i64::try_from(raw).unwrap_or(bound))
}

/// The exact sum of some numbers, as raw bits wide enough never to overflow.
pub fn sum<'a>(values: impl IntoIterator<Item = &'a Fixed>) -> i128 {
    values.into_iter().map(|value| i128::from(value.raw())).sum()
}

/// A raw sum back as a number; saturates.
pub fn from_sum(sum: i128) -> Fixed {
    saturate(sum)
}

/// Divides each number by the sum of all. Nothing changes when the sum is zero.
pub fn normalise(values: &mut [Fixed]) {
    let total = sum(values.iter());
    if total != 0 {
        values.iter_mut().for_each(|value| *value = value.div_by_sum(total));
    }
}

/// Amounts as fractions of their total: with 64 fractional bits first, then cut to 32. An amount
/// below 2^-32 of the total becomes zero and counts as nothing from then on.
pub fn normalise_amounts(amounts: &[u64]) -> Vec<Fixed> {
    let total: u128 = amounts.iter().map(|amount| u128::from(*amount)).sum();
    amounts.iter().map(|amount| Fixed::from_wide_ratio(u128::from(*amount), total)).collect()
}

/// Scales a vector so that its largest number is 65535, halves rounded up: the form in which
/// pruning scores are kept. A vector of zeros stays zeros.
pub fn max_upscale(values: &[Fixed]) -> Vec<u16> {
    let largest = values.iter().copied().max().unwrap_or(Fixed::ZERO);
    let full = Fixed::from_u16(u16::MAX);
    values.iter().map(|value| value.times(full).over(largest).round_to_u16()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_round_down_and_quotients_towards_zero() {
        let third = Fixed::ONE.over(Fixed::from_u16(3));
        assert_eq!(third.raw(), (1i64 << 32) / 3);
        assert_eq!(Fixed::from_raw(-1).times(third).raw(), -1);
        assert_eq!(Fixed::from_raw(-1).over(Fixed::from_u16(3)).raw(), 0);
        assert_eq!(Fixed::ONE.over(Fixed::ZERO), Fixed::ZERO);
    }

    #[test]
    fn a_share_survives_storage_only_rounded_down() {
        assert_eq!(Fixed::ONE.to_share(), 65535);
        assert_eq!(Fixed::from_raw((1 << 32) - 1).to_share(), 65534);
        assert_eq!(Fixed::from_share(65535), Fixed::ONE);
        assert_eq!(Fixed::from_raw(-5).to_share(), 0);
    }

    #[test]
    fn a_share_of_an_amount_never_exceeds_it() {
        assert_eq!(Fixed::ONE.of_amount(u64::MAX), u64::MAX);
        assert_eq!(Fixed::from_u16(2).of_amount(7), 7);
        assert_eq!(Fixed::from_ratio(1, 2).of_amount(7), 3);
    }

    #[test]
    fn dust_stake_is_no_stake() {
        let parts = normalise_amounts(&[1, 1 << 33]);
        assert_eq!(parts[0], Fixed::ZERO);
        assert_eq!(normalise_amounts(&[0, 0]), [Fixed::ZERO, Fixed::ZERO]);
    }

    #[test]
    fn upscaling_rounds_halves_up() {
        assert_eq!(max_upscale(&[Fixed::ZERO, Fixed::ZERO]), [0, 0]);
        let scaled = max_upscale(&[Fixed::from_raw(1), Fixed::from_raw(2), Fixed::from_raw(4)]);
        assert_eq!(scaled, [16384, 32768, 65535]);
        assert_eq!(Fixed::from_raw((1 << 32) + (1 << 31)).round_to_u16(), 2);
    }
}
