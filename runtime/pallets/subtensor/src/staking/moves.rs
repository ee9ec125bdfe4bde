//! Stake that changes its hotkey, its subnet or its coldkey.
//!
//! Inside a subnet alpha moves as it is; between subnets it is sold for TAO that buys alpha of the
//! other one, so both pools' fees and prices apply.

use crate::{
    staking::{MAX_HOTKEYS_BY_OTHERS, MIN_STAKE},
    *,
};
use frame_support::ensure;
use sp_runtime::{DispatchError, DispatchResult};

/// Where stake is: whose, behind which hotkey, on which subnet.
pub struct Place<'a, AccountId> {
    pub coldkey: &'a AccountId,
    pub hotkey: &'a AccountId,
    pub netuid: NetUid,
}

/// The lowest ratio of prices that a move accepts (see `pool::ratio`), and whether as much as that
/// allows is moved rather than nothing.
#[derive(Clone, Copy)]
pub struct RatioLimit {
    pub ratio: u64,
    pub partial: bool,
}

// Not derived: that would ask `AccountId` to be `Copy`.
impl<AccountId> Clone for Place<'_, AccountId> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<AccountId> Copy for Place<'_, AccountId> {}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_move_stake(
        from: Place<T::AccountId>,
        to: Place<T::AccountId>,
        amount: AlphaBalance,
        limit: Option<RatioLimit>,
    ) -> DispatchResult {
        let tao = Self::relocate(from, to, amount, limit)?;
        Self::deposit_event(Event::StakeMoved(
            from.coldkey.clone(),
            from.hotkey.clone(),
            from.netuid,
            to.hotkey.clone(),
            to.netuid,
            tao,
        ));
        Ok(())
    }

    pub(crate) fn do_transfer_stake(
        from: Place<T::AccountId>,
        to: Place<T::AccountId>,
        amount: AlphaBalance,
    ) -> DispatchResult {
        let tao = Self::relocate(from, to, amount, None)?;
        Self::deposit_event(Event::StakeTransferred(
            from.coldkey.clone(),
            to.coldkey.clone(),
            from.hotkey.clone(),
            from.netuid,
            to.netuid,
            tao,
        ));
        Ok(())
    }

    pub(crate) fn do_transfer_stake_and_hotkey(
        from: Place<T::AccountId>,
        to: Place<T::AccountId>,
        amount: AlphaBalance,
    ) -> DispatchResult {
        // Clients send the greatest number for all there is.
        let all = Self::stake_of(from.hotkey, from.coldkey, from.netuid);
        let amount = if amount == AlphaBalance::new(u64::MAX) { all } else { amount };
        let worth = Self::relocate(from, to, amount, None)?;
        Self::deposit_event(Event::StakeAndHotkeyTransferred {
            origin_coldkey: from.coldkey.clone(),
            destination_coldkey: to.coldkey.clone(),
            origin_hotkey: from.hotkey.clone(),
            destination_hotkey: to.hotkey.clone(),
            origin_netuid: from.netuid,
            destination_netuid: to.netuid,
            amount: worth,
        });
        Ok(())
    }

    pub(crate) fn do_swap_stake(
        from: Place<T::AccountId>,
        netuid: NetUid,
        amount: AlphaBalance,
        limit: Option<RatioLimit>,
    ) -> DispatchResult {
        ensure!(from.netuid != netuid, Error::<T>::SameNetuid);
        let tao = Self::relocate(from, Place { netuid, ..from }, amount, limit)?;
        Self::deposit_event(Event::StakeSwapped(
            from.coldkey.clone(),
            from.hotkey.clone(),
            from.netuid,
            netuid,
            tao,
        ));
        Ok(())
    }

    /// Moves `amount` of alpha; answers what it is worth in TAO.
    fn relocate(
        from: Place<T::AccountId>,
        to: Place<T::AccountId>,
        amount: AlphaBalance,
        limit: Option<RatioLimit>,
    ) -> Result<TaoBalance, DispatchError> {
        Self::check_remove_stake(from.coldkey, from.hotkey, from.netuid, amount)?;
        Self::ensure_tradable(to.netuid)?;
        ensure!(Self::hotkey_exists(to.hotkey), Error::<T>::HotKeyAccountNotExists);
        if from.coldkey != to.coldkey {
            let allowed =
                TransferToggle::<T>::get(from.netuid) && TransferToggle::<T>::get(to.netuid);
            ensure!(allowed, Error::<T>::TransferDisallowed);
            let known = StakingHotkeys::<T>::get(to.coldkey);
            ensure!(
                known.contains(to.hotkey) || known.len() < MAX_HOTKEYS_BY_OTHERS,
                Error::<T>::TooManyStakingHotkeys
            );
        }
        if from.netuid == to.netuid {
            return Self::relocate_inside(from, to, amount);
        }
        Self::ensure_not_locked(from.coldkey, from.netuid, amount)?;
        let amount = match limit {
            Some(limit) if limit.partial => {
                Self::movable_within(from.netuid, to.netuid, amount, limit.ratio)
            }
            _ => amount,
        };
        ensure!(!amount.is_zero(), Error::<T>::SlippageTooHigh);
        let (_, tao, _) =
            Self::sell_stake(from.coldkey, from.hotkey, from.netuid, amount, None, false)?;
        ensure!(tao >= MIN_STAKE, Error::<T>::AmountTooLow);
        let bought = Self::buy_alpha(to.netuid, tao, None, false)?;
        Self::pay_fee(to.netuid, bought.fee)?;
        Self::increase_stake(to.hotkey, to.coldkey, to.netuid, bought.alpha_out)?;
        if let Some(limit) = limit.filter(|limit| !limit.partial) {
            let after = Self::price_ratio(from.netuid, to.netuid);
            ensure!(after.is_some_and(|after| after >= limit.ratio), Error::<T>::SlippageTooHigh);
        }
        Ok(tao)
    }

    /// Moves alpha inside a subnet, which no pool takes part in.
    fn relocate_inside(
        from: Place<T::AccountId>,
        to: Place<T::AccountId>,
        amount: AlphaBalance,
    ) -> Result<TaoBalance, DispatchError> {
        let same = from.hotkey == to.hotkey && from.coldkey == to.coldkey;
        ensure!(!same, Error::<T>::SameNetuid);
        let worth = Self::tao_worth(from.netuid, amount);
        ensure!(worth >= MIN_STAKE, Error::<T>::AmountTooLow);
        Self::transfer_lock(from.coldkey, to.coldkey, to.hotkey, from.netuid, amount)?;
        Self::decrease_stake(from.hotkey, from.coldkey, from.netuid, amount)?;
        Self::increase_stake(to.hotkey, to.coldkey, to.netuid, amount)?;
        Ok(worth)
    }
}
