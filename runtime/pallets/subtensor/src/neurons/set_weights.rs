//! Setting weights: who may, when, and what a row must look like.
//!
//! The checks that need only numbers are `assay_arithmetic::weights`; here are those that need
//! the chain. A single weight for oneself is free of permit, minimum and limit: it says "I judge
//! nobody".

use crate::{neurons::slots::put, *};
use alloc::vec::Vec;
use assay_arithmetic::weights::{admit, is_self_weight, WeightsError, WeightsLimits};
use frame_support::ensure;
use sp_runtime::DispatchResult;

/// A row as a call brings it.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub uids: &'a [u16],
    pub values: &'a [u16],
    pub version_key: u64,
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_set_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
        row: Row,
    ) -> DispatchResult {
        let (index, uid) = Self::check_weight_setter(hotkey, netuid, mechanism, row)?;
        ensure!(!CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealEnabled);
        Self::check_weights_rate(netuid, index, uid)?;
        Self::put_weights(netuid, index, uid, row)?;
        let now = Self::block();
        LastUpdate::<T>::mutate(index, |blocks| put(blocks, uid, now));
        Ok(())
    }

    /// Whether `hotkey` may set weights at all, whatever is in the row; answers where.
    pub(crate) fn check_weight_setter(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
        row: Row,
    ) -> Result<(NetUidStorageIndex, u16), Error<T>> {
        ensure!(!netuid.is_root(), Error::<T>::CanNotSetRootNetworkWeights);
        ensure!(row.uids.len() == row.values.len(), Error::<T>::WeightVecNotEqualSize);
        let index = Self::mechanism_index(netuid, mechanism)?;
        ensure!(
            row.uids.len() <= usize::from(SubnetworkN::<T>::get(netuid)),
            Error::<T>::UidsLengthExceedUidsInSubNet
        );
        let uid = Self::uid_of(netuid, hotkey)?;
        ensure!(
            Self::stake_weight_of(hotkey, netuid) >= StakeThreshold::<T>::get(),
            Error::<T>::NotEnoughStakeToSetWeights
        );
        ensure!(
            row.version_key >= WeightsVersionKey::<T>::get(netuid),
            Error::<T>::IncorrectWeightVersionKey
        );
        Ok((index, uid))
    }

    pub(crate) fn check_weights_rate(
        netuid: NetUid,
        index: NetUidStorageIndex,
        uid: u16,
    ) -> Result<(), Error<T>> {
        // 0 is the entry of a neuron that registered in the genesis block, or of a mechanism that
        // came later: it has not set weights yet.
        let last = LastUpdate::<T>::get(index).get(usize::from(uid)).copied().unwrap_or(0);
        let limit = WeightsSetRateLimit::<T>::get(netuid);
        ensure!(
            last == 0 || Self::block().saturating_sub(last) >= limit,
            Error::<T>::SettingWeightsTooFast
        );
        Ok(())
    }

    /// Checks the row of `uid` and stores it.
    pub(crate) fn put_weights(
        netuid: NetUid,
        index: NetUidStorageIndex,
        uid: u16,
        row: Row,
    ) -> DispatchResult {
        let free = is_self_weight(uid, row.uids) || Self::owner_uid(netuid) == Some(uid);
        ensure!(Self::may_weigh(netuid, uid, free), Error::<T>::NeuronNoValidatorPermit);
        let limits = WeightsLimits {
            neurons: SubnetworkN::<T>::get(netuid),
            minimum_count: MinAllowedWeights::<T>::get(netuid),
            share_max: MaxWeightsLimit::<T>::get(netuid),
        };
        let scaled: Vec<(u16, u16)> =
            admit(uid, row.uids, row.values, &limits).map_err(|error| match error {
                WeightsError::LengthsDiffer => Error::<T>::WeightVecNotEqualSize,
                WeightsError::TooMany => Error::<T>::UidsLengthExceedUidsInSubNet,
                WeightsError::DuplicateUid => Error::<T>::DuplicateUids,
                WeightsError::UnknownUid => Error::<T>::UidVecContainInvalidOne,
                WeightsError::TooFew => Error::<T>::WeightVecLengthIsLow,
                WeightsError::AboveLimit => Error::<T>::MaxWeightExceeded,
            })?;
        let weights = match SubnetEpochConsensus::<T>::get(netuid) {
            EpochConsensus::Yuma => scaled,
            // The one row that decides is kept as it was given.
            EpochConsensus::Null => {
                row.uids.iter().copied().zip(row.values.iter().copied()).collect()
            }
        };
        Weights::<T>::insert(index, uid, weights);
        Self::deposit_event(Event::WeightsSet(index, uid));
        Ok(())
    }

    /// Whether a neuron has a permit or, by `free`, needs none. Without consensus the one permit is
    /// what everything hangs on, and nobody is free of it.
    pub(crate) fn may_weigh(netuid: NetUid, uid: u16, free: bool) -> bool {
        let free = free && SubnetEpochConsensus::<T>::get(netuid) == EpochConsensus::Yuma;
        free || ValidatorPermit::<T>::get(netuid).get(usize::from(uid)).copied().unwrap_or(false)
    }

    /// The slot of the subnet owner's hotkey, which may always weigh.
    pub fn owner_uid(netuid: NetUid) -> Option<u16> {
        let hotkey = SubnetOwnerHotkey::<T>::try_get(netuid).ok()?;
        Uids::<T>::get(netuid, hotkey)
    }
}
