//! Beside the public beacon's own pulse of round 1000, and what the client's code sealed to it.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use super::*;

const PUBLIC_KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
const ROUND: u64 = 1000;
const SIGNATURE: &str = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";
/// drand publishes the SHA-256 of a signature as the round's randomness.
const RANDOMNESS: &str = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd";
/// bittensor_core 0.1.5, `encrypt_at_round`: the inner ciphertext.
const SEALED: &str = "9546ba12cddd54626a11ebbf19b134fd964544eb2ec35d7bdae3f1a91dd45613fa2849c45968a85b7f223d1d42fc9ffc06fa5025f2ea2a43cb11707c0b0e5b163e6cdb61b653f4100ebdc5f251dd98f4dfc8a24da6c2670d7435fbd5c6b061ee200000000000000049e02332a23b59797d3ccef0d5b21fa7e8bea3fc06694acf49154695b4dc557b2000000000000000f9168e4aee163a4234dc24aae1d2d9283ab3f49a20dec6682b784d73b50958a943000000000000002700000000000000ee969ad358cc7c81fdb48b0d32bd902fcc53e0aacfe4c01c39bc6f8ed95cb23aa62037b975ccf20c0000000000000066c1b4fdc6d1de0ba71ecf6b08000000000000004145535f47434d5f";
const TEXT: &[u8] = b"sealed until round 1000";

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

#[test]
fn the_public_beacons_pulse_is_its_own() {
    let signature = Signature::read(&bytes(SIGNATURE)).unwrap();
    assert!(signature.signs(ROUND, &bytes(PUBLIC_KEY)));
    assert!(!signature.signs(ROUND + 1, &bytes(PUBLIC_KEY)));
    assert_eq!(randomness(&bytes(SIGNATURE)).to_vec(), bytes(RANDOMNESS));
}

#[test]
fn it_opens_what_the_client_sealed_to_the_round() {
    let signature = Signature::read(&bytes(SIGNATURE)).unwrap();
    assert_eq!(signature.open(&bytes(SEALED)).as_deref(), Some(TEXT));
}

#[test]
fn whatever_is_changed_cut_or_claims_a_length_is_refused() {
    let signature = Signature::read(&bytes(SIGNATURE)).unwrap();
    let sealed = bytes(SEALED);
    for at in 0..sealed.len() {
        assert_eq!(signature.open(&sealed[..at]), None, "{at}");
    }
    for at in (0..sealed.len()).step_by(7) {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(signature.open(&changed), None, "{at}");
    }
    for at in [96, 136, 176] {
        let mut long = sealed.clone();
        long[at..at + 8].fill(255);
        assert_eq!(signature.open(&long), None, "{at}");
    }
}

#[test]
fn no_point_is_no_signature() {
    for wrong in
        [vec![], vec![0; 48], vec![255; 48], bytes(PUBLIC_KEY), [vec![0xc0], vec![0; 47]].concat()]
    {
        assert!(Signature::read(&wrong).is_none());
    }
}

#[test]
fn a_beacon_of_ones_own_signs_and_opens_what_is_sealed_to_it() {
    let (seed, round) = ([7; 32], 25_000_000);
    let key = public_key(&seed).unwrap();
    let signature = Signature::read(&sign(&seed, round).unwrap()).unwrap();
    assert!(signature.signs(round, &key));
    assert!(!signature.signs(round, &public_key(&[8; 32]).unwrap()));
    let sealed = seal(TEXT, round, &key, &[9; 32]).unwrap();
    assert_eq!(signature.open(&sealed).as_deref(), Some(TEXT));
    let later = Signature::read(&sign(&seed, round + 1).unwrap()).unwrap();
    assert_eq!(later.open(&sealed), None);
}

#[test]
fn what_is_sealed_to_the_public_beacon_opens_with_its_own_pulse() {
    let sealed = seal(TEXT, ROUND, &bytes(PUBLIC_KEY), &[1; 32]).unwrap();
    let signature = Signature::read(&bytes(SIGNATURE)).unwrap();
    assert_eq!(sealed.len(), bytes(SEALED).len());
    assert_eq!(signature.open(&sealed).as_deref(), Some(TEXT));
    assert_eq!(seal(TEXT, ROUND, &[0; 96], &[1; 32]), None);
}
