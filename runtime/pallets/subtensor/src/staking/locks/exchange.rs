//! Locks whose coldkey or hotkey is exchanged for another. Neither costs conviction: the hotkey is
//! still known to the same.

use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::lock::{Kind, Lock as Locked};
use frame_support::ensure;

impl<T: Config> Pallet<T> {
    /// Whether anything of a lock of this coldkey's is left; if not, no trace of one is.
    pub(crate) fn ensure_no_locks(coldkey: &T::AccountId) -> Result<(), Error<T>> {
        for netuid in Self::netuids_of_locks(coldkey) {
            ensure!(Self::live_lock(coldkey, netuid).is_none(), Error::<T>::ActiveLockExists);
        }
        Ok(())
    }

    /// Gives all locks of `old` to `new`, which has none; with them whether they decay, and whether
    /// the account takes locked stake. Answers how many there were.
    pub(crate) fn give_locks(old: &T::AccountId, new: &T::AccountId) -> u32 {
        let given: Vec<(NetUid, T::AccountId, Locked)> = Self::netuids_of_locks(old)
            .into_iter()
            .filter_map(|netuid| {
                let (hotkey, locked) = Self::live_lock(old, netuid)?;
                Self::replace_lock(old, netuid, &hotkey, locked, Locked::default());
                Some((netuid, hotkey, locked))
            })
            .collect();
        // Only now: which bucket a lock was in depends on this.
        let _ = DecayingLock::<T>::clear_prefix(new, u32::MAX, None);
        let decaying: Vec<(NetUid, bool)> = DecayingLock::<T>::drain_prefix(old).collect();
        for (netuid, decays) in decaying {
            DecayingLock::<T>::insert(new, netuid, decays);
        }
        let flags = AccountFlags::<T>::take(old);
        AccountFlags::<T>::mutate_exists(new, |kept| *kept = (flags != 0).then_some(flags));
        for (netuid, hotkey, locked) in &given {
            Self::replace_lock(new, *netuid, hotkey, Locked::default(), *locked);
        }
        count(&given)
    }

    fn netuids_of_locks(coldkey: &T::AccountId) -> Vec<NetUid> {
        Lock::<T>::iter_key_prefix((coldkey,)).map(|(netuid, _)| netuid).collect()
    }

    /// Who has locked behind `hotkey` on these subnets: (coldkey, netuid), at most `most` of them and
    /// one.
    pub(crate) fn locks_behind(
        hotkey: &T::AccountId,
        netuids: &[NetUid],
        most: u32,
    ) -> Vec<(T::AccountId, NetUid)> {
        netuids
            .iter()
            .flat_map(|netuid| {
                LockingColdkeys::<T>::iter_key_prefix((*netuid, hotkey))
                    .map(move |coldkey| (coldkey, *netuid))
            })
            .take(usize::try_from(most.saturating_add(1)).unwrap_or(usize::MAX))
            .collect()
    }

    /// Puts all locks behind `old` on a subnet, which are these coldkeys', behind `new`. A coldkey
    /// has one lock there, so none has another behind `new` already; only the buckets are added up.
    pub(crate) fn change_lock_hotkey(
        netuid: NetUid,
        old: &T::AccountId,
        new: &T::AccountId,
        coldkeys: &[T::AccountId],
    ) {
        for coldkey in coldkeys {
            let Some((_, locked)) = Self::lock_by_now(coldkey, netuid) else { continue };
            Self::put_lock(coldkey, netuid, old, Locked::default());
            Self::put_lock(coldkey, netuid, new, locked);
        }
        let owner = SubnetOwnerHotkey::<T>::try_get(netuid).ok();
        let kind = |hotkey, perpetual| Kind { owner: owner.as_ref() == Some(hotkey), perpetual };
        for perpetual in [false, true] {
            let (from, into) = (kind(old, perpetual), kind(new, perpetual));
            let leaving = Self::bucket(netuid, old, from);
            Self::put_bucket(netuid, old, from, Locked::default());
            if !leaving.is_nothing() {
                let there = Self::bucket(netuid, new, into);
                Self::put_bucket(netuid, new, into, there.plus(leaving));
            }
        }
    }
}
