//! A chain with the subtensor pallet and this one, on which account 1 owns subnet 1.

#![allow(clippy::unwrap_used)]

use frame_support::{derive_impl, traits::ConstU64, traits::Get};
use pallet_subtensor::{NetUid, PoolSettings};
use sp_runtime::BuildStorage;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        Balances: pallet_balances = 5,
        SubtensorModule: pallet_subtensor = 7,
        AdminUtils: crate = 19,
    }
);

pub const OWNER: u64 = 1;
pub const OWNER_HOTKEY: u64 = 11;
pub const STRANGER: u64 = 2;
pub const SUBNET: NetUid = NetUid::new(1);
pub const NO_SUBNET: NetUid = NetUid::new(9);

/// Long enough that a test can be far from an epoch.
pub const TEMPO: u16 = 1_000;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<u64>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type Balance = u64;
    type ExistentialDeposit = ConstU64<500>;
}

pub struct NoFee;

impl PoolSettings for NoFee {
    fn fee_rate(_: NetUid) -> u16 {
        0
    }

    fn forget(_: NetUid) {}
}

pub struct Nobody;

impl Get<Option<u64>> for Nobody {
    fn get() -> Option<u64> {
        None
    }
}

impl pallet_subtensor::Config for Test {
    type Currency = Balances;
    type PoolSettings = NoFee;
    type OnNeuronLeft = ();
    type Commitments = ();
    type ActsFor = ();
    type Leasing = ();
    type Beacon = ();
    type BlockAuthor = Nobody;
    type WeightInfo = ();
}

impl crate::Config for Test {}

/// The presets as far as they concern setters: the public chain's window, and none, as on `local`.
pub const WINDOWS: [u16; 2] = [10, 0];

/// Runs a test in block 100, a long way from the next epoch.
pub fn run(test: impl FnOnce()) {
    run_with_window(WINDOWS[0], test);
}

/// The same, on a chain whose genesis names this window.
pub fn run_with_window(admin_freeze_window: u16, test: impl FnOnce()) {
    let subtensor_module = SubtensorModuleConfig { admin_freeze_window, ..Default::default() };
    let genesis = RuntimeGenesisConfig { subtensor_module, ..Default::default() };
    sp_io::TestExternalities::new(genesis.build_storage().unwrap()).execute_with(|| {
        System::set_block_number(100);
        pallet_subtensor::NetworksAdded::<Test>::insert(SUBNET, true);
        pallet_subtensor::SubnetOwner::<Test>::insert(SUBNET, OWNER);
        pallet_subtensor::Owner::<Test>::insert(OWNER_HOTKEY, OWNER);
        pallet_subtensor::Tempo::<Test>::insert(SUBNET, TEMPO);
        pallet_subtensor::LastEpochBlock::<Test>::insert(SUBNET, 90);
        test();
    });
}

pub fn root() -> RuntimeOrigin {
    RuntimeOrigin::root()
}

pub fn signed(who: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}
