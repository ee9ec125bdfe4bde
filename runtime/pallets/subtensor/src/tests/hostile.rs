//! Calls with the arguments that an attacker would choose: bounds of every type, things that do
//! not exist, lists of the wrong length. None panics (the test build checks every overflow), and
//! after each the invariants hold.

use super::*;
use codec::Compact;
use frame_support::traits::UnfilteredDispatchable;
use sp_runtime::PerU16;

/// A small generator: the test must be the same every time, and its seed is its name.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // Constants of the 64-bit linear congruential generator MMIX uses.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<V: Copy>(&mut self, values: &[V]) -> V {
        values[self.roll(values.len() as u64) as usize]
    }

    fn netuid(&mut self) -> NetUid {
        self.pick(&[0, 1, 1, 1, 2, 2, 4095, 4096, u16::MAX]).into()
    }

    fn amount(&mut self) -> u64 {
        let some = self.roll(100 * UNIT);
        self.pick(&[0, 1, some, some, UNIT, 2_000_000, WEALTH, u64::MAX - 1, u64::MAX])
    }

    fn hotkey(&mut self) -> u64 {
        self.pick(&[0, 1, 101, 102, 102, 103, 104, 105, 555, u64::MAX])
    }

    fn row(&mut self) -> (Vec<u16>, Vec<u16>) {
        let length = self.pick(&[0, 1, 1, 2, 3, 4, 5, 300]);
        let edge = |dice: &mut Self| dice.pick(&[0, 1, 2, 3, 4, u16::MAX]);
        let uids: Vec<u16> = (0..length).map(|uid| uid as u16).collect();
        let mut values: Vec<u16> = (0..length).map(|_| edge(self)).collect();
        if self.roll(9) == 0 {
            values.pop();
        }
        let uids = if self.roll(4) == 0 { uids.iter().map(|_| edge(self)).collect() } else { uids };
        (uids, values)
    }

    fn stake_call(&mut self) -> Call<Test> {
        let (hotkey, netuid, amount) = (self.hotkey(), self.netuid(), self.amount());
        let (tao, alpha) = (Tao::new(amount), Alpha::new(amount));
        let limit_price = Tao::new(self.amount());
        let allow_partial = self.roll(2) == 0;
        let (destination_hotkey, destination_netuid) = (self.hotkey(), self.netuid());
        match self.roll(14) {
            8 => Call::lock_stake { hotkey, netuid, amount: alpha },
            9 => Call::move_lock { destination_hotkey, netuid },
            10 => Call::set_perpetual_lock { netuid, enabled: allow_partial },
            11 => Call::set_reject_locked_alpha { enabled: allow_partial },
            12 => Call::transfer_stake_and_hotkey {
                destination_coldkey: self.hotkey(),
                origin_hotkey: hotkey,
                destination_hotkey,
                origin_netuid: netuid,
                destination_netuid,
                alpha_amount: alpha,
            },
            0 => Call::add_stake { hotkey, netuid, amount_staked: tao },
            1 => Call::remove_stake { hotkey, netuid, amount_unstaked: alpha },
            2 => Call::add_stake_limit {
                hotkey,
                netuid,
                amount_staked: tao,
                limit_price,
                allow_partial,
            },
            3 => Call::remove_stake_limit {
                hotkey,
                netuid,
                amount_unstaked: alpha,
                limit_price,
                allow_partial,
            },
            4 => Call::remove_stake_full_limit { hotkey, netuid, limit_price: Some(limit_price) },
            5 => Call::unstake_all { hotkey },
            6 => Call::unstake_all_alpha { hotkey },
            7 => Call::move_stake {
                origin_hotkey: hotkey,
                destination_hotkey,
                origin_netuid: netuid,
                destination_netuid,
                alpha_amount: alpha,
            },
            _ => Call::transfer_stake {
                destination_coldkey: self.hotkey(),
                hotkey,
                origin_netuid: netuid,
                destination_netuid,
                alpha_amount: alpha,
            },
        }
    }

    fn neuron_call(&mut self) -> Call<Test> {
        let (netuid, hotkey) = (self.netuid(), self.hotkey());
        let (dests, weights) = self.row();
        let version_key = self.pick(&[0, u64::MAX]);
        let mecid = MechId::new(self.pick(&[0, 1, 15, 16, u8::MAX]));
        let limit_price = self.amount();
        let ip = self.pick(&[0, 1, 0x7f00_0001, u128::from(u32::MAX), u128::MAX]);
        let (port, ip_type) = (self.pick(&[0, 1, u16::MAX]), self.pick(&[0, 4, 6, u8::MAX]));
        let take = PerU16::from_parts(self.pick(&[0, 1, 11_796, u16::MAX]));
        let salt = vec![1];
        match self.roll(18) {
            16 => Call::associate_evm_key {
                netuid,
                evm_key: Default::default(),
                block_number: limit_price,
                signature: sp_core::ecdsa::Signature::from_raw([port as u8; 65]),
            },
            15 => Call::sudo_set_root_claim_threshold { netuid, new_value: limit_price },
            0 => Call::burned_register { netuid, hotkey },
            1 => Call::register_limit { netuid, hotkey, limit_price },
            2 => Call::root_register { hotkey },
            3 => Call::set_weights { netuid, dests, weights, version_key },
            4 => Call::set_mechanism_weights { netuid, mecid, dests, weights, version_key },
            5 => Call::reveal_mechanism_weights {
                netuid,
                mecid,
                uids: dests,
                values: weights,
                salt,
                version_key,
            },
            6 => Call::commit_mechanism_weights { netuid, mecid, commit_hash: Default::default() },
            7 => Call::serve_prometheus { netuid, version: u32::MAX, ip, port, ip_type },
            8 => Call::serve_axon_tls {
                netuid,
                version: u32::MAX,
                ip,
                port,
                ip_type,
                protocol: u8::MAX,
                placeholder1: 0,
                placeholder2: 0,
                certificate: vec![9; self.roll(70) as usize],
            },
            9 => Call::increase_take { hotkey, take },
            10 => Call::pow_register {
                netuid,
                work_block: limit_price,
                nonce: limit_price,
                work: [port as u8; 32],
                hotkey,
            },
            11 => Call::batch_set_weights {
                netuids: vec![Compact(netuid); usize::from(ip_type)],
                weights: vec![dests
                    .into_iter()
                    .zip(weights)
                    .map(|(to, w)| (Compact(to), Compact(w)))
                    .collect()],
                version_keys: vec![Compact(version_key)],
            },
            12 => Call::batch_commit_weights {
                netuids: vec![Compact(netuid)],
                commit_hashes: vec![Default::default()],
            },
            13 => Call::batch_reveal_weights {
                netuid,
                uids_list: vec![dests],
                values_list: vec![weights],
                salts_list: vec![salt],
                version_keys: vec![version_key],
            },
            14 => Call::commit_timelocked_mechanism_weights {
                netuid,
                mecid,
                commit: vec![port as u8; self.roll(5_001) as usize].try_into().unwrap(),
                reveal_round: limit_price,
                commit_reveal_version: self.pick(&[3, 4]),
            },
            _ => Call::decrease_take { hotkey, take },
        }
    }

    fn subnet_call(&mut self) -> Call<Test> {
        let (netuid, hotkey) = (self.netuid(), self.hotkey());
        match self.roll(14) {
            9 => Call::enable_voting_power_tracking { netuid },
            10 => Call::disable_voting_power_tracking { netuid },
            11 => {
                Call::sudo_set_voting_power_ema_alpha { netuid, alpha: self.pick(&[0, u64::MAX]) }
            }
            12 => Call::terminate_lease { lease_id: self.pick(&[0, u32::MAX]), hotkey },
            13 => Call::register_leased_network {
                emissions_share: sp_runtime::Percent::from_parts(self.pick(&[0, 100])),
                end_block: Some(self.pick(&[0, u64::MAX])),
            },
            6 => Call::dissolve_network { coldkey: hotkey, netuid },
            7 => Call::set_tempo { netuid, tempo: self.roll(60_000) as u16 },
            8 => Call::set_activity_cutoff_factor { netuid, factor_milli: u32::MAX },
            0 => Call::register_network { hotkey },
            1 => Call::start_call { netuid },
            2 => Call::try_associate_hotkey { hotkey },
            3 => Call::set_coldkey_auto_stake_hotkey { netuid, hotkey },
            4 => Call::update_symbol { netuid, symbol: vec![0xff; self.roll(9) as usize] },
            _ => Call::root_dissolve_network { netuid },
        }
    }

    fn swap_call(&mut self) -> Call<Test> {
        let (netuid, hotkey, new_hotkey) = (self.netuid(), self.hotkey(), self.hotkey());
        let coldkey = self.pick(&[0, 1, 2, 5, 102, u64::MAX]);
        match self.roll(8) {
            0 => Call::swap_hotkey { hotkey, new_hotkey, netuid: Some(netuid) },
            1 => {
                let keep_stake = self.roll(2) == 0;
                Call::swap_hotkey_v2 { hotkey, new_hotkey, netuid: None, keep_stake }
            }
            2 => Call::swap_coldkey {
                old_coldkey: coldkey,
                new_coldkey: new_hotkey,
                swap_cost: Tao::new(self.amount()),
            },
            3 => Call::announce_coldkey_swap { new_coldkey_hash: Default::default() },
            4 => Call::swap_coldkey_announced { new_coldkey: coldkey },
            5 => Call::dispute_coldkey_swap {},
            6 => Call::reset_coldkey_swap { coldkey },
            _ => Call::clear_coldkey_swap_announcement {},
        }
    }
}

#[test]
fn no_argument_breaks_anything() {
    for (seed, genesis) in [(1, local()), (2, upstream()), (3, local())] {
        run(genesis, || {
            let netuid = found_subnet(1);
            SubnetLimit::<Test>::put(3);
            NetworkImmunityPeriod::<Test>::put(30);
            MaxAllowedUids::<Test>::insert(netuid, 4);
            MinNonImmuneUids::<Test>::insert(netuid, 0);
            MechanismCountCurrent::<Test>::insert(netuid, MechId::new(2));
            let mut dice = Dice(seed);
            let mut done = 0;
            for turn in 0..1_200 {
                let call = match dice.roll(8) {
                    0..4 => dice.stake_call(),
                    4..7 => dice.neuron_call(),
                    _ if dice.roll(3) == 0 => dice.swap_call(),
                    _ => dice.subnet_call(),
                };
                let origin = match dice.roll(40) {
                    0 => RuntimeOrigin::root(),
                    1 => RuntimeOrigin::none(),
                    _ => signed(dice.pick(&[0, 1, 2, 3, 4, 5, 101, 102, 103, 555])),
                };
                done += u32::from(call.dispatch_bypass_filter(origin).is_ok());
                if turn % 7 == 0 {
                    next_block();
                    check();
                }
            }
            assert!(done > 100, "most are refused, but not all: {done}");
        });
    }
}
