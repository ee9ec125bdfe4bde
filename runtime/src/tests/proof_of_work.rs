//! Registration by proof of work as a signed extrinsic: nobody needs TAO for it, or for more.

use super::*;

/// A call with the proof of nonce 0 for `hotkey`, signed by `coldkey`, on block 1.
fn registration(coldkey: &str, hotkey: &str) -> Subtensor {
    let hash = sp_core::H256::repeat_byte(7);
    frame_system::BlockHash::<Runtime>::insert(1, hash);
    let (hotkey, coldkey) = (account(hotkey), account(coldkey));
    let bytes = [
        b"subtensor-pow-register-v1".as_slice(),
        &u16::from(NETUID).to_le_bytes(),
        hash.as_bytes(),
        hotkey.as_ref(),
        coldkey.as_ref(),
        &0u64.to_le_bytes(),
    ];
    let work = sp_io::hashing::keccak_256(&sp_io::hashing::sha2_256(&bytes.concat()));
    Subtensor::pow_register { netuid: NETUID, work_block: 1, nonce: 0, work, hotkey }
}

/// Alice's subnet, which anybody may join by work that is next to none.
fn open_subnet() {
    done("//Alice", Subtensor::register_network { hotkey: account("//Alice//hot") });
    done("//Alice", Subtensor::start_call { netuid: NETUID });
    pallet_subtensor::MinDifficulty::<Runtime>::insert(NETUID, 1);
    pallet_subtensor::Difficulty::<Runtime>::insert(NETUID, 1);
    SubtensorModule::set_pow_registration(NETUID, true);
    System::set_block_number(2);
}

#[test]
fn who_has_no_account_registers_and_pays_nothing() {
    with_preset(genesis::LOCAL, || {
        open_subnet();
        assert!(!frame_system::Account::<Runtime>::contains_key(account("//poor")));
        done("//poor", registration("//poor", "//poor//hot"));
        assert!(pallet_subtensor::Uids::<Runtime>::contains_key(NETUID, account("//poor//hot")));
        assert_eq!((free("//poor"), System::account_nonce(account("//poor"))), (0, 1));
        // The next one of its is counted on.
        done("//poor", registration("//poor", "//poor//second"));
        assert_eq!(System::account_nonce(account("//poor")), 2);
    });
}

#[test]
fn nothing_but_a_right_proof_opens_the_door() {
    with_preset(genesis::LOCAL, || {
        open_subnet();
        let stolen = apply("//thief", registration("//poor", "//poor//hot"), 0);
        assert_eq!(stolen, Err(InvalidTransaction::Custom(255).into()));
        let other = apply("//poor", Subtensor::start_call { netuid: NETUID }, 0);
        assert_eq!(other, Err(InvalidTransaction::Payment.into()));
        let tipped = apply("//poor", registration("//poor", "//poor//hot"), 1);
        assert_eq!(tipped, Err(InvalidTransaction::Payment.into()));
        assert!(!frame_system::Account::<Runtime>::contains_key(account("//thief")));
    });
}

#[test]
fn batches_of_weights_are_paid_for_by_the_hotkeys_owner() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        let before = free("//Bob");
        done(
            "//worker",
            Subtensor::batch_set_weights {
                netuids: vec![codec::Compact(NETUID)],
                weights: vec![vec![(codec::Compact(1), codec::Compact(1))]],
                version_keys: vec![codec::Compact(0)],
            },
        );
        assert!(free("//Bob") < before);
        assert_eq!(free("//worker"), 0);
    });
}
