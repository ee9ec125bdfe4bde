//! What a hotkey's owner takes of the dividends of those who staked behind it.
//!
//! Lowering a take is always possible. Raising it takes a while after any change of it, so that
//! stakers who came for a low take have time to leave before it is high again.

use crate::*;
use frame_support::ensure;
use sp_runtime::{DispatchResult, PerU16};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_decrease_take(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        take: PerU16,
    ) -> DispatchResult {
        Self::check_decrease_take(coldkey, hotkey, take)?;
        Delegates::<T>::insert(hotkey, take);
        LastRateLimitedBlock::<T>::insert(Self::take_limit(hotkey), Self::block());
        Self::deposit_event(Event::TakeDecreased(coldkey.clone(), hotkey.clone(), take));
        Ok(())
    }

    pub(crate) fn do_increase_take(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        take: PerU16,
    ) -> DispatchResult {
        Self::check_increase_take(coldkey, hotkey, take)?;
        let key = Self::take_limit(hotkey);
        let last = LastRateLimitedBlock::<T>::get(&key);
        let (now, limit) = (Self::block(), TxDelegateTakeRateLimit::<T>::get());
        // A limit of so many blocks ends with the block after them, as on the public chain.
        ensure!(
            last == 0 || limit == 0 || now.saturating_sub(last) > limit,
            Error::<T>::DelegateTxRateLimitExceeded
        );
        LastRateLimitedBlock::<T>::insert(&key, now);
        Delegates::<T>::insert(hotkey, take);
        Self::deposit_event(Event::TakeIncreased(coldkey.clone(), hotkey.clone(), take));
        Ok(())
    }

    fn take_limit(hotkey: &T::AccountId) -> RateLimitKey<T::AccountId> {
        RateLimitKey::LastTxBlockDelegateTake(hotkey.clone())
    }

    pub(crate) fn check_decrease_take(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        take: PerU16,
    ) -> Result<(), Error<T>> {
        Self::ensure_owns(coldkey, hotkey)?;
        ensure!(take < Delegates::<T>::get(hotkey), Error::<T>::DelegateTakeTooLow);
        ensure!(take >= MinDelegateTake::<T>::get(), Error::<T>::DelegateTakeTooLow);
        Ok(())
    }

    pub(crate) fn check_increase_take(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        take: PerU16,
    ) -> Result<(), Error<T>> {
        Self::ensure_owns(coldkey, hotkey)?;
        ensure!(take > Delegates::<T>::get(hotkey), Error::<T>::DelegateTakeTooLow);
        ensure!(take <= MaxDelegateTake::<T>::get(), Error::<T>::DelegateTakeTooHigh);
        Ok(())
    }

    /// Lets `hotkey` take stake of others, at the take that it has or would have.
    pub(crate) fn become_delegate(coldkey: &T::AccountId, hotkey: &T::AccountId) {
        if !Delegates::<T>::contains_key(hotkey) {
            let take = Delegates::<T>::get(hotkey);
            Delegates::<T>::insert(hotkey, take);
            Self::deposit_event(Event::DelegateAdded(coldkey.clone(), hotkey.clone(), take));
        }
    }
}
