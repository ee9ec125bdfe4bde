//! Delegates: hotkeys that take stake of others, and what they bring.

use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use sp_runtime::PerU16;
use substrate_fixed::types::U64F64;

/// A day of the public chain. Its sums are taken as they are, so that clients show the same here,
/// where a block may take another time.
const BLOCKS_A_DAY: u16 = 7_200;

const THOUSAND_TAO: u64 = 1_000_000_000_000;

/// What each staker has on each subnet.
type Stakes<AccountId> = Vec<(AccountId, Vec<(Compact<NetUid>, Compact<u64>)>)>;

/// A delegate, and what one staker has with it on one subnet.
pub type Delegated<AccountId> = (DelegateInfo<AccountId>, (Compact<NetUid>, Compact<AlphaBalance>));

/// A delegate with all its stakers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DelegateInfo<AccountId> {
    pub delegate_ss58: AccountId,
    pub take: Compact<PerU16>,
    /// Who has staked how much on which subnets.
    pub nominators: Stakes<AccountId>,
    pub owner_ss58: AccountId,
    pub registrations: Vec<Compact<NetUid>>,
    pub validator_permits: Vec<Compact<NetUid>>,
    /// What is left of `total_daily_return` after the take, for 1000 TAO of stake on root.
    pub return_per_1000: Compact<u64>,
    /// Emission of the delegate's neurons in 7,200 blocks, at the pace of the latest epochs.
    pub total_daily_return: Compact<u64>,
}

impl<T: Config> Pallet<T> {
    pub fn delegates() -> Vec<DelegateInfo<T::AccountId>> {
        Delegates::<T>::iter_keys().filter_map(|hotkey| Self::delegate(&hotkey)).collect()
    }

    pub fn delegate(hotkey: &T::AccountId) -> Option<DelegateInfo<T::AccountId>> {
        Delegates::<T>::contains_key(hotkey)
            .then(|| Self::delegate_info(hotkey, Self::nominators(hotkey)))
    }

    /// The delegates behind which a coldkey has staked, once for each subnet, without their stakers.
    pub fn delegated(coldkey: &T::AccountId) -> Vec<Delegated<T::AccountId>> {
        let mut found = Vec::new();
        for hotkey in StakingHotkeys::<T>::get(coldkey) {
            if !Delegates::<T>::contains_key(&hotkey) {
                continue;
            }
            let delegate = Self::delegate_info(&hotkey, Vec::new());
            for netuid in Self::networks() {
                let stake = Self::stake_of(&hotkey, coldkey, netuid);
                if !stake.is_zero() {
                    found.push((delegate.clone(), (netuid.into(), stake.into())));
                }
            }
        }
        found
    }

    fn delegate_info(
        hotkey: &T::AccountId,
        nominators: Stakes<T::AccountId>,
    ) -> DelegateInfo<T::AccountId> {
        let registrations: Vec<(NetUid, u16)> = Self::networks()
            .filter_map(|netuid| Some((netuid, Uids::<T>::get(netuid, hotkey)?)))
            .collect();
        let permitted = |netuid: &NetUid, uid: &u16| {
            ValidatorPermit::<T>::get(netuid).get(usize::from(*uid)).copied().unwrap_or(false)
        };
        let permits = registrations.iter().filter(|(netuid, uid)| permitted(netuid, uid));
        let take = Delegates::<T>::get(hotkey);
        let daily = Self::daily_return(&registrations);
        DelegateInfo {
            delegate_ss58: hotkey.clone(),
            take: take.into(),
            nominators,
            owner_ss58: Owner::<T>::get(hotkey),
            validator_permits: permits.map(|(netuid, _)| (*netuid).into()).collect(),
            registrations: registrations.iter().map(|(netuid, _)| (*netuid).into()).collect(),
            return_per_1000: Self::return_on_thousand(hotkey, take, daily).into(),
            total_daily_return: daily.saturating_to_num::<u64>().into(),
        }
    }

    fn nominators(hotkey: &T::AccountId) -> Stakes<T::AccountId> {
        let mut stakes = BTreeMap::<T::AccountId, Vec<_>>::new();
        for (coldkey, netuid) in AlphaShares::<T>::iter_key_prefix((hotkey,)) {
            let stake = Self::stake_of(hotkey, &coldkey, netuid);
            if !stake.is_zero() {
                stakes.entry(coldkey).or_default().push((netuid.into(), stake.rao().into()));
            }
        }
        stakes.into_iter().collect()
    }

    /// Emission of some neurons as a day of the public chain would bring it. Alpha of different
    /// subnets is added up as it is, which the public chain does too.
    fn daily_return(neurons: &[(NetUid, u16)]) -> U64F64 {
        let of_neuron = |(netuid, uid): &(NetUid, u16)| {
            let emission = Emission::<T>::get(netuid).get(usize::from(*uid)).copied();
            let emission = U64F64::from_num(emission.unwrap_or_default().rao());
            let tempo = U64F64::from_num(Tempo::<T>::get(netuid));
            let epochs_a_day = U64F64::from_num(BLOCKS_A_DAY).checked_div(tempo);
            emission.saturating_mul(epochs_a_day.unwrap_or_default())
        };
        neurons.iter().map(of_neuron).fold(U64F64::default(), U64F64::saturating_add)
    }

    fn return_on_thousand(hotkey: &T::AccountId, take: PerU16, daily: U64F64) -> u64 {
        let stake = U64F64::from_num(TotalHotkeyAlpha::<T>::get(hotkey, NetUid::ROOT).rao());
        let whole = U64F64::from_num(u16::MAX);
        let taken = U64F64::from_num(take.deconstruct()).checked_div(whole).unwrap_or_default();
        let kept = daily.saturating_mul(U64F64::from_num(1u8).saturating_sub(taken));
        stake
            .checked_div(U64F64::from_num(THOUSAND_TAO))
            .and_then(|thousands| kept.checked_div(thousands))
            .unwrap_or_default()
            .saturating_to_num()
    }
}
