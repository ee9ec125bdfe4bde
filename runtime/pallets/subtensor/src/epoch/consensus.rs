//! Switching a subnet's consensus off and on.
//!
//! Without consensus (`EpochConsensus::Null`) the neuron with the highest stake holds the one
//! permit and decides alone, by its weights as they are. Bonds stand still until consensus is back,
//! and the number of permits is as it was before.

use crate::*;
use alloc::vec::Vec;
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Has the epochs of a subnet run in `mode` from now on.
    pub fn set_epoch_consensus(netuid: NetUid, mode: EpochConsensus) -> Result<(), DispatchError> {
        if SubnetEpochConsensus::<T>::get(netuid) == mode {
            return Ok(());
        }
        match mode {
            EpochConsensus::Null => {
                SavedYumaMaxAllowedValidators::<T>::insert(
                    netuid,
                    MaxAllowedValidators::<T>::get(netuid),
                );
                MaxAllowedValidators::<T>::insert(netuid, 1);
                if !LastYumaStepBlock::<T>::contains_key(netuid) {
                    let latest = LastMechansimStepBlock::<T>::get(netuid);
                    LastYumaStepBlock::<T>::insert(netuid, latest);
                }
                let leader = Self::leader(netuid)?;
                let permits = (0..SubnetworkN::<T>::get(netuid)).map(|uid| Some(uid) == leader);
                ValidatorPermit::<T>::insert(netuid, permits.collect::<Vec<bool>>());
            }
            EpochConsensus::Yuma => {
                if let Some(saved) = SavedYumaMaxAllowedValidators::<T>::take(netuid) {
                    MaxAllowedValidators::<T>::insert(netuid, saved);
                }
            }
        }
        SubnetEpochConsensus::<T>::insert(netuid, mode);
        Self::deposit_event(Event::EpochConsensusSet { netuid, mode });
        Ok(())
    }

    /// The neuron of the highest stake; of equal ones the latest, as an epoch has it.
    fn leader(netuid: NetUid) -> Result<Option<u16>, DispatchError> {
        let stakes = Self::electorate(netuid)?.stakes;
        Ok((0u16..).zip(stakes).max_by_key(|(uid, stake)| (*stake, *uid)).map(|(uid, _)| uid))
    }
}
