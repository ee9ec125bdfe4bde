//! Shares of a lease: what part of it a contribution is, and what that part is of an amount.
//!
//! A share has 64 fractional bits.

use crate::wide::mul_div_floor;

/// All of it, in the scale of a share.
pub const SHARE_ONE: u128 = 1 << 64;

/// The bits of a product below one.
const FRACTION: u128 = u64::MAX as u128;

/// The part that `given` is of `raised`, rounded down; at most all of it.
pub fn share(given: u64, raised: u64) -> u128 {
    mul_div_floor(given.into(), SHARE_ONE, raised.into()).unwrap_or(0).min(SHARE_ONE)
}

/// A share of an amount that is given back: rounded down, so that all of them are at most it.
pub fn refund(share: u128, amount: u64) -> u64 {
    part(share, amount, false)
}

/// A share of an amount that is paid as a dividend: rounded up, as publicly. All of them together
/// may come to as many rao more than the amount as there are contributors.
pub fn dividend(share: u128, amount: u64) -> u64 {
    part(share, amount, true)
}

fn part(share: u128, amount: u64, up: bool) -> u64 {
    // At most 2^64 times a number below it.
    let product = share.min(SHARE_ONE).saturating_mul(amount.into());
    let whole = u64::try_from(product >> 64).unwrap_or(u64::MAX);
    let more = up && product & FRACTION != 0;
    whole.saturating_add(more.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_is_rounded_down_for_a_refund_and_up_for_a_dividend() {
        let third = share(1, 3);
        assert_eq!((refund(third, 10), dividend(third, 10)), (3, 4));
        assert_eq!((refund(third, 9), dividend(third, 9)), (2, 3));
        assert_eq!((refund(third, 0), dividend(third, 0)), (0, 0));
    }

    #[test]
    fn all_of_it_is_all_of_it() {
        for amount in [0, 1, u64::MAX] {
            let all = share(7, 7);
            assert_eq!((refund(all, amount), dividend(all, amount)), (amount, amount));
        }
        assert_eq!(share(u64::MAX, 1), SHARE_ONE);
        assert_eq!(share(1, 0), 0);
        assert_eq!((refund(u128::MAX, u64::MAX), dividend(0, 5)), (u64::MAX, 0));
    }
}
