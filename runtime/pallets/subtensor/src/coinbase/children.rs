//! Child keys that were announced and now take effect (survey 4.1 step 7).
//!
//! `ChildKeys` of a parent and `ParentKeys` of its children are two views of one relation and
//! change together here, and nowhere else. Whether a relation is allowed was checked when it was
//! announced.

use crate::*;
use alloc::vec::Vec;

/// Children of a parent: the part of 2^64 - 1 that each is lent, and its key.
type Children<AccountId> = Vec<(u64, AccountId)>;

impl<T: Config> Pallet<T> {
    /// After an epoch: puts into effect what was announced long enough ago.
    pub(super) fn activate_pending_children(netuid: NetUid, block: u64) {
        let due: Vec<(T::AccountId, Children<T::AccountId>)> =
            PendingChildKeys::<T>::iter_prefix(netuid)
                .filter(|(_, (_, from))| *from <= block)
                .map(|(parent, (children, _))| (parent, children))
                .collect();
        for (parent, children) in due {
            PendingChildKeys::<T>::remove(netuid, &parent);
            Self::replace_children(netuid, &parent, children.clone());
            Self::deposit_event(Event::SetChildren(parent, netuid, children));
        }
    }

    /// Replaces all children of a parent on a subnet.
    pub(crate) fn replace_children(
        netuid: NetUid,
        parent: &T::AccountId,
        children: Children<T::AccountId>,
    ) {
        for (_, child) in ChildKeys::<T>::get(parent, netuid) {
            ParentKeys::<T>::mutate_exists(&child, netuid, |parents| {
                let mut rest = parents.take().unwrap_or_default();
                rest.retain(|(_, other)| other != parent);
                *parents = (!rest.is_empty()).then_some(rest);
            });
        }
        for (proportion, child) in &children {
            ParentKeys::<T>::append(child, netuid, (*proportion, parent));
        }
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
