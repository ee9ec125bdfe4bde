//! A hotkey's alpha on a subnet, split among the coldkeys that staked behind it.
//!
//! Coldkeys hold shares of one pool, so paying all of them is one write (`pay_hotkey`). Rounding
//! is in the pool's favour.

use crate::*;
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// What `coldkey` has behind `hotkey` on `netuid`.
    pub fn stake_of(
        _hotkey: &T::AccountId,
        _coldkey: &T::AccountId,
        _netuid: NetUid,
    ) -> AlphaBalance {
        AlphaBalance::ZERO
    }

    /// Adds `amount` to it; answers what it grew by. `SubnetAlphaOut` is the caller's affair.
    pub(crate) fn increase_stake(
        _hotkey: &T::AccountId,
        _coldkey: &T::AccountId,
        _netuid: NetUid,
        _amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        Err(Error::<T>::DisabledTemporarily.into())
    }

    /// Takes `amount` from it; answers what it fell by, or fails when there is less.
    pub(crate) fn decrease_stake(
        _hotkey: &T::AccountId,
        _coldkey: &T::AccountId,
        _netuid: NetUid,
        _amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        Err(Error::<T>::DisabledTemporarily.into())
    }

    /// Adds `amount` to all stakers of `hotkey`, in proportion. Fails when it has none.
    pub(crate) fn pay_hotkey(
        _hotkey: &T::AccountId,
        _netuid: NetUid,
        _amount: AlphaBalance,
    ) -> Result<(), DispatchError> {
        Err(Error::<T>::DisabledTemporarily.into())
    }
}
