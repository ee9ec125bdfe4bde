//! Time locks: a beacon's signature of a round, and what was sealed until that round.
//!
//! The beacon is drand's `bls-unchained-g1-rfc9380`: it signs each round's number, with signatures in
//! G1 and the public key in G2 of BLS12-381. A signature opens whatever was sealed to its round by
//! identity-based encryption (Boneh and Franklin's FullIdent) with AES-256-GCM behind it, which is
//! the format that clients of the public chain write.
//!
//! `beacon` is the other side of both: it signs rounds with a key made of a seed, and seals. What is
//! read here comes from strangers: nothing panics, nothing is allocated by a length that only claims
//! to be one.

#![cfg_attr(not(test), no_std)]
// Arithmetic here is that of points and scalars, which have no bounds; integers are only compared.
#![allow(clippy::arithmetic_side_effects)]

extern crate alloc;

use aes_gcm::{
    aead::{Aead, KeyInit},
    Aes256Gcm,
};
use alloc::vec::Vec;
use ark_bls12_381::{g1, Bls12_381, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{
    hashing::{curve_maps::wb::WBMap, map_to_curve_hasher::MapToCurveBasedHasher, HashToCurve},
    pairing::Pairing,
    AffineRepr, CurveGroup,
};
use ark_ff::{field_hashers::DefaultFieldHasher, One, PrimeField};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use sha2::{Digest, Sha256};

mod beacon;

pub use beacon::{public_key, seal, sign};

/// Bytes of a signature: a compressed point of G1.
pub const SIGNATURE_BYTES: usize = 48;
/// Bytes of a public key: a compressed point of G2.
pub const PUBLIC_KEY_BYTES: usize = 96;

/// RFC 9380's domain, as drand's scheme has it.
const DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// The only cipher of the body.
const CIPHER: &[u8] = b"AES_GCM_";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// A round's signature, known to be a point of the right group.
#[derive(Clone, Copy)]
pub struct Signature(G1Affine);

impl Signature {
    /// Reads a compressed point; None if it is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; SIGNATURE_BYTES] = bytes.try_into().ok()?;
        let point = G1Affine::deserialize_compressed(&bytes[..]).ok()?;
        (!point.is_zero()).then_some(Self(point))
    }

    /// Whether the holder of `public_key` signed `round`.
    pub fn signs(&self, round: u64, public_key: &[u8]) -> bool {
        let Ok(bytes) = <&[u8; PUBLIC_KEY_BYTES]>::try_from(public_key) else { return false };
        let (Ok(key), Some(message)) =
            (G2Affine::deserialize_compressed(&bytes[..]), hashed(round))
        else {
            return false;
        };
        // e(signature, -generator) * e(message, key) is one: a single final exponentiation.
        let generator = (-G2Affine::generator().into_group()).into_affine();
        !key.is_zero() && Bls12_381::multi_pairing([self.0, message], [generator, key]).0.is_one()
    }

    /// What `sealed` holds, if it was sealed to the round that this signs.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let mut reader = Reader(sealed);
        let header = reader.take(PUBLIC_KEY_BYTES)?;
        let (v, w) = (reader.sized()?, reader.sized()?);
        let (mut body, suite) = (Reader(reader.sized()?), reader.sized()?);
        let (text, nonce) = (body.sized()?, body.sized()?);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        if suite != CIPHER {
            return None;
        }
        let key = self.key(header, v.try_into().ok()?, w.try_into().ok()?)?;
        Aes256Gcm::new(&key.into()).decrypt(&nonce.into(), text).ok()
    }

    /// The key of the body, out of the header's parts `U`, `V` and `W`.
    fn key(&self, u: &[u8], v: [u8; KEY_BYTES], w: [u8; KEY_BYTES]) -> Option<[u8; KEY_BYTES]> {
        let point = G2Affine::deserialize_compressed(u).ok()?;
        let mut shared = Vec::new();
        Bls12_381::pairing(self.0, point).serialize_compressed(&mut shared).ok()?;
        let sigma = xor(v, sha256(&[&shared]));
        let key = xor(w, sha256(&[&sigma]));
        // Whoever knows the key could have made the header by these very steps: the header is held
        // to them, so that nobody can change it.
        let scalar = Fr::from_be_bytes_mod_order(&sha256(&[&sigma, &key]));
        (G2Affine::generator() * scalar == point).then_some(key)
    }
}

/// What drand publishes as a round's randomness.
pub fn randomness(signature: &[u8]) -> [u8; 32] {
    sha256(&[signature])
}

/// What a beacon signs in `round`, as a point of G1.
fn hashed(round: u64) -> Option<G1Affine> {
    type Hasher =
        MapToCurveBasedHasher<G1Projective, DefaultFieldHasher<Sha256, 128>, WBMap<g1::Config>>;
    Hasher::new(DOMAIN).ok()?.hash(&sha256(&[&round.to_be_bytes()])).ok()
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn xor(mut a: [u8; KEY_BYTES], b: [u8; KEY_BYTES]) -> [u8; KEY_BYTES] {
    for (left, right) in a.iter_mut().zip(b) {
        *left ^= right;
    }
    a
}

/// Takes byte strings off the front, each behind its length of eight bytes, the lowest first.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.take(8)?.try_into().ok()?;
        self.take(usize::try_from(u64::from_le_bytes(length)).ok()?)
    }
}

#[cfg(test)]
mod tests;
