//! Refusals in the transaction pool.
//!
//! A call whose failure can be foreseen never reaches a block: the pool answers
//! `Custom error: N`, and clients have names for the numbers. The checks are those of the calls
//! themselves, run beforehand; what a batch or sudo wraps is checked only when it runs.
//!
//! One check is made here and nowhere else: a coldkey whose swap is announced does nothing but what
//! concerns it (`guard`). It holds for all calls and for all in whose names they act, so that no
//! proxy and no cosigner gets past it. Publicly the outer call of a proxy succeeds then and tells
//! the refusal in an event; here the pool refuses it.

use crate::{
    neurons::{Endpoint, Row, Work, UNNAMED_COMMIT_VERSION},
    *,
};
use codec::{Decode, DecodeWithMemTracking, Encode};
use core::marker::PhantomData;
use frame_support::{traits::IsSubType, weights::Weight};
use scale_info::TypeInfo;
use sp_runtime::{
    traits::{
        AsSystemOriginSigner, DispatchInfoOf, Dispatchable, Implication, PostDispatchInfoOf,
        TransactionExtension, ValidateResult,
    },
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidityError, ValidTransaction,
    },
    DispatchResult,
};

/// Code of a refusal that has no number of its own.
const BAD_REQUEST: u8 = 255;

/// The number under which clients know an error as a refusal.
fn code<T: Config>(error: &Error<T>) -> u8 {
    match error {
        Error::ColdkeySwapAnnounced => 0,
        Error::AmountTooLow | Error::NotEnoughStakeToSetWeights => 1,
        Error::NotEnoughBalanceToStake => 2,
        Error::SubnetNotExists => 3,
        Error::HotKeyAccountNotExists => 4,
        Error::NotEnoughStakeToWithdraw => 5,
        Error::SettingWeightsTooFast
        | Error::CommittingWeightsTooFast
        // Publicly a commit of these is included and fails under its name.
        | Error::TooManyUnrevealedCommits
        | Error::CommitQueueFull
        | Error::NetworkTxRateLimitExceeded => 6,
        Error::InsufficientLiquidity => 7,
        Error::SlippageTooHigh => 8,
        Error::TransferDisallowed => 9,
        Error::HotKeyNotRegisteredInNetwork => 10,
        Error::InvalidIpAddress | Error::InvalidIpType => 11,
        Error::ServingRateLimitExceeded => 12,
        Error::InvalidPort => 13,
        Error::InvalidRevealRound => 15,
        Error::InputLengthsUnequal | Error::WeightVecNotEqualSize => 18,
        Error::HotKeyNotRegisteredInSubNet => 19,
        Error::EvmKeyAssociateRateLimitExceeded => 20,
        Error::ColdkeySwapDisputed => 21,
        Error::NonAssociatedColdKey => 25,
        Error::DelegateTakeTooLow => 26,
        Error::DelegateTakeTooHigh => 27,
        _ => BAD_REQUEST,
    }
}

/// See the file's header. Of no size, so clients need not know it.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
#[scale_info(skip_type_params(T))]
pub struct SubtensorTransactionExtension<T>(PhantomData<T>);

impl<T> Default for SubtensorTransactionExtension<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> core::fmt::Debug for SubtensorTransactionExtension<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SubtensorTransactionExtension")
    }
}

/// Whether a call by `who` can be foreseen to fail.
fn check<T: Config>(who: &T::AccountId, call: &Call<T>) -> Result<(), Error<T>> {
    match call {
        Call::set_weights { netuid, dests, weights, version_key } => {
            check_weights(who, *netuid, MechId::MAIN, dests, weights, *version_key)
        }
        Call::set_mechanism_weights { netuid, mecid, dests, weights, version_key } => {
            check_weights(who, *netuid, *mecid, dests, weights, *version_key)
        }
        Call::commit_weights { netuid, .. } => {
            Pallet::<T>::check_commit_hash(who, *netuid, MechId::MAIN).map(|_| ())
        }
        Call::commit_mechanism_weights { netuid, mecid, .. } => {
            Pallet::<T>::check_commit_hash(who, *netuid, *mecid).map(|_| ())
        }
        Call::commit_timelocked_weights { netuid, reveal_round, commit_reveal_version, .. } => {
            let (mechanism, version) = (MechId::MAIN, *commit_reveal_version);
            check_timelocked(who, *netuid, mechanism, *reveal_round, version)
        }
        Call::commit_timelocked_mechanism_weights {
            netuid,
            mecid,
            reveal_round,
            commit_reveal_version,
            ..
        } => check_timelocked(who, *netuid, *mecid, *reveal_round, *commit_reveal_version),
        Call::commit_crv3_mechanism_weights { netuid, mecid, reveal_round, .. } => {
            check_timelocked(who, *netuid, *mecid, *reveal_round, UNNAMED_COMMIT_VERSION)
        }
        Call::serve_axon { netuid, ip, port, ip_type, .. }
        | Call::serve_axon_tls { netuid, ip, port, ip_type, .. } => {
            let endpoint = Endpoint { ip: *ip, port: *port, ip_type: *ip_type };
            Pallet::<T>::check_serve_axon(who, *netuid, endpoint)
        }
        Call::serve_prometheus { netuid, ip, port, ip_type, .. } => {
            let endpoint = Endpoint { ip: *ip, port: *port, ip_type: *ip_type };
            Pallet::<T>::check_serve_prometheus(who, *netuid, endpoint)
        }
        Call::add_stake { hotkey, netuid, amount_staked } => {
            Pallet::<T>::check_add_stake(who, hotkey, *netuid, *amount_staked, false)
        }
        Call::add_stake_limit { hotkey, netuid, amount_staked, allow_partial, .. } => {
            Pallet::<T>::check_add_stake(who, hotkey, *netuid, *amount_staked, *allow_partial)
        }
        Call::remove_stake { hotkey, netuid, amount_unstaked }
        | Call::remove_stake_limit { hotkey, netuid, amount_unstaked, .. } => {
            Pallet::<T>::check_remove_stake(who, hotkey, *netuid, *amount_unstaked)
        }
        Call::increase_take { hotkey, take } => {
            Pallet::<T>::check_increase_take(who, hotkey, *take)
        }
        Call::decrease_take { hotkey, take } => {
            Pallet::<T>::check_decrease_take(who, hotkey, *take)
        }
        Call::associate_evm_key { netuid, evm_key, signature, .. } => {
            Pallet::<T>::check_associate_evm_key(who, *netuid, *evm_key, signature).map(|_| ())
        }
        Call::pow_register { netuid, work_block, nonce, work, hotkey } => {
            let work = Work { hotkey, block: *work_block, nonce: *nonce, seal: work };
            Pallet::<T>::check_pow_registration(who, *netuid, &work)
        }
        _ => Ok(()),
    }
}

/// Whether `who` may do `call`, for all that is announced of its coldkey.
fn guard<T: Config>(
    who: &T::AccountId,
    call: &<T as frame_system::Config>::RuntimeCall,
) -> Result<(), Error<T>>
where
    <T as frame_system::Config>::RuntimeCall: IsSubType<Call<T>>,
{
    if !ColdkeySwapAnnouncements::<T>::contains_key(who) {
        return Ok(());
    }
    if ColdkeySwapDisputes::<T>::contains_key(who) {
        return Err(Error::ColdkeySwapDisputed);
    }
    let concerns_it = matches!(
        call.is_sub_type(),
        Some(
            Call::announce_coldkey_swap { .. }
                | Call::swap_coldkey_announced { .. }
                | Call::dispute_coldkey_swap {}
                | Call::clear_coldkey_swap_announcement {}
        )
    );
    if concerns_it || T::ActsFor::is_sealed(call) {
        return Ok(());
    }
    Err(Error::ColdkeySwapAnnounced)
}

fn check_timelocked<T: Config>(
    who: &T::AccountId,
    netuid: NetUid,
    mechanism: MechId,
    round: u64,
    version: u16,
) -> Result<(), Error<T>> {
    Pallet::<T>::check_timelocked(who, netuid, mechanism, round, version).map(|_| ())
}

fn check_weights<T: Config>(
    who: &T::AccountId,
    netuid: NetUid,
    mechanism: MechId,
    uids: &[u16],
    values: &[u16],
    version_key: u64,
) -> Result<(), Error<T>> {
    let row = Row { uids, values, version_key };
    let (index, uid) = Pallet::<T>::check_weight_setter(who, netuid, mechanism, row)?;
    Pallet::<T>::check_weights_rate(netuid, index, uid)
}

impl<T> TransactionExtension<T::RuntimeCall> for SubtensorTransactionExtension<T>
where
    T: Config + Send + Sync + TypeInfo,
    T::RuntimeCall: Dispatchable + IsSubType<Call<T>>,
    <T::RuntimeCall as Dispatchable>::RuntimeOrigin: AsSystemOriginSigner<T::AccountId> + Clone,
{
    const IDENTIFIER: &'static str = "SubtensorTransactionExtension";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    fn weight(&self, _call: &T::RuntimeCall) -> Weight {
        // The reads are those of the call itself, which has just been weighed with them.
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
        if let Some(who) = origin.as_system_origin_signer() {
            let foreseen = T::ActsFor::each(who, call, &mut guard::<T>)
                .and_then(|()| call.is_sub_type().map_or(Ok(()), |call| check::<T>(who, call)));
            foreseen.map_err(|error| InvalidTransaction::Custom(code(&error)))?;
        }
        Ok((ValidTransaction::default(), (), origin))
    }

    fn prepare(
        self,
        _val: (),
        _origin: &<T::RuntimeCall as Dispatchable>::RuntimeOrigin,
        _call: &T::RuntimeCall,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _len: usize,
    ) -> Result<(), TransactionValidityError> {
        Ok(())
    }

    fn post_dispatch_details(
        _pre: (),
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _post_info: &PostDispatchInfoOf<T::RuntimeCall>,
        _len: usize,
        _result: &DispatchResult,
    ) -> Result<Weight, TransactionValidityError> {
        Ok(Weight::zero())
    }
}
