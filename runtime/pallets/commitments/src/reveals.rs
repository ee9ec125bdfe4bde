//! Opening time-locked texts when their rounds come to be known.
//!
//! Looked for in the block after a round came to be known, or after a text was set whose round is
//! known already. What opens is moved to `RevealedCommitments`; what does not is dropped, as publicly.
//! A block looks at no more than [`LOOKED_AT_PER_BLOCK`] commitments, tries to open no more than
//! [`OPENED_PER_BLOCK`] texts, and the next goes on from there. Who sets a text pays for its opening.

use crate::*;
use alloc::{collections::BTreeSet, vec::Vec};
use core::ops::Bound;
use frame_support::{
    ensure,
    traits::Get,
    weights::{constants::WEIGHT_REF_TIME_PER_MICROS, Weight},
    BoundedVec,
};
use pallet_subtensor::Opened;

/// Commitments that one block reads, a tenth of a millisecond each.
pub const LOOKED_AT_PER_BLOCK: u32 = 128;

/// Texts that one block tries to open, 27 ms each: those of one commitment. With the rows that
/// `pallet-subtensor` opens they declare a quarter of a block.
pub const OPENED_PER_BLOCK: u32 = 3;

/// Opened texts of one neuron that are kept. The public chain's value.
const REVEALS_KEPT: usize = 10;

/// What it takes to try one text: as `pallet-subtensor`'s `reveal_timelocked`.
pub(crate) const OPENING: Weight =
    Weight::from_parts(WEIGHT_REF_TIME_PER_MICROS.saturating_mul(90_000), 0);

/// How a commitment was left.
enum Looked {
    /// All that can be opened was.
    Through,
    /// There was no more room in this block.
    Full,
}

impl<T: Config> Pallet<T> {
    /// Notes whether the commitment that is about to be stored has a locked text.
    pub(crate) fn note_lock(netuid: NetUid, who: &T::AccountId, locked: bool) {
        let had = CommitmentOf::<T>::get(netuid, who).is_some_and(|kept| kept.info.has_timelock());
        if had != locked {
            let entry = (netuid, who.clone());
            TimelockedIndex::<T>::mutate(|index| match locked {
                true => index.insert(entry),
                false => index.remove(&entry),
            });
        }
    }

    /// Notes which rounds open what is locked.
    pub(crate) fn await_rounds() -> Weight {
        let (mut looked_at, mut noted) = (1u64, 0u64);
        for (netuid, who) in TimelockedIndex::<T>::get() {
            looked_at = looked_at.saturating_add(1);
            let Some(kept) = CommitmentOf::<T>::get(netuid, &who) else { continue };
            for round in kept.info.fields.iter().filter_map(Data::reveal_round) {
                T::Beacon::await_round(round);
                noted = noted.saturating_add(1);
            }
        }
        T::DbWeight::get().reads_writes(noted.saturating_mul(4).saturating_add(looked_at), noted)
    }

    /// Opens what can be opened.
    pub(crate) fn reveal_timelocked() -> Weight {
        let mut weight = T::DbWeight::get().reads(3);
        let mut from = TimelockRevealCursor::<T>::get();
        let again = T::Beacon::has_news() || LookAgain::<T>::get();
        if from.is_none() {
            if !again {
                return weight;
            }
            LookAgain::<T>::kill();
        } else if again {
            LookAgain::<T>::put(true);
        }
        let index = TimelockedIndex::<T>::get();
        let mut through = BTreeSet::new();
        let (mut looked_at, mut room) = (0u32, OPENED_PER_BLOCK);
        let start = from.take().map_or(Bound::Unbounded, Bound::Included);
        for entry in index.range((start, Bound::Unbounded)) {
            if looked_at == LOOKED_AT_PER_BLOCK {
                from = Some(entry.clone());
                break;
            }
            looked_at = looked_at.saturating_add(1);
            let (looked, locked) = Self::reveal_of(entry.0, &entry.1, &mut room);
            if !locked {
                through.insert(entry.clone());
            }
            if matches!(looked, Looked::Full) {
                from = Some(entry.clone());
                break;
            }
        }
        TimelockRevealCursor::<T>::set(from);
        if !through.is_empty() {
            TimelockedIndex::<T>::mutate(|index| index.retain(|entry| !through.contains(entry)));
        }
        let opened = OPENED_PER_BLOCK.saturating_sub(room);
        weight.saturating_accrue(T::DbWeight::get().reads_writes(
            u64::from(looked_at).saturating_mul(4),
            u64::from(opened).saturating_mul(3).saturating_add(2),
        ));
        weight.saturating_add(OPENING.saturating_mul(opened.into()))
    }

    /// Opens what can be opened of one commitment, within `room`; also answers whether it still has
    /// a text that is locked.
    fn reveal_of(netuid: NetUid, who: &T::AccountId, room: &mut u32) -> (Looked, bool) {
        let Some(mut kept) = CommitmentOf::<T>::get(netuid, who) else {
            return (Looked::Through, false);
        };
        let (mut fields, mut texts, mut tried) = (Vec::new(), Vec::new(), false);
        let mut looked = Looked::Through;
        for field in kept.info.fields {
            let Data::TimelockEncrypted { encrypted, reveal_round } = &field else {
                fields.push(field);
                continue;
            };
            if *reveal_round > T::Beacon::last_round() {
                fields.push(field);
                continue;
            }
            if *room == 0 {
                looked = Looked::Full;
                fields.push(field);
                continue;
            }
            match T::Beacon::open(*reveal_round, encrypted) {
                Opened::NotYet => {
                    fields.push(field);
                    continue;
                }
                Opened::Never => {}
                Opened::Text(text) if text.is_empty() => {}
                Opened::Text(text) => texts.push(text),
            }
            *room = room.saturating_sub(1);
            tried = true;
        }
        // No more than there were.
        kept.info.fields = BoundedVec::truncate_from(fields);
        let locked = kept.info.has_timelock();
        if tried {
            Self::keep_revealed(netuid, who, texts);
            match kept.info.fields.is_empty() {
                true => CommitmentOf::<T>::remove(netuid, who),
                false => CommitmentOf::<T>::insert(netuid, who, kept),
            }
        }
        (looked, locked)
    }

    fn keep_revealed(netuid: NetUid, who: &T::AccountId, texts: Vec<Vec<u8>>) {
        if texts.is_empty() {
            return;
        }
        let now = sp_runtime::SaturatedConversion::saturated_into(
            frame_system::Pallet::<T>::block_number(),
        );
        let mut revealed = RevealedCommitments::<T>::get(netuid, who).unwrap_or_default();
        for text in texts {
            revealed.push((text, now));
            Self::deposit_event(Event::CommitmentRevealed { netuid, who: who.clone() });
        }
        let surplus = revealed.len().saturating_sub(REVEALS_KEPT);
        revealed.drain(..surplus);
        RevealedCommitments::<T>::insert(netuid, who, revealed);
    }

    /// Fails with the first invariant that does not hold.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        let locked: BTreeSet<(NetUid, T::AccountId)> = CommitmentOf::<T>::iter()
            .filter(|(_, _, kept)| kept.info.has_timelock())
            .map(|(netuid, who, _)| (netuid, who))
            .collect();
        ensure!(TimelockedIndex::<T>::get() == locked, "the index of time locks is another");
        let few = RevealedCommitments::<T>::iter_values().all(|texts| texts.len() <= REVEALS_KEPT);
        ensure!(few, "too many opened texts are kept");
        Ok(())
    }
}
