//! Moving prices and root's proportion, brought up to date at the end of a block's emission.
//!
//! A moving price decides a subnet's share of the TAO (subtensor.md 3). Root's proportion and the
//! average flow of TAO are kept for those who read them, the coinbase itself uses neither.

use crate::*;
use assay_arithmetic::coinbase;
use substrate_fixed::types::{I64F64, I96F32, U96F32};

impl<T: Config> Pallet<T> {
    /// The moving price with 32 fractional bits.
    pub(super) fn moving_price_bits(netuid: NetUid) -> u64 {
        u64::try_from(SubnetMovingPrice::<T>::get(netuid).to_bits()).unwrap_or(0)
    }

    /// Moves the prices of the subnets that emit.
    pub(super) fn update_moving_prices(block: u64, subnets: &[NetUid]) {
        let speed = u64::try_from(SubnetMovingAlpha::<T>::get().to_bits()).unwrap_or(0);
        for netuid in subnets {
            let Some(first) = FirstEmissionBlockNumber::<T>::get(netuid) else { continue };
            // The start call of a subnet is one block before its first emission.
            let since_start = block.saturating_sub(first).saturating_add(1);
            let price = coinbase::moving_price(
                Self::moving_price_bits(*netuid),
                Self::alpha_price_bits(*netuid),
                speed,
                since_start,
                EMAPriceHalvingBlocks::<T>::get(netuid),
            );
            SubnetMovingPrice::<T>::insert(netuid, I96F32::from_bits(price.into()));
        }
    }

    /// Moves the averages of what flows into the pools, and counts anew.
    pub(super) fn update_flow_averages(block: u64, subnets: &[NetUid]) {
        for netuid in subnets.iter().filter(|netuid| SubtokenEnabled::<T>::get(netuid)) {
            let flow = SubnetTaoFlow::<T>::take(netuid);
            let old = SubnetEmaTaoFlow::<T>::get(netuid).map_or(0, |(_, ema)| ema.to_bits());
            let next = I64F64::from_bits(coinbase::flow_average(old, flow));
            SubnetEmaTaoFlow::<T>::insert(netuid, (block, next));
        }
    }

    /// Writes down root's proportion in each subnet that emits.
    pub(super) fn update_root_proportions(subnets: &[NetUid]) {
        for netuid in subnets {
            let bits = Self::root_proportion(*netuid).bits();
            RootProp::<T>::insert(netuid, U96F32::from_bits(bits.into()));
        }
    }
}
