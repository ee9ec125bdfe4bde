//! A type of calls about Ethereum's machine, which is not here: clients encode them by it.

use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;

/// What contracts may call, in the public runtime's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
#[allow(missing_docs)]
pub enum PrecompileEnum {
    BalanceTransfer,
    Staking,
    Subnet,
    Metagraph,
    Neuron,
    UidLookup,
    Alpha,
    Crowdloan,
    Proxy,
    Leasing,
    AddressMapping,
    VotingPower,
    AccountBalance,
    Scheduler,
    Drand,
    Timestamp,
    RuntimeConfiguration,
    PrecompileRegistry,
}
