//! Lending stake to child keys: who may, whom to, and when it counts.
//!
//! By the parts that it names, a parent's stake on a subnet counts for its children: its alpha
//! there, and its TAO on root, which it may lend on every subnet anew (`crate::epoch::stake`). The
//! children earn for it and keep their take. A change is announced and takes effect with the first
//! epoch after the cooldown (`crate::coinbase::children`), so that nobody moves weight just before
//! one; on a subnet that has not started it takes effect at once. Between two announcements for a
//! subnet a hotkey waits `SetChildrenRateLimit` blocks.
//!
//! Invariants: on a subnet a parent lends at most all of its stake, to at most [`CHILDREN_MAX`]
//! keys, never to one of its own parents.

use crate::*;
use alloc::vec::Vec;
use frame_support::ensure;
use sp_runtime::{DispatchResult, PerU16};

/// Children of one hotkey on one subnet: an epoch looks at all of them. The public chain's value.
pub const CHILDREN_MAX: usize = 5;

/// The number of setting children in `TransactionKeyLastBlock`. The public chain's.
pub(crate) const SET_CHILDREN: u16 = 0;

impl<T: Config> Pallet<T> {
    /// Announces the children of a hotkey in place of all it has.
    pub(crate) fn do_set_children(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        children: Vec<(u64, T::AccountId)>,
    ) -> DispatchResult {
        Self::check_set_children(coldkey, hotkey, netuid, &children)?;
        TransactionKeyLastBlock::<T>::insert((hotkey, netuid, SET_CHILDREN), Self::block());
        if !SubtokenEnabled::<T>::get(netuid) {
            Self::replace_children(netuid, hotkey, children);
            Self::tell_children(netuid, hotkey);
            return Ok(());
        }
        let from = Self::block().saturating_add(PendingChildKeyCooldown::<T>::get());
        PendingChildKeys::<T>::insert(netuid, hotkey, (children.clone(), from));
        Self::deposit_event(Event::SetChildrenScheduled(hotkey.clone(), netuid, from, children));
        Ok(())
    }

    fn check_set_children(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        children: &[(u64, T::AccountId)],
    ) -> Result<(), Error<T>> {
        let last = TransactionKeyLastBlock::<T>::get((hotkey, netuid, SET_CHILDREN));
        let waited = Self::block().saturating_sub(last) >= SetChildrenRateLimit::<T>::get();
        ensure!(last == 0 || waited, Error::<T>::TxRateLimitExceeded);
        ensure!(!netuid.is_root(), Error::<T>::RegistrationNotPermittedOnRootSubnet);
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);

        // In the public order: clients tell people the first of the faults.
        let mut keys: Vec<&T::AccountId> = children.iter().map(|(_, child)| child).collect();
        keys.sort_unstable();
        ensure!(
            keys.windows(2).all(|pair| pair.first() != pair.last()),
            Error::<T>::DuplicateChild
        );
        ensure!(!keys.contains(&hotkey), Error::<T>::InvalidChild);
        ensure!(children.len() <= CHILDREN_MAX, Error::<T>::TooManyChildren);
        children
            .iter()
            .try_fold(0u64, |sum, (part, _)| sum.checked_add(*part))
            .ok_or(Error::<T>::ProportionOverflow)?;
        ensure!(
            !Self::lends_to_parent(netuid, hotkey, children),
            Error::<T>::ChildParentInconsistency
        );
        // Whoever lends must have as much of its own as whoever sets weights counts for; taking
        // back is always possible.
        ensure!(
            children.is_empty()
                || SubnetOwnerHotkey::<T>::get(netuid) == *hotkey
                || Self::weigh(Self::stake_behind(hotkey, netuid)) >= StakeThreshold::<T>::get(),
            Error::<T>::NotEnoughStakeToSetChildkeys
        );
        Ok(())
    }

    /// The least that a child takes on a subnet.
    fn least_childkey_take(netuid: NetUid) -> PerU16 {
        MinChildkeyTake::<T>::get().max(MinChildkeyTakePerSubnet::<T>::get(netuid))
    }

    /// What a child takes of its parents' dividends: what it has set, or the least if that has been
    /// raised since.
    pub(crate) fn childkey_take(hotkey: &T::AccountId, netuid: NetUid) -> PerU16 {
        ChildkeyTake::<T>::get(hotkey, netuid).max(Self::least_childkey_take(netuid))
    }

    pub(crate) fn do_set_childkey_take_wait(blocks: u64) {
        TxChildkeyTakeRateLimit::<T>::put(blocks);
        Self::deposit_event(Event::TxChildKeyTakeRateLimitSet(blocks));
    }

    pub(crate) fn do_set_least_childkey_take(take: PerU16) {
        MinChildkeyTake::<T>::put(take);
        Self::deposit_event(Event::MinChildKeyTakeSet(take));
    }

    pub(crate) fn do_set_most_childkey_take(take: PerU16) {
        MaxChildkeyTake::<T>::put(take);
        Self::deposit_event(Event::MaxChildKeyTakeSet(take));
    }

    /// Sets what a child keeps of its parents' dividends. Lowering it is always possible, raising
    /// it only now and then: parents must have time to leave.
    pub(crate) fn do_set_childkey_take(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        take: PerU16,
    ) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);
        ensure!(
            take >= Self::least_childkey_take(netuid) && take <= MaxChildkeyTake::<T>::get(),
            Error::<T>::InvalidChildkeyTake
        );
        if take > ChildkeyTake::<T>::get(hotkey, netuid) {
            let last = LastTxBlockChildKeyTake::<T>::get(hotkey);
            ensure!(
                last == 0
                    || Self::block().saturating_sub(last) >= TxChildkeyTakeRateLimit::<T>::get(),
                Error::<T>::TxChildkeyTakeRateLimitExceeded
            );
            LastTxBlockChildKeyTake::<T>::insert(hotkey, Self::block());
        }
        ChildkeyTake::<T>::insert(hotkey, netuid, take);
        Self::deposit_event(Event::ChildKeyTakeSet(hotkey.clone(), take));
        Ok(())
    }
}
