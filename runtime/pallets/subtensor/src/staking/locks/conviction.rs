//! How convinced stakers are of a hotkey.

use crate::*;
use alloc::collections::BTreeSet;
use assay_arithmetic::lock::Kind;
use substrate_fixed::types::U64F64;

impl<T: Config> Pallet<T> {
    /// The conviction of all locks behind a hotkey by now, in rao.
    pub fn hotkey_conviction(hotkey: &T::AccountId, netuid: NetUid) -> U64F64 {
        let owner = SubnetOwnerHotkey::<T>::try_get(netuid).is_ok_and(|owner| owner == *hotkey);
        let bits = [false, true]
            .map(|perpetual| Self::bucket(netuid, hotkey, Kind { owner, perpetual }).conviction)
            .into_iter()
            .fold(0u128, u128::saturating_add);
        U64F64::from_bits(bits)
    }

    /// The mass of all locks behind a hotkey by now.
    pub(crate) fn mass_behind(netuid: NetUid, hotkey: &T::AccountId) -> u64 {
        let owner = SubnetOwnerHotkey::<T>::try_get(netuid).is_ok_and(|owner| owner == *hotkey);
        [false, true]
            .map(|perpetual| Self::bucket(netuid, hotkey, Kind { owner, perpetual }).mass)
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// The hotkey with most conviction; of several, the one with the largest key. It looks at every
    /// hotkey behind which there is a lock.
    pub fn most_convicted_hotkey(netuid: NetUid) -> Option<T::AccountId> {
        let mut hotkeys: BTreeSet<T::AccountId> = HotkeyLock::<T>::iter_key_prefix(netuid)
            .chain(DecayingHotkeyLock::<T>::iter_key_prefix(netuid))
            .collect();
        if OwnerLock::<T>::contains_key(netuid) || DecayingOwnerLock::<T>::contains_key(netuid) {
            hotkeys.insert(SubnetOwnerHotkey::<T>::get(netuid));
        }
        hotkeys
            .into_iter()
            .map(|hotkey| (Self::hotkey_conviction(&hotkey, netuid), hotkey))
            .max()
            .map(|(_, hotkey)| hotkey)
    }
}
