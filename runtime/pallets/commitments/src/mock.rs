//! A chain with this pallet alone, over subnets that a test sets as it likes.

#![allow(clippy::arithmetic_side_effects)] // a test is there to panic

use core::cell::{Cell, RefCell};
use frame_support::{
    derive_impl,
    traits::{ConstU32, Hooks},
};
use pallet_subtensor::{Beacon, Opened};
use sp_runtime::BuildStorage;

use crate::{NetUid, Neurons};

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        Commitments: crate = 18,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

impl crate::Config for Test {
    type Neurons = Subnets;
    type Beacon = Rounds;
    type MaxFields = ConstU32<3>;
}

thread_local! {
    pub static ROUND: Cell<u64> = const { Cell::new(0) };
    /// A round that was passed over: none that is known.
    pub static PASSED_OVER: Cell<u64> = const { Cell::new(0) };
    pub static NEWS: Cell<bool> = const { Cell::new(false) };
    pub static AWAITED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    pub static EPOCH: Cell<u64> = const { Cell::new(0) };
    pub static RESETS: RefCell<Vec<(NetUid, u64)>> = const { RefCell::new(Vec::new()) };
}

/// Accounts below 10 are neurons of subnet 1.
pub struct Subnets;

impl Neurons<u64> for Subnets {
    fn is_registered(netuid: NetUid, hotkey: &u64) -> bool {
        netuid == NetUid::new(1) && *hotkey < 10
    }

    fn epoch_index(_: NetUid) -> u64 {
        EPOCH.get()
    }

    fn reset_bonds(netuid: NetUid, hotkey: &u64) {
        RESETS.with_borrow_mut(|resets| resets.push((netuid, *hotkey)));
    }
}

/// A beacon whose rounds a test publishes. Sealed is what says its round first; the rest is the text.
pub struct Rounds;

impl Beacon for Rounds {
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
        NEWS.get()
    }

    fn is_known(round: u64) -> bool {
        round <= ROUND.get() && round != PASSED_OVER.get()
    }

    fn open(round: u64, sealed: &[u8]) -> Opened {
        if round > ROUND.get() {
            return Opened::NotYet;
        }
        sealed
            .strip_prefix(&round.to_le_bytes())
            .map_or(Opened::Never, |text| Opened::Text(text.to_vec()))
    }
}

/// Lets one block begin, before which the beacon has published up to `round`, or nothing.
pub fn next_block(round: Option<u64>) {
    NEWS.set(round.is_some());
    ROUND.set(round.unwrap_or(ROUND.get()));
    System::set_block_number(System::block_number() + 1);
    Commitments::on_initialize(System::block_number());
}

pub fn new_test_ext() -> sp_io::TestExternalities {
    ROUND.set(0);
    NEWS.set(false);
    let storage = frame_system::GenesisConfig::<Test>::default().build_storage();
    let mut ext = sp_io::TestExternalities::new(storage.unwrap_or_default());
    ext.execute_with(|| System::set_block_number(7));
    ext
}
