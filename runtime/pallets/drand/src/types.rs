//! A beacon's configuration and its pulses, as clients of the public chain know them.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

/// A compressed point of G2.
pub type OpaquePublicKey = BoundedVec<u8, ConstU32<96>>;
pub type BoundedHash = BoundedVec<u8, ConstU32<32>>;
pub type RoundNumber = u64;

/// Which beacon a chain follows.
#[derive(
    Clone, Debug, Default, PartialEq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct BeaconConfiguration {
    pub public_key: OpaquePublicKey,
    /// Seconds between two rounds.
    pub period: u32,
    /// Unix time of round 1.
    pub genesis_time: u32,
    pub hash: BoundedHash,
    pub group_hash: BoundedHash,
    pub scheme_id: BoundedHash,
    pub metadata: Metadata,
}

impl BeaconConfiguration {
    /// The latest round at this Unix time; 0 before the first.
    pub fn round_at(&self, seconds: u64) -> RoundNumber {
        let Some(since) = seconds.checked_sub(self.genesis_time.into()) else { return 0 };
        since.checked_div(self.period.into()).map_or(0, |full| full.saturating_add(1))
    }
}

#[derive(
    Clone, Debug, Default, PartialEq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Metadata {
    pub beacon_id: BoundedHash,
}

/// A round's signature, and its hash.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Pulse {
    pub round: RoundNumber,
    /// The SHA-256 of the signature.
    pub randomness: BoundedVec<u8, ConstU32<32>>,
    /// Drand signs with 48 bytes. The public chain's bound.
    pub signature: BoundedVec<u8, ConstU32<144>>,
}

/// Pulses, signed by whoever brings them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct PulsesPayload<Public, BlockNumber> {
    pub block_number: BlockNumber,
    pub pulses: Vec<Pulse>,
    pub public: Public,
}

/// Another configuration, signed by whoever brings it.
#[derive(Clone, Debug, PartialEq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct BeaconConfigurationPayload<Public, BlockNumber> {
    pub block_number: BlockNumber,
    pub config: BeaconConfiguration,
    pub public: Public,
}
