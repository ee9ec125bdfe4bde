//! What stake on root has earned on the subnets and not yet claimed.
//!
//! The public runtime keeps such earnings in a fund of each validator, whose shares have a price.
//! Here they are owed to each staker as alpha; a position's shares are what a sale of that alpha
//! would bring, in rao, so that one share is always worth one.

use crate::*;
use alloc::vec::Vec;

impl<T: Config> Pallet<T> {
    /// What a coldkey is owed behind all hotkeys, as TAO.
    pub fn root_owed(coldkey: &T::AccountId) -> TaoBalance {
        Self::root_positions(coldkey)
            .iter()
            .map(|(_, _, worth)| worth.rao())
            .fold(0u64, u64::saturating_add)
            .into()
    }

    /// What a coldkey is owed behind each hotkey: (hotkey, shares, worth).
    pub fn root_positions(coldkey: &T::AccountId) -> Vec<(T::AccountId, u64, TaoBalance)> {
        StakingHotkeys::<T>::get(coldkey)
            .into_iter()
            .filter_map(|hotkey| {
                let worth = Self::root_owed_behind(&hotkey, coldkey);
                (!worth.is_zero()).then(|| (hotkey, worth.rao(), worth))
            })
            .collect()
    }

    /// What a coldkey is owed behind one hotkey: what a claim would bring now, subnet by subnet.
    pub fn root_owed_behind(hotkey: &T::AccountId, coldkey: &T::AccountId) -> TaoBalance {
        Self::subnets()
            .into_iter()
            .map(|netuid| {
                let owed = Self::root_alpha_owed(netuid, hotkey, coldkey);
                Self::sale_of(netuid, owed).rao()
            })
            .fold(0u64, u64::saturating_add)
            .into()
    }
}
