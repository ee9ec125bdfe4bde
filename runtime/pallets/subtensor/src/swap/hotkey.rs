//! A hotkey's place is taken by another of the same coldkey, on one subnet or on all.
//!
//! The neuron keeps its uid, and with it weights, bonds, permit and everything that an epoch counts
//! by uid. What is kept by hotkey goes to the new one: endpoints, certificate, commits of weights,
//! child keys and parents, announced or not, the take of a child key, who has incentives staked
//! behind it, the ownership of the subnet, stake, dividends and locks; with all subnets also the
//! delegate take and the ownership of the hotkey itself. With `keep_stake` stake, dividends and locks
//! stay. Publicly locks go along even so; but locks are others' doing, and many of them must not keep
//! a hotkey from being swapped.
//!
//! Two things do not go along, as publicly: what the neuron committed to (`pallet-commitments`),
//! which is given up here and left behind there, and timelocked weights that are not yet revealed,
//! which name the old hotkey under their seal.

use crate::{
    staking::SET_CHILDREN,
    swap::{KEY_SWAP_COST, KEY_SWAP_ON_SUBNET_COST, SWAP_POSITIONS_MAX},
    *,
};
use alloc::{collections::BTreeSet, vec::Vec};
use frame_support::ensure;
use sp_runtime::{DispatchError, DispatchResult};

/// The positions of those who stake or lock behind a hotkey: (coldkey, netuid).
type Positions<AccountId> = Vec<(AccountId, NetUid)>;

/// Whose positions on one subnet are among these.
fn of_subnet<AccountId: Clone>(positions: &Positions<AccountId>, netuid: NetUid) -> Vec<AccountId> {
    positions.iter().filter(|(_, on)| *on == netuid).map(|(coldkey, _)| coldkey.clone()).collect()
}

impl<T: Config> Pallet<T> {
    /// Puts `new` in the place of `old` on a subnet or on all of them; answers how many positions
    /// of stake and locks it looked at.
    pub(crate) fn do_swap_hotkey(
        coldkey: &T::AccountId,
        old: &T::AccountId,
        new: &T::AccountId,
        only: Option<NetUid>,
        keep_stake: bool,
    ) -> Result<u32, DispatchError> {
        let netuids = Self::check_swap_hotkey(coldkey, old, new, only)?;
        let positions =
            if keep_stake { Vec::new() } else { Self::positions_behind(old, SWAP_POSITIONS_MAX) };
        let locks = if keep_stake {
            Vec::new()
        } else {
            Self::locks_behind(old, &netuids, SWAP_POSITIONS_MAX)
        };
        let moved = count(&positions).saturating_add(count(&locks));
        ensure!(moved <= SWAP_POSITIONS_MAX, Error::<T>::ColdkeySwapTooHeavy);
        let cost = if only.is_some() { KEY_SWAP_ON_SUBNET_COST } else { KEY_SWAP_COST };
        Self::pay_swap(coldkey, cost, Error::<T>::NotEnoughBalanceToPaySwapHotKey)?;

        Self::succeed(coldkey, old, new, only.is_none() && !keep_stake)?;
        Self::note_key_change(coldkey);
        let now = Self::block();
        for netuid in &netuids {
            if only.is_some() || Self::acts_on(old, *netuid) {
                LastHotkeySwapOnNetuid::<T>::insert(netuid, coldkey, now);
            }
            Self::swap_on(*netuid, old, new, keep_stake, &positions)?;
            if !keep_stake {
                Self::change_lock_hotkey(*netuid, old, new, &of_subnet(&locks, *netuid));
            }
        }
        Self::keep_rate_limits(old, new);
        if only.is_none() {
            Self::retire_delegate(old, new);
        }
        let stakers: BTreeSet<T::AccountId> =
            positions.iter().map(|(staker, _)| staker.clone()).chain([coldkey.clone()]).collect();
        Self::strike_staking_hotkey(old, stakers);
        Self::tell_swapped(coldkey, old, new, only);
        Ok(moved)
    }

    /// The subnets that the swap is about, if it is allowed.
    fn check_swap_hotkey(
        coldkey: &T::AccountId,
        old: &T::AccountId,
        new: &T::AccountId,
        only: Option<NetUid>,
    ) -> Result<Vec<NetUid>, Error<T>> {
        if let Some(netuid) = only {
            ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        }
        ensure!(Self::owns(coldkey, old), Error::<T>::NonAssociatedColdKey);
        ensure!(
            !Self::hotkey_exists(new) || Self::owns(coldkey, new),
            Error::<T>::NonAssociatedColdKey
        );
        ensure!(old != new, Error::<T>::NewHotKeyIsSameWithOld);
        Self::ensure_key_change_waited(coldkey)?;
        let mut netuids: Vec<NetUid> = match only {
            Some(netuid) => alloc::vec![netuid],
            None => NetworksAdded::<T>::iter_keys().collect(),
        };
        netuids.sort_unstable();
        ensure!(
            netuids.iter().all(|netuid| !Uids::<T>::contains_key(netuid, new)),
            Error::<T>::HotKeyAlreadyRegisteredInSubNet
        );
        if netuids.contains(&NetUid::ROOT) {
            // What both have earned could not be told apart.
            let clean = RootClaimable::<T>::get(new).is_empty()
                && TotalHotkeyAlpha::<T>::get(new, NetUid::ROOT).is_zero();
            ensure!(clean, Error::<T>::NewHotKeyNotCleanForRootSwap);
        }
        let interval = HotkeySwapInterval::<T>::get();
        let rested = |netuid: &NetUid| {
            let last = LastHotkeySwapOnNetuid::<T>::get(netuid, coldkey);
            last == 0 || last.saturating_add(interval) < Self::block()
        };
        ensure!(
            netuids
                .iter()
                .filter(|netuid| only.is_some() || Self::acts_on(old, **netuid))
                .all(rested),
            Error::<T>::HotKeySwapOnSubnetIntervalNotPassed
        );
        Ok(netuids)
    }

    /// Whether a hotkey does something on a subnet that its coldkey wanted: being named as a child
    /// is others' doing, and must not keep it from being swapped.
    fn acts_on(hotkey: &T::AccountId, netuid: NetUid) -> bool {
        IsNetworkMember::<T>::get(hotkey, netuid) || ChildKeys::<T>::contains_key(hotkey, netuid)
    }

    /// Makes `new` the coldkey's as `old` was; `retire` takes `old` from it.
    fn succeed(
        coldkey: &T::AccountId,
        old: &T::AccountId,
        new: &T::AccountId,
        retire: bool,
    ) -> DispatchResult {
        if retire {
            Owner::<T>::remove(old);
            OwnedHotkeys::<T>::mutate(coldkey, |owned| owned.retain(|hotkey| hotkey != old));
        }
        if frame_system::Pallet::<T>::sufficients(old) > 0 {
            Self::associate_for_registration(coldkey, new)
        } else {
            Self::associate(coldkey, new)
        }
    }

    fn swap_on(
        netuid: NetUid,
        old: &T::AccountId,
        new: &T::AccountId,
        keep_stake: bool,
        positions: &Positions<T::AccountId>,
    ) -> DispatchResult {
        Self::change_neuron(netuid, old, new);
        if ChildkeyTake::<T>::contains_key(old, netuid) {
            ChildkeyTake::<T>::insert(new, netuid, ChildkeyTake::<T>::take(old, netuid));
        }
        let announced = TransactionKeyLastBlock::<T>::take((old, netuid, SET_CHILDREN));
        if announced > 0 {
            TransactionKeyLastBlock::<T>::insert((new, netuid, SET_CHILDREN), announced);
        }
        Self::change_relations(netuid, old, new)?;
        for staker in AutoStakeDestinationColdkeys::<T>::get(old, netuid) {
            Self::forget_auto_stake(&staker, netuid);
            Self::set_auto_stake(&staker, netuid, new);
        }
        if SubnetOwnerHotkey::<T>::try_get(netuid).is_ok_and(|owner| owner == *old) {
            Self::set_owner_hotkey(netuid, new);
            Self::deposit_event(Event::SubnetOwnerHotkeySet(netuid, new.clone()));
        }
        if keep_stake {
            return Ok(());
        }
        let coldkeys = of_subnet(positions, netuid);
        Self::change_hotkey(netuid, old, new, &coldkeys)?;
        Self::change_records(netuid, old, new);
        if netuid.is_root() {
            Self::change_root_claims(old, new, &coldkeys);
        }
        Ok(())
    }

    /// Hands the slot over with what is kept of it by hotkey.
    fn change_neuron(netuid: NetUid, old: &T::AccountId, new: &T::AccountId) {
        let Some(uid) = Uids::<T>::take(netuid, old) else { return };
        Uids::<T>::insert(netuid, new, uid);
        Keys::<T>::insert(netuid, uid, new);
        IsNetworkMember::<T>::remove(old, netuid);
        IsNetworkMember::<T>::insert(new, netuid, true);
        macro_rules! hand_over {
            ($($item:ident)*) => { $(
                if let Some(kept) = $item::<T>::take(netuid, old) {
                    $item::<T>::insert(netuid, new, kept);
                }
            )* };
        }
        hand_over!(Axons Prometheus NeuronCertificates);
        let power = Self::take_voting_power(netuid, old);
        Self::put_voting_power(netuid, new, power);
        for index in Self::mechanism_indices(netuid) {
            if let Some(commits) = WeightCommits::<T>::take(index, old) {
                WeightCommits::<T>::insert(index, new, commits);
            }
            TimelockedCommitsMade::<T>::remove(index, old);
        }
        T::OnNeuronLeft::neuron_left(netuid, old);
    }

    /// Moves what the latest epoch paid behind a hotkey, which is kept for whoever asks.
    fn change_records(netuid: NetUid, old: &T::AccountId, new: &T::AccountId) {
        let last = TotalHotkeyAlphaLastEpoch::<T>::take(old, netuid);
        if !last.is_zero() {
            TotalHotkeyAlphaLastEpoch::<T>::mutate(new, netuid, |sum| {
                *sum = AlphaBalance::new(sum.rao().saturating_add(last.rao()));
            });
        }
        macro_rules! add {
            ($($item:ident)*) => { $(
                let paid = $item::<T>::take(netuid, old);
                if !paid.is_zero() {
                    $item::<T>::mutate(netuid, new, |sum| {
                        *sum = AlphaBalance::new(sum.rao().saturating_add(paid.rao()));
                    });
                }
            )* };
        }
        add!(AlphaDividendsPerSubnet RootAlphaDividendsPerSubnet);
    }

    /// The new hotkey has to wait as long as the old one had.
    fn keep_rate_limits(old: &T::AccountId, new: &T::AccountId) {
        let raised = LastTxBlockChildKeyTake::<T>::get(old);
        if raised > 0 {
            LastTxBlockChildKeyTake::<T>::insert(new, raised);
        }
        let changed = LastRateLimitedBlock::<T>::get(Self::delegate_limit(old));
        if changed > 0 {
            LastRateLimitedBlock::<T>::insert(Self::delegate_limit(new), changed);
        }
    }

    /// Moves what is kept of a hotkey on all subnets together.
    fn retire_delegate(old: &T::AccountId, new: &T::AccountId) {
        if Delegates::<T>::contains_key(old) {
            Delegates::<T>::insert(new, Delegates::<T>::take(old));
        }
        LastTxBlockChildKeyTake::<T>::remove(old);
        LastRateLimitedBlock::<T>::remove(Self::delegate_limit(old));
    }

    fn delegate_limit(hotkey: &T::AccountId) -> RateLimitKey<T::AccountId> {
        RateLimitKey::LastTxBlockDelegateTake(hotkey.clone())
    }

    fn tell_swapped(
        coldkey: &T::AccountId,
        old: &T::AccountId,
        new: &T::AccountId,
        only: Option<NetUid>,
    ) {
        let (coldkey, old_hotkey, new_hotkey) = (coldkey.clone(), old.clone(), new.clone());
        Self::deposit_event(match only {
            Some(netuid) => {
                Event::HotkeySwappedOnSubnet { coldkey, old_hotkey, new_hotkey, netuid }
            }
            None => Event::HotkeySwapped { coldkey, old_hotkey, new_hotkey },
        });
    }
}
