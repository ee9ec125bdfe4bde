//! A validator's dividends on their way to those whose stake earned them (subtensor.md 8).
//!
//! What the epoch gave a validator belongs to it and its parents, by the stake each contributed;
//! each one's part belongs to alpha and to root stake behind it, by what those count for. Both
//! are only proportions, of the stake that the epoch saw: the pots are divided by them. Of its part
//! a validator first takes its share for its owner, the rest goes to all who staked with it.

use crate::epoch::NeuronPay;
use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use assay_arithmetic::{
    dividends::{self, ParentClaim, ParentSplit},
    wide::{part, part_u16},
};
use sp_runtime::DispatchError;

/// What a hotkey's stake earned, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Earned {
    local: u64,
    root: u64,
}

impl<T: Config> Pallet<T> {
    /// Divides the validators' pots; answers what was paid.
    pub(super) fn pay_validators(
        netuid: NetUid,
        earned: &BTreeMap<T::AccountId, Earned>,
        local_pot: AlphaBalance,
        root_pot: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        let weights = |kind: fn(&Earned) -> u64| -> Vec<u128> {
            earned.values().map(|part| kind(part).into()).collect()
        };
        let locals = dividends::split(local_pot.rao(), &weights(|part| part.local));
        let roots = dividends::split(root_pot.rao(), &weights(|part| part.root));

        let _ = AlphaDividendsPerSubnet::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = RootAlphaDividendsPerSubnet::<T>::clear_prefix(netuid, u32::MAX, None);
        let mut paid = AlphaBalance::ZERO;
        for (hotkey, local) in earned.keys().zip(locals) {
            paid = paid.plus(Self::pay_local(netuid, hotkey, local.into())?)?;
            let alpha = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
            TotalHotkeyAlphaLastEpoch::<T>::insert(hotkey, netuid, alpha);
        }
        for (hotkey, root) in earned.keys().zip(roots) {
            paid = paid.plus(Self::pay_root(netuid, hotkey, root.into())?)?;
        }
        Ok(paid)
    }

    /// Every validator's dividends, given to it and its parents and divided by kind of stake.
    pub(super) fn earned_by_hotkey(
        netuid: NetUid,
        pays: &[NeuronPay<T::AccountId>],
    ) -> BTreeMap<T::AccountId, Earned> {
        let mut dividends = BTreeMap::<T::AccountId, u64>::new();
        let mut add = |hotkey: &T::AccountId, amount: u64| {
            if amount > 0 {
                let sum = dividends.entry(hotkey.clone()).or_default();
                *sum = sum.saturating_add(amount);
            }
        };
        for NeuronPay { hotkey, validator, .. } in
            pays.iter().filter(|pay| !pay.validator.is_zero())
        {
            let parents = ParentKeys::<T>::get(hotkey, netuid);
            let split = Self::split_with_parents(netuid, hotkey, &parents, *validator);
            add(hotkey, split.child);
            for ((_, parent), part) in parents.iter().zip(split.parents) {
                add(parent, part);
            }
        }
        dividends
            .into_iter()
            .map(|(hotkey, amount)| {
                let behind = Self::stake_behind(&hotkey, netuid);
                let weighted = u128::from(Self::weigh_root(behind));
                let whole = weighted.saturating_add(behind.alpha.into());
                let root = part(amount, weighted, whole);
                (hotkey, Earned { local: amount.saturating_sub(root), root })
            })
            .collect()
    }

    /// A validator's dividends, between it and its parents. Of the part of a parent that belongs
    /// to the same coldkey it keeps nothing.
    fn split_with_parents(
        netuid: NetUid,
        hotkey: &T::AccountId,
        parents: &[(u64, T::AccountId)],
        amount: AlphaBalance,
    ) -> ParentSplit {
        let owner = Owner::<T>::get(hotkey);
        let take = Self::childkey_take(hotkey, netuid).deconstruct();
        let claims: Vec<ParentClaim> = parents
            .iter()
            .map(|(proportion, parent)| ParentClaim {
                contribution: Self::weigh(Self::lent_stake(parent, netuid, *proportion)),
                take: if Owner::<T>::get(parent) == owner { 0 } else { take },
            })
            .collect();
        let own = Self::weigh(Self::kept_stake(hotkey, netuid));
        dividends::split_parents(amount.rao(), own, &claims)
    }

    /// Pays a hotkey's owner its take and its alpha stakers the rest; answers what was paid. Where
    /// it has no stakers the owner has the rest as well.
    fn pay_local(
        netuid: NetUid,
        hotkey: &T::AccountId,
        amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        let take = part_u16(amount.rao(), Delegates::<T>::get(hotkey).deconstruct()).into();
        let rest = amount.minus(take)?;
        let mut paid = Self::pay_hotkey_owner(netuid, hotkey, take);
        if rest.is_zero() {
            return Ok(paid);
        }
        let shared = if Self::pay_hotkey(hotkey, netuid, rest).is_ok() {
            rest
        } else {
            Self::pay_hotkey_owner(netuid, hotkey, rest)
        };
        if !shared.is_zero() {
            AlphaDividendsPerSubnet::<T>::insert(netuid, hotkey, shared);
            paid = paid.plus(shared)?;
        }
        Ok(paid)
    }

    /// Pays a hotkey's owner its take and sets the rest aside for its root stakers; answers what
    /// was paid.
    fn pay_root(
        netuid: NetUid,
        hotkey: &T::AccountId,
        amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        let take = part_u16(amount.rao(), Delegates::<T>::get(hotkey).deconstruct()).into();
        let paid = Self::pay_hotkey_owner(netuid, hotkey, take);
        let set_aside = Self::raise_root_claims(netuid, hotkey, amount.minus(take)?)?;
        if !set_aside.is_zero() {
            RootAlphaDividendsPerSubnet::<T>::insert(netuid, hotkey, set_aside);
        }
        Ok(paid.plus(set_aside)?)
    }

    /// Stakes alpha for a hotkey's owner behind it; answers what was: all or nothing.
    fn pay_hotkey_owner(
        netuid: NetUid,
        hotkey: &T::AccountId,
        amount: AlphaBalance,
    ) -> AlphaBalance {
        let staked = !amount.is_zero()
            && Owner::<T>::contains_key(hotkey)
            && Self::increase_stake(hotkey, &Owner::<T>::get(hotkey), netuid, amount).is_ok();
        if staked {
            amount
        } else {
            AlphaBalance::ZERO
        }
    }
}
