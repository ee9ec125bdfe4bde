//! AdminUtils: setters of hyperparameters, for root and for the owners of subnets.
//!
//! Adds to `pallet-subtensor`, which reads the hyperparameters, who may set which, how often and to
//! what. Root may set everything at any time. An owner may set what `calls` says, of an own subnet,
//! outside the window before an epoch (so that validators do not vote under rules that change
//! under them), and each of them once in so many epochs. Bounds hold for both unless a call says
//! otherwise. Of the public runtime's calls every one is here at its index; those that set what no
//! rule reads are refused by name.

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "256"]

extern crate alloc;

mod calls;
mod evm;
mod gate;
#[cfg(test)]
mod mock;
mod rules;
#[cfg(test)]
mod tests;

pub use pallet::*;

use frame_support::{pallet_macros::import_section, traits::Get, weights::Weight};
use pallet_subtensor::{NetUid, SubnetworkN, WeightInfo, NOMINATIONS_PER_BLOCK};

#[import_section(calls::calls)]
#[allow(clippy::expect_used)] // in what the macro writes
#[frame_support::pallet]
pub mod pallet {
    use crate::{
        consensus_weight, evm::PrecompileEnum, mechanisms_weight, nominations_weight, rules::*,
        setter_weight, trimming_weight,
    };
    use alloc::vec::Vec;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use pallet_subtensor::{
        Error as ChainError, Event as ChainEvent, Hyperparameter, Pallet as Chain, *,
    };
    use sp_core::{ed25519, sr25519};
    use sp_runtime::PerU16;
    use substrate_fixed::types::{I64F64, I96F32, U64F64};

    /// Blocks between two changes of an owner's hotkey: a week, the public chain's value.
    const OWNER_HOTKEY_WAIT: u64 = 50_400;

    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_subtensor::Config
    {
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// Indices are the public runtime's; what has an event in `pallet-subtensor` has none here.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        #[codec(index = 1)]
        Yuma3EnableToggled { netuid: NetUid, enabled: bool },
        #[codec(index = 2)]
        BondsResetToggled { netuid: NetUid, enabled: bool },
        #[codec(index = 3)]
        BurnHalfLifeSet { netuid: NetUid, burn_half_life: u16 },
        #[codec(index = 4)]
        BurnIncreaseMultSet { netuid: NetUid, burn_increase_mult: U64F64 },
        #[codec(index = 5)]
        SubnetEmissionEnabledSet { netuid: NetUid, enabled: bool },
    }

    /// Clients know these by their position, so the ones without a use keep theirs.
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such subnet.
        SubnetDoesNotExist,
        /// More validators than the subnet may have neurons.
        MaxValidatorsLargerThanMaxUIds,
        /// Fewer neurons than the subnet has.
        MaxAllowedUIdsLessThanCurrentUIds,
        /// Bonds that an owner may not make so slow.
        BondsMovingAverageMaxReached,
        /// A negative steepness is for root only.
        NegativeSigmoidSteepness,
        /// The value is outside of what is allowed.
        ValueNotInBounds,
        /// The least number of neurons must be below the number there are.
        MinAllowedUidsGreaterThanCurrentUids,
        /// The least number of neurons must be below the most.
        MinAllowedUidsGreaterThanMaxAllowedUids,
        /// The most neurons must not be below the least.
        MaxAllowedUidsLessThanMinAllowedUids,
        /// No subnet has room for so many neurons.
        MaxAllowedUidsGreaterThanDefaultMaxAllowedUids,
        /// The value makes no sense.
        InvalidValue,
        /// Root has no such hyperparameter.
        NotPermittedOnRootSubnet,
        /// Nobody registers by proof of work here.
        POWRegistrationDisabled,
        /// No rule of the chain reads this setting.
        Deprecated,
        /// Not in use: there is no collateral.
        CollateralLockShareTooHigh,
        /// Not in use: there is no collateral.
        CollateralDrainRatioOutOfBounds,
        /// Not in use: there is no GRANDPA.
        GrandpaChangeDelayMustBeZero,
    }
}

/// Every setter reads whether the subnet exists, its owner and schedule, and the limits, and
/// writes a value and when it was set.
fn setter_weight<T: Config>() -> Weight {
    <T as frame_system::Config>::DbWeight::get().reads_writes(8, 2)
}

/// A raise looks at a block's worth of nominations at once, and sells those that are too small.
fn nominations_weight<T: Config>() -> Weight {
    <T as pallet_subtensor::Config>::WeightInfo::remove_stake()
        .saturating_mul(NOMINATIONS_PER_BLOCK.into())
}

/// Trimming reads every neuron, moves every row and every slot.
fn trimming_weight<T: Config>(netuid: NetUid) -> Weight {
    <T as pallet_subtensor::Config>::WeightInfo::trim(SubnetworkN::<T>::get(netuid).into())
}

/// A switch of consensus weighs the stake of every neuron.
fn consensus_weight<T: Config>(netuid: NetUid) -> Weight {
    let neurons = SubnetworkN::<T>::get(netuid).into();
    let load = pallet_subtensor::EpochLoad { neurons, ..Default::default() };
    <T as pallet_subtensor::Config>::WeightInfo::epoch(&load)
}

/// Mechanisms that go take their neurons' rows of weights, bonds and commits with them; all
/// mechanisms of a subnet have as many neurons together as one may have.
fn mechanisms_weight<T: Config>() -> Weight {
    let rows = <T as frame_system::Config>::DbWeight::get().writes(4);
    let uids = pallet_subtensor::most_uids(pallet_subtensor::EpochConsensus::Null);
    setter_weight::<T>().saturating_add(rows.saturating_mul(uids.into()))
}
