//! Adding and removing stake.
//!
//! Staking buys alpha of a subnet's pool (or is TAO for TAO on root) and puts it behind a hotkey;
//! unstaking sells it. `limit` is the worst price that the caller accepts, in rao per alpha times
//! 1e9; with `partial` as much as that price allows is done, otherwise all or nothing.

use crate::{staking::MIN_STAKE, *};
use frame_support::{ensure, storage::with_storage_layer};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_add_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: TaoBalance,
        limit: Option<u64>,
        partial: bool,
    ) -> DispatchResult {
        Self::check_add_stake(coldkey, hotkey, netuid, amount, partial)?;
        let amount = amount.min(Self::spendable(coldkey));
        let bought = Self::buy_alpha(netuid, amount, limit, partial)?;
        ensure!(bought.tao_in >= MIN_STAKE, Error::<T>::AmountTooLow);
        Self::take_tao(coldkey, bought.tao_in)?;
        Self::pay_fee(netuid, bought.fee)?;
        let staked = Self::increase_stake(hotkey, coldkey, netuid, bought.alpha_out)?;
        Self::deposit_event(Event::StakeAdded(
            coldkey.clone(),
            hotkey.clone(),
            bought.tao_in,
            staked,
            netuid,
            bought.fee.rao(),
        ));
        Ok(())
    }

    pub(crate) fn check_add_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: TaoBalance,
        partial: bool,
    ) -> Result<(), Error<T>> {
        Self::ensure_tradable(netuid)?;
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        ensure!(amount >= MIN_STAKE, Error::<T>::AmountTooLow);
        let least = if partial { MIN_STAKE } else { amount };
        ensure!(Self::spendable(coldkey) >= least, Error::<T>::NotEnoughBalanceToStake);
        Ok(())
    }

    pub(crate) fn do_remove_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
        limit: Option<u64>,
        partial: bool,
    ) -> DispatchResult {
        Self::check_unstake(coldkey, hotkey, netuid, amount)?;
        let (removed, tao, fee) =
            Self::sell_stake(coldkey, hotkey, netuid, amount, limit, partial)?;
        Self::give_tao(coldkey, tao)?;
        Self::deposit_event(Event::StakeRemoved(
            coldkey.clone(),
            hotkey.clone(),
            tao,
            removed,
            netuid,
            fee.rao(),
        ));
        Self::clear_small_nomination(coldkey, hotkey, netuid);
        Ok(())
    }

    /// Whether stake may leave its subnet.
    pub(crate) fn check_unstake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> Result<(), Error<T>> {
        Self::check_remove_stake(coldkey, hotkey, netuid, amount)?;
        Self::ensure_not_locked(coldkey, netuid, amount)
    }

    pub(crate) fn check_remove_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> Result<(), Error<T>> {
        Self::ensure_tradable(netuid)?;
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        ensure!(!amount.is_zero(), Error::<T>::AmountTooLow);
        ensure!(
            Self::stake_of(hotkey, coldkey, netuid) >= amount,
            Error::<T>::NotEnoughStakeToWithdraw
        );
        Ok(())
    }

    /// Sells what `coldkey` has behind `hotkey`; answers (alpha given, TAO got, fee).
    pub(crate) fn sell_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
        limit: Option<u64>,
        partial: bool,
    ) -> Result<(AlphaBalance, TaoBalance, AlphaBalance), DispatchError> {
        let sold = Self::sell_alpha(netuid, amount, limit, partial)?;
        ensure!(!sold.alpha_in.is_zero(), Error::<T>::SlippageTooHigh);
        Self::decrease_stake(hotkey, coldkey, netuid, sold.alpha_in)?;
        Self::keep_fee(netuid, sold.fee)?;
        let all = Self::stake_of(hotkey, coldkey, netuid).is_zero();
        ensure!(all || sold.tao_out >= MIN_STAKE, Error::<T>::AmountTooLow);
        Ok((sold.alpha_in, sold.tao_out, sold.fee))
    }

    /// The fee of a sale goes to the pool, that is to all who hold the subnet's alpha.
    pub(crate) fn keep_fee(netuid: NetUid, fee: AlphaBalance) -> DispatchResult {
        if fee.is_zero() {
            return Ok(());
        }
        let outside = SubnetAlphaOut::<T>::get(netuid).minus(fee)?;
        let inside = SubnetAlphaIn::<T>::get(netuid).plus(fee)?;
        SubnetAlphaOut::<T>::insert(netuid, outside);
        SubnetAlphaIn::<T>::insert(netuid, inside);
        Ok(())
    }

    /// Sells all that `coldkey` has behind `hotkey`, on every subnet but root. A subnet whose pool
    /// cannot take it now, or where some of it is locked, is passed over.
    pub(crate) fn do_unstake_all(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        to_root: bool,
    ) -> DispatchResult {
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        let mut proceeds = TaoBalance::ZERO;
        for netuid in Self::subnets() {
            let amount = Self::stake_of(hotkey, coldkey, netuid);
            if amount.is_zero() || Self::ensure_tradable(netuid).is_err() {
                continue;
            }
            let sold = with_storage_layer(|| {
                Self::ensure_not_locked(coldkey, netuid, amount)?;
                let sold = Self::sell_stake(coldkey, hotkey, netuid, amount, None, false)?;
                if !to_root {
                    Self::give_tao(coldkey, sold.1)?;
                }
                Ok::<_, DispatchError>(sold)
            });
            let Ok((alpha, tao, fee)) = sold else { continue };
            proceeds = proceeds.plus(tao)?;
            Self::deposit_event(Event::StakeRemoved(
                coldkey.clone(),
                hotkey.clone(),
                tao,
                alpha,
                netuid,
                fee.rao(),
            ));
        }
        if to_root && !proceeds.is_zero() {
            let bought = Self::buy_alpha(NetUid::ROOT, proceeds, None, false)?;
            let staked = Self::increase_stake(hotkey, coldkey, NetUid::ROOT, bought.alpha_out)?;
            Self::deposit_event(Event::StakeAdded(
                coldkey.clone(),
                hotkey.clone(),
                proceeds,
                staked,
                NetUid::ROOT,
                bought.fee.rao(),
            ));
        }
        Ok(())
    }

    /// Alpha can be bought and sold from the subnet's start on; root's is TAO and always can.
    pub(crate) fn ensure_tradable(netuid: NetUid) -> Result<(), Error<T>> {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            netuid.is_root() || SubtokenEnabled::<T>::get(netuid),
            Error::<T>::SubtokenDisabled
        );
        Ok(())
    }
}
