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
        if !Self::subnet_exists(netuid) {
            return None;
        }
        let identity = SubnetIdentitiesV3::<T>::get(netuid);
        Some(DynamicInfo {
            netuid: netuid.into(),
            owner_hotkey: SubnetOwnerHotkey::<T>::get(netuid),
            owner_coldkey: SubnetOwner::<T>::get(netuid),
            subnet_name: compact_bytes(identity.as_ref().map_or(&[], |known| &known.subnet_name)),
            token_symbol: compact_bytes(&TokenSymbol::<T>::get(netuid)),
            tempo: Tempo::<T>::get(netuid).into(),
            last_step: LastMechansimStepBlock::<T>::get(netuid).into(),
            blocks_since_last_step: BlocksSinceLastStep::<T>::get(netuid).into(),
            emission: SubnetTaoInEmission::<T>::get(netuid).rao().into(),
            alpha_in: SubnetAlphaIn::<T>::get(netuid).into(),
            alpha_out: SubnetAlphaOut::<T>::get(netuid).into(),
            tao_in: SubnetTAO::<T>::get(netuid).into(),
            alpha_out_emission: SubnetAlphaOutEmission::<T>::get(netuid).into(),
            alpha_in_emission: SubnetAlphaInEmission::<T>::get(netuid).into(),
            tao_in_emission: SubnetTaoInEmission::<T>::get(netuid).into(),
            pending_alpha_emission: Self::pending_alpha(netuid).into(),
            pending_root_emission: TaoBalance::ZERO.into(),
            subnet_volume: SubnetVolume::<T>::get(netuid).into(),
            network_registered_at: NetworkRegisteredAt::<T>::get(netuid).into(),
            subnet_identity: identity,
            moving_price: SubnetMovingPrice::<T>::get(netuid),
        })
    }

    /// Alpha that the next epoch will divide between miners and validators.
    fn pending_alpha(netuid: NetUid) -> AlphaBalance {
        let server = PendingServerEmission::<T>::get(netuid).rao();
        server.saturating_add(PendingValidatorEmission::<T>::get(netuid).rao()).into()
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
