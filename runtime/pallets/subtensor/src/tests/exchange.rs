//! Keys that are exchanged: what goes along, to the rao, and what is refused.

use super::*;
use frame_support::assert_noop;
use sp_runtime::{traits::Hash, PerU16};

type E = Error<Test>;

const NEW: u64 = 777;

fn swap(who: u64, old: u64, new: u64, netuid: Option<NetUid>) -> sp_runtime::DispatchResult {
    Chain::swap_hotkey(signed(who), old, new, netuid).map(|_| ()).map_err(|failed| failed.error)
}

fn swap_keeping(
    who: u64,
    old: u64,
    new: u64,
    netuid: Option<NetUid>,
) -> sp_runtime::DispatchResult {
    Chain::swap_hotkey_v2(signed(who), old, new, netuid, true)
        .map(|_| ())
        .map_err(|failed| failed.error)
}

/// A started subnet with two neurons and stakers behind the hotkey of coldkey 2.
fn busy_subnet() -> NetUid {
    let netuid = found_subnet(1);
    join(netuid, 2);
    join(netuid, 3);
    stake(netuid, 2, 102, 100 * UNIT);
    stake(netuid, 5, 102, 7 * UNIT);
    stake(netuid, 6, 102, 3 * UNIT);
    netuid
}

fn hash(who: u64) -> <Test as frame_system::Config>::Hash {
    <Test as frame_system::Config>::Hashing::hash_of(&who)
}

#[test]
fn a_hotkey_hands_over_its_slot_and_every_share_behind_it() {
    run(local(), || {
        let netuid = busy_subnet();
        run_to_block(45);
        assert_ok!(Chain::set_weights(signed(102), netuid, vec![2], vec![9], 0));
        run_to_block(90);
        let uid = Uids::<Test>::get(netuid, 102).unwrap();
        let (index, before) =
            (NetUidStorageIndex::main(netuid), [2, 5, 6].map(|who| staked(netuid, who, 102)));
        let row = Weights::<Test>::get(index, uid);
        let (bonds, pool) =
            (Bonds::<Test>::get(index, uid), TotalHotkeyAlpha::<Test>::get(102, netuid));
        assert!(!bonds.is_empty());
        assert_ok!(Chain::decrease_take(signed(2), 102, PerU16::from_parts(500)));
        let (rich, issuance) = (tao_balance(2), TotalIssuance::<Test>::get());

        assert_ok!(swap(2, 102, NEW, None));
        assert_eq!(rich - tao_balance(2), 100_000_000, "a tenth of a TAO");
        assert_eq!(issuance.rao() - TotalIssuance::<Test>::get().rao(), 100_000_000, "recycled");
        assert_eq!([2, 5, 6].map(|who| staked(netuid, who, NEW)), before);
        assert_eq!([2, 5, 6].map(|who| staked(netuid, who, 102)), [0; 3]);
        assert_eq!(TotalHotkeyAlpha::<Test>::get(NEW, netuid), pool);
        assert_eq!(
            (Uids::<Test>::get(netuid, NEW), Uids::<Test>::get(netuid, 102)),
            (Some(uid), None)
        );
        assert_eq!(
            (Weights::<Test>::get(index, uid), Bonds::<Test>::get(index, uid)),
            (row, bonds)
        );
        assert_eq!(Delegates::<Test>::get(NEW).deconstruct(), 500);
        assert_eq!(Owner::<Test>::get(NEW), 2);
        assert!(!Owner::<Test>::contains_key(102) && !Delegates::<Test>::contains_key(102));
        assert_eq!(OwnedHotkeys::<Test>::get(2), [NEW]);
        for who in [2, 5, 6] {
            assert_eq!(StakingHotkeys::<Test>::get(who), [NEW]);
        }
        check();
        run_to_block(140);
        assert!(staked(netuid, 5, NEW) > before[1], "it goes on earning");
    });
}

#[test]
fn on_one_subnet_the_rest_stays() {
    run(local(), || {
        let (netuid, other) = (busy_subnet(), found_subnet(4));
        join(other, 2);
        stake(other, 5, 102, 5 * UNIT);
        stake(NetUid::ROOT, 2, 102, 50 * UNIT);
        let before = [netuid, other].map(|netuid| staked(netuid, 5, 102));
        let rich = tao_balance(2);
        assert_ok!(swap(2, 102, NEW, Some(netuid)));
        assert_eq!(rich - tao_balance(2), 1_000_000);
        assert_eq!(staked(netuid, 5, NEW), before[0]);
        assert_eq!(staked(other, 5, 102), before[1]);
        assert_eq!(staked(NetUid::ROOT, 2, 102), 50 * UNIT);
        assert!(Uids::<Test>::contains_key(other, 102) && Uids::<Test>::contains_key(netuid, NEW));
        assert_eq!((Owner::<Test>::get(102), Owner::<Test>::get(NEW)), (2, 2));
        assert_eq!(StakingHotkeys::<Test>::get(5), [102, NEW]);
        assert_eq!(StakingHotkeys::<Test>::get(6), [NEW], "nothing is left behind the old one");
    });
}

#[test]
fn kept_stake_stays_behind_a_hotkey_that_is_no_neuron_any_more() {
    run(local(), || {
        let netuid = busy_subnet();
        let before = [2, 5, 6].map(|who| staked(netuid, who, 102));
        assert_ok!(swap_keeping(2, 102, NEW, None));
        assert_eq!([2, 5, 6].map(|who| staked(netuid, who, 102)), before);
        assert_eq!((Owner::<Test>::get(102), Owner::<Test>::get(NEW)), (2, 2));
        assert!(
            !Uids::<Test>::contains_key(netuid, 102) && Uids::<Test>::contains_key(netuid, NEW)
        );
        let all = AlphaBalance::new(staked(netuid, 5, 102));
        assert_ok!(Chain::remove_stake(signed(5), 102, netuid, all));
    });
}

#[test]
fn stake_that_the_new_hotkey_has_already_is_joined_and_dust_keeps_nobody_from_it() {
    run(local(), || {
        let netuid = busy_subnet();
        assert_ok!(Chain::try_associate_hotkey(signed(2), NEW));
        stake(netuid, 5, NEW, 2 * UNIT);
        stake(netuid, 7, NEW, 9 * UNIT);
        // Rewards make a share of the new pool dearer, so that little of the old one is no share.
        Chain::pay_hotkey(&NEW, netuid, AlphaBalance::new(10 * UNIT)).unwrap();
        SubnetAlphaOut::<Test>::mutate(netuid, |out| {
            *out = out.plus(AlphaBalance::new(10 * UNIT)).unwrap()
        });
        let rest = staked(netuid, 6, 102) - 1;
        Chain::decrease_stake(&102, &6, netuid, AlphaBalance::new(rest)).unwrap();
        Chain::increase_stake(&102, &5, netuid, AlphaBalance::new(rest)).unwrap();
        let joined: u64 =
            [102, NEW].iter().map(|key| TotalHotkeyAlpha::<Test>::get(key, netuid).rao()).sum();
        let five = staked(netuid, 5, 102) + staked(netuid, 5, NEW);
        let seven = staked(netuid, 7, NEW);
        assert_ok!(swap(2, 102, NEW, Some(netuid)));
        assert_eq!(TotalHotkeyAlpha::<Test>::get(NEW, netuid).rao(), joined, "to the rao");
        assert!(five.abs_diff(staked(netuid, 5, NEW)) <= 2);
        assert!(seven.abs_diff(staked(netuid, 7, NEW)) <= 2);
        assert!(!TotalHotkeyShares::<Test>::contains_key(102, netuid));
    });
}

#[test]
fn what_cannot_be_swapped_is_refused_and_costs_nothing() {
    run(local(), || {
        let netuid = busy_subnet();
        stake(NetUid::ROOT, 2, 102, 5 * UNIT);
        let refused = |who, old, new, netuid, error: E| {
            assert_noop!(swap(who, old, new, netuid), error);
        };
        refused(2, 102, NEW, Some(NetUid::new(9)), E::SubnetNotExists);
        refused(3, 102, NEW, None, E::NonAssociatedColdKey);
        refused(2, 999, NEW, None, E::NonAssociatedColdKey);
        refused(2, 102, 103, None, E::NonAssociatedColdKey);
        refused(2, 102, 102, None, E::NewHotKeyIsSameWithOld);
        assert_ok!(Chain::burned_register(signed(2), netuid, 555));
        refused(2, 102, 555, None, E::HotKeyAlreadyRegisteredInSubNet);
        refused(2, 102, 555, Some(netuid), E::HotKeyAlreadyRegisteredInSubNet);
        assert_ok!(Chain::try_associate_hotkey(signed(2), 556));
        stake(NetUid::ROOT, 5, 556, 5 * UNIT);
        refused(2, 102, 556, None, E::NewHotKeyNotCleanForRootSwap);
        refused(2, 102, 556, Some(NetUid::ROOT), E::NewHotKeyNotCleanForRootSwap);
        Chain::replace_children(netuid, &102, vec![(5, 557)]);
        refused(2, 102, 557, None, E::ChildParentInconsistency);
        Chain::replace_children(netuid, &102, vec![]);

        let poor = tao_balance(2) - 500 - 99_999_999;
        assert_ok!(Balances::transfer_keep_alive(signed(2), 3, poor));
        refused(2, 102, NEW, None, E::NotEnoughBalanceToPaySwapHotKey);
        assert_ok!(swap(2, 102, NEW, Some(netuid)));
    });
}

#[test]
fn a_coldkey_swaps_once_an_interval_on_a_subnet() {
    run(local(), || {
        TxRateLimit::<Test>::put(0);
        let netuid = busy_subnet();
        HotkeySwapInterval::<Test>::put(7_200);
        assert_ok!(swap(2, 102, NEW, Some(netuid)));
        assert_noop!(swap(2, NEW, 778, Some(netuid)), E::HotKeySwapOnSubnetIntervalNotPassed);
        assert_noop!(swap(2, NEW, 778, None), E::HotKeySwapOnSubnetIntervalNotPassed);
        HotkeySwapInterval::<Test>::put(2);
        run_to_block(System::block_number() + 2);
        assert_noop!(swap(2, NEW, 778, None), E::HotKeySwapOnSubnetIntervalNotPassed);
        next_block();
        assert_ok!(swap(2, NEW, 778, None));
    });
}

#[test]
fn more_positions_than_a_swap_moves_stay_behind() {
    run(local(), || {
        TxRateLimit::<Test>::put(0);
        let netuid = busy_subnet();
        let bound = u64::from(crate::swap::SWAP_POSITIONS_MAX);
        HotkeySwapInterval::<Test>::put(1);
        for who in 0..bound - 3 {
            Chain::increase_stake(&102, &(10_000 + who), netuid, AlphaBalance::new(1_000)).unwrap();
        }
        let minted = AlphaBalance::new((bound - 3) * 1_000);
        SubnetAlphaOut::<Test>::mutate(netuid, |out| *out = out.plus(minted).unwrap());
        assert_ok!(swap(2, 102, NEW, None));
        stake(netuid, 7, NEW, UNIT);
        run_to_block(System::block_number() + 3);
        assert_noop!(swap(2, NEW, 778, None), E::ColdkeySwapTooHeavy);
        assert_ok!(swap_keeping(2, NEW, 778, None));
    });
}

#[test]
fn relations_and_choices_follow_the_hotkey() {
    run(local(), || {
        let netuid = busy_subnet();
        join(netuid, 4);
        Chain::replace_children(netuid, &102, vec![(10, 103), (20, 600)]);
        Chain::replace_children(netuid, &104, vec![(30, 102), (40, NEW)]);
        Chain::replace_children(netuid, &103, vec![(7, NEW)]);
        assert_ok!(Chain::set_children(signed(2), 102, netuid, vec![(5, 103)]));
        assert_ok!(Chain::set_children(signed(3), 103, netuid, vec![(6, 700)]));
        PendingChildKeys::<Test>::insert(netuid, 103, (vec![(6, 102), (1, NEW)], 1_000_000));
        for who in [5, 6] {
            assert_ok!(Chain::set_coldkey_auto_stake_hotkey(signed(who), netuid, 102));
        }
        assert_ok!(Chain::set_childkey_take(signed(2), 102, netuid, PerU16::from_parts(300)));
        let (announced, from) = PendingChildKeys::<Test>::get(netuid, 102);

        assert_ok!(swap(2, 102, NEW, None));
        assert_eq!(ChildKeys::<Test>::get(NEW, netuid), [(10, 103), (20, 600)]);
        assert_eq!(ChildKeys::<Test>::get(104, netuid), [(70, NEW)], "both parts are lent to one");
        assert!(
            ChildKeys::<Test>::get(103, netuid).is_empty(),
            "a child does not lend to its parent"
        );
        assert_eq!(ParentKeys::<Test>::get(NEW, netuid), [(70, 104)]);
        assert_eq!(PendingChildKeys::<Test>::get(netuid, NEW), (announced, from));
        assert_eq!(PendingChildKeys::<Test>::get(netuid, 103).0, [(7, NEW)]);
        for who in [5, 6] {
            assert_eq!(AutoStakeDestination::<Test>::get(who, netuid), Some(NEW));
        }
        assert_eq!(AutoStakeDestinationColdkeys::<Test>::get(NEW, netuid), [5, 6]);
        assert_eq!(ChildkeyTake::<Test>::get(NEW, netuid).deconstruct(), 300);
        assert_eq!(Leavers::take(), [(netuid, 102)], "what it committed to is given up");
    });
}

#[test]
fn the_owner_of_a_subnet_swaps_its_hotkey() {
    run(local(), || {
        let netuid = busy_subnet();
        assert_ok!(swap(1, 101, NEW, Some(netuid)));
        assert_eq!(SubnetOwnerHotkey::<Test>::get(netuid), NEW);
        assert_eq!(Uids::<Test>::get(netuid, NEW), Some(0));
    });
}

#[test]
fn what_root_stake_has_earned_goes_along() {
    run(local(), || {
        TxRateLimit::<Test>::put(0);
        let netuid = found_subnet(1);
        join(netuid, 2);
        assert_ok!(Chain::root_register(signed(2), 102));
        stake(netuid, 2, 102, 50 * UNIT);
        stake(NetUid::ROOT, 2, 102, 1_000 * UNIT);
        stake(NetUid::ROOT, 5, 102, 500 * UNIT);
        SubnetMovingPrice::<Test>::insert(netuid, substrate_fixed::types::I96F32::from_num(2));
        run_to_block(60);
        let owed =
            |hotkey: u64| [2, 5].map(|who| Chain::root_alpha_owed(netuid, &hotkey, &who).rao());
        let earned = owed(102);
        assert!(earned.iter().all(|alpha| *alpha > 0), "{earned:?}");
        assert_ok!(swap(2, 102, NEW, Some(netuid)));
        assert_eq!(owed(102), earned, "root is not concerned");
        run_to_block(System::block_number() + 3);
        let earned = owed(102);
        assert_ok!(swap(2, 102, 778, Some(NetUid::ROOT)));
        assert_eq!((owed(778), owed(102)), (earned, [0; 2]));
        assert_eq!(Uids::<Test>::get(NetUid::ROOT, 778), Some(0));
        check();
        assert_ok!(Chain::do_swap_coldkey(&5, &40));
        assert_eq!(Chain::root_alpha_owed(netuid, &778, &40).rao(), earned[1]);
        assert_eq!(Chain::root_alpha_owed(netuid, &778, &5).rao(), 0);
    });
}

#[test]
fn a_coldkey_goes_with_all_it_owns() {
    run(local(), || {
        let netuid = busy_subnet();
        stake(NetUid::ROOT, 1, 102, 9 * UNIT);
        stake(netuid, 1, 102, 4 * UNIT);
        assert_ok!(Chain::set_coldkey_auto_stake_hotkey(signed(1), netuid, 102));
        let text = || b"x".to_vec();
        assert_ok!(Chain::set_identity(
            signed(1),
            text(),
            text(),
            text(),
            text(),
            text(),
            text(),
            text()
        ));
        let before =
            [(netuid, 102), (NetUid::ROOT, 102)].map(|(netuid, key)| staked(netuid, 1, key));
        let (all, issuance) = (tao_balance(1), TotalIssuance::<Test>::get());
        assert_ok!(Chain::swap_coldkey(RuntimeOrigin::root(), 1, 50, Tao::new(UNIT)));
        assert_eq!((tao_balance(50), tao_balance(1)), (all - UNIT, 0));
        assert_eq!(issuance.rao() - TotalIssuance::<Test>::get().rao(), UNIT);
        let after =
            [(netuid, 102), (NetUid::ROOT, 102)].map(|(netuid, key)| staked(netuid, 50, key));
        assert_eq!(after, before);
        assert_eq!((SubnetOwner::<Test>::get(netuid), Owner::<Test>::get(101)), (50, 50));
        assert_eq!(OwnedHotkeys::<Test>::get(50), [101]);
        assert!(
            OwnedHotkeys::<Test>::get(1).is_empty() && StakingHotkeys::<Test>::get(1).is_empty()
        );
        assert!(IdentitiesV2::<Test>::contains_key(50) && !IdentitiesV2::<Test>::contains_key(1));
        assert_eq!(AutoStakeDestination::<Test>::get(50, netuid), Some(102));
        assert_eq!(AutoStakeDestinationColdkeys::<Test>::get(102, netuid), [50]);
        assert_eq!(AutoStakeDestination::<Test>::get(1, netuid), None);
    });
}

#[test]
fn a_coldkey_goes_to_none_that_has_stake_or_is_a_hotkey() {
    run(local(), || {
        busy_subnet();
        let root = |old, new, cost| {
            Chain::swap_coldkey(RuntimeOrigin::root(), old, new, Tao::new(cost))
                .map(|_| ())
                .map_err(|failed| failed.error)
        };
        assert_noop!(root(1, 5, 0), E::ColdKeyAlreadyAssociated);
        assert_noop!(root(9, 9, 0), E::ColdKeyAlreadyAssociated);
        assert_noop!(root(1, 103, 0), E::NewColdKeyIsHotkey);
        assert_noop!(root(1, 50, u64::MAX), E::NotEnoughBalanceToPaySwapColdKey);
        assert_noop!(
            Chain::swap_coldkey(signed(1), 1, 50, Tao::ZERO).map_err(|failed| failed.error),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}

#[test]
fn a_swap_is_announced_waited_for_and_done() {
    run(local(), || {
        ColdkeySwapAnnouncementDelay::<Test>::put(5);
        ColdkeySwapReannouncementDelay::<Test>::put(3);
        let (go, announce) = (
            |new| {
                Chain::swap_coldkey_announced(signed(9), new)
                    .map(|_| ())
                    .map_err(|failed| failed.error)
            },
            |new| Chain::announce_coldkey_swap(signed(9), hash(new)),
        );
        assert_noop!(go(50), E::ColdkeySwapAnnouncementNotFound);
        assert_noop!(Chain::dispute_coldkey_swap(signed(9)), E::ColdkeySwapAnnouncementNotFound);
        assert_noop!(
            Chain::clear_coldkey_swap_announcement(signed(9)),
            E::ColdkeySwapAnnouncementNotFound
        );
        assert_ok!(announce(51));
        assert_eq!(tao_balance(9), WEALTH - 100_000_000);
        assert_eq!(ColdkeySwapAnnouncements::<Test>::get(9), Some((6, hash(51))));
        run_to_block(8);
        assert_noop!(announce(50), E::ColdkeySwapReannouncedTooEarly);
        assert_noop!(
            Chain::clear_coldkey_swap_announcement(signed(9)),
            E::ColdkeySwapClearTooEarly
        );
        next_block();
        assert_ok!(announce(50));
        assert_eq!(tao_balance(9), WEALTH - 100_000_000, "it is paid for once");
        assert_noop!(go(51), E::AnnouncedColdkeyHashDoesNotMatch);
        run_to_block(13);
        assert_noop!(go(50), E::ColdkeySwapTooEarly);
        next_block();
        assert_ok!(go(50));
        assert_eq!((tao_balance(9), tao_balance(50)), (0, WEALTH - 100_000_000));
        assert!(!ColdkeySwapAnnouncements::<Test>::contains_key(9));
        let poor = 21;
        assert_noop!(
            Chain::announce_coldkey_swap(signed(poor), hash(50)),
            E::NotEnoughBalanceToPaySwapColdKey
        );
    });
}

#[test]
fn a_dispute_stops_it_until_root_decides() {
    run(local(), || {
        let due = ColdkeySwapAnnouncementDelay::<Test>::get();
        assert_ok!(Chain::announce_coldkey_swap(signed(9), hash(50)));
        assert_ok!(Chain::dispute_coldkey_swap(signed(9)));
        assert_noop!(Chain::dispute_coldkey_swap(signed(9)), E::ColdkeySwapAlreadyDisputed);
        System::set_block_number(due * 3);
        assert_noop!(
            Chain::swap_coldkey_announced(signed(9), 50).map_err(|failed| failed.error),
            E::ColdkeySwapDisputed
        );
        assert_noop!(Chain::clear_coldkey_swap_announcement(signed(9)), E::ColdkeySwapDisputed);
        assert_noop!(Chain::announce_coldkey_swap(signed(9), hash(51)), E::ColdkeySwapDisputed);
        assert_noop!(Chain::reset_coldkey_swap(signed(9), 9), sp_runtime::DispatchError::BadOrigin);
        assert_ok!(Chain::reset_coldkey_swap(RuntimeOrigin::root(), 9));
        assert!(!ColdkeySwapAnnouncements::<Test>::contains_key(9));
        assert!(!ColdkeySwapDisputes::<Test>::contains_key(9));
        assert_noop!(Chain::schedule_swap_coldkey(signed(9), 50), E::Deprecated);
    });
}

#[test]
fn whoever_has_changed_keys_waits_for_the_limit_with_another_coldkey_too() {
    run(local(), || {
        let netuid = busy_subnet();
        TxRateLimit::<Test>::put(10);
        HotkeySwapInterval::<Test>::put(0);
        assert_ok!(swap(2, 102, NEW, Some(netuid)));
        let changed = Chain::block();
        run_to_block(changed + 10);
        assert_noop!(swap(2, NEW, 778, Some(netuid)), E::HotKeySetTxRateLimitExceeded);
        run_to_block(changed + 11);
        assert_ok!(swap(2, NEW, 778, Some(netuid)));
        assert_ok!(Chain::swap_coldkey(RuntimeOrigin::root(), 2, 50, TaoBalance::ZERO));
        assert_noop!(swap(50, 778, 779, Some(netuid)), E::HotKeySetTxRateLimitExceeded);
        TxRateLimit::<Test>::put(0);
        assert_ok!(swap(50, 778, 779, Some(netuid)));
    });
}

/// Mass and conviction of a coldkey's lock on a subnet, and the hotkey that it is behind.
fn lock_of(who: u64, netuid: NetUid) -> Option<(u64, u64, u64)> {
    let (_, hotkey) = Lock::<Test>::iter_key_prefix((who,)).find(|(on, _)| *on == netuid)?;
    let lock = Chain::coldkey_lock(&who, netuid)?;
    Some((lock.locked_mass.rao(), lock.conviction.to_num(), hotkey))
}

fn convinced(netuid: NetUid, hotkey: u64) -> u64 {
    Chain::hotkey_conviction(&hotkey, netuid).to_num()
}

/// [`busy_subnet`], where coldkeys 5 and 6 have locked behind 102, the first for good, and some
/// blocks have passed. Locks change fast there.
fn locking_subnet() -> NetUid {
    let netuid = busy_subnet();
    UnlockRate::<Test>::put(1_000);
    MaturityRate::<Test>::put(1_000);
    assert_ok!(Chain::set_perpetual_lock(signed(5), netuid, true));
    for (who, amount) in [(5, 4 * UNIT), (6, 2 * UNIT)] {
        assert_ok!(Chain::lock_stake(signed(who), 102, netuid, AlphaBalance::new(amount)));
    }
    run_to_block(90);
    netuid
}

#[test]
fn a_lock_binds_whoever_its_coldkey_becomes() {
    run(local(), || {
        let netuid = locking_subnet();
        assert_ok!(Chain::set_reject_locked_alpha(signed(5), false));
        let (before, behind) = (lock_of(5, netuid).unwrap(), convinced(netuid, 102));
        assert!(before.0 == 4 * UNIT && before.1 > 0, "{before:?}");
        // What was set of the new one for a lock that it never had is nothing to this one.
        assert_ok!(Chain::set_perpetual_lock(signed(NEW), netuid, true));
        assert_ok!(Chain::do_swap_coldkey(&6, &NEW));
        assert_ok!(Chain::do_swap_coldkey(&5, &778));
        assert_eq!((lock_of(778, netuid), lock_of(5, netuid)), (Some(before), None));
        assert_eq!(convinced(netuid, 102), behind);
        assert_eq!(DecayingLock::<Test>::get(778, netuid), Some(false));
        assert!(!DecayingLock::<Test>::contains_key(NEW, netuid), "it decays on");
        assert_eq!((AccountFlags::<Test>::get(778), AccountFlags::<Test>::get(5)), (1, 0));
        for (who, bound) in [(778, before.0), (NEW, lock_of(NEW, netuid).unwrap().0)] {
            let all = staked(netuid, who, 102);
            let leave =
                |alpha| Chain::remove_stake(signed(who), 102, netuid, AlphaBalance::new(alpha));
            assert_noop!(leave(all), E::StakeUnavailable);
            assert_noop!(leave(all - bound + 1), E::StakeUnavailable);
            assert_ok!(leave(all - bound));
        }
        check();
    });
}

#[test]
fn a_coldkey_goes_to_none_that_has_a_lock() {
    run(local(), || {
        let netuid = locking_subnet();
        // No stake is left of it, as rounding may have it.
        let state = Lock::<Test>::get((6, netuid, 102)).unwrap();
        Lock::<Test>::insert((NEW, netuid, 102), state);
        assert_noop!(Chain::do_swap_coldkey(&5, &NEW), E::ActiveLockExists);
        Lock::<Test>::remove((NEW, netuid, 102));
        assert_ok!(Chain::do_swap_coldkey(&5, &NEW));
    });
}

#[test]
fn locks_follow_their_hotkey_with_all_their_conviction() {
    run(local(), || {
        let netuid = locking_subnet();
        // Someone has locked behind the new hotkey already.
        assert_ok!(Chain::try_associate_hotkey(signed(2), NEW));
        assert_ok!(Chain::lock_stake(signed(2), NEW, netuid, AlphaBalance::new(UNIT)));
        let before = [5, 6].map(|who| lock_of(who, netuid).unwrap());
        let (old, new) = (convinced(netuid, 102), convinced(netuid, NEW));
        assert!(old > 0);
        assert_ok!(swap(2, 102, NEW, Some(netuid)));
        let behind = |(mass, conviction, _)| Some((mass, conviction, NEW));
        assert_eq!([5, 6].map(|who| lock_of(who, netuid)), before.map(behind));
        assert_eq!(lock_of(2, netuid).unwrap().2, NEW);
        assert_eq!(convinced(netuid, 102), 0);
        assert!(convinced(netuid, NEW).abs_diff(old + new) <= 1);
        for item in [HotkeyLock::<Test>::contains_key, DecayingHotkeyLock::<Test>::contains_key] {
            assert!(item(netuid, 102) != item(netuid, NEW));
        }
        assert_eq!(LockingColdkeys::<Test>::iter_key_prefix((netuid, 102)).count(), 0);
        let all = AlphaBalance::new(staked(netuid, 5, NEW));
        assert_noop!(Chain::remove_stake(signed(5), NEW, netuid, all), E::StakeUnavailable);
        check();
    });
}

#[test]
fn the_owners_hotkey_takes_its_locks_along_and_leaves_them_with_the_stake() {
    run(local(), || {
        let netuid = locking_subnet();
        stake(netuid, 7, 101, 5 * UNIT);
        assert_ok!(Chain::lock_stake(signed(7), 101, netuid, AlphaBalance::new(3 * UNIT)));
        assert_eq!(convinced(netuid, 101), 3 * UNIT, "the owner's has all of it");
        assert_ok!(swap(1, 101, NEW, Some(netuid)));
        assert_eq!(SubnetOwnerHotkey::<Test>::get(netuid), NEW);
        assert_eq!(lock_of(7, netuid), Some((3 * UNIT, 3 * UNIT, NEW)));
        assert_eq!((convinced(netuid, 101), convinced(netuid, NEW)), (0, 3 * UNIT));
        assert!(!DecayingHotkeyLock::<Test>::contains_key(netuid, 101));
        check();
        // Without the stake the locks stay, behind what is no owner's hotkey any more.
        LastHotkeySwapOnNetuid::<Test>::remove(netuid, 1);
        TxRateLimit::<Test>::put(0);
        assert_ok!(swap_keeping(1, NEW, 778, Some(netuid)));
        assert_eq!(lock_of(7, netuid), Some((3 * UNIT, 3 * UNIT, NEW)));
        assert_eq!((convinced(netuid, NEW), convinced(netuid, 778)), (3 * UNIT, 0));
        assert!(!DecayingOwnerLock::<Test>::contains_key(netuid));
        check();
    });
}

#[test]
fn more_locks_than_a_swap_moves_stay_behind() {
    run(local(), || {
        let netuid = locking_subnet();
        for who in 0..u64::from(crate::swap::SWAP_POSITIONS_MAX) {
            LockingColdkeys::<Test>::insert((netuid, 102, 10_000 + who), ());
        }
        let result = swap(2, 102, NEW, None);
        assert_eq!(result, Err(E::ColdkeySwapTooHeavy.into()));
        assert_ok!(swap_keeping(2, 102, NEW, None));
        for who in 0..u64::from(crate::swap::SWAP_POSITIONS_MAX) {
            LockingColdkeys::<Test>::remove((netuid, 102, 10_000 + who));
        }
    });
}
