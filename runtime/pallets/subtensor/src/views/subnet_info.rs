//! A subnet's settings as clients of older lines read them: two records, of which the newer one adds
//! what the owner says of the subnet.

use super::SCALING_LAW_POWER;
use crate::*;
use alloc::vec::Vec;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// A subnet's settings.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetInfo<AccountId> {
    pub netuid: Compact<NetUid>,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub difficulty: Compact<u64>,
    pub immunity_period: Compact<u16>,
    pub max_allowed_validators: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    /// Of a rule that is gone: the same for all subnets.
    pub scaling_law_power: Compact<u16>,
    pub subnetwork_n: Compact<u16>,
    pub max_allowed_uids: Compact<u16>,
    pub blocks_since_last_step: Compact<u64>,
    pub tempo: Compact<u16>,
    /// Always zero, on the public chain too; so is `emission_values`.
    pub network_modality: Compact<u16>,
    /// Always empty: subnets are not connected.
    pub network_connect: Vec<[u16; 2]>,
    pub emission_values: Compact<u64>,
    pub burn: Compact<TaoBalance>,
    pub owner: AccountId,
}

/// The same, with the subnet's identity.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetInfov2<AccountId> {
    pub netuid: Compact<NetUid>,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub difficulty: Compact<u64>,
    pub immunity_period: Compact<u16>,
    pub max_allowed_validators: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub scaling_law_power: Compact<u16>,
    pub subnetwork_n: Compact<u16>,
    pub max_allowed_uids: Compact<u16>,
    pub blocks_since_last_step: Compact<u64>,
    pub tempo: Compact<u16>,
    pub network_modality: Compact<u16>,
    pub network_connect: Vec<[u16; 2]>,
    pub emission_value: Compact<u64>,
    pub burn: Compact<TaoBalance>,
    pub owner: AccountId,
    pub identity: Option<SubnetIdentityV3>,
}

impl<AccountId> SubnetInfov2<AccountId> {
    fn new(info: SubnetInfo<AccountId>, identity: Option<SubnetIdentityV3>) -> Self {
        Self {
            netuid: info.netuid,
            rho: info.rho,
            kappa: info.kappa,
            difficulty: info.difficulty,
            immunity_period: info.immunity_period,
            max_allowed_validators: info.max_allowed_validators,
            min_allowed_weights: info.min_allowed_weights,
            max_weights_limit: info.max_weights_limit,
            scaling_law_power: info.scaling_law_power,
            subnetwork_n: info.subnetwork_n,
            max_allowed_uids: info.max_allowed_uids,
            blocks_since_last_step: info.blocks_since_last_step,
            tempo: info.tempo,
            network_modality: info.network_modality,
            network_connect: info.network_connect,
            emission_value: info.emission_values,
            burn: info.burn,
            owner: info.owner,
            identity,
        }
    }
}

impl<T: Config> Pallet<T> {
    pub fn subnet_info(netuid: NetUid) -> Option<SubnetInfo<T::AccountId>> {
        Self::subnet_exists(netuid).then(|| SubnetInfo {
            netuid: netuid.into(),
            rho: Rho::<T>::get(netuid).into(),
            kappa: Kappa::<T>::get(netuid).into(),
            difficulty: Difficulty::<T>::get(netuid).into(),
            immunity_period: ImmunityPeriod::<T>::get(netuid).into(),
            max_allowed_validators: MaxAllowedValidators::<T>::get(netuid).into(),
            min_allowed_weights: MinAllowedWeights::<T>::get(netuid).into(),
            max_weights_limit: MaxWeightsLimit::<T>::get(netuid).into(),
            scaling_law_power: SCALING_LAW_POWER.into(),
            subnetwork_n: SubnetworkN::<T>::get(netuid).into(),
            max_allowed_uids: MaxAllowedUids::<T>::get(netuid).into(),
            blocks_since_last_step: BlocksSinceLastStep::<T>::get(netuid).into(),
            tempo: Tempo::<T>::get(netuid).into(),
            network_modality: 0.into(),
            network_connect: Vec::new(),
            emission_values: 0.into(),
            burn: Burn::<T>::get(netuid).into(),
            owner: SubnetOwner::<T>::get(netuid),
        })
    }

    pub fn subnet_infos() -> Vec<Option<SubnetInfo<T::AccountId>>> {
        Self::networks().map(Self::subnet_info).collect()
    }

    pub fn subnet_info_v2(netuid: NetUid) -> Option<SubnetInfov2<T::AccountId>> {
        let info = Self::subnet_info(netuid)?;
        Some(SubnetInfov2::new(info, SubnetIdentitiesV3::<T>::get(netuid)))
    }

    pub fn subnet_infos_v2() -> Vec<Option<SubnetInfov2<T::AccountId>>> {
        Self::networks().map(Self::subnet_info_v2).collect()
    }
}
