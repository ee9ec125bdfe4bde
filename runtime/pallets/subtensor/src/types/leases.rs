//! Records of leases.

use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;
use sp_runtime::Percent;

use super::{NetUid, Tao};

/// The number of a lease.
pub type LeaseId = u32;

/// A subnet that a crowdloan paid for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SubnetLease<AccountId, BlockNumber> {
    /// Who runs the subnet, and has it when the lease ends.
    pub beneficiary: AccountId,
    /// The subnet's owner as long as the lease runs. Nobody holds its key.
    pub coldkey: AccountId,
    /// Its hotkey.
    pub hotkey: AccountId,
    /// Part of the owner's cut that contributors and the beneficiary share.
    pub emissions_share: Percent,
    /// From which the beneficiary may end the lease; none: it never ends.
    pub end_block: Option<BlockNumber>,
    pub netuid: NetUid,
    /// What the subnet and the beneficiary's proxy cost.
    pub cost: Tao,
}
