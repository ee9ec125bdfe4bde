//! What a subnet costs.

use crate::*;
use assay_arithmetic::burn::LockCost;

impl<T: Config> Pallet<T> {
    /// What registering a subnet costs in this block: twice the latest one's cost at first, falling
    /// to the floor.
    pub fn network_lock_cost() -> TaoBalance {
        let cost = LockCost {
            last_lock: NetworkLastLockCost::<T>::get().rao(),
            last_block: LastRateLimitedBlock::<T>::get(RateLimitKey::NetworkLastRegistered),
            floor: NetworkMinLockCost::<T>::get().rao(),
            interval: NetworkLockReductionInterval::<T>::get(),
        };
        TaoBalance::new(cost.at(Self::block()))
    }
}
