//! A chain with this pallet alone, which follows quicknet or a beacon of its own.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]

use frame_support::{
    derive_impl,
    traits::{ConstU64, UnixTime},
};
use sp_runtime::BuildStorage;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        Drand: crate = 26,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

impl crate::Config for Test {
    type UnsignedPriority = ConstU64<{ 1 << 20 }>;
    type HttpFetchTimeout = ConstU64<1_000>;
    type WeightInfo = ();
    type UnixTime = Now;
}

/// The round of the mock's time, unless a test sets [`ROUND_NOW`].
pub const CURRENT: u64 = 300_000;

std::thread_local! {
    pub static ROUND_NOW: core::cell::Cell<u64> = const { core::cell::Cell::new(CURRENT) };
}

/// Something is sealed to `round` long before its time.
pub fn seal_early(round: u64) {
    ROUND_NOW.set(1);
    Drand::await_round(round);
    ROUND_NOW.set(CURRENT);
}

/// The chain's time: that of round [`ROUND_NOW`].
pub struct Now;

impl UnixTime for Now {
    fn now() -> core::time::Duration {
        let since = (ROUND_NOW.get() - 1) * u64::from(crate::quicknet::PERIOD);
        core::time::Duration::from_secs(u64::from(crate::quicknet::GENESIS_TIME) + since)
    }
}

/// Runs `test` in block 7 of a chain that follows the beacon with this key, then holds the pallet's
/// invariants. Without a key it follows quicknet.
pub fn run(local_public_key: Vec<u8>, test: impl FnOnce()) {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    crate::GenesisConfig::<Test> {
        local_public_key: local_public_key.into(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(7);
        test();
        Drand::do_try_state().unwrap();
    });
}
