//! Numbers that name things: a subnet, a mechanism of a subnet, and the two folded into one.
//!
//! Each is a transparent newtype, so its encoding is the integer's and the compiler keeps a
//! netuid from being handed over where a uid is meant. Uids themselves stay `u16`: clients see
//! them inside plain vectors of pairs.

use codec::{CompactAs, Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Mechanisms of one subnet are kept this far apart in the storage index.
const NETUIDS_PER_MECHANISM: u16 = 4096;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            Encode, Decode, DecodeWithMemTracking, CompactAs, MaxEncodedLen, TypeInfo,
            Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name($int);

        impl From<$int> for $name {
            fn from(value: $int) -> Self {
                Self(value)
            }
        }

        impl From<$name> for $int {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A subnet. 0 is the root network, where TAO is staked as such.
    NetUid(u16)
}

id! {
    /// A mechanism of a subnet: a weight matrix of its own with a share of the emission.
    MechId(u8)
}

id! {
    /// `mechanism * 4096 + netuid`: the key of everything a subnet keeps once a mechanism.
    NetUidStorageIndex(u16)
}

impl NetUid {
    pub const ROOT: Self = Self(0);

    pub const fn new(value: u16) -> Self {
        Self(value)
    }

    pub const fn is_root(self) -> bool {
        self.0 == 0
    }

    /// The next netuid up, or `None` when the storage index has no room for another.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).filter(|n| *n < NETUIDS_PER_MECHANISM).map(Self)
    }
}

impl MechId {
    /// The one mechanism that every subnet has.
    pub const MAIN: Self = Self(0);

    pub const fn new(value: u8) -> Self {
        Self(value)
    }
}

impl NetUidStorageIndex {
    /// Where `netuid` keeps what belongs to `mechanism`. `None` for the pairs that do not fit.
    pub fn of(netuid: NetUid, mechanism: MechId) -> Option<Self> {
        u16::from(mechanism.0)
            .checked_mul(NETUIDS_PER_MECHANISM)?
            .checked_add(netuid.0)
            .filter(|_| netuid.0 < NETUIDS_PER_MECHANISM)
            .map(Self)
    }

    /// The subnet that it belongs to.
    pub const fn netuid(self) -> NetUid {
        NetUid(self.0 % NETUIDS_PER_MECHANISM)
    }

    /// The index of a subnet's main mechanism, which is the netuid itself.
    pub const fn main(netuid: NetUid) -> Self {
        Self(netuid.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_index_separates_mechanisms() {
        let of = |netuid: u16, mechanism: u8| {
            NetUidStorageIndex::of(netuid.into(), mechanism.into()).map(u16::from)
        };
        assert_eq!(of(7, 0), Some(7));
        assert_eq!(of(7, 1), Some(4096 + 7));
        assert_eq!(of(4095, 15), Some(u16::MAX));
        assert_eq!(of(4096, 0), None);
        assert_eq!(of(0, 16), None);
    }

    #[test]
    fn netuids_end_where_the_next_mechanism_begins() {
        assert_eq!(NetUid::from(1).next(), Some(NetUid::from(2)));
        assert_eq!(NetUid::from(4095).next(), None);
    }

    #[test]
    fn a_newtype_is_encoded_as_its_integer() {
        assert_eq!(NetUid::from(0x0102).encode(), [2, 1]);
        assert_eq!(codec::Compact(NetUid::from(1)).encode(), codec::Compact(1u16).encode());
    }
}
