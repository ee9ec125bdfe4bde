//! What a neuron can commit to, when it may not, and what the bytes look like to clients.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo, BoundedVec};
use scale_info::{TypeDef, TypeInfo};
use sp_runtime::DispatchError::BadOrigin;

use crate::{mock::*, Error, Event, *};

type Info = CommitmentInfo<frame_support::traits::ConstU32<3>>;

const SUBNET: NetUid = NetUid::new(1);

fn raw(length: usize) -> Data {
    Data::Raw(vec![7; length].try_into().unwrap())
}

fn commit(who: u64, fields: Vec<Data>) -> frame_support::dispatch::DispatchResult {
    let info = Info { fields: fields.try_into().unwrap() };
    Commitments::set_commitment(RuntimeOrigin::signed(who), SUBNET, Box::new(info))
}

#[test]
fn a_neuron_commits_and_commits_again() {
    new_test_ext().execute_with(|| {
        assert_ok!(commit(1, vec![raw(3)]));
        System::assert_last_event(Event::Commitment { netuid: SUBNET, who: 1 }.into());
        System::set_block_number(9);
        assert_ok!(commit(1, vec![raw(4), raw(5)]));

        let kept = CommitmentOf::<Test>::get(SUBNET, 1).unwrap();
        assert_eq!(kept.block, 9);
        assert_eq!(kept.info.fields.into_inner(), [raw(4), raw(5)]);
        assert_eq!(LastCommitment::<Test>::get(SUBNET, 1), Some(9));
    });
}

#[test]
fn nothing_is_left_of_a_neuron_that_left() {
    new_test_ext().execute_with(|| {
        assert_ok!(commit(1, vec![raw(3)]));
        assert_ok!(commit(2, vec![raw(3)]));
        Commitments::forget(SUBNET, &1);
        assert_eq!(CommitmentOf::<Test>::iter().count(), 1);
        assert_eq!(LastCommitment::<Test>::get(SUBNET, 1), None);
        assert_eq!(UsedSpaceOf::<Test>::get(SUBNET, 1), None);
    });
}

#[test]
fn only_neurons_of_the_subnet_commit() {
    new_test_ext().execute_with(|| {
        assert_noop!(commit(10, vec![raw(1)]), Error::<Test>::AccountNotAllowedCommit);
        let elsewhere = Commitments::set_commitment(
            RuntimeOrigin::signed(1),
            NetUid::new(2),
            Box::new(Info::default()),
        );
        assert_noop!(elsewhere, Error::<Test>::AccountNotAllowedCommit);
    });
}

#[test]
fn space_is_counted_by_account_and_epoch() {
    new_test_ext().execute_with(|| {
        assert_ok!(Commitments::set_max_space(RuntimeOrigin::root(), 300));
        assert_ok!(commit(1, vec![raw(128)]));
        assert_ok!(commit(1, vec![])); // counts as 100
        assert_noop!(commit(1, vec![raw(0)]), Error::<Test>::SpaceLimitExceeded);
        assert_ok!(commit(2, vec![raw(128)]));

        EPOCH.set(1);
        assert_ok!(commit(1, vec![raw(128)]));
        let usage = UsageTracker { last_epoch: 1, used_space: 128 };
        assert_eq!(UsedSpaceOf::<Test>::get(SUBNET, 1), Some(usage));
    });
}

#[test]
fn only_root_changes_the_space() {
    new_test_ext().execute_with(|| {
        assert_noop!(Commitments::set_max_space(RuntimeOrigin::signed(1), 1), BadOrigin);
        assert_eq!(MaxSpace::<Test>::get(), 3100);
    });
}

#[test]
fn a_flag_resets_bonds_only_when_the_commitment_stands() {
    new_test_ext().execute_with(|| {
        assert_ok!(commit(1, vec![Data::ResetBondsFlag]));
        assert_eq!(RESETS.take(), [(SUBNET, 1)]);
        assert_eq!(LastBondsReset::<Test>::get(SUBNET, 1), Some(7));

        MaxSpace::<Test>::set(0);
        assert_noop!(commit(1, vec![Data::ResetBondsFlag]), Error::<Test>::SpaceLimitExceeded);
        assert!(RESETS.take().is_empty());
    });
}

fn sealed(round: u64, text: &[u8]) -> Data {
    let encrypted = [&round.to_le_bytes(), text].concat().try_into().unwrap();
    Data::TimelockEncrypted { encrypted, reveal_round: round }
}

fn revealed(who: u64) -> Vec<(Vec<u8>, u64)> {
    RevealedCommitments::<Test>::get(SUBNET, who).unwrap_or_default()
}

#[test]
fn a_time_locked_text_is_kept_sealed_until_its_round() {
    new_test_ext().execute_with(|| {
        let locked = sealed(5, b"text");
        assert_ok!(commit(1, vec![raw(1), locked.clone()]));
        let event = Event::TimelockCommitment { netuid: SUBNET, who: 1, reveal_round: 5 };
        System::assert_last_event(event.into());
        next_block(Some(4));
        assert_eq!(CommitmentOf::<Test>::get(SUBNET, 1).unwrap().info.fields[1], locked);
        next_block(Some(5));
        System::assert_last_event(Event::CommitmentRevealed { netuid: SUBNET, who: 1 }.into());
        assert_eq!(CommitmentOf::<Test>::get(SUBNET, 1).unwrap().info.fields[..], [raw(1)]);
        assert_eq!(revealed(1), [(b"text".to_vec(), 9)]);
        assert_ok!(Commitments::do_try_state());
    });
}

#[test]
fn what_does_not_open_is_dropped_and_nothing_empty_is_revealed() {
    new_test_ext().execute_with(|| {
        let encrypted: BoundedVec<u8, _> = vec![9; 1024].try_into().unwrap();
        let wrong = Data::TimelockEncrypted { encrypted, reveal_round: 5 };
        assert_ok!(commit(1, vec![wrong, sealed(5, b""), sealed(6, b"later")]));
        next_block(Some(5));
        let left = CommitmentOf::<Test>::get(SUBNET, 1).unwrap().info.fields;
        assert_eq!(left[..], [sealed(6, b"later")]);
        assert!(revealed(1).is_empty());
        next_block(Some(6));
        assert_eq!(CommitmentOf::<Test>::get(SUBNET, 1), None);
        assert_eq!(revealed(1), [(b"later".to_vec(), 9)]);
        assert!(TimelockedIndex::<Test>::get().is_empty());
    });
}

#[test]
fn a_text_of_a_known_round_opens_in_the_next_block() {
    new_test_ext().execute_with(|| {
        next_block(Some(9));
        assert_ok!(commit(1, vec![sealed(12, b"locked"), sealed(5, b"known")]));
        next_block(None);
        assert_eq!(revealed(1), [(b"known".to_vec(), 9)]);
        assert_ok!(commit(1, vec![raw(1)]));
        assert_ok!(Commitments::do_try_state());
        next_block(Some(12));
        assert_eq!(revealed(1).len(), 1, "what was replaced is never opened");
    });
}

#[test]
fn a_block_opens_so_many_and_the_next_goes_on() {
    new_test_ext().execute_with(|| {
        for who in 0..9 {
            assert_ok!(commit(who, vec![sealed(5, &[1]), sealed(5, &[2])]));
        }
        let count = || (0..9).map(|who| revealed(who).len() as u32).sum::<u32>();
        for block in 1..=6 {
            next_block((block == 1).then_some(5));
            assert_eq!(count(), (block * OPENED_PER_BLOCK).min(18));
            assert_ok!(Commitments::do_try_state());
        }
        assert_eq!(TimelockRevealCursor::<Test>::get(), None);
        assert!(TimelockedIndex::<Test>::get().is_empty());
    });
}

#[test]
fn a_text_is_locked_for_no_more_than_a_week() {
    new_test_ext().execute_with(|| {
        AWAITED.take();
        let latest = SEALED_FOR_S / 3;
        for round in [latest + 1, u64::MAX] {
            let fields = vec![sealed(5, b"soon"), sealed(round, b"never")];
            assert_noop!(commit(1, fields), Error::<Test>::InvalidRevealRound);
        }
        assert_ok!(commit(1, vec![sealed(5, b"soon"), sealed(latest, b"late")]));
        assert_eq!(AWAITED.take(), [5, latest]);
    });
}

#[test]
fn a_text_may_be_late_for_a_round_that_was_passed_over_but_not_by_much() {
    new_test_ext().execute_with(|| {
        ROUND.set(1_000);
        let oldest = 1_000 - LATE_ROUNDS;
        PASSED_OVER.set(oldest - 1);
        let late = commit(1, vec![sealed(5, b"known"), sealed(oldest - 1, b"late")]);
        assert_noop!(late, Error::<Test>::InvalidRevealRound);
        assert_ok!(commit(1, vec![sealed(5, b"known")]));
        PASSED_OVER.set(oldest);
        assert_ok!(commit(1, vec![sealed(oldest, b"late")]));
    });
}

#[test]
fn an_upgrade_notes_what_an_older_runtime_did_not() {
    new_test_ext().execute_with(|| {
        assert_ok!(commit(1, vec![sealed(5, b"one"), raw(1)]));
        assert_ok!(commit(2, vec![sealed(6, b"two"), sealed(7, b"three")]));
        AWAITED.take();
        <Commitments as frame_support::traits::Hooks<u64>>::on_runtime_upgrade();
        assert_eq!(AWAITED.take(), [5, 6, 7]);
    });
}

#[test]
fn who_sets_a_time_locked_text_pays_for_its_opening() {
    let weight = |fields: Vec<Data>| {
        let info = Box::new(Info { fields: fields.try_into().unwrap() });
        crate::Call::<Test>::set_commitment { netuid: SUBNET, info }.get_dispatch_info().call_weight
    };
    let plain = weight(vec![raw(1)]);
    assert!(weight(vec![sealed(5, &[1]), raw(1)]).all_gte(plain + OPENING));
    assert!(weight(vec![sealed(5, &[1]), sealed(6, &[2])]).all_gte(plain + OPENING * 2));
}

#[test]
fn news_while_a_block_goes_on_is_not_lost() {
    new_test_ext().execute_with(|| {
        assert_ok!(commit(0, vec![sealed(6, b"late")]));
        for who in 1..9 {
            assert_ok!(commit(who, vec![sealed(5, &[1]), sealed(5, &[2])]));
        }
        next_block(Some(5));
        assert!(TimelockRevealCursor::<Test>::get().is_some());
        next_block(Some(6));
        while TimelockRevealCursor::<Test>::get().is_some() {
            next_block(None);
        }
        assert!(revealed(0).is_empty(), "it was looked at before its round");
        next_block(None);
        assert_eq!(revealed(0).len(), 1);
    });
}

#[test]
fn ten_opened_texts_are_kept() {
    new_test_ext().execute_with(|| {
        for round in 1..=12u64 {
            EPOCH.set(round);
            assert_ok!(commit(1, vec![sealed(round, &[round as u8])]));
            next_block(Some(round));
        }
        let texts: Vec<u8> = revealed(1).iter().map(|(text, _)| text[0]).collect();
        assert_eq!(texts, (3..=12).collect::<Vec<u8>>());
        assert_ok!(commit(1, vec![sealed(99, b"sealed")]));
        Commitments::forget(SUBNET, &1);
        assert!(revealed(1).is_empty());
        assert_ok!(Commitments::do_try_state());
    });
}

fn every_form() -> Vec<Data> {
    let plain = (0..=128).map(raw);
    plain
        .chain([
            Data::None,
            Data::BlakeTwo256([1; 32]),
            Data::Sha256([2; 32]),
            Data::Keccak256([3; 32]),
            Data::ShaThree256([4; 32]),
            Data::TimelockEncrypted {
                encrypted: vec![5; 1024].try_into().unwrap(),
                reveal_round: u64::MAX,
            },
            Data::ResetBondsFlag,
            Data::BigRaw(vec![6; 512].try_into().unwrap()),
        ])
        .collect()
}

#[test]
fn every_form_survives_its_encoding() {
    for data in every_form() {
        let bytes = data.encode();
        assert_eq!(Data::decode(&mut &bytes[..]), Ok(data));
        assert!(bytes.len() <= Data::max_encoded_len());
        assert!(Data::decode(&mut &bytes[..bytes.len() - 1]).is_err());
    }
    assert!(Data::decode(&mut &[137u8][..]).is_err());
    let too_long = (136u8, vec![0u8; 513]).encode();
    assert!(Data::decode(&mut &too_long[..]).is_err());
}

#[test]
fn the_type_description_tells_clients_the_same_encoding() {
    let TypeDef::Variant(described) = Data::type_info().type_def else {
        panic!("not an enum");
    };
    for data in every_form() {
        let tag = data.encode()[0];
        let variant = described.variants.iter().find(|variant| variant.index == tag).unwrap();
        let name = match &data {
            Data::Raw(bytes) => format!("Raw{}", bytes.len()),
            other => format!("{other:?}").split(['(', ' ']).next().unwrap().to_string(),
        };
        assert_eq!(variant.name, name);
        assert_eq!(variant.fields.is_empty(), matches!(tag, 0 | 135));
    }
    assert_eq!(described.variants.len(), every_form().len());
}

#[test]
fn a_commitment_has_at_most_three_fields() {
    let four: BoundedVec<Data, frame_support::traits::ConstU32<4>> =
        vec![Data::None; 4].try_into().unwrap();
    assert!(Info::decode(&mut &four.encode()[..]).is_err());
}
