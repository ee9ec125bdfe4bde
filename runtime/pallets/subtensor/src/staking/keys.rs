//! Who owns which hotkey.
//!
//! A hotkey belongs to the coldkey that first registered or associated it, until a swap of either
//! (`crate::swap`). At its first
//! registration it gets one reference that keeps its account alive without any balance, so its
//! nonce never starts again and an old signed extrinsic of it can never be replayed.

use crate::{
    staking::{AUTO_STAKERS_MAX, MAX_HOTKEYS_PER_COLDKEY},
    *,
};
use frame_support::ensure;
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    /// Whether anybody owns `hotkey`.
    pub fn hotkey_exists(hotkey: &T::AccountId) -> bool {
        Owner::<T>::contains_key(hotkey)
    }

    pub fn owns(coldkey: &T::AccountId, hotkey: &T::AccountId) -> bool {
        Owner::<T>::try_get(hotkey).is_ok_and(|owner| owner == *coldkey)
    }

    pub(crate) fn ensure_owns(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
    ) -> Result<(), Error<T>> {
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        ensure!(Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);
        Ok(())
    }

    /// Gives `hotkey` to `coldkey`, or checks that it has it.
    pub(crate) fn associate(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        if Self::hotkey_exists(hotkey) {
            ensure!(Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);
            return Ok(());
        }
        OwnedHotkeys::<T>::try_mutate(coldkey, |owned| -> DispatchResult {
            ensure!(owned.len() < MAX_HOTKEYS_PER_COLDKEY, Error::<T>::TooManyStakingHotkeys);
            owned.push(hotkey.clone());
            Ok(())
        })?;
        Owner::<T>::insert(hotkey, coldkey);
        Self::note_staking_hotkey(coldkey, hotkey)
    }

    /// As [`Self::associate`], for a hotkey that is about to act on the chain by itself.
    pub(crate) fn associate_for_registration(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
    ) -> DispatchResult {
        Self::associate(coldkey, hotkey)?;
        // No other pallet gives this kind of reference, so its absence means that this is the first
        // registration.
        if frame_system::Pallet::<T>::sufficients(hotkey) == 0 {
            frame_system::Pallet::<T>::inc_sufficients(hotkey);
        }
        Ok(())
    }

    /// Keeps the account of `coldkey` alive without any balance, where nothing else does.
    pub(crate) fn keep_account(coldkey: &T::AccountId) {
        let account = frame_system::Account::<T>::get(coldkey);
        if account.providers == 0 && account.sufficients == 0 {
            frame_system::Pallet::<T>::inc_sufficients(coldkey);
        }
    }

    /// Whether `coldkey` may put another hotkey in the place of one now: more than `TxRateLimit`
    /// blocks after its last change of keys. Without a limit it always may.
    pub(crate) fn ensure_key_change_waited(coldkey: &T::AccountId) -> Result<(), Error<T>> {
        let limit = TxRateLimit::<T>::get();
        let last = LastRateLimitedBlock::<T>::get(RateLimitKey::LastTxBlock(coldkey.clone()));
        let waited = Self::block().saturating_sub(last) > limit;
        ensure!(limit == 0 || last == 0 || waited, Error::<T>::HotKeySetTxRateLimitExceeded);
        Ok(())
    }

    /// Begins the wait of `coldkey` until its next change of keys.
    pub(crate) fn note_key_change(coldkey: &T::AccountId) {
        LastRateLimitedBlock::<T>::insert(
            RateLimitKey::LastTxBlock(coldkey.clone()),
            Self::block(),
        );
    }

    /// Remembers that `coldkey` has stake behind `hotkey`, for whoever asks for all its stake.
    pub(crate) fn note_staking_hotkey(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
    ) -> DispatchResult {
        StakingHotkeys::<T>::try_mutate(coldkey, |hotkeys| -> DispatchResult {
            if !hotkeys.contains(hotkey) {
                ensure!(hotkeys.len() < MAX_HOTKEYS_PER_COLDKEY, Error::<T>::TooManyStakingHotkeys);
                hotkeys.push(hotkey.clone());
            }
            Ok(())
        })
    }

    /// Has the incentives of `coldkey` on a subnet staked behind `hotkey`.
    pub(crate) fn do_set_auto_stake(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
    ) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Uids::<T>::contains_key(netuid, hotkey), Error::<T>::HotKeyNotRegisteredInSubNet);
        ensure!(
            AutoStakeDestination::<T>::get(coldkey, netuid).as_ref() != Some(hotkey),
            Error::<T>::SameAutoStakeHotkeyAlreadySet
        );
        Self::forget_auto_stake(coldkey, netuid);
        Self::set_auto_stake(coldkey, netuid, hotkey);
        Self::deposit_event(Event::AutoStakeDestinationSet {
            coldkey: coldkey.clone(),
            netuid,
            hotkey: hotkey.clone(),
        });
        Ok(())
    }

    /// Notes a choice of `coldkey` that has none, where the hotkey's swap will find it.
    pub(crate) fn set_auto_stake(coldkey: &T::AccountId, netuid: NetUid, hotkey: &T::AccountId) {
        AutoStakeDestination::<T>::insert(coldkey, netuid, hotkey);
        AutoStakeDestinationColdkeys::<T>::mutate(hotkey, netuid, |coldkeys| {
            if coldkeys.len() < AUTO_STAKERS_MAX {
                coldkeys.push(coldkey.clone());
            }
        });
    }

    /// Takes a choice back.
    pub(crate) fn forget_auto_stake(coldkey: &T::AccountId, netuid: NetUid) {
        let Some(hotkey) = AutoStakeDestination::<T>::take(coldkey, netuid) else { return };
        AutoStakeDestinationColdkeys::<T>::mutate_exists(hotkey, netuid, |coldkeys| {
            let mut rest = coldkeys.take().unwrap_or_default();
            rest.retain(|other| other != coldkey);
            *coldkeys = (!rest.is_empty()).then_some(rest);
        });
    }
}
