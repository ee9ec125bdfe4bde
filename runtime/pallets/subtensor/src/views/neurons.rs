//! Neurons one by one, with or without the rows of weights and bonds, which are most of the bytes.

use super::{entry, Columns};
use crate::*;
use alloc::{vec, vec::Vec};
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use sp_runtime::PerU16;

/// A neuron without its rows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct NeuronInfoLite<AccountId> {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub uid: Compact<u16>,
    pub netuid: Compact<NetUid>,
    pub active: bool,
    pub axon_info: AxonInfo,
    pub prometheus_info: PrometheusInfo,
    /// All alpha behind the hotkey, under its coldkey.
    pub stake: Vec<(AccountId, Compact<AlphaBalance>)>,
    /// The same as `incentive`, of which it used to be the raw form.
    pub rank: Compact<u16>,
    pub emission: Compact<AlphaBalance>,
    pub incentive: Compact<PerU16>,
    pub consensus: Compact<PerU16>,
    /// Always zero: epochs do not compute it any more.
    pub trust: Compact<PerU16>,
    pub validator_trust: Compact<PerU16>,
    pub dividends: Compact<PerU16>,
    pub last_update: Compact<u64>,
    pub validator_permit: bool,
    pub pruning_score: Compact<u16>,
}

/// A neuron with its rows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct NeuronInfo<AccountId> {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub uid: Compact<u16>,
    pub netuid: Compact<NetUid>,
    pub active: bool,
    pub axon_info: AxonInfo,
    pub prometheus_info: PrometheusInfo,
    pub stake: Vec<(AccountId, Compact<AlphaBalance>)>,
    pub rank: Compact<u16>,
    pub emission: Compact<AlphaBalance>,
    pub incentive: Compact<PerU16>,
    pub consensus: Compact<PerU16>,
    pub trust: Compact<PerU16>,
    pub validator_trust: Compact<PerU16>,
    pub dividends: Compact<PerU16>,
    pub last_update: Compact<u64>,
    pub validator_permit: bool,
    pub weights: Vec<(Compact<u16>, Compact<u16>)>,
    pub bonds: Vec<(Compact<u16>, Compact<u16>)>,
    pub pruning_score: Compact<u16>,
}

impl<AccountId> NeuronInfo<AccountId> {
    fn new(
        lite: NeuronInfoLite<AccountId>,
        weights: Vec<(u16, u16)>,
        bonds: Vec<(u16, u16)>,
    ) -> Self {
        let compact = |row: Vec<(u16, u16)>| {
            row.into_iter().map(|(uid, value)| (Compact(uid), Compact(value))).collect()
        };
        Self {
            hotkey: lite.hotkey,
            coldkey: lite.coldkey,
            uid: lite.uid,
            netuid: lite.netuid,
            active: lite.active,
            axon_info: lite.axon_info,
            prometheus_info: lite.prometheus_info,
            stake: lite.stake,
            rank: lite.rank,
            emission: lite.emission,
            incentive: lite.incentive,
            consensus: lite.consensus,
            trust: lite.trust,
            validator_trust: lite.validator_trust,
            dividends: lite.dividends,
            last_update: lite.last_update,
            validator_permit: lite.validator_permit,
            weights: compact(weights),
            bonds: compact(bonds),
            pruning_score: lite.pruning_score,
        }
    }
}

impl<T: Config> Pallet<T> {
    pub fn neuron_info_lite(netuid: NetUid, uid: u16) -> Option<NeuronInfoLite<T::AccountId>> {
        let columns = Columns::read::<T>(netuid, NetUidStorageIndex::main(netuid));
        Self::neuron_lite(netuid, uid, &columns)
    }

    pub fn neuron_infos_lite(netuid: NetUid) -> Vec<NeuronInfoLite<T::AccountId>> {
        let columns = Columns::read::<T>(netuid, NetUidStorageIndex::main(netuid));
        (0..SubnetworkN::<T>::get(netuid))
            .filter_map(|uid| Self::neuron_lite(netuid, uid, &columns))
            .collect()
    }

    pub fn neuron_info(netuid: NetUid, uid: u16) -> Option<NeuronInfo<T::AccountId>> {
        Self::neuron_info_lite(netuid, uid).map(|lite| Self::with_rows(netuid, lite))
    }

    pub fn neuron_infos(netuid: NetUid) -> Vec<NeuronInfo<T::AccountId>> {
        let lite = Self::neuron_infos_lite(netuid);
        lite.into_iter().map(|neuron| Self::with_rows(netuid, neuron)).collect()
    }

    /// Adds the rows of the main mechanism.
    fn with_rows(netuid: NetUid, lite: NeuronInfoLite<T::AccountId>) -> NeuronInfo<T::AccountId> {
        let index = NetUidStorageIndex::main(netuid);
        let uid = lite.uid.0;
        NeuronInfo::new(lite, Weights::<T>::get(index, uid), Bonds::<T>::get(index, uid))
    }

    fn neuron_lite(
        netuid: NetUid,
        uid: u16,
        columns: &Columns,
    ) -> Option<NeuronInfoLite<T::AccountId>> {
        let hotkey = Keys::<T>::try_get(netuid, uid).ok()?;
        let coldkey = Owner::<T>::get(&hotkey);
        let stake = TotalHotkeyAlpha::<T>::get(&hotkey, netuid);
        let incentive = entry(&columns.incentive, uid);
        Some(NeuronInfoLite {
            uid: uid.into(),
            netuid: netuid.into(),
            active: entry(&columns.active, uid),
            axon_info: Axons::<T>::get(netuid, &hotkey).unwrap_or_default(),
            prometheus_info: Prometheus::<T>::get(netuid, &hotkey).unwrap_or_default(),
            stake: vec![(coldkey.clone(), stake.into())],
            rank: incentive.deconstruct().into(),
            emission: entry(&columns.emission, uid).into(),
            incentive: incentive.into(),
            consensus: entry(&columns.consensus, uid).into(),
            trust: PerU16::default().into(),
            validator_trust: entry(&columns.validator_trust, uid).into(),
            dividends: entry(&columns.dividends, uid).into(),
            last_update: entry(&columns.last_update, uid).into(),
            validator_permit: entry(&columns.validator_permit, uid),
            pruning_score: columns.pruning_score(uid).into(),
            hotkey,
            coldkey,
        })
    }
}
