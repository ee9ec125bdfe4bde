//! Weights by commit and reveal: the right epoch, the right row, the right hotkey.

use super::*;
use crate::neurons::{Revealed, Row};
use frame_support::{assert_noop, dispatch::DispatchResult};
use sp_core::H256;

type E = Error<Test>;

const SALT: [u16; 2] = [11, 22];

fn hash(netuid: NetUid, values: &[u16]) -> H256 {
    let row = Row { uids: &[2, 0], values, version_key: 0 };
    Chain::commit_hash(&102, NetUidStorageIndex::main(netuid), Revealed { row, salt: &SALT })
}

fn commit(netuid: NetUid, values: &[u16]) -> DispatchResult {
    Chain::commit_weights(signed(102), netuid, hash(netuid, values))
}

fn reveal(netuid: NetUid, values: &[u16]) -> DispatchResult {
    Chain::reveal_weights(signed(102), netuid, vec![2, 0], values.to_vec(), SALT.to_vec(), 0)
}

/// Lets one more epoch of the subnet pass.
fn next_epoch(netuid: NetUid) {
    let epoch = SubnetEpochIndex::<Test>::get(netuid);
    while SubnetEpochIndex::<Test>::get(netuid) == epoch {
        next_block();
    }
}

#[test]
fn a_commit_is_revealed_in_its_epoch_and_no_other() {
    run(local(), || {
        let netuid = committing_subnet();
        let index = NetUidStorageIndex::main(netuid);
        assert_ok!(commit(netuid, &[1, 2]));
        assert_noop!(reveal(netuid, &[1, 2]), E::RevealTooEarly);
        next_epoch(netuid);
        assert_noop!(reveal(netuid, &[2, 1]), E::InvalidRevealCommitHashNotMatch);
        assert_ok!(reveal(netuid, &[1, 2]));
        assert_eq!(Weights::<Test>::get(index, 1), [(2, 32768), (0, 65535)]);
        assert!(!WeightCommits::<Test>::contains_key(index, 102));
        assert_noop!(reveal(netuid, &[1, 2]), E::NoWeightsCommitFound);
    });
}

#[test]
fn a_commit_that_was_not_revealed_in_time_has_expired() {
    run(local(), || {
        let netuid = committing_subnet();
        assert_ok!(commit(netuid, &[1, 2]));
        next_epoch(netuid);
        next_epoch(netuid);
        assert_noop!(reveal(netuid, &[1, 2]), E::ExpiredWeightCommit);
    });
}

#[test]
fn revealing_drops_older_commits_and_keeps_newer_ones() {
    run(local(), || {
        let netuid = committing_subnet();
        for values in [[1, 1], [1, 2], [1, 3]] {
            assert_ok!(commit(netuid, &values));
        }
        next_epoch(netuid);
        assert_ok!(reveal(netuid, &[1, 2]));
        assert_noop!(reveal(netuid, &[1, 1]), E::InvalidRevealCommitHashNotMatch);
        assert_ok!(reveal(netuid, &[1, 3]));
    });
}

#[test]
fn only_so_many_commits_wait_and_only_so_often() {
    run(local(), || {
        let netuid = committing_subnet();
        for value in 0..10 {
            assert_ok!(commit(netuid, &[1, value]));
        }
        assert_noop!(commit(netuid, &[1, 10]), E::TooManyUnrevealedCommits);
        WeightsSetRateLimit::<Test>::insert(netuid, 3);
        assert_noop!(commit(netuid, &[1, 10]), E::CommittingWeightsTooFast);
    });
}

#[test]
fn without_commit_reveal_there_is_nothing_to_commit() {
    run(local(), || {
        let netuid = committing_subnet();
        CommitRevealWeightsEnabled::<Test>::insert(netuid, false);
        assert_noop!(commit(netuid, &[1, 2]), E::CommitRevealDisabled);
        assert_noop!(reveal(netuid, &[1, 2]), E::CommitRevealDisabled);
    });
}

#[test]
fn the_hash_is_that_of_the_encoded_row() {
    run(local(), || {
        use codec::Encode;
        let netuid = NetUid::new(3);
        let values = [5u16, 6];
        let encoded = (102u64, 3u16, vec![2u16, 0], values.to_vec(), SALT.to_vec(), 0u64).encode();
        assert_eq!(hash(netuid, &values), sp_io::hashing::blake2_256(&encoded).into());
    });
}

#[test]
fn the_commits_of_a_neuron_go_with_it() {
    run(local(), || {
        let netuid = committing_subnet();
        let index = NetUidStorageIndex::main(netuid);
        assert_ok!(commit(netuid, &[1, 2]));
        Chain::replace_neuron(netuid, 1, &555);
        assert!(!WeightCommits::<Test>::contains_key(index, 102));
        Chain::replace_neuron(netuid, 1, &102);
    });
}
