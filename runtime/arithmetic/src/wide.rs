//! Multiplication and division of amounts through 256 bits, with the rounding named.
//!
//! Amounts are `u64` and their products soon pass 128 bits. These helpers keep that out of the
//! formulas: they return `None` where a result does not fit or a divisor is zero, so that the
//! caller decides what that means.

// Every operator below works on operands whose widths bound its result, as stated beside it.
#![allow(clippy::arithmetic_side_effects)]

use primitive_types::U256;

/// `floor(a * b / divisor)`.
pub fn mul_div_floor(a: u128, b: u128, divisor: u128) -> Option<u128> {
    if let Some(product) = a.checked_mul(b) {
        return product.checked_div(divisor);
    }
    // Two 128-bit numbers make at most 256 bits.
    let quotient = (U256::from(a) * U256::from(b)).checked_div(U256::from(divisor))?;
    u128::try_from(quotient).ok()
}

/// `ceil(a * b / divisor)`.
pub fn mul_div_ceil(a: u128, b: u128, divisor: u128) -> Option<u128> {
    if divisor == 0 {
        return None;
    }
    // Two 128-bit numbers make at most 256 bits.
    let (quotient, rest) = (U256::from(a) * U256::from(b)).div_mod(U256::from(divisor));
    let rounded = if rest.is_zero() { quotient } else { quotient.checked_add(U256::one())? };
    u128::try_from(rounded).ok()
}

/// `floor(amount * numerator / denominator)` for a fraction of at most one: never more than
/// `amount`. Zero when the denominator is zero.
pub fn part(amount: u64, numerator: u128, denominator: u128) -> u64 {
    let part = mul_div_floor(u128::from(amount), numerator, denominator).unwrap_or(0);
    u64::try_from(part).unwrap_or(u64::MAX).min(amount)
}

/// `floor(amount * share / 65535)`: a take, a cut, a fee.
pub fn part_u16(amount: u64, share: u16) -> u64 {
    part(amount, u128::from(share), u128::from(u16::MAX))
}

/// `floor(amount * share / (2^64 - 1))`: the proportion of a child key.
pub fn part_u64(amount: u64, share: u64) -> u64 {
    part(amount, u128::from(share), u128::from(u64::MAX))
}

/// The product of two 128-bit numbers as (high, low) halves.
pub fn full_mul(a: u128, b: u128) -> (u128, u128) {
    // Each partial product is at most (2^64 - 1)^2, which leaves room for two more halves.
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low) = (a >> 64, a & LOW);
    let (b_high, b_low) = (b >> 64, b & LOW);
    let low = a_low * b_low;
    let cross = a_high * b_low + (low >> 64);
    let cross_low = a_low * b_high + (cross & LOW);
    let high = a_high * b_high + (cross >> 64) + (cross_low >> 64);
    (high, (cross_low << 64) | (low & LOW))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounding_goes_where_it_is_named() {
        assert_eq!(mul_div_floor(7, 3, 2), Some(10));
        assert_eq!(mul_div_ceil(7, 3, 2), Some(11));
        assert_eq!(mul_div_ceil(6, 3, 2), Some(9));
        assert_eq!(mul_div_floor(1, 1, 0), None);
        assert_eq!(mul_div_ceil(1, 1, 0), None);
        assert_eq!(mul_div_floor(u128::MAX, u128::MAX, 1), None);
        assert_eq!(mul_div_floor(u128::MAX, u128::MAX, u128::MAX), Some(u128::MAX));
    }

    #[test]
    fn parts_of_everything_are_everything() {
        assert_eq!(part_u16(u64::MAX, u16::MAX), u64::MAX);
        assert_eq!(part_u64(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(part(5, 9, 3), 5);
        assert_eq!(part(5, 1, 0), 0);
    }

    proptest! {
        #[test]
        fn the_full_product_is_that_of_256_bits(a: u128, b: u128) {
            let (high, low) = full_mul(a, b);
            let expected = U256::from(a) * U256::from(b);
            prop_assert_eq!((U256::from(high) << 128) + U256::from(low), expected);
        }

        #[test]
        fn ceiling_is_floor_or_one_more(a: u64, b: u64, d in 1u64..) {
            let floor = mul_div_floor(a.into(), b.into(), d.into()).unwrap();
            let ceil = mul_div_ceil(a.into(), b.into(), d.into()).unwrap();
            let exact = u128::from(a) * u128::from(b) % u128::from(d) == 0;
            prop_assert_eq!(ceil, floor + u128::from(!exact));
        }
    }
}
