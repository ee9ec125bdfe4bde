//! A chain with this pallet alone, on which subnet 1 exists.

use frame_support::{derive_impl, traits::Contains};
use pallet_subtensor::NetUid;
use sp_runtime::BuildStorage;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        Swap: crate = 28,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

impl crate::Config for Test {
    type Subnets = OnlyOne;
}

pub struct OnlyOne;

impl Contains<NetUid> for OnlyOne {
    fn contains(netuid: &NetUid) -> bool {
        *netuid == NetUid::new(1)
    }
}

pub fn new_test_ext() -> sp_io::TestExternalities {
    let storage = frame_system::GenesisConfig::<Test>::default().build_storage();
    let mut ext = sp_io::TestExternalities::new(storage.unwrap_or_default());
    ext.execute_with(|| System::set_block_number(1));
    ext
}
