//! Who pays the fee of an extrinsic, and who gets it.
//!
//! The signer pays, but for the calls by which a hotkey does its work (`priority::work_of`): there
//! the coldkey that owns the hotkey does, so that a hotkey needs no TAO. That list is the SDK's
//! `COLDKEY_PAYS_FEE_CALLS`. A batch counts when all of it is on the list: otherwise whoever holds
//! a hotkey could run anything at its owner's cost. A tip is never the owner's.
//!
//! What a call turns out to have cost less is given back to who paid. A coldkey that has swapped
//! itself away has no account for that: there its successor gets it.

use crate::{
    config::BlockAuthor, priority::work_of, AccountId, Balance, Balances, Runtime, RuntimeCall,
};
use core::marker::PhantomData;
use frame_support::{
    traits::{
        fungible::{Balanced, Credit, Inspect},
        Get, OnUnbalanced,
    },
    unsigned::TransactionValidityError,
    weights::{Weight, WeightToFee},
};
use pallet_subtensor::Call as Subtensor;
use pallet_transaction_payment::{FungibleAdapter, OnChargeTransaction, TxCreditHold};
use sp_runtime::traits::{DispatchInfoOf, PostDispatchInfoOf};

/// Weight, in picoseconds, that one rao pays for: a transfer comes to about 0.0002 TAO, a call that
/// walks a whole subnet to a hundred times that.
const PICOS_PER_RAO: u64 = 5_000;

/// The fee for an extrinsic's weight. Its length costs one rao a byte besides.
pub struct WeightFee;

impl WeightToFee for WeightFee {
    type Balance = Balance;

    fn weight_to_fee(weight: &Weight) -> Balance {
        weight.ref_time() / PICOS_PER_RAO
    }
}

/// Calls nested deeper than this in batches are not looked at: their signer pays.
const BATCH_DEPTH_MAX: u8 = 2;

/// Whether the fee of `call` is the affair of the signing hotkey's owner.
pub fn owner_pays(call: &RuntimeCall) -> bool {
    owner_pays_at(call, BATCH_DEPTH_MAX)
}

fn owner_pays_at(call: &RuntimeCall, depth: u8) -> bool {
    match call {
        call if work_of(call).is_some() => true,
        RuntimeCall::SubtensorModule(
            Subtensor::batch_set_weights { .. } | Subtensor::batch_commit_weights { .. },
        ) => true,
        RuntimeCall::Utility(
            pallet_utility::Call::batch { calls }
            | pallet_utility::Call::batch_all { calls }
            | pallet_utility::Call::force_batch { calls },
        ) => match depth.checked_sub(1) {
            Some(rest) => !calls.is_empty() && calls.iter().all(|inner| owner_pays_at(inner, rest)),
            None => false,
        },
        _ => false,
    }
}

/// The account that pays for `call`, signed by `who`.
fn payer(who: &AccountId, call: &RuntimeCall, tip: Balance) -> AccountId {
    if tip == 0 && owner_pays(call) {
        if let Ok(owner) = pallet_subtensor::Owner::<Runtime>::try_get(who) {
            return owner;
        }
    }
    who.clone()
}

/// Who has all that the signer of `call` had, once it is done.
fn successor(call: &RuntimeCall) -> Option<AccountId> {
    match call {
        RuntimeCall::SubtensorModule(Subtensor::swap_coldkey_announced { new_coldkey }) => {
            Some(new_coldkey.clone())
        }
        _ => None,
    }
}

/// Charges as [`FungibleAdapter`] does, but the account that [`payer`] names.
pub struct OwnerPays<F, OU>(PhantomData<(F, OU)>);

type Inner<F, OU> = FungibleAdapter<F, OU>;
type InnerInfo<F, OU> = <Inner<F, OU> as OnChargeTransaction<Runtime>>::LiquidityInfo;

/// What is to be known when the call is done.
#[derive(Default)]
pub struct Charged<L> {
    /// None when nothing was due.
    payer: Option<AccountId>,
    /// Who has what the payer had, if the payer is gone.
    successor: Option<AccountId>,
    /// What the adapter wants back.
    inner: L,
}

impl<F, OU> TxCreditHold<Runtime> for OwnerPays<F, OU>
where
    Inner<F, OU>: TxCreditHold<Runtime>,
{
    type Credit = <Inner<F, OU> as TxCreditHold<Runtime>>::Credit;
}

impl<F, OU> OnChargeTransaction<Runtime> for OwnerPays<F, OU>
where
    Inner<F, OU>: OnChargeTransaction<Runtime, Balance = Balance>,
{
    type Balance = Balance;
    type LiquidityInfo = Charged<InnerInfo<F, OU>>;

    fn withdraw_fee(
        who: &AccountId,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        fee_with_tip: Balance,
        tip: Balance,
    ) -> Result<Self::LiquidityInfo, TransactionValidityError> {
        let payer = payer(who, call, tip);
        let inner = Inner::<F, OU>::withdraw_fee(&payer, call, info, fee_with_tip, tip)?;
        Ok(Charged { payer: Some(payer), successor: successor(call), inner })
    }

    fn can_withdraw_fee(
        who: &AccountId,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        fee_with_tip: Balance,
        tip: Balance,
    ) -> Result<(), TransactionValidityError> {
        let payer = payer(who, call, tip);
        Inner::<F, OU>::can_withdraw_fee(&payer, call, info, fee_with_tip, tip)
    }

    fn correct_and_deposit_fee(
        who: &AccountId,
        info: &DispatchInfoOf<RuntimeCall>,
        post_info: &PostDispatchInfoOf<RuntimeCall>,
        corrected_fee_with_tip: Balance,
        tip: Balance,
        charged: Self::LiquidityInfo,
    ) -> Result<(), TransactionValidityError> {
        let Charged { payer, successor, inner } = charged;
        let payer = payer.as_ref().unwrap_or(who);
        let gone = Balances::total_balance(payer) == 0;
        let payer = successor.as_ref().filter(|_| gone).unwrap_or(payer);
        Inner::<F, OU>::correct_and_deposit_fee(
            payer,
            info,
            post_info,
            corrected_fee_with_tip,
            tip,
            inner,
        )
    }
}

/// Gives fees to the block's author. Where there is none, or the author's account could not hold
/// so little, they are burned; the subtensor pallet takes note of that when the block ends.
pub struct ToAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToAuthor {
    fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
        match BlockAuthor::<Runtime>::get() {
            Some(author) => drop(Balances::resolve(&author, credit)),
            None => drop(credit),
        }
    }
}
