//! Weights of several subnets, or several reveals, in one extrinsic.
//!
//! What is set or committed for each subnet stands alone: one that is refused changes nothing, and
//! an event tells of it. Reveals are of one subnet, and all or none of them happen.

use crate::{
    neurons::{commit_reveal::COMMITS_MAX, Revealed, Row},
    *,
};
use alloc::vec::Vec;
use codec::Compact;
use frame_support::{ensure, storage::with_storage_layer};
use sp_core::H256;
use sp_runtime::DispatchResult;

/// A row as a batch brings it: uids with their weights.
pub type CompactRow = Vec<(Compact<u16>, Compact<u16>)>;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_batch_set_weights(
        hotkey: T::AccountId,
        netuids: Vec<Compact<NetUid>>,
        rows: Vec<CompactRow>,
        version_keys: Vec<Compact<u64>>,
    ) -> DispatchResult {
        let unequal = Error::<T>::InputLengthsUnequal;
        ensure!(netuids.len() == rows.len() && netuids.len() == version_keys.len(), unequal);
        let items = rows.iter().zip(version_keys);
        Self::batch(hotkey, netuids, items, |hotkey, netuid, (row, version_key)| {
            let (uids, values): (Vec<u16>, Vec<u16>) =
                row.iter().map(|(uid, value)| (uid.0, value.0)).unzip();
            let row = Row { uids: &uids, values: &values, version_key: version_key.0 };
            Self::do_set_weights(hotkey, netuid, MechId::MAIN, row)
        })
    }

    pub(crate) fn do_batch_commit_weights(
        hotkey: T::AccountId,
        netuids: Vec<Compact<NetUid>>,
        hashes: Vec<H256>,
    ) -> DispatchResult {
        ensure!(netuids.len() == hashes.len(), Error::<T>::InputLengthsUnequal);
        Self::batch(hotkey, netuids, hashes, |hotkey, netuid, hash| {
            Self::do_commit_weights(hotkey, netuid, MechId::MAIN, hash)
        })
    }

    /// Does `act` for each subnet with its item, and tells how that went.
    fn batch<I>(
        hotkey: T::AccountId,
        netuids: Vec<Compact<NetUid>>,
        items: impl IntoIterator<Item = I>,
        act: impl Fn(&T::AccountId, NetUid, I) -> DispatchResult,
    ) -> DispatchResult {
        let most = usize::from(TotalNetworks::<T>::get());
        ensure!((1..=most).contains(&netuids.len()), Error::<T>::InvalidBatchLength);
        let mut refused = Vec::new();
        for (netuid, item) in netuids.iter().zip(items) {
            if let Err(error) = with_storage_layer(|| act(&hotkey, netuid.0, item)) {
                refused.push((netuid.0, error));
            }
        }
        if !refused.is_empty() {
            Self::deposit_event(Event::BatchCompletedWithErrors());
        }
        for (netuid, error) in refused {
            Self::deposit_event(Event::BatchWeightItemFailed(netuid, error));
        }
        Self::deposit_event(Event::BatchWeightsCompleted(netuids, hotkey));
        Ok(())
    }

    /// Reveals several commits of the main mechanism, in the order given. Each drops its own commit
    /// alone, unlike a single reveal.
    pub(crate) fn do_batch_reveal_weights(
        hotkey: T::AccountId,
        netuid: NetUid,
        reveals: Vec<Revealed>,
    ) -> DispatchResult {
        ensure!((1..=COMMITS_MAX).contains(&reveals.len()), Error::<T>::InvalidBatchLength);
        let mut revealed = Vec::with_capacity(reveals.len());
        for reveal in reveals {
            let (index, uid) =
                Self::check_weight_setter(&hotkey, netuid, MechId::MAIN, reveal.row)?;
            ensure!(CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealDisabled);
            let hash = Self::commit_hash(&hotkey, index, reveal);
            let mut commits = Self::live_commits(&hotkey, netuid, index);
            let position = Self::revealable(&hotkey, netuid, index, &commits, hash)?;
            commits.remove(position);
            Self::keep_commits(&hotkey, index, commits);
            Self::put_weights(netuid, index, uid, reveal.row)?;
            revealed.push(hash);
        }
        Self::deposit_event(Event::WeightsBatchRevealed(hotkey, netuid, revealed));
        Ok(())
    }
}
