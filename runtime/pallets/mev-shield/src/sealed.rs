//! What a ciphertext is made of, in the order of its bytes.

use alloc::vec::Vec;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// A sealed extrinsic: the hash of the key, a length (two bytes, the lowest first), so many bytes
/// of key encapsulation, a nonce, and the rest, which is the extrinsic under XChaCha20-Poly1305.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ShieldedTransaction {
    /// Twox-128 of the encapsulation key.
    pub key_hash: [u8; 16],
    pub kem_ct: Vec<u8>,
    pub aead_ct: Vec<u8>,
    pub nonce: [u8; 24],
}

impl ShieldedTransaction {
    /// Reads `ciphertext`; None if a part of it is missing. Whether anybody can open it is not
    /// asked.
    pub fn parse(ciphertext: &[u8]) -> Option<Self> {
        let (key_hash, rest) = ciphertext.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (kem_ct, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        let (nonce, aead_ct) = rest.split_first_chunk()?;
        (!aead_ct.is_empty()).then(|| Self {
            key_hash: *key_hash,
            kem_ct: kem_ct.to_vec(),
            aead_ct: aead_ct.to_vec(),
            nonce: *nonce,
        })
    }
}
