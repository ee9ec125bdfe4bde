//! A chain with this pallet alone.

use frame_support::derive_impl;
use sp_runtime::BuildStorage;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        MevShield: crate = 30,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

impl crate::Config for Test {}

pub fn new_test_ext(next_key: Vec<u8>) -> sp_io::TestExternalities {
    let mev_shield = MevShieldConfig { next_key, ..Default::default() };
    let genesis = RuntimeGenesisConfig { mev_shield, ..Default::default() };
    let mut ext = sp_io::TestExternalities::new(genesis.build_storage().unwrap_or_default());
    ext.execute_with(|| System::set_block_number(1));
    ext
}
