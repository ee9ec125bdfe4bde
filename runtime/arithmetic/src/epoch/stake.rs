//! Who counts: stake, activity and permits (subtensor.md 7, steps 1 to 3).
//!
//! Permits decided here hold from the next epoch on; the present one is run with those of the
//! last. Stake below 2^-32 of the total has already become zero (see
//! [`crate::fixed::normalise_amounts`]) and is treated as no stake.

use alloc::{vec, vec::Vec};

use super::{EpochInput, EpochRules};
use crate::fixed::{self, Fixed};

/// Who may hold a validator permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermitRule {
    /// The highest stakes that are not zero, and the owner always (subtensor.md 7, step 3).
    TopNonZero,
    /// The highest stakes even if zero: executed runtimes of spec 143 to 200.
    TopIncludingZero,
}

/// The standing of each neuron in this epoch.
pub(super) struct Standing {
    pub inactive: Vec<bool>,
    /// The permits this epoch is run with.
    pub permits: Vec<bool>,
    pub new_permits: Vec<bool>,
    /// Shares of all stake.
    pub stake: Vec<Fixed>,
    /// Shares of the stake of active permit holders.
    pub active_stake: Vec<Fixed>,
}

impl Standing {
    pub fn of(input: &EpochInput, rules: &EpochRules) -> Self {
        let owner = input.owner.map(usize::from);
        let amounts: Vec<u64> = input
            .neurons
            .iter()
            .enumerate()
            .map(|(uid, neuron)| {
                let counts = neuron.stake >= rules.stake_threshold || owner == Some(uid);
                if counts {
                    neuron.stake
                } else {
                    0
                }
            })
            .collect();
        let stake = fixed::normalise_amounts(&amounts);

        let expires = |last_update: u64| last_update.saturating_add(input.activity_cutoff);
        let inactive: Vec<bool> =
            input.neurons.iter().map(|neuron| expires(neuron.last_update) < input.block).collect();
        let permits: Vec<bool> = input
            .neurons
            .iter()
            .enumerate()
            .map(|(uid, neuron)| neuron.validator_permit || owner == Some(uid))
            .collect();

        let mut active_stake: Vec<Fixed> = stake
            .iter()
            .zip(inactive.iter().zip(&permits))
            .map(
                |(share, (inactive, permit))| {
                    if *permit && !inactive {
                        *share
                    } else {
                        Fixed::ZERO
                    }
                },
            )
            .collect();
        fixed::normalise(&mut active_stake);

        let mut new_permits = top(&stake, usize::from(rules.max_validators), rules.permits);
        if let Some(permit) = owner.and_then(|uid| new_permits.get_mut(uid)) {
            *permit = true;
        }
        Standing { inactive, permits, new_permits, stake, active_stake }
    }
}

/// Marks the `count` largest values; of equal ones the larger index wins (executed runtimes).
pub(super) fn top(values: &[Fixed], count: usize, rule: PermitRule) -> Vec<bool> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|index| (values.get(*index).copied(), *index));
    let mut marked = vec![false; values.len()];
    for index in order.into_iter().rev().take(count) {
        let value = values.get(index).copied().unwrap_or(Fixed::ZERO);
        let eligible = value != Fixed::ZERO || rule == PermitRule::TopIncludingZero;
        if let (Some(mark), true) = (marked.get_mut(index), eligible) {
            *mark = true;
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_stakes_the_larger_uid_wins() {
        let stakes = [Fixed::ONE, Fixed::ONE, Fixed::ONE, Fixed::ZERO];
        assert_eq!(top(&stakes, 2, PermitRule::TopNonZero), [false, true, true, false]);
    }

    #[test]
    fn zero_stake_gets_a_permit_only_by_the_old_rule() {
        let stakes = [Fixed::ZERO, Fixed::ONE];
        assert_eq!(top(&stakes, 2, PermitRule::TopNonZero), [false, true]);
        assert_eq!(top(&stakes, 2, PermitRule::TopIncludingZero), [true, true]);
    }
}
