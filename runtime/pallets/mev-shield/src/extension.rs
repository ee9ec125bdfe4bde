//! Refuses an extrinsic whose ciphertext is none: `Custom error: 23`, as on the public chain.
//!
//! Whether the key is one that anybody holds is not asked here. That is known to the host, which
//! refuses the rest (`Custom error: 24`).

use crate::{Call, Config, ShieldedTransaction};
use codec::{Decode, DecodeWithMemTracking, Encode};
use core::marker::PhantomData;
use frame_support::{traits::IsSubType, weights::Weight};
use scale_info::TypeInfo;
use sp_runtime::{
    impl_tx_ext_default,
    traits::{
        AsSystemOriginSigner, DispatchInfoOf, Dispatchable, Implication, TransactionExtension,
        ValidateResult,
    },
    transaction_validity::{InvalidTransaction, TransactionSource, ValidTransaction},
};

/// Clients know the code as `FailedShieldedTxParsing`.
pub const FAILED_SHIELDED_TX_PARSING: u8 = 23;

/// See the file's header. Of no size, so clients need not know it.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
#[scale_info(skip_type_params(T))]
pub struct CheckShieldedTxValidity<T>(PhantomData<T>);

impl<T> Default for CheckShieldedTxValidity<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> core::fmt::Debug for CheckShieldedTxValidity<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("CheckShieldedTxValidity")
    }
}

impl<T> TransactionExtension<T::RuntimeCall> for CheckShieldedTxValidity<T>
where
    T: Config + Send + Sync + TypeInfo,
    T::RuntimeCall: Dispatchable + IsSubType<Call<T>>,
    <T::RuntimeCall as Dispatchable>::RuntimeOrigin: AsSystemOriginSigner<T::AccountId> + Clone,
{
    const IDENTIFIER: &'static str = "CheckShieldedTxValidity";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    impl_tx_ext_default!(T::RuntimeCall; prepare);

    fn weight(&self, _call: &T::RuntimeCall) -> Weight {
        // Nothing is read; splitting at most 8 KB is paid for with the call.
        Weight::zero()
    }

    fn validate(
        &self,
        origin: <T::RuntimeCall as Dispatchable>::RuntimeOrigin,
        call: &T::RuntimeCall,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _len: usize,
        _implicit: (),
        _implication: &impl Implication,
        _source: TransactionSource,
    ) -> ValidateResult<(), T::RuntimeCall> {
        if let (Some(_), Some(Call::submit_encrypted { ciphertext })) =
            (origin.as_system_origin_signer(), call.is_sub_type())
        {
            ShieldedTransaction::parse(ciphertext)
                .ok_or(InvalidTransaction::Custom(FAILED_SHIELDED_TX_PARSING))?;
        }
        Ok((ValidTransaction::default(), (), origin))
    }
}
