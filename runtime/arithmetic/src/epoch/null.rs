//! The Null epoch: no consensus, one validator decides.
//!
//! Clients describe it so (spec 425 has no such mode): the neuron with the highest stake
//! is the sole permit holder, and its weights are taken exactly as they are. Miners earn in
//! proportion to that one row, the validator earns the whole validators' half. Bonds stay as they
//! are, and nothing is clipped; consensus equals incentive, trust is not measured.

use alloc::{vec, vec::Vec};

use super::payment::Shares;
use super::stake::Standing;
use super::{masked_weights, EpochInput, EpochOutput, EpochRules};
use crate::fixed::{self, Fixed};
use crate::sparse::at;

/// Runs one epoch without consensus. Of the rules only the stake threshold and the permit rule
/// matter; the number of permits is one.
pub fn run_null(input: &EpochInput, rules: &EpochRules) -> EpochOutput {
    let rules = EpochRules { max_validators: 1, ..*rules };
    let without_owner = EpochInput { owner: None, ..*input };
    let standing = Standing::of(&without_owner, &rules);
    let weights = masked_weights(input, &standing);
    let size = input.neurons.len();

    let leader = (0..size)
        .filter(|uid| at(&standing.active_stake, *uid) != Fixed::ZERO)
        .max_by_key(|uid| (at(&standing.active_stake, *uid), *uid));
    let mut incentive = vec![Fixed::ZERO; size];
    let row = leader.and_then(|uid| weights.rows().get(uid));
    for (column, value) in row.into_iter().flatten() {
        if let Some(share) = incentive.get_mut(usize::from(*column)) {
            *share = *value;
        }
    }
    let rated = incentive.iter().any(|share| *share != Fixed::ZERO);
    let earns = |uid| rated && leader == Some(uid);
    let dividends: Vec<Fixed> =
        (0..size).map(|uid| if earns(uid) { Fixed::ONE } else { Fixed::ZERO }).collect();
    let shares = Shares::of(&incentive, &dividends, &standing, input.emission);

    let to_shares =
        |values: &[Fixed]| -> Vec<u16> { values.iter().map(|value| value.to_share()).collect() };
    let stored = to_shares(&incentive);
    EpochOutput {
        active: standing.inactive.iter().map(|inactive| !inactive).collect(),
        consensus: stored.clone(),
        rank: stored.clone(),
        trust: vec![0; size],
        incentive: stored,
        dividends: to_shares(&dividends),
        validator_trust: vec![0; size],
        pruning_scores: fixed::max_upscale(&shares.combined),
        bonds: vec![None; size],
        validator_permit: standing.new_permits,
        server_emission: shares.server_emission,
        validator_emission: shares.validator_emission,
        emission: shares.emission,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BondsMask, BondsMode, Neuron, PermitRule};
    use super::*;

    const RULES: EpochRules = EpochRules {
        kappa: 32767,
        bonds_moving_average: 900_000,
        bonds_penalty: 65535,
        max_validators: 64,
        stake_threshold: 0,
        bonds: BondsMode::Classic,
        permits: PermitRule::TopNonZero,
        bonds_mask: BondsMask::RegisteredSince(0),
    };

    #[test]
    fn the_highest_stake_alone_decides() {
        let neuron = |stake, validator_permit| Neuron {
            stake,
            last_update: 9,
            validator_permit,
            ..Neuron::default()
        };
        let neurons = [neuron(5, true), neuron(9, true), neuron(0, false), neuron(0, false)];
        let weights = [vec![(2, 65535)], vec![(2, 1), (3, 3)], vec![], vec![]];
        let input = EpochInput {
            block: 10,
            activity_cutoff: 5,
            neurons: &neurons,
            weights: &weights,
            bonds: &[],
            owner: Some(0),
            emission: 1000,
        };
        let output = run_null(&input, &RULES);
        assert_eq!(output.validator_permit, [false, true, false, false]);
        assert_eq!(output.server_emission, [0, 0, 125, 375]);
        assert_eq!(output.validator_emission, [0, 500, 0, 0]);
        assert_eq!(output.bonds, [None, None, None, None]);
    }
}
