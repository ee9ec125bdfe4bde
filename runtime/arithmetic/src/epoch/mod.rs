//! One epoch of Yuma consensus: stake and weights in, shares, bonds and payments out.
//!
//! The steps follow subtensor.md 7 and, where it is silent on rounding or differs, the notes on
//! executed runtimes; the golden vectors of 88 executed epochs hold bit for bit. Where public
//! runtimes of different ages disagree, [`EpochRules`] names both rules: [`PermitRule`] and
//! [`BondsMask`] keep the older ones for those vectors, the chain itself runs the newer.
//!
//! What it does not know: accounts, netuids, storage, which emission it divides or why.

mod bonds;
mod consensus;
mod liquid;
mod null;
mod payment;
mod stake;

use alloc::vec::Vec;

pub use self::bonds::BondsMask;
pub use self::liquid::LiquidAlpha;
pub use self::null::{leader, run_null, NullBudget};
pub use self::stake::PermitRule;

use crate::fixed::{self, Fixed};
use crate::sparse::{at, Sparse};

/// Stored pairs of (uid, value), the form of weights and bonds on the chain.
pub type StoredRow = Vec<(u16, u16)>;

/// What the epoch must know of one neuron.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neuron {
    /// Its stake in rao: alpha and weighted root stake together.
    pub stake: u64,
    /// The block at which it last set or revealed weights.
    pub last_update: u64,
    /// The block at which it took its uid.
    pub registered_at: u64,
    /// Whether the last epoch gave it a validator permit.
    pub validator_permit: bool,
    /// Under commit-reveal, the block of its oldest commit that is still to be revealed or
    /// has just been: weights for neurons registered after it do not count.
    pub oldest_commit: Option<u64>,
}

/// Everything an epoch reads.
#[derive(Clone, Copy, Debug)]
pub struct EpochInput<'a> {
    /// The block at which the epoch runs.
    pub block: u64,
    /// Neurons silent for more than this many blocks are inactive.
    pub activity_cutoff: u64,
    /// The neurons by uid.
    pub neurons: &'a [Neuron],
    /// Stored weights by uid.
    pub weights: &'a [StoredRow],
    /// Stored bonds by uid.
    pub bonds: &'a [StoredRow],
    /// The uid of the subnet owner's hotkey, which is exempt from several masks.
    pub owner: Option<u16>,
    /// The rao to divide between all neurons.
    pub emission: u64,
}

/// How bonds move from one epoch to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BondsMode {
    /// Columns of bonds always sum to one.
    Classic,
    /// Bonds are proportions that approach the weights; optionally at liquid speed.
    Yuma3(Option<LiquidAlpha>),
}

/// The hyperparameters and the choice of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochRules {
    /// The stake share that makes a majority, of 65535.
    pub kappa: u16,
    /// How much of the old bonds stays each epoch, of a million.
    pub bonds_moving_average: u64,
    /// How much bonds follow clipped rather than raw weights, of 65535.
    pub bonds_penalty: u16,
    /// How many validator permits there are.
    pub max_validators: u16,
    /// Stake below this counts as none, except the owner's.
    pub stake_threshold: u64,
    /// How bonds move.
    pub bonds: BondsMode,
    /// Who may hold a permit.
    pub permits: PermitRule,
    /// Which bonds a change of neuron invalidates.
    pub bonds_mask: BondsMask,
}

/// What an epoch decides, by uid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochOutput {
    /// Whether the neuron was active.
    pub active: Vec<bool>,
    /// Consensus weight, of 65535.
    pub consensus: Vec<u16>,
    /// Share of the rank, of 65535; equal to the incentive.
    pub rank: Vec<u16>,
    /// Clipped over raw rank, of 65535.
    pub trust: Vec<u16>,
    /// Share of what miners earn, of 65535.
    pub incentive: Vec<u16>,
    /// Share of what validators earn, of 65535.
    pub dividends: Vec<u16>,
    /// How much of a validator's weights the consensus accepted, of 65535.
    pub validator_trust: Vec<u16>,
    /// Total share scaled to a largest of 65535.
    pub pruning_scores: Vec<u16>,
    /// The new permits.
    pub validator_permit: Vec<bool>,
    /// The bonds to store: `None` leaves the stored row untouched, an empty row clears it.
    pub bonds: Vec<Option<StoredRow>>,
    /// Rao earned as a miner.
    pub server_emission: Vec<u64>,
    /// Rao earned as a validator.
    pub validator_emission: Vec<u64>,
    /// Rao earned in all, rounded on its own: it may exceed the two parts by one.
    pub emission: Vec<u64>,
}

/// Runs one epoch.
pub fn run(input: &EpochInput, rules: &EpochRules) -> EpochOutput {
    let standing = stake::Standing::of(input, rules);
    let weights = masked_weights(input, &standing);
    let agreed = consensus::agree(&weights, &standing.active_stake, rules.kappa);
    let bonds = bonds::update(input, rules, &standing, &weights, &agreed);
    let shares =
        payment::Shares::of(&agreed.incentive, &bonds.dividends, &standing, input.emission);

    let to_shares = |values: &[Fixed]| values.iter().map(|value| value.to_share()).collect();
    EpochOutput {
        active: standing.inactive.iter().map(|inactive| !inactive).collect(),
        consensus: to_shares(&agreed.consensus),
        rank: to_shares(&agreed.incentive),
        trust: to_shares(&agreed.trust),
        incentive: to_shares(&agreed.incentive),
        dividends: to_shares(&bonds.dividends),
        validator_trust: to_shares(&agreed.validator_trust),
        pruning_scores: fixed::max_upscale(&shares.combined),
        bonds: bonds.stored(&standing),
        validator_permit: standing.new_permits,
        server_emission: shares.server_emission,
        validator_emission: shares.validator_emission,
        emission: shares.emission,
    }
}

/// Weights that count (subtensor.md 7, step 4): those of permit holders, not for oneself unless one
/// owns the subnet, not for neurons that came after the weights were set, and under
/// commit-reveal not for neurons that came after they were committed. Rows then sum to one.
fn masked_weights(input: &EpochInput, standing: &stake::Standing) -> Sparse {
    let mut weights = Sparse::read(input.neurons.len(), input.weights, Fixed::from_u16);
    weights.retain(|row, column| {
        let permitted = standing.permits.get(row).copied().unwrap_or(false);
        let uids = (u16::try_from(row), u16::try_from(column));
        permitted && matches!(uids, (Ok(row), Ok(column)) if counting_weights(input, row, column))
    });
    weights.normalise_rows();
    weights
}

/// Whether a weight of `row` towards `column` counts, whatever `row`'s permit.
fn counting_weights(input: &EpochInput, row: u16, column: u16) -> bool {
    let neuron = |uid: u16| input.neurons.get(usize::from(uid));
    let (Some(validator), Some(miner)) = (neuron(row), neuron(column)) else { return false };
    let of_another = row != column || input.owner == Some(row);
    let set_since = validator.last_update > miner.registered_at;
    let committed_since = validator.oldest_commit.is_none_or(|block| block >= miner.registered_at);
    of_another && set_since && committed_since
}

/// The weight a column is clipped to.
fn clip(weights: &Sparse, caps: &[Fixed]) -> Sparse {
    weights.map(|_, column, value| value.min(at(caps, column))).without_zeros()
}
