//! The weight of an epoch is that of what it had to do, also where others gave it more to do; where
//! epochs have taken much of a block, the others wait for the next.

use super::{payment::society, *};
use frame_support::{traits::Get, weights::Weight};
use frame_system::limits::BlockWeights;

/// `society` has an owner, two validators that are paid, and a miner.
const QUIET: EpochLoad = EpochLoad {
    neurons: 4,
    mechanisms: 1,
    parents: 0,
    earners: 2,
    announcements: 0,
    children: 0,
    moved: 0,
    sealed: 0,
};

/// What the hooks of the block with the next epoch declare.
fn declared_with_epoch(netuid: NetUid) -> Weight {
    while !Chain::epoch_is_due(netuid, System::block_number() + 1) {
        next_block();
    }
    next_block()
}

fn weight_of(load: &EpochLoad) -> Weight {
    <() as WeightInfo>::subnets(1) + <() as WeightInfo>::epoch(load)
}

/// Lets `count` keys lend all they have to a hotkey.
fn lend(netuid: NetUid, count: u64, hotkey: u64) {
    for lender in 500..500 + count {
        assert_ok!(Chain::try_associate_hotkey(signed(9), lender));
        stake(netuid, 9, lender, 100 * UNIT);
        Chain::replace_children(netuid, &lender, vec![(u64::MAX, hotkey)]);
    }
}

#[test]
fn each_part_of_a_load_weighs_something() {
    let quiet = weight_of(&QUIET).ref_time();
    let more = [
        EpochLoad { neurons: 5, ..QUIET },
        EpochLoad { mechanisms: 2, ..QUIET },
        EpochLoad { parents: 1, ..QUIET },
        EpochLoad { earners: QUIET.neurons + 1, ..QUIET },
        EpochLoad { announcements: 1, ..QUIET },
        EpochLoad { children: 1, ..QUIET },
        EpochLoad { moved: 1, ..QUIET },
        EpochLoad { sealed: 1, ..QUIET },
    ];
    for load in more {
        assert!(weight_of(&load).ref_time() > quiet, "{load:?}");
    }
    let as_many_as_neurons = EpochLoad { earners: QUIET.neurons, ..QUIET };
    assert_eq!(weight_of(&as_many_as_neurons).ref_time(), quiet, "they are paid for already");
}

#[test]
fn parents_are_declared_whether_or_not_they_earn() {
    run_each(|| {
        let netuid = society();
        assert_eq!(declared_with_epoch(netuid), weight_of(&QUIET));
        // The miner earns no dividends, so its parents have none.
        lend(netuid, 3, 104);
        let read = EpochLoad { parents: 3, ..QUIET };
        assert_eq!(declared_with_epoch(netuid), weight_of(&read));
        // A validator does: it and its parents are more than the neurons.
        lend(netuid, 3, 102);
        let paid = EpochLoad { parents: 3, earners: 5, ..QUIET };
        assert_eq!(declared_with_epoch(netuid), weight_of(&paid));
    });
}

#[test]
fn announcements_are_declared_and_children_where_they_take_effect() {
    run_each(|| {
        let netuid = society();
        let announce = |parent: u64, children: Vec<(u64, u64)>, from: u64| {
            PendingChildKeys::<Test>::insert(netuid, parent, (children, from));
        };
        announce(500, vec![(1, 700), (1, 701)], 0);
        announce(501, vec![(1, 700)], 0);
        announce(502, vec![(1, 700)], u64::MAX);
        // Lends to its own parent by now: looked at, and dropped.
        Chain::replace_children(netuid, &503, vec![(1, 504)]);
        announce(504, vec![(1, 503)], 0);
        let seen = EpochLoad { announcements: 4, children: 3, ..QUIET };
        assert_eq!(declared_with_epoch(netuid), weight_of(&seen));
        let waiting = EpochLoad { announcements: 1, ..QUIET };
        assert_eq!(declared_with_epoch(netuid), weight_of(&waiting));
    });
}

/// Subnets whose next epochs are all due in block 5. Each has so many announcements of five
/// children that then take effect.
fn due_together(announcements: [u64; 3]) -> [NetUid; 3] {
    let subnets = [1, 2, 3].map(found_subnet);
    for (netuid, count) in subnets.into_iter().zip(announcements) {
        for parent in 1_000..1_000 + count {
            let children = (0..5).map(|child| (1, 10 * parent + child)).collect::<Vec<_>>();
            PendingChildKeys::<Test>::insert(netuid, parent, (children, 0));
        }
        PendingEpochAt::<Test>::insert(netuid, 5);
    }
    run_to_block(4);
    subnets
}

/// The subnets whose epochs run in the next block, and those whose epochs are put off to the one
/// after it.
fn run_and_deferred(subnets: &[NetUid]) -> (Vec<NetUid>, Vec<NetUid>) {
    let epochs = |netuid: &NetUid| SubnetEpochIndex::<Test>::get(netuid);
    let before: Vec<u64> = subnets.iter().map(epochs).collect();
    next_block();
    let (from_block, to_block) = (System::block_number(), System::block_number() + 1);
    let ran = subnets.iter().zip(before).filter(|(netuid, before)| epochs(netuid) > *before);
    let put_off = |netuid: &NetUid| {
        let event = Event::EpochDeferred { netuid: *netuid, from_block, to_block };
        System::events().iter().any(|record| record.event == event.clone().into())
    };
    let deferred = subnets.iter().copied().filter(put_off).collect();
    (ran.map(|(netuid, _)| *netuid).collect(), deferred)
}

#[test]
fn epochs_beyond_half_a_blocks_weight_wait_and_are_not_lost() {
    run(local(), || {
        let [first, second, light] = due_together([200, 200, 0]);
        let all = [first, second, light];
        let limits: BlockWeights = <Test as frame_system::Config>::BlockWeights::get();
        let heavy = EpochLoad { announcements: 200, children: 1_000, ..Default::default() };
        assert!(<() as WeightInfo>::epoch(&heavy).any_gte(limits.max_block / 2));
        // The first runs though it takes more than half.
        assert_eq!(run_and_deferred(&all), (vec![first], vec![second, light]));
        assert_eq!(run_and_deferred(&all), (vec![second], vec![light]));
        assert_eq!(run_and_deferred(&all), (vec![light], vec![]));
        assert_eq!(run_and_deferred(&all), (vec![], vec![]));
        assert_eq!(ParentKeys::<Test>::get(10_000, second), [(1, 1_000)]);
    });
}

#[test]
fn light_epochs_run_in_one_block() {
    run(local(), || {
        let all = due_together([1, 0, 1]);
        assert_eq!(run_and_deferred(&all), (all.to_vec(), vec![]));
    });
}
