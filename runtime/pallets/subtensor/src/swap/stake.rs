//! Positions of stake that change their coldkey or their hotkey, as they are.
//!
//! What root stake has earned goes with it: the rates of the hotkey and what was claimed of them.

use crate::*;
use alloc::{collections::BTreeSet, vec::Vec};
use assay_arithmetic::share_pool::SharePool;
use sp_runtime::DispatchResult;
use substrate_fixed::types::U64F64;

impl<T: Config> Pallet<T> {
    /// Gives what `old` has behind `hotkey`, on all subnets, to `new`, which has nothing there;
    /// answers how many positions those were.
    pub(super) fn change_coldkey(
        hotkey: &T::AccountId,
        old: &T::AccountId,
        new: &T::AccountId,
    ) -> u32 {
        let held: Vec<(NetUid, U64F64)> = AlphaShares::<T>::iter_prefix((hotkey, old)).collect();
        for (netuid, shares) in &held {
            AlphaShares::<T>::remove((hotkey, old, *netuid));
            AlphaShares::<T>::insert((hotkey, new, *netuid), shares);
        }
        for (netuid, _) in RootClaimable::<T>::get(hotkey) {
            let claimed = RootClaimed::<T>::take((netuid, hotkey, old));
            if claimed > 0 {
                RootClaimed::<T>::insert((netuid, hotkey, new), claimed);
            }
        }
        count(&held)
    }

    /// Who has what behind `hotkey`: (coldkey, netuid), at most `most` of them and one.
    pub(super) fn positions_behind(
        hotkey: &T::AccountId,
        most: u32,
    ) -> Vec<(T::AccountId, NetUid)> {
        AlphaShares::<T>::iter_key_prefix((hotkey,))
            .take(usize::try_from(most.saturating_add(1)).unwrap_or(usize::MAX))
            .collect()
    }

    /// Moves the stake of these coldkeys on a subnet from `old` to `new`, and counts it there.
    pub(super) fn change_hotkey(
        netuid: NetUid,
        old: &T::AccountId,
        new: &T::AccountId,
        coldkeys: &[T::AccountId],
    ) -> DispatchResult {
        let from = Self::share_pool(old, netuid);
        let into = Self::share_pool(new, netuid);
        if into.shares == 0 {
            for coldkey in coldkeys {
                let shares = AlphaShares::<T>::take((old, coldkey, netuid));
                AlphaShares::<T>::insert((new, coldkey, netuid), shares);
            }
            Self::put_share_pool(new, netuid, &from);
        } else {
            Self::merge_shares(netuid, old, new, coldkeys)?;
        }
        Self::put_share_pool(old, netuid, &SharePool { value: 0, shares: 0 });
        for coldkey in coldkeys {
            // No bound here: a staker with a full list must not keep the hotkey from being swapped.
            StakingHotkeys::<T>::mutate(coldkey, |hotkeys| {
                if !hotkeys.contains(new) {
                    hotkeys.push(new.clone());
                }
            });
        }
        Ok(())
    }

    /// Makes the pool of `old` part of that of `new`. Who has too little for a share there loses it
    /// to the others, as with every payment.
    fn merge_shares(
        netuid: NetUid,
        old: &T::AccountId,
        new: &T::AccountId,
        coldkeys: &[T::AccountId],
    ) -> DispatchResult {
        let from = Self::share_pool(old, netuid);
        let mut into = Self::share_pool(new, netuid);
        let mut left = from.value;
        for coldkey in coldkeys {
            let worth = from.value_of(AlphaShares::<T>::take((old, coldkey, netuid)).to_bits());
            let Ok(minted) = into.deposit(worth) else { continue };
            AlphaShares::<T>::mutate((new, coldkey, netuid), |held| {
                *held = U64F64::from_bits(held.to_bits().saturating_add(minted));
            });
            left = left.saturating_sub(worth);
        }
        if left > 0 {
            into.reward(left).map_err(Self::share_refusal)?;
        }
        Self::put_share_pool(new, netuid, &into);
        Ok(())
    }

    /// Moves what root stake behind `old` has earned to `new`, which has earned nothing.
    pub(super) fn change_root_claims(
        old: &T::AccountId,
        new: &T::AccountId,
        coldkeys: &[T::AccountId],
    ) {
        let rates = RootClaimable::<T>::take(old);
        for netuid in rates.keys() {
            for coldkey in coldkeys {
                let claimed = RootClaimed::<T>::take((*netuid, old, coldkey));
                if claimed > 0 {
                    RootClaimed::<T>::insert((*netuid, new, coldkey), claimed);
                }
            }
        }
        if !rates.is_empty() {
            RootClaimable::<T>::insert(new, rates);
        }
    }

    /// Strikes `old` from the lists of those who have nothing behind it any more.
    pub(super) fn strike_staking_hotkey(old: &T::AccountId, coldkeys: BTreeSet<T::AccountId>) {
        for coldkey in coldkeys {
            let staked = AlphaShares::<T>::iter_key_prefix((old, &coldkey)).next().is_some();
            if !staked && !Self::owns(&coldkey, old) {
                StakingHotkeys::<T>::mutate(&coldkey, |hotkeys| {
                    hotkeys.retain(|hotkey| hotkey != old);
                });
            }
        }
    }
}
