//! A chain with this pallet alone, which follows quicknet or a beacon of its own.

#![allow(clippy::unwrap_used)]

use frame_support::{derive_impl, traits::ConstU64};
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
