//! Slots: filling the next one, handing one on, and what of a slot is its holder's.
//!
//! Keys and uids stay inverse of each other, and every vector indexed by uid has `SubnetworkN`
//! entries (those of later mechanisms are filled up when they are first written).

use crate::*;
use alloc::vec::Vec;
use frame_support::ensure;
use sp_runtime::{DispatchError, PerU16};

/// Sets entry `uid`, filling up a vector that is too short.
pub(crate) fn put<V: Clone + Default>(values: &mut Vec<V>, uid: u16, value: V) {
    let index = usize::from(uid);
    if values.len() <= index {
        values.resize(index.saturating_add(1), V::default());
    }
    if let Some(entry) = values.get_mut(index) {
        *entry = value;
    }
}

impl<T: Config> Pallet<T> {
    /// Gives `hotkey` the next slot. The caller has checked that there is one.
    pub(crate) fn append_neuron(
        netuid: NetUid,
        hotkey: &T::AccountId,
    ) -> Result<u16, DispatchError> {
        let uid = SubnetworkN::<T>::get(netuid);
        ensure!(uid < MaxAllowedUids::<T>::get(netuid), Error::<T>::NoNeuronIdAvailable);
        SubnetworkN::<T>::insert(netuid, uid.saturating_add(1));
        Self::seat(netuid, uid, hotkey);
        Ok(uid)
    }

    /// Hands the slot `uid` on to `hotkey`. Nothing of the old holder's stays, least of all the
    /// weights and bonds of others towards it.
    pub(crate) fn replace_neuron(netuid: NetUid, uid: u16, hotkey: &T::AccountId) {
        let old = Keys::<T>::try_get(netuid, uid).ok();
        if let Some(old) = &old {
            Self::unseat(netuid, old);
        }
        for index in Self::mechanism_indices(netuid) {
            Weights::<T>::remove(index, uid);
            Bonds::<T>::remove(index, uid);
            if let Some(old) = &old {
                // It could not reveal them, and every epoch would look at them.
                WeightCommits::<T>::remove(index, old);
            }
            Self::clear_weights_towards(index, uid);
        }
        Self::forget_evm_key(netuid, uid);
        Self::seat(netuid, uid, hotkey);
    }

    /// Removes what a neuron that loses its slot has under its hotkey.
    pub(crate) fn unseat(netuid: NetUid, hotkey: &T::AccountId) {
        Uids::<T>::remove(netuid, hotkey);
        IsNetworkMember::<T>::remove(hotkey, netuid);
        Axons::<T>::remove(netuid, hotkey);
        Prometheus::<T>::remove(netuid, hotkey);
        NeuronCertificates::<T>::remove(netuid, hotkey);
        for index in Self::mechanism_indices(netuid) {
            TimelockedCommitsMade::<T>::remove(index, hotkey);
        }
        Self::put_voting_power(netuid, hotkey, 0);
        T::OnNeuronLeft::neuron_left(netuid, hotkey);
    }

    /// Writes the entries of a fresh holder.
    fn seat(netuid: NetUid, uid: u16, hotkey: &T::AccountId) {
        let now = Self::block();
        Keys::<T>::insert(netuid, uid, hotkey);
        Uids::<T>::insert(netuid, hotkey, uid);
        IsNetworkMember::<T>::insert(hotkey, netuid, true);
        BlockAtRegistration::<T>::insert(netuid, uid, now);
        Active::<T>::mutate(netuid, |v| put(v, uid, true));
        Consensus::<T>::mutate(netuid, |v| put(v, uid, PerU16::default()));
        Dividends::<T>::mutate(netuid, |v| put(v, uid, PerU16::default()));
        ValidatorTrust::<T>::mutate(netuid, |v| put(v, uid, PerU16::default()));
        ValidatorPermit::<T>::mutate(netuid, |v| put(v, uid, false));
        Emission::<T>::mutate(netuid, |v| put(v, uid, AlphaBalance::ZERO));
        for index in Self::mechanism_indices(netuid) {
            Incentive::<T>::mutate(index, |v| put(v, uid, PerU16::default()));
            LastUpdate::<T>::mutate(index, |v| put(v, uid, now));
        }
    }

    /// Weights that others gave the old holder of a slot become zero.
    fn clear_weights_towards(index: NetUidStorageIndex, uid: u16) {
        let rows: Vec<(u16, Vec<(u16, u16)>)> = Weights::<T>::iter_prefix(index)
            .filter(|(_, row)| row.iter().any(|(to, weight)| *to == uid && *weight > 0))
            .collect();
        for (from, mut row) in rows {
            for (to, weight) in row.iter_mut() {
                if *to == uid {
                    *weight = 0;
                }
            }
            Weights::<T>::insert(index, from, row);
        }
    }

    /// Drops the bonds that validators hold in `hotkey`, where the owner has allowed that.
    pub fn reset_bonds_to(netuid: NetUid, hotkey: &T::AccountId) {
        if !BondsResetOn::<T>::get(netuid) {
            return;
        }
        let Some(uid) = Uids::<T>::get(netuid, hotkey) else { return };
        for index in Self::mechanism_indices(netuid) {
            let rows: Vec<(u16, Vec<(u16, u16)>)> = Bonds::<T>::iter_prefix(index)
                .filter(|(_, row)| row.iter().any(|(to, _)| *to == uid))
                .collect();
            for (from, mut row) in rows {
                row.retain(|(to, _)| *to != uid);
                Bonds::<T>::insert(index, from, row);
            }
        }
    }

    /// The slot of `hotkey` on the subnet.
    pub fn uid_of(netuid: NetUid, hotkey: &T::AccountId) -> Result<u16, Error<T>> {
        Uids::<T>::get(netuid, hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)
    }

    /// Whether a neuron is too young to be replaced.
    pub fn is_immune(netuid: NetUid, uid: u16) -> bool {
        let age = Self::block().saturating_sub(BlockAtRegistration::<T>::get(netuid, uid));
        age < u64::from(ImmunityPeriod::<T>::get(netuid))
    }
}
