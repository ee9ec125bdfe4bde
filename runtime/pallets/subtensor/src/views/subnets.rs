//! A subnet without its neurons: its pool, its pace and its price.

use super::compact_bytes;
use crate::*;
use alloc::vec::Vec;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use substrate_fixed::types::I96F32;

/// What changes of a subnet with every block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DynamicInfo<AccountId> {
    pub netuid: Compact<NetUid>,
    pub owner_hotkey: AccountId,
    pub owner_coldkey: AccountId,
    pub subnet_name: Vec<Compact<u8>>,
    pub token_symbol: Vec<Compact<u8>>,
    pub tempo: Compact<u16>,
    pub last_step: Compact<u64>,
    pub blocks_since_last_step: Compact<u64>,
    /// TAO that the latest block gave the subnet.
    pub emission: Compact<u64>,
    pub alpha_in: Compact<AlphaBalance>,
    pub alpha_out: Compact<AlphaBalance>,
    pub tao_in: Compact<TaoBalance>,
    pub alpha_out_emission: Compact<AlphaBalance>,
    pub alpha_in_emission: Compact<AlphaBalance>,
    pub tao_in_emission: Compact<TaoBalance>,
    pub pending_alpha_emission: Compact<AlphaBalance>,
    /// Always zero: root's stakers are paid in alpha.
    pub pending_root_emission: Compact<TaoBalance>,
    pub subnet_volume: Compact<u128>,
    pub network_registered_at: Compact<u64>,
    pub subnet_identity: Option<SubnetIdentityV3>,
    pub moving_price: I96F32,
}

/// The price of a subnet's alpha: rao for one alpha.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetPrice {
    pub netuid: NetUid,
    pub price: u64,
}

impl<T: Config> Pallet<T> {
    pub fn dynamic_info(netuid: NetUid) -> Option<DynamicInfo<T::AccountId>> {
        let graph = Self::metagraph(netuid)?;
        Some(DynamicInfo {
            netuid: graph.netuid,
            owner_hotkey: graph.owner_hotkey,
            owner_coldkey: graph.owner_coldkey,
            subnet_name: graph.name,
            token_symbol: compact_bytes(&TokenSymbol::<T>::get(netuid)),
            tempo: graph.tempo,
            last_step: graph.last_step,
            blocks_since_last_step: graph.blocks_since_last_step,
            emission: graph.subnet_emission,
            alpha_in: graph.alpha_in,
            alpha_out: graph.alpha_out,
            tao_in: graph.tao_in,
            alpha_out_emission: graph.alpha_out_emission,
            alpha_in_emission: graph.alpha_in_emission,
            tao_in_emission: graph.tao_in_emission,
            pending_alpha_emission: graph.pending_alpha_emission,
            pending_root_emission: graph.pending_root_emission,
            subnet_volume: graph.subnet_volume,
            network_registered_at: graph.network_registered_at,
            subnet_identity: graph.identity,
            moving_price: graph.moving_price,
        })
    }

    pub fn dynamic_infos() -> Vec<Option<DynamicInfo<T::AccountId>>> {
        Self::networks().map(Self::dynamic_info).collect()
    }

    pub fn alpha_prices() -> Vec<SubnetPrice> {
        Self::networks()
            .map(|netuid| SubnetPrice { netuid, price: Self::alpha_price(netuid) })
            .collect()
    }
}
