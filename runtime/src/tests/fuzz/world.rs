//! A chain with people on it, and blocks that pass.
//!
//! Blocks are driven by the pallets' hooks and not by `Executive`: nobody reads the state's root,
//! which would cost more than all else.

use super::{chance::Chance, shapes::Focus};
use crate::tests::{account, with_preset, Subtensor};
use crate::{config::*, genesis, *};
use codec::Encode;
use frame_support::{
    storage::storage_prefix,
    traits::{Get, OnFinalize, OnIdle, OnInitialize},
    weights::Weight,
};
use pallet_subtensor::{NetUid, Tao};
use sp_consensus_aura::{Slot, AURA_ENGINE_ID};
use sp_runtime::{generic::Digest, traits::Dispatchable, DigestItem};

/// Coldkeys with money; each has two hotkeys.
const PEOPLE: usize = 12;
const MONEY: u64 = 100_000_000_000_000;
/// Rao of a stake that a neuron begins with.
const STAKE: u64 = 100_000_000_000;

pub fn coldkey(number: usize) -> AccountId {
    account(&format!("//cold{number}"))
}

pub fn hotkey(number: usize, which: usize) -> AccountId {
    account(&format!("//hot{number}/{which}"))
}

/// Everybody whom a call may name, once: making keys is slow.
pub fn everybody() -> Vec<AccountId> {
    let people =
        (0..PEOPLE).flat_map(|number| [coldkey(number), hotkey(number, 0), hotkey(number, 1)]);
    people.chain(["//Alice", "//One", "//nobody"].map(account)).collect()
}

/// Runs `test` on a chain with three subnets on which some of the people are.
pub fn with_people(everybody: &[AccountId], preset: &str, test: impl FnOnce()) {
    with_preset(preset, || {
        next_block();
        let from = |who: &AccountId, call: Subtensor| {
            let origin = RuntimeOrigin::signed(who.clone());
            // Some are refused by a preset's limits: the others are enough.
            let _ = RuntimeCall::from(call).dispatch(origin);
        };
        let money = |dest: &AccountId| {
            let call = pallet_balances::Call::<Runtime>::force_transfer {
                source: account("//Alice").into(),
                dest: dest.clone().into(),
                value: MONEY / 4,
            };
            let _ = RuntimeCall::from(call).dispatch(RuntimeOrigin::root());
        };
        for person in everybody.chunks_exact(3) {
            money(&person[0]);
            money(&person[1]);
        }
        pallet_subtensor::NetworkRateLimit::<Runtime>::put(3);
        pallet_subtensor::StartCallDelay::<Runtime>::put(0);
        for person in everybody.chunks_exact(3).take(3) {
            let hotkey = person[1].clone();
            from(&person[0], Subtensor::register_network { hotkey });
            for _ in 0..5 {
                next_block();
            }
        }
        for netuid in SubtensorModule::subnets() {
            let owner = pallet_subtensor::SubnetOwner::<Runtime>::get(netuid);
            from(&owner, Subtensor::start_call { netuid });
            pallet_subtensor::Tempo::<Runtime>::insert(netuid, 12);
            for person in everybody.chunks_exact(3).take(PEOPLE) {
                let hotkey = person[1].clone();
                from(&person[0], Subtensor::burned_register { netuid, hotkey: hotkey.clone() });
                let amount_staked = Tao::new(STAKE);
                from(&person[0], Subtensor::add_stake { hotkey, netuid, amount_staked });
                next_block();
            }
        }
        test();
    });
}

/// Whom and what a call is to speak of.
pub fn focus(everybody: &[AccountId], hashes: &[[u8; 32]], chance: &mut Chance) -> Focus {
    let people: Vec<_> = everybody.chunks_exact(3).collect();
    let (person, other) = (*chance.pick(&people), *chance.pick(&people));
    let subnets = SubtensorModule::subnets();
    let netuid = if subnets.is_empty() { NetUid::ROOT } else { *chance.pick(&subnets) };
    Focus {
        coldkey: person[0].clone(),
        hotkey: person[1 + usize::from(chance.once_in(5))].clone(),
        other: other[chance.below(3)].clone(),
        netuid: netuid.encode().try_into().map(u16::from_le_bytes).unwrap_or_default(),
        accounts: everybody.to_vec(),
        hashes: hashes.to_vec(),
    }
}

/// Ends the block and begins the next one, with its time.
pub fn next_block() {
    let now = System::block_number();
    // As the inherent does; Aura would compare its slots.
    sp_io::storage::set(&storage_prefix(b"Timestamp", b"DidUpdate"), &true.encode());
    AllPalletsWithSystem::on_idle(now, Weight::MAX);
    AllPalletsWithSystem::on_finalize(now);
    System::reset_events();
    let next = now + 1;
    let slot = Slot::from(u64::from(next));
    let logs = vec![DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode())];
    System::initialize(&next, &Default::default(), &Digest { logs });
    System::set_block_consumed_resources(Weight::zero(), 0);
    // Whatever chance made of the length of a slot: Aura is not what is tried here.
    pallet_aura::CurrentSlot::<Runtime>::put(Slot::from(u64::from(now)));
    AllPalletsWithSystem::on_initialize(next);
    pallet_timestamp::Now::<Runtime>::put(u64::from(next) * SlotDuration::get());
}

/// The presets, of which a walk takes one.
pub const PRESETS: [&str; 3] = [genesis::LOCAL, genesis::FAST_LOCALNET, genesis::UPSTREAM];
