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

    /// Mostly the coldkey's own hotkey, sometimes its second, sometimes somebody's or nobody's.
    fn hotkey_of(&mut self, coldkey: u64) -> u64 {
        match self.below(8) {
            0 => 100 + self.below(3) * 50 + self.coldkey(),
            1 => 150 + coldkey,
            _ => 100 + coldkey,
        }
    }

    /// Mostly a subnet that exists, or root.
    fn netuid(&mut self) -> NetUid {
        let subnets = Chain::subnets();
        match self.below(10) {
            0 => NetUid::from(self.below(6) as u16),
            1 => NetUid::ROOT,
            pick => subnets.get(pick as usize % subnets.len().max(1)).copied().unwrap_or_default(),
        }
    }

    /// Somebody with a slot on a subnet, and a row of weights, both mostly such as exist.
    fn row(&mut self, netuid: NetUid) -> (u64, Vec<u16>, Vec<u16>) {
        let size = u64::from(SubnetworkN::<Test>::get(netuid)).max(1);
        let uid = self.below(size) as u16;
        let bound = if self.below(10) == 0 { size + 2 } else { size };
        let uids: std::collections::BTreeSet<u16> =
            (0..self.below(8)).map(|_| self.below(bound) as u16).collect();
        let values = uids.iter().map(|_| self.next() as u16).collect();
        (Keys::<Test>::get(netuid, uid), uids.into_iter().collect(), values)
    }
}

fn random_call(chance: &mut Chance) -> Result<(), DispatchError> {
    let (coldkey, netuid) = (chance.coldkey(), chance.netuid());
    let hotkey = chance.hotkey_of(coldkey);
    let origin = signed(coldkey);
    match chance.below(48) {
        42 => {
            let new = 200 + chance.below(40);
            let only = (chance.below(3) > 0).then_some(netuid);
            Chain::do_swap_hotkey(&coldkey, &hotkey, &new, only, chance.below(3) == 0).map(|_| ())
        }
        43 if chance.below(6) == 0 => {
            Chain::do_swap_coldkey(&coldkey, &chance.coldkey()).map(|_| ())
        }
        43 => Chain::set_coldkey_auto_stake_hotkey(origin, netuid, hotkey),
        44 | 45 => {
            let held = AlphaBalance::new(staked(netuid, coldkey, hotkey) / 3);
            Chain::lock_stake(origin, hotkey, netuid, held)
        }
        46 => Chain::move_lock(origin, hotkey, netuid),
        47 if chance.below(2) == 0 => {
            Chain::set_perpetual_lock(origin, netuid, chance.below(2) == 0)
        }
        47 => Chain::set_reject_locked_alpha(origin, chance.below(2) == 0),
        40 | 41 => {
            let (to, other) = (chance.hotkey_of(coldkey), chance.netuid());
            let amount = AlphaBalance::new(staked(netuid, coldkey, hotkey) / 2);
            Chain::move_stake(origin, hotkey, to, netuid, other, amount)
        }
        0 if chance.below(3) == 0 => lease(chance, coldkey),
        0 => Chain::register_network(origin, hotkey),
        1 | 2 => Chain::start_call(signed(SubnetOwner::<Test>::get(netuid)), netuid),
        3..=8 => Chain::burned_register(origin, netuid, hotkey),
        9..=16 => Chain::add_stake(origin, hotkey, netuid, Tao::new(chance.amount())),
        17 => {
            let (amount, limit) = (Tao::new(chance.amount()), Tao::new(chance.below(3 * UNIT)));
            Chain::add_stake_limit(origin, hotkey, netuid, amount, limit, chance.below(2) == 0)
        }
        18..=20 => {
            let held = staked(netuid, coldkey, hotkey);
            let amount = if held > 0 { 1 + chance.below(held) } else { chance.amount() };
            Chain::remove_stake(origin, hotkey, netuid, AlphaBalance::new(amount))
        }
        21 => {
            let (amount, limit) =
                (AlphaBalance::new(chance.amount()), Tao::new(chance.below(2 * UNIT)));
            Chain::remove_stake_limit(origin, hotkey, netuid, amount, limit, chance.below(2) == 0)
        }
        22 => Chain::unstake_all(origin, hotkey),
        23 => Chain::unstake_all_alpha(origin, hotkey),
        24 => Chain::root_register(origin, hotkey),
        25..=31 => {
            let (hotkey, uids, values) = chance.row(netuid);
            let mechanism = MechId::new(u8::from(chance.below(6) == 0));
            Chain::set_mechanism_weights(signed(hotkey), netuid, mechanism, uids, values, 0)
        }
        32 => {
            let take = PerU16::from_parts(chance.next() as u16);
            Chain::decrease_take(origin, hotkey, take)
        }
        33 => Chain::set_coldkey_auto_stake_hotkey(origin, netuid, hotkey),
        34 => Chain::try_associate_hotkey(origin, hotkey),
        35 if chance.below(3) == 0 => {
            Chain::burn_alpha(origin, hotkey, AlphaBalance::new(chance.amount()), netuid)
        }
        35 if chance.below(2) == 0 => {
            Chain::recycle_alpha(origin, hotkey, AlphaBalance::new(chance.amount()), netuid)
        }
        35 => Balances::transfer_allow_death(origin, chance.coldkey(), chance.amount()).map(|_| ()),
        36 if chance.below(2) == 0 => Chain::claim_root_with_hotkey(origin, hotkey),
        36 => Chain::claim_root_alpha(netuid, &hotkey, &coldkey).map(|_| ()),
        37 if chance.below(4) == 0 => end_lease(chance),
        37 if chance.below(10) == 0 => Chain::root_dissolve_network(RuntimeOrigin::root(), netuid),
        37 => {
            lend(chance, netuid, hotkey);
            Ok(())
        }
        _ => {
            tune(chance, netuid);
            Ok(())
        }
    }
}

/// Leases a subnet with what three coldkeys gave, two of whom may be the same.
fn lease(chance: &mut Chance, creator: u64) -> Result<(), DispatchError> {
    /// The account of the crowdloan.
    const FUND: u64 = 900;
    let mut given = std::collections::BTreeMap::<u64, u64>::new();
    for giver in [creator, chance.coldkey(), chance.coldkey()] {
        let amount = 1 + chance.below(200 * UNIT);
        Balances::transfer_keep_alive(signed(giver), FUND, amount)?;
        *given.entry(giver).or_default() += amount;
    }
    Lessors::fund(Some(Funding {
        creator,
        account: FUND,
        raised: Tao::new(given.values().sum()),
        contributions: given.into_iter().collect(),
    }));
    let end = (chance.below(3) > 0).then(|| System::block_number() + chance.below(60));
    let part = sp_runtime::Percent::from_parts(chance.below(101) as u8);
    let leased = Chain::register_leased_network(signed(creator), part, end);
    Lessors::fund(None);
    leased.map(|_| ()).map_err(|failed| failed.error)
}

/// Ends one of the leases, if it may.
fn end_lease(chance: &mut Chance) -> Result<(), DispatchError> {
    let leases: Vec<_> = SubnetLeases::<Test>::iter().collect();
    let Some((id, lease)) = leases.get(chance.below(4) as usize) else { return Ok(()) };
    let who = lease.beneficiary;
    Chain::terminate_lease(signed(who), *id, chance.hotkey_of(who))
        .map(|_| ())
        .map_err(|failed| failed.error)
}

/// Lends a part of a hotkey's stake to another neuron, as an announced child that is due.
fn lend(chance: &mut Chance, netuid: NetUid, hotkey: u64) {
    let (child, ..) = chance.row(netuid);
    if netuid.is_root() || !Chain::subnet_exists(netuid) || child == hotkey {
        return;
    }
    let parents = ParentKeys::<Test>::get(hotkey, netuid);
    let children = match parents.iter().any(|(_, parent)| *parent == child) {
        true => Vec::new(),
        false => vec![(chance.next() / 2, child)],
    };
    PendingChildKeys::<Test>::insert(netuid, hotkey, (children, 0));
}

/// Hyperparameters of a subnet that exists, as its owner or root might set them.
fn tune(chance: &mut Chance, netuid: NetUid) {
    if netuid.is_root() || !Chain::subnet_exists(netuid) {
        return;
    }
    match chance.below(15) {
        12 => Chain::do_enable_voting_power(netuid).unwrap(),
        13 => VotingPowerEmaAlpha::<Test>::insert(netuid, chance.below(1_000_000_000_000_000_001)),
        14 => {
            let (hotkey, ..) = chance.row(netuid);
            // Refused where it was a short while ago.
            let _ =
                super::evm::associate(netuid, hotkey, &super::evm::key(chance.below(3) as u8 + 1));
        }
        10 => MechanismCountCurrent::<Test>::insert(netuid, MechId::new(2)),
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
        9 => Chain::set_least_nomination(chance.below(100_000_000)),
        _ => {
            let other = match SubnetEpochConsensus::<Test>::get(netuid) {
                EpochConsensus::Yuma => EpochConsensus::Null,
                EpochConsensus::Null => EpochConsensus::Yuma,
            };
            assert_ok!(Chain::set_epoch_consensus(netuid, other));
        }
    }
}

/// What a walk came to, so that a test can tell that it went somewhere.
#[derive(Debug, Default)]
struct Walk {
    accepted: u32,
    epochs: u64,
    skipped: usize,
    dividends: u64,
    claims: u64,
    leases: u32,
}

fn wander(genesis: crate::GenesisConfig<Test>, seed: u64, calls: u32) -> Walk {
    let mut walk = Walk::default();
    run(genesis, || {
        SubnetLimit::<Test>::put(4);
        NetworkMinLockCost::<Test>::put(Tao::new(100 * UNIT));
        NetworkLastLockCost::<Test>::put(Tao::new(100 * UNIT));
        NetworkLockReductionInterval::<Test>::put(10);
        NetworkImmunityPeriod::<Test>::put(50);
        NetworkRateLimit::<Test>::put(5);
        let mut chance = Chance(seed);
        for call in 0..calls {
            // As a dispatched call: an error undoes what was done so far.
            let outcome = frame_support::storage::with_storage_layer(|| random_call(&mut chance));
            walk.accepted += u32::from(outcome.is_ok());
            if chance.below(8) == 0 {
                next_block();
                Chain::do_try_state()
                    .unwrap_or_else(|error| panic!("seed {seed}, call {call}: {error:?}"));
                note_block(&mut walk);
            }
        }
    });
    walk
}

fn note_block(walk: &mut Walk) {
    let events = System::events().into_iter().filter_map(|record| match record.event {
        RuntimeEvent::SubtensorModule(event) => Some(event),
        _ => None,
    });
    walk.skipped += events.filter(|event| matches!(event, Event::EpochSkipped { .. })).count();
    for netuid in Chain::subnets() {
        walk.epochs += u64::from(LastMechansimStepBlock::<Test>::get(netuid) == Chain::block());
        walk.dividends += AlphaDividendsPerSubnet::<Test>::iter_prefix_values(netuid)
            .map(|alpha| u64::from(!alpha.is_zero()))
            .sum::<u64>();
        walk.leases = NextSubnetLeaseId::<Test>::get();
        walk.claims += u64::from(!RootAlphaUnclaimed::<Test>::get(netuid).is_zero());
    }
}

#[test]
fn ten_thousand_random_calls_conserve_everything() {
    let short = SubnetDefaults { tempo: 6, ..local_defaults() };
    let genesis_of = |seed: u64| match seed % 2 {
        0 => crate::GenesisConfig { new_subnet_defaults: short, ..local() },
        _ => crate::GenesisConfig { new_subnet_defaults: short, ..upstream() },
    };
    let mut leases = 0;
    for seed in 0..10 {
        let walk = wander(genesis_of(seed), seed, 1_000);
        assert_eq!(walk.skipped, 0, "seed {seed}: {walk:?}");
        assert!(walk.accepted > 300 && walk.epochs > 15, "seed {seed}: {walk:?}");
        assert!(walk.dividends > 100, "seed {seed}: {walk:?}");
        leases += walk.leases;
    }
    assert!(leases > 5, "{leases}");
}
