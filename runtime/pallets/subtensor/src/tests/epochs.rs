//! From weights to payment: schedule, permits, consensus, dividends, parents, owners.

use super::*;
use frame_support::{assert_noop, traits::Hooks};
use sp_runtime::DispatchError;

/// Two validators (uids 1 and 2), two miners (3 and 4) on a subnet of coldkey 1 (uid 0), with the
/// validators' stake at 3 : 2. Runs the epoch that grants the permits.
fn society(netuid: NetUid) {
    CommitRevealWeightsEnabled::<Test>::insert(netuid, false);
    MaxRegistrationsPerBlock::<Test>::insert(netuid, 8);
    for who in 2..=5 {
        join(netuid, who);
    }
    stake(netuid, 2, 102, 300 * UNIT);
    stake(netuid, 3, 103, 200 * UNIT);
    run_to_epoch(netuid);
    assert_eq!(ValidatorPermit::<Test>::get(netuid), [true, true, true, false, false]);
}

fn weigh(netuid: NetUid, hotkey: u64, uids: &[u16], weights: &[u16]) {
    assert_ok!(Chain::set_weights(signed(hotkey), netuid, uids.to_vec(), weights.to_vec(), 0));
}

fn in_both_presets(test: impl Fn(NetUid)) {
    for genesis in [local(), upstream()] {
        run(genesis, || {
            let netuid = found_subnet(1);
            WeightsSetRateLimit::<Test>::insert(netuid, 0);
            society(netuid);
            test(netuid);
        });
    }
}

#[test]
fn agreeing_validators_share_dividends_by_stake_and_miners_earn_by_weight() {
    in_both_presets(|netuid| {
        for hotkey in [102, 103] {
            weigh(netuid, hotkey, &[3, 4], &[65535, 21845]);
        }
        let before = [4, 5].map(|who| staked(netuid, who, who + 100));
        run_to_epoch(netuid);
        let after = [4, 5].map(|who| staked(netuid, who, who + 100));
        let earned = [after[0] - before[0], after[1] - before[1]];
        assert!(earned[0].abs_diff(3 * earned[1]) <= earned[0] / 1_000_000, "{earned:?}");

        let incentive = Incentive::<Test>::get(NetUidStorageIndex::main(netuid));
        assert_eq!(incentive[3].deconstruct() / 3, incentive[4].deconstruct());
        let dividends = Dividends::<Test>::get(netuid);
        let (large, small) = (dividends[1].deconstruct(), dividends[2].deconstruct());
        assert!(large > small && small > 0);
        let trust = ValidatorTrust::<Test>::get(netuid);
        assert!(trust[1].deconstruct() >= 65533 && trust[2].deconstruct() >= 65533);
        assert!(MinerBurned::<Test>::get(netuid) == 0);
        assert_eq!(PendingServerEmission::<Test>::get(netuid).rao(), 0);
    });
}

#[test]
fn a_minority_alone_moves_nothing() {
    in_both_presets(|netuid| {
        weigh(netuid, 102, &[3], &[65535]);
        weigh(netuid, 103, &[4], &[65535]);
        run_to_epoch(netuid);
        let incentive = Incentive::<Test>::get(NetUidStorageIndex::main(netuid));
        assert!(incentive[3].deconstruct() >= 65534, "{incentive:?}");
        assert_eq!(incentive[4].deconstruct(), 0);
        assert_eq!(ValidatorTrust::<Test>::get(netuid)[2].deconstruct(), 0);
    });
}

#[test]
fn nominators_share_and_delegates_take() {
    in_both_presets(|netuid| {
        stake(netuid, 9, 102, 300 * UNIT);
        for hotkey in [102, 103] {
            weigh(netuid, hotkey, &[3], &[65535]);
        }
        run_to_epoch(netuid);
        let (own, nominated) = (staked(netuid, 2, 102), staked(netuid, 9, 102));
        run_to_epoch(netuid);
        let dividend = AlphaDividendsPerSubnet::<Test>::get(netuid, 102).rao();
        let own_gain = staked(netuid, 2, 102) - own;
        let nominated_gain = staked(netuid, 9, 102) - nominated;
        // The take comes on top of what is recorded, and shares in it.
        let take = own_gain + nominated_gain - dividend;
        assert!(take.abs_diff((dividend + take) * 11_796 / 65535) <= 2);
        let fair =
            u128::from(dividend) * u128::from(nominated) / u128::from(own + take + nominated);
        assert!(u128::from(nominated_gain).abs_diff(fair) <= 2, "{nominated_gain} {fair}");
    });
}

#[test]
fn parents_earn_by_what_they_lend() {
    in_both_presets(|netuid| {
        assert_ok!(Chain::try_associate_hotkey(signed(9), 109));
        stake(netuid, 9, 109, 300 * UNIT);
        PendingChildKeys::<Test>::insert(netuid, 109, (vec![(u64::MAX / 2, 102)], 0));
        run_to_epoch(netuid);
        assert_eq!(ParentKeys::<Test>::get(102, netuid), [(u64::MAX / 2, 109)]);
        let lent = staked(netuid, 9, 109) / 2;
        let own = TotalHotkeyAlpha::<Test>::get(102, netuid).rao();
        assert!(Chain::stake_weight_of(&102, netuid).abs_diff(own + lent) <= 1);

        ChildkeyTake::<Test>::insert(102, netuid, sp_runtime::PerU16::from_percent(10));
        let before = [staked(netuid, 9, 109), staked(netuid, 2, 102)];
        run_to_epoch(netuid);
        let parent_gain = staked(netuid, 9, 109) - before[0];
        let child_gain = staked(netuid, 2, 102) - before[1];
        // The parent's part is lent : own + lent, less a tenth.
        let all = u128::from(parent_gain + child_gain);
        let fair = all * u128::from(lent) / u128::from(own + lent) * 9 / 10;
        assert!(u128::from(parent_gain).abs_diff(fair) < fair / 1_000, "{parent_gain} {fair}");
    });
}

#[test]
fn the_owners_miners_earn_nothing() {
    in_both_presets(|netuid| {
        assert_ok!(Chain::burned_register(signed(1), netuid, 150));
        let uid = Uids::<Test>::get(netuid, 150).unwrap();
        // Weights set in the block of a registration do not count for the newcomer.
        next_block();
        for hotkey in [102, 103] {
            weigh(netuid, hotkey, &[3, uid], &[65535, 65535]);
        }
        let burned = SubnetAlphaBurned::<Test>::get(netuid).rao();
        run_to_epoch(netuid);
        assert_eq!(staked(netuid, 1, 150), 0);
        assert!(SubnetAlphaBurned::<Test>::get(netuid).rao() > burned);
        let half = MinerBurned::<Test>::get(netuid).to_bits();
        assert!(half.abs_diff(1 << 31) < 1 << 12, "{half}");

        RecycleOrBurn::<Test>::insert(netuid, RecycleOrBurnKind::Recycle);
        let burned = SubnetAlphaBurned::<Test>::get(netuid).rao();
        run_to_epoch(netuid);
        assert_eq!(SubnetAlphaBurned::<Test>::get(netuid).rao(), burned);
    });
}

#[test]
fn incentives_go_where_their_coldkey_chose() {
    in_both_presets(|netuid| {
        assert_ok!(Chain::set_coldkey_auto_stake_hotkey(signed(4), netuid, 102));
        weigh(netuid, 102, &[3], &[65535]);
        weigh(netuid, 103, &[3], &[65535]);
        run_to_epoch(netuid);
        assert_eq!(staked(netuid, 4, 104), 0);
        assert!(staked(netuid, 4, 102) > 0);
    });
}

#[test]
fn without_weights_validators_earn_by_stake() {
    in_both_presets(|netuid| {
        let before = [2, 3].map(|who| staked(netuid, who, who + 100));
        run_to_epoch(netuid);
        let after = [2, 3].map(|who| staked(netuid, who, who + 100));
        let gains = [after[0] - before[0], after[1] - before[1]];
        assert!(gains[0] > gains[1] && gains[1] > 0, "{gains:?}");
    });
}

#[test]
fn the_owner_gets_the_cut_unless_switched_off() {
    run(local(), || {
        let netuid = found_subnet(1);
        run_to_epoch(netuid);
        let with_cut = staked(netuid, 1, 101);
        assert!(with_cut > 0);
        OwnerCutEnabled::<Test>::insert(netuid, false);
        run_to_epoch(netuid);
        // The owner's hotkey still validates, alone, and has all dividends; but no cut is pending.
        assert_eq!(PendingOwnerCut::<Test>::get(netuid), AlphaBalance::ZERO);
    });
}

#[test]
fn mechanisms_divide_the_emission() {
    run(local(), || {
        let netuid = found_subnet(1);
        society(netuid);
        MechanismCountCurrent::<Test>::insert(netuid, MechId::new(2));
        MechanismEmissionSplit::<Test>::insert(netuid, vec![49151, 16384]);
        for hotkey in [102, 103] {
            weigh(netuid, hotkey, &[3], &[65535]);
            let second = MechId::new(1);
            assert_ok!(Chain::set_mechanism_weights(
                signed(hotkey),
                netuid,
                second,
                vec![4],
                vec![1],
                0
            ));
        }
        let before = [4, 5].map(|who| staked(netuid, who, who + 100));
        run_to_epoch(netuid);
        let after = [4, 5].map(|who| staked(netuid, who, who + 100));
        let gains = [after[0] - before[0], after[1] - before[1]];
        assert!(gains[0].abs_diff(3 * gains[1]) < gains[0] / 1_000, "{gains:?}");
    });
}

#[test]
fn epochs_beyond_the_limit_wait_a_block() {
    run(crate::GenesisConfig { max_epochs_per_block: 1, ..local() }, || {
        let first = found_subnet(1);
        let second = found_subnet(2);
        for netuid in [first, second] {
            PendingEpochAt::<Test>::insert(netuid, 5);
        }
        run_to_block(5);
        assert_eq!(LastEpochBlock::<Test>::get(first), 5);
        assert_ne!(LastEpochBlock::<Test>::get(second), 5);
        System::assert_has_event(
            Event::EpochDeferred { netuid: second, from_block: 5, to_block: 6 }.into(),
        );
        assert_eq!(Chain::next_epoch_block(second), Some(6));
        next_block();
        assert_eq!(LastEpochBlock::<Test>::get(second), 6);
    });
}

#[test]
fn an_inconsistent_subnet_is_skipped_and_its_pending_kept() {
    run(local(), || {
        let netuid = found_subnet(1);
        run_to_block(10);
        let permits = ValidatorPermit::<Test>::take(netuid);
        let index = SubnetEpochIndex::<Test>::get(netuid);
        while SubnetEpochIndex::<Test>::get(netuid) == index {
            next_block();
        }
        let block = System::block_number();
        System::assert_has_event(Event::EpochSkipped { netuid, block }.into());
        assert!(PendingValidatorEmission::<Test>::get(netuid).rao() > 0);
        ValidatorPermit::<Test>::insert(netuid, permits);
        check();
        run_to_epoch(netuid);
        assert_eq!(PendingValidatorEmission::<Test>::get(netuid).rao(), 0);
    });
}

#[test]
fn a_tempo_of_zero_stops_epochs() {
    run(local(), || {
        let netuid = found_subnet(1);
        Tempo::<Test>::insert(netuid, 0);
        run_to_block(100);
        assert_eq!(SubnetEpochIndex::<Test>::get(netuid), 0);
        assert_eq!(Chain::next_epoch_block(netuid), None);
    });
}

#[test]
fn null_consensus_follows_the_largest_stake() {
    run(local(), || {
        let netuid = found_subnet(1);
        society(netuid);
        assert_ok!(Chain::set_epoch_consensus(netuid, EpochConsensus::Null));
        weigh(netuid, 102, &[3, 4], &[65535, 65535]);
        let refused: DispatchError = Error::<Test>::NeuronNoValidatorPermit.into();
        // Neither a permit of before, nor the subnet, nor judging nobody makes one free.
        for (hotkey, to) in [(103, 3), (101, 3), (101, 0)] {
            let set = Chain::set_weights(signed(hotkey), netuid, vec![to], vec![1], 0);
            assert_eq!(set, Err(refused));
        }
        run_to_epoch(netuid);
        assert_eq!(ValidatorPermit::<Test>::get(netuid), [false, true, false, false, false]);
        let incentive = Incentive::<Test>::get(NetUidStorageIndex::main(netuid));
        assert_eq!(incentive[3], incentive[4]);
        // Stake is paid all the same.
        let dividends = Dividends::<Test>::get(netuid);
        assert!(dividends[1] > dividends[2] && !dividends[2].is_zero(), "{dividends:?}");
    });
}

#[test]
fn who_leads_no_more_keeps_no_row() {
    run(local(), || {
        let netuid = found_subnet(1);
        let index = NetUidStorageIndex::main(netuid);
        society(netuid);
        weigh(netuid, 103, &[3], &[1]);
        assert_ok!(Chain::set_epoch_consensus(netuid, EpochConsensus::Null));
        weigh(netuid, 102, &[3, 4], &[3, 1]);
        stake(netuid, 3, 103, 900 * UNIT);
        run_to_epoch(netuid);
        assert_eq!(ValidatorPermit::<Test>::get(netuid), [false, false, true, false, false]);
        assert!(!Weights::<Test>::contains_key(index, 1));
        assert!(Weights::<Test>::contains_key(index, 2), "what is left of Yuma stays");
        CommitRevealWeightsEnabled::<Test>::insert(netuid, true);
        let hash = Default::default();
        let commit = |hotkey| Chain::commit_weights(signed(hotkey), netuid, hash);
        assert_noop!(commit(102), Error::<Test>::NeuronNoValidatorPermit);
        assert_ok!(commit(103));
    });
}

#[test]
fn consensus_comes_back_to_no_more_than_it_can_be_made_of() {
    run(local(), || {
        let netuid = found_subnet(1);
        society(netuid);
        let index = NetUidStorageIndex::main(netuid);
        let sealed: frame_support::BoundedVec<u8, _> = vec![].try_into().unwrap();
        let commits = vec![(102u64, 1u64, sealed, 1u64)];
        TimelockedWeightCommits::<Test>::insert(index, 1, commits);
        let set = |mode| Chain::set_epoch_consensus(netuid, mode);
        assert_eq!(set(EpochConsensus::Null), Err(Error::<Test>::InvalidValue.into()));
        TimelockedWeightCommits::<Test>::remove(index, 1);
        assert_ok!(set(EpochConsensus::Null));
        MaxAllowedUids::<Test>::insert(netuid, 2_500);
        SubnetworkN::<Test>::insert(netuid, 257);
        assert_eq!(set(EpochConsensus::Yuma), Err(Error::<Test>::InvalidValue.into()));
        SubnetworkN::<Test>::insert(netuid, 5);
        assert_ok!(set(EpochConsensus::Yuma));
        assert_eq!(MaxAllowedUids::<Test>::get(netuid), 256);
        assert_eq!(MaxAllowedValidators::<Test>::get(netuid), 64);
    });
}

#[test]
fn without_stake_roots_part_goes_to_nobody() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        assert_ok!(Chain::set_epoch_consensus(netuid, EpochConsensus::Null));
        StakeThreshold::<Test>::put(u64::MAX);
        let mut load = EpochLoad::default();
        let pays = Chain::run_epochs(netuid, 9, 1_000.into(), 700.into(), &mut load).unwrap();
        let mined: u64 = pays.iter().map(|pay| pay.server.rao()).sum();
        assert_eq!((mined, pays.iter().map(|pay| pay.validator.rao()).sum()), (700, 0u64));
        // Several mechanisms round no more often than one.
        StakeThreshold::<Test>::put(0);
        stake(netuid, 2, 102, UNIT);
        MechanismCountCurrent::<Test>::insert(netuid, MechId::new(2));
        let pays = Chain::run_epochs(netuid, 9, 1_003.into(), 700.into(), &mut load).unwrap();
        let mined: u64 = pays.iter().map(|pay| pay.server.rao()).sum();
        assert_eq!((mined, pays.iter().map(|pay| pay.validator.rao()).sum()), (502, 501u64));
    });
}

#[test]
fn without_consensus_bonds_stand_still_and_the_one_row_is_kept_as_given() {
    run(local(), || {
        let netuid = found_subnet(1);
        let index = NetUidStorageIndex::main(netuid);
        society(netuid);
        for hotkey in [102, 103] {
            weigh(netuid, hotkey, &[3, 4], &[65535, 30000]);
        }
        run_to_epoch(netuid);
        let bonds: Vec<_> = Bonds::<Test>::iter_prefix(index).collect();
        assert!(!bonds.is_empty());
        assert_ok!(Chain::set_epoch_consensus(netuid, EpochConsensus::Null));
        // At once, so that the leader need not wait for an epoch to set weights.
        assert_eq!(ValidatorPermit::<Test>::get(netuid), [false, true, false, false, false]);
        weigh(netuid, 102, &[3, 4], &[3, 1]);
        assert_eq!(Weights::<Test>::get(index, 1), [(3, 3), (4, 1)]);
        run_to_epoch(netuid);
        let incentive = Incentive::<Test>::get(index);
        assert_eq!([3, 4].map(|uid| incentive[uid].deconstruct()), [49_151, 16_383]);
        assert_eq!(Bonds::<Test>::iter_prefix(index).collect::<Vec<_>>(), bonds);

        assert_ok!(Chain::set_epoch_consensus(netuid, EpochConsensus::Yuma));
        assert!(LastYumaStepBlock::<Test>::contains_key(netuid), "bonds wait for its next epoch");
        run_to_epoch(netuid);
        assert!(!LastYumaStepBlock::<Test>::contains_key(netuid));
        assert_ne!(Bonds::<Test>::iter_prefix(index).collect::<Vec<_>>(), bonds);
    });
}

#[test]
fn liquid_alpha_and_classic_bonds_run_too() {
    for (yuma3, liquid) in [(false, false), (true, false), (true, true)] {
        run(local(), || {
            let netuid = found_subnet(1);
            society(netuid);
            Yuma3On::<Test>::insert(netuid, yuma3);
            LiquidAlphaOn::<Test>::insert(netuid, liquid);
            for hotkey in [102, 103] {
                weigh(netuid, hotkey, &[3, 4], &[65535, 30000]);
            }
            run_to_epoch(netuid);
            run_to_epoch(netuid);
            let bonds = Bonds::<Test>::get(NetUidStorageIndex::main(netuid), 1);
            assert_eq!(bonds.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), [3, 4]);
            assert!(bonds.iter().all(|(_, bond)| *bond > 0));
        });
    }
}

#[test]
fn an_owner_orders_an_epoch_out_of_turn() {
    run(upstream(), || {
        let netuid = found_subnet(1);
        Tempo::<Test>::insert(netuid, 100);
        CommitRevealWeightsEnabled::<Test>::insert(netuid, true);
        assert_noop!(
            Chain::trigger_epoch(signed(1), netuid),
            Error::<Test>::DynamicTempoBlockedByCommitReveal
        );
        CommitRevealWeightsEnabled::<Test>::insert(netuid, false);
        assert_noop!(Chain::trigger_epoch(signed(2), netuid), sp_runtime::DispatchError::BadOrigin);
        assert_ok!(Chain::trigger_epoch(signed(1), netuid));
        assert_noop!(
            Chain::trigger_epoch(signed(1), netuid),
            Error::<Test>::EpochTriggerAlreadyPending
        );
        assert_eq!(Chain::next_epoch_block(netuid), Some(11));
        run_to_block(11);
        assert_eq!(LastEpochBlock::<Test>::get(netuid), 11);
        assert_noop!(Chain::trigger_epoch(signed(1), netuid), Error::<Test>::TxRateLimitExceeded);
        run_to_block(102);
        assert_noop!(
            Chain::trigger_epoch(signed(1), netuid),
            Error::<Test>::AutoEpochAlreadyImminent
        );
    });
}

#[test]
fn without_a_freeze_window_an_ordered_epoch_runs_in_the_next_block() {
    run(local(), || {
        let netuid = found_subnet(1);
        run_to_block(5);
        assert_ok!(Chain::trigger_epoch(signed(1), netuid));
        next_block();
        assert_eq!(LastEpochBlock::<Test>::get(netuid), 6);
    });
}

#[test]
fn a_block_declares_its_subnets_and_its_epoch_by_the_neurons_in_it() {
    run(local(), || {
        let netuid = found_subnet(1);
        let neurons = u32::from(SubnetworkN::<Test>::get(netuid));
        let next = Chain::next_epoch_block(netuid).unwrap();
        run_to_block(next - 2);
        let begin = |block| {
            System::set_block_number(block);
            <SubtensorModule as Hooks<u64>>::on_initialize(block)
        };
        let subnets = u32::try_from(Chain::subnets().len()).unwrap();
        assert_eq!(begin(next - 1), <() as WeightInfo>::subnets(subnets));
        let load = EpochLoad { neurons, mechanisms: 1, ..Default::default() };
        let epoch = <() as WeightInfo>::epoch(&load);
        assert_eq!(begin(next), <() as WeightInfo>::subnets(subnets) + epoch);
    });
}
