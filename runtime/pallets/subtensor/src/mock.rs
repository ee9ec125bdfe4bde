//! A chain of this pallet and balances alone, for tests. Accounts are integers.
//!
//! `run` builds it from a genesis and holds the pallet's invariants when the test ends; blocks
//! pass through `next_block`, with the same hooks in the same order as on a real chain.

// A test is there to panic.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]

use crate as pallet_subtensor;
use crate::{types::*, Config, Pallet};
use core::cell::{Cell, RefCell};
use frame_support::{
    derive_impl,
    traits::{ConstU64, Get, Hooks},
    weights::Weight,
};
use sp_runtime::{BuildStorage, DispatchError, DispatchResult};

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        Balances: pallet_balances = 5,
        SubtensorModule: pallet_subtensor = 7,
    }
);

/// Rao of one TAO, or of one alpha.
pub const UNIT: u64 = 1_000_000_000;

/// The account of the block's author in these tests.
pub const AUTHOR: u64 = 999;

/// Whoever has a balance at genesis: coldkeys 1 to 20. Together they stay far from the first
/// halving.
pub const RICH: core::ops::RangeInclusive<u64> = 1..=20;

/// What each of them has.
pub const WEALTH: u64 = 100_000 * UNIT;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<u64>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type ExistentialDeposit = ConstU64<500>;
}

thread_local! {
    static FEE_RATE: Cell<u16> = const { Cell::new(33) };
    static AUTHORED: Cell<bool> = const { Cell::new(true) };
}

/// A fee rate that a test may change.
pub struct Fees;

impl Fees {
    pub fn set(rate: u16) {
        FEE_RATE.set(rate);
    }
}

impl crate::PoolSettings for Fees {
    fn fee_rate(_: NetUid) -> u16 {
        FEE_RATE.get()
    }

    fn forget(_: NetUid) {}
}

thread_local! {
    static LEFT: RefCell<Vec<(NetUid, u64)>> = const { RefCell::new(Vec::new()) };
}

/// Keeps note of neurons that have lost their slots.
pub struct Leavers;

impl Leavers {
    /// Those since this was last asked.
    pub fn take() -> Vec<(NetUid, u64)> {
        LEFT.take()
    }
}

impl crate::OnNeuronLeft<u64> for Leavers {
    fn neuron_left(netuid: NetUid, hotkey: &u64) {
        LEFT.with_borrow_mut(|left| left.push((netuid, *hotkey)));
    }
}

/// One neuron's commitment, on every subnet.
pub struct Committed;

impl crate::Commitments<u64> for Committed {
    fn commitments(_: NetUid) -> Vec<(u64, Vec<u8>)> {
        vec![(101, b"model".to_vec())]
    }
}

thread_local! {
    static ROUND: Cell<u64> = const { Cell::new(0) };
    static NEWS: Cell<u64> = const { Cell::new(0) };
    static AWAITED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A beacon whose rounds a test publishes. Sealed is what says its round first; the rest is the text.
pub struct Rounds;

impl Rounds {
    /// All rounds up to this one are known, from the next block on.
    pub fn publish(round: u64) {
        ROUND.set(round);
        NEWS.set(System::block_number() + 1);
    }

    /// The rounds to which something was sealed since this was last asked.
    pub fn awaited() -> Vec<u64> {
        AWAITED.take()
    }
}

impl crate::Beacon for Rounds {
    fn last_round() -> u64 {
        ROUND.get()
    }

    fn round_within(seconds: u64) -> u64 {
        ROUND.get() + seconds / 3
    }

    fn await_round(round: u64) {
        AWAITED.with_borrow_mut(|rounds| rounds.push(round));
    }

    fn has_news() -> bool {
        NEWS.get() == System::block_number()
    }

    fn is_known(round: u64) -> bool {
        round <= ROUND.get()
    }

    fn open(round: u64, sealed: &[u8]) -> crate::Opened {
        if round > ROUND.get() {
            return crate::Opened::NotYet;
        }
        match sealed.strip_prefix(&round.to_le_bytes()) {
            Some(text) => crate::Opened::Text(text.to_vec()),
            None => crate::Opened::Never,
        }
    }
}

thread_local! {
    static FUNDING: RefCell<Option<crate::Funding<u64>>> = const { RefCell::new(None) };
    static ACTING: RefCell<Vec<(u64, u64)>> = const { RefCell::new(Vec::new()) };
}

/// A crowdloan that a test says is ending, and those who act for leases.
pub struct Lessors;

impl Lessors {
    pub fn fund(funding: Option<crate::Funding<u64>>) {
        FUNDING.with_borrow_mut(|now| *now = funding);
    }

    /// Pairs of a lease's account and who acts for it.
    pub fn acting() -> Vec<(u64, u64)> {
        ACTING.with_borrow(Clone::clone)
    }
}

impl crate::Leasing<u64> for Lessors {
    fn funding() -> Result<crate::Funding<u64>, DispatchError> {
        FUNDING.with_borrow(Clone::clone).ok_or(DispatchError::Unavailable)
    }

    fn let_act(lease: &u64, beneficiary: &u64) -> DispatchResult {
        ACTING.with_borrow_mut(|acting| acting.push((*lease, *beneficiary)));
        Ok(())
    }

    fn stop_acting(lease: &u64, beneficiary: &u64) -> DispatchResult {
        ACTING.with_borrow_mut(|acting| acting.retain(|pair| *pair != (*lease, *beneficiary)));
        Ok(())
    }
}

/// An author that a test may take away.
pub struct Author;

impl Author {
    pub fn set(present: bool) {
        AUTHORED.set(present);
    }
}

impl Get<Option<u64>> for Author {
    fn get() -> Option<u64> {
        AUTHORED.get().then_some(AUTHOR)
    }
}

impl Config for Test {
    type Currency = Balances;
    type PoolSettings = Fees;
    type OnNeuronLeft = Leavers;
    type Commitments = Committed;
    type Beacon = Rounds;
    type ActsFor = ();
    type Leasing = Lessors;
    type BlockAuthor = Author;
    type WeightInfo = ();
}

/// Hyperparameters of new subnets for a chain on one machine, as the runtime's `local` preset.
pub fn local_defaults() -> SubnetDefaults {
    SubnetDefaults {
        tempo: 20,
        weights_set_rate_limit: 0,
        activity_cutoff_factor_milli: 5_000,
        serving_rate_limit: 0,
        max_registrations_per_block: 8,
        commit_reveal_weights_enabled: false,
        subnet_emission_enabled: true,
    }
}

/// The genesis of the runtime's `local` preset.
pub fn local() -> crate::GenesisConfig<Test> {
    crate::GenesisConfig {
        slot_duration_ms: 250,
        network_rate_limit: 0,
        admin_freeze_window: 0,
        tx_childkey_take_rate_limit: 0,
        set_children_rate_limit: 15,
        max_uids_trimming_rate_limit: 0,
        max_epochs_per_block: 32,
        loopback_axons_allowed: true,
        new_subnet_defaults: local_defaults(),
        ..Default::default()
    }
}

/// The genesis of the runtime's `upstream` preset: the public chain's values.
pub fn upstream() -> crate::GenesisConfig<Test> {
    crate::GenesisConfig::default()
}

/// Runs a test in the first block of a chain, then checks all invariants.
pub fn run(genesis: crate::GenesisConfig<Test>, test: impl FnOnce()) {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let balances = RICH.map(|who| (who, WEALTH)).collect();
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .unwrap();
    genesis.assimilate_storage(&mut storage).unwrap();
    Fees::set(33);
    ROUND.set(0);
    NEWS.set(0);
    Author::set(true);
    Lessors::fund(None);
    ACTING.take();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        start_block(1);
        test();
        finish_block();
        check();
    });
}

/// Ends this block and begins the next; answers what its hooks declare.
pub fn next_block() -> Weight {
    finish_block();
    start_block(System::block_number() + 1)
}

/// Lets blocks pass until the one of this number has begun.
pub fn run_to_block(number: u64) {
    while System::block_number() < number {
        next_block();
    }
}

/// Holds the pallet's invariants; meant for the moments between blocks.
pub fn check() {
    Pallet::<Test>::do_try_state().unwrap();
}

/// Hyperparameters and state are looked at through this name.
pub type Chain = Pallet<Test>;

fn start_block(number: u64) -> Weight {
    System::reset_events();
    System::set_block_number(number);
    <SubtensorModule as Hooks<u64>>::on_initialize(number)
}

fn finish_block() {
    <SubtensorModule as Hooks<u64>>::on_finalize(System::block_number());
}

/// The hash of everything stored.
pub fn state_root() -> Vec<u8> {
    sp_io::storage::root(sp_runtime::StateVersion::V1)
}

/// Somebody who signs.
pub fn signed(who: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}
