//! How the difficulty of proof of work follows demand.
//!
//! With as many registrations in an interval as are aimed at, it stays; with none it falls by half;
//! with three times as many it doubles. A part of the old value, `inertia` of 2^64 - 1, is kept.

/// The next difficulty after an interval with `registrations`, where `target` were aimed at. With
/// no target there is nothing to follow, and it stays.
pub fn adjust(difficulty: u64, registrations: u16, target: u16, inertia: u64) -> u64 {
    let aimed = u128::from(target).saturating_mul(2);
    let demanded = u128::from(difficulty)
        .saturating_mul(u128::from(registrations).saturating_add(u128::from(target)))
        .checked_div(aimed)
        .map_or(difficulty, |demanded| u64::try_from(demanded).unwrap_or(u64::MAX));
    let whole = u128::from(u64::MAX);
    // Two parts of one whole: their sum is at most the greater value times the whole.
    let kept = u128::from(difficulty).saturating_mul(inertia.into());
    let new = u128::from(demanded).saturating_mul(whole.saturating_sub(inertia.into()));
    let next = kept.saturating_add(new).checked_div(whole).unwrap_or(0);
    u64::try_from(next).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_registrations_beside_the_target() {
        // difficulty * (registrations + target) / (2 * target)
        assert_eq!(adjust(1_000, 2, 2, 0), 1_000);
        assert_eq!(adjust(1_000, 0, 2, 0), 500);
        assert_eq!(adjust(1_000, 6, 2, 0), 2_000);
        assert_eq!(adjust(1_000, 1, 2, 0), 750);
    }

    #[test]
    fn inertia_keeps_its_part_of_what_was() {
        assert_eq!(adjust(1_000, 6, 2, u64::MAX), 1_000);
        // Half of the way from 1000 to 2000, rounded down: the half is 2^63 of 2^64 - 1.
        assert_eq!(adjust(1_000, 6, 2, 1 << 63), 1_499);
    }

    #[test]
    fn nothing_overflows_and_no_target_means_no_change() {
        assert_eq!(adjust(u64::MAX, u16::MAX, 1, 0), u64::MAX);
        assert_eq!(adjust(u64::MAX, 0, 1, u64::MAX), u64::MAX);
        assert_eq!(adjust(7, 9, 0, 0), 7);
        assert_eq!(adjust(0, 9, 1, 0), 0);
    }
}
