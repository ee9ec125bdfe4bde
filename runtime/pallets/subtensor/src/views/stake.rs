//! What a coldkey has staked, where, and how much of it is free.

use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// A coldkey's stake behind one hotkey on one subnet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct StakeInfo<AccountId> {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub netuid: Compact<NetUid>,
    pub stake: Compact<AlphaBalance>,
    /// Stake that may not be moved. See [`StakeAvailability`] for a whole subnet.
    pub locked: Compact<u64>,
    /// What the latest epoch paid all stakers of the hotkey.
    pub emission: Compact<AlphaBalance>,
    /// The same for those who staked on root, at the present price.
    pub tao_emission: Compact<TaoBalance>,
    /// Always zero: nothing drains stake.
    pub drain: Compact<u64>,
    pub is_registered: bool,
}

/// A coldkey's stake on one subnet, behind all hotkeys.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct StakeAvailability {
    pub total: Compact<AlphaBalance>,
    pub locked: Compact<AlphaBalance>,
    pub available: Compact<AlphaBalance>,
}

impl<T: Config> Pallet<T> {
    /// Everything a coldkey has staked.
    pub fn stake_info_of(coldkey: &T::AccountId) -> Vec<StakeInfo<T::AccountId>> {
        let networks: Vec<NetUid> = Self::networks().collect();
        let mut found = Vec::new();
        for hotkey in StakingHotkeys::<T>::get(coldkey) {
            for netuid in &networks {
                let info = Self::stake_info(&hotkey, coldkey, *netuid);
                found.extend(info.filter(|position| !position.stake.0.is_zero()));
            }
        }
        found
    }

    /// A coldkey's stake behind a hotkey, none included, on a subnet that exists.
    pub fn stake_info(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
    ) -> Option<StakeInfo<T::AccountId>> {
        if !Self::subnet_exists(netuid) {
            return None;
        }
        let locked = Lock::<T>::get((coldkey, netuid, hotkey));
        let root_alpha = RootAlphaDividendsPerSubnet::<T>::get(netuid, hotkey);
        Some(StakeInfo {
            hotkey: hotkey.clone(),
            coldkey: coldkey.clone(),
            netuid: netuid.into(),
            stake: Self::stake_of(hotkey, coldkey, netuid).into(),
            locked: locked.map_or(0, |lock| lock.locked_mass.rao()).into(),
            emission: AlphaDividendsPerSubnet::<T>::get(netuid, hotkey).into(),
            tao_emission: Self::tao_worth(netuid, root_alpha).into(),
            drain: 0.into(),
            is_registered: Uids::<T>::contains_key(netuid, hotkey),
        })
    }

    /// How much of each coldkey's stake is free, on the subnets named, or else on all where it has
    /// any.
    pub fn stake_availability(
        coldkeys: Vec<T::AccountId>,
        netuids: Option<Vec<NetUid>>,
    ) -> BTreeMap<T::AccountId, BTreeMap<NetUid, StakeAvailability>> {
        let of_coldkey = |coldkey: T::AccountId| {
            let hotkeys = StakingHotkeys::<T>::get(&coldkey);
            let of_subnet = |netuid| (netuid, Self::availability(&coldkey, &hotkeys, netuid));
            let by_subnet = match &netuids {
                Some(named) => named.iter().copied().map(of_subnet).collect(),
                None => Self::networks()
                    .map(of_subnet)
                    .filter(|(_, stake)| !stake.total.0.is_zero())
                    .collect(),
            };
            (coldkey, by_subnet)
        };
        coldkeys.into_iter().map(of_coldkey).collect()
    }

    fn availability(
        coldkey: &T::AccountId,
        hotkeys: &[T::AccountId],
        netuid: NetUid,
    ) -> StakeAvailability {
        let total = hotkeys
            .iter()
            .map(|hotkey| Self::stake_of(hotkey, coldkey, netuid).rao())
            .fold(0u64, u64::saturating_add);
        let locked = Lock::<T>::iter_prefix_values((coldkey, netuid))
            .map(|lock| lock.locked_mass.rao())
            .fold(0u64, u64::saturating_add)
            .min(total);
        StakeAvailability {
            total: AlphaBalance::new(total).into(),
            locked: AlphaBalance::new(locked).into(),
            available: AlphaBalance::new(total.saturating_sub(locked)).into(),
        }
    }
}
