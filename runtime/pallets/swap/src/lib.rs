//! Swap: what is set of a subnet's pool, which is the fee that it takes.
//!
//! The pools themselves are part of `pallet-subtensor`, which is told the rate of each. It
//! is a pallet of its own because clients of the public chain look for the rate, and for the
//! errors, under this name. Invariant: no rate is above [`MAX_FEE_RATE`].

#![cfg_attr(not(feature = "std"), no_std)]

pub use pallet::*;

use core::num::NonZeroU64;
use frame_support::traits::Contains;
use pallet_subtensor::{pool::RESERVE_MIN, NetUid};

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

/// Rates are parts of this.
pub const FEE_DENOMINATOR: u16 = u16::MAX;

/// What a new subnet's pool takes: about 0.05 %, the public chain's default.
pub const DEFAULT_FEE_RATE: u16 = 33;

/// About 15 %, the public chain's limit: above it a swap is a trap.
pub const MAX_FEE_RATE: u16 = 10_000;

/// [`RESERVE_MIN`], which clients know as a number that is not zero.
const MINIMUM_RESERVE: NonZeroU64 = match NonZeroU64::new(RESERVE_MIN) {
    Some(rao) => rao,
    None => NonZeroU64::MIN,
};

#[allow(clippy::expect_used)] // in what the macro writes
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{pallet_prelude::*, traits::ConstU16};
    use frame_system::pallet_prelude::*;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// The subnets that exist.
        type Subnets: Contains<NetUid>;
    }

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// The highest rate that may be set.
        #[pallet::constant_name(MaxFeeRate)]
        fn max_fee_rate() -> u16 {
            MAX_FEE_RATE
        }

        /// What a swap must leave of what it takes from, in rao.
        #[pallet::constant_name(MinimumReserve)]
        fn minimum_reserve() -> NonZeroU64 {
            MINIMUM_RESERVE
        }
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The fee of a subnet's pool, in 65535ths of the amount that goes in.
    #[pallet::storage]
    pub type FeeRate<T> =
        StorageMap<_, Twox64Concat, NetUid, u16, ValueQuery, ConstU16<DEFAULT_FEE_RATE>>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// The fee of a subnet's pool has changed.
        FeeRateSet { netuid: NetUid, rate: u16 },
    }

    /// Clients know these by their position, so the ones that only `pallet-subtensor` could raise,
    /// and raises as its own, keep theirs.
    #[pallet::error]
    pub enum Error<T> {
        /// The rate is above the limit.
        FeeRateTooHigh,
        /// The amount is too small for the pool to give anything for it.
        InsufficientInputAmount,
        /// The pool does not hold what the swap would take out of it.
        InsufficientLiquidity,
        /// The swap would move the price beyond the given limit.
        PriceLimitExceeded,
        /// The account does not have what it would swap.
        InsufficientBalance,
        /// Not in use: pools have no price ranges.
        InvalidTickRange,
        /// Not in use: accounts provide no liquidity.
        InvalidLiquidityValue,
        /// The pool holds too little for any swap.
        ReservesTooLow,
        /// The subnet does not exist.
        MechanismDoesNotExist,
        /// The subnet has not been started.
        SubtokenDisabled,
        /// The two sides of the pool are too far apart.
        ReservesOutOfBalance,
        /// The amount is too large for the pool.
        SwapInputTooLarge,
        /// Not in use: the calls it was for are gone.
        Deprecated,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the fee that a subnet's pool takes.
        #[pallet::call_index(0)]
        #[pallet::weight((T::DbWeight::get().reads_writes(1, 1), DispatchClass::Operational))]
        pub fn set_fee_rate(origin: OriginFor<T>, netuid: NetUid, rate: u16) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(T::Subnets::contains(&netuid), Error::<T>::MechanismDoesNotExist);
            ensure!(rate <= MAX_FEE_RATE, Error::<T>::FeeRateTooHigh);
            FeeRate::<T>::insert(netuid, rate);
            Self::deposit_event(Event::FeeRateSet { netuid, rate });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// Removes what is set of the pool of a subnet that is no more.
        pub fn forget(netuid: NetUid) {
            FeeRate::<T>::remove(netuid);
        }
    }
}
