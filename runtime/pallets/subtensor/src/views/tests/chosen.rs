//! Metagraphs cut to what was asked for.

use super::*;

/// Every number there is, and some that there are not.
fn all() -> Vec<u16> {
    (0..80).chain([u16::MAX]).collect()
}

#[test]
fn what_is_chosen_is_there_and_nothing_else() {
    run(local(), || {
        an_epoch_of_work();
        let some = Chain::selective_metagraph(SUBNET, vec![52, 8, 8, 500]).unwrap();
        assert_eq!(some.netuid.0, SUBNET);
        assert_eq!(some.hotkeys, Some(vec![101, 102, 103]));
        assert_eq!(some.tempo, Some(Compact(20)));
        let nothing = Chain::selective_metagraph(SUBNET, vec![]).unwrap();
        // One byte for the netuid, one for each of the 76 others that are not there.
        assert_eq!(nothing.encode(), [vec![4], vec![0; 76]].concat());
        assert_eq!(Chain::selective_metagraph(NetUid::new(9), all()), None);
        assert_eq!(Chain::selective_mechagraph(SUBNET, MechId::new(1), all()), None);
    });
}

#[test]
fn all_of_it_is_the_whole_metagraph_field_by_field() {
    run(local(), || {
        an_epoch_of_work();
        let whole = Chain::metagraph(SUBNET).unwrap();
        let chosen = Chain::selective_metagraph(SUBNET, all()).unwrap();
        // The numbers are the public runtime's: a name is told from its neighbours by the type and
        // value at a few of them, and by the order of all.
        for (number, there) in [
            (1, whole.name.encode()),
            (12, whole.alpha_in.encode()),
            (28, whole.activity_cutoff.encode()),
            (45, whole.serving_rate_limit.encode()),
            (60, whole.emission.encode()),
            (69, whole.total_stake.encode()),
            (71, whole.alpha_dividends_per_hotkey.encode()),
            (76, whole.collateral_earned.encode()),
        ] {
            let one = Chain::selective_metagraph(SUBNET, vec![number]).unwrap().encode();
            let before = usize::from(number); // the netuid's byte, and one for each that is not there
            assert_eq!(one[before], 1, "{number}");
            assert_eq!(one[before + 1..before + 1 + there.len()], there, "{number}");
            assert_eq!(one.len(), 77 + there.len(), "{number}");
        }
        assert_eq!(chosen.total_stake, Some(whole.total_stake));
        assert_eq!(chosen.commitments.unwrap()[0].0, 101);
    });
}

#[test]
fn validators_come_by_stake_and_need_a_permit_and_the_least_stake() {
    run(local(), || {
        an_epoch_of_work();
        let validators = || Chain::selective_metagraph(SUBNET, vec![72]).unwrap().validators;
        // The owner's key, which always has a permit, has less stake than the validator.
        assert_eq!(validators(), Some(vec![Compact(0), Compact(1)]));
        ValidatorPermit::<Test>::insert(SUBNET, vec![true, true, true]);
        let stake = Chain::metagraph(SUBNET).unwrap().total_stake;
        let mut expected: Vec<u16> =
            (0..3).filter(|uid| stake[usize::from(*uid)].0.rao() > 0).collect();
        expected.sort_by_key(|uid| stake[usize::from(*uid)].0);
        let expected: Vec<_> = expected.into_iter().map(Compact).collect();
        assert!(expected.len() > 1);
        assert_eq!(validators(), Some(expected));
        StakeThreshold::<Test>::put(stake[1].0.rao());
        assert_eq!(validators(), Some(vec![]));
    });
}

#[test]
fn every_mechanism_has_its_metagraph() {
    run(local(), || {
        an_epoch_of_work();
        MechanismCountCurrent::<Test>::insert(SUBNET, MechId::new(2));
        let second = Chain::mechagraph(SUBNET, MechId::new(1));
        let graphs = Chain::mechagraphs();
        assert_eq!(graphs.len(), 3); // root's, and two
        assert_eq!(graphs[1], Chain::metagraph(SUBNET));
        assert_eq!(graphs[2], second);
        let chosen = Chain::selective_mechagraph(SUBNET, MechId::new(1), vec![62]).unwrap();
        assert_eq!(
            (chosen.netuid.0, chosen.incentives),
            (SUBNET, Some(second.unwrap().incentives))
        );
        MechanismCountCurrent::<Test>::insert(SUBNET, MechId::new(1));
    });
}
