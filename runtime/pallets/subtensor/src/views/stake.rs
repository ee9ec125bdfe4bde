//! What a coldkey has staked, where, and how much of it is free.

use crate::*;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
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

/// Coldkeys, each with everything it has staked.
pub type StakesByColdkey<AccountId> = Vec<(AccountId, Vec<StakeInfo<AccountId>>)>;

impl<T: Config> Pallet<T> {
    /// Everything a coldkey has staked.
    pub fn stake_info_of(coldkey: &T::AccountId) -> Vec<StakeInfo<T::AccountId>> {
        Self::stake_info_on(&Self::networks().collect::<Vec<_>>(), coldkey)
    }

    /// The same for several, each with its coldkey.
    pub fn stake_infos_of(coldkeys: Vec<T::AccountId>) -> StakesByColdkey<T::AccountId> {
        let networks: Vec<NetUid> = Self::networks().collect();
        let of = |coldkey: T::AccountId| {
            let stakes = Self::stake_info_on(&networks, &coldkey);
            (coldkey, stakes)
        };
        coldkeys.into_iter().map(of).collect()
    }

    fn stake_info_on(networks: &[NetUid], coldkey: &T::AccountId) -> Vec<StakeInfo<T::AccountId>> {
        let mut found = Vec::new();
        for hotkey in StakingHotkeys::<T>::get(coldkey) {
            for netuid in networks {
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
        let root_alpha = RootAlphaDividendsPerSubnet::<T>::get(netuid, hotkey);
        Some(StakeInfo {
            hotkey: hotkey.clone(),
            coldkey: coldkey.clone(),
            netuid: netuid.into(),
            stake: Self::stake_of(hotkey, coldkey, netuid).into(),
            locked: Self::lock_behind(coldkey, netuid, hotkey).rao().into(),
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
        let all = netuids.is_none();
        let looked_at: BTreeSet<NetUid> =
            netuids.map_or_else(|| Self::networks().collect(), |named| named.into_iter().collect());
        let of_coldkey = |coldkey: T::AccountId| {
            let hotkeys = StakingHotkeys::<T>::get(&coldkey);
            let by_subnet = looked_at
                .iter()
                .map(|netuid| (*netuid, Self::availability(&coldkey, &hotkeys, *netuid)))
                .filter(|(_, stake)| !all || !stake.total.0.is_zero())
                .collect();
            (coldkey, by_subnet)
        };
        coldkeys.into_iter().collect::<BTreeSet<_>>().into_iter().map(of_coldkey).collect()
    }

    fn availability(
        coldkey: &T::AccountId,
        hotkeys: &[T::AccountId],
        netuid: NetUid,
    ) -> StakeAvailability {
        if hotkeys.is_empty() {
            // Nothing staked, so nothing locked: a stranger's question costs no search.
            return StakeAvailability {
                total: AlphaBalance::ZERO.into(),
                locked: AlphaBalance::ZERO.into(),
                available: AlphaBalance::ZERO.into(),
            };
        }
        let total = hotkeys
            .iter()
            .map(|hotkey| Self::stake_of(hotkey, coldkey, netuid).rao())
            .fold(0u64, u64::saturating_add);
        let locked =
            Self::coldkey_lock(coldkey, netuid).map_or(0, |lock| lock.locked_mass.rao()).min(total);
        StakeAvailability {
            total: AlphaBalance::new(total).into(),
            locked: AlphaBalance::new(locked).into(),
            available: AlphaBalance::new(total.saturating_sub(locked)).into(),
        }
    }
}
