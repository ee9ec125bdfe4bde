//! Pulses of the public beacon and of a local one: what is let in, what is kept, what they open.

#![allow(clippy::arithmetic_side_effects, clippy::panic, clippy::unwrap_used)]
#![allow(deprecated)] // ValidateUnsigned: see the pallet

use super::*;
use crate::mock::{run, seal_early, Drand, RuntimeOrigin, System, Test, CURRENT};
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};
use sp_core::{sr25519, Pair};
use sp_runtime::{
    traits::ValidateUnsigned,
    transaction_validity::{TransactionSource, TransactionValidityError},
    DispatchError::BadOrigin,
};

type Payload = PulsesPayload<MultiSigner, u64>;

const SEED: [u8; 32] = [7; 32];

/// drand's own pulse of quicknet's round 1000.
const QUICKNET_1000: &str = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";

fn key() -> Vec<u8> {
    assay_timelock::public_key(&SEED).unwrap().to_vec()
}

fn pulse_of(round: u64, signature: Vec<u8>) -> Pulse {
    let randomness = assay_timelock::randomness(&signature).to_vec().try_into().unwrap();
    Pulse { round, randomness, signature: signature.try_into().unwrap() }
}

fn pulse(round: u64) -> Pulse {
    pulse_of(round, assay_timelock::sign(&SEED, round).unwrap().to_vec())
}

fn payload(pulses: Vec<Pulse>) -> Payload {
    let public = MultiSigner::Sr25519(bringer().public());
    Payload { block_number: System::block_number(), pulses, public }
}

fn bringer() -> sr25519::Pair {
    sr25519::Pair::from_seed(&[1; 32])
}

fn signed(payload: &Payload) -> Option<MultiSignature> {
    Some(MultiSignature::Sr25519(bringer().sign(&payload.encode())))
}

fn write(pulses: Vec<Pulse>) -> DispatchResult {
    Drand::write_pulse(RuntimeOrigin::none(), payload(pulses), None)
}

fn in_pool(pulses_payload: Payload, signature: Option<MultiSignature>) -> TransactionValidity {
    let call = Call::write_pulse { pulses_payload, signature };
    let early = Drand::pre_dispatch(&call);
    let validity = Drand::validate_unsigned(TransactionSource::External, &call);
    // What a block refuses beforehand, the pool refuses too.
    assert!(early.is_ok() || validity.is_err());
    validity
}

fn refused(pulses: Vec<Pulse>) -> InvalidTransaction {
    let payload = payload(pulses);
    let signature = signed(&payload);
    match in_pool(payload, signature) {
        Err(TransactionValidityError::Invalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_public_beacons_pulse_is_stored_where_the_chain_follows_it() {
    let real = || pulse_of(1000, hex::decode(QUICKNET_1000).unwrap());
    run(vec![], || {
        assert_ok!(write(vec![real()]));
        System::assert_last_event(Event::<Test>::NewPulse { rounds: vec![1000] }.into());
        assert_eq!(
            (LastStoredRound::<Test>::get(), OldestStoredRound::<Test>::get()),
            (1000, 1000)
        );
        assert_eq!(Pulses::<Test>::get(1000), Some(real()));
    });
    run(key(), || {
        assert_ok!(write(vec![real()]));
        assert_eq!(LastStoredRound::<Test>::get(), 0, "another beacon signed it");
    });
}

#[test]
fn the_pool_takes_one_genuine_pulse_at_a_time() {
    run(key(), || {
        let payload = payload(vec![pulse(5)]);
        let signature = signed(&payload);
        let valid = in_pool(payload.clone(), signature.clone()).unwrap();
        assert_eq!((valid.longevity, valid.propagate), (3, false));
        assert_eq!(valid.priority, 1 << 20);
        assert_eq!(in_pool(payload, None), Err(InvalidTransaction::BadSigner.into()));
        assert_eq!(refused(vec![]), InvalidTransaction::Call);
        assert_eq!(refused(vec![pulse(5), pulse(6)]), InvalidTransaction::Call);
        // Signed by another, for another round, or under another hash.
        let foreign = pulse_of(5, hex::decode(QUICKNET_1000).unwrap());
        assert_eq!(refused(vec![foreign]), InvalidTransaction::BadProof);
        assert_eq!(refused(vec![Pulse { round: 6, ..pulse(5) }]), InvalidTransaction::BadProof);
        let hashed = Pulse { randomness: Default::default(), ..pulse(5) };
        assert_eq!(refused(vec![hashed]), InvalidTransaction::BadProof);
        assert_eq!(refused(vec![Pulse::default()]), InvalidTransaction::Stale);
        let none = Pulse { round: 5, ..Default::default() };
        assert_eq!(refused(vec![none]), InvalidTransaction::BadProof);
    });
}

#[test]
fn what_is_waited_for_comes_first_and_of_that_the_lower_round() {
    run(key(), || {
        let asked = |round| {
            let payload = payload(vec![pulse(round)]);
            let signature = signed(&payload);
            in_pool(payload, signature).unwrap()
        };
        for round in [CURRENT - 3, CURRENT] {
            seal_early(round);
        }
        let of_any = asked(CURRENT - 5);
        let (lower, higher) = (asked(CURRENT - 3), asked(CURRENT));
        assert!(lower.priority > higher.priority && higher.priority > of_any.priority);
        assert!(lower.priority <= 2 << 20);
        // The pool holds one of all that nothing waits for, and one of each that something does.
        assert_eq!(of_any.provides, asked(CURRENT - 4).provides);
        assert_ne!(lower.provides, higher.provides);
        assert_ne!(lower.provides, of_any.provides);
    });
}

#[test]
fn a_block_takes_one_pulse_for_nobody_and_eight_in_all() {
    let may_come = |round| {
        let pulses_payload = payload(vec![pulse(round)]);
        let signature = signed(&pulses_payload);
        Drand::pre_dispatch(&Call::write_pulse { pulses_payload, signature })
    };
    let full = Err(InvalidTransaction::Future.into());
    run(key(), || {
        for round in 21..40 {
            seal_early(round);
        }
        assert_ok!(may_come(5));
        assert_ok!(write(vec![pulse(5)]));
        assert_eq!(may_come(6), full);
        for round in 21..20 + u64::from(PULSES_PER_BLOCK) {
            assert_ok!(may_come(round));
            assert_ok!(write(vec![pulse(round)]));
        }
        assert_eq!(may_come(30), full);
        System::set_block_number(8);
        assert_ok!(may_come(30));
        assert_ok!(may_come(50));
    });
}

#[test]
fn what_is_no_pulse_is_refused_before_its_signatures_are_looked_at() {
    run(key(), || {
        assert_ok!(write(vec![pulse(9)]));
        System::set_block_number(8);
        // None of these is signed: whoever looks at that first says `BadSigner`.
        let refusal = |pulse| in_pool(payload(vec![pulse]), None).unwrap_err();
        let short = Pulse { round: 10, ..pulse_of(10, vec![1; 47]) };
        let hashed = Pulse { randomness: Default::default(), ..pulse(10) };
        for (pulse, why) in [
            (pulse(9), InvalidTransaction::Stale),
            (pulse(8), InvalidTransaction::Stale),
            (Pulse { round: CURRENT + 1, ..pulse(10) }, InvalidTransaction::Future),
            (short, InvalidTransaction::BadProof),
            (hashed, InvalidTransaction::BadProof),
            (pulse(10), InvalidTransaction::BadSigner),
        ] {
            assert_eq!(refusal(pulse), why.into());
        }
    });
}

#[test]
fn a_payload_of_another_or_of_the_future_is_refused() {
    run(key(), || {
        let good = payload(vec![pulse(5)]);
        let other = Payload { block_number: 6, ..good.clone() };
        let refusal = |payload: Payload, signature| in_pool(payload, signature).unwrap_err();
        assert_eq!(refusal(other, signed(&good)), InvalidTransaction::BadProof.into());
        let late = Payload { block_number: 8, ..good };
        let signature = signed(&late);
        assert_eq!(refusal(late, signature), InvalidTransaction::Future.into());
    });
}

#[test]
fn rounds_only_rise() {
    run(key(), || {
        assert_ok!(write(vec![pulse(5), pulse(9)]));
        assert_noop!(write(vec![pulse(9)]), Error::<Test>::InvalidRoundNumber);
        assert_noop!(write(vec![pulse(12), pulse(11)]), Error::<Test>::InvalidRoundNumber);
        assert_noop!(
            write(vec![Pulse { round: 10, ..Default::default() }]),
            Error::<Test>::PulseVerificationError
        );
        assert_eq!(refused(vec![pulse(9)]), InvalidTransaction::Stale);
        assert_eq!(refused(vec![pulse(8)]), InvalidTransaction::Stale);
        assert_noop!(
            Drand::write_pulse(RuntimeOrigin::signed(1), payload(vec![pulse(10)]), None),
            BadOrigin
        );
    });
}

#[test]
fn a_round_of_the_future_is_refused_whoever_signed_it() {
    run(key(), || {
        assert_eq!(refused(vec![pulse(CURRENT + 1)]), InvalidTransaction::Future);
        let error = Error::<Test>::InvalidRoundNumber;
        assert_noop!(write(vec![pulse(u64::MAX)]), error);
        assert_ok!(write(vec![pulse(CURRENT)]));
    });
}

#[test]
fn nothing_but_a_pulse_comes_bare() {
    run(key(), || {
        let public = MultiSigner::Sr25519(bringer().public());
        let config_payload =
            BeaconConfigurationPayload { block_number: 7, config: Default::default(), public };
        let signature = Some(bringer().sign(&config_payload.encode()).into());
        let call = Call::set_beacon_config { config_payload, signature };
        let refusal = Err(InvalidTransaction::Call.into());
        assert_eq!(Drand::validate_unsigned(TransactionSource::External, &call), refusal);
        assert!(Drand::pre_dispatch(&call).is_err());
    });
}

#[test]
fn news_is_what_something_waited_for_and_lasts_for_one_block() {
    run(key(), || {
        seal_early(6);
        assert!(!Drand::has_news());
        assert_ok!(write(vec![pulse(5)]));
        System::set_block_number(8);
        assert!(!Drand::has_news(), "nothing waited for it");
        assert_ok!(write(vec![pulse(6)]));
        System::set_block_number(9);
        assert!(Drand::has_news());
        System::set_block_number(10);
        assert!(!Drand::has_news());
    });
}

#[test]
fn a_round_that_was_passed_over_comes_if_something_waits_for_it() {
    run(key(), || {
        for round in [3, 5, 7] {
            seal_early(round);
        }
        assert_ok!(write(vec![pulse(9)]));
        for round in [4, 6, 8] {
            assert_noop!(write(vec![pulse(round)]), Error::<Test>::InvalidRoundNumber);
            assert_eq!(refused(vec![pulse(round)]), InvalidTransaction::Stale);
        }
        let late = payload(vec![pulse(5)]);
        let signature = signed(&late);
        assert!(in_pool(late, signature).is_ok());
        assert_ok!(write(vec![pulse(5)]));
        let sealed = assay_timelock::seal(b"text", 5, &key(), &[3; 32]).unwrap();
        assert_eq!(Drand::open(5, &sealed), Opened::Text(b"text".to_vec()));
        assert_eq!((LastStoredRound::<Test>::get(), OldestStoredRound::<Test>::get()), (9, 5));
        assert_noop!(write(vec![pulse(5)]), Error::<Test>::InvalidRoundNumber);
        assert_ok!(write(vec![pulse(10), pulse(3)]));
        assert_eq!((LastStoredRound::<Test>::get(), OldestStoredRound::<Test>::get()), (10, 3));
        let left: Vec<_> = AwaitedRounds::<Test>::iter_keys().map(u64::from_be_bytes).collect();
        assert_eq!(left, [7]);
    });
}

#[test]
fn what_can_never_come_is_not_awaited() {
    run(key(), || {
        let earliest = CURRENT - MAX_KEPT_PULSES + 1;
        [0, 1, earliest - 1, earliest, CURRENT].into_iter().for_each(Drand::await_round);
        let awaited: Vec<_> = AwaitedRounds::<Test>::iter_keys().map(u64::from_be_bytes).collect();
        assert_eq!(awaited, [earliest, CURRENT]);
    });
}

#[test]
fn awaited_rounds_stand_in_their_order_and_go_after_a_week() {
    run(key(), || {
        let rounds = [1u64 << 8, 3, 1 << 16, 255, 4];
        rounds.into_iter().for_each(seal_early);
        let awaited =
            || -> Vec<u64> { AwaitedRounds::<Test>::iter_keys().map(u64::from_be_bytes).collect() };
        assert_eq!(awaited(), [3, 4, 255, 256, 65_536]);
        assert_ok!(write(vec![pulse(MAX_KEPT_PULSES + 3)]));
        assert_eq!(awaited(), [4, 255, 256, 65_536]);
        assert_eq!(refused(vec![pulse(3)]), InvalidTransaction::Stale);
        Drand::await_round(MAX_KEPT_PULSES + 3);
        assert_eq!(awaited().len(), 4, "its pulse is here");
    });
}

#[test]
fn a_week_is_kept_and_a_call_removes_a_hundred() {
    run(key(), || {
        assert_ok!(write(vec![pulse(5)]));
        let later = 5 + MAX_KEPT_PULSES;
        assert_ok!(write(vec![pulse(later - 1)]));
        assert!(Pulses::<Test>::contains_key(5));
        assert_ok!(write(vec![pulse(later)]));
        assert!(!Pulses::<Test>::contains_key(5));
        assert_eq!(OldestStoredRound::<Test>::get(), 6);
        assert_ok!(write(vec![pulse(later + 1_000)]));
        assert_eq!(OldestStoredRound::<Test>::get(), 106);
    });
}

#[test]
fn a_round_opens_what_was_sealed_to_it() {
    run(key(), || {
        let sealed = assay_timelock::seal(b"text", 5, &key(), &[3; 32]).unwrap();
        assert_eq!(Drand::open(5, &sealed), Opened::NotYet);
        assert_ok!(write(vec![pulse(5), pulse(6)]));
        assert_eq!(Drand::open(5, &sealed), Opened::Text(b"text".to_vec()));
        assert_eq!(Drand::open(6, &sealed), Opened::Never);
        assert_eq!(Drand::open(5, b"nothing sealed"), Opened::Never);
    });
}

#[test]
fn root_alone_says_which_beacon_is_followed() {
    run(vec![], || {
        let public = MultiSigner::Sr25519(bringer().public());
        let config = quicknet::with_key(key().try_into().unwrap());
        let payload =
            BeaconConfigurationPayload { block_number: 7, config: config.clone(), public };
        let set = |origin| Drand::set_beacon_config(origin, payload.clone(), None);
        assert_noop!(set(RuntimeOrigin::none()), BadOrigin);
        assert_ok!(set(RuntimeOrigin::root()));
        System::assert_last_event(Event::<Test>::BeaconConfigChanged.into());
        assert_eq!(BeaconConfig::<Test>::get(), config);
        assert_eq!(refused(vec![pulse(5)]), InvalidTransaction::Stale, "not in the same block");
        System::set_block_number(8);
        assert_ok!(write(vec![pulse(5)]));
        assert_noop!(Drand::set_oldest_stored_round(RuntimeOrigin::signed(1), 3), BadOrigin);
        assert_ok!(Drand::set_oldest_stored_round(RuntimeOrigin::root(), 3));
        System::assert_last_event(Event::<Test>::SetOldestStoredRound(3).into());
    });
}
