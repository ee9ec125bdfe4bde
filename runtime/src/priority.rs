//! In which order a block takes what the pool holds, and who has to leave a full pool.
//!
//! As on the public chain, ordinary calls are all worth the same, whatever they weigh and whatever
//! tip they carry: the first comes first, and nobody buys a place before another
//! (opentensor/subtensor, `runtime/src/transaction_payment_wrapper.rs`). Where that leaves room,
//! this chain adds: the work of neurons comes before ordinary calls, by the stake behind them, and
//! what the sudo key signs comes before all. Otherwise a flood of transfers, at a fee each, could
//! keep weights out of the chain for hours.
//!
//! A hotkey may lift only the next [`WORK_AT_ONCE`] of its extrinsics, and only those of calls
//! whose failure cannot be foreseen, so nobody fills the pool with lifted ones. Nor is a call lifted
//! that may fail for a reason which only dear work can tell (`associate_evm_key`): otherwise every
//! block could begin with several that cost their time and do nothing.

use crate::{AccountId, Nonce, Runtime, RuntimeCall, RuntimeOrigin, SubtensorModule, System};
use alloc::{vec, vec::Vec};
use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{dispatch::DispatchClass, weights::Weight};
use pallet_subtensor::{Call as Subtensor, NetUid};
use scale_info::{Type, TypeInfo};
use sp_runtime::{
    traits::{
        AsSystemOriginSigner, DispatchInfoOf, Implication, PostDispatchInfoOf,
        TransactionExtension, TransactionExtensionMetadata, ValidateResult,
    },
    transaction_validity::{
        TransactionPriority, TransactionSource, TransactionValidity, TransactionValidityError,
        ValidTransaction,
    },
    DispatchResult,
};

/// Of a call without any claim. The public chain's value.
pub const ORDINARY: TransactionPriority = 1;

/// Of a registered neuron's work, before its stake is added. Above any number of ordinary calls
/// that one transaction could replace, since a replacement is compared with their sum.
pub const WORK: TransactionPriority = 1_000_000_000;

/// Of operational calls and of what the sudo key signs. The public chain's value; no stake reaches
/// it, because all TAO there will ever be adds 2.1 thousand million to [`WORK`].
pub const OPERATIONAL: TransactionPriority = 10_000_000_000;

/// Rao of stake that count as one step: a hundredth of a TAO. Finer steps would let the greatest
/// stake pass [`OPERATIONAL`].
const RAO_PER_STEP: u64 = 10_000_000;

/// Extrinsics of one hotkey that are lifted at a time, counted from its next nonce: where it
/// serves, what it commits to, weights of two mechanisms. Every further one would be a place in the
/// pool that no ordinary call can have.
pub const WORK_AT_ONCE: Nonce = 4;

/// The subnet for which `call` is a neuron's work: the calls by which a hotkey does what it is
/// registered for. The same calls are paid for by the hotkey's owner (`fees`).
pub fn work_of(call: &RuntimeCall) -> Option<NetUid> {
    match call {
        RuntimeCall::SubtensorModule(
            Subtensor::set_weights { netuid, .. }
            | Subtensor::set_mechanism_weights { netuid, .. }
            | Subtensor::commit_weights { netuid, .. }
            | Subtensor::commit_mechanism_weights { netuid, .. }
            | Subtensor::commit_timelocked_weights { netuid, .. }
            | Subtensor::commit_timelocked_mechanism_weights { netuid, .. }
            | Subtensor::commit_crv3_mechanism_weights { netuid, .. }
            | Subtensor::reveal_weights { netuid, .. }
            | Subtensor::reveal_mechanism_weights { netuid, .. }
            | Subtensor::batch_reveal_weights { netuid, .. }
            | Subtensor::serve_axon { netuid, .. }
            | Subtensor::serve_axon_tls { netuid, .. }
            | Subtensor::serve_prometheus { netuid, .. }
            | Subtensor::associate_evm_key { netuid, .. },
        )
        | RuntimeCall::Commitments(pallet_commitments::Call::set_commitment { netuid, .. }) => {
            Some(*netuid)
        }
        _ => None,
    }
}

/// Whether `call` may fail only after work that takes far longer than all that was checked before: a
/// key has to be recovered from a signature.
fn fails_dearly(call: &RuntimeCall) -> bool {
    matches!(call, RuntimeCall::SubtensorModule(Subtensor::associate_evm_key { .. }))
}

/// What an extension of FRAME contributes to an extrinsic's priority, in place of its own opinion.
pub trait Rank: TransactionExtension<RuntimeCall> {
    /// What it answers to an extrinsic of `who` that it would refuse, and should not.
    fn admit(
        &self,
        _who: &AccountId,
        _call: &RuntimeCall,
    ) -> Option<(ValidTransaction, Self::Val)> {
        None
    }

    /// `given` is that opinion.
    fn rank(
        &self,
        given: TransactionPriority,
        who: Option<&AccountId>,
        call: &RuntimeCall,
        class: DispatchClass,
    ) -> TransactionPriority;
}

/// The class decides, and the sudo key is as good as the highest.
impl Rank for pallet_transaction_payment::ChargeTransactionPayment<Runtime> {
    fn rank(
        &self,
        _given: TransactionPriority,
        who: Option<&AccountId>,
        call: &RuntimeCall,
        class: DispatchClass,
    ) -> TransactionPriority {
        let by_sudo = || {
            matches!(call, RuntimeCall::Sudo(_))
                && who.is_some()
                && pallet_sudo::Key::<Runtime>::get().as_ref() == who
        };
        match class {
            DispatchClass::Operational => OPERATIONAL,
            DispatchClass::Normal | DispatchClass::Mandatory if by_sudo() => OPERATIONAL,
            DispatchClass::Normal | DispatchClass::Mandatory => ORDINARY,
        }
    }
}

/// What [`frame_system::CheckNonce`] hands on from validation; its own name is private.
type NonceVal = <frame_system::CheckNonce<Runtime> as TransactionExtension<RuntimeCall>>::Val;

/// Only this extension knows the nonce, so it is here that a neuron's next calls are lifted.
impl Rank for frame_system::CheckNonce<Runtime> {
    /// Whoever registers by proof of work may have no account yet, and pays for it by the proof
    /// (which `SubtensorTransactionExtension` checks).
    fn admit(&self, who: &AccountId, call: &RuntimeCall) -> Option<(ValidTransaction, NonceVal)> {
        let by_work = matches!(call, RuntimeCall::SubtensorModule(Subtensor::pow_register { .. }));
        let account = frame_system::Account::<Runtime>::get(who);
        let kept = account.providers > 0 || account.sufficients > 0;
        if !by_work || kept || self.0 != account.nonce {
            return None;
        }
        let valid = ValidTransaction {
            provides: vec![(who, self.0).encode()],
            ..ValidTransaction::default()
        };
        Some((valid, NonceVal::CheckNonce(who.clone())))
    }

    fn rank(
        &self,
        given: TransactionPriority,
        who: Option<&AccountId>,
        call: &RuntimeCall,
        _class: DispatchClass,
    ) -> TransactionPriority {
        let lifted = || {
            let (who, netuid) = (who?, work_of(call)?);
            if fails_dearly(call) {
                return None;
            }
            let ahead = self.0.checked_sub(System::account_nonce(who))?;
            if ahead >= WORK_AT_ONCE {
                return None;
            }
            let stake = SubtensorModule::worth_behind_neuron(who, netuid)?;
            let steps = stake.checked_div(RAO_PER_STEP).unwrap_or(0);
            Some(WORK.saturating_add(steps).min(OPERATIONAL.saturating_sub(ORDINARY)))
        };
        given.saturating_add(lifted().unwrap_or(0))
    }
}

/// An extension of FRAME with another [`Rank`]. To clients it is the extension itself: the same
/// identifier, type and bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Ranked<E>(E);

impl<E> From<E> for Ranked<E> {
    fn from(inner: E) -> Self {
        Self(inner)
    }
}

impl<E: TypeInfo> TypeInfo for Ranked<E> {
    type Identity = E::Identity;

    fn type_info() -> Type {
        E::type_info()
    }
}

impl<E: Rank> TransactionExtension<RuntimeCall> for Ranked<E> {
    const IDENTIFIER: &'static str = E::IDENTIFIER;
    type Implicit = E::Implicit;
    type Val = E::Val;
    type Pre = E::Pre;

    fn implicit(&self) -> Result<Self::Implicit, TransactionValidityError> {
        self.0.implicit()
    }

    fn metadata() -> Vec<TransactionExtensionMetadata> {
        E::metadata()
    }

    fn weight(&self, call: &RuntimeCall) -> Weight {
        // Ranking reads up to ten items more. What every extrinsic is charged beside its call is
        // three times what it takes with them (`weights`).
        self.0.weight(call)
    }

    fn validate(
        &self,
        origin: RuntimeOrigin,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        len: usize,
        implicit: Self::Implicit,
        implication: &impl Implication,
        source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        let who = origin.as_system_origin_signer().cloned();
        let admitted = who.as_ref().and_then(|who| self.0.admit(who, call));
        let (mut valid, val, origin) = match admitted {
            Some((valid, val)) => (valid, val, origin),
            None => self.0.validate(origin, call, info, len, implicit, implication, source)?,
        };
        valid.priority = self.0.rank(valid.priority, who.as_ref(), call, info.class);
        Ok((valid, val, origin))
    }

    fn prepare(
        self,
        val: Self::Val,
        origin: &RuntimeOrigin,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        len: usize,
    ) -> Result<Self::Pre, TransactionValidityError> {
        self.0.prepare(val, origin, call, info, len)
    }

    fn post_dispatch_details(
        pre: Self::Pre,
        info: &DispatchInfoOf<RuntimeCall>,
        post_info: &PostDispatchInfoOf<RuntimeCall>,
        len: usize,
        result: &DispatchResult,
    ) -> Result<Weight, TransactionValidityError> {
        E::post_dispatch_details(pre, info, post_info, len, result)
    }

    fn bare_validate(
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        len: usize,
    ) -> TransactionValidity {
        E::bare_validate(call, info, len)
    }

    fn bare_validate_and_prepare(
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        len: usize,
    ) -> Result<(), TransactionValidityError> {
        E::bare_validate_and_prepare(call, info, len)
    }

    fn bare_post_dispatch(
        info: &DispatchInfoOf<RuntimeCall>,
        post_info: &mut PostDispatchInfoOf<RuntimeCall>,
        len: usize,
        result: &DispatchResult,
    ) -> Result<(), TransactionValidityError> {
        E::bare_post_dispatch(info, post_info, len, result)
    }
}
