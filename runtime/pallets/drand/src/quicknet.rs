//! The public beacon: drand's quicknet, which the League of Entropy runs.

use crate::types::{BeaconConfiguration, BoundedHash, Metadata, OpaquePublicKey};
use frame_support::BoundedVec;
use sp_core::hex2array;

/// Its key, in G2. Clients of the public chain have it built in.
pub const PUBLIC_KEY: [u8; 96] = hex2array!("83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a");

/// Seconds between two rounds.
pub const PERIOD: u32 = 3;

/// Unix time of round 1.
pub const GENESIS_TIME: u32 = 1_692_803_367;

const CHAIN_HASH: [u8; 32] =
    hex2array!("52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971");
const GROUP_HASH: [u8; 32] =
    hex2array!("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e");

/// The scheme, by the name under which the public chain stores it.
const SCHEME: &[u8] = b"bls-unchained-g1-rfc9380";
const NAME: &[u8] = b"quicknet";

/// What a local beacon is called.
const LOCAL_NAME: &[u8] = b"local";

pub fn configuration() -> BeaconConfiguration {
    BeaconConfiguration {
        public_key: OpaquePublicKey::truncate_from(PUBLIC_KEY.to_vec()),
        period: PERIOD,
        genesis_time: GENESIS_TIME,
        hash: BoundedHash::truncate_from(CHAIN_HASH.to_vec()),
        group_hash: BoundedHash::truncate_from(GROUP_HASH.to_vec()),
        scheme_id: BoundedHash::truncate_from(SCHEME.to_vec()),
        metadata: Metadata { beacon_id: BoundedVec::truncate_from(NAME.to_vec()) },
    }
}

/// A beacon with another key, whose rounds come at quicknet's times under quicknet's numbers: by
/// these, clients reckon.
pub fn with_key(public_key: OpaquePublicKey) -> BeaconConfiguration {
    BeaconConfiguration {
        hash: BoundedHash::truncate_from(sp_io::hashing::sha2_256(&public_key).to_vec()),
        group_hash: BoundedHash::default(),
        metadata: Metadata { beacon_id: BoundedVec::truncate_from(LOCAL_NAME.to_vec()) },
        public_key,
        ..configuration()
    }
}
