//! Keys of Ethereum's kind: who proves what, and what becomes of an association.

use super::*;
use codec::Encode;
use sp_core::{ecdsa, Pair, H160};
use sp_io::hashing::keccak_256;

/// The blocks for which an association stands in these tests.
const WAIT: u64 = 7_200;

pub(super) fn key(seed: u8) -> ecdsa::Pair {
    ecdsa::Pair::from_seed(&[seed; 32])
}

/// As the yellow paper has it: the last 20 bytes of the hash of both coordinates.
fn address(pair: &ecdsa::Pair) -> H160 {
    let digest = keccak_256(b"any");
    let signature = pair.sign_prehashed(&digest);
    let point = sp_io::crypto::secp256k1_ecdsa_recover(&signature.0, &digest).ok().unwrap();
    H160::from_slice(&keccak_256(&point)[12..])
}

/// What a wallet signs, with its parity from 27 on.
fn agree(pair: &ecdsa::Pair, hotkey: u64, block: u64) -> ecdsa::Signature {
    let text = [hotkey.encode(), keccak_256(&block.to_le_bytes()).to_vec()].concat();
    let begin = format!("\u{19}Ethereum Signed Message:\n{}", text.len());
    let mut signature = pair.sign_prehashed(&keccak_256(&[begin.as_bytes(), &text].concat()));
    signature.0[64] += 27;
    signature
}

/// A call that associates a neuron with the key of `to`, with this signature.
pub(super) fn associating(
    netuid: NetUid,
    to: &ecdsa::Pair,
    signature: ecdsa::Signature,
) -> Call<Test> {
    let (evm_key, block_number) = (address(to), 5);
    Call::associate_evm_key { netuid, evm_key, block_number, signature }
}

/// What `pair` signs for `hotkey` in [`associate`].
pub(super) fn agreement(pair: &ecdsa::Pair, hotkey: u64) -> ecdsa::Signature {
    agree(pair, hotkey, 5)
}

pub(super) fn associate(
    netuid: NetUid,
    hotkey: u64,
    pair: &ecdsa::Pair,
) -> sp_runtime::DispatchResult {
    let signature = agreement(pair, hotkey);
    Chain::associate_evm_key(signed(hotkey), netuid, address(pair), 5, signature)
}

fn found(netuid: NetUid, pair: &ecdsa::Pair) -> Vec<u16> {
    Chain::uid_lookup(netuid, address(pair), 100).into_iter().map(|(uid, _)| uid).collect()
}

#[test]
fn a_known_key_has_the_address_that_others_know() {
    // The first account of the developers' usual mnemonic, as every tool for contracts has it.
    let secret = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&secret[2 * at..2 * at + 2], 16).unwrap()).collect();
    let pair = ecdsa::Pair::from_seed_slice(&bytes).unwrap();
    let known = "f39fd6e51aad88f6f4ce6ab8827279cfffb92266";
    let shown: String = address(&pair).0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(shown, known);
}

#[test]
fn a_neuron_is_associated_with_a_key_that_agrees() {
    run_each(|| {
        let netuid = found_subnet(1);
        let one = key(1);
        assert_ok!(associate(netuid, 101, &one));
        let now = System::block_number();
        assert_eq!(AssociatedEvmAddress::<Test>::get(netuid, 0), Some((address(&one), now)));
        assert_eq!(Chain::uid_lookup(netuid, address(&one), 1), [(0, now)]);
        assert_eq!(Chain::uid_lookup(netuid, address(&one), 0), []);
        let (hotkey, evm_key, block_associated) = (101, address(&one), now);
        let event = Event::EvmKeyAssociated { netuid, hotkey, evm_key, block_associated };
        System::assert_has_event(event.into());
    });
}

#[test]
fn what_does_not_prove_it_is_refused() {
    run(upstream(), || {
        EvmKeyAssociateRateLimit::<Test>::put(WAIT);
        let netuid = found_subnet(1);
        let (one, two) = (key(1), key(2));
        let tell = |who, evm_key, block, signature| {
            Chain::associate_evm_key(signed(who), netuid, evm_key, block, signature)
        };
        let good = agree(&one, 101, 5);
        let wrong = || Error::<Test>::InvalidRecoveredPublicKey;
        assert_noop!(tell(101, address(&two), 5, good), wrong());
        assert_noop!(tell(101, address(&one), 6, good), wrong());
        assert_noop!(tell(101, address(&one), 5, agree(&one, 102, 5)), wrong());
        let nothing = ecdsa::Signature::from_raw([0; 65]);
        let none = Error::<Test>::UnableToRecoverPublicKey;
        assert_noop!(tell(101, address(&one), 5, nothing), none);
        let full = ecdsa::Signature::from_raw([255; 65]);
        assert_noop!(tell(101, address(&one), 5, full), Error::<Test>::UnableToRecoverPublicKey);
        assert_noop!(tell(999, address(&one), 5, good), Error::<Test>::NonAssociatedColdKey);
        assert_ok!(Chain::try_associate_hotkey(signed(2), 555));
        assert_noop!(tell(555, address(&one), 5, good), Error::<Test>::HotKeyNotRegisteredInSubNet);
        let nowhere = Chain::associate_evm_key(signed(101), NetUid::new(9), address(&one), 5, good);
        assert_noop!(nowhere, Error::<Test>::SubnetNotExists);
        assert_ok!(tell(101, address(&one), 5, good));
        assert_noop!(
            tell(101, address(&one), 5, good),
            Error::<Test>::EvmKeyAssociateRateLimitExceeded
        );
        System::set_block_number(System::block_number() + WAIT);
        assert_ok!(tell(101, address(&two), 5, agree(&two, 101, 5)));
        assert_eq!((found(netuid, &one), found(netuid, &two)), (vec![], vec![0]));
    });
}

#[test]
fn a_key_has_so_many_slots_and_a_slot_that_changes_hands_has_none() {
    run(local(), || {
        let netuid = found_subnet(1);
        MaxRegistrationsPerBlock::<Test>::insert(netuid, 100);
        let one = key(1);
        for extra in 0..33 {
            let hotkey = 1_000 + extra;
            assert_ok!(Chain::burned_register(signed(2), netuid, hotkey));
            if extra < 32 {
                assert_ok!(associate(netuid, hotkey, &one));
            } else {
                let full = Error::<Test>::EvmKeyAssociationLimitExceeded;
                assert_noop!(associate(netuid, hotkey, &one), full);
            }
        }
        check();
        Chain::replace_neuron(netuid, 1, &1_500);
        assert_eq!(found(netuid, &one), (2..=32).collect::<Vec<u16>>());
        assert!(AssociatedEvmAddress::<Test>::get(netuid, 1).is_none());
        // Those who stay move up: slot 5 goes, and what was behind it is one less.
        let slots = (0..=33).filter(|uid| *uid != 5).zip(0..).collect();
        Chain::move_evm_keys(netuid, &slots);
        assert_eq!(found(netuid, &one), (2..=31).collect::<Vec<u16>>());
        check();
        assert_ok!(Chain::try_associate_hotkey(signed(3), 1_500));
        assert_ok!(Chain::root_dissolve_network(RuntimeOrigin::root(), netuid));
        assert_eq!(AssociatedEvmAddress::<Test>::iter().count(), 0);
        assert_eq!(AssociatedUidsByEvmAddress::<Test>::iter().count(), 0);
    });
}
