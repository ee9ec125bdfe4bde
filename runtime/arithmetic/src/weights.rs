//! What a validator may set as weights, and how they are stored (subtensor.md 9, and executed
//! runtimes).
//!
//! The checks that need only numbers are here; those that need accounts, permits and blocks are
//! the pallet's. Zeros count towards the minimum and are stored; the order of uids is kept.

use alloc::vec::Vec;

use crate::fixed::Fixed;

/// Why weights were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightsError {
    /// As many values as uids are needed.
    LengthsDiffer,
    /// More uids than neurons.
    TooMany,
    /// A uid is named twice.
    DuplicateUid,
    /// A uid belongs to nobody.
    UnknownUid,
    /// Fewer weights than the subnet asks for.
    TooFew,
    /// A weight's share of the sum is above the limit.
    AboveLimit,
}

/// The limits a subnet sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightsLimits {
    /// Its neurons.
    pub neurons: u16,
    /// The fewest weights; no more are asked for than there are neurons.
    pub minimum_count: u16,
    /// The largest share of one weight, of 65535.
    pub share_max: u16,
}

/// Whether the weights are one weight for oneself, which is free of permit, minimum and limit.
pub fn is_self_weight(own: u16, uids: &[u16]) -> bool {
    uids == [own]
}

/// Checks weights and returns them as stored: scaled so that the largest is 65535, halves
/// rounded up.
pub fn admit(
    own: u16,
    uids: &[u16],
    values: &[u16],
    limits: &WeightsLimits,
) -> Result<Vec<(u16, u16)>, WeightsError> {
    if uids.len() != values.len() {
        return Err(WeightsError::LengthsDiffer);
    }
    if uids.len() > usize::from(limits.neurons) {
        return Err(WeightsError::TooMany);
    }
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(WeightsError::DuplicateUid);
    }
    if sorted.last().is_some_and(|largest| *largest >= limits.neurons) {
        return Err(WeightsError::UnknownUid);
    }
    let alone = is_self_weight(own, uids);
    let enough = uids.len() >= usize::from(limits.minimum_count.min(limits.neurons));
    if !(enough || alone) {
        return Err(WeightsError::TooFew);
    }
    let scaled = upscale(values);
    if !alone && above_limit(&scaled, limits.share_max) {
        return Err(WeightsError::AboveLimit);
    }
    Ok(uids.iter().copied().zip(scaled).collect())
}

/// Weights scaled so that the largest is 65535, halves up; all zeros stay.
pub fn upscale(values: &[u16]) -> Vec<u16> {
    let largest = u64::from(values.iter().copied().max().unwrap_or(0));
    // round(v * 65535 / largest) is floor((2 * v * 65535 + largest) / (2 * largest)).
    let scale = |value: u16| {
        let doubled = u64::from(value).saturating_mul(2 * u64::from(u16::MAX));
        let rounded = doubled.saturating_add(largest).checked_div(largest.saturating_mul(2));
        u16::try_from(rounded.unwrap_or(0)).unwrap_or(u16::MAX)
    };
    values.iter().copied().map(scale).collect()
}

/// Whether the largest weight is more than the limit's share of all.
fn above_limit(values: &[u16], share_max: u16) -> bool {
    if share_max == u16::MAX {
        return false;
    }
    let total: u64 = values.iter().map(|value| u64::from(*value)).sum();
    let largest = u64::from(values.iter().copied().max().unwrap_or(0));
    Fixed::from_ratio(largest, total) > Fixed::from_share(share_max)
}
