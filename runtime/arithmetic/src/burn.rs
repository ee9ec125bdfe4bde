//! What it costs to join: the price of a neuron and of a subnet (subtensor.md 9).
//!
//! Both rise with demand and fall with time. Factors have 32 fractional bits and every product
//! rounds down.

use crate::wide::mul_div_floor;

/// One, with 32 fractional bits.
const ONE: u64 = 1 << 32;
/// Fractional bits of the multiplier a registration applies.
const MULTIPLIER_BITS: u32 = 64;

/// `factor^exponent` by squaring, each product rounded down.
fn power(factor: u64, mut exponent: u16) -> u64 {
    let product = |a: u64, b: u64| {
        u64::try_from((u128::from(a).saturating_mul(b.into())) >> 32).unwrap_or(u64::MAX)
    };
    let (mut result, mut square) = (ONE, factor);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = product(result, square);
        }
        square = product(square, square);
        exponent >>= 1;
    }
    result
}

/// The factor by which a price falls each block: the largest whose `half_life`-th power is at
/// most one half. One, that is no fall, for a half-life of zero.
pub fn decay_factor(half_life: u16) -> u64 {
    if half_life == 0 {
        return ONE;
    }
    let (mut low, mut high) = (0u64, ONE);
    // 32 halvings of [0, 2^32] leave one candidate.
    for _ in 0..33 {
        let middle = low.saturating_add(high.saturating_sub(low).div_ceil(2));
        if low >= high {
            break;
        }
        if power(middle, half_life) <= ONE / 2 {
            low = middle;
        } else {
            high = middle.saturating_sub(1);
        }
    }
    low
}

/// A neuron's price a block later, between its bounds; the upper one wins if they cross.
pub fn decay_price(price: u64, half_life: u16, low: u64, high: u64) -> u64 {
    let fallen = (u128::from(price).saturating_mul(decay_factor(half_life).into())) >> 32;
    u64::try_from(fallen).unwrap_or(price).max(low).min(high)
}

/// A neuron's price after a registration; the multiplier has 64 fractional bits.
pub fn raise_price(price: u64, multiplier: u128, low: u64, high: u64) -> u64 {
    let raised = mul_div_floor(price.into(), multiplier, 1 << MULTIPLIER_BITS);
    let raised = raised.and_then(|value| u64::try_from(value).ok()).unwrap_or(u64::MAX);
    raised.max(low).min(high)
}

/// What the price of a subnet is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockCost {
    /// What the last subnet locked.
    pub last_lock: u64,
    /// The block at which it was registered; zero before the first.
    pub last_block: u64,
    /// The lowest price.
    pub floor: u64,
    /// Blocks in which the last lock has melted away once.
    pub interval: u64,
}

impl LockCost {
    /// The price at a block: twice the last lock (once before the first subnet), less
    /// `last_lock / interval` for each block since, at least the floor.
    pub fn at(&self, block: u64) -> u64 {
        let multiplier = if self.last_block == 0 { 1 } else { 2 };
        let elapsed = block.saturating_sub(self.last_block);
        let step = self.last_lock.checked_div(self.interval).unwrap_or(0);
        self.last_lock
            .saturating_mul(multiplier)
            .saturating_sub(step.saturating_mul(elapsed))
            .max(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_halves_in_its_half_life() {
        for half_life in [1, 2, 7, 360, 7200, u16::MAX] {
            let factor = decay_factor(half_life);
            assert!(power(factor, half_life) <= ONE / 2, "{half_life}");
            assert!(power(factor + 1, half_life) > ONE / 2, "{half_life}");
        }
        assert_eq!(decay_factor(0), ONE);
        assert_eq!(decay_factor(1), ONE / 2);
        let mut price = 1_000_000_000_000;
        for _ in 0..360 {
            price = decay_price(price, 360, 1, u64::MAX);
        }
        assert!((499_990_000_000..=500_000_000_000).contains(&price), "{price}");
    }

    #[test]
    fn prices_stay_between_their_bounds() {
        assert_eq!(decay_price(10, 1, 8, 100), 8);
        assert_eq!(raise_price(100, 126 * (1u128 << 64) / 100 + 1, 0, 1000), 126);
        assert_eq!(raise_price(100, 3 << 64, 0, 150), 150);
        assert_eq!(raise_price(u64::MAX, u128::MAX, 0, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_subnets_price_doubles_and_melts() {
        let cost = LockCost { last_lock: 1000, last_block: 50, floor: 100, interval: 10 };
        assert_eq!(cost.at(50), 2000);
        assert_eq!(cost.at(60), 1000);
        assert_eq!(cost.at(1000), 100);
        assert_eq!(LockCost { last_block: 0, ..cost }.at(0), 1000);
    }
}
