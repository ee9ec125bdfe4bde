//! The views of a small subnet agree with its storage, with each other, and with what a trade or a
//! payment then comes to.

// A test is there to panic.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod chosen;
mod constants;
mod older;

use super::*;
use crate::mock::*;
use codec::{Decode, Encode};
use frame_support::assert_ok;

const SUBNET: NetUid = NetUid::new(1);

/// A subnet of coldkey 1 with a validator of coldkey 2 and a miner of coldkey 3, whose hotkeys are
/// 100 more, one epoch in which the validator has weighed the miner.
fn an_epoch_of_work() {
    assert_ok!(Chain::register_network(signed(1), 101));
    assert_ok!(Chain::start_call(signed(1), SUBNET));
    for who in [2, 3] {
        assert_ok!(Chain::burned_register(signed(who), SUBNET, who + 100));
    }
    assert_ok!(Chain::add_stake(signed(2), 102, SUBNET, Tao::new(100 * UNIT)));
    assert_ok!(Chain::add_stake(signed(4), 102, SUBNET, Tao::new(50 * UNIT)));
    assert_ok!(Chain::serve_axon(signed(103), SUBNET, 7, 0x7f00_0001, 8091, 4, 0, 0, 0));
    run_to_block(25);
    assert_ok!(Chain::set_weights(signed(102), SUBNET, vec![2], vec![1], 0));
    run_to_block(50);
}

fn uid_of(hotkey: u64) -> usize {
    usize::from(Uids::<Test>::get(SUBNET, hotkey).unwrap())
}

#[test]
fn a_metagraph_has_a_row_for_every_neuron_and_the_values_of_storage() {
    run(local(), || {
        an_epoch_of_work();
        let graph = Chain::metagraph(SUBNET).unwrap();
        assert_eq!(graph.hotkeys, [101, 102, 103]);
        assert_eq!(graph.coldkeys, [1, 2, 3]);
        assert_eq!(graph.num_uids.0, 3);
        assert_eq!((graph.owner_coldkey, graph.owner_hotkey), (1, 101));
        assert_eq!(graph.block.0, 50);
        assert_eq!(graph.alpha_in.0, SubnetAlphaIn::<Test>::get(SUBNET));
        assert_eq!(graph.tao_in.0, SubnetTAO::<Test>::get(SUBNET));

        let (validator, miner) = (uid_of(102), uid_of(103));
        assert!(graph.validator_permit[validator] && !graph.validator_permit[miner]);
        assert!(graph.incentives[miner].0 > PerU16::default());
        assert!(graph.dividends[validator].0 > PerU16::default());
        assert_eq!(graph.emission[miner].0, Emission::<Test>::get(SUBNET)[miner]);
        assert_eq!(graph.axons[miner].port, 8091);
        assert_eq!(graph.axons[validator], AxonInfo::default());
        assert_eq!(graph.last_update[validator].0, 25);
        assert_eq!(graph.total_stake[validator].0.rao(), Chain::stake_weight_of(&102, SUBNET));
        let most = graph.emission.iter().map(|amount| amount.0.rao()).max().unwrap();
        for (score, emission) in graph.pruning_score.iter().zip(&graph.emission) {
            assert_eq!(
                u128::from(score.0),
                u128::from(emission.0.rao()) * 65_535 / u128::from(most)
            );
        }

        let columns = [
            graph.identities.len(),
            graph.axons.len(),
            graph.active.len(),
            graph.consensus.len(),
            graph.trust.len(),
            graph.rank.len(),
            graph.block_at_registration.len(),
            graph.alpha_stake.len(),
            graph.tao_stake.len(),
            graph.collateral_locked.len(),
            graph.collateral_min.len(),
            graph.collateral_earned.len(),
        ];
        assert_eq!(columns, [3; 12]);
        assert_eq!(Metagraph::<u64>::decode(&mut &graph.encode()[..]), Ok(graph));
    });
}

#[test]
fn a_subnet_without_its_neurons_is_as_its_metagraph_has_it() {
    run(local(), || {
        an_epoch_of_work();
        assert_ok!(Chain::set_subnet_identity(
            signed(1),
            SUBNET,
            b"mine".to_vec(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
        ));
        let graph = Chain::metagraph(SUBNET).unwrap();
        assert!(graph.subnet_volume.0 > 0 && graph.identity.is_some());
        let expected = DynamicInfo {
            netuid: graph.netuid,
            owner_hotkey: graph.owner_hotkey,
            owner_coldkey: graph.owner_coldkey,
            subnet_name: graph.name,
            token_symbol: graph.symbol,
            tempo: graph.tempo,
            last_step: graph.last_step,
            blocks_since_last_step: graph.blocks_since_last_step,
            emission: graph.subnet_emission,
            alpha_in: graph.alpha_in,
            alpha_out: graph.alpha_out,
            tao_in: graph.tao_in,
            alpha_out_emission: graph.alpha_out_emission,
            alpha_in_emission: graph.alpha_in_emission,
            tao_in_emission: graph.tao_in_emission,
            pending_alpha_emission: graph.pending_alpha_emission,
            pending_root_emission: graph.pending_root_emission,
            subnet_volume: graph.subnet_volume,
            network_registered_at: graph.network_registered_at,
            subnet_identity: graph.identity,
            moving_price: graph.moving_price,
        };
        assert_eq!(Chain::dynamic_info(SUBNET), Some(expected));
    });
}

#[test]
fn stake_on_root_counts_apart_from_alpha() {
    run(local(), || {
        an_epoch_of_work();
        let alpha_before = Chain::metagraph(SUBNET).unwrap().alpha_stake[uid_of(102)];
        assert_ok!(Chain::root_register(signed(2), 102));
        assert_ok!(Chain::add_stake(signed(2), 102, NetUid::ROOT, Tao::new(1_000 * UNIT)));
        let graph = Chain::metagraph(SUBNET).unwrap();
        let row = uid_of(102);
        assert_eq!(graph.alpha_stake[row], alpha_before);
        assert_eq!(graph.tao_stake[row].0, TaoBalance::new(1_000 * UNIT));
        assert!(graph.total_stake[row].0.rao() > graph.alpha_stake[row].0.rao());
    });
}

#[test]
fn borrowed_stake_shows_in_the_childs_row_and_not_in_the_parents() {
    run(local(), || {
        an_epoch_of_work();
        assert_ok!(Chain::root_register(signed(2), 102));
        assert_ok!(Chain::add_stake(signed(2), 102, NetUid::ROOT, Tao::new(1_000 * UNIT)));
        let before = Chain::metagraph(SUBNET).unwrap();
        Chain::replace_children(SUBNET, &102, vec![(u64::MAX, 103)]);
        let after = Chain::metagraph(SUBNET).unwrap();
        let (parent, child) = (uid_of(102), uid_of(103));
        let lent = before.alpha_stake[parent].0.rao();
        assert!(lent > 0);
        assert_eq!(after.alpha_stake[child].0.rao(), before.alpha_stake[child].0.rao() + lent);
        assert_eq!(after.tao_stake[child].0, TaoBalance::new(1_000 * UNIT));
        for row in [parent, child] {
            let hotkey = after.hotkeys[row];
            let weighed = Chain::stake_weight_of(&hotkey, SUBNET);
            assert_eq!(after.total_stake[row].0.rao(), weighed);
        }
        assert_eq!(after.alpha_stake[parent].0, AlphaBalance::ZERO);
        assert_eq!(after.tao_stake[parent].0, TaoBalance::ZERO);
        assert_eq!(after.total_stake[parent].0, TaoBalance::ZERO);
    });
}

#[test]
fn what_is_not_there_is_not_shown() {
    run(local(), || {
        an_epoch_of_work();
        let nowhere = NetUid::new(7);
        assert_eq!(Chain::metagraph(nowhere), None);
        assert_eq!(Chain::mechagraph(SUBNET, MechId::new(1)), None);
        assert_eq!(Chain::dynamic_info(nowhere), None);
        assert_eq!(Chain::subnet_hyperparameters(nowhere), None);
        assert_eq!(Chain::stake_info(&102, &2, nowhere), None);
        assert_eq!(Chain::neuron_info(SUBNET, 3), None);
        assert!(Chain::neuron_infos(nowhere).is_empty());
        assert!(Chain::metagraph(NetUid::ROOT).is_some());
    });
}

#[test]
fn a_second_mechanism_shows_its_own_columns() {
    run(local(), || {
        an_epoch_of_work();
        MechanismCountCurrent::<Test>::insert(SUBNET, MechId::new(2));
        let second = NetUidStorageIndex::of(SUBNET, MechId::new(1)).unwrap();
        LastUpdate::<Test>::insert(second, vec![0, 44]);
        let graph = Chain::mechagraph(SUBNET, MechId::new(1)).unwrap();
        assert_eq!(u16::from(graph.netuid.0), u16::from(second));
        let updates: Vec<u64> = graph.last_update.iter().map(|block| block.0).collect();
        assert_eq!(updates, [0, 44, 0]);
        MechanismCountCurrent::<Test>::insert(SUBNET, MechId::new(1));
        LastUpdate::<Test>::remove(second);
    });
}

#[test]
fn neurons_one_by_one_are_the_rows_of_the_metagraph() {
    run(local(), || {
        an_epoch_of_work();
        let graph = Chain::metagraph(SUBNET).unwrap();
        let neurons = Chain::neuron_infos(SUBNET);
        assert_eq!(neurons.len(), 3);
        for (row, neuron) in neurons.iter().enumerate() {
            assert_eq!(usize::from(neuron.uid.0), row);
            assert_eq!(neuron.hotkey, graph.hotkeys[row]);
            assert_eq!(neuron.incentive, graph.incentives[row]);
            assert_eq!(neuron.emission, graph.emission[row]);
            assert_eq!(neuron.validator_permit, graph.validator_permit[row]);
            assert_eq!(neuron.pruning_score, graph.pruning_score[row]);
            let lite = Chain::neuron_info_lite(SUBNET, neuron.uid.0).unwrap();
            assert_eq!(lite.stake, neuron.stake);
            let alone = Chain::neuron_info(SUBNET, neuron.uid.0);
            assert_eq!(alone.as_ref(), Some(neuron));
        }
        let weights = &neurons[uid_of(102)].weights;
        assert_eq!(weights[..], [(Compact(2), Compact(u16::MAX))]);
        assert!(!neurons[uid_of(102)].bonds.is_empty());
    });
}

#[test]
fn hyperparameters_are_listed_once_each_under_the_names_that_set_them() {
    run(local(), || {
        an_epoch_of_work();
        Kappa::<Test>::insert(SUBNET, 1_234);
        let listed = Chain::subnet_hyperparameters(SUBNET).unwrap();
        let mut names: Vec<&[u8]> = listed.iter().map(|entry| &entry.name[..]).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), listed.len());
        let value = |name: &str| {
            let found = listed.iter().find(|entry| entry.name == name.as_bytes());
            found.map(|entry| entry.value.clone())
        };
        assert_eq!(value("kappa"), Some(HyperparamValue::U16(Compact(1_234))));
        assert_eq!(value("subnet_is_active"), Some(HyperparamValue::Bool(true)));
        let burn = HyperparamValue::TaoBalance(Compact(MinBurn::<Test>::get(SUBNET)));
        assert_eq!(value("min_burn"), Some(burn));
        // A client reads a fixed-point value back by its variant's number.
        assert_eq!(value("burn_increase_mult").unwrap().encode()[0], 7);
    });
}

#[test]
fn a_coldkeys_stakes_add_up_to_what_is_free() {
    run(local(), || {
        an_epoch_of_work();
        let stakes = Chain::stake_info_of(&2);
        let of_subnet: u64 = stakes
            .iter()
            .filter(|stake| stake.netuid.0 == SUBNET)
            .map(|stake| stake.stake.0.rao())
            .sum();
        assert!(of_subnet > 0);
        let available = Chain::stake_availability(vec![2, 9], None);
        let free = &available[&2][&SUBNET];
        assert_eq!((free.total.0.rao(), free.locked.0.rao()), (of_subnet, 0));
        assert_eq!(free.available, free.total);
        assert!(available[&9].is_empty());

        let named = Chain::stake_availability(vec![9], Some(vec![SUBNET]));
        assert!(named[&9][&SUBNET].total.0.is_zero());
    });
}

#[test]
fn a_locked_stake_is_not_free() {
    run(local(), || {
        an_epoch_of_work();
        let locked_mass = AlphaBalance::new(UNIT);
        assert_ok!(Chain::lock_stake(signed(2), 102, SUBNET, locked_mass));
        let free = Chain::stake_availability(vec![2], None)[&2][&SUBNET].clone();
        assert_eq!(free.locked.0, locked_mass);
        assert_eq!(free.available.0.rao() + UNIT, free.total.0.rao());
        assert_eq!(Chain::stake_info(&102, &2, SUBNET).unwrap().locked.0, UNIT);
    });
}

#[test]
fn a_delegate_shows_who_stakes_with_it_and_what_that_brings() {
    run(local(), || {
        an_epoch_of_work();
        Delegates::<Test>::insert(102, PerU16::from_percent(18));
        let delegate = Chain::delegate(&102).unwrap();
        assert_eq!((delegate.owner_ss58, delegate.take.0), (2, PerU16::from_percent(18)));
        assert_eq!(delegate.registrations, [Compact(SUBNET)]);
        assert_eq!(delegate.validator_permits, [Compact(SUBNET)]);
        let stakers: Vec<u64> = delegate.nominators.iter().map(|(coldkey, _)| *coldkey).collect();
        assert_eq!(stakers, [2, 4]);
        let behind: u64 =
            delegate.nominators.iter().flat_map(|(_, stakes)| stakes).map(|s| s.1 .0).sum();
        let all = TotalHotkeyAlpha::<Test>::get(102, SUBNET).rao();
        assert!(behind <= all && all - behind <= 2); // shares round down

        // As the public source has it: 7,200 blocks make a day, 20 blocks an epoch.
        let uid = usize::from(Uids::<Test>::get(SUBNET, 102).unwrap());
        let day = Emission::<Test>::get(SUBNET)[uid].rao() * 7_200 / 20;
        assert!(day > 0);
        assert_eq!(delegate.total_daily_return.0, day);
        let kept = day as f64 * (1.0 - f64::from(delegate.take.0.deconstruct()) / 65535.0);
        let root = TotalHotkeyAlpha::<Test>::get(102, NetUid::ROOT).rao();
        let on_thousand = match root {
            0 => 0.0,
            root => kept / (root as f64 / 1e12),
        };
        let told = delegate.return_per_1000.0 as f64;
        assert!((told - on_thousand).abs() <= 1.0 + on_thousand * 1e-9, "{told} {on_thousand}");

        assert_eq!(Chain::delegate(&103), None);
        let delegated = Chain::delegated(&4);
        assert_eq!(delegated.len(), 1);
        assert_eq!(delegated[0].1 .0, Compact(SUBNET));
        assert_eq!(delegated[0].0, DelegateInfo { nominators: Vec::new(), ..delegate });
    });
}

#[test]
fn what_root_is_owed_is_what_a_sale_of_its_alpha_brings() {
    run(local(), || {
        an_epoch_of_work();
        assert_eq!(Chain::root_positions(&2), []);
        assert_ok!(Chain::root_register(signed(2), 102));
        assert_ok!(Chain::add_stake(signed(2), 102, NetUid::ROOT, Tao::new(1_000 * UNIT)));
        RootAlphaUnclaimed::<Test>::insert(SUBNET, AlphaBalance::new(2_000 * UNIT));
        let rate = substrate_fixed::types::I96F32::from_num(1);
        RootClaimable::<Test>::mutate(102, |rates| rates.insert(SUBNET, rate));

        let owed = Chain::root_alpha_owed(SUBNET, &102, &2);
        let worth = Chain::quote_sell(SUBNET, owed).unwrap().tao_amount;
        assert!(!worth.is_zero() && worth < Chain::tao_worth(SUBNET, owed));
        assert_eq!(Chain::root_owed(&2), worth);
        assert_eq!(Chain::root_positions(&2), [(102, worth.rao(), worth)]);

        let basket = Chain::basket(&102);
        assert_eq!((basket.nav_tao, basket.shares), (worth, worth.rao()));
        assert_eq!(basket.spot_nav_tao, Chain::tao_worth(SUBNET, owed));
        assert_eq!(basket.holdings.len(), 1);
        assert_eq!((basket.holdings[0].netuid, basket.holdings[0].alpha), (SUBNET, owed));
        assert_eq!(Chain::baskets(), [basket]);
        assert_eq!(Chain::baskets_nav(), worth);
        let position = Chain::basket_position(&102, &2).unwrap();
        assert_eq!((position.beta, position.beta_total), (worth.rao(), worth.rao()));
        assert_eq!((position.value_tao, position.nav_tao), (worth, worth));
        assert_eq!(Chain::basket_positions(&2), [position]);
        assert_eq!(Chain::basket_position(&102, &4), None);
        assert_eq!(Chain::basket(&103).holdings, []);
        RootAlphaUnclaimed::<Test>::remove(SUBNET);
        RootClaimable::<Test>::remove(102);
    });
}

#[test]
fn prices_and_quotes_are_what_a_trade_comes_to() {
    run(local(), || {
        an_epoch_of_work();
        let prices = Chain::alpha_prices();
        assert_eq!(prices[0], SubnetPrice { netuid: NetUid::ROOT, price: UNIT });
        assert_eq!(prices[1].price, Chain::alpha_price(SUBNET));

        let quote = Chain::quote_buy(SUBNET, Tao::new(10 * UNIT)).unwrap();
        let before = Chain::stake_of(&102, &5, SUBNET).rao();
        assert_ok!(Chain::add_stake(signed(5), 102, SUBNET, Tao::new(10 * UNIT)));
        let got = Chain::stake_of(&102, &5, SUBNET).rao() - before;
        assert!(got.abs_diff(quote.alpha_amount.rao()) <= 1, "{got} {quote:?}");
    });
}
