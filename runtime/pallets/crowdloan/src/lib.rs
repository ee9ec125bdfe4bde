//! Crowdloans: many give to one account until a cap is reached; then its creator has the money
//! paid out or a call made, or everybody gets their part back.
//!
//! The money lies in an account of the crowdloan's own, which nobody can sign for. Until the end
//! a contributor adds to its part, and until the crowdloan is finalized takes it back; the creator's
//! deposit stays. Only a crowdloan that has reached its cap is finalized. One that is not is
//! refunded, so many contributors a call, and then dissolved.
//!
//! Calls, names and errors are the public chain's (opentensor/subtensor, `pallets/crowdloan`).
//! Three things differ. The call that is made at the end is charged for when it is made, not when
//! the crowdloan is created, and is made under the filter of whoever asks for it, so that no proxy
//! gets past its type by it. Its length is bounded. The bounds of a crowdloan's duration are set by
//! genesis, because one runtime serves chains of any block time.
//!
//! Invariants (`do_try_state`): the contributions to a crowdloan that is not finalized add up to
//! what it has raised, which is at most its cap and is in its account.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod calls;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
mod weights;

pub use pallet::*;
pub use types::{CrowdloanId, CrowdloanInfo};
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

#[import_section(calls::calls)]
#[allow(clippy::expect_used)] // in what the macro writes
#[frame_support::pallet]
pub mod pallet {
    use crate::{types::*, weights::WeightInfo};
    use alloc::boxed::Box;
    use codec::Encode;
    use frame_support::{
        dispatch::{GetDispatchInfo, PostDispatchInfo},
        pallet_prelude::*,
        traits::{
            fungible::{Inspect, Mutate},
            tokens::Preservation,
            QueryPreimage, StorePreimage,
        },
        PalletId,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::{AccountIdConversion, Dispatchable, Saturating, Zero};

    /// Bytes of the call that is made at the end: it is read whenever somebody asks what
    /// finalizing costs. The public chain knows no bound.
    pub const CALL_BYTES_MAX: usize = 64 * 1024;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// The calls of the runtime.
        type RuntimeCall: Parameter
            + Dispatchable<RuntimeOrigin = Self::RuntimeOrigin, PostInfo = PostDispatchInfo>
            + GetDispatchInfo
            + From<frame_system::Call<Self>>;

        /// Free balances, in rao.
        type Currency: Inspect<Self::AccountId, Balance = u64> + Mutate<Self::AccountId>;

        /// Where the call that is made at the end is kept.
        type Preimages: QueryPreimage<H = Self::Hashing> + StorePreimage;

        /// From which the accounts of crowdloans are derived.
        #[pallet::constant]
        type PalletId: Get<PalletId>;

        /// Least that a creator gives.
        #[pallet::constant]
        type MinimumDeposit: Get<u64>;

        /// Least that a creator may ask of a contributor.
        #[pallet::constant]
        type AbsoluteMinimumContribution: Get<u64>;

        /// Contributors that one call refunds.
        #[pallet::constant]
        type RefundContributorsLimit: Get<u32>;

        /// Contributors of a crowdloan, its creator among them.
        #[pallet::constant]
        type MaxContributors: Get<u32>;

        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// Blocks that a crowdloan takes at the least.
        #[pallet::constant_name(MinimumBlockDuration)]
        fn minimum_block_duration() -> BlockNumberFor<T> {
            MinimumDuration::<T>::get()
        }

        /// Blocks that it takes at the most.
        #[pallet::constant_name(MaximumBlockDuration)]
        fn maximum_block_duration() -> BlockNumberFor<T> {
            MaximumDuration::<T>::get()
        }
    }

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    /// All crowdloans. One that is dissolved is removed; one that is finalized stays, because what
    /// its call made may refer to it.
    #[pallet::storage]
    pub type Crowdloans<T: Config> =
        StorageMap<_, Twox64Concat, CrowdloanId, CrowdloanInfoOf<T>, OptionQuery>;

    /// Number of the next.
    #[pallet::storage]
    pub type NextCrowdloanId<T: Config> = StorageValue<_, CrowdloanId, ValueQuery>;

    /// Who has given how much.
    #[pallet::storage]
    pub type Contributions<T: Config> =
        StorageDoubleMap<_, Twox64Concat, CrowdloanId, Identity, T::AccountId, u64, OptionQuery>;

    /// The most that one contributor may give in all, where the creator has set it.
    #[pallet::storage]
    pub type MaxContributions<T: Config> =
        StorageMap<_, Twox64Concat, CrowdloanId, u64, OptionQuery>;

    /// The crowdloan whose call is being made, for that call to read.
    #[pallet::storage]
    pub type CurrentCrowdloanId<T: Config> = StorageValue<_, CrowdloanId, OptionQuery>;

    /// Blocks that a crowdloan takes at the least. Set by genesis.
    #[pallet::storage]
    pub type MinimumDuration<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery>;

    /// Blocks that it takes at the most. Set by genesis.
    #[pallet::storage]
    pub type MaximumDuration<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery>;

    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// Blocks that a crowdloan takes at the least.
        pub minimum_duration: u32,
        /// Blocks that it takes at the most.
        pub maximum_duration: u32,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        /// The public chain's values: a week and sixty days of blocks of 12 seconds.
        fn default() -> Self {
            Self {
                minimum_duration: 50_400,
                maximum_duration: 432_000,
                _config: Default::default(),
            }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            MinimumDuration::<T>::put(BlockNumberFor::<T>::from(self.minimum_duration));
            MaximumDuration::<T>::put(BlockNumberFor::<T>::from(self.maximum_duration));
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A crowdloan has begun.
        Created {
            crowdloan_id: CrowdloanId,
            creator: T::AccountId,
            end: BlockNumberFor<T>,
            cap: u64,
        },
        /// Somebody has given.
        Contributed { crowdloan_id: CrowdloanId, contributor: T::AccountId, amount: u64 },
        /// Somebody has taken it back.
        Withdrew { crowdloan_id: CrowdloanId, contributor: T::AccountId, amount: u64 },
        /// Some contributors were refunded, and others wait.
        PartiallyRefunded { crowdloan_id: CrowdloanId },
        /// All contributors but the creator were refunded.
        AllRefunded { crowdloan_id: CrowdloanId },
        /// The money was paid out, or the call made.
        Finalized { crowdloan_id: CrowdloanId },
        /// The crowdloan is no more.
        Dissolved { crowdloan_id: CrowdloanId },
        /// The least contribution was set.
        MinContributionUpdated { crowdloan_id: CrowdloanId, new_min_contribution: u64 },
        /// The end was set.
        EndUpdated { crowdloan_id: CrowdloanId, new_end: BlockNumberFor<T> },
        /// The cap was set.
        CapUpdated { crowdloan_id: CrowdloanId, new_cap: u64 },
        /// The greatest contribution was set, or taken away.
        MaxContributionUpdated { crowdloan_id: CrowdloanId, new_max_contribution: Option<u64> },
    }

    /// Clients know these by their position.
    #[pallet::error]
    pub enum Error<T> {
        /// The creator gives too little.
        DepositTooLow,
        /// The cap is not above the deposit, or below what is raised.
        CapTooLow,
        /// The least contribution is too low.
        MinimumContributionTooLow,
        /// The end is in the past.
        CannotEndInPast,
        /// The end is too near.
        BlockDurationTooShort,
        /// The end is too far away.
        BlockDurationTooLong,
        /// The account has too little to give.
        InsufficientBalance,
        /// A number became too great.
        Overflow,
        /// There is no such crowdloan.
        InvalidCrowdloanId,
        /// The cap is reached.
        CapRaised,
        /// The end has passed.
        ContributionPeriodEnded,
        /// The contribution is too low.
        ContributionTooLow,
        /// Only the creator may do this.
        InvalidOrigin,
        /// The crowdloan is finalized.
        AlreadyFinalized,
        /// A crowdloan is being finalized by whose call this is asked.
        AlreadyFinalizing,
        /// The end has not passed.
        ContributionPeriodNotEnded,
        /// The account has given nothing.
        NoContribution,
        /// The cap is not reached.
        CapNotRaised,
        /// A number became negative.
        Underflow,
        /// The call is too long to be kept, or is kept no more.
        CallUnavailable,
        /// There are contributions besides the creator's.
        NotReadyToDissolve,
        /// The deposit stays until the crowdloan is dissolved.
        DepositCannotBeWithdrawn,
        /// There are as many contributors as there may be.
        MaxContributorsReached,
        /// Either a call or an account to pay to is named, not both and not neither.
        InvalidFinalizationConfig,
        /// The contributor has given as much as it may.
        MaxContributionReached,
        /// The greatest contribution is below the least, or below the creator's.
        MaximumContributionTooLow,
        /// The least contribution is above the greatest.
        MinimumContributionTooHigh,
        /// The call did not spend all that was raised.
        FundsNotSettled,
    }

    impl<T: Config> Pallet<T> {
        /// The account of a crowdloan.
        pub fn funds_account(id: CrowdloanId) -> T::AccountId {
            T::PalletId::get().into_sub_account_truncating(id)
        }

        /// Weight of the call that the crowdloan's finalizing makes.
        fn stored_call_weight(id: CrowdloanId) -> Weight {
            Crowdloans::<T>::get(id)
                .and_then(|crowdloan| crowdloan.call)
                .and_then(|call| T::Preimages::peek(&call).ok())
                .map_or(Weight::zero(), |(call, _)| call.get_dispatch_info().call_weight)
        }

        fn open(id: CrowdloanId) -> Result<CrowdloanInfoOf<T>, Error<T>> {
            let crowdloan = Crowdloans::<T>::get(id).ok_or(Error::<T>::InvalidCrowdloanId)?;
            ensure!(!crowdloan.finalized, Error::<T>::AlreadyFinalized);
            Ok(crowdloan)
        }

        /// A crowdloan that is not finalized, for its creator.
        fn own(origin: OriginFor<T>, id: CrowdloanId) -> Result<CrowdloanInfoOf<T>, DispatchError> {
            let who = ensure_signed(origin)?;
            let crowdloan = Self::open(id)?;
            ensure!(who == crowdloan.creator, Error::<T>::InvalidOrigin);
            Ok(crowdloan)
        }

        fn check_end(end: BlockNumberFor<T>) -> Result<(), Error<T>> {
            let now = frame_system::Pallet::<T>::block_number();
            ensure!(now < end, Error::<T>::CannotEndInPast);
            let duration = end.saturating_sub(now);
            ensure!(duration >= MinimumDuration::<T>::get(), Error::<T>::BlockDurationTooShort);
            ensure!(duration <= MaximumDuration::<T>::get(), Error::<T>::BlockDurationTooLong);
            Ok(())
        }

        fn pay(from: &T::AccountId, to: &T::AccountId, amount: u64) -> DispatchResult {
            T::Currency::transfer(from, to, amount, Preservation::Expendable)?;
            Ok(())
        }

        /// What of `amount` a crowdloan takes of a contributor that has given `before`.
        fn acceptable(
            id: CrowdloanId,
            crowdloan: &CrowdloanInfoOf<T>,
            before: u64,
            amount: u64,
        ) -> Result<u64, Error<T>> {
            let left = crowdloan.cap.checked_sub(crowdloan.raised).ok_or(Error::<T>::Underflow)?;
            let amount = amount.min(left);
            let Some(most) = MaxContributions::<T>::get(id) else { return Ok(amount) };
            let more = most.checked_sub(before).filter(|more| *more > 0);
            Ok(amount.min(more.ok_or(Error::<T>::MaxContributionReached)?))
        }
    }
}
