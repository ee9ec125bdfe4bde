//! Swaps of coldkeys that are announced: by the hash of the new one, some days before.
//!
//! Whoever steals a coldkey must announce as well, and its owner sees it in time. From the
//! announcement on, the coldkey signs nothing but what concerns it (the check is
//! `crate::extension`, which sees all calls), and once it is disputed nothing at all: only root
//! resolves that.

use crate::{swap::KEY_SWAP_COST, *};
use frame_support::ensure;
use sp_runtime::{
    traits::{Hash, Saturating},
    DispatchResult,
};

impl<T: Config> Pallet<T> {
    /// Announces the swap to the coldkey of this hash, or another one in its place.
    pub(crate) fn do_announce_coldkey_swap(
        coldkey: &T::AccountId,
        new_coldkey_hash: T::Hash,
    ) -> DispatchResult {
        ensure!(!Self::is_swap_disputed(coldkey), Error::<T>::ColdkeySwapDisputed);
        let now = frame_system::Pallet::<T>::block_number();
        match ColdkeySwapAnnouncements::<T>::get(coldkey) {
            Some((due, _)) => {
                let again = due.saturating_add(ColdkeySwapReannouncementDelay::<T>::get());
                ensure!(now >= again, Error::<T>::ColdkeySwapReannouncedTooEarly);
            }
            None => {
                let refusal = Error::<T>::NotEnoughBalanceToPaySwapColdKey;
                Self::pay_swap(coldkey, KEY_SWAP_COST, refusal)?;
            }
        }
        let due = now.saturating_add(ColdkeySwapAnnouncementDelay::<T>::get());
        ColdkeySwapAnnouncements::<T>::insert(coldkey, (due, new_coldkey_hash));
        Self::deposit_event(Event::ColdkeySwapAnnounced { who: coldkey.clone(), new_coldkey_hash });
        Ok(())
    }

    /// Does the swap that was announced.
    pub(crate) fn do_swap_coldkey_announced(
        coldkey: &T::AccountId,
        new_coldkey: &T::AccountId,
    ) -> Result<u32, sp_runtime::DispatchError> {
        ensure!(!Self::is_swap_disputed(coldkey), Error::<T>::ColdkeySwapDisputed);
        let (due, hash) = ColdkeySwapAnnouncements::<T>::take(coldkey)
            .ok_or(Error::<T>::ColdkeySwapAnnouncementNotFound)?;
        ensure!(
            hash == T::Hashing::hash_of(new_coldkey),
            Error::<T>::AnnouncedColdkeyHashDoesNotMatch
        );
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(now >= due, Error::<T>::ColdkeySwapTooEarly);
        Self::do_swap_coldkey(coldkey, new_coldkey)
    }

    /// Stops an announced swap until root decides.
    pub(crate) fn do_dispute_coldkey_swap(coldkey: &T::AccountId) -> DispatchResult {
        ensure!(
            ColdkeySwapAnnouncements::<T>::contains_key(coldkey),
            Error::<T>::ColdkeySwapAnnouncementNotFound
        );
        ensure!(!Self::is_swap_disputed(coldkey), Error::<T>::ColdkeySwapAlreadyDisputed);
        let now = frame_system::Pallet::<T>::block_number();
        ColdkeySwapDisputes::<T>::insert(coldkey, now);
        Self::deposit_event(Event::ColdkeySwapDisputed { coldkey: coldkey.clone() });
        Ok(())
    }

    /// Takes an announcement back.
    pub(crate) fn do_clear_coldkey_swap(coldkey: &T::AccountId) -> DispatchResult {
        ensure!(!Self::is_swap_disputed(coldkey), Error::<T>::ColdkeySwapDisputed);
        let (due, _) = ColdkeySwapAnnouncements::<T>::get(coldkey)
            .ok_or(Error::<T>::ColdkeySwapAnnouncementNotFound)?;
        let now = frame_system::Pallet::<T>::block_number();
        let from = due.saturating_add(ColdkeySwapReannouncementDelay::<T>::get());
        ensure!(now >= from, Error::<T>::ColdkeySwapClearTooEarly);
        ColdkeySwapAnnouncements::<T>::remove(coldkey);
        Self::deposit_event(Event::ColdkeySwapCleared { who: coldkey.clone() });
        Ok(())
    }

    /// Forgets what was announced and disputed of a coldkey.
    pub(crate) fn forget_coldkey_swap(coldkey: &T::AccountId) {
        ColdkeySwapAnnouncements::<T>::remove(coldkey);
        ColdkeySwapDisputes::<T>::remove(coldkey);
    }

    fn is_swap_disputed(coldkey: &T::AccountId) -> bool {
        ColdkeySwapDisputes::<T>::contains_key(coldkey)
    }
}
