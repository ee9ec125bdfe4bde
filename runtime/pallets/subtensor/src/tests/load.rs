//! The weight of an epoch is that of what it had to do, also where others gave it more to do.

use super::{payment::society, *};
use frame_support::weights::Weight;

/// `society` has an owner, two validators that are paid, and a miner.
const QUIET: EpochLoad =
    EpochLoad { neurons: 4, mechanisms: 1, parents: 0, earners: 2, announcements: 0, children: 0 };

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
