//! What stake agrees on: the weighted median of each column, and what follows from it.
//!
//! The consensus weight of a neuron is the largest weight that a share kappa of the active
//! stake would give it (subtensor.md 7, steps 5 and 6). Weights above it are clipped, so a minority
//! cannot raise a neuron alone.

use alloc::vec::Vec;

use super::clip;
use crate::fixed::{self, Fixed};
use crate::sparse::{at, Sparse};

/// What the validators agree on.
pub(super) struct Agreement {
    pub consensus: Vec<Fixed>,
    /// The weights, none above the consensus of its column.
    pub clipped: Sparse,
    pub validator_trust: Vec<Fixed>,
    pub trust: Vec<Fixed>,
    /// Rank and incentive in one: both are the normalised clipped rank.
    pub incentive: Vec<Fixed>,
}

pub(super) fn agree(weights: &Sparse, active_stake: &[Fixed], kappa: u16) -> Agreement {
    let consensus = medians(weights, active_stake, kappa);
    let clipped = clip(weights, &consensus);
    let raw_ranks = weights.weigh_rows(active_stake);
    let mut ranks = clipped.weigh_rows(active_stake);
    let trust = ranks.iter().zip(&raw_ranks).map(|(rank, raw)| rank.over(*raw)).collect();
    fixed::normalise(&mut ranks);
    Agreement { validator_trust: clipped.row_sums(), consensus, clipped, trust, incentive: ranks }
}

/// The stake-weighted median of every column, over the validators with active stake; an absent
/// weight is a score of zero.
fn medians(weights: &Sparse, active_stake: &[Fixed], kappa: u16) -> Vec<Fixed> {
    let mut voting: Vec<Fixed> = active_stake.to_vec();
    fixed::normalise(&mut voting);
    let total = fixed::sum(&voting);
    let voters = voting.iter().filter(|stake| **stake != Fixed::ZERO).count();
    let minority = total.saturating_sub(Fixed::from_share(kappa).raw().into());

    let mut columns: Vec<Vec<(Fixed, Fixed)>> = alloc::vec![Vec::new(); weights.size()];
    for (row, entries) in weights.rows().iter().enumerate() {
        let stake = at(&voting, row);
        if stake == Fixed::ZERO {
            continue;
        }
        for (column, score) in entries {
            if let Some(scores) = columns.get_mut(usize::from(*column)) {
                scores.push((*score, stake));
            }
        }
    }
    columns.iter_mut().map(|scores| median(scores, total, voters, minority)).collect()
}

/// The lowest score `c` with `minority < stake scoring at most c`; the highest score when the
/// minority is all the stake (kappa 0), zero when nobody votes.
fn median(scores: &mut [(Fixed, Fixed)], total: i128, voters: usize, minority: i128) -> Fixed {
    scores.sort_unstable();
    let scoring = fixed::sum(scores.iter().map(|(_, stake)| stake));
    let mut below = total.saturating_sub(scoring);
    if scores.len() < voters && minority < below {
        return Fixed::ZERO;
    }
    for (score, stake) in scores.iter() {
        below = below.saturating_add(stake.raw().into());
        if minority < below {
            return *score;
        }
    }
    scores.last().map_or(Fixed::ZERO, |(score, _)| *score)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median_of(pairs: &[(u16, u16)], kappa: u16) -> u16 {
        let total: u16 = pairs.iter().map(|(_, stake)| stake).sum();
        let stake: Vec<Fixed> =
            pairs.iter().map(|(_, part)| Fixed::from_ratio((*part).into(), total.into())).collect();
        let rows: Vec<_> = pairs.iter().map(|(score, _)| alloc::vec![(0u16, *score)]).collect();
        let weights = Sparse::read(pairs.len(), &rows, Fixed::from_u16);
        let raw = medians(&weights, &stake, kappa)[0].raw();
        u16::try_from(raw >> 32).unwrap()
    }

    #[test]
    fn an_even_split_turns_on_the_last_bit_of_kappa() {
        assert_eq!(median_of(&[(10, 1), (20, 1)], 32767), 20);
        assert_eq!(median_of(&[(10, 1), (20, 1)], 32768), 10);
    }

    #[test]
    fn kappa_zero_takes_the_highest_and_full_kappa_the_lowest_score() {
        assert_eq!(median_of(&[(10, 1), (20, 1), (30, 2)], 0), 30);
        assert_eq!(median_of(&[(10, 1), (20, 1), (30, 1)], 65535), 10);
    }

    #[test]
    fn silence_is_a_vote_for_zero() {
        assert_eq!(median_of(&[(10, 2), (0, 3)], 32767), 0);
        assert_eq!(median_of(&[(10, 3), (0, 2)], 32767), 10);
    }
}
