//! The last slot's number after a block, whatever root did to the slots' length in it.

use super::*;
use frame_support::traits::PostTransactions;
use pallet_aura::CurrentSlot;
use pallet_subtensor::SlotDurationMs;
use pallet_timestamp::Now;

const NOW_MS: u64 = 1_700_000_000_123;

/// The last slot at the end of a block that root gave slots of `duration_ms`.
fn slot_after(duration_ms: u64) -> u64 {
    let mut slot = 0;
    with_preset(genesis::LOCAL, || {
        Now::<Runtime>::put(NOW_MS);
        CurrentSlot::<Runtime>::put(sp_consensus_aura::Slot::from(NOW_MS / 250));
        SlotDurationMs::<Runtime>::put(duration_ms);
        <Runtime as frame_system::Config>::PostTransactions::post_transactions();
        slot = *CurrentSlot::<Runtime>::get();
    });
    slot
}

#[test]
fn slots_are_counted_in_their_own_length() {
    assert_eq!(slot_after(250), 6_800_000_000);
    assert_eq!(slot_after(125), 13_600_000_000);
    assert_eq!(slot_after(500), 3_400_000_000);
    assert_eq!(slot_after(u64::MAX), 0);
}

#[test]
fn slots_without_length_do_not_upset_the_end_of_a_block() {
    assert_eq!(slot_after(0), 6_800_000_000);
}
