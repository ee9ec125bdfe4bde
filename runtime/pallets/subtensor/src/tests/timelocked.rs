//! Weights that are sealed until a round: who commits, when they open, what is dropped.

use super::*;
use crate::neurons::{PLACES, PLACES_WITHOUT_PERMIT};
use codec::Encode;
use frame_support::{
    assert_noop,
    dispatch::{DispatchResult, GetDispatchInfo},
    BoundedVec,
};
use sp_core::ConstU32;

type E = Error<Test>;
type Text = BoundedVec<u8, ConstU32<MAX_COMMIT_BYTES>>;

fn main(netuid: NetUid) -> NetUidStorageIndex {
    NetUidStorageIndex::main(netuid)
}

/// A row of `who`, sealed as the mock's beacon opens it.
fn sealed(round: u64, who: u64, values: &[u16]) -> Text {
    text(round, &(who.encode(), vec![2u16, 0], values, 0u64).encode())
}

fn text(round: u64, text: &[u8]) -> Text {
    [&round.to_le_bytes(), text].concat().try_into().unwrap()
}

fn commit(who: u64, netuid: NetUid, sealed: Text, round: u64) -> DispatchResult {
    Chain::commit_timelocked_weights(signed(who), netuid, sealed, round, 4)
}

fn next_epoch(netuid: NetUid) {
    let epoch = SubnetEpochIndex::<Test>::get(netuid);
    while SubnetEpochIndex::<Test>::get(netuid) == epoch {
        next_block();
    }
}

fn row(netuid: NetUid) -> Vec<(u16, u16)> {
    Weights::<Test>::get(main(netuid), 1)
}

fn waiting(netuid: NetUid) -> usize {
    TimelockedWeightCommits::<Test>::iter_prefix_values(main(netuid)).map(|queue| queue.len()).sum()
}

fn revealed() -> usize {
    let revealed = |event: &RuntimeEvent| {
        matches!(event, RuntimeEvent::SubtensorModule(Event::TimelockedWeightsRevealed(..)))
    };
    System::events().iter().filter(|record| revealed(&record.event)).count()
}

#[test]
fn a_sealed_row_is_set_right_before_the_epoch_after_its_own() {
    run(local(), || {
        let netuid = committing_subnet();
        let blob = sealed(7, 102, &[1, 2]);
        assert_ok!(commit(102, netuid, blob.clone(), 7));
        let hash = sp_io::hashing::blake2_256(&blob).into();
        let event = Event::TimelockedWeightsCommitted(102, main(netuid), hash, 7);
        System::assert_last_event(event.into());
        assert_eq!(LastUpdate::<Test>::get(main(netuid))[1], System::block_number());
        Rounds::publish(7);
        next_block();
        assert!(row(netuid).is_empty(), "the round is known, but it is not the epoch");
        next_epoch(netuid);
        assert_eq!(row(netuid), [(2, 32768), (0, 65535)]);
        assert_eq!((revealed(), waiting(netuid)), (1, 0));
    });
}

#[test]
fn a_round_that_is_late_opens_in_its_own_epoch_and_then_no_more() {
    run(local(), || {
        let netuid = committing_subnet();
        assert_ok!(commit(102, netuid, sealed(7, 102, &[1, 2]), 7));
        next_epoch(netuid);
        assert_eq!(waiting(netuid), 1);
        Rounds::publish(7);
        next_block();
        assert_eq!((row(netuid).len(), waiting(netuid)), (2, 0));

        assert_ok!(commit(102, netuid, sealed(9, 102, &[2, 1]), 9));
        next_epoch(netuid);
        next_epoch(netuid);
        Rounds::publish(9);
        next_block();
        assert_eq!(row(netuid), [(2, 32768), (0, 65535)]);
        assert_eq!(waiting(netuid), 0, "it has expired");
    });
}

#[test]
fn what_does_not_open_or_is_no_row_of_its_hotkey_is_dropped() {
    run(local(), || {
        let netuid = committing_subnet();
        let no_row = (102u64.encode(), vec![9u16], vec![1u16], 0u64).encode();
        let long = (102u64.encode(), vec![0u16; 9], vec![1u16; 9], 0u64).encode();
        for blob in [
            Text::default(),
            vec![255; 5_000].try_into().unwrap(),
            text(7, b""),
            text(7, &[255; 4_000]),
            text(7, &no_row),
            text(7, &long),
            sealed(7, 103, &[1, 2]), // copied of another
        ] {
            assert_ok!(commit(102, netuid, blob, 7));
        }
        assert_ok!(commit(103, netuid, sealed(7, 103, &[1, 2]), 7)); // without a permit
        Rounds::publish(7);
        next_epoch(netuid);
        assert_eq!((revealed(), waiting(netuid)), (0, 0));
        assert!(row(netuid).is_empty());
    });
}

#[test]
fn rows_of_older_clients_name_no_hotkey() {
    run(local(), || {
        let netuid = committing_subnet();
        let old = (vec![2u16, 0], vec![1u16, 2], 0u64).encode();
        let call = |round| {
            let (mechanism, blob) = (MechId::MAIN, text(round, &old));
            Chain::commit_crv3_mechanism_weights(signed(102), netuid, mechanism, blob, round)
        };
        assert_ok!(call(7));
        Rounds::publish(7);
        next_epoch(netuid);
        assert_eq!(row(netuid), [(2, 32768), (0, 65535)]);
        assert_noop!(call(6), E::InvalidRevealRound);
    });
}

#[test]
fn each_refusal_of_a_commit() {
    run(local(), || {
        let netuid = committing_subnet();
        let blob = || sealed(7, 102, &[1, 2]);
        let with = |version| {
            Chain::commit_timelocked_mechanism_weights(
                signed(102),
                netuid,
                MechId::MAIN,
                blob(),
                7,
                version,
            )
        };
        assert_noop!(with(3), E::IncorrectCommitRevealVersion);
        assert_noop!(commit(555, netuid, blob(), 7), E::HotKeyNotRegisteredInSubNet);
        assert_noop!(commit(102, NetUid::new(9), blob(), 7), E::SubnetNotExists);
        StakeThreshold::<Test>::put(u64::MAX);
        assert_noop!(with(4), E::NotEnoughStakeToSetWeights);
        StakeThreshold::<Test>::put(0);
        for _ in 0..10 {
            assert_ok!(with(4));
        }
        assert_noop!(with(4), E::TooManyUnrevealedCommits);
        WeightsSetRateLimit::<Test>::insert(netuid, 3);
        assert_noop!(with(4), E::CommittingWeightsTooFast);
        CommitRevealWeightsEnabled::<Test>::insert(netuid, false);
        assert_noop!(with(4), E::CommitRevealDisabled);
    });
}

#[test]
fn who_has_no_permit_cannot_fill_the_queue() {
    run(local(), || {
        let netuid = committing_subnet();
        let fill = |length: usize| {
            let epoch = SubnetEpochIndex::<Test>::get(netuid);
            let queue = vec![(555u64, 1u64, Text::default(), 7u64); length];
            TimelockedWeightCommits::<Test>::insert(main(netuid), epoch, queue);
        };
        let blob = || sealed(7, 102, &[1, 2]);
        fill(PLACES_WITHOUT_PERMIT - 1);
        assert_ok!(commit(103, netuid, blob(), 7));
        assert_noop!(commit(103, netuid, blob(), 7), E::CommitQueueFull);
        assert_ok!(commit(102, netuid, blob(), 7));
        assert_ok!(commit(101, netuid, blob(), 7)); // the owner needs none
        fill(PLACES);
        assert_noop!(commit(102, netuid, blob(), 7), E::CommitQueueFull);
        // Nothing but a test takes commits out of a queue.
        let _ = TimelockedCommitsMade::<Test>::clear(u32::MAX, None);
    });
}

#[test]
fn own_commits_are_counted_by_epoch_and_go_with_the_neuron() {
    run(local(), || {
        let netuid = committing_subnet();
        let made = || TimelockedCommitsMade::<Test>::get(main(netuid), 102);
        let epoch = SubnetEpochIndex::<Test>::get(netuid);
        for count in 1..=10 {
            assert_ok!(commit(102, netuid, sealed(7, 102, &[1, 2]), 7));
            assert_eq!(made(), (epoch, count));
        }
        assert_noop!(commit(102, netuid, sealed(7, 102, &[1, 2]), 7), E::TooManyUnrevealedCommits);
        let queue = TimelockedWeightCommits::<Test>::get(main(netuid), epoch);
        assert!(queue.iter().all(|(who, _, text, round)| {
            (*who, *round) == (102, 7) && *text == sealed(7, 102, &[1, 2])
        }));
        assert_eq!(queue.len(), 10);
        next_epoch(netuid);
        assert_ok!(commit(102, netuid, sealed(7, 102, &[1, 2]), 7));
        assert_eq!(made(), (epoch + 1, 1));
        Chain::replace_neuron(netuid, 1, &555);
        assert_eq!(TimelockedCommitsMade::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_block_opens_so_many_and_the_next_goes_on() {
    run(local(), || {
        let netuid = committing_subnet();
        let epoch = SubnetEpochIndex::<Test>::get(netuid);
        let many = OPENED_PER_BLOCK as usize + 5;
        let queue = vec![(102u64, 1u64, sealed(7, 102, &[1, 2]), 7u64); many];
        TimelockedWeightCommits::<Test>::insert(main(netuid), epoch, queue);
        Rounds::publish(7);
        next_epoch(netuid);
        assert_eq!((revealed(), waiting(netuid)), (OPENED_PER_BLOCK as usize, 5));
        next_block();
        assert_eq!((revealed(), waiting(netuid)), (5, 0));
        assert!(!RevealsWait::<Test>::get());
        next_block();
        assert_eq!(revealed(), 0);
    });
}

/// Gives `netuid` a queue of `many` rows of `who` that round 7 opens, for the epoch after this one.
fn fill(netuid: NetUid, who: u64, many: usize) {
    let epoch = SubnetEpochIndex::<Test>::get(netuid);
    let row = (who, 1u64, sealed(7, who, &[1, 2]), 7u64);
    TimelockedWeightCommits::<Test>::mutate(main(netuid), epoch, |queue| {
        queue.extend(vec![row; many]);
    });
}

#[test]
fn what_waits_for_room_alone_is_opened_however_late() {
    run(local(), || {
        let netuid = committing_subnet();
        let tempo = usize::from(Tempo::<Test>::get(netuid));
        let many = (tempo + 3) * OPENED_PER_BLOCK as usize;
        fill(netuid, 102, many);
        Rounds::publish(7);
        next_epoch(netuid);
        let mut opened = revealed();
        while waiting(netuid) > 0 {
            next_block();
            opened += revealed();
        }
        assert_eq!(opened, many, "its epoch was over before all of it was opened");
    });
}

#[test]
fn who_has_no_permit_does_not_hold_up_who_has() {
    run(local(), || {
        let netuid = committing_subnet();
        fill(netuid, 103, PLACES_WITHOUT_PERMIT);
        fill(netuid, 102, 1);
        Rounds::publish(7);
        next_epoch(netuid);
        assert_eq!(row(netuid), [(2, 32768), (0, 65535)]);
    });
}

#[test]
fn what_is_late_and_never_counted_does_not_hold_up_the_next_epochs() {
    run(local(), || {
        let netuid = committing_subnet();
        fill(netuid, 103, PLACES_WITHOUT_PERMIT);
        Rounds::publish(7);
        next_epoch(netuid);
        fill(netuid, 102, 1);
        next_epoch(netuid);
        assert_eq!(row(netuid), [(2, 32768), (0, 65535)]);
        assert_eq!(waiting(netuid), 0);
    });
}

#[test]
fn who_has_no_permit_waits_for_the_validators_of_all_mechanisms() {
    run(local(), || {
        let netuid = committing_subnet();
        MechanismCountCurrent::<Test>::insert(netuid, MechId::new(2));
        fill(netuid, 103, PLACES_WITHOUT_PERMIT);
        let other = NetUidStorageIndex::of(netuid, MechId::new(1)).unwrap();
        let epoch = SubnetEpochIndex::<Test>::get(netuid);
        let honest = vec![(102u64, 1u64, sealed(7, 102, &[1, 2]), 7u64)];
        TimelockedWeightCommits::<Test>::insert(other, epoch, honest);
        Rounds::publish(7);
        next_epoch(netuid);
        assert_eq!(Weights::<Test>::get(other, 1), [(2, 32768), (0, 65535)]);
    });
}

#[test]
fn a_queue_that_is_opened_in_part_breaks_no_invariant() {
    run(local(), || {
        let netuid = committing_subnet();
        for round in [7, 8] {
            assert_ok!(commit(102, netuid, sealed(round, 102, &[1, 2]), round));
        }
        Rounds::publish(7);
        next_epoch(netuid);
        assert_eq!(waiting(netuid), 1);
        Chain::do_try_state().unwrap();
    });
}

#[test]
fn an_upgrade_notes_which_rounds_an_older_runtime_waits_for() {
    run(local(), || {
        fill(committing_subnet(), 102, 2);
        <Chain as frame_support::traits::Hooks<u64>>::on_runtime_upgrade();
        assert_eq!(Rounds::awaited(), [7, 7]);
    });
}

#[test]
fn subnets_share_the_room_and_take_turns() {
    run(local(), || {
        let (junk, honest) = (committing_subnet(), committing_subnet());
        assert!(junk < honest);
        next_epoch(honest);
        let due = System::block_number() + 1;
        // Both epochs are due in one block: the room is shared.
        fill(junk, 102, 100);
        fill(honest, 102, 1);
        Rounds::publish(7);
        for netuid in [junk, honest] {
            PendingEpochAt::<Test>::insert(netuid, due);
        }
        next_block();
        assert_eq!((row(honest).len(), waiting(honest)), (2, 0));
        // Later on they take turns: whatever waits before a subnet, it is served in the second block.
        Weights::<Test>::remove(main(honest), 1);
        let epoch = SubnetEpochIndex::<Test>::get(honest) - 1;
        let late = vec![(102u64, 1u64, sealed(9, 102, &[1, 2]), 9u64)];
        TimelockedWeightCommits::<Test>::insert(main(honest), epoch, late);
        Rounds::publish(9);
        next_block();
        next_block();
        assert_eq!((row(honest).len(), waiting(honest)), (2, 0));
        assert!(waiting(junk) > 0);
    });
}

#[test]
fn a_round_after_which_a_row_is_gone_is_refused() {
    run(local(), || {
        let netuid = committing_subnet();
        Rounds::awaited();
        // This epoch, its own, and one for what is late, in blocks as clients reckon; five minutes.
        let tempo = u64::from(Tempo::<Test>::get(netuid));
        let last = (3 * tempo * 12 + 300) / 3;
        let blob = || sealed(7, 102, &[1, 2]);
        for round in [last + 1, u64::MAX] {
            assert_noop!(commit(102, netuid, blob(), round), E::InvalidRevealRound);
        }
        assert_ok!(commit(102, netuid, blob(), last));
        RevealPeriodEpochs::<Test>::insert(netuid, 2);
        assert_ok!(commit(102, netuid, blob(), last + 1));
        // Clients that know the chain's own pace may be slower than that.
        SlotDurationMs::<Test>::put(24_000);
        assert_ok!(commit(102, netuid, blob(), 2 * last));
        assert_eq!(Rounds::awaited(), [last, last + 1, 2 * last]);
    });
}

#[test]
fn a_queue_is_not_touched_by_a_round_that_opens_nothing_in_it() {
    run(local(), || {
        let netuid = committing_subnet();
        assert_ok!(commit(102, netuid, sealed(9, 102, &[1, 2]), 9));
        let epoch = SubnetEpochIndex::<Test>::get(netuid);
        next_epoch(netuid);
        // What cannot be read would be gone as soon as it was looked at.
        let key = TimelockedWeightCommits::<Test>::hashed_key_for(main(netuid), epoch);
        let queue = sp_io::storage::get(&key).unwrap();
        sp_io::storage::set(&key, b"\xff");
        Rounds::publish(8);
        next_block();
        assert_eq!(sp_io::storage::get(&key).unwrap()[..], b"\xff"[..]);
        sp_io::storage::set(&key, &queue);
        Rounds::publish(9);
        next_block();
        assert_eq!((row(netuid).len(), waiting(netuid)), (2, 0));
        assert_eq!(TimelockedRounds::<Test>::iter().count(), 0);
    });
}

#[test]
fn an_epoch_is_weighed_for_the_sealed_rows_that_it_reads() {
    run(local(), || {
        let netuid = committing_subnet();
        let epoch_weight = || {
            let block = System::block_number() + 1;
            System::set_block_number(block);
            PendingEpochAt::<Test>::insert(netuid, block);
            Chain::coinbase_on_initialize(block)
        };
        let _ = epoch_weight();
        let without = epoch_weight();
        let later = SubnetEpochIndex::<Test>::get(netuid) + 9;
        let rows = vec![(102u64, 1u64, sealed(7, 102, &[1, 2]), 7u64); PLACES];
        Chain::keep_timelocked(main(netuid), later, rows);
        let reading = <() as WeightInfo>::read_timelocked(PLACES as u32);
        assert!(epoch_weight().all_gte(without.saturating_add(reading)));
    });
}

#[test]
fn a_queue_of_an_older_runtime_is_looked_at_as_it_was() {
    run(local(), || {
        let netuid = committing_subnet();
        fill(netuid, 102, 1);
        next_epoch(netuid);
        assert_eq!(waiting(netuid), 1);
        Rounds::publish(7);
        next_block();
        assert_eq!((row(netuid).len(), waiting(netuid)), (2, 0));
    });
}

#[test]
fn who_commits_pays_for_the_opening() {
    let weight = |call: Call<Test>| call.get_dispatch_info().call_weight;
    let opening = <() as WeightInfo>::reveal_timelocked(1);
    let (netuid, mecid, reveal_round) = (NetUid::new(1), MechId::MAIN, 7);
    let commit = Text::default;
    for call in [
        Call::commit_timelocked_weights {
            netuid,
            commit: commit(),
            reveal_round,
            commit_reveal_version: 4,
        },
        Call::commit_timelocked_mechanism_weights {
            netuid,
            mecid,
            commit: commit(),
            reveal_round,
            commit_reveal_version: 4,
        },
        Call::commit_crv3_mechanism_weights { netuid, mecid, commit: commit(), reveal_round },
    ] {
        assert!(weight(call).all_gte(opening));
    }
}

#[test]
fn a_row_that_opens_after_commit_reveal_was_switched_off_is_held_to_the_limit() {
    run(local(), || {
        let netuid = committing_subnet();
        assert_ok!(commit(102, netuid, sealed(7, 102, &[1, 2]), 7));
        CommitRevealWeightsEnabled::<Test>::insert(netuid, false);
        WeightsSetRateLimit::<Test>::insert(netuid, 1_000);
        Rounds::publish(7);
        next_epoch(netuid);
        assert_eq!((revealed(), waiting(netuid)), (0, 0));
    });
}
