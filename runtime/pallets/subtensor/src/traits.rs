//! What the pallet asks of the runtime around it, and the names it uses for that.
//!
//! Implemented by the balances pallet and the swap pallet; nothing here has a body that matters.

use crate::types::{NetUid, Tao};
use alloc::vec::Vec;
use frame_support::traits::fungible;
use sp_runtime::{DispatchError, DispatchResult};

/// The free balances: inspected, moved, and (by emission and burning alone) minted and burned.
pub trait Currency<AccountId: Eq>:
    fungible::Inspect<AccountId, Balance = u64>
    + fungible::Mutate<AccountId>
    + fungible::Balanced<AccountId>
{
}

impl<AccountId: Eq, C> Currency<AccountId> for C where
    C: fungible::Inspect<AccountId, Balance = u64>
        + fungible::Mutate<AccountId>
        + fungible::Balanced<AccountId>
{
}

/// What the swap pallet keeps for each pool.
pub trait PoolSettings {
    /// Fee of a swap, in 65535ths of its input.
    fn fee_rate(netuid: NetUid) -> u16;
    /// The pool is no more; the next of its netuid starts anew.
    fn forget(netuid: NetUid);
}

/// Whoever keeps something of a neuron is told here that it has left its subnet.
pub trait OnNeuronLeft<AccountId> {
    fn neuron_left(netuid: NetUid, hotkey: &AccountId);
}

impl<AccountId> OnNeuronLeft<AccountId> for () {
    fn neuron_left(_: NetUid, _: &AccountId) {}
}

/// What neurons have committed to, for whoever reads a subnet as a whole.
pub trait Commitments<AccountId> {
    /// The commitments on a subnet, each with its hotkey, encoded as they are kept.
    fn commitments(netuid: NetUid) -> Vec<(AccountId, Vec<u8>)>;
}

impl<AccountId> Commitments<AccountId> for () {
    fn commitments(_: NetUid) -> Vec<(AccountId, Vec<u8>)> {
        Vec::new()
    }
}

/// What a beacon's round makes of what was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The round has not been published.
    NotYet,
    /// It was not sealed to this round, or is nothing sealed at all.
    Never,
    Text(Vec<u8>),
}

/// The randomness beacon that the chain follows.
pub trait Beacon {
    /// The latest round that is known; 0 before the first.
    fn last_round() -> u64;
    /// The latest round that comes within so many seconds.
    fn round_within(seconds: u64) -> u64;
    /// Notes that something is sealed to `round`.
    fn await_round(round: u64);
    /// Whether a round that something is sealed to came to be known in the block before this one.
    fn has_news() -> bool;
    /// Whether the round has been published.
    fn is_known(round: u64) -> bool;
    /// What the round makes of what was sealed.
    fn open(round: u64, sealed: &[u8]) -> Opened;
}

/// No beacon: nothing ever opens.
impl Beacon for () {
    fn last_round() -> u64 {
        0
    }

    fn round_within(_: u64) -> u64 {
        0
    }

    fn await_round(_: u64) {}

    fn has_news() -> bool {
        false
    }

    fn is_known(_: u64) -> bool {
        false
    }

    fn open(_: u64, _: &[u8]) -> Opened {
        Opened::NotYet
    }
}

/// What a crowdloan raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funding<AccountId> {
    pub creator: AccountId,
    /// Where the money is.
    pub account: AccountId,
    pub raised: Tao,
    /// What each gave, in rao; the creator is among them.
    pub contributions: Vec<(AccountId, u64)>,
}

/// What leases of subnets are made with: crowdloans, which pay for them, and proxies, by which the
/// beneficiary of one runs the subnet.
pub trait Leasing<AccountId> {
    /// The crowdloan whose call is being made.
    fn funding() -> Result<Funding<AccountId>, DispatchError>;
    /// Lets `beneficiary` run the subnet that `lease` owns.
    fn let_act(lease: &AccountId, beneficiary: &AccountId) -> DispatchResult;
    /// The end of that.
    fn stop_acting(lease: &AccountId, beneficiary: &AccountId) -> DispatchResult;
}

impl<AccountId> Leasing<AccountId> for () {
    fn funding() -> Result<Funding<AccountId>, DispatchError> {
        Err(DispatchError::Unavailable)
    }

    fn let_act(_: &AccountId, _: &AccountId) -> DispatchResult {
        Ok(())
    }

    fn stop_acting(_: &AccountId, _: &AccountId) -> DispatchResult {
        Ok(())
    }
}

/// In whose names an extrinsic acts, as far as its call says so: of its signer, and of accounts that
/// the signer is a proxy or a signatory of.
pub trait ActsFor<AccountId, Call> {
    /// Gives `look` the signer with `call`, and everybody else with what is done in their names;
    /// ends with its first error.
    fn each<E>(
        signer: &AccountId,
        call: &Call,
        look: &mut dyn FnMut(&AccountId, &Call) -> Result<(), E>,
    ) -> Result<(), E>;

    /// Whether `call` only carries another extrinsic, sealed, which is looked at by itself.
    fn is_sealed(call: &Call) -> bool;
}

impl<AccountId, Call> ActsFor<AccountId, Call> for () {
    fn each<E>(
        signer: &AccountId,
        call: &Call,
        look: &mut dyn FnMut(&AccountId, &Call) -> Result<(), E>,
    ) -> Result<(), E> {
        look(signer, call)
    }

    fn is_sealed(_: &Call) -> bool {
        false
    }
}
