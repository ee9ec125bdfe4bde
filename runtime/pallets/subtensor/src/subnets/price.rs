//! What a subnet costs, and the price at which its pool opens.

use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::{burn::LockCost, wide::mul_div_floor};

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

    /// Alpha that a new pool holds beside `tao`: as much as makes its price the median of all
    /// pools' (the lower one of two), or 1 when it is the first.
    pub(crate) fn opening_alpha(tao: TaoBalance) -> AlphaBalance {
        let mut pools: Vec<(u128, u128)> = Self::subnets()
            .into_iter()
            .map(|netuid| {
                let alpha = SubnetAlphaIn::<T>::get(netuid).rao();
                (u128::from(SubnetTAO::<T>::get(netuid).rao()), u128::from(alpha))
            })
            .filter(|(tao, alpha)| *tao > 0 && *alpha > 0)
            .collect();
        // tao / alpha < tao' / alpha', without dividing; each product has at most 128 bits.
        pools.sort_by(|(tao, alpha), (other_tao, other_alpha)| {
            tao.saturating_mul(*other_alpha).cmp(&other_tao.saturating_mul(*alpha))
        });
        let middle = pools.len().saturating_sub(1) / 2;
        let alpha = pools
            .get(middle)
            .and_then(|(pool_tao, pool_alpha)| {
                mul_div_floor(tao.rao().into(), *pool_alpha, *pool_tao)
            })
            .and_then(|alpha| u64::try_from(alpha).ok())
            .filter(|alpha| *alpha > 0);
        AlphaBalance::new(alpha.unwrap_or(tao.rao()))
    }
}
