//! Child keys that were announced and now take effect (survey 4.1 step 7).
//!
//! `ChildKeys` of a parent and `ParentKeys` of its children are two views of one relation and
//! change together here, and nowhere else. Whether a relation is allowed was checked when it was
//! announced.

use crate::*;
use alloc::vec::Vec;

impl<T: Config> Pallet<T> {
    /// After an epoch: puts into effect what was announced long enough ago.
    pub(super) fn activate_pending_children(netuid: NetUid, block: u64) {
        let due: Vec<(T::AccountId, Vec<(u64, T::AccountId)>)> =
            PendingChildKeys::<T>::iter_prefix(netuid)
                .filter(|(_, (_, from))| *from <= block)
                .map(|(parent, (children, _))| (parent, children))
                .collect();
        for (parent, children) in due {
            PendingChildKeys::<T>::remove(netuid, &parent);
            Self::replace_children(netuid, &parent, children);
        }
    }

    /// Replaces all children of a parent on a subnet.
    pub(crate) fn replace_children(
        netuid: NetUid,
        parent: &T::AccountId,
        children: Vec<(u64, T::AccountId)>,
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
}
