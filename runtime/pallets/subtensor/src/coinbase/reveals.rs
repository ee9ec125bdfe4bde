//! Timelocked weights that the beacon has opened (see `neurons/timelocked`).
//!
//! Right before a subnet's epoch, what was committed for it is opened; what its round did not open
//! by then is tried again when another round comes to be known, until the next epoch. A block tries
//! no more than [`OPENED_PER_BLOCK`], and goes on in the next: opening is dear, and who commits does
//! not pay for it.
//!
//! Publicly every block tries everything that has not been opened. That is the same but where a
//! subnet's settings change between two epochs, and then one of the two is close.

use crate::*;
use alloc::vec::Vec;

/// Timelocked weights that are opened in one block. They take 27 ms each, and declare three times as
/// much: with what `pallet-commitments` opens, nearly a whole block.
pub(crate) const OPENED_PER_BLOCK: u32 = 32;

/// How many more a block may open, and has opened.
pub(super) struct Room {
    left: u32,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { left: OPENED_PER_BLOCK }
    }

    pub(super) fn used(&self) -> u32 {
        OPENED_PER_BLOCK.saturating_sub(self.left)
    }
}

impl<T: Config> Pallet<T> {
    /// Whether something may open in this block that did not open in the last.
    pub(super) fn may_reveal_more() -> bool {
        let waited = RevealsWait::<T>::get();
        if waited {
            RevealsWait::<T>::kill();
        }
        (waited || T::Beacon::has_news())
            && TimelockedWeightCommits::<T>::iter_keys().next().is_some()
    }

    /// Opens what is to be known in `epoch` of the subnet, on all of its mechanisms.
    pub(super) fn reveal_timelocked(netuid: NetUid, epoch: u64, room: &mut Room) {
        let revealed = epoch.checked_sub(RevealPeriodEpochs::<T>::get(netuid));
        for mechanism in 0..u8::from(MechanismCountCurrent::<T>::get(netuid)) {
            let mechanism = MechId::new(mechanism);
            let Some(index) = NetUidStorageIndex::of(netuid, mechanism) else { continue };
            let old: Vec<u64> = TimelockedWeightCommits::<T>::iter_key_prefix(index)
                .filter(|committed| Some(*committed) < revealed)
                .collect();
            old.iter().for_each(|committed| TimelockedWeightCommits::<T>::remove(index, committed));
            let Some(committed) = revealed else { continue };
            if TimelockedWeightCommits::<T>::contains_key(index, committed) {
                Self::reveal_queue(netuid, mechanism, index, committed, room);
            }
        }
    }

    fn reveal_queue(
        netuid: NetUid,
        mechanism: MechId,
        index: NetUidStorageIndex,
        committed: u64,
        room: &mut Room,
    ) {
        let mut kept = Vec::new();
        for commit in TimelockedWeightCommits::<T>::take(index, committed) {
            let (hotkey, _, sealed, round) = &commit;
            // Whoever has left could set nothing.
            if !Uids::<T>::contains_key(netuid, hotkey) {
                continue;
            }
            if room.left == 0 {
                RevealsWait::<T>::put(true);
                kept.push(commit);
                continue;
            }
            let text = match T::Beacon::open(*round, sealed) {
                Opened::NotYet => {
                    kept.push(commit);
                    continue;
                }
                Opened::Never => None,
                Opened::Text(text) => Some(text),
            };
            room.left = room.left.saturating_sub(1);
            if text.is_some_and(|text| Self::set_opened(hotkey, netuid, mechanism, &text)) {
                Self::deposit_event(Event::TimelockedWeightsRevealed(index, hotkey.clone()));
            }
        }
        if !kept.is_empty() {
            TimelockedWeightCommits::<T>::insert(index, committed, kept);
        }
    }
}
