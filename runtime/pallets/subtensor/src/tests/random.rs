//! Ten thousand calls by chance, with all invariants checked after every block.
//!
//! A fixed seed makes a failure repeatable. Most calls make sense, a part never can.

use super::*;
use sp_runtime::{DispatchError, PerU16};

/// SplitMix64, a generator that fits in five lines.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Mostly plausible amounts, now and then extreme ones.
    fn amount(&mut self) -> u64 {
        match self.below(20) {
            0 => self.next(),
            1 => self.below(10),
            2 => u64::MAX,
            _ => self.below(1_000 * UNIT),
        }
    }

    fn coldkey(&mut self) -> u64 {
        1 + self.below(22)
    }

    /// Hotkeys are those of coldkeys, a second one of each, or nobody's.
    fn hotkey(&mut self) -> u64 {
        100 + self.below(3) * 50 + self.coldkey()
    }

    fn netuid(&mut self) -> NetUid {
        NetUid::from(self.below(6) as u16)
    }

    fn row(&mut self) -> (Vec<u16>, Vec<u16>) {
        let count = self.below(8);
        let uids = (0..count).map(|_| self.below(14) as u16).collect();
        (uids, (0..count).map(|_| self.next() as u16).collect())
    }
}

fn random_call(chance: &mut Chance) -> Result<(), DispatchError> {
    let (coldkey, hotkey, netuid) = (chance.coldkey(), chance.hotkey(), chance.netuid());
    let origin = signed(coldkey);
    match chance.below(32) {
        0 => Chain::register_network(origin, hotkey),
        1 => Chain::start_call(origin, netuid),
        2..=5 => Chain::burned_register(origin, netuid, hotkey),
        6..=10 => Chain::add_stake(origin, hotkey, netuid, Tao::new(chance.amount())),
        11 => {
            let (amount, limit) = (Tao::new(chance.amount()), Tao::new(chance.below(3 * UNIT)));
            Chain::add_stake_limit(origin, hotkey, netuid, amount, limit, chance.below(2) == 0)
        }
        12..=15 => {
            let held = staked(netuid, coldkey, hotkey);
            let amount = if held > 0 { 1 + chance.below(held) } else { chance.amount() };
            Chain::remove_stake(origin, hotkey, netuid, AlphaBalance::new(amount))
        }
        16 => {
            let (amount, limit) =
                (AlphaBalance::new(chance.amount()), Tao::new(chance.below(2 * UNIT)));
            Chain::remove_stake_limit(origin, hotkey, netuid, amount, limit, chance.below(2) == 0)
        }
        17 => Chain::unstake_all(origin, hotkey),
        18 => Chain::unstake_all_alpha(origin, hotkey),
        19 => Chain::root_register(origin, hotkey),
        20..=24 => {
            let (uids, values) = chance.row();
            Chain::set_weights(signed(hotkey), netuid, uids, values, 0)
        }
        25 => {
            let (uids, values) = chance.row();
            let mechanism = MechId::new(chance.below(3) as u8);
            Chain::set_mechanism_weights(signed(hotkey), netuid, mechanism, uids, values, 0)
        }
        26 => {
            let take = PerU16::from_parts(chance.next() as u16);
            Chain::decrease_take(origin, hotkey, take)
        }
        27 => Chain::set_coldkey_auto_stake_hotkey(origin, netuid, hotkey),
        28 => Chain::try_associate_hotkey(origin, hotkey),
        29 => Balances::transfer_allow_death(origin, chance.coldkey(), chance.amount()).map(|_| ()),
        30 => Chain::claim_root_alpha(netuid, &hotkey, &coldkey).map(|_| ()),
        _ => {
            if chance.below(8) == 0 {
                Chain::root_dissolve_network(RuntimeOrigin::root(), netuid)
            } else {
                tune(chance, netuid);
                Ok(())
            }
        }
    }
}

/// Hyperparameters of a subnet that exists, as its owner or root might set them.
fn tune(chance: &mut Chance, netuid: NetUid) {
    if netuid.is_root() || !Chain::subnet_exists(netuid) {
        return;
    }
    match chance.below(10) {
        0 => Yuma3On::<Test>::mutate(netuid, |on| *on = !*on),
        1 => LiquidAlphaOn::<Test>::mutate(netuid, |on| *on = !*on),
        2 => BondsPenalty::<Test>::insert(netuid, chance.next() as u16),
        3 => BondsMovingAverage::<Test>::insert(netuid, chance.below(1_000_001)),
        4 => Tempo::<Test>::insert(netuid, 2 + chance.below(20) as u16),
        5 => Kappa::<Test>::insert(netuid, chance.next() as u16),
        6 => RecycleOrBurn::<Test>::insert(netuid, RecycleOrBurnKind::Recycle),
        7 => SubnetMovingPrice::<Test>::insert(
            netuid,
            substrate_fixed::types::I96F32::from_bits(i128::from(chance.below(1 << 33))),
        ),
        8 => MaxAllowedValidators::<Test>::insert(netuid, 1 + chance.below(6) as u16),
        _ => SubnetEpochConsensus::<Test>::mutate(netuid, |mode| {
            *mode = match mode {
                EpochConsensus::Yuma => EpochConsensus::Null,
                EpochConsensus::Null => EpochConsensus::Yuma,
            };
        }),
    }
}

fn wander(seed: u64, calls: u32) {
    run(local(), || {
        SubnetLimit::<Test>::put(4);
        NetworkMinLockCost::<Test>::put(Tao::new(100 * UNIT));
        NetworkLastLockCost::<Test>::put(Tao::new(100 * UNIT));
        NetworkLockReductionInterval::<Test>::put(10);
        NetworkImmunityPeriod::<Test>::put(50);
        let mut chance = Chance(seed);
        let mut accepted = 0u32;
        for call in 0..calls {
            // As a dispatched call: an error undoes what was done so far.
            let outcome = frame_support::storage::with_storage_layer(|| random_call(&mut chance));
            accepted += u32::from(outcome.is_ok());
            if chance.below(4) == 0 {
                next_block();
                Chain::do_try_state()
                    .unwrap_or_else(|error| panic!("seed {seed}, call {call}: {error:?}"));
            }
        }
        assert!(accepted > calls / 8, "seed {seed}: only {accepted} of {calls} did anything");
    });
}

#[test]
fn ten_thousand_random_calls_conserve_everything() {
    for seed in 0..10 {
        wander(seed, 1_000);
    }
}
