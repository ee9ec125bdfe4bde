//! What is said of a type of proxy: its name, and the calls that it allows.
//!
//! Names and fields are the public runtime's, where clients read them from.

use alloc::vec::Vec;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// A type of proxy.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProxyTypeInfo {
    pub name: Vec<u8>,
    pub index: u8,
    /// Whether it allows nothing any more.
    pub deprecated: bool,
}

/// A condition on the arguments of an allowed call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum CallConstraint {
    /// The argument of this name is below `limit`.
    ParamLessThan { param_name: Vec<u8>, limit: u128 },
    /// The argument of this name is this call.
    NestedCallMustBe { param_name: Vec<u8>, pallet_name: Vec<u8>, call_name: Vec<u8> },
}

/// A call that a type of proxy allows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct CallInfo {
    pub pallet_name: Vec<u8>,
    pub pallet_index: u8,
    pub call_name: Vec<u8>,
    pub call_index: u8,
    pub constraint: Option<CallConstraint>,
}

/// Which calls a type of proxy allows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum FilterMode {
    AllowAll,
    /// These and no others.
    Allow(Vec<CallInfo>),
}

/// A type of proxy, and what it allows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProxyFilterInfo {
    pub proxy_type: u8,
    pub name: Vec<u8>,
    pub deprecated: bool,
    pub filter_mode: FilterMode,
}
