//! Alpha that its holder gives up: recycled, burned, or bought to be burned.
//!
//! Recycled alpha is uncounted and may be emitted again, burned alpha stays counted and never is.
//! Either way what is left is worth more.

use crate::*;
use frame_support::ensure;
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    /// Recycles stake of the caller, as much as there is up to `amount`.
    pub(crate) fn do_recycle_alpha(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> DispatchResult {
        let given = Self::give_up(coldkey, hotkey, netuid, amount)?;
        Self::recycle_alpha_out(netuid, given);
        Self::deposit_event(Event::AlphaRecycled(coldkey.clone(), hotkey.clone(), given, netuid));
        Ok(())
    }

    /// Burns stake of the caller, as much as there is up to `amount`.
    pub(crate) fn do_burn_alpha(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> DispatchResult {
        let given = Self::give_up(coldkey, hotkey, netuid, amount)?;
        Self::burn_alpha_out(netuid, given);
        Self::deposit_event(Event::AlphaBurned(coldkey.clone(), hotkey.clone(), given, netuid));
        Ok(())
    }

    /// Buys alpha for TAO of the caller, all of it at no worse than a price, and burns it.
    pub(crate) fn do_add_stake_burn(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: TaoBalance,
        limit: Option<u64>,
    ) -> DispatchResult {
        Self::ensure_burnable(netuid)?;
        Self::check_add_stake(coldkey, hotkey, netuid, amount, false)?;
        let bought = Self::buy_alpha(netuid, amount, limit, false)?;
        Self::take_tao(coldkey, bought.tao_in)?;
        Self::pay_fee(netuid, bought.fee)?;
        Self::burn_alpha_out(netuid, bought.alpha_out);
        Self::deposit_event(Event::AddStakeBurn {
            netuid,
            hotkey: hotkey.clone(),
            amount: bought.tao_in,
            alpha: bought.alpha_out,
        });
        Ok(())
    }

    fn give_up(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        Self::ensure_burnable(netuid)?;
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        let given = amount.min(Self::stake_of(hotkey, coldkey, netuid));
        ensure!(!given.is_zero(), Error::<T>::AmountTooLow);
        Self::ensure_not_locked(coldkey, netuid, given)?;
        ensure!(given <= SubnetAlphaOut::<T>::get(netuid), Error::<T>::NotEnoughAlphaOutToRecycle);
        Self::decrease_stake(hotkey, coldkey, netuid, given)
    }

    fn ensure_burnable(netuid: NetUid) -> Result<(), Error<T>> {
        ensure!(!netuid.is_root(), Error::<T>::CannotBurnOrRecycleOnRootSubnet);
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        Ok(())
    }
}
