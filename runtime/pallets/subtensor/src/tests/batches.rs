//! Weights of several subnets, or several reveals, in one extrinsic.

use super::*;
use crate::neurons::{Revealed, Row};
use codec::Compact;
use frame_support::{assert_noop, dispatch::DispatchResult};
use sp_core::H256;

type E = Error<Test>;

/// Two subnets with the validator 102 on both, after it got its permits.
fn two_subnets() -> [NetUid; 2] {
    let subnets = [found_subnet(1), found_subnet(4)];
    for netuid in subnets {
        join(netuid, 2);
        join(netuid, 3);
        stake(netuid, 2, 102, 100 * UNIT);
    }
    run_to_block(45);
    subnets
}

fn compact(netuids: &[NetUid]) -> Vec<Compact<NetUid>> {
    netuids.iter().copied().map(Compact).collect()
}

fn set(netuids: &[NetUid], rows: &[&[(u16, u16)]]) -> DispatchResult {
    let row = |row: &&[(u16, u16)]| row.iter().map(|(to, w)| (Compact(*to), Compact(*w))).collect();
    let rows = rows.iter().map(row).collect();
    let versions = netuids.iter().map(|_| Compact(0)).collect();
    Chain::batch_set_weights(signed(102), compact(netuids), rows, versions)
}

fn weights(netuid: NetUid) -> Vec<(u16, u16)> {
    Weights::<Test>::get(NetUidStorageIndex::main(netuid), 1)
}

fn has_event(event: Event<Test>) -> bool {
    System::events().iter().any(|record| record.event == event.clone().into())
}

#[test]
fn what_is_refused_on_one_subnet_does_not_stop_the_others() {
    run(local(), || {
        let [first, second] = two_subnets();
        assert_ok!(set(&[first, second], &[&[(2, 1), (0, 1)], &[(2, 1), (2, 1)]]));
        assert_eq!(weights(first), [(2, 65535), (0, 65535)]);
        assert!(weights(second).is_empty());
        let why = E::DuplicateUids.into();
        assert!(has_event(Event::BatchCompletedWithErrors()));
        assert!(has_event(Event::BatchWeightItemFailed(second, why)));
        let all = compact(&[first, second]);
        System::assert_last_event(Event::BatchWeightsCompleted(all, 102).into());

        System::reset_events();
        assert_ok!(set(&[second], &[&[(2, 9), (0, 3)]]));
        assert_eq!(weights(second), [(2, 65535), (0, 21845)]);
        assert!(!has_event(Event::BatchCompletedWithErrors()));
    });
}

#[test]
fn a_batch_has_as_many_of_everything_and_no_more_than_there_are_networks() {
    run(local(), || {
        let [first, second] = two_subnets();
        let row: &[(u16, u16)] = &[(2, 1)];
        assert_noop!(set(&[first, second], &[row]), E::InputLengthsUnequal);
        assert_noop!(set(&[], &[]), E::InvalidBatchLength);
        assert_noop!(set(&[first; 4], &[row; 4]), E::InvalidBatchLength);
        assert_ok!(set(&[first; 3], &[row; 3]));
        let hashes = vec![H256::zero(); 2];
        let unequal = Chain::batch_commit_weights(signed(102), compact(&[first]), hashes);
        assert_eq!(unequal, Err(E::InputLengthsUnequal.into()));
    });
}

#[test]
fn commits_go_to_each_subnet_that_takes_them() {
    run(local(), || {
        let [first, second] = two_subnets();
        CommitRevealWeightsEnabled::<Test>::insert(second, true);
        let hashes = vec![H256::repeat_byte(1), H256::repeat_byte(2)];
        assert_ok!(Chain::batch_commit_weights(signed(102), compact(&[first, second]), hashes));
        let commits = |netuid| WeightCommits::<Test>::get(NetUidStorageIndex::main(netuid), 102);
        assert_eq!(commits(first), None);
        assert_eq!(commits(second).unwrap()[0].0, H256::repeat_byte(2));
        assert!(has_event(Event::BatchWeightItemFailed(first, E::CommitRevealDisabled.into())));
    });
}

/// Commits rows of these values towards 2 and 0 on a subnet; answers their hashes.
fn commit_all(netuid: NetUid, rows: &[[u16; 2]]) -> Vec<H256> {
    let hash = |values: &[u16; 2]| {
        let row = Row { uids: &[2, 0], values, version_key: 0 };
        let revealed = Revealed { row, salt: &[7] };
        let hash = Chain::commit_hash(&102, NetUidStorageIndex::main(netuid), revealed);
        assert_ok!(Chain::commit_weights(signed(102), netuid, hash));
        hash
    };
    rows.iter().map(hash).collect()
}

fn reveal_all(netuid: NetUid, rows: &[[u16; 2]]) -> DispatchResult {
    let count = rows.len();
    let values = rows.iter().map(|row| row.to_vec()).collect();
    let (uids, salts) = (vec![vec![2, 0]; count], vec![vec![7]; count]);
    Chain::batch_reveal_weights(signed(102), netuid, uids, values, salts, vec![0; count])
}

#[test]
fn reveals_of_a_batch_happen_all_or_none() {
    run(local(), || {
        let [netuid, _] = two_subnets();
        CommitRevealWeightsEnabled::<Test>::insert(netuid, true);
        let hashes = commit_all(netuid, &[[1, 1], [1, 2], [1, 4]]);
        assert_noop!(reveal_all(netuid, &[[1, 2]]), E::RevealTooEarly);
        let epoch = SubnetEpochIndex::<Test>::get(netuid);
        while SubnetEpochIndex::<Test>::get(netuid) == epoch {
            next_block();
        }
        assert_noop!(reveal_all(netuid, &[[1, 2], [9, 9]]), E::InvalidRevealCommitHashNotMatch);
        assert_noop!(reveal_all(netuid, &[]), E::InvalidBatchLength);
        assert_noop!(reveal_all(netuid, &[[1, 2]; 11]), E::InvalidBatchLength);
        assert_ok!(reveal_all(netuid, &[[1, 4], [1, 2]]));
        assert_eq!(weights(netuid), [(2, 32768), (0, 65535)], "the last one stands");
        let revealed = vec![hashes[2], hashes[1]];
        System::assert_last_event(Event::WeightsBatchRevealed(102, netuid, revealed).into());
        // The one before them is still there.
        assert_ok!(reveal_all(netuid, &[[1, 1]]));
        assert_noop!(reveal_all(netuid, &[[1, 1]]), E::NoWeightsCommitFound);
    });
}
