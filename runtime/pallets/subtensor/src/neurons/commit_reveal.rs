//! Weights that are committed first and revealed later, so that nobody can copy them in time.
//!
//! A commit is a hash. It belongs to the subnet's epoch in which it was made and can be revealed
//! exactly `RevealPeriodEpochs` later; after that it has expired. Commits stay in the order they
//! were made, and revealing one drops those before it.

use crate::{
    neurons::{slots::put, Row},
    *,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::ensure;
use sp_core::H256;
use sp_io::hashing::blake2_256;
use sp_runtime::DispatchResult;

/// Commits of one hotkey that may wait at a time.
pub(crate) const COMMITS_MAX: usize = 10;

/// Hash, epoch and block of a commit. The last field is not used; clients decode four.
pub(crate) type Commit = (H256, u64, u64, u64);

/// What a reveal says it committed.
#[derive(Clone, Copy)]
pub struct Revealed<'a> {
    pub row: Row<'a>,
    pub salt: &'a [u16],
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_commit_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
        hash: H256,
    ) -> DispatchResult {
        let (index, uid, mut commits) = Self::check_commit_hash(hotkey, netuid, mechanism)?;
        let now = Self::block();
        commits.push((hash, SubnetEpochIndex::<T>::get(netuid), now, 0));
        WeightCommits::<T>::insert(index, hotkey, commits);
        // A commit is a sign of life, and what the rate limit counts from.
        LastUpdate::<T>::mutate(index, |blocks| put(blocks, uid, now));
        Self::deposit_event(Event::WeightsCommitted(hotkey.clone(), index, hash));
        Ok(())
    }

    /// Whether a hotkey may commit a hash now; answers where, and what of its waits already.
    pub(crate) fn check_commit_hash(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
    ) -> Result<(NetUidStorageIndex, u16, Vec<Commit>), Error<T>> {
        let (index, uid) = Self::check_commit(hotkey, netuid, mechanism)?;
        let commits = Self::live_commits(hotkey, netuid, index);
        ensure!(commits.len() < COMMITS_MAX, Error::<T>::TooManyUnrevealedCommits);
        Ok((index, uid, commits))
    }

    /// Whether a hotkey may commit weights now, in whichever way; answers where.
    pub(crate) fn check_commit(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
    ) -> Result<(NetUidStorageIndex, u16), Error<T>> {
        ensure!(!netuid.is_root(), Error::<T>::CanNotSetRootNetworkWeights);
        let index = Self::mechanism_index(netuid, mechanism)?;
        ensure!(CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealDisabled);
        let uid = Self::uid_of(netuid, hotkey)?;
        // With consensus, who may not weigh is told when it reveals.
        ensure!(Self::may_weigh(netuid, uid, true), Error::<T>::NeuronNoValidatorPermit);
        Self::check_weights_rate(netuid, index, uid)
            .map_err(|_| Error::<T>::CommittingWeightsTooFast)?;
        Ok((index, uid))
    }

    pub(crate) fn do_reveal_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
        revealed: Revealed,
    ) -> DispatchResult {
        let row = revealed.row;
        let (index, uid) = Self::check_weight_setter(hotkey, netuid, mechanism, row)?;
        ensure!(CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealDisabled);
        let hash = Self::commit_hash(hotkey, index, revealed);
        let live = Self::live_commits(hotkey, netuid, index);
        let position = Self::revealable(hotkey, netuid, index, &live, hash)?;
        let rest = live.into_iter().skip(position.saturating_add(1)).collect();
        Self::keep_commits(hotkey, index, rest);
        Self::put_weights(netuid, index, uid, row)?;
        Self::deposit_event(Event::WeightsRevealed(hotkey.clone(), index, hash));
        Ok(())
    }

    /// Where among the live commits of a hotkey that of `hash` is, if it may be revealed now.
    pub(crate) fn revealable(
        hotkey: &T::AccountId,
        netuid: NetUid,
        index: NetUidStorageIndex,
        live: &[Commit],
        hash: H256,
    ) -> Result<usize, Error<T>> {
        let found = live.iter().enumerate().find(|(_, commit)| commit.0 == hash);
        let Some((position, (_, epoch, _, _))) = found else {
            let all = WeightCommits::<T>::get(index, hotkey).unwrap_or_default();
            let expired = all.iter().any(|commit| commit.0 == hash);
            ensure!(!expired, Error::<T>::ExpiredWeightCommit);
            ensure!(!live.is_empty(), Error::<T>::NoWeightsCommitFound);
            return Err(Error::<T>::InvalidRevealCommitHashNotMatch);
        };
        let ready = SubnetEpochIndex::<T>::get(netuid) == Self::reveal_epoch(netuid, *epoch);
        ensure!(ready, Error::<T>::RevealTooEarly);
        Ok(position)
    }

    /// Stores what is left of a hotkey's commits.
    pub(crate) fn keep_commits(
        hotkey: &T::AccountId,
        index: NetUidStorageIndex,
        commits: Vec<Commit>,
    ) {
        match commits.is_empty() {
            true => WeightCommits::<T>::remove(index, hotkey),
            false => WeightCommits::<T>::insert(index, hotkey, commits),
        }
    }

    /// The hash that a client commits: blake2-256 of the SCALE encoding of what it will reveal.
    pub fn commit_hash(
        hotkey: &T::AccountId,
        index: NetUidStorageIndex,
        revealed: Revealed,
    ) -> H256 {
        let Row { uids, values, version_key } = revealed.row;
        (hotkey, index, uids, values, revealed.salt, version_key).using_encoded(blake2_256).into()
    }

    fn reveal_epoch(netuid: NetUid, committed: u64) -> u64 {
        committed.saturating_add(RevealPeriodEpochs::<T>::get(netuid))
    }

    /// The commits of a hotkey that have not expired.
    pub(crate) fn live_commits(
        hotkey: &T::AccountId,
        netuid: NetUid,
        index: NetUidStorageIndex,
    ) -> Vec<Commit> {
        let mut commits = WeightCommits::<T>::get(index, hotkey).unwrap_or_default();
        commits.retain(|(_, epoch, _, _)| Self::commit_lives(netuid, *epoch));
        commits
    }

    /// Whether a commit of that epoch can still be revealed.
    pub(crate) fn commit_lives(netuid: NetUid, epoch: u64) -> bool {
        SubnetEpochIndex::<T>::get(netuid) <= Self::reveal_epoch(netuid, epoch)
    }
}
