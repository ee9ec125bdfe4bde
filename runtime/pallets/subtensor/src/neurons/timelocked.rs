//! Weights that are sealed until a round of the beacon, which opens them for everybody at once.
//!
//! A commit belongs to the subnet's epoch in which it was made. It is opened right before the epoch
//! `RevealPeriodEpochs` later, or, if its round comes to be known later in that time, then; what was
//! not opened by its end is gone (`coinbase/reveals`). What does not open, or is no row that its
//! hotkey may set, is dropped without a word, as publicly.
//!
//! Sealed rows are kept in one queue an epoch, which every commit reads and writes. So that nobody
//! makes that dear for validators, neurons without a permit, whose rows would be refused anyway, find
//! fewer places. Publicly the queue has no bound.

use crate::{
    neurons::{commit_reveal::COMMITS_MAX, slots::put, Row},
    *,
};
use alloc::{collections::BTreeSet, vec::Vec};
use codec::Decode;
use frame_support::{ensure, traits::ConstU32, BoundedVec};
use sp_io::hashing::blake2_256;
use sp_runtime::DispatchResult;

/// The version of a commit whose client names none. The public chain's value.
pub const UNNAMED_COMMIT_VERSION: u16 = 4;

/// Places in a queue for those without a permit.
pub(crate) const PLACES_WITHOUT_PERMIT: usize = 256;

/// Places in a queue: those, and ten for each of as many validators as the public chain's default
/// allows.
pub(crate) const PLACES: usize = PLACES_WITHOUT_PERMIT + 64 * COMMITS_MAX;

/// Milliseconds of a block as clients reckon who ask no chain for them: the public chain's.
const CLIENTS_BLOCK_MS: u64 = 12_000;

/// Seconds by which epochs and clients' clocks may be late.
const LATE_S: u64 = 300;

/// What a sealed row is.
pub type Sealed = BoundedVec<u8, ConstU32<MAX_COMMIT_BYTES>>;

/// What clients seal: whose row it is, and the row.
#[derive(Decode)]
struct Payload {
    hotkey: Vec<u8>,
    uids: Vec<u16>,
    values: Vec<u16>,
    version_key: u64,
}

/// What clients sealed before that.
#[derive(Decode)]
struct OldPayload {
    uids: Vec<u16>,
    values: Vec<u16>,
    version_key: u64,
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_commit_timelocked(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
        sealed: Sealed,
        round: u64,
        version: u16,
    ) -> DispatchResult {
        let (index, uid) = Self::check_timelocked(hotkey, netuid, mechanism, round, version)?;
        let now = Self::block();
        let epoch = Self::epoch_with_lookahead(netuid);
        let mut queue = TimelockedWeightCommits::<T>::get(index, epoch);
        let own = queue.iter().filter(|(who, ..)| who == hotkey).count();
        ensure!(own < COMMITS_MAX, Error::<T>::TooManyUnrevealedCommits);
        let free = Self::owner_uid(netuid) == Some(uid);
        let places = match Self::may_weigh(netuid, uid, free) {
            true => PLACES,
            false => PLACES_WITHOUT_PERMIT,
        };
        ensure!(queue.len() < places, Error::<T>::CommitQueueFull);
        let hash = blake2_256(&sealed).into();
        queue.push((hotkey.clone(), now, sealed, round));
        Self::keep_timelocked(index, epoch, queue);
        T::Beacon::await_round(round);
        LastUpdate::<T>::mutate(index, |blocks| put(blocks, uid, now));
        Self::deposit_event(Event::TimelockedWeightsCommitted(hotkey.clone(), index, hash, round));
        Ok(())
    }

    pub(crate) fn check_timelocked(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
        round: u64,
        version: u16,
    ) -> Result<(NetUidStorageIndex, u16), Error<T>> {
        ensure!(
            version == CommitRevealWeightsVersion::<T>::get(),
            Error::<T>::IncorrectCommitRevealVersion
        );
        let slot = Self::check_commit(hotkey, netuid, mechanism)?;
        ensure!(
            Self::stake_weight_of(hotkey, netuid) >= StakeThreshold::<T>::get(),
            Error::<T>::NotEnoughStakeToSetWeights
        );
        let latest = T::Beacon::round_within(Self::sealed_for_s(netuid));
        ensure!(
            (T::Beacon::last_round()..=latest).contains(&round),
            Error::<T>::InvalidRevealRound
        );
        Ok(slot)
    }

    /// In how many seconds at most a row that is committed now is gone, opened or not: no round after
    /// that could open it. The rest of this epoch, the epochs that it is sealed for, the one in which
    /// it is opened, and some time for what is late.
    fn sealed_for_s(netuid: NetUid) -> u64 {
        let epochs = RevealPeriodEpochs::<T>::get(netuid).saturating_add(2);
        let blocks = epochs.saturating_mul(Tempo::<T>::get(netuid).into());
        let block_ms = SlotDurationMs::<T>::get().max(CLIENTS_BLOCK_MS);
        (blocks.saturating_mul(block_ms) / 1_000).saturating_add(LATE_S)
    }

    /// Keeps `queue` of `epoch`, and which rounds open what is in it.
    pub(crate) fn keep_timelocked(
        index: NetUidStorageIndex,
        epoch: u64,
        queue: Vec<(T::AccountId, u64, Sealed, u64)>,
    ) {
        if queue.is_empty() {
            return Self::drop_timelocked(index, epoch);
        }
        let rounds: BTreeSet<u64> = queue.iter().map(|(.., round)| *round).collect();
        TimelockedRounds::<T>::insert(index, epoch, rounds);
        TimelockedWeightCommits::<T>::insert(index, epoch, queue);
    }

    pub(crate) fn drop_timelocked(index: NetUidStorageIndex, epoch: u64) {
        TimelockedRounds::<T>::remove(index, epoch);
        TimelockedWeightCommits::<T>::remove(index, epoch);
    }

    /// Drops all that is sealed on one mechanism of a subnet.
    pub fn clear_timelocked(index: NetUidStorageIndex) {
        let _ = TimelockedRounds::<T>::clear_prefix(index, u32::MAX, None);
        let _ = TimelockedWeightCommits::<T>::clear_prefix(index, u32::MAX, None);
    }

    /// The epoch to which something belongs that is done now: the next, if one is due in this block
    /// and was put off.
    pub(crate) fn epoch_with_lookahead(netuid: NetUid) -> u64 {
        let due = Self::epoch_is_due(netuid, Self::block());
        SubnetEpochIndex::<T>::get(netuid).saturating_add(due.into())
    }

    /// Sets the row that `text` is, if it is one that `hotkey` may set; answers whether it did.
    pub(crate) fn set_opened(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
        text: &[u8],
    ) -> bool {
        let Some((uids, values, version_key)) = Self::read_payload(hotkey, text) else {
            return false;
        };
        let row = Row { uids: &uids, values: &values, version_key };
        if !CommitRevealWeightsEnabled::<T>::get(netuid) {
            return Self::do_set_weights(hotkey, netuid, mechanism, row).is_ok();
        }
        Self::check_weight_setter(hotkey, netuid, mechanism, row)
            .is_ok_and(|(index, uid)| Self::put_weights(netuid, index, uid, row).is_ok())
    }

    /// The row in what was opened. It names its hotkey, or nobody could tell a copy.
    fn read_payload(hotkey: &T::AccountId, text: &[u8]) -> Option<(Vec<u16>, Vec<u16>, u64)> {
        if let Ok(payload) = Payload::decode(&mut &text[..]) {
            if let Ok(named) = T::AccountId::decode(&mut payload.hotkey.as_slice()) {
                let Payload { uids, values, version_key, .. } = payload;
                return (named == *hotkey).then_some((uids, values, version_key));
            }
        }
        let OldPayload { uids, values, version_key } = OldPayload::decode(&mut &text[..]).ok()?;
        Some((uids, values, version_key))
    }
}
