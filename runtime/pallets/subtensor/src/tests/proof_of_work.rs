//! Registration by proof of work: what a proof is bound to, how old it may be, what it costs.

use super::*;
use frame_support::{assert_noop, dispatch::DispatchResult};
use sp_core::{H256, U256};

type E = Error<Test>;

/// A coldkey without any TAO.
const POOR: u64 = 700;

/// The block whose hash proofs are made on.
const WORKED_ON: u64 = 5;

/// The hash that a proof is, written out from its definition.
fn seal(netuid: NetUid, block: u64, hotkey: u64, coldkey: u64, nonce: u64) -> [u8; 32] {
    let mut bytes = b"subtensor-pow-register-v1".to_vec();
    bytes.extend(u16::from(netuid).to_le_bytes());
    bytes.extend([block as u8; 32]);
    bytes.extend(hotkey.to_le_bytes());
    bytes.extend(coldkey.to_le_bytes());
    bytes.extend(nonce.to_le_bytes());
    sp_io::hashing::keccak_256(&sp_io::hashing::sha2_256(&bytes))
}

/// A subnet that allows it at a difficulty, in the block after the one worked on. The hash of each
/// block is its number, 32 times.
fn open_subnet(difficulty: u64) -> NetUid {
    let netuid = found_subnet(1);
    MinDifficulty::<Test>::insert(netuid, 1);
    Difficulty::<Test>::insert(netuid, difficulty);
    Chain::set_pow_registration(netuid, true);
    for block in 1..=20u64 {
        frame_system::BlockHash::<Test>::insert(block, H256([block as u8; 32]));
    }
    run_to_block(WORKED_ON + 1);
    netuid
}

/// Registers `hotkey` with a proof of nonce 0 on a block.
fn register_on(netuid: NetUid, block: u64, hotkey: u64, coldkey: u64) -> DispatchResult {
    let work = seal(netuid, block, hotkey, coldkey, 0);
    Chain::pow_register(signed(coldkey), netuid, block, 0, work, hotkey)
}

fn register(netuid: NetUid, hotkey: u64, coldkey: u64) -> DispatchResult {
    register_on(netuid, WORKED_ON, hotkey, coldkey)
}

#[test]
fn who_has_no_tao_registers_by_work_alone() {
    run_each(|| {
        let netuid = open_subnet(1);
        let (price, issuance) = (Burn::<Test>::get(netuid), TotalIssuance::<Test>::get());
        assert_ok!(register(netuid, 701, POOR));
        assert_eq!(Uids::<Test>::get(netuid, 701), Some(1));
        assert_eq!(Owner::<Test>::get(701), POOR);
        assert_eq!(LastPowRegistrationBlock::<Test>::get(701), Some(WORKED_ON));
        assert_eq!(Burn::<Test>::get(netuid), price, "a price is paid by nobody here");
        assert_eq!(TotalIssuance::<Test>::get(), issuance);
        System::assert_last_event(Event::NeuronRegistered(netuid, 1, 701).into());
        assert_eq!(System::sufficients(&POOR), 1, "its nonce stays");
    });
}

#[test]
fn a_proof_is_of_one_subnet_hotkey_coldkey_nonce_and_block() {
    run(local(), || {
        let netuid = open_subnet(1);
        let send = |coldkey, block, nonce, hotkey, work| {
            Chain::pow_register(signed(coldkey), netuid, block, nonce, work, hotkey)
        };
        let right = seal(netuid, WORKED_ON, 701, POOR, 9);
        assert_noop!(send(POOR + 5, WORKED_ON, 9, 701, right), E::InvalidSeal);
        assert_noop!(send(POOR, WORKED_ON, 9, 702, right), E::InvalidSeal);
        assert_noop!(send(POOR, WORKED_ON, 8, 701, right), E::InvalidSeal);
        assert_noop!(send(POOR, WORKED_ON - 1, 9, 701, right), E::InvalidSeal);
        let elsewhere = seal(NetUid::new(9), WORKED_ON, 701, POOR, 9);
        assert_noop!(send(POOR, WORKED_ON, 9, 701, elsewhere), E::InvalidSeal);
        assert_ok!(send(POOR, WORKED_ON, 9, 701, right));
    });
}

#[test]
fn the_hash_times_the_difficulty_fits_into_256_bits() {
    run(local(), || {
        let netuid = open_subnet(1);
        let number = U256::from_little_endian(&seal(netuid, WORKED_ON, 701, POOR, 0));
        let most = (U256::MAX / number).as_u64();
        Difficulty::<Test>::insert(netuid, most + 1);
        assert_noop!(register(netuid, 701, POOR), E::InvalidDifficulty);
        // The floor counts before the difficulty that was set, and before the ceiling.
        Difficulty::<Test>::insert(netuid, most);
        MinDifficulty::<Test>::insert(netuid, most + 1);
        MaxDifficulty::<Test>::insert(netuid, 1);
        assert_noop!(register(netuid, 701, POOR), E::InvalidDifficulty);
        MinDifficulty::<Test>::insert(netuid, 0);
        MaxDifficulty::<Test>::insert(netuid, u64::MAX);
        assert_ok!(register(netuid, 701, POOR));
    });
}

#[test]
fn work_is_of_one_of_the_last_five_blocks_and_used_once() {
    run(local(), || {
        let netuid = open_subnet(1);
        let on = |block, hotkey| register_on(netuid, block, hotkey, POOR);
        run_to_block(10);
        assert_noop!(on(10, 701), E::InvalidWorkBlock);
        assert_noop!(on(u64::MAX, 701), E::InvalidWorkBlock);
        assert_noop!(on(4, 701), E::InvalidWorkBlock);
        assert_ok!(on(5, 701));
        // A block whose hash nobody knows any more cannot have been worked on.
        frame_system::BlockHash::<Test>::remove(9);
        assert_noop!(on(9, 702), E::InvalidWorkBlock);

        assert_noop!(on(5, 701), E::HotKeyAlreadyRegisteredInSubNet);
        Chain::replace_neuron(netuid, 1, &888);
        assert_noop!(on(5, 701), E::InvalidWorkBlock);
        assert_ok!(on(6, 701));
    });
}

#[test]
fn it_is_the_owners_choice_and_shares_the_blocks_room() {
    run(local(), || {
        let netuid = open_subnet(1);
        MaxRegistrationsPerBlock::<Test>::insert(netuid, 2);
        Chain::set_pow_registration(netuid, false);
        assert_noop!(register(netuid, 701, POOR), E::SubNetRegistrationDisabled);
        Chain::set_pow_registration(netuid, true);
        NetworkRegistrationAllowed::<Test>::insert(netuid, false);
        assert_ok!(register(netuid, 701, POOR));
        NetworkRegistrationAllowed::<Test>::insert(netuid, true);
        join(netuid, 2);
        assert_noop!(register(netuid, 702, POOR), E::TooManyRegistrationsThisBlock);
        next_block();
        assert_noop!(register(netuid, 102, POOR), E::HotKeyAlreadyRegisteredInSubNet);
        assert_ok!(Chain::try_associate_hotkey(signed(3), 103));
        assert_noop!(register(netuid, 103, POOR), E::NonAssociatedColdKey);
        let root = register(NetUid::ROOT, 702, POOR);
        assert_eq!(root, Err(E::RegistrationNotPermittedOnRootSubnet.into()));
        assert_eq!(register(NetUid::new(9), 702, POOR), Err(E::SubnetNotExists.into()));
    });
}

#[test]
fn the_difficulty_follows_registrations_beside_the_target() {
    run(local(), || {
        let netuid = open_subnet(800);
        AdjustmentInterval::<Test>::insert(netuid, 10);
        MinDifficulty::<Test>::insert(netuid, 150);
        // Counted from the block in which they were allowed: 1.
        run_to_block(10);
        assert_eq!(Difficulty::<Test>::get(netuid), 800);
        run_to_block(11);
        assert_eq!(Difficulty::<Test>::get(netuid), 400, "nobody came: half");
        POWRegistrationsThisInterval::<Test>::insert(netuid, 6);
        run_to_block(21);
        assert_eq!(Difficulty::<Test>::get(netuid), 800, "6 where 2 were aimed at: twice");
        run_to_block(51);
        assert_eq!(Difficulty::<Test>::get(netuid), 150, "the floor");
        // What is not allowed does not become easy meanwhile.
        Difficulty::<Test>::insert(netuid, 800);
        Chain::set_pow_registration(netuid, false);
        run_to_block(81);
        Chain::set_pow_registration(netuid, true);
        run_to_block(90);
        assert_eq!(Difficulty::<Test>::get(netuid), 800);
    });
}
