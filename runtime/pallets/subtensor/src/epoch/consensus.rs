//! Subnets without consensus (`EpochConsensus::Null`): switching to and fro, and their epochs.
//!
//! The neuron with the highest stake holds the one permit and decides alone, by its weights as they
//! are. Bonds stand still until consensus is back, and the number of permits is then as it was
//! before. Since one row decides, there may be many more neurons.

use super::{by_mechanism, inputs::Electorate};
use crate::*;
use alloc::{vec, vec::Vec};
use assay_arithmetic::epoch::{self, EpochInput, EpochOutput, NullBudget};
use frame_support::ensure;
use sp_runtime::DispatchError;

/// Neurons that all mechanisms of a subnet may hold together: an epoch's work grows with their
/// square.
const YUMA_UIDS: u16 = 256;

/// The same without consensus, where an epoch's work grows with their number alone. The public
/// chain's value.
const NULL_UIDS: u16 = 2_500;

/// Neurons that all mechanisms of a subnet may hold together.
pub fn most_uids(mode: EpochConsensus) -> u16 {
    match mode {
        EpochConsensus::Yuma => YUMA_UIDS,
        EpochConsensus::Null => NULL_UIDS,
    }
}

impl<T: Config> Pallet<T> {
    /// Has the epochs of a subnet run in `mode` from now on. Timelocked weights are sealed for the
    /// mode in which they were committed and have to be opened before; and consensus does not come
    /// back to more neurons than it can be made of.
    pub fn set_epoch_consensus(netuid: NetUid, mode: EpochConsensus) -> Result<(), DispatchError> {
        if SubnetEpochConsensus::<T>::get(netuid) == mode {
            return Ok(());
        }
        let sealed = Self::mechanism_indices(netuid)
            .any(|index| TimelockedWeightCommits::<T>::iter_key_prefix(index).next().is_some());
        ensure!(!sealed, Error::<T>::InvalidValue);
        match mode {
            EpochConsensus::Null => Self::begin_null(netuid)?,
            EpochConsensus::Yuma => Self::end_null(netuid)?,
        }
        SubnetEpochConsensus::<T>::insert(netuid, mode);
        Self::deposit_event(Event::EpochConsensusSet { netuid, mode });
        Ok(())
    }

    fn begin_null(netuid: NetUid) -> Result<(), DispatchError> {
        let limit = MaxAllowedValidators::<T>::get(netuid);
        SavedYumaMaxAllowedValidators::<T>::insert(netuid, limit);
        MaxAllowedValidators::<T>::insert(netuid, 1);
        if !LastYumaStepBlock::<T>::contains_key(netuid) {
            let latest = LastMechansimStepBlock::<T>::get(netuid);
            LastYumaStepBlock::<T>::insert(netuid, latest);
        }
        Self::permit_leader(netuid)
    }

    fn end_null(netuid: NetUid) -> Result<(), DispatchError> {
        let mechanisms = u16::from(u8::from(MechanismCountCurrent::<T>::get(netuid))).max(1);
        let room = YUMA_UIDS.checked_div(mechanisms).unwrap_or(YUMA_UIDS);
        ensure!(SubnetworkN::<T>::get(netuid) <= room, Error::<T>::InvalidValue);
        let uids = MaxAllowedUids::<T>::get(netuid).min(room);
        MaxAllowedUids::<T>::insert(netuid, uids);
        if let Some(saved) = SavedYumaMaxAllowedValidators::<T>::take(netuid) {
            MaxAllowedValidators::<T>::insert(netuid, saved.min(uids));
        }
        NullPruningTarget::<T>::remove(netuid);
        Ok(())
    }

    /// Gives the one permit of a subnet without consensus to whoever leads now.
    pub(crate) fn permit_leader(netuid: NetUid) -> Result<(), DispatchError> {
        let electorate = Self::electorate(netuid)?;
        let index = NetUidStorageIndex::main(netuid);
        let neurons = Self::neurons_of(netuid, index, &electorate)?;
        let leader = epoch::leader(&neurons, StakeThreshold::<T>::get());
        let permits: Vec<bool> = (0..electorate.size()).map(|uid| Some(uid) == leader).collect();
        Self::drop_rows_of_former(netuid, &permits);
        ValidatorPermit::<T>::insert(netuid, permits);
        Ok(())
    }

    /// Drops the rows of who has led and does not any more: as many could collect as there are
    /// neurons, each of as many weights. What validators left behind in Yuma stays.
    fn drop_rows_of_former(netuid: NetUid, permits: &[bool]) {
        if SubnetEpochConsensus::<T>::get(netuid) != EpochConsensus::Null {
            return;
        }
        let before = ValidatorPermit::<T>::get(netuid);
        let lost =
            (0u16..).zip(before.iter().zip(permits)).filter(|(_, (old, new))| **old && !**new);
        for (uid, _) in lost {
            Self::mechanism_indices(netuid).for_each(|index| Weights::<T>::remove(index, uid));
        }
    }

    /// The epochs of all mechanisms of a subnet without consensus. Half of `total` is for miners;
    /// if nobody has any stake they have `local`, all that is not root's.
    pub(super) fn run_null_epochs(
        netuid: NetUid,
        block: u64,
        total: AlphaBalance,
        local: AlphaBalance,
        electorate: &Electorate<T::AccountId>,
        shares: &[u16],
    ) -> Result<Vec<EpochOutput>, DispatchError> {
        let validators = total.rao() / 2;
        let between = |amount: u64| by_mechanism(shares, amount);
        let budgets = between(total.rao().saturating_sub(validators))
            .into_iter()
            .zip(between(validators))
            .zip(between(local.rao()))
            .map(|((miners, validators), alone)| NullBudget { miners, validators, alone });
        let rules = Self::epoch_rules(netuid, block);
        let mut outputs = Vec::with_capacity(shares.len());
        for (mechanism, budget) in (0u8..).map(MechId::new).zip(budgets) {
            let index =
                NetUidStorageIndex::of(netuid, mechanism).ok_or(DispatchError::Corruption)?;
            let neurons = Self::neurons_of(netuid, index, electorate)?;
            let mut weights = vec![Vec::new(); neurons.len()];
            if let Some(leader) = epoch::leader(&neurons, rules.stake_threshold) {
                if let Some(row) = weights.get_mut(usize::from(leader)) {
                    *row = Weights::<T>::get(index, leader);
                }
            }
            let input = EpochInput {
                block,
                activity_cutoff: Self::activity_cutoff(netuid),
                neurons: &neurons,
                weights: &weights,
                bonds: &[],
                owner: electorate.owner,
                emission: total.rao(),
            };
            let output = epoch::run_null(&input, &rules, budget);
            Self::write_mechanism(index, &output);
            outputs.push(output);
        }
        if let Some(main) = outputs.first() {
            Self::drop_rows_of_former(netuid, &main.validator_permit);
        }
        Ok(outputs)
    }
}
