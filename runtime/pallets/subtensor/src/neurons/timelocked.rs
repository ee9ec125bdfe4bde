//! Weights that are sealed until a round of the beacon, which opens them for everybody at once.
//!
//! A commit belongs to the subnet's epoch in which it was made. It is opened right before the epoch
//! `RevealPeriodEpochs` later, or, if its round comes to be known later in that time, then; what was
//! not opened by its end is gone (`coinbase/reveals`). What does not open, or is no row that its
//! hotkey may set, is dropped without a word, as publicly.
//!
//! Sealed rows are kept in one queue an epoch. So that nobody makes that dear for validators, neurons
//! without a permit, whose rows would be refused anyway, find fewer places. Publicly the queue has no
//! bound. A commit is put at its end, and whether it may be is told by two numbers: how many there
//! are, which the queue begins with, and how many of them are the hotkey's own
//! (`TimelockedCommitsMade`). So the pool can tell it too, and nothing reads the whole queue before it
//! is opened.

use crate::{
    neurons::{commit_reveal::COMMITS_MAX, slots::put, Row},
    *,
};
use alloc::{collections::BTreeSet, vec::Vec};
use codec::Decode;
use frame_support::{
    ensure,
    traits::{ConstU32, Get},
    weights::Weight,
    BoundedVec,
};
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

/// Where a commit goes.
pub(crate) struct Place {
    index: NetUidStorageIndex,
    /// The hotkey's slot.
    uid: u16,
    /// The epoch that it belongs to.
    epoch: u64,
    /// Those of the hotkey that are in the queue already.
    own: u8,
}

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
        let Place { index, uid, epoch, own } =
            Self::check_timelocked(hotkey, netuid, mechanism, round, version)?;
        let now = Self::block();
        let hash = blake2_256(&sealed).into();
        Self::note_round(index, epoch, round);
        TimelockedWeightCommits::<T>::append(index, epoch, (hotkey, now, sealed, round));
        TimelockedCommitsMade::<T>::insert(index, hotkey, (epoch, own.saturating_add(1)));
        T::Beacon::await_round(round);
        LastUpdate::<T>::mutate(index, |blocks| put(blocks, uid, now));
        Self::deposit_event(Event::TimelockedWeightsCommitted(hotkey.clone(), index, hash, round));
        Ok(())
    }

    /// Whether a hotkey may commit now; answers where.
    pub(crate) fn check_timelocked(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
        round: u64,
        version: u16,
    ) -> Result<Place, Error<T>> {
        ensure!(
            version == CommitRevealWeightsVersion::<T>::get(),
            Error::<T>::IncorrectCommitRevealVersion
        );
        let (index, uid) = Self::check_commit(hotkey, netuid, mechanism)?;
        ensure!(
            Self::stake_weight_of(hotkey, netuid) >= StakeThreshold::<T>::get(),
            Error::<T>::NotEnoughStakeToSetWeights
        );
        let latest = T::Beacon::round_within(Self::sealed_for_s(netuid));
        ensure!(
            (T::Beacon::last_round()..=latest).contains(&round),
            Error::<T>::InvalidRevealRound
        );
        let epoch = Self::epoch_with_lookahead(netuid);
        let (last, made) = TimelockedCommitsMade::<T>::get(index, hotkey);
        let own = if last == epoch { made } else { 0 };
        ensure!(usize::from(own) < COMMITS_MAX, Error::<T>::TooManyUnrevealedCommits);
        let free = Self::owner_uid(netuid) == Some(uid);
        let places = match Self::may_weigh(netuid, uid, free) {
            true => PLACES,
            false => PLACES_WITHOUT_PERMIT,
        };
        ensure!(Self::timelocked_waiting(index, epoch) < places, Error::<T>::CommitQueueFull);
        Ok(Place { index, uid, epoch, own })
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

    /// How many rows a queue has.
    fn timelocked_waiting(index: NetUidStorageIndex, epoch: u64) -> usize {
        TimelockedWeightCommits::<T>::decode_len(index, epoch).unwrap_or(0)
    }

    /// Notes that `round` opens something of the queue of `epoch`, before that is put there.
    fn note_round(index: NetUidStorageIndex, epoch: u64, round: u64) {
        let known = TimelockedRounds::<T>::get(index, epoch);
        // What is in a queue of an older runtime is told by itself alone.
        if known.is_some() || Self::timelocked_waiting(index, epoch) == 0 {
            let mut rounds = known.unwrap_or_default();
            rounds.insert(round);
            TimelockedRounds::<T>::insert(index, epoch, rounds);
        }
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

    /// Notes which rounds open what is sealed.
    pub(crate) fn await_rounds() -> Weight {
        let mut noted = 0u64;
        for (_, _, queue) in TimelockedWeightCommits::<T>::iter() {
            for (.., round) in queue {
                T::Beacon::await_round(round);
                noted = noted.saturating_add(1);
            }
        }
        T::DbWeight::get().reads_writes(noted.saturating_mul(4).saturating_add(1), noted)
    }

    pub(crate) fn drop_timelocked(index: NetUidStorageIndex, epoch: u64) {
        TimelockedRounds::<T>::remove(index, epoch);
        TimelockedWeightCommits::<T>::remove(index, epoch);
    }

    /// Drops all that is sealed on one mechanism of a subnet.
    pub fn clear_timelocked(index: NetUidStorageIndex) {
        let _ = TimelockedRounds::<T>::clear_prefix(index, u32::MAX, None);
        let _ = TimelockedWeightCommits::<T>::clear_prefix(index, u32::MAX, None);
        let _ = TimelockedCommitsMade::<T>::clear_prefix(index, u32::MAX, None);
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
