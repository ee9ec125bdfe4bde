//! Every call of the runtime with arguments and origins by chance, the invariants after each block.
//!
//! Nothing may trap, neither a call nor a block's hooks nor the weight of a call, and after each
//! block the invariants hold (`crate::invariants`). A walk is a chain of its own with some thousand
//! calls; its seed repeats it. `SEEDS` are walks that found something once, and stay. The quick form
//! is a test; `scripts/fuzz_runtime` runs the long one (FUZZ_CALLS, FUZZ_SEED) and prints what was
//! called, how often it was accepted, and how its time compares with its weight.
//!
//! Natively built with checks for overflow, which is stricter than the Wasm. Not drawn: calls that
//! write raw state or replace the code, for by these root may break anything by intent.

// What a drawn call is made of is there because it was drawn.
#![allow(clippy::indexing_slicing)]

mod chance;
mod shapes;
mod world;

use super::*;
use crate::invariants;
use chance::Chance;
use codec::Decode;
use frame_support::dispatch::GetDispatchInfo;
use shapes::{Drawn, Focus, Shapes};
use sp_runtime::traits::Dispatchable;
use std::{
    collections::BTreeMap,
    panic::{catch_unwind, AssertUnwindSafe},
    time::Instant,
};

/// Walks that found a fault once, each with the fault.
const SEEDS: [u64; 0] = [];
/// Of the quick form: some seconds.
const CALLS_QUICK: usize = 2_000;
/// Of a walk: longer ones leave little of the world that they began with.
const CALLS_A_WALK: usize = 2_000;
/// Of a block, on average.
const CALLS_A_BLOCK: usize = 25;
/// Calls that put raw bytes into the state, or another code in this one's place; and the inherent,
/// which stops a block by intent where it comes twice.
/// And root's two that make TAO, as much as eight bytes hold: sums of all TAO would end there.
const NOT_DRAWN: [&str; 11] = [
    "Timestamp.set",
    "Balances.force_set_balance",
    "Balances.force_adjust_total_issuance",
    "System.set_heap_pages",
    "System.set_code",
    "System.set_code_without_checks",
    "System.set_storage",
    "System.kill_storage",
    "System.kill_prefix",
    "System.authorize_upgrade_without_checks",
    "System.apply_authorized_upgrade",
];

/// What became of one kind of call.
#[derive(Default)]
struct Tried {
    times: usize,
    accepted: usize,
    /// Nanoseconds, and picoseconds of weight, of all of them together.
    took_ns: u128,
    weight_ps: u128,
}

#[derive(Default)]
struct Walk {
    tried: BTreeMap<String, Tried>,
    undecodable: usize,
    blocks: usize,
    /// The calls of the running block that were accepted.
    in_block: Vec<String>,
}

/// Who sends it: mostly whom it speaks of, sometimes root or nobody.
fn origin(focus: &Focus, chance: &mut Chance) -> RuntimeOrigin {
    let who = match chance.below(40) {
        0..=3 => return RuntimeOrigin::root(),
        4 => return RuntimeOrigin::none(),
        5 => account("//Alice"),
        6..=7 => chance.pick(&focus.accounts).clone(),
        8..=10 => pallet_subtensor::SubnetOwner::<Runtime>::get(NetUid::from(focus.netuid)),
        11..=18 => focus.hotkey.clone(),
        19..=20 => focus.other.clone(),
        _ => focus.coldkey.clone(),
    };
    RuntimeOrigin::signed(who)
}

fn wander(seed: u64, calls: usize, shapes: &Shapes, everybody: &[AccountId]) -> Walk {
    let mut chance = Chance::new(seed);
    let mut walk = Walk::default();
    let preset = *chance.pick(&world::PRESETS);
    let left_out =
        |(pallet, index): &(u8, u8)| NOT_DRAWN.contains(&shapes.name(&[*pallet, *index]).as_str());
    let drawn: Vec<(u8, u8)> = shapes.calls.iter().filter(|one| !left_out(one)).copied().collect();
    world::with_people(everybody, preset, || {
        let mut hashes: Vec<[u8; 32]> = vec![];
        for number in 0..calls {
            let focus = world::focus(everybody, &hashes, &mut chance);
            let Drawn { bytes, calls } = shapes.call(*chance.pick(&drawn), &focus, &mut chance);
            let name = shapes.name(&bytes);
            let origin = origin(&focus, &mut chance);
            if calls.iter().all(|one| drawn.contains(one)) {
                let place = || format!("seed {seed}, call {number}: {name} {}", hex(&bytes));
                one(&bytes, origin, &name, &mut walk, &place);
                hashes.push(sp_io::hashing::blake2_256(&bytes));
                hashes.drain(..hashes.len().saturating_sub(4));
            }
            if chance.once_in(CALLS_A_BLOCK) {
                walk.blocks += 1;
                whole(|| format!("seed {seed}, block after call {number}"), world::next_block);
                if let Err(broken) = invariants::check() {
                    let block = walk.in_block.join("\n");
                    panic!("seed {seed}, the block before call {number}: {broken}, after\n{block}");
                }
                walk.in_block.clear();
            }
        }
    });
    walk
}

/// Dispatches one call and notes what became of it.
fn one(
    bytes: &[u8],
    origin: RuntimeOrigin,
    name: &str,
    walk: &mut Walk,
    place: &dyn Fn() -> String,
) {
    let Ok(call) = RuntimeCall::decode(&mut &*bytes) else {
        walk.undecodable += 1;
        return;
    };
    let (weight, began, outcome) = whole(place, || {
        let weight = call.get_dispatch_info().call_weight.ref_time();
        let began = Instant::now();
        (weight, began, call.dispatch(origin))
    });
    if outcome.is_ok() {
        walk.in_block.push(format!("{name} {}", hex(bytes)));
    }
    let tried = walk.tried.entry(name.into()).or_default();
    tried.times += 1;
    tried.accepted += usize::from(outcome.is_ok());
    let actual = match &outcome {
        Ok(post) => post.actual_weight,
        Err(failed) => failed.post_info.actual_weight,
    };
    tried.took_ns += began.elapsed().as_nanos();
    tried.weight_ps += u128::from(actual.map_or(weight, |used| used.ref_time()));
}

/// What `act` gives; a trap inside says `place`.
fn whole<R>(place: impl Fn() -> String, act: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| panic!("a trap: {}", place()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(2_000).map(|byte| format!("{byte:02x}")).collect()
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Adds a walk's counts to those of all.
fn add(all: &mut Walk, walk: Walk) {
    all.undecodable += walk.undecodable;
    all.blocks += walk.blocks;
    for (name, tried) in walk.tried {
        let sum = all.tried.entry(name).or_default();
        sum.times += tried.times;
        sum.accepted += tried.accepted;
        sum.took_ns += tried.took_ns;
        sum.weight_ps += tried.weight_ps;
    }
}

#[test]
fn a_rao_that_nobody_has_is_found() {
    use assay_runtime_api::runtime_decl_for_invariants_runtime_api::InvariantsRuntimeApi;
    with_preset(genesis::FAST_LOCALNET, || {
        assert_eq!(Runtime::broken_invariant(), None);
        let issued = pallet_subtensor::TotalIssuance::<Runtime>::get();
        pallet_subtensor::TotalIssuance::<Runtime>::put(issued.plus(Tao::new(1)).unwrap());
        let broken = Runtime::broken_invariant().unwrap();
        assert_eq!(broken, b"TotalIssuance is not balances and pools");
    });
}

#[test]
fn no_call_by_chance_traps_or_breaks_an_invariant() {
    let calls = setting("FUZZ_CALLS", CALLS_QUICK as u64) as usize;
    let first = setting("FUZZ_SEED", 1);
    let (shapes, everybody) = (Shapes::new(), world::everybody());
    let mut all = Walk::default();
    for seed in SEEDS {
        add(&mut all, wander(seed, CALLS_A_WALK, &shapes, &everybody));
    }
    for walk in 0..calls.div_ceil(CALLS_A_WALK) as u64 {
        let length = CALLS_A_WALK.min(calls - walk as usize * CALLS_A_WALK);
        add(&mut all, wander(first + walk, length, &shapes, &everybody));
    }
    let tried: usize = all.tried.values().map(|each| each.times).sum();
    let accepted: usize = all.tried.values().map(|each| each.accepted).sum();
    let kinds = all.tried.values().filter(|each| each.accepted > 0).count();
    println!(
        "fuzz: {tried} calls of {} kinds from seed {first}, {accepted} accepted of {kinds} kinds, \
         {} undecodable, {} blocks",
        all.tried.len(),
        all.undecodable,
        all.blocks,
    );
    for (name, each) in &all.tried {
        let microseconds = each.took_ns as f64 / each.times as f64 / 1e3;
        let weight = each.weight_ps as f64 / each.times as f64 / 1e6;
        println!(
            "fuzz-call: {name} {} {} {microseconds:.1} {weight:.1}",
            each.times, each.accepted
        );
    }
    assert!(all.undecodable * 5 < tried, "most of what is drawn is a call");
    assert!(accepted * 20 > tried, "{accepted} of {tried}: the walks go nowhere");
    assert!(kinds * 4 > all.tried.len(), "{kinds} kinds of {} were accepted", all.tried.len());
}
