//! How the keys go round, what a ciphertext is, and what becomes of calls that wait sealed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use codec::Encode;
use frame_support::{
    assert_noop, assert_ok, dispatch::GetDispatchInfo, inherent::ProvideInherent, traits::Hooks,
    BoundedVec, StorageHasher, Twox128,
};
use sp_inherents::InherentData;
use sp_runtime::{
    traits::{TransactionExtension, TxBaseImplication},
    transaction_validity::{InvalidTransaction, TransactionSource::External},
    DispatchError::{self, BadOrigin},
};

use crate::{mock::*, *};

type Keys = (Option<u8>, Option<u8>, Option<u8>);

fn key(byte: u8) -> ShieldEncKey {
    vec![byte; KEY_BYTES].try_into().unwrap()
}

/// A test on a new chain; afterwards the invariants hold.
fn on_chain(test: impl FnOnce()) {
    AUTHORS.set((None, None));
    new_test_ext().execute_with(|| {
        test();
        MevShield::check_state().unwrap();
    });
}

/// Makes block `number` by `author`, who announces `announced`; `then` makes the one after the next.
fn block(number: u64, author: u64, announced: Option<ShieldEncKey>, then: u64) {
    System::set_block_number(number);
    AUTHORS.set((Some(author), Some(then)));
    assert_ok!(MevShield::announce_next_key(RuntimeOrigin::none(), announced));
    MevShield::check_state().unwrap();
}

/// The first byte of each key: current, pending, next.
fn keys() -> Keys {
    let first = |key: Option<ShieldEncKey>| key.map(|key| *key.first().unwrap());
    (
        first(CurrentKey::<Test>::get()),
        first(PendingKey::<Test>::get()),
        first(NextKey::<Test>::get()),
    )
}

#[test]
fn with_one_author_a_key_can_be_opened_in_the_third_block_after_it_was_announced() {
    on_chain(|| {
        let mut seen = Vec::new();
        for number in 1..=5 {
            block(number, 1, Some(key(number as u8)), 1);
            seen.push(keys());
        }
        let expected: [Keys; 5] = [
            (None, None, None),
            (None, None, Some(1)),
            (None, Some(1), Some(2)),
            (Some(1), Some(2), Some(3)),
            (Some(2), Some(3), Some(4)),
        ];
        assert_eq!(seen, expected);
        assert!(MevShield::is_shielded_using_current_key(&Twox128::hash(&key(3))));
        assert!(!MevShield::is_shielded_using_current_key(&Twox128::hash(&key(4))));
    });
}

#[test]
fn with_three_authors_the_next_key_is_that_of_the_author_of_the_block_after_the_next() {
    on_chain(|| {
        // In turns 1, 2, 3; each announces a key named after itself.
        for number in 1..=6u64 {
            let turn = |number: u64| (number - 1) % 3 + 1;
            let author = turn(number);
            block(number, author, Some(key(author as u8)), turn(number + 2));
        }
        // Block 6 is by 3, block 7 will be by 1, block 8 by 2.
        assert_eq!(keys(), (Some(3), Some(1), Some(2)));
        assert_eq!(PendingKeyExpiresAt::<Test>::get(), Some(8));
        assert_eq!(NextKeyExpiresAt::<Test>::get(), Some(9));
        assert_eq!(AuthorKeys::<Test>::iter().count(), 3);
    });
}

#[test]
fn an_author_without_a_key_leaves_none_behind() {
    on_chain(|| {
        for number in 1..=3 {
            block(number, 1, Some(key(7)), 1);
        }
        for number in 4..=7 {
            block(number, 1, None, 1);
        }
        assert_eq!(keys(), (None, None, None));
        assert_eq!(AuthorKeys::<Test>::iter().count(), 0);
        assert_eq!(NextKeyExpiresAt::<Test>::get(), None);
    });
}

#[test]
fn only_the_block_itself_announces_and_only_a_whole_key() {
    on_chain(|| {
        AUTHORS.set((Some(1), Some(1)));
        let announce = MevShield::announce_next_key;
        for origin in [RuntimeOrigin::signed(1), RuntimeOrigin::root()] {
            assert_noop!(announce(origin, Some(key(1))), BadOrigin);
        }
        let short = vec![1; KEY_BYTES - 1].try_into().unwrap();
        assert_noop!(announce(RuntimeOrigin::none(), Some(short)), Error::<Test>::BadEncKeyLen);
        AUTHORS.set((None, Some(1)));
        let nobody = announce(RuntimeOrigin::none(), Some(key(1)));
        assert_noop!(nobody, Error::<Test>::Unreachable);
    });
}

#[test]
fn the_announcement_is_an_inherent_made_of_what_the_host_tells() {
    let made = |told: Option<Option<ShieldEncKey>>| {
        let mut data = InherentData::new();
        told.iter().for_each(|key| data.put_data(INHERENT_IDENTIFIER, key).unwrap());
        Pallet::<Test>::create_inherent(&data)
    };
    let announced = |enc_key| Some(Call::announce_next_key { enc_key });
    assert_eq!(made(Some(Some(key(1)))), announced(Some(key(1))));
    // As publicly: a host that failed tells None, and one without the shield tells nothing.
    assert!(made(None).is_none());
    assert_eq!(made(Some(None)), announced(None));
    assert!(Pallet::<Test>::is_inherent(&Call::announce_next_key { enc_key: None }));
    let submitted = Call::submit_encrypted { ciphertext: BoundedVec::default() };
    assert!(!Pallet::<Test>::is_inherent(&submitted));
}

#[test]
fn without_a_key_what_is_sealed_fails_and_says_how_else() {
    on_chain(|| {
        let sealed = vec![1, 2].try_into().unwrap();
        let submitted = MevShield::submit_encrypted(RuntimeOrigin::signed(1), sealed);
        assert_noop!(submitted, Error::<Test>::NoKey);
    });
}

#[test]
fn a_ciphertext_is_named_after_its_content_and_sender() {
    on_chain(|| {
        block(1, 1, Some(key(1)), 1);
        block(2, 1, Some(key(1)), 1);
        let mut ids: Vec<_> = [(1, 2u8), (1, 3), (4, 2)]
            .into_iter()
            .map(|(who, byte)| {
                let sealed = vec![byte].try_into().unwrap();
                assert_ok!(MevShield::submit_encrypted(RuntimeOrigin::signed(who), sealed));
                match System::events().pop().unwrap().event {
                    RuntimeEvent::MevShield(Event::EncryptedSubmitted { id, who: by }) => {
                        assert_eq!(by, who);
                        id
                    }
                    other => unreachable!("{other:?}"),
                }
            })
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    });
}

/// A ciphertext with so many bytes of key encapsulation and of the rest.
fn ciphertext(kem: u16, rest: usize) -> Vec<u8> {
    let length = kem.to_le_bytes();
    [&[1; 16][..], &length, &vec![2; kem.into()], &[3; 24], &vec![4; rest]].concat()
}

#[test]
fn a_ciphertext_has_all_its_parts_or_is_none() {
    for (kem, rest) in [(1088, 200), (0, 1), (4, 16)] {
        let whole = ciphertext(kem, rest);
        let parsed = ShieldedTransaction::parse(&whole).unwrap();
        assert_eq!(parsed.key_hash, [1; 16]);
        assert_eq!(parsed.kem_ct, vec![2; kem.into()]);
        assert_eq!(parsed.nonce, [3; 24]);
        assert_eq!(parsed.aead_ct, vec![4; rest]);
        for length in 0..whole.len() - rest + 1 {
            assert_eq!(ShieldedTransaction::parse(&whole[..length]), None, "{length}");
        }
    }
}

#[test]
fn the_extension_refuses_what_is_no_ciphertext_by_the_code_that_clients_know() {
    let checked = |origin: RuntimeOrigin, ciphertext: Vec<u8>| {
        let ciphertext = ciphertext.try_into().unwrap();
        let call = RuntimeCall::MevShield(Call::submit_encrypted { ciphertext });
        let (extension, info) =
            (CheckShieldedTxValidity::<Test>::default(), call.get_dispatch_info());
        let implication = TxBaseImplication(&call);
        extension.validate(origin, &call, &info, 0, (), &implication, External).map(|_| ())
    };
    on_chain(|| {
        let refused = Err(InvalidTransaction::Custom(23).into());
        assert_eq!(checked(RuntimeOrigin::signed(1), vec![0]), refused);
        assert_eq!(checked(RuntimeOrigin::signed(1), ciphertext(1088, 0)), refused);
        assert_eq!(checked(RuntimeOrigin::signed(1), ciphertext(1088, 1)), Ok(()));
        assert_eq!(checked(RuntimeOrigin::none(), vec![0]), Ok(()));
    });
}

// -- the queue

fn remark(length: usize) -> RuntimeCall {
    frame_system::Call::remark_with_event { remark: vec![0; length] }.into()
}

fn store(who: u64, sealed: Vec<u8>) -> Result<(), DispatchError> {
    MevShield::store_encrypted(RuntimeOrigin::signed(who), sealed.try_into().unwrap())
}

/// The pallet's events of the block `number`, made of nothing but its beginning.
fn events_of(number: u64) -> Vec<Event<Test>> {
    System::set_block_number(number);
    System::reset_events();
    MevShield::on_initialize(number);
    System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::MevShield(event) => Some(event),
            _ => None,
        })
        .collect()
}

#[test]
fn what_waits_is_executed_in_the_next_block_by_who_stored_it() {
    on_chain(|| {
        assert_ok!(store(5, remark(3).encode()));
        assert_ok!(store(7, vec![255]));
        let failed = RuntimeCall::System(frame_system::Call::set_heap_pages { pages: 1 });
        assert_ok!(store(8, failed.encode()));
        let events = events_of(2);
        assert_eq!(events[0], Event::ExtrinsicDispatched { index: 0 });
        assert_eq!(events[1], Event::ExtrinsicDecodeFailed { index: 1 });
        assert_eq!(events[2], Event::ExtrinsicDispatchFailed { index: 2, error: BadOrigin });
        let who = System::events().into_iter().find_map(|record| match record.event {
            RuntimeEvent::System(frame_system::Event::Remarked { sender, .. }) => Some(sender),
            _ => None,
        });
        assert_eq!(who, Some(5));
        assert_eq!(PendingExtrinsics::<Test>::count(), 0);
        assert_eq!(events_of(3), []);
    });
}

#[test]
fn the_queue_is_bounded_in_number_age_and_weight_and_root_sets_the_bounds() {
    on_chain(|| {
        let root = RuntimeOrigin::root;
        assert_ok!(MevShield::set_max_pending_extrinsics_number(root(), 2));
        assert_ok!(store(1, remark(1).encode()));
        assert_ok!(store(1, remark(1).encode()));
        assert_eq!(store(1, vec![]), Err(Error::<Test>::TooManyPendingExtrinsics.into()));

        // No room in a block: the first is postponed, and the second behind it.
        assert_ok!(MevShield::set_on_initialize_weight(root(), 0));
        assert_eq!(events_of(2), [Event::ExtrinsicPostponed { index: 0 }]);
        assert_ok!(MevShield::set_stored_extrinsic_lifetime(root(), 3));
        assert_eq!(events_of(4), [Event::ExtrinsicPostponed { index: 0 }]);
        let both = [Event::ExtrinsicExpired { index: 0 }, Event::ExtrinsicExpired { index: 1 }];
        assert_eq!(events_of(5), both);

        assert_ok!(MevShield::set_on_initialize_weight(root(), MAX_ON_INITIALIZE_WEIGHT));
        assert_ok!(MevShield::set_max_extrinsic_weight(root(), 0));
        assert_ok!(store(1, remark(1).encode()));
        assert_eq!(events_of(6), [Event::ExtrinsicWeightExceeded { index: 2 }]);
    });
}

#[test]
fn the_bounds_are_roots_alone_and_leave_half_a_block() {
    on_chain(|| {
        let signed = || RuntimeOrigin::signed(1);
        assert_noop!(MevShield::set_max_pending_extrinsics_number(signed(), 1), BadOrigin);
        assert_noop!(MevShield::set_on_initialize_weight(signed(), 1), BadOrigin);
        assert_noop!(MevShield::set_stored_extrinsic_lifetime(signed(), 1), BadOrigin);
        assert_noop!(MevShield::set_max_extrinsic_weight(signed(), 1), BadOrigin);
        let above = MAX_ON_INITIALIZE_WEIGHT + 1;
        let too_much = Error::<Test>::WeightExceedsAbsoluteMax;
        let root = RuntimeOrigin::root;
        assert_noop!(MevShield::set_on_initialize_weight(root(), above), too_much);
        let too_much = Error::<Test>::WeightExceedsAbsoluteMax;
        assert_noop!(MevShield::set_max_extrinsic_weight(root(), above), too_much);
    });
}
