//! Leased subnets: who may lease one, what comes to whom, and how a lease ends.

use super::*;
use crate::subnets::INTERVAL;
use assay_arithmetic::lease::{dividend, refund, share, SHARE_ONE};
use codec::Decode;
use sp_runtime::{DispatchError, Percent};

/// Where the crowdloan's money is.
const FUND: u64 = 900;
/// What 1, 2 and 3 gave, of whom 1 is the creator.
const GIVEN: [(u64, u64); 3] = [(1, 700 * UNIT), (2, 500 * UNIT), (3, 300 * UNIT + 1)];

fn raised() -> u64 {
    GIVEN.iter().map(|(_, amount)| amount).sum()
}

/// A crowdloan of 1, in which 1, 2 and 3 gave what `GIVEN` says.
fn fund() {
    for (who, amount) in GIVEN {
        let keep = frame_support::traits::ExistenceRequirement::KeepAlive;
        assert_ok!(<Balances as frame_support::traits::Currency<u64>>::transfer(
            &who, &FUND, amount, keep
        ));
    }
    Lessors::fund(Some(Funding {
        creator: 1,
        account: FUND,
        raised: Tao::new(raised()),
        contributions: GIVEN.to_vec(),
    }));
}

/// A started subnet that is leased until `end`, a half of whose owner's cut is shared.
fn leased(end: Option<u64>) -> (NetUid, SubnetLease<u64, u64>) {
    fund();
    assert_ok!(Chain::register_leased_network(signed(1), Percent::from_percent(50), end));
    let lease = SubnetLeases::<Test>::get(0).unwrap();
    assert_ok!(Chain::start_call(signed(lease.coldkey), lease.netuid));
    (lease.netuid, lease)
}

#[test]
fn it_is_paid_for_by_all_and_what_is_left_goes_back() {
    run_each(|| {
        let before = GIVEN.map(|(who, _)| tao_balance(who));
        let price = Chain::network_lock_cost().rao();
        let (netuid, lease) = leased(Some(50));
        assert_eq!(lease.cost.rao(), price);
        let left = raised() - price;
        let shares = GIVEN.map(|(_, amount)| share(amount, raised()));
        let back = [refund(shares[1], left), refund(shares[2], left)];
        assert_eq!(tao_balance(2), before[1] - GIVEN[1].1 + back[0]);
        assert_eq!(tao_balance(3), before[2] - GIVEN[2].1 + back[1]);
        assert_eq!(tao_balance(1), before[0] - GIVEN[0].1 + left - back[0] - back[1]);
        assert_eq!((tao_balance(lease.coldkey), tao_balance(FUND)), (0, 0));

        assert_eq!(SubnetOwner::<Test>::get(netuid), lease.coldkey);
        assert_eq!(SubnetUidToLeaseId::<Test>::get(netuid), Some(0));
        assert_eq!(Delegates::<Test>::get(lease.hotkey).deconstruct(), 0);
        assert_eq!(Lessors::acting(), [(lease.coldkey, 1)]);
        assert_eq!(SubnetLeaseShares::<Test>::get(0, 2).to_bits(), shares[1]);
        assert!(!SubnetLeaseShares::<Test>::contains_key(0, 1), "the beneficiary has the rest");
        let (lease_id, end_block) = (0, Some(50));
        let event = Event::SubnetLeaseCreated { beneficiary: 1, lease_id, netuid, end_block };
        System::assert_has_event(event.into());
    });
}

#[test]
fn what_cannot_be_leased_is_refused() {
    run(local(), || {
        let lease = |who, parts, end| {
            Chain::register_leased_network(signed(who), Percent::from_parts(parts), end)
        };
        let refused = |result: frame_support::dispatch::DispatchResultWithPostInfo| {
            result.map(|_| ()).map_err(|failed| failed.error).unwrap_err()
        };
        assert_eq!(refused(lease(1, 50, None)), DispatchError::Unavailable, "no crowdloan ends");
        fund();
        let named = |error: Error<Test>| -> DispatchError { error.into() };
        assert_eq!(refused(lease(2, 50, None)), named(Error::InvalidLeaseBeneficiary));
        let past = Some(System::block_number());
        assert_eq!(refused(lease(1, 50, past)), named(Error::LeaseCannotEndInThePast));
        assert!(Percent::decode(&mut &[101u8][..]).is_err(), "no call has more than all of it");
        assert_ok!(lease(1, 100, None));
    });
}

#[test]
fn dividends_wait_for_the_interval_and_go_to_all() {
    run(local(), || {
        let (netuid, lease) = leased(None);
        let hotkey = lease.hotkey;
        run_to_epoch(netuid);
        while System::block_number() < u64::from(INTERVAL) - 25 {
            run_to_epoch(netuid);
        }
        let waiting = AccumulatedLeaseDividends::<Test>::get(0).rao();
        // What the lease's stake earns is not shared, the owner's cut is.
        assert!(waiting > 0 && waiting < staked(netuid, lease.coldkey, hotkey) / 2);
        assert_eq!(staked(netuid, 2, hotkey), 0);
        while staked(netuid, 2, hotkey) == 0 {
            next_block();
        }
        check();
        let told = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
            RuntimeEvent::SubtensorModule(Event::SubnetLeaseDividendsDistributed {
                contributor,
                alpha,
                ..
            }) => Some((contributor, alpha.rao())),
            _ => None,
        };
        let paid: std::collections::BTreeMap<u64, u64> =
            System::events().into_iter().filter_map(told).collect();
        let sum: u64 = paid.values().sum();
        assert!(sum > waiting);
        for (who, given) in &GIVEN[1..] {
            assert_eq!(paid[who], dividend(share(*given, raised()), sum));
            assert!(staked(netuid, *who, hotkey) >= paid[who] - 1, "and it has earned since");
        }
        assert_eq!(paid.len(), GIVEN.len());
        assert!(!AccumulatedLeaseDividends::<Test>::contains_key(0));
        assert!(
            staked(netuid, lease.coldkey, hotkey) > sum,
            "a half of the cut is the lease's own"
        );
    });
}

#[test]
fn where_the_lease_has_less_than_is_owed_that_is_paid_and_the_rest_stays_owed() {
    run(local(), || {
        let (netuid, lease) = leased(None);
        run_to_epoch(netuid);
        // Far more than the lease will have.
        AccumulatedLeaseDividends::<Test>::insert(0, AlphaBalance::new(u64::MAX / 4));
        while staked(netuid, 2, lease.hotkey) == 0 {
            next_block();
        }
        let left = AccumulatedLeaseDividends::<Test>::take(0).rao();
        assert!(left > u64::MAX / 8 && left < u64::MAX / 4);
    });
}

#[test]
fn who_can_hold_no_more_does_not_hold_up_the_others() {
    run(local(), || {
        let (netuid, lease) = leased(None);
        fill(2);
        while staked(netuid, 3, lease.hotkey) == 0 {
            next_block();
        }
        assert_eq!(staked(netuid, 2, lease.hotkey), 0);
        let waiting = SubnetLeaseUnpaidDividends::<Test>::get(0, 2).rao();
        assert!(waiting > 0);
        check();
        StakingHotkeys::<Test>::remove(2);
        run_to_block(System::block_number() + u64::from(INTERVAL) + 25);
        assert!(staked(netuid, 2, lease.hotkey) > waiting);
        assert!(!SubnetLeaseUnpaidDividends::<Test>::contains_key(0, 2));
    });
}

/// Gives `who` as many positions of stake as it may have.
fn fill(who: u64) {
    let most = crate::staking::MAX_HOTKEYS_PER_COLDKEY as u64;
    StakingHotkeys::<Test>::insert(who, (10_000..10_000 + most).collect::<Vec<_>>());
}

fn end(who: u64, hotkey: u64) {
    assert_ok!(Chain::terminate_lease(signed(who), 0, hotkey));
}

#[test]
fn who_could_not_be_paid_at_the_end_is_paid_when_it_can_be_and_nobody_else_is() {
    run(local(), || {
        let (netuid, lease) = leased(Some(120));
        run_to_epoch(netuid);
        fill(2);
        while staked(netuid, 3, lease.hotkey) == 0 {
            next_block();
        }
        run_to_block(121);
        let owed = SubnetLeaseUnpaidDividends::<Test>::get(0, 2).rao();
        assert!(owed > 0);
        assert_ok!(Chain::try_associate_hotkey(signed(1), 501));
        end(1, 501);
        assert_eq!((SubnetOwner::<Test>::get(netuid), Lessors::acting()), (1, vec![]));
        assert!(staked(netuid, 1, lease.hotkey) > 0, "the lease's own is the beneficiary's");
        let still = SubnetLeaseUnpaidDividends::<Test>::get(0, 2).rao();
        assert!(still >= owed && staked(netuid, lease.coldkey, lease.hotkey) >= still - 1);
        assert_eq!(SubnetLeaseUnpaidDividends::<Test>::iter().count(), 1);
        check();

        // It goes on waiting, also with another coldkey of either.
        run_to_epoch(netuid);
        assert_eq!(SubnetLeaseUnpaidDividends::<Test>::get(0, 2).rao(), still);
        assert_ok!(Chain::swap_coldkey(RuntimeOrigin::root(), 1, 701, Tao::ZERO));
        assert_eq!(SubnetLeases::<Test>::get(0).unwrap().beneficiary, 701);
        end(701, 501);
        assert_eq!(SubnetLeaseUnpaidDividends::<Test>::get(0, 2).rao(), still);
        check();

        StakingHotkeys::<Test>::remove(2);
        run_to_epoch(netuid);
        assert!(staked(netuid, 2, lease.hotkey) >= still - 1);
        assert_eq!(staked(netuid, lease.coldkey, lease.hotkey), 0);
        assert!(SubnetLeases::<Test>::get(0).is_none());
        assert_eq!(SubnetLeaseUnpaidDividends::<Test>::iter().count(), 0);
        check();
    });
}

#[test]
fn who_could_not_be_paid_before_the_end_of_the_subnet_is_paid_with_it() {
    for ended in [false, true] {
        run(local(), || {
            let (netuid, lease) = leased(Some(120));
            // As much as would be seen if it were another's.
            let part = share(GIVEN[1].1, raised());
            fill(2);
            run_to_block(121);
            if ended {
                assert_ok!(Chain::try_associate_hotkey(signed(1), 501));
                end(1, 501);
            }
            let owed = SubnetLeaseUnpaidDividends::<Test>::get(0, 2).rao();
            assert!(owed > 0 && part > 0);
            let pool = SubnetTAO::<Test>::get(netuid).rao();
            let (all, before) = (TotalAlphaStaked::<Test>::get(netuid).rao(), tao_balance(2));
            assert_ok!(Chain::root_dissolve_network(RuntimeOrigin::root(), netuid));
            let least = u128::from(pool) * u128::from(owed - 2) / u128::from(all);
            assert!(u128::from(tao_balance(2) - before) >= least);
            assert_eq!(tao_balance(lease.coldkey), 0);
            assert_eq!(SubnetLeaseUnpaidDividends::<Test>::iter().count(), 0);
            assert_eq!(SubnetUidToLeaseId::<Test>::iter().count(), 0);
            // Nothing is behind the other hotkeys that the list names.
            StakingHotkeys::<Test>::remove(2);
            check();
        });
    }
}

#[test]
fn what_is_owed_is_paid_from_behind_the_hotkey_that_it_was_staked_behind() {
    run(local(), || {
        let (netuid, lease) = leased(Some(120));
        run_to_epoch(netuid);
        let waiting = AccumulatedLeaseDividends::<Test>::get(0).rao();
        assert!(waiting > 0);
        Chain::set_owner_hotkey(netuid, &103);
        run_to_block(121);
        assert_ok!(Chain::try_associate_hotkey(signed(1), 501));
        end(1, 501);
        let paid: u64 = [lease.hotkey, 103].map(|hotkey| staked(netuid, 2, hotkey)).iter().sum();
        let part = u128::from(waiting) * u128::from(GIVEN[1].1) / u128::from(raised());
        assert!(u128::from(paid) >= part, "{paid} of {part}");
        check();
    });
}

#[test]
fn the_beneficiary_ends_it_after_its_time_and_has_what_is_the_leases() {
    run(local(), || {
        let (netuid, lease) = leased(Some(30));
        let end = |who, id, hotkey| {
            Chain::terminate_lease(signed(who), id, hotkey)
                .map(|_| ())
                .map_err(|failed| failed.error)
        };
        let refused = |error: Error<Test>| -> Result<(), DispatchError> { Err(error.into()) };
        assert_ok!(Chain::try_associate_hotkey(signed(1), 501));
        assert_eq!(end(1, 1, 501), refused(Error::LeaseDoesNotExist));
        assert_eq!(end(2, 0, 501), refused(Error::ExpectedBeneficiaryOrigin));
        assert_eq!(end(1, 0, 501), refused(Error::LeaseHasNotEnded));
        run_to_epoch(netuid);
        let waiting = AccumulatedLeaseDividends::<Test>::get(0).rao();
        assert!(waiting > 0);
        run_to_block(60);
        assert!(
            AccumulatedLeaseDividends::<Test>::get(0).rao() <= 2 * waiting,
            "no more is shared"
        );
        assert_eq!(end(1, 0, 502), refused(Error::BeneficiaryDoesNotOwnHotkey));
        assert_eq!(end(1, 0, 501), Ok(()));
        assert_eq!(SubnetOwner::<Test>::get(netuid), 1);
        assert_eq!(SubnetOwnerHotkey::<Test>::get(netuid), 501);
        assert_eq!(staked(netuid, lease.coldkey, lease.hotkey), 0);
        assert!(staked(netuid, 1, lease.hotkey) > 0 && staked(netuid, 2, lease.hotkey) > 0);
        assert_eq!(Lessors::acting(), []);
        assert_eq!(SubnetLeaseShares::<Test>::iter().count(), 0);
        let event = Event::SubnetLeaseTerminated { beneficiary: 1, netuid };
        System::assert_has_event(event.into());
        check();
    });
    run(local(), || {
        leased(None);
        let never = Chain::terminate_lease(signed(1), 0, 501).map_err(|failed| failed.error);
        assert_eq!(never.unwrap_err(), Error::<Test>::LeaseHasNoEndBlock.into());
    });
}

#[test]
fn a_lease_goes_with_its_subnet_and_its_parts_with_their_coldkeys() {
    run(local(), || {
        let (netuid, lease) = leased(None);
        run_to_epoch(netuid);
        assert_ok!(Chain::swap_coldkey(RuntimeOrigin::root(), 2, 702, Tao::ZERO));
        assert_ok!(Chain::swap_coldkey(RuntimeOrigin::root(), 1, 701, Tao::ZERO));
        assert_eq!(SubnetLeases::<Test>::get(0).unwrap().beneficiary, 701);
        assert_eq!(Lessors::acting(), [(lease.coldkey, 701)]);
        let part = SubnetLeaseShares::<Test>::get(0, 702).to_bits();
        assert_eq!(part, share(GIVEN[1].1, raised()));
        assert!(part < SHARE_ONE && !SubnetLeaseShares::<Test>::contains_key(0, 2));
        let before = [701, 702, 3].map(tao_balance);
        assert_ok!(Chain::root_dissolve_network(RuntimeOrigin::root(), netuid));
        let after = [701, 702, 3].map(tao_balance);
        assert!(before.iter().zip(after).all(|(before, after)| after > *before));
        assert_eq!(tao_balance(lease.coldkey), 0);
        assert!(SubnetLeases::<Test>::get(0).is_none());
        assert_eq!(Lessors::acting(), []);
        check();
    });
}

#[test]
fn gifts_of_dust_hold_up_themselves_alone() {
    run(local(), || {
        let (netuid, lease) = leased(Some(30));
        // Others may fill a half of a list. The lease's has its own hotkey already, and the
        // beneficiary has one of its own besides: together there is one too many.
        let half = crate::staking::MAX_HOTKEYS_PER_COLDKEY as u64 / 2;
        let gifts: Vec<u64> = (20_000..20_000 + half - 1).collect();
        for hotkey in &gifts {
            assert_ok!(Chain::try_associate_hotkey(signed(9), *hotkey));
            stake(netuid, 9, *hotkey, UNIT / 100);
            let all = AlphaBalance::new(staked(netuid, 9, *hotkey));
            let given =
                Chain::transfer_stake(signed(9), lease.coldkey, *hotkey, netuid, netuid, all);
            assert_ok!(given);
        }
        StakingHotkeys::<Test>::insert(1, (10_000..=10_000 + half).collect::<Vec<_>>());
        run_to_epoch(netuid);
        run_to_block(31);
        let own = staked(netuid, lease.coldkey, lease.hotkey);
        let behind = |who| gifts.iter().map(|hotkey| staked(netuid, who, *hotkey)).sum::<u64>();
        let dust = behind(lease.coldkey);
        assert!(own > 0 && dust > 0);
        assert_ok!(Chain::try_associate_hotkey(signed(1), 501));
        let all = TotalAlphaStaked::<Test>::get(netuid);
        let ended = Chain::terminate_lease(signed(1), 0, 501).unwrap();
        assert_eq!(TotalAlphaStaked::<Test>::get(netuid), all);

        // All behind its own hotkey is paid, and as many gifts as are moved at a time.
        assert_eq!(staked(netuid, lease.coldkey, lease.hotkey), 0);
        let paid: u64 = [1, 2, 3].map(|who| staked(netuid, who, lease.hotkey)).iter().sum();
        assert!(paid >= own - 10 && staked(netuid, 1, lease.hotkey) > own / 2);
        let owed = || SubnetLeaseUnpaidDividends::<Test>::get(0, 1).rao();
        assert!(owed() > 0 && owed().abs_diff(behind(lease.coldkey)) < 10, "the rest is a debt");
        assert!((dust - 10..=dust + 10).contains(&(behind(lease.coldkey) + behind(1))));
        // Of the beneficiary as many as at a time, one of each contributor, and looking for them and their shares.
        let moved = |count| Some(<() as WeightInfo>::terminate_lease(count));
        assert_eq!(ended.actual_weight, moved(16 + 2 + 512 / 32 + 1));

        // Each try pays some more, until the beneficiary can have no further position.
        let mut before = owed();
        while StakingHotkeys::<Test>::get(1).len() as u64 != 2 * half {
            end(1, 501);
            assert!(owed() < before);
            before = owed();
        }
        let again = Chain::terminate_lease(signed(1), 0, 501).unwrap();
        assert_eq!(again.actual_weight, moved(1 + 512 / 32), "what cannot go is not tried");
        assert_eq!(owed(), before);
        StakingHotkeys::<Test>::mutate(1, |hotkeys| hotkeys.retain(|hotkey| *hotkey >= 20_000));
        end(1, 501);
        assert_eq!((owed(), behind(lease.coldkey)), (0, 0));
        assert!(SubnetLeases::<Test>::get(0).is_none());
    });
}
