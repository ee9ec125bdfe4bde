//! The beacon's own side: signing rounds, and sealing to one.
//!
//! A local chain's beacon signs with a key that is made of 32 bytes, by the very arithmetic by which
//! its pulses are verified. Running time depends on the key: this is for beacons of development
//! chains, not for keys that others attack.

use crate::{
    hashed, sha256, xor, CIPHER, KEY_BYTES, NONCE_BYTES, PUBLIC_KEY_BYTES, SIGNATURE_BYTES,
};
use aes_gcm::{
    aead::{Aead, KeyInit},
    Aes256Gcm,
};
use alloc::vec::Vec;
use ark_bls12_381::{Bls12_381, Fr, G2Affine};
use ark_ec::{pairing::Pairing, AffineRepr, CurveGroup};
use ark_ff::PrimeField;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

/// Bytes that a beacon's key is made of, and that sealing takes as its randomness.
const SEED_BYTES: usize = 32;

/// The public key of the beacon with this `seed`.
pub fn public_key(seed: &[u8; SEED_BYTES]) -> Option<[u8; PUBLIC_KEY_BYTES]> {
    compressed((G2Affine::generator() * secret(seed)).into_affine())
}

/// The signature of `round` by the beacon with this `seed`.
pub fn sign(seed: &[u8; SEED_BYTES], round: u64) -> Option<[u8; SIGNATURE_BYTES]> {
    compressed((hashed(round)? * secret(seed)).into_affine())
}

/// Seals `text` until the holder of `public_key` signs `round`. `entropy` must be fresh: who knows it
/// can open this at once.
pub fn seal(
    text: &[u8],
    round: u64,
    public_key: &[u8],
    entropy: &[u8; SEED_BYTES],
) -> Option<Vec<u8>> {
    let bytes: &[u8; PUBLIC_KEY_BYTES] = public_key.try_into().ok()?;
    let holder = G2Affine::deserialize_compressed(&bytes[..]).ok()?;
    let fresh = |what: &[u8]| -> [u8; KEY_BYTES] { sha256(&[entropy, what]) };
    let (sigma, key) = (fresh(b"sigma"), fresh(b"key"));
    let scalar = Fr::from_be_bytes_mod_order(&sha256(&[&sigma, &key]));
    let mut shared = Vec::new();
    let identity = (hashed(round)? * scalar).into_affine();
    Bls12_381::pairing(identity, holder).serialize_compressed(&mut shared).ok()?;

    let nonce = fresh(b"nonce");
    let nonce: [u8; NONCE_BYTES] = nonce.get(..NONCE_BYTES)?.try_into().ok()?;
    let body = Aes256Gcm::new(&key.into()).encrypt(&nonce.into(), text).ok()?;
    let mut sealed = Vec::new();
    (G2Affine::generator() * scalar).into_affine().serialize_compressed(&mut sealed).ok()?;
    put(&mut sealed, &xor(sigma, sha256(&[&shared])));
    put(&mut sealed, &xor(key, sha256(&[&sigma])));
    let mut inner = Vec::new();
    put(&mut inner, &body);
    put(&mut inner, &nonce);
    put(&mut sealed, &inner);
    put(&mut sealed, CIPHER);
    Some(sealed)
}

fn secret(seed: &[u8; SEED_BYTES]) -> Fr {
    Fr::from_be_bytes_mod_order(seed)
}

fn compressed<const N: usize>(point: impl CanonicalSerialize) -> Option<[u8; N]> {
    let mut bytes = Vec::new();
    point.serialize_compressed(&mut bytes).ok()?;
    bytes.try_into().ok()
}

/// Appends `bytes` behind their length of eight bytes, the lowest first.
fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}
