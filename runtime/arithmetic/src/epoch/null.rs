//! The Null epoch: no consensus, one validator decides.
//!
//! The neuron with the highest stake leads: it holds the one permit, and its weights are taken as
//! they are, but for those towards neurons that came after them and towards itself. Miners earn in
//! proportion to that one row, or equally where nothing is left of it; validators, permit or not and
//! active or not, in proportion to their stake. Bonds stay as they are, and nothing is clipped;
//! consensus equals incentive, trust is not measured.
//!
//! Each half is divided to the last rao, unlike Yuma's, whose shares are rounded down. The rules are
//! those that the public runtime's tests of this mode state (spec 475); how they divide the last
//! rao they leave open.

use alloc::{vec, vec::Vec};

use super::stake::Standing;
use super::{counting_weights, EpochInput, EpochOutput, EpochRules, Neuron};
use crate::fixed::{self, Fixed};
use crate::wide::part;

/// The rao that a Null epoch divides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NullBudget {
    /// Between miners.
    pub miners: u64,
    /// Between validators.
    pub validators: u64,
    /// Between miners where nobody has any stake, in place of the other two.
    pub alone: u64,
}

/// The neuron that leads: of the highest stake that counts, the first of equal ones. Where none
/// counts, the first of all.
pub fn leader(neurons: &[Neuron], stake_threshold: u64) -> Option<u16> {
    let stakes = neurons.iter().map(|neuron| counting(neuron.stake, stake_threshold));
    let highest = stakes.clone().max()?;
    (0u16..).zip(stakes).find(|(_, stake)| *stake == highest).map(|(uid, _)| uid)
}

/// Stake as it counts: below the threshold it is none.
fn counting(stake: u64, threshold: u64) -> u64 {
    if stake >= threshold {
        stake
    } else {
        0
    }
}

/// Runs one epoch without consensus, dividing `budget`; the emission of `input` does not matter. Of
/// the weights only the leader's row is looked at, and of the rules only the stake threshold.
pub fn run_null(input: &EpochInput, rules: &EpochRules, budget: NullBudget) -> EpochOutput {
    let size = input.neurons.len();
    let leader = leader(input.neurons, rules.stake_threshold);
    let stakes: Vec<u64> =
        input.neurons.iter().map(|neuron| counting(neuron.stake, rules.stake_threshold)).collect();
    let miners = match leader.map(|uid| leading_row(input, uid)) {
        Some(row) if row.iter().any(|weight| *weight > 0) => row,
        _ => vec![1; size],
    };
    let staked = stakes.iter().any(|stake| *stake > 0);
    let (mined, validated) = match staked {
        true => (budget.miners, budget.validators),
        false => (budget.alone, 0),
    };
    let server_emission = apportion(&miners, mined);
    let validator_emission = apportion(&stakes, validated);
    let emission: Vec<u64> = server_emission
        .iter()
        .zip(&validator_emission)
        .map(|(server, validator)| server.saturating_add(*validator))
        .collect();
    let incentive = shares(&miners);
    let permits = (0..).zip(&stakes).map(|(uid, _)| Some(uid) == leader).collect();
    let standing = Standing::of(input, rules);
    EpochOutput {
        active: standing.inactive.iter().map(|inactive| !inactive).collect(),
        consensus: incentive.clone(),
        rank: incentive.clone(),
        trust: vec![0; size],
        incentive,
        dividends: shares(&stakes),
        validator_trust: vec![0; size],
        pruning_scores: fixed::max_upscale(&fixed::normalise_amounts(&emission)),
        bonds: vec![None; size],
        validator_permit: permits,
        server_emission,
        validator_emission,
        emission,
    }
}

/// What the leader weighs each neuron with.
fn leading_row(input: &EpochInput, leader: u16) -> Vec<u64> {
    let mut weights = vec![0; input.neurons.len()];
    let row = input.weights.get(usize::from(leader)).into_iter().flatten();
    for (to, weight) in row.filter(|(to, _)| counting_weights(input, leader, *to)) {
        if let Some(entry) = weights.get_mut(usize::from(*to)) {
            *entry = u64::from(*weight);
        }
    }
    weights
}

/// Divides `amount` in proportion to `weights`, all of it. Each gets what its part comes to,
/// rounded down or up: down or up as the sum of the parts before it and its own goes over a whole.
fn apportion(weights: &[u64], amount: u64) -> Vec<u64> {
    let total: u128 = weights.iter().fold(0, |sum, weight| sum.saturating_add((*weight).into()));
    let (mut seen, mut paid) = (0u128, 0u64);
    let pay = |weight: &u64| {
        seen = seen.saturating_add((*weight).into());
        let due = part(amount, seen, total);
        let pay = due.saturating_sub(paid);
        paid = due;
        pay
    };
    weights.iter().map(pay).collect()
}

/// Parts of the whole, of 65535, rounded down.
fn shares(amounts: &[u64]) -> Vec<u16> {
    fixed::normalise_amounts(amounts).iter().map(|share: &Fixed| share.to_share()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{BondsMask, BondsMode, PermitRule};
    use super::*;

    const RULES: EpochRules = EpochRules {
        kappa: 32767,
        bonds_moving_average: 900_000,
        bonds_penalty: 65535,
        max_validators: 1,
        stake_threshold: 0,
        bonds: BondsMode::Classic,
        permits: PermitRule::TopNonZero,
        bonds_mask: BondsMask::RegisteredSince(0),
    };

    /// Half for each side, and all of it for miners alone.
    fn whole(amount: u64) -> NullBudget {
        let validators = amount / 2;
        NullBudget { miners: amount - validators, validators, alone: amount }
    }

    /// Four neurons of these stakes, the last two without; all set their weights in block 1.
    fn neurons(stakes: [u64; 2]) -> [Neuron; 4] {
        [stakes[0], stakes[1], 0, 0].map(|stake| Neuron {
            stake,
            last_update: 1,
            ..Neuron::default()
        })
    }

    fn run(
        neurons: &[Neuron],
        weights: &[(u16, &[(u16, u16)])],
        budget: NullBudget,
    ) -> EpochOutput {
        let mut rows = vec![vec![]; neurons.len()];
        for (uid, row) in weights {
            rows[usize::from(*uid)] = row.to_vec();
        }
        let input = EpochInput {
            block: 10_000,
            activity_cutoff: 5,
            neurons,
            weights: &rows,
            bonds: &[],
            owner: None,
            emission: 0,
        };
        run_null(&input, &RULES, budget)
    }

    // The cases and figures of the next six tests are those of the public runtime's tests of the
    // mode, except for rao that it leaves open.

    #[test]
    fn the_leader_decides_and_stake_is_paid_whether_active_or_not() {
        let rows: [(u16, &[_]); 2] = [(0, &[(2, 3), (3, 1)]), (1, &[(3, u16::MAX)])];
        let output = run(&neurons([300_000_000, 100_000_000]), &rows, whole(1_000_000));
        assert_eq!(output.active, [false; 4]);
        assert_eq!(output.server_emission, [0, 0, 375_000, 125_000]);
        assert_eq!(output.validator_emission, [375_000, 125_000, 0, 0]);
        assert_eq!(output.validator_permit, [true, false, false, false]);
        assert_eq!(output.bonds, [None, None, None, None]);
    }

    #[test]
    fn of_equal_stakes_the_first_leads_and_a_rao_decides() {
        let rows: [(u16, &[_]); 2] = [(0, &[(2, 9)]), (1, &[(3, 9)])];
        let equal = run(&neurons([100_000_000, 100_000_000]), &rows, whole(1_000_000));
        assert_eq!(equal.server_emission, [0, 0, 500_000, 0]);
        let second = run(&neurons([1_000_000_000, 1_000_000_001]), &rows, whole(1_000_000));
        assert_eq!(second.server_emission, [0, 0, 0, 500_000]);
    }

    #[test]
    fn without_weights_that_count_all_share_alike() {
        let stakes = [300_000_000, 100_000_000];
        let others: [(u16, &[_]); 1] = [(1, &[(3, u16::MAX)])];
        let output = run(&neurons(stakes), &others, whole(1_000_000));
        assert_eq!(output.server_emission, [125_000; 4]);
        assert_eq!(output.validator_emission, [375_000, 125_000, 0, 0]);
        // A neuron that came after the weights were set.
        let mut late = neurons(stakes);
        late[2].registered_at = 2;
        let rows: [(u16, &[_]); 1] = [(0, &[(2, u16::MAX)])];
        assert_eq!(run(&late, &rows, whole(1_000_000)).server_emission, [125_000; 4]);
    }

    #[test]
    fn without_stake_miners_have_what_is_not_roots() {
        let output = run(&neurons([0, 0]), &[], whole(1_000_000));
        assert_eq!(output.server_emission, [250_000; 4]);
        assert_eq!(output.validator_emission, [0; 4]);
        let budget = NullBudget { miners: 500, validators: 500, alone: 700 };
        assert_eq!(run(&neurons([0, 0]), &[], budget).emission.iter().sum::<u64>(), 700);
    }

    #[test]
    fn every_rao_is_divided_and_each_part_is_rounded_by_less_than_one() {
        let mut weights = vec![u64::from(u16::MAX); 2_500];
        weights[0] = 1;
        weights[100] = 0;
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        for amount in [0, 1, 7, 4_097, 1_000_003, u64::MAX] {
            let parts = apportion(&weights, amount);
            assert_eq!(parts.iter().map(|part| u128::from(*part)).sum::<u128>(), amount.into());
            assert_eq!(parts[100], 0);
            for (weight, part) in weights.iter().zip(&parts) {
                let floor = (u128::from(amount) * u128::from(*weight) / total) as u64;
                assert!([floor, floor + 1].contains(part), "{part} of {amount}");
            }
        }
        let most = apportion(&[u64::MAX; 2_500], u64::MAX);
        assert_eq!(most.iter().map(|part| u128::from(*part)).sum::<u128>(), u64::MAX.into());
    }

    #[test]
    fn both_sides_together_are_the_budget() {
        let rows: [(u16, &[_]); 1] = [(0, &[(2, 65_534), (3, 1)])];
        for amount in [0, 1, 3, 131_071, u64::MAX] {
            let output = run(&neurons([300_000_000, 100_000_000]), &rows, whole(amount));
            let sum = |parts: &[u64]| parts.iter().map(|part| u128::from(*part)).sum::<u128>();
            assert_eq!(sum(&output.server_emission), u128::from(amount - amount / 2));
            assert_eq!(sum(&output.validator_emission), u128::from(amount / 2));
            assert_eq!(sum(&output.emission), u128::from(amount));
        }
    }

    #[test]
    fn no_neurons_divide_nothing() {
        assert_eq!(run(&[], &[], whole(5)), EpochOutput::default());
        assert_eq!(leader(&[], 0), None);
    }

    #[test]
    fn stake_below_the_threshold_is_none() {
        assert_eq!(leader(&neurons([1, 3]), 5), Some(0));
        assert_eq!(leader(&neurons([1, 5]), 5), Some(1));
    }
}
