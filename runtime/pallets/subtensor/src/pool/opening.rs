//! The price at which a new pool opens.

use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::{coinbase::PRICE_ONE, wide::mul_div_floor};

impl<T: Config> Pallet<T> {
    /// Alpha that a new pool holds beside `tao`: as much as makes its price the median of all
    /// pools' (the lower one of two), or 1 when it is the first.
    pub(crate) fn opening_alpha(tao: TaoBalance) -> AlphaBalance {
        let mut prices: Vec<u64> = Self::subnets()
            .into_iter()
            .map(Self::alpha_price_bits)
            .filter(|price| *price > 0)
            .collect();
        prices.sort_unstable();
        let middle = prices.len().saturating_sub(1) / 2;
        let median = prices.get(middle).copied().unwrap_or(PRICE_ONE);
        let alpha = mul_div_floor(tao.rao().into(), PRICE_ONE.into(), median.into())
            .and_then(|alpha| u64::try_from(alpha).ok())
            .filter(|alpha| *alpha > 0);
        AlphaBalance::new(alpha.unwrap_or(tao.rao()))
    }
}
