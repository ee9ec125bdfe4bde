//! Child keys that were announced and now take effect (subtensor.md 1, step 7).
//!
//! `ChildKeys` of a parent and `ParentKeys` of its children are two views of one relation and
//! change together here, and nowhere else. Whether a relation is allowed was checked when it was
//! announced; that nobody lends to its own parent is checked again, since two may have announced
//! each other.
//!
//! Anybody may lend to any key, so what an epoch does for it is bounded here: announcements it
//! looks at, and parents that a key has. A relation that finds no place, or that would lend to a
//! parent by now, is dropped. The public chain has no event for that: `SetChildren` tells whom a
//! parent lends to in the end, and where all of an announcement is dropped for lending to a parent
//! there is none.

use crate::*;
use alloc::vec::Vec;
use frame_support::ensure;

/// Announcements that one epoch looks at; the next one goes on where it stopped. As many as the
/// neurons that a subnet has at most by default.
pub(crate) const ANNOUNCEMENTS_PER_EPOCH: usize = 256;

/// Parents of one key on one subnet: every epoch reads the stake of each. With all places taken,
/// whoever lends more than the one that lends least takes its place.
pub(crate) const PARENTS_MAX: usize = 32;

/// Announcements of others that a swap of a hotkey looks through for its name; in those beyond it
/// stays. As many as four epochs look at.
const ANNOUNCEMENTS_PER_SWAP: usize = 4 * ANNOUNCEMENTS_PER_EPOCH;

/// Children of a parent: the part of 2^64 - 1 that each is lent, and its key.
type Children<AccountId> = Vec<(u64, AccountId)>;

/// Whether a key is in a list of relations.
fn named<AccountId: PartialEq>(relations: &[(u64, AccountId)], key: &AccountId) -> bool {
    relations.iter().any(|(_, other)| other == key)
}

/// The list with `new` in the place of `old`; if it is there already, with what both are lent.
fn rename<AccountId: Clone + PartialEq>(
    mut children: Children<AccountId>,
    old: &AccountId,
    new: &AccountId,
) -> Children<AccountId> {
    let Some(place) = children.iter().position(|(_, child)| child == old) else {
        return children;
    };
    let (proportion, _) = children.remove(place);
    match children.iter_mut().find(|(_, child)| child == new) {
        Some((sum, _)) => *sum = sum.saturating_add(proportion),
        None => children.push((proportion, new.clone())),
    }
    children
}

impl<T: Config> Pallet<T> {
    /// After an epoch: puts into effect what was announced long enough ago; counts it in `load`.
    pub(super) fn activate_pending_children(netuid: NetUid, block: u64, load: &mut EpochLoad) {
        let mut announced = match PendingChildKeysCursor::<T>::take(netuid) {
            Some(last) => PendingChildKeys::<T>::iter_prefix_from(netuid, last),
            None => PendingChildKeys::<T>::iter_prefix(netuid),
        };
        let seen: Vec<_> = announced.by_ref().take(ANNOUNCEMENTS_PER_EPOCH).collect();
        load.announcements = count(&seen);
        if seen.len() == ANNOUNCEMENTS_PER_EPOCH {
            PendingChildKeysCursor::<T>::insert(netuid, announced.last_raw_key());
        }
        for (parent, (children, from)) in seen {
            if from > block {
                continue;
            }
            PendingChildKeys::<T>::remove(netuid, &parent);
            if !Self::lends_to_parent(netuid, &parent, &children) {
                load.children = load.children.saturating_add(count(&children));
                Self::replace_children(netuid, &parent, children);
                Self::tell_children(netuid, &parent);
            }
        }
    }

    /// Says whom a parent lends to now.
    pub(crate) fn tell_children(netuid: NetUid, parent: &T::AccountId) {
        let children = ChildKeys::<T>::get(parent, netuid);
        Self::deposit_event(Event::SetChildren(parent.clone(), netuid, children));
    }

    /// Whether one of these children is a parent of the hotkey.
    pub(crate) fn lends_to_parent(
        netuid: NetUid,
        hotkey: &T::AccountId,
        children: &[(u64, T::AccountId)],
    ) -> bool {
        let parents = ParentKeys::<T>::get(hotkey, netuid);
        children.iter().any(|(_, child)| parents.iter().any(|(_, parent)| parent == child))
    }

    /// Replaces all children of a parent on a subnet, as far as they have a place for it.
    pub(crate) fn replace_children(
        netuid: NetUid,
        parent: &T::AccountId,
        mut children: Children<T::AccountId>,
    ) {
        for (_, child) in ChildKeys::<T>::get(parent, netuid) {
            ParentKeys::<T>::mutate_exists(&child, netuid, |parents| {
                let mut rest = parents.take().unwrap_or_default();
                rest.retain(|(_, other)| other != parent);
                *parents = (!rest.is_empty()).then_some(rest);
            });
        }
        children.retain(|(proportion, child)| {
            let has_place = Self::make_place(netuid, child, parent, *proportion);
            if has_place {
                ParentKeys::<T>::append(child, netuid, (*proportion, parent));
            }
            has_place
        });
        Self::put_children(netuid, parent, children);
    }

    /// Makes sure that a child can have one more parent: if need be the one that lends it least
    /// goes. False if that would be the new one.
    fn make_place(
        netuid: NetUid,
        child: &T::AccountId,
        parent: &T::AccountId,
        proportion: u64,
    ) -> bool {
        let mut parents = ParentKeys::<T>::get(child, netuid);
        if parents.len() < PARENTS_MAX {
            return true;
        }
        let lends = |(proportion, parent): &(u64, T::AccountId)| {
            Self::weigh(Self::lent_stake(parent, netuid, *proportion))
        };
        let least = parents.iter().map(lends).enumerate().min_by_key(|(_, amount)| *amount);
        let Some((place, amount)) = least else { return false };
        if lends(&(proportion, parent.clone())) <= amount {
            return false;
        }
        let (_, displaced) = parents.remove(place);
        ParentKeys::<T>::insert(child, netuid, parents);
        let mut rest = ChildKeys::<T>::get(&displaced, netuid);
        rest.retain(|(_, other)| other != child);
        Self::put_children(netuid, &displaced, rest);
        Self::tell_children(netuid, &displaced);
        true
    }

    /// Puts `new` in the place of `old` in all relations on a subnet, announced ones too. Its own
    /// children give way to those of `old`; its own parents stay where there is a place for them.
    /// Fails where `old` and `new` lend to each other.
    pub(crate) fn change_relations(
        netuid: NetUid,
        old: &T::AccountId,
        new: &T::AccountId,
    ) -> Result<(), Error<T>> {
        let children = ChildKeys::<T>::get(old, netuid);
        let parents = ParentKeys::<T>::get(old, netuid);
        let (announced, from) = PendingChildKeys::<T>::get(netuid, old);
        ensure!(
            children.iter().chain(&parents).chain(&announced).all(|(_, key)| key != new),
            Error::<T>::ChildParentInconsistency
        );
        Self::replace_children(netuid, old, Vec::new());
        ParentKeys::<T>::remove(old, netuid);
        let mut lenders = parents.clone();
        for (proportion, parent) in ParentKeys::<T>::take(new, netuid) {
            if let Some((sum, _)) = lenders.iter_mut().find(|(_, other)| *other == parent) {
                *sum = sum.saturating_add(proportion);
            } else if lenders.len() < PARENTS_MAX && !named(&children, &parent) {
                lenders.push((proportion, parent));
            } else {
                let mut rest = ChildKeys::<T>::get(&parent, netuid);
                rest.retain(|(_, child)| child != new);
                Self::put_children(netuid, &parent, rest);
            }
        }
        if !lenders.is_empty() {
            ParentKeys::<T>::insert(new, netuid, lenders);
        }
        for (_, parent) in parents {
            let lent = rename(ChildKeys::<T>::get(&parent, netuid), old, new);
            Self::put_children(netuid, &parent, lent);
        }
        Self::replace_children(netuid, new, children);
        if PendingChildKeys::<T>::contains_key(netuid, old) {
            PendingChildKeys::<T>::remove(netuid, old);
            PendingChildKeys::<T>::insert(netuid, new, (announced, from));
        }
        Self::rename_announced(netuid, old, new);
        Ok(())
    }

    /// Puts `new` in the place of `old` in what others announced.
    fn rename_announced(netuid: NetUid, old: &T::AccountId, new: &T::AccountId) {
        let naming: Vec<_> = PendingChildKeys::<T>::iter_prefix(netuid)
            .take(ANNOUNCEMENTS_PER_SWAP)
            .filter(|(_, (children, _))| named(children, old))
            .collect();
        for (parent, (children, from)) in naming {
            let mut children = rename(children, old, new);
            children.retain(|(_, child)| *child != parent);
            PendingChildKeys::<T>::insert(netuid, parent, (children, from));
        }
    }

    fn put_children(netuid: NetUid, parent: &T::AccountId, children: Children<T::AccountId>) {
        if children.is_empty() {
            ChildKeys::<T>::remove(parent, netuid);
        } else {
            ChildKeys::<T>::insert(parent, netuid, children);
        }
    }

    /// Forgets all relations on a subnet that is no more. Parents need not be neurons, so that all
    /// relations of the chain are looked through.
    pub(crate) fn forget_children(netuid: NetUid) {
        let parents: Vec<T::AccountId> = ChildKeys::<T>::iter_keys()
            .filter_map(|(parent, of)| (of == netuid).then_some(parent))
            .collect();
        for parent in parents {
            Self::replace_children(netuid, &parent, Vec::new());
        }
    }
}
