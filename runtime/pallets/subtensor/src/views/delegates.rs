//! Delegates: hotkeys that take stake of others, and what they bring.

use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use sp_runtime::PerU16;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

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
    /// TAO a day for 1000 TAO of stake, at the pace of the latest epochs and after the take.
    pub return_per_1000: Compact<u64>,
    /// TAO a day for all of the stake, after the take.
    pub total_daily_return: Compact<u64>,
}

impl<T: Config> Pallet<T> {
    pub fn delegates() -> Vec<DelegateInfo<T::AccountId>> {
        Delegates::<T>::iter_keys().map(|hotkey| Self::delegate_info(&hotkey)).collect()
    }

    pub fn delegate(hotkey: &T::AccountId) -> Option<DelegateInfo<T::AccountId>> {
        Delegates::<T>::contains_key(hotkey).then(|| Self::delegate_info(hotkey))
    }

    /// The delegates behind which a coldkey has staked, once for each subnet.
    pub fn delegated(coldkey: &T::AccountId) -> Vec<Delegated<T::AccountId>> {
        let mut found = Vec::new();
        for hotkey in StakingHotkeys::<T>::get(coldkey) {
            let Some(delegate) = Self::delegate(&hotkey) else { continue };
            for netuid in Self::networks() {
                let stake = Self::stake_of(&hotkey, coldkey, netuid);
                if !stake.is_zero() {
                    found.push((delegate.clone(), (netuid.into(), stake.into())));
                }
            }
        }
        found
    }

    fn delegate_info(hotkey: &T::AccountId) -> DelegateInfo<T::AccountId> {
        let registrations: Vec<(NetUid, u16)> = Self::networks()
            .filter_map(|netuid| Some((netuid, Uids::<T>::get(netuid, hotkey)?)))
            .collect();
        let permitted = |netuid: &NetUid, uid: &u16| {
            ValidatorPermit::<T>::get(netuid).get(usize::from(*uid)).copied().unwrap_or(false)
        };
        let permits = registrations.iter().filter(|(netuid, uid)| permitted(netuid, uid));
        let take = Delegates::<T>::get(hotkey);
        let daily = Self::daily_return(hotkey);
        DelegateInfo {
            delegate_ss58: hotkey.clone(),
            take: take.into(),
            nominators: Self::nominators(hotkey),
            owner_ss58: Owner::<T>::get(hotkey),
            validator_permits: permits.map(|(netuid, _)| (*netuid).into()).collect(),
            registrations: registrations.iter().map(|(netuid, _)| (*netuid).into()).collect(),
            return_per_1000: Self::return_on_thousand(hotkey, daily).into(),
            total_daily_return: daily.into(),
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

    /// What all stakers of a hotkey got in the latest epochs, as TAO a day.
    fn daily_return(hotkey: &T::AccountId) -> u64 {
        let blocks_a_day = DAY_MS.checked_div(SlotDurationMs::<T>::get()).unwrap_or(0);
        Self::subnets()
            .into_iter()
            .map(|netuid| {
                let alpha = AlphaDividendsPerSubnet::<T>::get(netuid, hotkey).rao();
                let root = RootAlphaDividendsPerSubnet::<T>::get(netuid, hotkey).rao();
                let epoch = Self::tao_worth(netuid, alpha.saturating_add(root).into()).rao();
                let tempo = u64::from(Tempo::<T>::get(netuid));
                u128::from(epoch)
                    .saturating_mul(blocks_a_day.into())
                    .checked_div(tempo.into())
                    .unwrap_or(0)
            })
            .fold(0u64, |sum, day| sum.saturating_add(day.try_into().unwrap_or(u64::MAX)))
    }

    fn return_on_thousand(hotkey: &T::AccountId, daily: u64) -> u64 {
        const THOUSAND_TAO: u128 = 1_000_000_000_000;
        let stake = Self::networks()
            .map(|netuid| Self::tao_worth(netuid, TotalHotkeyAlpha::<T>::get(hotkey, netuid)).rao())
            .fold(0u64, u64::saturating_add);
        u128::from(daily)
            .saturating_mul(THOUSAND_TAO)
            .checked_div(stake.into())
            .and_then(|on_thousand| on_thousand.try_into().ok())
            .unwrap_or(0)
    }
}
