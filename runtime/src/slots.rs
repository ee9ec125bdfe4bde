//! Counts Aura's slots anew when their length changes.
//!
//! Aura wants each block in a later slot than the block before, and the slot's number is the
//! block's time divided by the slot duration. Root may change that duration on a running chain
//! (`SubtensorModule.SlotDurationMs`). A number that was counted in the old slots would then stand
//! for another time: after a doubling, for a time decades ahead. So at the end of each block the
//! last slot is what the chain's time and the duration now say. Pallet Aura does the same when a
//! runtime upgrade brings another duration.

use crate::{config::SlotDuration, Runtime, Timestamp};
use frame_support::traits::{Get, PostTransactions};
use pallet_aura::CurrentSlot;
use sp_consensus_aura::Slot;

/// Keeps `Aura.CurrentSlot` equal to `Timestamp.Now / SlotDuration`.
///
/// The reads belong to the weight of a block without extrinsics. It writes only after a change.
pub struct FollowDuration;

impl PostTransactions for FollowDuration {
    fn post_transactions() {
        let Some(slot) = Timestamp::get().checked_div(SlotDuration::get()) else {
            return; // slots without length: no block can follow, and a host refuses this one
        };
        if CurrentSlot::<Runtime>::get() != slot {
            CurrentSlot::<Runtime>::put(Slot::from(slot));
        }
    }
}
