//! Where the key comes from, and what happens to a ciphertext with and without one.

#![allow(clippy::unwrap_used)]

use frame_support::{assert_noop, assert_ok, BoundedVec};
use sp_runtime::DispatchError::BadOrigin;

use crate::{mock::*, Error, Event, NextKey, KEY_BYTES};

fn key(length: usize) -> BoundedVec<u8, crate::pallet::KeyLimit> {
    vec![9; length].try_into().unwrap()
}

#[test]
fn without_a_key_nothing_sealed_is_taken() {
    new_test_ext().execute_with(|| {
        assert_eq!(NextKey::<Test>::get(), None);
        let sealed = vec![1, 2].try_into().unwrap();
        let submitted = MevShield::submit_encrypted(RuntimeOrigin::signed(1), sealed);
        assert_noop!(submitted, Error::<Test>::NoKey);
    });
}

#[test]
fn a_ciphertext_is_named_after_its_content_and_sender() {
    new_test_ext().execute_with(|| {
        assert_ok!(MevShield::announce_next_key(RuntimeOrigin::root(), Some(key(KEY_BYTES))));
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

#[test]
fn root_alone_changes_the_key_and_only_to_a_whole_one() {
    new_test_ext().execute_with(|| {
        let announce = MevShield::announce_next_key;
        assert_noop!(announce(RuntimeOrigin::signed(1), None), BadOrigin);
        assert_noop!(
            announce(RuntimeOrigin::root(), Some(key(KEY_BYTES - 1))),
            Error::<Test>::BadEncKeyLen
        );
        assert_ok!(announce(RuntimeOrigin::root(), Some(key(KEY_BYTES))));
        assert_eq!(NextKey::<Test>::get(), Some(key(KEY_BYTES)));
        assert_ok!(announce(RuntimeOrigin::root(), None));
        assert_eq!(NextKey::<Test>::get(), None);
    });
}
