//! A chain of this pallet, balances and preimages, and a pallet whose one call spends what the
//! crowdloan that makes it has raised. Accounts are integers.

// A test is there to panic, and the pallet macro writes an `expect`.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64},
    PalletId,
};
use sp_runtime::BuildStorage;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        Balances: pallet_balances = 5,
        Preimage: pallet_preimage = 14,
        Crowdloan: crate = 27,
        Spender: spender = 40,
    }
);

/// Rao of a TAO.
pub const UNIT: u64 = 1_000_000_000;

/// What accounts 1 to 9 have.
pub const WEALTH: u64 = 1_000 * UNIT;

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

impl pallet_preimage::Config for Test {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type Currency = Balances;
    type ManagerOrigin = frame_system::EnsureRoot<u64>;
    type Consideration = ();
}

parameter_types! {
    pub const Id: PalletId = PalletId(*b"bt/cloan");
}

impl crate::Config for Test {
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type Preimages = Preimage;
    type PalletId = Id;
    type MinimumDeposit = ConstU64<{ 10 * UNIT }>;
    type AbsoluteMinimumContribution = ConstU64<{ UNIT / 10 }>;
    type RefundContributorsLimit = ConstU32<2>;
    type MaxContributors = ConstU32<5>;
    type WeightInfo = ();
}

/// Spends what a crowdloan has raised, as the lease of a subnet would.
#[frame_support::pallet(dev_mode)]
pub mod spender {
    use frame_support::{
        pallet_prelude::*, traits::fungible::Mutate, traits::tokens::Preservation,
    };
    use frame_system::pallet_prelude::*;

    #[pallet::config]
    pub trait Config: frame_system::Config + crate::Config {}

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Pays `amount` of the crowdloan that asks to account `to`.
        pub fn spend(origin: OriginFor<T>, to: T::AccountId, amount: u64) -> DispatchResult {
            ensure_signed(origin)?;
            let id = crate::CurrentCrowdloanId::<T>::get().ok_or("no crowdloan asks")?;
            let from = crate::Pallet::<T>::funds_account(id);
            <T as crate::Config>::Currency::transfer(&from, &to, amount, Preservation::Expendable)?;
            Ok(())
        }
    }
}

impl spender::Config for Test {}

/// Runs a test in the first block, then checks that all money is there and where it should be.
pub fn run(test: impl FnOnce()) {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let balances = (1..10).map(|who| (who, WEALTH)).collect();
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .unwrap();
    crate::GenesisConfig::<Test> {
        minimum_duration: 50,
        maximum_duration: 20_000,
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        let issuance = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), issuance);
        Crowdloan::do_try_state().unwrap();
    });
}
