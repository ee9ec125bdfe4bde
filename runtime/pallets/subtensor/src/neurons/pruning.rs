//! Who makes room on a full subnet.
//!
//! The neuron with the least emission goes, the oldest of several. Neurons in their immunity go
//! only when too few others would be left, and a few of the owner's never do.

use crate::*;
use alloc::vec::Vec;

impl<T: Config> Pallet<T> {
    /// The slot to hand on, if any may be.
    pub fn neuron_to_prune(netuid: NetUid) -> Option<u16> {
        let emission = Emission::<T>::get(netuid);
        let immortal = Self::immortal_uids(netuid);
        let (immune, mortal): (Vec<_>, Vec<_>) = (0..SubnetworkN::<T>::get(netuid))
            .filter(|uid| !immortal.contains(uid))
            .map(|uid| {
                let paid = emission.get(usize::from(uid)).copied().unwrap_or_default();
                (paid, BlockAtRegistration::<T>::get(netuid, uid), uid)
            })
            .partition(|(_, _, uid)| Self::is_immune(netuid, *uid));
        let spare = mortal.len() > usize::from(MinNonImmuneUids::<T>::get(netuid));
        let candidates = if spare { mortal } else { immune };
        candidates.into_iter().min().map(|(_, _, uid)| uid)
    }

    /// The owner's slots that are never handed on: the owner's hotkey first, then the longest
    /// registered of its other ones, up to `ImmuneOwnerUidsLimit`.
    pub fn immortal_uids(netuid: NetUid) -> Vec<u16> {
        let own = SubnetOwnerHotkey::<T>::try_get(netuid)
            .ok()
            .and_then(|hotkey| Uids::<T>::get(netuid, hotkey));
        let Ok(owner) = SubnetOwner::<T>::try_get(netuid) else { return Vec::new() };
        let mut others: Vec<(u64, u16)> = OwnedHotkeys::<T>::get(owner)
            .into_iter()
            .filter_map(|hotkey| Uids::<T>::get(netuid, hotkey))
            .filter(|uid| Some(*uid) != own)
            .map(|uid| (BlockAtRegistration::<T>::get(netuid, uid), uid))
            .collect();
        others.sort_unstable();
        own.into_iter()
            .chain(others.into_iter().map(|(_, uid)| uid))
            .take(ImmuneOwnerUidsLimit::<T>::get(netuid).into())
            .collect()
    }
}
