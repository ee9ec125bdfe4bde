//! What a hyperparameter may be set to. Bounds are the public chain's, each with its reason.

use crate::{Config, Error};
use frame_support::{ensure, pallet_prelude::DispatchResult};
use pallet_subtensor::{
    EpochConsensus, Error as ChainError, LiquidAlphaOn, MaxAllowedUids, MaxBurn, MaxChildkeyTake,
    MaxMechanismCount, MechId, MechanismCountCurrent, MinAllowedUids, MinBurn, MinChildkeyTake,
    NetUid, SubnetEpochConsensus, SubnetworkN, TaoBalance, MAX_BURN_ABOVE, MIN_BURN_BELOW,
};
use sp_runtime::PerU16;
use substrate_fixed::types::{I96F32, U64F64};

/// An owner may not make bonds slower than this, in millionths: they would outlast the neurons.
const OWNER_BONDS_MOVING_AVERAGE_MAX: u64 = 975_000;

/// Half-lives of the registration price, in blocks: one block to five days.
const BURN_HALF_LIFE: core::ops::RangeInclusive<u16> = 1..=36_100;

/// What a registration may multiply the price by.
const BURN_INCREASE_MAX: u32 = 3;

/// Neurons that an owner may keep from being pruned.
const OWNER_IMMUNE: core::ops::RangeInclusive<u16> = 1..=10;

/// Liquid alpha below a fortieth would freeze the bonds.
const ALPHA_LEAST: u16 = u16::MAX / 40;

/// Epochs between commit and reveal.
const REVEAL_PERIOD: core::ops::RangeInclusive<u64> = 1..=100;

pub(crate) fn bonds_average<T: Config>(_: NetUid, average: u64, is_owner: bool) -> DispatchResult {
    ensure!(
        !is_owner || average <= OWNER_BONDS_MOVING_AVERAGE_MAX,
        Error::<T>::BondsMovingAverageMaxReached
    );
    // A million is all inertia; there is no more than that.
    ensure!(average <= 1_000_000, Error::<T>::ValueNotInBounds);
    Ok(())
}

pub(crate) fn not_negative<T: Config>(_: NetUid, steepness: i16, is_owner: bool) -> DispatchResult {
    ensure!(!is_owner || steepness >= 0, Error::<T>::NegativeSigmoidSteepness);
    Ok(())
}

pub(crate) fn least_burn<T: Config>(netuid: NetUid, burn: TaoBalance) -> DispatchResult {
    let fits = burn < MIN_BURN_BELOW && burn < MaxBurn::<T>::get(netuid);
    ensure!(fits, Error::<T>::ValueNotInBounds);
    Ok(())
}

pub(crate) fn most_burn<T: Config>(netuid: NetUid, burn: TaoBalance) -> DispatchResult {
    let fits = burn > MAX_BURN_ABOVE && burn > MinBurn::<T>::get(netuid);
    ensure!(fits, Error::<T>::ValueNotInBounds);
    Ok(())
}

pub(crate) fn half_life<T: Config>(netuid: NetUid, blocks: u16) -> DispatchResult {
    not_root::<T>(netuid)?;
    ensure!(BURN_HALF_LIFE.contains(&blocks), Error::<T>::InvalidValue);
    Ok(())
}

pub(crate) fn increase<T: Config>(netuid: NetUid, factor: U64F64) -> DispatchResult {
    not_root::<T>(netuid)?;
    let allowed = U64F64::from_num(1u32)..=U64F64::from_num(BURN_INCREASE_MAX);
    ensure!(allowed.contains(&factor), Error::<T>::InvalidValue);
    Ok(())
}

pub(crate) fn reveal_period<T: Config>(_: NetUid, epochs: u64) -> DispatchResult {
    ensure!(epochs <= *REVEAL_PERIOD.end(), ChainError::<T>::RevealPeriodTooLarge);
    ensure!(epochs >= *REVEAL_PERIOD.start(), ChainError::<T>::RevealPeriodTooSmall);
    Ok(())
}

pub(crate) fn owner_immune<T: Config>(_: NetUid, neurons: u16) -> DispatchResult {
    ensure!(OWNER_IMMUNE.contains(&neurons), Error::<T>::InvalidValue);
    Ok(())
}

pub(crate) fn childkey_take<T: Config>(_: NetUid, take: PerU16) -> DispatchResult {
    let allowed = MinChildkeyTake::<T>::get()..=MaxChildkeyTake::<T>::get();
    ensure!(allowed.contains(&take), Error::<T>::ValueNotInBounds);
    Ok(())
}

pub(crate) fn uids_at_most<T: Config>(netuid: NetUid, uids: u16) -> DispatchResult {
    let least = MinAllowedUids::<T>::get(netuid);
    ensure!(uids >= least, Error::<T>::MaxAllowedUidsLessThanMinAllowedUids);
    let now = SubnetworkN::<T>::get(netuid);
    ensure!(uids >= now, Error::<T>::MaxAllowedUIdsLessThanCurrentUIds);
    let most = pallet_subtensor::most_uids(SubnetEpochConsensus::<T>::get(netuid));
    ensure!(uids <= most, Error::<T>::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids);
    uids_of_mechanisms::<T>(netuid, uids, MechanismCountCurrent::<T>::get(netuid))
}

pub(crate) fn least_uids<T: Config>(netuid: NetUid, uids: u16) -> DispatchResult {
    let most = MaxAllowedUids::<T>::get(netuid);
    ensure!(uids < most, Error::<T>::MinAllowedUidsGreaterThanMaxAllowedUids);
    let now = SubnetworkN::<T>::get(netuid);
    ensure!(uids < now, Error::<T>::MinAllowedUidsGreaterThanCurrentUids);
    Ok(())
}

pub(crate) fn max_validators<T: Config>(netuid: NetUid, count: u16) -> DispatchResult {
    let uids = MaxAllowedUids::<T>::get(netuid);
    // Without consensus there is one, whatever anybody sets.
    let null = SubnetEpochConsensus::<T>::get(netuid) == EpochConsensus::Null;
    ensure!(!null || count == 1, Error::<T>::InvalidValue);
    ensure!(count <= uids, Error::<T>::MaxValidatorsLargerThanMaxUIds);
    Ok(())
}

pub(crate) fn mechanisms<T: Config>(netuid: NetUid, count: MechId) -> DispatchResult {
    ensure!(u8::from(count) > 0, Error::<T>::InvalidValue);
    ensure!(count <= MaxMechanismCount::<T>::get(), Error::<T>::InvalidValue);
    uids_of_mechanisms::<T>(netuid, MaxAllowedUids::<T>::get(netuid), count)
}

fn uids_of_mechanisms<T: Config>(netuid: NetUid, uids: u16, mechanisms: MechId) -> DispatchResult {
    let most = pallet_subtensor::most_uids(SubnetEpochConsensus::<T>::get(netuid));
    let together = uids.checked_mul(u8::from(mechanisms).into());
    let fits = together.is_some_and(|together| together <= most);
    ensure!(fits, ChainError::<T>::TooManyUIDsPerMechanism);
    Ok(())
}

/// Shares of the mechanisms add up to the whole, 65535.
pub(crate) fn mechanism_split<T: Config>(netuid: NetUid, split: &[u16]) -> DispatchResult {
    let count = usize::from(u8::from(MechanismCountCurrent::<T>::get(netuid)));
    let sum: u64 = split.iter().map(|share| u64::from(*share)).sum();
    let fits = split.len() == count && sum == u64::from(u16::MAX);
    ensure!(fits, Error::<T>::InvalidValue);
    Ok(())
}

pub(crate) fn alpha_values<T: Config>(netuid: NetUid, low: u16, high: u16) -> DispatchResult {
    ensure!(LiquidAlphaOn::<T>::get(netuid), ChainError::<T>::LiquidAlphaDisabled);
    ensure!(high >= ALPHA_LEAST, ChainError::<T>::AlphaHighTooLow);
    ensure!((ALPHA_LEAST..=high).contains(&low), ChainError::<T>::AlphaLowOutOfRange);
    Ok(())
}

/// Root has neither emission nor prices of its own.
pub(crate) fn not_root<T: Config>(netuid: NetUid) -> DispatchResult {
    ensure!(!netuid.is_root(), Error::<T>::NotPermittedOnRootSubnet);
    Ok(())
}

/// A subnet that nobody can join would keep its neurons for good. Root has a way in of its own.
pub(crate) fn one_way_in<T: Config>(netuid: NetUid, this: bool, other: bool) -> DispatchResult {
    ensure!(netuid.is_root() || this || other, Error::<T>::InvalidValue);
    Ok(())
}

/// A smoothing factor is a part of one.
pub(crate) fn moving_alpha<T: Config>(alpha: I96F32) -> DispatchResult {
    let parts = I96F32::from_num(0u8)..=I96F32::from_num(1u8);
    ensure!(parts.contains(&alpha), Error::<T>::InvalidValue);
    Ok(())
}
