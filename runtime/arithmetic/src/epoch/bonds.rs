//! Bonds: what validators gained by rating neurons early, and the dividends they yield
//! (subtensor.md 7, steps 7 and 8).
//!
//! Classic bonds are stored as they are (no division by 65535), because their columns are
//! normalised on reading; Yuma 3 bonds are proportions of 65535. Products round down, zero
//! entries drop out (executed runtimes).

use alloc::vec::Vec;

use super::consensus::Agreement;
use super::stake::Standing;
use super::{BondsMode, EpochInput, EpochRules, StoredRow};
use crate::fixed::{self, Fixed};
use crate::sparse::{at, Sparse};

/// Which old bonds a change of neuron invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BondsMask {
    /// Those with neurons registered at or after this block, the first of the running tempo
    /// (subtensor.md 7, step 8).
    RegisteredSince(u64),
    /// Those of validators who have not set weights since the neuron registered: executed
    /// runtimes of spec 143 to 200.
    NotUpdatedSince,
}

impl BondsMask {
    /// The public chain's mask (spec 425): one block after the last epoch, or a tempo ago before
    /// the first.
    pub fn since_last_epoch(last_epoch: u64, block: u64, tempo: u16) -> Self {
        let first = if last_epoch == 0 {
            block.saturating_sub(u64::from(tempo))
        } else {
            last_epoch.saturating_add(1)
        };
        BondsMask::RegisteredSince(first)
    }
}

/// The bonds after an epoch.
pub(super) struct Bonds {
    pub dividends: Vec<Fixed>,
    /// Entries as shares of 65535.
    next: Sparse,
}

impl Bonds {
    /// What to store: rows of new permit holders; rows of those who just lost theirs are
    /// cleared; others stay as stored and take part in the next epoch (executed runtimes).
    pub fn stored(&self, standing: &Standing) -> Vec<Option<StoredRow>> {
        let permits = standing.permits.iter().zip(&standing.new_permits);
        self.next
            .rows()
            .iter()
            .zip(permits)
            .map(|(row, (old, new))| match (old, new) {
                (_, true) => {
                    Some(row.iter().map(|(column, value)| (*column, value.to_share())).collect())
                }
                (true, false) => Some(StoredRow::new()),
                (false, false) => None,
            })
            .collect()
    }
}

pub(super) fn update(
    input: &EpochInput,
    rules: &EpochRules,
    standing: &Standing,
    weights: &Sparse,
    agreed: &Agreement,
) -> Bonds {
    // Step 7: at the default penalty, 65535, bonds follow the clipped weights alone.
    let penalty = Fixed::from_share(rules.bonds_penalty);
    let rest = Fixed::ONE.minus(penalty);
    let target =
        weights.zip(&agreed.clipped, |_, _, raw, cut| rest.times(raw).plus(penalty.times(cut)));
    let speed = Fixed::ONE.minus(Fixed::from_ratio(rules.bonds_moving_average, 1_000_000));
    match rules.bonds {
        BondsMode::Classic => {
            let old = read(input, rules.bonds_mask, Fixed::from_u16);
            classic(old, &target, speed, standing, agreed)
        }
        BondsMode::Yuma3(liquid) => {
            let old = read(input, rules.bonds_mask, Fixed::from_share);
            // Without any consensus liquid alpha has nothing to measure against.
            let agrees = agreed.consensus.iter().any(|value| *value != Fixed::ZERO);
            let liquid = liquid.filter(|_| agrees);
            let next = old.zip(&target, |_, column, bond, weight| {
                let speed = liquid.map_or(speed, |liquid| {
                    liquid.speed(weight, bond, at(&agreed.consensus, column))
                });
                approach(bond, weight, speed)
            });
            yuma3(next, standing, agreed)
        }
    }
}

fn read(input: &EpochInput, mask: BondsMask, convert: impl Fn(u16) -> Fixed) -> Sparse {
    let mut bonds = Sparse::read(input.neurons.len(), input.bonds, convert);
    bonds.retain(|row, column| {
        let (Some(validator), Some(neuron)) = (input.neurons.get(row), input.neurons.get(column))
        else {
            return false;
        };
        match mask {
            BondsMask::RegisteredSince(first) => neuron.registered_at < first,
            BondsMask::NotUpdatedSince => validator.last_update > neuron.registered_at,
        }
    });
    bonds
}

/// One step of the exponential moving average.
fn approach(old: Fixed, target: Fixed, speed: Fixed) -> Fixed {
    speed.times(target).plus(Fixed::ONE.minus(speed).times(old))
}

fn classic(
    mut old: Sparse,
    target: &Sparse,
    speed: Fixed,
    standing: &Standing,
    agreed: &Agreement,
) -> Bonds {
    old.normalise_columns();
    let mut bought =
        target.map(|row, _, weight| at(&standing.active_stake, row).times(weight)).without_zeros();
    bought.normalise_columns();
    let mut next = old.zip(&bought, |_, _, bond, delta| approach(bond, delta, speed));
    next.normalise_columns();
    let mut dividends = next.weigh_columns(&agreed.incentive);
    fixed::normalise(&mut dividends);
    next.upscale_columns();
    Bonds { dividends, next }
}

fn yuma3(next: Sparse, standing: &Standing, agreed: &Agreement) -> Bonds {
    let mut shares = next.clone();
    shares.normalise_columns();
    let mut dividends: Vec<Fixed> = shares
        .weigh_columns(&agreed.incentive)
        .iter()
        .zip(&standing.active_stake)
        .map(|(earned, stake)| earned.times(*stake))
        .collect();
    fixed::normalise(&mut dividends);
    Bonds { dividends, next }
}
