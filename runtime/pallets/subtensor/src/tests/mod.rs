//! Tests of the pallet as a whole, over blocks; each ends with all invariants checked.
//!
//! `children` lends stake, `economy` follows amounts through pools and the coinbase, `epochs`
//! weights through consensus to payment, `payment` what comes to whom, `load` what an epoch says
//! it had to do, `root` the alpha of root stakers, `random` makes ten thousand calls by chance.

// A test is there to panic.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod batches;
mod children;
mod commit_reveal;
mod delegation;
mod economy;
mod epochs;
mod evm;
mod exchange;
mod hostile;
mod leases;
mod load;
mod locks;
mod moves;
mod neurons;
mod nominations;
mod payment;
mod proof_of_work;
mod random;
mod refusals;
mod root;
mod serving;
mod subnets;
mod timelocked;
mod trimming;
mod voting;
mod weights;

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};

/// Runs a test on a chain of each preset: what it shows does not depend on hyperparameters.
fn run_each(test: impl Fn()) {
    run(local(), &test);
    run(upstream(), &test);
}

/// A subnet of coldkey `owner`, started; its hotkey is `owner + 100`. Answers its netuid.
fn found_subnet(owner: u64) -> NetUid {
    let netuid = Chain::subnets().last().map_or(NetUid::new(1), |last| last.next().unwrap());
    assert_ok!(Chain::register_network(signed(owner), owner + 100));
    assert_ok!(Chain::start_call(signed(owner), netuid));
    netuid
}

/// Lets blocks pass until the subnet's next epoch has run, and holds the invariants.
fn run_to_epoch(netuid: NetUid) {
    let index = SubnetEpochIndex::<Test>::get(netuid);
    while SubnetEpochIndex::<Test>::get(netuid) == index {
        next_block();
    }
    check();
}

/// A subnet whose weights are committed first: neuron 1 has a permit, neuron 2 has none, and neuron 0 is
/// the owner's.
fn committing_subnet() -> NetUid {
    let netuid = found_subnet(1);
    join(netuid, 2);
    join(netuid, 3);
    stake(netuid, 2, 102, 100 * UNIT);
    run_to_block(45);
    CommitRevealWeightsEnabled::<Test>::insert(netuid, true);
    netuid
}

/// A neuron of coldkey `who`, whose hotkey is `who + 100`. Answers its uid.
fn join(netuid: NetUid, who: u64) -> u16 {
    assert_ok!(Chain::burned_register(signed(who), netuid, who + 100));
    Uids::<Test>::get(netuid, who + 100).unwrap()
}

fn stake(netuid: NetUid, who: u64, hotkey: u64, tao: u64) {
    assert_ok!(Chain::add_stake(signed(who), hotkey, netuid, Tao::new(tao)));
}

fn staked(netuid: NetUid, who: u64, hotkey: u64) -> u64 {
    Chain::stake_of(&hotkey, &who, netuid).rao()
}

fn tao_balance(who: u64) -> u64 {
    Balances::free_balance(who)
}
