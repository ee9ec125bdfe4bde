//! All that a coldkey owns goes to another: balance, stake and what it has earned on root, locks,
//! hotkeys, subnets, leases, identity, where its incentives are staked.
//!
//! The new coldkey must have nothing staked or locked and be no hotkey, so nothing is merged but balances and
//! lists. What other pallets hold of the old one (deposits of proxies and multisig calls) stays with
//! it, as publicly.

use crate::{staking::MAX_HOTKEYS_PER_COLDKEY, swap::SWAP_POSITIONS_MAX, *};
use frame_support::{
    ensure,
    traits::{
        fungible::{Inspect, Mutate},
        tokens::{Fortitude, Preservation},
    },
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    /// Gives all of `old` to `new`; answers how many positions, locks and hotkeys it looked at.
    pub(crate) fn do_swap_coldkey(
        old: &T::AccountId,
        new: &T::AccountId,
    ) -> Result<u32, DispatchError> {
        ensure!(
            old != new && StakingHotkeys::<T>::get(new).is_empty(),
            Error::<T>::ColdKeyAlreadyAssociated
        );
        ensure!(!Self::hotkey_exists(new), Error::<T>::NewColdKeyIsHotkey);
        Self::ensure_no_locks(new)?;

        if !IdentitiesV2::<T>::contains_key(new) {
            if let Some(identity) = IdentitiesV2::<T>::take(old) {
                IdentitiesV2::<T>::insert(new, identity);
            }
        }
        for netuid in NetworksAdded::<T>::iter_keys() {
            if SubnetOwner::<T>::try_get(netuid).is_ok_and(|owner| owner == *old) {
                SubnetOwner::<T>::insert(netuid, new);
            }
            Self::give_lease(netuid, old, new)?;
            if let Some(hotkey) = AutoStakeDestination::<T>::get(old, netuid) {
                Self::forget_auto_stake(old, netuid);
                Self::set_auto_stake(new, netuid, &hotkey);
            }
        }
        let staked = Self::give_positions(old, new)?;
        let locked = Self::give_locks(old, new);
        let owned = Self::give_hotkeys(old, new)?;
        Self::give_balance(old, new)?;
        Self::note_key_change(new);
        LastRateLimitedBlock::<T>::remove(RateLimitKey::LastTxBlock(old.clone()));
        Self::deposit_event(Event::ColdkeySwapped {
            old_coldkey: old.clone(),
            new_coldkey: new.clone(),
        });
        Ok(staked.saturating_add(locked).saturating_add(owned))
    }

    /// Moves all stake, behind the same hotkeys; answers how much there was to move.
    fn give_positions(old: &T::AccountId, new: &T::AccountId) -> Result<u32, Error<T>> {
        let hotkeys = StakingHotkeys::<T>::take(old);
        let mut moved = count(&hotkeys);
        for hotkey in &hotkeys {
            moved = moved.saturating_add(Self::change_coldkey(hotkey, old, new));
            ensure!(moved <= SWAP_POSITIONS_MAX, Error::<T>::ColdkeySwapTooHeavy);
        }
        if !hotkeys.is_empty() {
            StakingHotkeys::<T>::insert(new, hotkeys);
        }
        Ok(moved)
    }

    fn give_hotkeys(old: &T::AccountId, new: &T::AccountId) -> Result<u32, Error<T>> {
        let given = OwnedHotkeys::<T>::take(old);
        for hotkey in &given {
            Owner::<T>::insert(hotkey, new);
        }
        let moved = count(&given);
        if moved > 0 {
            OwnedHotkeys::<T>::try_mutate(new, |owned| {
                owned.extend(given);
                ensure!(owned.len() <= MAX_HOTKEYS_PER_COLDKEY, Error::<T>::TooManyStakingHotkeys);
                Ok::<_, Error<T>>(())
            })?;
        }
        Ok(moved)
    }

    fn give_balance(old: &T::AccountId, new: &T::AccountId) -> DispatchResult {
        let all = T::Currency::reducible_balance(old, Preservation::Expendable, Fortitude::Polite);
        if all > 0 {
            T::Currency::transfer(old, new, all, Preservation::Expendable)?;
        }
        Ok(())
    }
}
