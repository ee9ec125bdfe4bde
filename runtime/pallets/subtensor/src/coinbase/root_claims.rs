//! Alpha of subnets earned by stake on root.
//!
//! A hotkey has, for each subnet, the alpha that one rao of root stake behind it has ever earned
//! (`RootClaimable`, 32 fractional bits). A coldkey is owed that rate times its stake, less what it
//! has had (`RootClaimed`), so an epoch pays every root staker with one write.
//!
//! The rate only counts for the time that stake was there: before root stake changes, what it has
//! earned is paid, and after, `RootClaimed` starts anew from the present rate.
//!
//! Invariant: `RootAlphaUnclaimed` of a subnet covers all that is owed on it, since a rate rises
//! only by what has been set aside, and payouts round down.

use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::wide::{mul_div_ceil, mul_div_floor};
use frame_support::{ensure, storage::with_storage_layer};
use sp_runtime::{ArithmeticError, DispatchError, DispatchResult};
use substrate_fixed::types::I96F32;

/// One, in the scale of a rate.
const RATE_ONE: u128 = 1 << 32;

/// The greatest threshold of claims, in rao of alpha. The public chain's value.
const THRESHOLD_MAX: u64 = 10_000_000;

/// A rate's bits; rates are never negative.
fn bits(rate: I96F32) -> u128 {
    u128::try_from(rate.to_bits()).unwrap_or(0)
}

impl<T: Config> Pallet<T> {
    /// Sets alpha aside for the root stakers of a hotkey and raises its rate; answers how much was
    /// set aside, which is `amount` less what the rate cannot express.
    pub(super) fn raise_root_claims(
        netuid: NetUid,
        hotkey: &T::AccountId,
        amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        let stake = u128::from(TotalHotkeyAlpha::<T>::get(hotkey, NetUid::ROOT).rao());
        let rise = mul_div_floor(amount.rao().into(), RATE_ONE, stake).unwrap_or(0);
        if rise == 0 {
            return Ok(AlphaBalance::ZERO);
        }
        let owed = mul_div_ceil(rise, stake, RATE_ONE).ok_or(ArithmeticError::Overflow)?;
        let owed = AlphaBalance::new(u64::try_from(owed).map_err(|_| ArithmeticError::Overflow)?);
        let unclaimed = RootAlphaUnclaimed::<T>::get(netuid).plus(owed)?;
        RootClaimable::<T>::try_mutate(hotkey, |rates| -> DispatchResult {
            let rate = rates.entry(netuid).or_insert(I96F32::from_bits(0));
            let rise = i128::try_from(rise).map_err(|_| ArithmeticError::Overflow)?;
            let risen = rate.to_bits().checked_add(rise).ok_or(ArithmeticError::Overflow)?;
            *rate = I96F32::from_bits(risen);
            Ok(())
        })?;
        RootAlphaUnclaimed::<T>::insert(netuid, unclaimed);
        Ok(owed)
    }

    /// What a coldkey may claim on a subnet for its root stake behind a hotkey.
    pub fn root_alpha_owed(
        netuid: NetUid,
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> AlphaBalance {
        let rate = RootClaimable::<T>::get(hotkey).get(&netuid).copied().unwrap_or_default();
        Self::owed_at(rate, netuid, hotkey, coldkey)
    }

    fn owed_at(
        rate: I96F32,
        netuid: NetUid,
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> AlphaBalance {
        let stake = Self::stake_of(hotkey, coldkey, NetUid::ROOT).rao();
        let earned = mul_div_floor(stake.into(), bits(rate), RATE_ONE).unwrap_or(0);
        let claimed = RootClaimed::<T>::get((netuid, hotkey, coldkey));
        let owed = u64::try_from(earned.saturating_sub(claimed)).unwrap_or(u64::MAX);
        AlphaBalance::new(owed).min(RootAlphaUnclaimed::<T>::get(netuid))
    }

    /// What all coldkeys together may claim on a subnet for their root stake behind a hotkey, but
    /// for what rounding leaves. It looks at each of them.
    pub(crate) fn root_alpha_held(netuid: NetUid, hotkey: &T::AccountId) -> AlphaBalance {
        let rate = RootClaimable::<T>::get(hotkey).get(&netuid).copied().unwrap_or_default();
        let stake = TotalHotkeyAlpha::<T>::get(hotkey, NetUid::ROOT).rao();
        let earned = mul_div_floor(stake.into(), bits(rate), RATE_ONE).unwrap_or(0);
        let claimed = RootClaimed::<T>::iter_prefix_values((netuid, hotkey))
            .fold(0u128, u128::saturating_add);
        let held = u64::try_from(earned.saturating_sub(claimed)).unwrap_or(u64::MAX);
        AlphaBalance::new(held).min(RootAlphaUnclaimed::<T>::get(netuid))
    }

    /// Counts what is owed on one subnet as had; the caller stakes or sells it.
    fn take_root_claim(
        netuid: NetUid,
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> Result<AlphaBalance, ArithmeticError> {
        let owed = Self::root_alpha_owed(netuid, hotkey, coldkey);
        let unclaimed = RootAlphaUnclaimed::<T>::get(netuid).minus(owed)?;
        RootAlphaUnclaimed::<T>::insert(netuid, unclaimed);
        RootClaimed::<T>::mutate((netuid, hotkey, coldkey), |claimed| {
            *claimed = claimed.saturating_add(owed.rao().into());
        });
        Ok(owed)
    }

    /// Stakes what is owed on one subnet behind the same hotkey there; answers how much.
    pub(crate) fn claim_root_alpha(
        netuid: NetUid,
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> Result<AlphaBalance, DispatchError> {
        let owed = Self::root_alpha_owed(netuid, hotkey, coldkey);
        if owed.is_zero() || !Self::subnet_exists(netuid) {
            return Ok(AlphaBalance::ZERO);
        }
        Self::take_root_claim(netuid, hotkey, coldkey)?;
        Self::increase_stake(hotkey, coldkey, netuid, owed)?;
        Ok(owed)
    }

    /// Sells all alpha that a coldkey's root stake has earned and stakes the TAO on root behind the
    /// hotkeys that earned it; behind one hotkey alone if it is named. Claims below the subnet's
    /// threshold, and those that a pool cannot take now, wait.
    pub(crate) fn do_claim_root(
        coldkey: &T::AccountId,
        only: Option<&T::AccountId>,
    ) -> DispatchResult {
        let mut total = TaoBalance::ZERO;
        let hotkeys = StakingHotkeys::<T>::get(coldkey);
        for hotkey in hotkeys.iter().filter(|hotkey| only.is_none_or(|only| only == *hotkey)) {
            let proceeds = Self::sell_root_claims(hotkey, coldkey)?;
            if proceeds.is_zero() {
                continue;
            }
            let bought = Self::buy_alpha(NetUid::ROOT, proceeds, None, false)?;
            Self::increase_stake(hotkey, coldkey, NetUid::ROOT, bought.alpha_out)?;
            total = total.plus(proceeds)?;
        }
        Self::deposit_event(Event::RootClaimed { coldkey: coldkey.clone(), tao: total });
        Ok(())
    }

    fn sell_root_claims(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> Result<TaoBalance, DispatchError> {
        let mut proceeds = TaoBalance::ZERO;
        for (netuid, _) in RootClaimable::<T>::get(hotkey) {
            let owed = u128::from(Self::root_alpha_owed(netuid, hotkey, coldkey).rao());
            let least = bits(RootClaimableThreshold::<T>::get(netuid)) >> 32;
            if owed == 0 || owed < least {
                continue;
            }
            let sold = with_storage_layer(|| {
                let owed = Self::take_root_claim(netuid, hotkey, coldkey)?;
                let sold = Self::sell_alpha(netuid, owed, None, false)?;
                Self::keep_fee(netuid, sold.fee)?;
                Ok::<_, DispatchError>(sold.tao_out)
            });
            if let Ok(tao) = sold {
                proceeds = proceeds.plus(tao)?;
            }
        }
        Ok(proceeds)
    }

    /// Sets the alpha below which claims on a subnet wait.
    pub(crate) fn do_set_root_claim_threshold(netuid: NetUid, rao: u64) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(rao <= THRESHOLD_MAX, Error::<T>::InvalidRootClaimThreshold);
        RootClaimableThreshold::<T>::insert(netuid, I96F32::saturating_from_num(rao));
        Ok(())
    }

    /// Pays everything owed, on all subnets, before root stake changes.
    pub(crate) fn settle_root_claims(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> DispatchResult {
        for (netuid, _) in RootClaimable::<T>::get(hotkey) {
            Self::claim_root_alpha(netuid, hotkey, coldkey)?;
        }
        Ok(())
    }

    /// After root stake has changed, what it earns counts from here: rounded up, so that nothing
    /// earned by others is ever owed to it.
    pub(crate) fn restart_root_claims(hotkey: &T::AccountId, coldkey: &T::AccountId) {
        let stake = Self::stake_of(hotkey, coldkey, NetUid::ROOT).rao();
        for (netuid, rate) in RootClaimable::<T>::get(hotkey) {
            let key = (netuid, hotkey, coldkey);
            match mul_div_ceil(stake.into(), bits(rate), RATE_ONE).unwrap_or(u128::MAX) {
                0 => RootClaimed::<T>::remove(key),
                claimed => RootClaimed::<T>::insert(key, claimed),
            }
        }
    }

    /// Forgets what root stake earned on a subnet that is no more, so that a later subnet of the
    /// same netuid owes none of it.
    pub(crate) fn forget_root_claims(netuid: NetUid) {
        let hotkeys: Vec<T::AccountId> = RootClaimable::<T>::iter()
            .filter(|(_, rates)| rates.contains_key(&netuid))
            .map(|(hotkey, _)| hotkey)
            .collect();
        for hotkey in hotkeys {
            RootClaimable::<T>::mutate(&hotkey, |rates| rates.remove(&netuid));
        }
        let _ = RootClaimed::<T>::clear_prefix((netuid,), u32::MAX, None);
        RootAlphaUnclaimed::<T>::remove(netuid);
    }
}
