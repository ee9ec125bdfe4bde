//! What a coldkey does with its lock.

use super::ACCEPTS_LOCKED_ALPHA;
use crate::*;
use assay_arithmetic::lock::Lock as Locked;
use frame_support::ensure;
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    /// Locks `amount` more of what the coldkey has on the subnet, behind the hotkey that its lock is
    /// behind already, or any if it has none.
    pub(crate) fn do_lock_stake(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
        amount: AlphaBalance,
    ) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(!amount.is_zero(), Error::<T>::AmountTooLow);
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        let before = match Self::live_lock(coldkey, netuid) {
            Some((behind, locked)) => {
                ensure!(behind == *hotkey, Error::<T>::LockHotkeyMismatch);
                locked
            }
            None => Locked::default(),
        };
        let after = before.plus(Locked { mass: amount.rao(), conviction: 0 });
        let there = Self::alpha_of_coldkey(coldkey, netuid).rao();
        ensure!(there >= after.mass, Error::<T>::InsufficientStakeForLock);
        Self::replace_lock(coldkey, netuid, hotkey, before, after);
        Self::deposit_event(Event::StakeLocked {
            coldkey: coldkey.clone(),
            hotkey: hotkey.clone(),
            netuid,
            amount,
        });
        Ok(())
    }

    /// Puts the lock behind another hotkey. Its conviction stays if both hotkeys are of one coldkey.
    pub(crate) fn do_move_lock(
        coldkey: &T::AccountId,
        netuid: NetUid,
        destination: &T::AccountId,
    ) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::hotkey_exists(destination), Error::<T>::HotKeyAccountNotExists);
        let (origin, locked) =
            Self::live_lock(coldkey, netuid).ok_or(Error::<T>::NoExistingLock)?;
        Self::replace_lock(coldkey, netuid, &origin, locked, Locked::default());
        let moved = Self::as_known_to(locked, &origin, destination);
        Self::replace_lock(coldkey, netuid, destination, Locked::default(), moved);
        Self::deposit_event(Event::LockMoved {
            coldkey: coldkey.clone(),
            origin_hotkey: origin,
            destination_hotkey: destination.clone(),
            netuid,
        });
        Ok(())
    }

    /// Makes the coldkey's lock on a subnet keep its mass, or decay again; also one of later.
    pub(crate) fn do_set_perpetual_lock(
        coldkey: &T::AccountId,
        netuid: NetUid,
        enabled: bool,
    ) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        let lock = Self::live_lock(coldkey, netuid);
        if let Some((hotkey, locked)) = &lock {
            Self::replace_lock(coldkey, netuid, hotkey, *locked, Locked::default());
        }
        if enabled {
            DecayingLock::<T>::insert(coldkey, netuid, false);
        } else {
            DecayingLock::<T>::remove(coldkey, netuid);
        }
        if let Some((hotkey, locked)) = &lock {
            Self::replace_lock(coldkey, netuid, hotkey, Locked::default(), *locked);
        }
        Self::deposit_event(Event::PerpetualLockUpdated {
            coldkey: coldkey.clone(),
            netuid,
            enabled,
        });
        Ok(())
    }

    /// Lets locked stake of others come to the coldkey, or not.
    pub(crate) fn do_set_reject_locked_alpha(coldkey: &T::AccountId, enabled: bool) {
        AccountFlags::<T>::mutate_exists(coldkey, |flags| {
            let others = flags.unwrap_or_default() & !ACCEPTS_LOCKED_ALPHA;
            let set = if enabled { others } else { others | ACCEPTS_LOCKED_ALPHA };
            *flags = (set != 0).then_some(set);
        });
        Self::deposit_event(Event::RejectLockedAlphaUpdated { coldkey: coldkey.clone(), enabled });
    }

    /// The coldkey's lock on a subnet, if anything of it is left; otherwise no trace of it is.
    pub(super) fn live_lock(
        coldkey: &T::AccountId,
        netuid: NetUid,
    ) -> Option<(T::AccountId, Locked)> {
        let (hotkey, locked) = Self::lock_by_now(coldkey, netuid)?;
        if locked.is_nothing() {
            Self::replace_lock(coldkey, netuid, &hotkey, locked, locked);
            return None;
        }
        Some((hotkey, locked))
    }

    /// A lock that comes from one hotkey to another: its conviction was in the first one's coldkey.
    pub(super) fn as_known_to(
        locked: Locked,
        origin: &T::AccountId,
        destination: &T::AccountId,
    ) -> Locked {
        if Owner::<T>::get(origin) == Owner::<T>::get(destination) {
            locked
        } else {
            Locked { conviction: 0, ..locked }
        }
    }
}
