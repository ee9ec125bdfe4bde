//! Subnets: registering, starting, pruning, ownership, identity.

use crate::*;
use sp_runtime::traits::UniqueSaturatedInto;

/// Shortest and longest tempo that an owner may set (root is not bound).
pub const MIN_TEMPO: u16 = 360;
pub const MAX_TEMPO: u16 = 50_400;

/// Slots on root.
pub const ROOT_SEATS: u16 = 64;

impl<T: Config> Pallet<T> {
    /// The number of the block being built.
    pub fn block() -> u64 {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    pub fn subnet_exists(netuid: NetUid) -> bool {
        NetworksAdded::<T>::get(netuid)
    }

    pub(crate) fn create_root_network() {
        NetworksAdded::<T>::insert(NetUid::ROOT, true);
        TotalNetworks::<T>::put(1);
        MaxAllowedUids::<T>::insert(NetUid::ROOT, ROOT_SEATS);
    }

    pub(crate) fn settle_issuance() {}
}
