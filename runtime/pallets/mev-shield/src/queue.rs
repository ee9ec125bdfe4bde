//! Calls that wait sealed on the chain and are opened by the chain itself.
//!
//! The public chain has the queue and nothing that opens what waits there (its decryptor is `()`),
//! so whatever is stored leaves in the next block as undecodable. It is the same here.

use crate::*;
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{
    dispatch::GetDispatchInfo, pallet_prelude::*, traits::Get, weights::Weight, DebugNoBound,
    PartialEqNoBound,
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use scale_info::TypeInfo;
use sp_runtime::{
    traits::{Dispatchable, Saturating},
    DispatchError, DispatchResult,
};

/// Opens what waits in the queue.
pub trait ExtrinsicDecryptor<RuntimeCall> {
    /// The call that was sealed into `data`.
    fn decrypt(data: &[u8]) -> Result<RuntimeCall, DispatchError>;
}

/// Opens nothing.
impl<RuntimeCall> ExtrinsicDecryptor<RuntimeCall> for () {
    fn decrypt(_: &[u8]) -> Result<RuntimeCall, DispatchError> {
        Err(DispatchError::Other("nothing here opens stored extrinsics"))
    }
}

/// A sealed call that waits.
#[derive(CloneNoBound, DebugNoBound, PartialEqNoBound, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[scale_info(skip_type_params(T))]
pub struct PendingExtrinsic<T: Config> {
    /// Who stored it, and by whom it will be executed.
    pub who: T::AccountId,
    pub encrypted_call: BoundedVec<u8, CiphertextLimit>,
    pub submitted_at: BlockNumberFor<T>,
}

impl<T: Config> Pallet<T> {
    pub(crate) fn enqueue(
        who: T::AccountId,
        encrypted_call: BoundedVec<u8, CiphertextLimit>,
    ) -> DispatchResult {
        let full = PendingExtrinsics::<T>::count() >= MaxPendingExtrinsicsLimit::<T>::get();
        ensure!(!full, Error::<T>::TooManyPendingExtrinsics);
        let index = NextPendingExtrinsicIndex::<T>::get();
        let submitted_at = frame_system::Pallet::<T>::block_number();
        let pending = PendingExtrinsic { who: who.clone(), encrypted_call, submitted_at };
        PendingExtrinsics::<T>::insert(index, pending);
        NextPendingExtrinsicIndex::<T>::put(index.saturating_add(1));
        Self::deposit_event(Event::ExtrinsicStored { index, who });
        Ok(())
    }

    /// Opens and executes what waits, the oldest first, within the queue's share of a block.
    /// Returns what that took.
    pub(crate) fn process_pending_extrinsics() -> Weight {
        let mut used = T::DbWeight::get().reads(2);
        let (next, count) =
            (NextPendingExtrinsicIndex::<T>::get(), PendingExtrinsics::<T>::count());
        for index in next.saturating_sub(count)..next {
            match Self::process(index, used) {
                Some(weight) => used = used.saturating_add(weight),
                None => {
                    Self::deposit_event(Event::ExtrinsicPostponed { index });
                    break;
                }
            }
        }
        used
    }

    /// What processing one extrinsic took, where `used` is taken already; None if the queue's share
    /// of the block has no room for it.
    fn process(index: u32, used: Weight) -> Option<Weight> {
        let db = T::DbWeight::get();
        let Some(pending) = PendingExtrinsics::<T>::get(index) else { return Some(db.reads(1)) };
        let removal = db.reads_writes(1, 2);
        let leave = |event| {
            PendingExtrinsics::<T>::remove(index);
            Self::deposit_event(event);
        };
        let age = frame_system::Pallet::<T>::block_number().saturating_sub(pending.submitted_at);
        if age > ExtrinsicLifetime::<T>::get().into() {
            leave(Event::ExtrinsicExpired { index });
            return Some(removal);
        }
        let Ok(call) = T::ExtrinsicDecryptor::decrypt(&pending.encrypted_call) else {
            leave(Event::ExtrinsicDecodeFailed { index });
            return Some(removal);
        };
        let weight = call.get_dispatch_info().call_weight;
        if weight.any_gt(Weight::from_parts(MaxExtrinsicWeight::<T>::get(), u64::MAX)) {
            leave(Event::ExtrinsicWeightExceeded { index });
            return Some(removal);
        }
        let wanted = used.saturating_add(removal).saturating_add(weight);
        if wanted.any_gt(Weight::from_parts(OnInitializeWeight::<T>::get(), u64::MAX)) {
            return None;
        }
        PendingExtrinsics::<T>::remove(index);
        let (event, taken) = match call.dispatch(RawOrigin::Signed(pending.who).into()) {
            Ok(post) => (Event::ExtrinsicDispatched { index }, post.actual_weight),
            Err(failure) => (Event::ExtrinsicDispatchFailed { index, error: failure.error }, None),
        };
        Self::deposit_event(event);
        Some(removal.saturating_add(taken.unwrap_or(weight)))
    }
}
