//! A hotkey's alpha on a subnet, split among the coldkeys that staked behind it.
//!
//! Coldkeys hold shares of one pool, so paying all of them is one write (`pay_hotkey`). Rounding
//! is in the pool's favour (`assay_arithmetic::share_pool`).
//!
//! Invariants: shares of coldkeys add up to `TotalHotkeyShares`, and `TotalHotkeyAlpha` over all
//! hotkeys to `TotalAlphaStaked`; whoever holds shares behind a hotkey has it in
//! `StakingHotkeys`. Root stake earns alpha of subnets by the time it was there, so a change of it
//! first settles what it has earned (`crate::coinbase::root_claims`).

use crate::*;
use assay_arithmetic::share_pool::{ShareError, SharePool};
use sp_runtime::{ArithmeticError, DispatchError};
use substrate_fixed::types::U64F64;

impl<T: Config> Pallet<T> {
    /// What `coldkey` has behind `hotkey` on `netuid`.
    pub fn stake_of(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: NetUid) -> AlphaBalance {
        let held = AlphaShares::<T>::get((hotkey, coldkey, netuid)).to_bits();
        if held == 0 {
            return AlphaBalance::ZERO;
        }
        Self::share_pool(hotkey, netuid).value_of(held).into()
    }

    /// Adds `amount` to it; answers what it grew by. `SubnetAlphaOut` is the caller's affair.
    pub(crate) fn increase_stake(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        Self::before_stake_change(hotkey, coldkey, netuid)?;
        let key = (hotkey, coldkey, netuid);
        let held = AlphaShares::<T>::get(key).to_bits();
        let mut pool = Self::share_pool(hotkey, netuid);
        let before = pool.value_of(held);
        let minted = pool.deposit(amount.rao()).map_err(Self::share_refusal)?;
        let held = held.checked_add(minted).ok_or(ArithmeticError::Overflow)?;
        let staked = TotalAlphaStaked::<T>::get(netuid).plus(amount)?;
        Self::note_staking_hotkey(coldkey, hotkey)?;

        AlphaShares::<T>::insert(key, U64F64::from_bits(held));
        TotalAlphaStaked::<T>::insert(netuid, staked);
        Self::put_share_pool(hotkey, netuid, &pool);
        Self::after_stake_change(hotkey, coldkey, netuid);
        Ok(pool.value_of(held).saturating_sub(before).into())
    }

    /// Takes `amount` from it; answers what it fell by, or fails when there is less.
    pub(crate) fn decrease_stake(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        Self::before_stake_change(hotkey, coldkey, netuid)?;
        let key = (hotkey, coldkey, netuid);
        let held = AlphaShares::<T>::get(key).to_bits();
        let mut pool = Self::share_pool(hotkey, netuid);
        let cost = pool.withdraw(held, amount.rao()).map_err(Self::share_refusal)?;
        let held = held.checked_sub(cost).ok_or(ArithmeticError::Underflow)?;
        let staked = TotalAlphaStaked::<T>::get(netuid).minus(amount)?;

        if held == 0 {
            AlphaShares::<T>::remove(key);
        } else {
            AlphaShares::<T>::insert(key, U64F64::from_bits(held));
        }
        TotalAlphaStaked::<T>::insert(netuid, staked);
        Self::put_share_pool(hotkey, netuid, &pool);
        Self::after_stake_change(hotkey, coldkey, netuid);
        Ok(amount)
    }

    /// Adds `amount` to all stakers of `hotkey`, in proportion. Fails when it has none.
    pub(crate) fn pay_hotkey(
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> Result<(), DispatchError> {
        let mut pool = Self::share_pool(hotkey, netuid);
        pool.reward(amount.rao()).map_err(Self::share_refusal)?;
        let staked = TotalAlphaStaked::<T>::get(netuid).plus(amount)?;
        TotalAlphaStaked::<T>::insert(netuid, staked);
        Self::put_share_pool(hotkey, netuid, &pool);
        Ok(())
    }

    pub(crate) fn share_pool(hotkey: &T::AccountId, netuid: NetUid) -> SharePool {
        SharePool {
            value: TotalHotkeyAlpha::<T>::get(hotkey, netuid).rao(),
            shares: TotalHotkeyShares::<T>::get(hotkey, netuid).to_bits(),
        }
    }

    pub(crate) fn put_share_pool(hotkey: &T::AccountId, netuid: NetUid, pool: &SharePool) {
        if pool.shares == 0 {
            TotalHotkeyShares::<T>::remove(hotkey, netuid);
        } else {
            TotalHotkeyShares::<T>::insert(hotkey, netuid, U64F64::from_bits(pool.shares));
        }
        if pool.value == 0 {
            TotalHotkeyAlpha::<T>::remove(hotkey, netuid);
        } else {
            TotalHotkeyAlpha::<T>::insert(hotkey, netuid, AlphaBalance::new(pool.value));
        }
    }

    fn before_stake_change(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
    ) -> Result<(), DispatchError> {
        if netuid.is_root() {
            Self::settle_root_claims(hotkey, coldkey)?;
        }
        Ok(())
    }

    fn after_stake_change(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: NetUid) {
        if netuid.is_root() {
            Self::restart_root_claims(hotkey, coldkey);
        }
    }

    pub(crate) fn share_refusal(error: ShareError) -> DispatchError {
        match error {
            ShareError::TooLittle => Error::<T>::AmountTooLow.into(),
            ShareError::TooMuch => Error::<T>::NotEnoughStakeToWithdraw.into(),
            ShareError::Overflow => ArithmeticError::Overflow.into(),
        }
    }
}
