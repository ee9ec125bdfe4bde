//! What clients ask of a subnet, a neuron or a stake in one question: the records of the runtime
//! APIs, and how they are read out of storage.
//!
//! Field names and widths are the public runtime's, because clients look fields up by name. Nothing
//! here writes, and nothing in the state-transition function reads it: a view is computed for
//! whoever asks, outside of any block. Numbers are wrapped in `Compact` where the public runtime
//! wraps them; it costs nothing and keeps the shapes equal.

mod baskets;
mod delegates;
mod hyperparameter_records;
mod hyperparameters;
mod metagraph;
mod neurons;
mod root;
mod selective;
mod stake;
mod state;
mod subnet_info;
mod subnets;

pub use baskets::{BasketHolding, BasketPosition, BasketSummary, BasketTradingStatus};
pub use delegates::{DelegateInfo, Delegated};
pub use hyperparameter_records::{SubnetHyperparams, SubnetHyperparamsV2};
pub use hyperparameters::{HyperparamEntry, HyperparamValue};
pub use metagraph::Metagraph;
pub use neurons::{NeuronInfo, NeuronInfoLite};
pub use selective::SelectiveMetagraph;
pub use stake::{StakeAvailability, StakeInfo};
pub use state::SubnetState;
pub use subnet_info::{SubnetInfo, SubnetInfov2};
pub use subnets::{DynamicInfo, SubnetPrice};

use crate::*;
use alloc::vec::Vec;
use codec::Compact;
use sp_runtime::PerU16;

/// What records of subnets hold of a rule of old that nothing reads: the public chain's value.
pub const SCALING_LAW_POWER: u16 = 50;

/// Bytes as a vector of compact numbers, which is how names and symbols are sent.
fn compact_bytes(bytes: &[u8]) -> Vec<Compact<u8>> {
    bytes.iter().copied().map(Compact).collect()
}

/// The entry of a column for one uid. A column ends early when no epoch has run since the neuron
/// came; what it lacks is zero.
fn entry<V: Copy + Default>(column: &[V], uid: u16) -> V {
    column.get(usize::from(uid)).copied().unwrap_or_default()
}

/// The columns that an epoch leaves for all neurons of a mechanism.
struct Columns {
    active: Vec<bool>,
    validator_permit: Vec<bool>,
    consensus: Vec<PerU16>,
    dividends: Vec<PerU16>,
    validator_trust: Vec<PerU16>,
    emission: Vec<AlphaBalance>,
    incentive: Vec<PerU16>,
    last_update: Vec<u64>,
    largest_emission: u64,
}

impl Columns {
    fn read<T: Config>(netuid: NetUid, index: NetUidStorageIndex) -> Self {
        let emission = Emission::<T>::get(netuid);
        Self {
            active: Active::<T>::get(netuid),
            validator_permit: ValidatorPermit::<T>::get(netuid),
            consensus: Consensus::<T>::get(netuid),
            dividends: Dividends::<T>::get(netuid),
            validator_trust: ValidatorTrust::<T>::get(netuid),
            largest_emission: emission.iter().map(|amount| amount.rao()).max().unwrap_or(0),
            emission,
            incentive: Incentive::<T>::get(index),
            last_update: LastUpdate::<T>::get(index),
        }
    }

    /// How far a neuron is from being pruned: its emission, of 65535 for the largest one.
    fn pruning_score(&self, uid: u16) -> u16 {
        let emission = u128::from(entry(&self.emission, uid).rao());
        emission
            .saturating_mul(u16::MAX.into())
            .checked_div(self.largest_emission.into())
            .and_then(|score| u16::try_from(score).ok())
            .unwrap_or(0)
    }
}

impl<T: Config> Pallet<T> {
    /// The hotkeys of a subnet, by uid.
    fn hotkeys_of(netuid: NetUid) -> Vec<T::AccountId> {
        (0..SubnetworkN::<T>::get(netuid)).map(|uid| Keys::<T>::get(netuid, uid)).collect()
    }

    /// Every subnet, root first.
    fn networks() -> impl Iterator<Item = NetUid> {
        core::iter::once(NetUid::ROOT)
            .filter(|root| Self::subnet_exists(*root))
            .chain(Self::subnets())
    }
}

#[cfg(test)]
mod tests;
