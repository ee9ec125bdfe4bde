//! The moving average that voting power is.

/// One, in the scale of the part that a new value has in the average.
pub const ALPHA_ONE: u64 = 1_000_000_000_000_000_000;

/// The average after an epoch in which the value was `stake`: `alpha` of it and the rest of what
/// the average was `before`, rounded down. An `alpha` above one counts as one.
pub fn moved(before: u64, stake: u64, alpha: u64) -> u64 {
    let alpha = alpha.min(ALPHA_ONE);
    let rest = ALPHA_ONE.saturating_sub(alpha);
    let new = u128::from(alpha).saturating_mul(stake.into());
    let old = u128::from(rest).saturating_mul(before.into());
    // Both together are at most `ALPHA_ONE` times a `u64`.
    let sum = new.saturating_add(old).checked_div(ALPHA_ONE.into()).unwrap_or(0);
    u64::try_from(sum).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_by_its_part_and_stays_between_both() {
        assert_eq!(moved(0, 1_000, ALPHA_ONE / 10), 100);
        assert_eq!(moved(1_000, 0, ALPHA_ONE / 10), 900);
        assert_eq!(moved(7, 9, 0), 7);
        assert_eq!(moved(7, 9, ALPHA_ONE), 9);
        assert_eq!(moved(7, 9, u64::MAX), 9);
        assert_eq!(moved(u64::MAX, u64::MAX, ALPHA_ONE / 3), u64::MAX);
        // 0.00357 of 999, rounded down.
        assert_eq!(moved(0, 999, 3_570_000_000_000_000), 3);
    }
}
