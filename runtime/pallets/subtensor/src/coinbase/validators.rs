//! A validator's dividends on their way to those whose stake earned them (survey 4.8).
//!
//! What the epoch gave a validator belongs to it and its parents, by the stake each contributed;
//! each one's part belongs to alpha and to root stake behind it, by what those count for. Both
//! are only proportions: the pots are divided by them. Of its part a validator takes its share for
//! its owner, the rest goes to all who staked with it.

use crate::epoch::NeuronPay;
use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use assay_arithmetic::{
    coinbase::weigh_root,
    dividends::{self, ParentClaim},
    wide::{part, part_u16, part_u64},
};
use sp_runtime::DispatchError;

/// What a hotkey's stake earned, by kind.
#[derive(Clone, Copy, Debug, Default)]
struct Earned {
    local: u64,
    root: u64,
}

impl<T: Config> Pallet<T> {
    /// Divides the validators' pots; answers what could not be paid.
    pub(super) fn pay_validators(
        netuid: NetUid,
        pays: &[NeuronPay<T::AccountId>],
        local_pot: AlphaBalance,
        root_pot: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        let earned = Self::earned_by_hotkey(netuid, pays);
        let hotkeys: Vec<&T::AccountId> = earned.keys().collect();
        // Where no alpha is staked with any validator, the local pot follows all they earned.
        let any_local = earned.values().any(|part| part.local > 0);
        let local_of = |part: &Earned| {
            let weight = if any_local { part.local } else { part.local.saturating_add(part.root) };
            u128::from(weight)
        };
        let local_weights: Vec<u128> = earned.values().map(local_of).collect();
        let root_weights: Vec<u128> = earned.values().map(|part| part.root.into()).collect();
        let locals = dividends::split(local_pot.rao(), &local_weights);
        let roots = dividends::split(root_pot.rao(), &root_weights);

        let _ = AlphaDividendsPerSubnet::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = RootAlphaDividendsPerSubnet::<T>::clear_prefix(netuid, u32::MAX, None);
        let mut left = local_pot.plus(root_pot)?;
        for ((hotkey, local), root) in hotkeys.into_iter().zip(locals).zip(roots) {
            let paid = Self::pay_local(netuid, hotkey, local.into())?;
            left = left.minus(paid)?;
            let paid = Self::pay_root(netuid, hotkey, root.into())?;
            left = left.minus(paid)?;
        }
        Ok(left)
    }

    /// Every validator's dividends, given to it and its parents and divided by kind of stake.
    fn earned_by_hotkey(
        netuid: NetUid,
        pays: &[NeuronPay<T::AccountId>],
    ) -> BTreeMap<T::AccountId, Earned> {
        let mut earned = BTreeMap::<T::AccountId, Earned>::new();
        let mut add = |hotkey: &T::AccountId, amount: u64| {
            if amount == 0 {
                return;
            }
            let alpha = TotalHotkeyAlpha::<T>::get(hotkey, netuid).rao();
            let root = Self::weighted_root_stake(hotkey);
            let total = u128::from(alpha).saturating_add(root.into());
            let for_root = part(amount, root.into(), total);
            let entry = earned.entry(hotkey.clone()).or_default();
            entry.root = entry.root.saturating_add(for_root);
            entry.local = entry.local.saturating_add(amount.saturating_sub(for_root));
        };
        for NeuronPay { hotkey, validator, .. } in
            pays.iter().filter(|pay| !pay.validator.is_zero())
        {
            let parents = ParentKeys::<T>::get(hotkey, netuid);
            let claims: Vec<ParentClaim> = parents
                .iter()
                .map(|(proportion, parent)| ParentClaim {
                    contribution: Self::lent_alpha(parent, netuid, *proportion),
                })
                .collect();
            let own = Self::own_stake_weight(hotkey, netuid);
            let take = ChildkeyTake::<T>::get(hotkey, netuid).deconstruct();
            let split = dividends::split_parents(validator.rao(), own, &claims, take);
            add(hotkey, split.child);
            for ((_, parent), part) in parents.iter().zip(split.parents) {
                add(parent, part);
            }
        }
        earned
    }

    /// Pays a hotkey's alpha stakers; answers what was paid. A hotkey without any pays its owner.
    fn pay_local(
        netuid: NetUid,
        hotkey: &T::AccountId,
        amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        if amount.is_zero() {
            return Ok(amount);
        }
        let take = part_u16(amount.rao(), Delegates::<T>::get(hotkey).deconstruct());
        let rest = amount.minus(take.into())?;
        // The stakers first: the take must not earn of itself.
        let unshared = rest.is_zero() || Self::pay_hotkey(hotkey, netuid, rest).is_err();
        let to_owner = if unshared { amount } else { take.into() };
        let owner_paid = Self::pay_hotkey_owner(netuid, hotkey, to_owner);
        let paid = match (owner_paid, unshared) {
            (true, _) => amount,
            (false, false) => rest,
            (false, true) => AlphaBalance::ZERO,
        };
        if !paid.is_zero() {
            AlphaDividendsPerSubnet::<T>::insert(netuid, hotkey, paid);
        }
        Ok(paid)
    }

    /// Sets alpha aside for a hotkey's root stakers, less the take; answers what was paid.
    fn pay_root(
        netuid: NetUid,
        hotkey: &T::AccountId,
        amount: AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        if amount.is_zero() {
            return Ok(amount);
        }
        let take = part_u16(amount.rao(), Delegates::<T>::get(hotkey).deconstruct());
        let claimable = amount.minus(take.into())?;
        let set_aside = Self::raise_root_claims(netuid, hotkey, claimable)?;
        let mut paid = set_aside;
        if Self::pay_hotkey_owner(netuid, hotkey, take.into()) {
            paid = paid.plus(take.into())?;
        }
        if !paid.is_zero() {
            RootAlphaDividendsPerSubnet::<T>::insert(netuid, hotkey, paid);
        }
        Ok(paid)
    }

    fn pay_hotkey_owner(netuid: NetUid, hotkey: &T::AccountId, amount: AlphaBalance) -> bool {
        amount.is_zero()
            || (Owner::<T>::contains_key(hotkey)
                && Self::increase_stake(hotkey, &Owner::<T>::get(hotkey), netuid, amount).is_ok())
    }

    /// Alpha that a parent lends a child with this proportion of 2^64 - 1.
    pub(crate) fn lent_alpha(parent: &T::AccountId, netuid: NetUid, proportion: u64) -> u64 {
        part_u64(TotalHotkeyAlpha::<T>::get(parent, netuid).rao(), proportion)
    }

    /// A hotkey's root stake as it counts on any subnet. It is not lent to children.
    pub(crate) fn weighted_root_stake(hotkey: &T::AccountId) -> u64 {
        let root = TotalHotkeyAlpha::<T>::get(hotkey, NetUid::ROOT).rao();
        weigh_root(root, TaoWeight::<T>::get())
    }

    /// What a hotkey's own stake counts for on a subnet: its alpha less what it lends, and its
    /// weighted root stake.
    pub(crate) fn own_stake_weight(hotkey: &T::AccountId, netuid: NetUid) -> u64 {
        let alpha = TotalHotkeyAlpha::<T>::get(hotkey, netuid).rao();
        let lent: Vec<u64> =
            ChildKeys::<T>::get(hotkey, netuid).iter().map(|(proportion, _)| *proportion).collect();
        dividends::inherited_stake(alpha, &lent, &[])
            .saturating_add(Self::weighted_root_stake(hotkey))
    }
}
