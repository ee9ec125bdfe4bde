//! How much is minted: the halving curve (subtensor.md 2).
//!
//! One curve serves TAO and, separately, the alpha of every subnet. Each time half of what
//! remains to be issued is out, the emission of a block halves.

/// The most that is ever issued, in rao: 21 million.
pub const ISSUANCE_MAX: u64 = 21_000_000_000_000_000;
/// What a block emits before the first halving, in rao: one.
pub const EMISSION_FIRST: u64 = 1_000_000_000;

/// The emission of one block at this issuance.
///
/// The public chain's `2^-floor(log2(1 / (1 - issuance / max)))` in whole numbers: the halvings are
/// the largest `k` with `remaining * 2^k <= max`. Equality counts as halved (executed runtimes).
/// Zero once nothing remains, and before that as soon as a share falls below one rao.
pub fn block_emission(issuance: u64) -> u64 {
    let remaining = ISSUANCE_MAX.saturating_sub(issuance);
    if remaining == 0 {
        return 0;
    }
    let ratio = ISSUANCE_MAX.checked_div(remaining).unwrap_or(0);
    let halvings = ratio.checked_ilog2().unwrap_or(0);
    EMISSION_FIRST.checked_shr(halvings).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halvings_fall_on_their_boundaries() {
        assert_eq!(block_emission(0), EMISSION_FIRST);
        assert_eq!(block_emission(10_499_999_999_999_999), 1_000_000_000);
        assert_eq!(block_emission(10_500_000_000_000_000), 500_000_000);
        assert_eq!(block_emission(15_750_000_000_000_000), 250_000_000);
        assert_eq!(block_emission(20_999_999_999_999_998), 0);
        assert_eq!(block_emission(u64::MAX), 0);
    }

    proptest! {
        #[test]
        fn the_curve_only_falls(a in 0..ISSUANCE_MAX, b in 0..ISSUANCE_MAX) {
            prop_assert!(block_emission(a.min(b)) >= block_emission(a.max(b)));
        }
    }
}
