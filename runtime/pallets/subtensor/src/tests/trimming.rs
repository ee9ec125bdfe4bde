//! Making a subnet smaller: who goes, which slots the others have, what names them afterwards.

use super::*;
use frame_support::assert_noop;
use sp_core::H256;

type E = Error<Test>;

/// A subnet of `size` neurons with the hotkeys 1000 and up, each paid as much as its uid, nobody in
/// immunity and the owner elsewhere. Each weighs and has bonds to the first and the last.
fn subnet_of(size: u16) -> NetUid {
    let netuid = NetUid::new(1);
    NetworksAdded::<Test>::insert(netuid, true);
    SubnetworkN::<Test>::insert(netuid, 0);
    MaxAllowedUids::<Test>::insert(netuid, size);
    MinAllowedUids::<Test>::insert(netuid, 2);
    ImmunityPeriod::<Test>::insert(netuid, 0);
    for uid in 0..size {
        let hotkey = 1_000 + u64::from(uid);
        Owner::<Test>::insert(hotkey, 500);
        OwnedHotkeys::<Test>::mutate(500, |owned| owned.push(hotkey));
        assert_ok!(Chain::append_neuron(netuid, &hotkey));
        BlockAtRegistration::<Test>::insert(netuid, uid, u64::from(uid));
        let row = vec![(0, 9), (size - 1, 7)];
        Weights::<Test>::insert(NetUidStorageIndex::main(netuid), uid, &row);
        Bonds::<Test>::insert(NetUidStorageIndex::main(netuid), uid, row);
    }
    let paid = (0..u64::from(size)).map(Alpha::new).collect::<Vec<_>>();
    Emission::<Test>::insert(netuid, paid);
    Leavers::take();
    netuid
}

fn hotkeys(netuid: NetUid) -> Vec<u64> {
    (0..SubnetworkN::<Test>::get(netuid)).map(|uid| Keys::<Test>::get(netuid, uid)).collect()
}

#[test]
fn with_consensus_the_least_paid_go_and_the_others_close_up() {
    run(local(), || {
        let netuid = subnet_of(6);
        let index = NetUidStorageIndex::main(netuid);
        WeightCommits::<Test>::insert(index, 1_005, vec![(H256::zero(), 0, 0, 0)]);
        assert_ok!(Chain::set_trimmed_uids(netuid, 4));
        assert_eq!(hotkeys(netuid), [1_002, 1_003, 1_004, 1_005]);
        assert_eq!(Leavers::take(), [(netuid, 1_000), (netuid, 1_001)]);
        assert_eq!(Uids::<Test>::get(netuid, 1_005), Some(3));
        assert_eq!(Uids::<Test>::get(netuid, 1_000), None);
        assert_eq!(BlockAtRegistration::<Test>::get(netuid, 0), 2);
        assert_eq!(Emission::<Test>::get(netuid), [2, 3, 4, 5].map(Alpha::new));
        for uid in 0..4 {
            assert_eq!(Weights::<Test>::get(index, uid), [(3, 7)], "towards who went: none");
            assert_eq!(Bonds::<Test>::get(index, uid), [(3, 7)]);
        }
        assert_eq!(MaxAllowedUids::<Test>::get(netuid), 4);
        assert!(!WeightCommits::<Test>::contains_key(index, 1_005), "it named other slots");
    });
}

#[test]
fn of_equal_pay_the_later_goes_and_the_owners_never() {
    run(local(), || {
        let netuid = subnet_of(4);
        Emission::<Test>::insert(netuid, vec![Alpha::ZERO; 4]);
        SubnetOwner::<Test>::insert(netuid, 500);
        SubnetOwnerHotkey::<Test>::insert(netuid, 1_003);
        assert_ok!(Chain::set_trimmed_uids(netuid, 3));
        assert_eq!(hotkeys(netuid), [1_000, 1_001, 1_003]);
    });
}

#[test]
fn a_size_is_within_bounds_and_not_of_immune_neurons() {
    run(local(), || {
        let netuid = subnet_of(8);
        let trim = |size| Chain::set_trimmed_uids(netuid, size);
        assert_eq!(trim(1), Err(E::InvalidValue.into()));
        assert_eq!(trim(9), Err(E::InvalidValue.into()));
        assert_eq!(Chain::set_trimmed_uids(NetUid::new(9), 4), Err(E::SubnetNotExists.into()));
        assert_eq!(Chain::set_null_trimming(netuid, 4), Err(E::InvalidValue.into()));
        // Four of five are as many as may be immune at most.
        ImmunityPeriod::<Test>::insert(netuid, 100);
        for uid in 0..4 {
            BlockAtRegistration::<Test>::insert(netuid, uid, 0);
        }
        run_to_block(101);
        for uid in 4..8 {
            BlockAtRegistration::<Test>::insert(netuid, uid, 100);
        }
        assert_noop!(trim(5), E::TrimmingWouldExceedMaxImmunePercentage);
        assert_ok!(trim(6));
        assert_eq!(hotkeys(netuid), [1_002, 1_003, 1_004, 1_005, 1_006, 1_007]);
        // All of a subnet may stay, whoever is immune.
        assert_ok!(trim(6));
    });
}

#[test]
fn without_consensus_a_batch_goes_and_the_last_fill_the_gaps() {
    run(local(), || {
        let netuid = subnet_of(192);
        let index = NetUidStorageIndex::main(netuid);
        SubnetOwner::<Test>::insert(netuid, 500);
        SubnetOwnerHotkey::<Test>::insert(netuid, 1_000);
        assert_ok!(Chain::set_epoch_consensus(netuid, EpochConsensus::Null));
        assert!(ValidatorPermit::<Test>::get(netuid)[0]);
        Weights::<Test>::insert(index, 0, vec![(1, 10), (129, 7), (65, 1)]);
        WeightCommits::<Test>::insert(index, 1_000, vec![(H256::zero(), 0, 0, 0)]);
        let too_many = Chain::set_trimmed_uids(netuid, 64);
        assert_eq!(too_many, Err(E::InvalidValue.into()));

        // The cases and figures are those of the public runtime's test.
        assert_ok!(Chain::set_null_trimming(netuid, 64));
        assert_eq!(SubnetworkN::<Test>::get(netuid), 128);
        assert_eq!(MaxAllowedUids::<Test>::get(netuid), 128);
        assert_eq!(NullPruningTarget::<Test>::get(netuid), Some(64));
        let key = |uid| Keys::<Test>::get(netuid, uid) - 1_000;
        assert_eq!((key(0), key(1), key(64), key(65)), (0, 128, 191, 65));
        assert_eq!(Uids::<Test>::get(netuid, 1_128), Some(1));
        assert_eq!(Weights::<Test>::get(index, 0), [(2, 7), (65, 1)]);
        assert_eq!(Weights::<Test>::iter_key_prefix(index).count(), 1);
        assert!(WeightCommits::<Test>::iter_key_prefix(index).next().is_none());
        let progress = Event::NullUidsPruningProgress {
            netuid,
            target: 64,
            remaining: 128,
            removed: 64,
            cleared_commits: 1,
        };
        System::assert_last_event(progress.into());

        assert_ok!(Chain::set_null_trimming(netuid, 64));
        assert_eq!(SubnetworkN::<Test>::get(netuid), 64);
        assert_eq!(NullPruningTarget::<Test>::get(netuid), None);
        assert_eq!(Weights::<Test>::get(index, 0), [(2, 7)]);
        assert_eq!(key(1), 191);
        let permits = ValidatorPermit::<Test>::get(netuid);
        assert_eq!(permits.iter().filter(|permit| **permit).count(), 1);
        assert_ok!(Chain::set_epoch_consensus(netuid, EpochConsensus::Yuma));
        assert_eq!(MaxAllowedValidators::<Test>::get(netuid), 64);
    });
}

#[test]
fn commits_beyond_a_calls_reach_go_first() {
    run(local(), || {
        let netuid = subnet_of(128);
        let index = NetUidStorageIndex::main(netuid);
        assert_ok!(Chain::set_epoch_consensus(netuid, EpochConsensus::Null));
        for hotkey in 0..2_501 {
            WeightCommits::<Test>::insert(index, hotkey, vec![(H256::zero(), 0, 0, 0)]);
        }
        assert_ok!(Chain::set_null_trimming(netuid, 64));
        assert_eq!(WeightCommits::<Test>::iter_key_prefix(index).count(), 1);
        assert_eq!(SubnetworkN::<Test>::get(netuid), 128);
        assert_eq!(NullPruningTarget::<Test>::get(netuid), Some(64));
        assert_ok!(Chain::set_null_trimming(netuid, 64));
        assert_eq!(SubnetworkN::<Test>::get(netuid), 64);
        assert_eq!(NullPruningTarget::<Test>::get(netuid), None);
    });
}
