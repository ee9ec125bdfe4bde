//! What stake counts for on a subnet: alpha and TAO on root, lent to children, borrowed of parents.
//!
//! A parent lends the same part of both (subtensor.md 7, step 2; executed runtimes up to spec 218
//! lent alpha alone). Parts round down, and what is lent is counted at the child's: the whole is
//! never more than what is staked.

use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::{coinbase::weigh_root, dividends, wide::part_u64};

/// An amount of both kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stake {
    /// Alpha of the subnet.
    pub alpha: u64,
    /// TAO on root, before it is weighted.
    pub root: u64,
}

impl Stake {
    fn plus(self, other: Stake) -> Stake {
        Stake {
            alpha: self.alpha.saturating_add(other.alpha),
            root: self.root.saturating_add(other.root),
        }
    }
}

impl<T: Config> Pallet<T> {
    /// All that is staked behind a hotkey.
    pub(crate) fn stake_behind(hotkey: &T::AccountId, netuid: NetUid) -> Stake {
        Stake {
            alpha: TotalHotkeyAlpha::<T>::get(hotkey, netuid).rao(),
            root: TotalHotkeyAlpha::<T>::get(hotkey, NetUid::ROOT).rao(),
        }
    }

    /// What a parent lends a child with this proportion of 2^64 - 1.
    pub(crate) fn lent_stake(parent: &T::AccountId, netuid: NetUid, proportion: u64) -> Stake {
        let Stake { alpha, root } = Self::stake_behind(parent, netuid);
        Stake { alpha: part_u64(alpha, proportion), root: part_u64(root, proportion) }
    }

    /// What a hotkey does not lend.
    pub(crate) fn kept_stake(hotkey: &T::AccountId, netuid: NetUid) -> Stake {
        let Stake { alpha, root } = Self::stake_behind(hotkey, netuid);
        let children = ChildKeys::<T>::get(hotkey, netuid);
        let lent: Vec<u64> = children.iter().map(|(proportion, _)| *proportion).collect();
        Stake { alpha: dividends::kept(alpha, &lent), root: dividends::kept(root, &lent) }
    }

    /// What a hotkey acts with: what it keeps and what its parents lend it.
    pub(crate) fn counted_stake(hotkey: &T::AccountId, netuid: NetUid) -> Stake {
        Self::stake_with_parents(hotkey, netuid, &ParentKeys::<T>::get(hotkey, netuid))
    }

    /// The same, for who has read the hotkey's parents.
    pub(super) fn stake_with_parents(
        hotkey: &T::AccountId,
        netuid: NetUid,
        parents: &[(u64, T::AccountId)],
    ) -> Stake {
        parents
            .iter()
            .map(|(proportion, parent)| Self::lent_stake(parent, netuid, *proportion))
            .fold(Self::kept_stake(hotkey, netuid), Stake::plus)
    }

    /// What an amount counts for: its alpha, and its TAO times `TaoWeight`.
    pub(crate) fn weigh(stake: Stake) -> u64 {
        stake.alpha.saturating_add(Self::weigh_root(stake))
    }

    /// The part of [`Self::weigh`] that its TAO makes.
    pub(crate) fn weigh_root(stake: Stake) -> u64 {
        weigh_root(stake.root, TaoWeight::<T>::get())
    }

    /// What all stake behind a neuron is worth, in rao: its alpha at the subnet's price, and its
    /// TAO on root. None for a hotkey that is not registered on the subnet. What others lend it
    /// does not count, because this is asked for every transaction and they may be many.
    pub fn worth_behind_neuron(hotkey: &T::AccountId, netuid: NetUid) -> Option<u64> {
        if !Uids::<T>::contains_key(netuid, hotkey) {
            return None;
        }
        let Stake { alpha, root } = Self::stake_behind(hotkey, netuid);
        let alpha = if netuid.is_root() { 0 } else { alpha };
        Some(Self::tao_worth(netuid, alpha.into()).rao().saturating_add(root))
    }

    /// Stake that counts for a hotkey on a subnet.
    pub fn stake_weight_of(hotkey: &T::AccountId, netuid: NetUid) -> u64 {
        Self::weigh(Self::counted_stake(hotkey, netuid))
    }
}
