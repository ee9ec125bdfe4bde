//! What becomes of a lock when the stake that it binds changes.

use super::{ACCEPTS_LOCKED_ALPHA, HOTKEYS_THAT_COUNT};
use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::lock::{Kind, Lock as Locked};
use frame_support::ensure;
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    /// What a coldkey has staked on a subnet, as far as it may be locked.
    pub(crate) fn alpha_of_coldkey(coldkey: &T::AccountId, netuid: NetUid) -> AlphaBalance {
        StakingHotkeys::<T>::get(coldkey)
            .iter()
            .take(HOTKEYS_THAT_COUNT)
            .map(|hotkey| Self::stake_of(hotkey, coldkey, netuid).rao())
            .fold(0u64, u64::saturating_add)
            .into()
    }

    /// Whether `amount` of what a coldkey has on a subnet may leave it.
    pub(crate) fn ensure_not_locked(
        coldkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> Result<(), Error<T>> {
        // Most have no lock, and then nothing need be added up.
        let Some((_, locked)) = Self::lock_by_now(coldkey, netuid) else { return Ok(()) };
        let free = Self::alpha_of_coldkey(coldkey, netuid).rao().saturating_sub(locked.mass);
        ensure!(free >= amount.rao(), Error::<T>::StakeUnavailable);
        Ok(())
    }

    /// Stake of one coldkey is about to become another's. Of a lock goes with it what the rest of
    /// the first one's stake could not cover, if the other coldkey takes it and has no lock behind
    /// another hotkey.
    pub(crate) fn transfer_lock(
        origin: &T::AccountId,
        destination: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> DispatchResult {
        let Some((behind, locked)) = Self::live_lock(origin, netuid) else { return Ok(()) };
        let free = Self::alpha_of_coldkey(origin, netuid).rao().saturating_sub(locked.mass);
        let taken = locked.part(amount.rao().saturating_sub(free));
        if origin == destination || taken.mass == 0 {
            return Ok(());
        }
        let accepts = AccountFlags::<T>::get(destination) & ACCEPTS_LOCKED_ALPHA != 0;
        let before = match Self::live_lock(destination, netuid) {
            Some((there, locked)) => {
                ensure!(there == *hotkey, Error::<T>::LockHotkeyMismatch);
                locked
            }
            None => Locked::default(),
        };
        ensure!(accepts, Error::<T>::AccountRejectsLockedAlpha);
        Self::replace_lock(origin, netuid, &behind, locked, locked.less(taken));
        let got = before.plus(Self::as_known_to(taken, &behind, hotkey));
        Self::replace_lock(destination, netuid, hotkey, before, got);
        Ok(())
    }

    /// Stake has left without its coldkey's doing: a lock binds no more than what is there.
    pub(crate) fn fit_lock(coldkey: &T::AccountId, netuid: NetUid) {
        let Some((hotkey, locked)) = Self::live_lock(coldkey, netuid) else { return };
        let fitting = locked.part(Self::alpha_of_coldkey(coldkey, netuid).rao());
        Self::replace_lock(coldkey, netuid, &hotkey, locked, fitting);
    }

    /// Locks the cut that the owner of a subnet was just paid, if the subnet is set so: behind the
    /// hotkey that the owner's lock is behind, or the subnet's own.
    pub(crate) fn lock_owner_cut(netuid: NetUid, amount: AlphaBalance) {
        if !OwnerCutAutoLockEnabled::<T>::get(netuid) {
            return;
        }
        let owner = SubnetOwner::<T>::get(netuid);
        let hotkey = Self::live_lock(&owner, netuid)
            .map_or_else(|| SubnetOwnerHotkey::<T>::get(netuid), |(hotkey, _)| hotkey);
        // What rounding took of the cut cannot be locked; the cut is paid either way.
        let there = Self::stake_of(&SubnetOwnerHotkey::<T>::get(netuid), &owner, netuid);
        let _ = Self::do_lock_stake(&owner, netuid, &hotkey, amount.min(there));
    }

    /// Another hotkey becomes the subnet's, and what is locked behind either behaves differently from
    /// now on. Only the buckets are changed over: a lock itself follows at its next change.
    pub fn set_owner_hotkey(netuid: NetUid, hotkey: &T::AccountId) {
        let before = SubnetOwnerHotkey::<T>::get(netuid);
        if before == *hotkey {
            return;
        }
        SubnetOwnerHotkey::<T>::insert(netuid, hotkey);
        for perpetual in [false, true] {
            let (of_owner, of_other) =
                (Kind { owner: true, perpetual }, Kind { owner: false, perpetual });
            let leaving = Self::bucket(netuid, &before, of_owner);
            let coming = Self::bucket(netuid, hotkey, of_other);
            Self::put_bucket(netuid, hotkey, of_other, Locked::default());
            let there = Self::bucket(netuid, &before, of_other);
            Self::put_bucket(netuid, hotkey, of_owner, coming);
            Self::put_bucket(netuid, &before, of_other, there.plus(leaving));
        }
    }

    /// Removes all locks of a subnet that is no more.
    pub(crate) fn forget_locks(netuid: NetUid) {
        let locking: Vec<(T::AccountId, T::AccountId)> =
            LockingColdkeys::<T>::iter_key_prefix((netuid,)).collect();
        for (hotkey, coldkey) in locking {
            Lock::<T>::remove((&coldkey, netuid, &hotkey));
        }
        let _ = LockingColdkeys::<T>::clear_prefix((netuid,), u32::MAX, None);
        let _ = HotkeyLock::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = DecayingHotkeyLock::<T>::clear_prefix(netuid, u32::MAX, None);
        OwnerLock::<T>::remove(netuid);
        DecayingOwnerLock::<T>::remove(netuid);
    }
}
