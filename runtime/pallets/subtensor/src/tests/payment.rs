//! What an epoch pays, to whom and in which order: proportions, takes, lenders, pots.

use super::*;
use assay_arithmetic::issuance::EMISSION_FIRST;
use substrate_fixed::types::I96F32;

/// Validators 102 and 103 with equal TAO on root and a miner, 104, that both found good; moving
/// prices at which root's alpha is kept. The next epoch divides by bonds that follow stake.
pub(super) fn society() -> NetUid {
    let netuid = found_subnet(1);
    WeightsSetRateLimit::<Test>::insert(netuid, 0);
    CommitRevealWeightsEnabled::<Test>::insert(netuid, false);
    for subnet in [NetUid::ROOT, netuid] {
        MaxRegistrationsPerBlock::<Test>::insert(subnet, 8);
    }
    Tempo::<Test>::insert(netuid, 20);
    for who in 2..=4 {
        join(netuid, who);
    }
    for (who, hotkey) in [(2, 102), (3, 103)] {
        assert_ok!(Chain::root_register(signed(who), hotkey));
        stake(netuid, who, hotkey, 300 * UNIT);
        stake(NetUid::ROOT, who, hotkey, 5_000 * UNIT);
    }
    SubnetMovingPrice::<Test>::insert(netuid, I96F32::from_num(2));
    run_to_epoch(netuid);
    for hotkey in [102, 103] {
        assert_ok!(Chain::set_weights(signed(hotkey), netuid, vec![3], vec![65535], 0));
    }
    run_to_epoch(netuid);
    netuid
}

fn dividends(netuid: NetUid, hotkey: u64) -> (u64, u64) {
    (
        AlphaDividendsPerSubnet::<Test>::get(netuid, hotkey).rao(),
        RootAlphaDividendsPerSubnet::<Test>::get(netuid, hotkey).rao(),
    )
}

/// Alpha that is somebody's or waits to be.
fn participants(netuid: NetUid) -> u64 {
    let bought = SubnetProtocolAlpha::<Test>::get(netuid).rao();
    SubnetAlphaOut::<Test>::get(netuid).rao() - bought
}

fn close(a: u64, b: u64) -> bool {
    a > 0 && a.abs_diff(b) <= a / 1_000
}

#[test]
fn proportions_are_those_of_the_stake_that_the_epoch_saw() {
    run_each(|| {
        let netuid = society();
        // What the miner earns is staked behind one of the validators, in the same epoch.
        assert_ok!(Chain::set_coldkey_auto_stake_hotkey(signed(4), netuid, 102));
        let mined = staked(netuid, 4, 102);
        run_to_epoch(netuid);
        assert!(staked(netuid, 4, 102) > mined);
        // Dividends follow stake, root's part of them TAO on root: the same for both.
        let (with_miner, without) = (dividends(netuid, 102).1, dividends(netuid, 103).1);
        assert!(close(with_miner, without), "{with_miner} {without}");
    });
}

#[test]
fn a_take_is_staked_before_the_rest_is_shared() {
    run_each(|| {
        let netuid = society();
        stake(netuid, 9, 103, 300 * UNIT);
        run_to_epoch(netuid);
        // No TAO on root behind it: all that its owner takes is of alpha's dividends.
        let all = AlphaBalance::new(staked(NetUid::ROOT, 3, 103));
        assert_ok!(Chain::remove_stake(signed(3), 103, NetUid::ROOT, all));
        let (own, nominated) = (staked(netuid, 3, 103), staked(netuid, 9, 103));
        run_to_epoch(netuid);
        let (own_gain, gain) = (staked(netuid, 3, 103) - own, staked(netuid, 9, 103) - nominated);

        let (shared, of_root) = dividends(netuid, 103);
        assert_eq!(of_root, 0);
        let take = own_gain + gain - shared;
        let all = shared + take;
        assert!(take.abs_diff(all * 11_796 / 65535) <= 2, "what is recorded is after the take");
        let whole = u128::from(own + take + nominated);
        let fair = u128::from(shared) * u128::from(nominated) / whole;
        assert!(u128::from(gain).abs_diff(fair) <= 2, "{gain} {fair}");
        let noted = TotalHotkeyAlphaLastEpoch::<Test>::get(103, netuid);
        assert_eq!(noted, TotalHotkeyAlpha::<Test>::get(103, netuid));
    });
}

#[test]
fn a_child_takes_nothing_of_its_own_coldkeys_keys() {
    run_each(|| {
        let netuid = society();
        ChildkeyTake::<Test>::insert(102, netuid, sp_runtime::PerU16::from_percent(10));
        Delegates::<Test>::insert(102, sp_runtime::PerU16::from_percent(0));
        for (who, hotkey) in [(2, 202), (9, 209)] {
            assert_ok!(Chain::try_associate_hotkey(signed(who), hotkey));
            stake(netuid, who, hotkey, 100 * UNIT);
            Delegates::<Test>::insert(hotkey, sp_runtime::PerU16::from_percent(0));
            Chain::replace_children(netuid, &hotkey, vec![(u64::MAX, 102)]);
        }
        let lent = [staked(netuid, 2, 202), staked(netuid, 9, 209)].map(u128::from);
        run_to_epoch(netuid);
        let (own, foreign) = (dividends(netuid, 202).0, dividends(netuid, 209).0);
        let fair = u64::try_from(u128::from(own) * lent[1] / lent[0] * 9 / 10).unwrap();
        assert!(close(foreign, fair), "{own} {foreign} {fair}");
    });
}

#[test]
fn tao_on_root_is_lent_as_alpha_is() {
    run_each(|| {
        let netuid = society();
        let weighed = |hotkey| Chain::stake_weight_of(&hotkey, netuid);
        let before = weighed(102) + weighed(103);
        Chain::replace_children(netuid, &103, vec![(u64::MAX / 4 * 3, 102)]);
        let alpha = TotalHotkeyAlpha::<Test>::get(103, netuid).rao();
        let root = Chain::weigh_root(Chain::stake_behind(&103, netuid));
        assert!(root > 0);
        assert!(weighed(103).abs_diff((alpha + root) / 4) <= 4);
        assert!(before.abs_diff(weighed(102) + weighed(103)) <= 4);
        let lent = Chain::metagraph(netuid).unwrap().tao_stake[1].0.rao();
        assert!(lent.abs_diff(5_000 * UNIT * 7 / 4) <= 4, "{lent}");

        // The parent earns for both kinds, though it sets no weights any more.
        Chain::replace_children(netuid, &103, vec![(u64::MAX, 102)]);
        run_to_epoch(netuid);
        run_to_epoch(netuid);
        let (of_alpha, of_root) = dividends(netuid, 103);
        assert!(of_alpha > 0 && of_root > 0, "{of_alpha} {of_root}");
    });
}

#[test]
fn where_no_alpha_is_staked_its_pot_is_recycled() {
    run_each(|| {
        let netuid = society();
        for (who, hotkey) in [(2, 102), (3, 103)] {
            let all = AlphaBalance::new(staked(netuid, who, hotkey));
            assert_ok!(Chain::remove_stake(signed(who), hotkey, netuid, all));
        }
        let before = participants(netuid);
        let epoch = LastEpochBlock::<Test>::get(netuid);
        run_to_epoch(netuid);
        assert_eq!(dividends(netuid, 102).0, 0);
        assert!(dividends(netuid, 102).1 > 0);
        // The owner's cut and the miners' half are paid, and root's part of the other half.
        let emitted = (LastEpochBlock::<Test>::get(netuid) - epoch) * EMISSION_FIRST;
        let paid = participants(netuid) - before;
        assert!(paid > emitted / 2 && paid < emitted * 9 / 10, "{paid} {emitted}");
    });
}

#[test]
fn validators_have_their_half_though_a_mechanism_pays_no_miner() {
    run_each(|| {
        let netuid = society();
        MechanismCountCurrent::<Test>::insert(netuid, MechId::new(2));
        let before = participants(netuid);
        let epoch = LastEpochBlock::<Test>::get(netuid);
        run_to_epoch(netuid);
        // Nobody has weights on the second mechanism: its miners' part, a quarter of what the
        // owner's cut leaves, belongs to nobody.
        let emitted = (LastEpochBlock::<Test>::get(netuid) - epoch) * EMISSION_FIRST;
        let recycled = emitted - (participants(netuid) - before);
        let expected = emitted / 65535 * (65535 - 11_796) / 4;
        assert!(recycled.abs_diff(expected) <= expected / 20, "{recycled} {expected}");
    });
}

#[test]
fn alpha_that_the_chain_buys_stays_counted() {
    run(local(), || {
        let netuid = found_subnet(1);
        run_to_block(40);
        let (issued, bought) =
            (Chain::alpha_issuance(netuid), SubnetProtocolAlpha::<Test>::get(netuid).rao());
        assert!(bought > 0);
        next_block();
        assert_eq!(SubnetExcessTao::<Test>::get(netuid), Tao::new(EMISSION_FIRST));
        assert!(SubnetProtocolAlpha::<Test>::get(netuid).rao() > bought);
        assert_eq!(Chain::alpha_issuance(netuid) - issued, EMISSION_FIRST);
        check();
    });
}

#[test]
fn only_emitting_subnets_make_the_market_dear_enough_for_root() {
    run(local(), || {
        let netuid = society();
        assert_ok!(Chain::register_network(signed(5), 105));
        let waiting = netuid.next().unwrap();
        SubnetMovingPrice::<Test>::insert(waiting, I96F32::from_num(2));
        SubnetMovingPrice::<Test>::insert(netuid, I96F32::from_num(1));
        let (kept, issued) =
            (PendingRootAlphaDivs::<Test>::get(netuid), Chain::alpha_issuance(netuid));
        next_block();
        assert_eq!(PendingRootAlphaDivs::<Test>::get(netuid), kept);
        // The block's alpha was emitted whole; root's part of it was then recycled.
        assert_eq!(SubnetAlphaOutEmission::<Test>::get(netuid).rao(), EMISSION_FIRST);
        let injected = SubnetAlphaInEmission::<Test>::get(netuid).rao();
        assert!(Chain::alpha_issuance(netuid) < issued + injected + EMISSION_FIRST);
        assert_eq!(SubnetMovingPrice::<Test>::get(waiting), I96F32::from_num(2));
        assert_eq!(RootProp::<Test>::get(waiting), 0);
    });
}
