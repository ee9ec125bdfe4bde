//! What is kept of a crowdloan. Fields and their order are the public chain's.

use crate::Config;
use codec::{Decode, Encode};
use frame_support::traits::Bounded;
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;

pub type CrowdloanId = u32;

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct CrowdloanInfo<AccountId, Balance, BlockNumber, Call> {
    pub creator: AccountId,
    /// What the creator gave at the beginning.
    pub deposit: Balance,
    /// Least that is taken of a contributor at once.
    pub min_contribution: Balance,
    /// Block from which nothing is taken.
    pub end: BlockNumber,
    /// What is to be raised.
    pub cap: Balance,
    /// Where the money is.
    pub funds_account: AccountId,
    /// How much there is, the deposit among it.
    pub raised: Balance,
    /// Who is paid in the end.
    pub target_address: Option<AccountId>,
    /// Or what is done with it.
    pub call: Option<Call>,
    /// Whether that is done.
    pub finalized: bool,
    /// How many have given, the creator among them.
    pub contributors_count: u32,
}

pub type CrowdloanInfoOf<T> = CrowdloanInfo<
    <T as frame_system::Config>::AccountId,
    u64,
    BlockNumberFor<T>,
    Bounded<<T as Config>::RuntimeCall, <T as frame_system::Config>::Hashing>,
>;
