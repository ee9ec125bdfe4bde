//! How long an extrinsic that carries a ciphertext may live.
//!
//! As on the public chain: the key it is sealed to is soon gone, so it must say that it is valid
//! for a few blocks only, or it is refused as stale (opentensor/subtensor,
//! `runtime/src/check_mortality.rs`).

use crate::{Runtime, RuntimeCall, RuntimeOrigin};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::weights::Weight;
use frame_system::CheckMortality;
use pallet_mev_shield::{Call as Shield, ERA_BLOCKS_MAX};
use scale_info::{Type, TypeInfo};
use sp_runtime::{
    generic::Era,
    traits::{
        DispatchInfoOf, Implication, TransactionExtension, TransactionExtensionMetadata,
        ValidateResult,
    },
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
};

type Inner = CheckMortality<Runtime>;

/// FRAME's `CheckMortality` with that rule. To clients it is the extension itself: the same
/// identifier, type and bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct ShortIfSealed(Inner);

impl From<Inner> for ShortIfSealed {
    fn from(inner: Inner) -> Self {
        Self(inner)
    }
}

impl TypeInfo for ShortIfSealed {
    type Identity = <Inner as TypeInfo>::Identity;

    fn type_info() -> Type {
        Inner::type_info()
    }
}

/// Whether an extrinsic of this era may carry `call`.
fn may_live(era: Era, call: &RuntimeCall) -> bool {
    match (call, era) {
        (RuntimeCall::MevShield(Shield::submit_encrypted { .. }), Era::Mortal(period, _)) => {
            period <= ERA_BLOCKS_MAX
        }
        (RuntimeCall::MevShield(Shield::submit_encrypted { .. }), Era::Immortal) => false,
        _ => true,
    }
}

impl TransactionExtension<RuntimeCall> for ShortIfSealed {
    const IDENTIFIER: &'static str = <Inner as TransactionExtension<RuntimeCall>>::IDENTIFIER;
    type Implicit = <Inner as TransactionExtension<RuntimeCall>>::Implicit;
    type Val = <Inner as TransactionExtension<RuntimeCall>>::Val;
    type Pre = <Inner as TransactionExtension<RuntimeCall>>::Pre;

    fn implicit(&self) -> Result<Self::Implicit, TransactionValidityError> {
        TransactionExtension::<RuntimeCall>::implicit(&self.0)
    }

    fn metadata() -> Vec<TransactionExtensionMetadata> {
        <Inner as TransactionExtension<RuntimeCall>>::metadata()
    }

    fn weight(&self, call: &RuntimeCall) -> Weight {
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
        if !may_live(self.0 .0, call) {
            return Err(InvalidTransaction::Stale.into());
        }
        self.0.validate(origin, call, info, len, implicit, implication, source)
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use frame_support::BoundedVec;

    #[test]
    fn only_what_is_sealed_has_to_say_that_it_lives_for_a_few_blocks() {
        let sealed =
            RuntimeCall::MevShield(Shield::submit_encrypted { ciphertext: BoundedVec::default() });
        let plain = RuntimeCall::System(frame_system::Call::remark { remark: Vec::new() });
        let eras = [Era::Immortal, Era::mortal(16, 0), Era::mortal(8, 0), Era::mortal(4, 0)];
        assert_eq!(eras.map(|era| may_live(era, &sealed)), [false, false, true, true]);
        assert_eq!(eras.map(|era| may_live(era, &plain)), [true; 4]);
    }
}
