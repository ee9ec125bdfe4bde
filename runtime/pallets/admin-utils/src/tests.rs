//! Who may set what, when, how often and to what.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::panic)]

use frame_support::{assert_noop, assert_ok};
use pallet_subtensor::{
    ActivityCutoffFactorMilli, AdjustmentAlpha, AlphaValues, EpochConsensus, Error as ChainError,
    Event as ChainEvent, ImmunityPeriod, Kappa, LastAdjustmentBlock, LastEpochBlock, LastUpdate,
    MaxAllowedUids, MaxAllowedValidators, MechId, MechanismCountCurrent, MechanismEmissionSplit,
    MinAllowedUids, NetUid, NetUidStorageIndex, NetworkRateLimit, NetworkRegistrationAllowed,
    NullPruningTarget, OwnerHyperparamRateLimit, Pallet as Chain, PendingEpochAt,
    SavedYumaMaxAllowedValidators, SubnetOwnerHotkey, SubnetworkN, TaoBalance, Tempo, Weights,
};
use scale_info::{TypeDef, TypeInfo};
use sp_runtime::DispatchError::BadOrigin;
use substrate_fixed::types::{I96F32, U64F64};

use crate::{mock::*, Call, Error, Event};

fn set_immunity(origin: RuntimeOrigin, blocks: u16) -> frame_support::dispatch::DispatchResult {
    AdminUtils::sudo_set_immunity_period(origin, SUBNET, blocks)
}

#[test]
fn root_and_the_owner_set_and_nobody_else() {
    run(|| {
        assert_ok!(set_immunity(root(), 7));
        assert_ok!(set_immunity(signed(OWNER), 8));
        assert_eq!(ImmunityPeriod::<Test>::get(SUBNET), 8);
        System::assert_last_event(ChainEvent::ImmunityPeriodSet(SUBNET, 8).into());
        assert_noop!(set_immunity(signed(STRANGER), 9), BadOrigin);
    });
}

#[test]
fn some_things_are_for_root_alone() {
    run(|| {
        assert_noop!(AdminUtils::sudo_set_kappa(signed(OWNER), SUBNET, 1), BadOrigin);
        assert_noop!(AdminUtils::sudo_set_network_rate_limit(signed(OWNER), 1), BadOrigin);
        assert_ok!(AdminUtils::sudo_set_kappa(root(), SUBNET, 1));
        assert_ok!(AdminUtils::sudo_set_network_rate_limit(root(), 2));
        assert_eq!((Kappa::<Test>::get(SUBNET), NetworkRateLimit::<Test>::get()), (1, 2));
    });
}

#[test]
fn nothing_is_set_of_a_subnet_that_is_not_there() {
    run(|| {
        let missing = Error::<Test>::SubnetDoesNotExist;
        assert_noop!(AdminUtils::sudo_set_kappa(root(), NO_SUBNET, 1), missing);
        let missing = Error::<Test>::SubnetDoesNotExist;
        assert_noop!(AdminUtils::sudo_set_rho(signed(OWNER), NO_SUBNET, 1), missing);
    });
}

#[test]
fn an_owner_waits_between_two_changes_of_one_hyperparameter() {
    run(|| {
        assert_eq!(OwnerHyperparamRateLimit::<Test>::get(), 2);
        assert_ok!(set_immunity(signed(OWNER), 7));
        System::set_block_number(100 + 2 * u64::from(TEMPO) - 1);
        LastEpochBlock::<Test>::insert(SUBNET, System::block_number());
        assert_noop!(set_immunity(signed(OWNER), 8), ChainError::<Test>::TxRateLimitExceeded);
        assert_ok!(AdminUtils::sudo_set_bonds_penalty(signed(OWNER), SUBNET, 8)); // another one
        assert_ok!(set_immunity(root(), 8));
        System::set_block_number(100 + 2 * u64::from(TEMPO));
        assert_ok!(set_immunity(signed(OWNER), 9));
    });
}

#[test]
fn a_refused_change_does_not_count() {
    run(|| {
        let uids = |uids| AdminUtils::sudo_set_max_allowed_uids(signed(OWNER), SUBNET, uids);
        assert_noop!(uids(1), Error::<Test>::MaxAllowedUidsLessThanMinAllowedUids);
        assert_ok!(uids(128));
    });
}

#[test]
fn an_owner_sets_nothing_within_the_window_before_an_epoch() {
    let frozen = || ChainError::<Test>::AdminActionProhibitedDuringWeightsWindow;
    let next = 90 + u64::from(TEMPO);
    for window in WINDOWS {
        run_with_window(window, || {
            for before in 1..=20u16 {
                System::set_block_number(next - u64::from(before));
                if before < window {
                    assert_noop!(set_immunity(signed(OWNER), 7), frozen());
                    assert_ok!(set_immunity(root(), 7));
                } else {
                    // No wait after the last change: that is another limit.
                    OwnerHyperparamRateLimit::<Test>::put(0);
                    assert_ok!(set_immunity(signed(OWNER), 8));
                }
            }
        });
    }
}

#[test]
fn an_epoch_out_of_turn_closes_the_window_until_it_has_run() {
    run(|| {
        PendingEpochAt::<Test>::insert(SUBNET, 200);
        let frozen = ChainError::<Test>::AdminActionProhibitedDuringWeightsWindow;
        assert_noop!(set_immunity(signed(OWNER), 7), frozen);
    });
}

#[test]
fn a_change_of_tempo_begins_the_count_anew_within_an_owners_bounds() {
    run(|| {
        let tempo = |origin, tempo| AdminUtils::sudo_set_tempo(origin, SUBNET, tempo);
        assert_noop!(tempo(signed(OWNER), 359), ChainError::<Test>::TempoOutOfBounds);
        assert_noop!(tempo(signed(OWNER), 50_401), ChainError::<Test>::TempoOutOfBounds);
        assert_ok!(tempo(signed(OWNER), 360));
        assert_eq!(Tempo::<Test>::get(SUBNET), 360);
        assert_eq!(LastEpochBlock::<Test>::get(SUBNET), 100);

        OwnerHyperparamRateLimit::<Test>::put(0);
        System::set_block_number(300);
        assert_noop!(tempo(signed(OWNER), 400), ChainError::<Test>::TxRateLimitExceeded);
        assert_ok!(tempo(root(), 10));
        assert_eq!(LastEpochBlock::<Test>::get(SUBNET), 300);
    });
}

#[test]
fn the_number_of_neurons_stays_within_what_is_there_and_what_fits() {
    run(|| {
        SubnetworkN::<Test>::insert(SUBNET, 100);
        let most = |uids| AdminUtils::sudo_set_max_allowed_uids(root(), SUBNET, uids);
        assert_noop!(most(63), Error::<Test>::MaxAllowedUidsLessThanMinAllowedUids);
        assert_noop!(most(99), Error::<Test>::MaxAllowedUIdsLessThanCurrentUIds);
        assert_noop!(most(257), Error::<Test>::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids);
        assert_ok!(most(128));
        assert_eq!(MaxAllowedUids::<Test>::get(SUBNET), 128);

        let least = |uids| AdminUtils::sudo_set_min_allowed_uids(root(), SUBNET, uids);
        assert_noop!(least(128), Error::<Test>::MinAllowedUidsGreaterThanMaxAllowedUids);
        assert_noop!(least(100), Error::<Test>::MinAllowedUidsGreaterThanCurrentUids);
        assert_ok!(least(99));
        assert_eq!(MinAllowedUids::<Test>::get(SUBNET), 99);

        let permits = |count| AdminUtils::sudo_set_max_allowed_validators(root(), SUBNET, count);
        assert_noop!(permits(129), Error::<Test>::MaxValidatorsLargerThanMaxUIds);
        assert_ok!(permits(128));
    });
}

#[test]
fn prices_of_registration_keep_their_order_and_their_bounds() {
    run(|| {
        let tao = |hundredths: u64| TaoBalance::new(hundredths * 10_000_000);
        let least = |burn| AdminUtils::sudo_set_min_burn(root(), SUBNET, burn);
        let most = |burn| AdminUtils::sudo_set_max_burn(root(), SUBNET, burn);
        let outside = || Error::<Test>::ValueNotInBounds;
        assert_noop!(least(tao(100)), outside());
        assert_noop!(most(tao(10)), outside());
        assert_ok!(least(tao(50)));
        assert_noop!(most(tao(50)), outside());
        assert_ok!(most(tao(60)));
        assert_noop!(least(tao(60)), outside());

        let half = |blocks| AdminUtils::sudo_set_burn_half_life(root(), SUBNET, blocks);
        assert_noop!(half(0), Error::<Test>::InvalidValue);
        assert_ok!(half(36_100));
        System::assert_last_event(
            Event::BurnHalfLifeSet { netuid: SUBNET, burn_half_life: 36_100 }.into(),
        );
        let raise = |factor: f64| {
            let factor = U64F64::from_num(factor);
            AdminUtils::sudo_set_burn_increase_mult(root(), SUBNET, factor)
        };
        assert_noop!(raise(0.9), Error::<Test>::InvalidValue);
        assert_noop!(raise(3.1), Error::<Test>::InvalidValue);
        assert_ok!(raise(3.0));
    });
}

#[test]
fn root_goes_where_an_owner_does_not() {
    run(|| {
        let average =
            |origin, value| AdminUtils::sudo_set_bonds_moving_average(origin, SUBNET, value);
        let slow = Error::<Test>::BondsMovingAverageMaxReached;
        assert_noop!(average(signed(OWNER), 975_001), slow);
        assert_ok!(average(root(), 975_001));
        assert_noop!(average(root(), 1_000_001), Error::<Test>::ValueNotInBounds);
        assert_ok!(average(signed(OWNER), 975_000));

        let steepness =
            |origin, value| AdminUtils::sudo_set_alpha_sigmoid_steepness(origin, SUBNET, value);
        assert_noop!(steepness(signed(OWNER), -1), Error::<Test>::NegativeSigmoidSteepness);
        assert_ok!(steepness(root(), -1));
    });
}

#[test]
fn alpha_values_need_liquid_alpha_and_their_order() {
    run(|| {
        let set = |low, high| AdminUtils::sudo_set_alpha_values(root(), SUBNET, low, high);
        assert_noop!(set(2_000, 3_000), ChainError::<Test>::LiquidAlphaDisabled);
        assert_ok!(AdminUtils::sudo_set_liquid_alpha_enabled(root(), SUBNET, true));
        assert_noop!(set(1_000, 1_000), ChainError::<Test>::AlphaHighTooLow);
        assert_noop!(set(1_000, 3_000), ChainError::<Test>::AlphaLowOutOfRange);
        assert_noop!(set(4_000, 3_000), ChainError::<Test>::AlphaLowOutOfRange);
        assert_ok!(set(2_000, 3_000));
        assert_eq!(AlphaValues::<Test>::get(SUBNET), (2_000, 3_000));
    });
}

#[test]
fn an_owner_has_its_cut_locked_or_not() {
    run(|| {
        let set = |origin, enabled| {
            AdminUtils::sudo_set_owner_cut_auto_lock_enabled(origin, SUBNET, enabled)
        };
        assert_ok!(set(signed(OWNER), true));
        assert!(pallet_subtensor::OwnerCutAutoLockEnabled::<Test>::get(SUBNET));
        assert_ok!(set(root(), false));
        assert!(!pallet_subtensor::OwnerCutAutoLockEnabled::<Test>::get(SUBNET));
        let on_root = AdminUtils::sudo_set_owner_cut_auto_lock_enabled(root(), NetUid::ROOT, true);
        assert_eq!(on_root, Err(Error::<Test>::NotPermittedOnRootSubnet.into()));
    });
}

#[test]
fn what_no_rule_reads_is_refused() {
    type Setter = fn(RuntimeOrigin) -> frame_support::dispatch::DispatchResult;
    let of_owners: [Setter; 4] = [
        |origin| AdminUtils::sudo_set_rho(origin, SUBNET, 1),
        |origin| AdminUtils::sudo_set_activity_cutoff(origin, SUBNET, 9_000),
        |origin| AdminUtils::sudo_set_collateral_lock_share(origin, SUBNET, 1),
        |origin| AdminUtils::sudo_set_collateral_drain_ratio(origin, SUBNET, U64F64::from_num(1u8)),
    ];
    let of_root: [Setter; 6] = [
        |origin| AdminUtils::sudo_set_commit_reveal_version(origin, 1),
        |origin| AdminUtils::sudo_set_total_issuance(origin, TaoBalance::new(1)),
        |origin| AdminUtils::sudo_set_ck_burn(origin, 1),
        |origin| AdminUtils::sudo_set_emission_bar_rank(origin, 1),
        |origin| AdminUtils::sudo_set_dissolve_network_schedule_duration(origin, 1),
        |origin| AdminUtils::sudo_set_basket_trading_frozen(origin, 1, true),
    ];
    run(|| {
        for set in of_owners {
            assert_noop!(set(signed(OWNER)), Error::<Test>::Deprecated);
            assert_noop!(set(root()), Error::<Test>::Deprecated);
            assert_noop!(set(signed(STRANGER)), BadOrigin);
        }
        for set in of_root {
            assert_noop!(set(root()), Error::<Test>::Deprecated);
            assert_noop!(set(signed(OWNER)), BadOrigin);
        }
    });
}

#[test]
fn one_way_into_a_subnet_stays_open() {
    run(|| {
        let burn = |allowed| {
            AdminUtils::sudo_set_network_registration_allowed(signed(OWNER), SUBNET, allowed)
        };
        let work = |allowed| {
            AdminUtils::sudo_set_network_pow_registration_allowed(signed(OWNER), SUBNET, allowed)
        };
        OwnerHyperparamRateLimit::<Test>::put(0);
        NetworkRegistrationAllowed::<Test>::insert(SUBNET, true);
        assert_noop!(burn(false), Error::<Test>::InvalidValue);
        assert_ok!(work(true));
        assert_eq!(LastAdjustmentBlock::<Test>::get(SUBNET), 100);
        assert_ok!(burn(false));
        assert_noop!(work(false), Error::<Test>::InvalidValue);
        assert_ok!(burn(true));
        assert_ok!(work(false));
    });
}

#[test]
fn the_difficulty_and_its_rule_are_set() {
    run(|| {
        assert_ok!(AdminUtils::sudo_set_min_difficulty(root(), SUBNET, 5));
        assert_ok!(AdminUtils::sudo_set_difficulty(root(), SUBNET, 3));
        assert_eq!(Chain::<Test>::pow_difficulty(SUBNET), 5);
        assert_ok!(AdminUtils::sudo_set_difficulty(root(), SUBNET, 30));
        assert_ok!(AdminUtils::sudo_set_max_difficulty(signed(OWNER), SUBNET, 20));
        assert_eq!(Chain::<Test>::pow_difficulty(SUBNET), 20);
        assert_noop!(AdminUtils::sudo_set_difficulty(signed(OWNER), SUBNET, 1), BadOrigin);
        assert_ok!(AdminUtils::sudo_set_adjustment_interval(root(), SUBNET, 7));
        assert_ok!(AdminUtils::sudo_set_adjustment_alpha(signed(OWNER), SUBNET, 8));
        assert_ok!(AdminUtils::sudo_set_target_registrations_per_interval(root(), SUBNET, 9));
        assert_eq!(AdjustmentAlpha::<Test>::get(SUBNET), 8);
    });
}

#[test]
fn an_owner_trims_once_in_a_while_but_a_trimming_goes_on() {
    run(|| {
        OwnerHyperparamRateLimit::<Test>::put(0);
        let set = AdminUtils::sudo_set_epoch_consensus(root(), SUBNET, EpochConsensus::Null);
        assert_ok!(set);
        assert_ok!(AdminUtils::sudo_set_max_allowed_uids(root(), SUBNET, 2_500));
        let too_many = AdminUtils::sudo_set_max_allowed_uids(root(), SUBNET, 2_501);
        assert_eq!(
            too_many,
            Err(Error::<Test>::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids.into())
        );
        let permits = AdminUtils::sudo_set_max_allowed_validators(root(), SUBNET, 2);
        assert_eq!(permits, Err(Error::<Test>::InvalidValue.into()));

        let batch = |who, target| AdminUtils::sudo_trim_null_uids_batch(who, SUBNET, target);
        assert_noop!(batch(signed(STRANGER), 100), BadOrigin);
        assert_ok!(batch(signed(OWNER), 100));
        assert_eq!(MaxAllowedUids::<Test>::get(SUBNET), 100);
        let limited = ChainError::<Test>::TxRateLimitExceeded;
        assert_noop!(batch(signed(OWNER), 90), limited);
        NullPruningTarget::<Test>::insert(SUBNET, 90);
        assert_ok!(batch(signed(OWNER), 90));
        assert_ok!(AdminUtils::sudo_trim_to_max_allowed_uids(root(), SUBNET, 80));
        let trim = AdminUtils::sudo_trim_to_max_allowed_uids(signed(OWNER), SUBNET, 70);
        assert_eq!(trim, Err(ChainError::<Test>::TxRateLimitExceeded.into()));
        assert_eq!(MaxAllowedUids::<Test>::get(SUBNET), 80);
    });
}

#[test]
fn consensus_is_switched_off_and_on_again() {
    run(|| {
        let set = |origin, mode| AdminUtils::sudo_set_epoch_consensus(origin, SUBNET, mode);
        let on_root =
            AdminUtils::sudo_set_epoch_consensus(root(), NetUid::ROOT, EpochConsensus::Null);
        assert_eq!(on_root, Err(Error::<Test>::InvalidValue.into()));
        assert_noop!(set(signed(STRANGER), EpochConsensus::Null), BadOrigin);
        let limit = MaxAllowedValidators::<Test>::get(SUBNET);
        assert_ok!(set(signed(OWNER), EpochConsensus::Null));
        assert_eq!(SavedYumaMaxAllowedValidators::<Test>::get(SUBNET), Some(limit));
        assert_ok!(set(root(), EpochConsensus::Null)); // no change, and nothing saved anew
        assert_ok!(set(root(), EpochConsensus::Yuma));
        assert_eq!(MaxAllowedValidators::<Test>::get(SUBNET), limit);
        assert_eq!(SavedYumaMaxAllowedValidators::<Test>::get(SUBNET), None);
    });
}

#[test]
fn mechanisms_come_with_room_and_go_with_all_they_have() {
    run(|| {
        let count =
            |count| AdminUtils::sudo_set_mechanism_count(root(), SUBNET, MechId::new(count));
        let split =
            |split| AdminUtils::sudo_set_mechanism_emission_split(root(), SUBNET, Some(split));
        assert_noop!(count(0), Error::<Test>::InvalidValue);
        assert_noop!(count(3), Error::<Test>::InvalidValue);
        assert_noop!(count(2), ChainError::<Test>::TooManyUIDsPerMechanism); // 2 × 256
        MaxAllowedUids::<Test>::insert(SUBNET, 128);
        assert_ok!(count(2));

        assert_noop!(split(vec![u16::MAX]), Error::<Test>::InvalidValue);
        assert_noop!(split(vec![1, 1]), Error::<Test>::InvalidValue);
        assert_ok!(split(vec![1, u16::MAX - 1]));

        let second = NetUidStorageIndex::of(SUBNET, MechId::new(1)).unwrap();
        for index in [NetUidStorageIndex::main(SUBNET), second] {
            Weights::<Test>::insert(index, 0, vec![(0, 1)]);
            LastUpdate::<Test>::insert(index, vec![1]);
        }
        assert_ok!(count(1));
        assert_eq!(MechanismCountCurrent::<Test>::get(SUBNET), MechId::new(1));
        assert_eq!(MechanismEmissionSplit::<Test>::get(SUBNET), None);
        assert!(!Weights::<Test>::contains_key(second, 0));
        assert!(!LastUpdate::<Test>::contains_key(second));
        assert!(Weights::<Test>::contains_key(NetUidStorageIndex::main(SUBNET), 0));
    });
}

#[test]
fn an_owner_hotkey_is_one_of_the_owners_and_changes_once_a_week() {
    run(|| {
        let set = |origin, hotkey| AdminUtils::sudo_set_sn_owner_hotkey(origin, SUBNET, hotkey);
        assert_noop!(set(signed(OWNER), 12), ChainError::<Test>::NonAssociatedColdKey);
        assert_ok!(set(signed(OWNER), OWNER_HOTKEY));
        assert_eq!(SubnetOwnerHotkey::<Test>::get(SUBNET), OWNER_HOTKEY);
        let again = set(signed(OWNER), OWNER_HOTKEY);
        assert_noop!(again, ChainError::<Test>::TxRateLimitExceeded);
        assert_ok!(set(root(), OWNER_HOTKEY));
    });
}

#[test]
fn other_bounds_hold_for_root_too() {
    run(|| {
        let factor = |milli| AdminUtils::sudo_set_activity_cutoff_factor(root(), SUBNET, milli);
        let outside = || ChainError::<Test>::ActivityCutoffFactorMilliOutOfBounds;
        assert_noop!(factor(999), outside());
        assert_noop!(factor(50_001), outside());
        assert_ok!(factor(1_000));
        assert_eq!(ActivityCutoffFactorMilli::<Test>::get(SUBNET), 1_000);

        let reveal =
            |epochs| AdminUtils::sudo_set_commit_reveal_weights_interval(root(), SUBNET, epochs);
        assert_noop!(reveal(0), ChainError::<Test>::RevealPeriodTooSmall);
        assert_noop!(reveal(101), ChainError::<Test>::RevealPeriodTooLarge);
        assert_noop!(
            AdminUtils::sudo_set_owner_immune_neuron_limit(root(), SUBNET, 11),
            Error::<Test>::InvalidValue
        );
        assert_noop!(
            AdminUtils::sudo_set_max_epochs_per_block(root(), 0),
            Error::<Test>::ValueNotInBounds
        );
        assert_noop!(
            AdminUtils::sudo_set_subnet_moving_alpha(root(), I96F32::from_num(2)),
            Error::<Test>::InvalidValue
        );
        assert_noop!(
            AdminUtils::sudo_set_owner_cut_enabled(root(), NetUid::ROOT, false),
            Error::<Test>::NotPermittedOnRootSubnet
        );
    });
}

#[test]
fn calls_have_the_names_and_indices_that_clients_know() {
    let TypeDef::Variant(calls) = Call::<Test>::type_info().type_def else {
        panic!("calls are an enum");
    };
    let named = |index: u8| {
        let call = calls.variants.iter().find(|call| call.index == index).unwrap();
        let arguments: Vec<_> = call.fields.iter().filter_map(|field| field.name).collect();
        (call.name, arguments)
    };
    assert_eq!(named(13), ("sudo_set_immunity_period", vec!["netuid", "immunity_period"]));
    assert_eq!(named(22), ("sudo_set_min_burn", vec!["netuid", "min_burn"]));
    assert_eq!(named(30), ("sudo_set_tempo", vec!["netuid", "tempo"]));
    assert_eq!(named(51), ("sudo_set_alpha_values", vec!["netuid", "alpha_low", "alpha_high"]));
    assert_eq!(named(74), ("sudo_set_admin_freeze_window", vec!["window"]));
    let trim = ("sudo_trim_to_max_allowed_uids", vec!["netuid", "max_n"]);
    assert_eq!(named(78), trim);
    assert_eq!(named(112), ("sudo_trim_null_uids_batch", vec!["netuid", "target"]));
    assert_eq!(named(94), ("sudo_set_subnet_emission_enabled", vec!["netuid", "enabled"]));
    assert_eq!(named(111), ("sudo_set_epoch_consensus", vec!["netuid", "mode"]));
    assert_eq!(named(97), ("sudo_set_activity_cutoff_factor", vec!["netuid", "factor_milli"]));
}
