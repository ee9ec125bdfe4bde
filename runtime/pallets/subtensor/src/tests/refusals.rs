//! Refusals in the transaction pool: a call that would fail is refused under its number.

use super::*;
use crate::{neurons::PLACES_WITHOUT_PERMIT, SubtensorTransactionExtension};
use frame_support::dispatch::GetDispatchInfo;
use sp_runtime::{
    traits::{TransactionExtension, TxBaseImplication},
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
    PerU16,
};

/// What the pool says to a call of `who`: a number, or nothing.
fn refusal(who: u64, call: Call<Test>) -> Option<u8> {
    let call = RuntimeCall::SubtensorModule(call);
    let info = call.get_dispatch_info();
    SubtensorTransactionExtension::<Test>::default()
        .validate(
            signed(who),
            &call,
            &info,
            0,
            (),
            &TxBaseImplication(()),
            TransactionSource::External,
        )
        .err()
        .map(|error| match error {
            TransactionValidityError::Invalid(InvalidTransaction::Custom(code)) => code,
            other => panic!("{other:?}"),
        })
}

fn weights(netuid: NetUid) -> Call<Test> {
    Call::set_mechanism_weights {
        netuid,
        mecid: MechId::MAIN,
        dests: vec![1],
        weights: vec![1],
        version_key: 0,
    }
}

#[test]
fn weights_of_a_hotkey_without_a_slot_never_reach_a_block() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        assert_eq!(refusal(555, weights(netuid)), Some(19));
        assert_eq!(refusal(102, weights(NetUid::new(9))), Some(3));
        assert_eq!(refusal(102, weights(netuid)), None);
        StakeThreshold::<Test>::put(u64::MAX);
        assert_eq!(refusal(102, weights(netuid)), Some(1));
        StakeThreshold::<Test>::put(0);
        WeightsSetRateLimit::<Test>::insert(netuid, 100);
        assert_eq!(refusal(102, weights(netuid)), Some(6));
    });
}

#[test]
fn commits_are_checked_beforehand() {
    run(upstream(), || {
        let netuid = found_subnet(1);
        let commit = |who, netuid| {
            refusal(who, Call::commit_weights { netuid, commit_hash: Default::default() })
        };
        assert_eq!(commit(555, netuid), Some(19));
        assert_eq!(commit(101, NetUid::new(9)), Some(3));
        assert_eq!(commit(101, netuid), Some(6), "it has just registered");
        WeightsSetRateLimit::<Test>::insert(netuid, 0);
        assert_eq!(commit(101, netuid), None);
        CommitRevealWeightsEnabled::<Test>::insert(netuid, false);
        assert_eq!(commit(101, netuid), Some(255));
    });
}

#[test]
fn timelocked_commits_are_checked_beforehand() {
    run(local(), || {
        let netuid = found_subnet(1);
        CommitRevealWeightsEnabled::<Test>::insert(netuid, true);
        let commit_of = |who, reveal_round, commit_reveal_version| {
            let commit = Default::default();
            refusal(
                who,
                Call::commit_timelocked_weights {
                    netuid,
                    commit,
                    reveal_round,
                    commit_reveal_version,
                },
            )
        };
        let commit = |who, reveal_round| commit_of(who, reveal_round, 4);
        Rounds::publish(5);
        assert_eq!(commit(555, 5), Some(19));
        assert_eq!(commit(101, 4), Some(15));
        assert_eq!(commit_of(101, 5, 3), Some(255));
        assert_eq!(commit(101, 5), None);
        // Whoever may have no more in the queue need not be looked for in it.
        let make =
            || Chain::commit_timelocked_weights(signed(101), netuid, Default::default(), 5, 4);
        for _ in 0..9 {
            assert_ok!(make());
        }
        assert_eq!(commit(101, 5), None);
        assert_ok!(make());
        assert_eq!(commit(101, 5), Some(6));
    });
}

#[test]
fn nobody_commits_to_a_full_queue() {
    run(local(), || {
        let netuid = committing_subnet();
        let epoch = SubnetEpochIndex::<Test>::get(netuid);
        let commit = |who| {
            let (commit, reveal_round, mecid) = (Default::default(), 7, MechId::MAIN);
            let call = Call::commit_crv3_mechanism_weights { netuid, mecid, commit, reveal_round };
            refusal(who, call)
        };
        assert_eq!((commit(102), commit(103)), (None, None));
        let one = (555, 1, frame_support::BoundedVec::default(), 7);
        let others = vec![one; PLACES_WITHOUT_PERMIT];
        let index = NetUidStorageIndex::main(netuid);
        TimelockedWeightCommits::<Test>::insert(index, epoch, others);
        assert_eq!((commit(102), commit(103)), (None, Some(6)), "102 has a permit");
    });
}

#[test]
fn commits_that_may_not_wait_are_refused() {
    run(local(), || {
        let netuid = committing_subnet();
        let commit_hash = Default::default();
        let call = || Call::commit_weights { netuid, commit_hash };
        for _ in 0..10 {
            assert_eq!(refusal(102, call()), None);
            assert_ok!(Chain::commit_weights(signed(102), netuid, commit_hash));
        }
        assert_eq!(refusal(102, call()), Some(6));
    });
}

#[test]
fn what_is_no_signature_never_costs_a_block_its_time() {
    run(upstream(), || {
        let netuid = found_subnet(1);
        let (one, two) = (evm::key(1), evm::key(2));
        let good = || evm::agreement(&one, 101);
        let tell = |who, signature| refusal(who, evm::associating(netuid, &one, signature));
        assert_eq!(tell(101, good()), None);
        assert_eq!(tell(555, good()), Some(19));
        // The curve's order (SEC 2), which no number of a signature reaches.
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let order: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&order[2 * at..2 * at + 2], 16).unwrap()).collect();
        let below = [&order[..31], &[order[31] - 1]].concat();
        let with = |at: usize, number: &[u8], parity| {
            let mut bytes = good().0;
            bytes[at..at + 32].copy_from_slice(number);
            bytes[64] = parity;
            tell(101, sp_core::ecdsa::Signature::from_raw(bytes))
        };
        for at in [0, 32] {
            assert_eq!(with(at, &order, 27), Some(255));
            assert_eq!(with(at, &[0; 32], 27), Some(255));
            assert_eq!(with(at, &below, 27), None);
            assert_eq!(
                [0, 3, 4, 26].map(|parity| with(at, &below, parity).is_none()),
                [true, true, false, false]
            );
            assert_eq!([30, 31].map(|parity| with(at, &below, parity)), [None, Some(255)]);
        }
        // A signature of another key is seen only in the block, where recovering it has its price.
        assert_eq!(tell(101, evm::agreement(&two, 101)), None);
        assert_ok!(evm::associate(netuid, 101, &one));
        assert_eq!(tell(101, good()), Some(20));
        // As many slots as a key may have.
        join(netuid, 2);
        assert_eq!(tell(102, evm::agreement(&one, 102)), None);
        let (address, _) = AssociatedEvmAddress::<Test>::get(netuid, 0).unwrap();
        let own = AssociatedUidsByEvmAddress::<Test>::get(netuid, address);
        let full: Vec<(u16, u64)> = (10..42).map(|uid| (uid, 1)).collect();
        let set = |uids| AssociatedUidsByEvmAddress::<Test>::insert(netuid, address, uids);
        set(full.try_into().unwrap());
        assert_eq!(tell(102, evm::agreement(&one, 102)), Some(255));
        set(own);
    });
}

#[test]
fn endpoints_are_checked_beforehand() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        let serve = |who, ip, port| {
            let (version, ip_type, protocol, placeholder1, placeholder2) = (1, 4, 0, 0, 0);
            let call = Call::serve_axon {
                netuid,
                version,
                ip,
                port,
                ip_type,
                protocol,
                placeholder1,
                placeholder2,
            };
            refusal(who, call)
        };
        assert_eq!(serve(555, 0x0808_0808, 1), Some(10));
        assert_eq!(serve(102, u128::MAX, 1), Some(11));
        assert_eq!(serve(102, 0x0808_0808, 0), Some(13));
        assert_eq!(serve(102, 0x0808_0808, 1), None);
        assert_ok!(Chain::serve_axon(signed(102), netuid, 1, 0x0808_0808, 1, 4, 0, 0, 0));
        ServingRateLimit::<Test>::insert(netuid, 9);
        assert_eq!(serve(102, 0x0808_0808, 1), Some(12));
    });
}

#[test]
fn stake_that_cannot_move_is_refused() {
    run_each(|| {
        let netuid = found_subnet(1);
        let add = |who, hotkey, netuid, rao| {
            let amount_staked = Tao::new(rao);
            refusal(who, Call::add_stake { hotkey, netuid, amount_staked })
        };
        assert_eq!(add(2, 101, netuid, UNIT), None);
        assert_eq!(add(2, 101, netuid, 1), Some(1));
        assert_eq!(add(2, 101, netuid, u64::MAX), Some(2));
        assert_eq!(add(2, 101, NetUid::new(9), UNIT), Some(3));
        assert_eq!(add(2, 555, netuid, UNIT), Some(4));
        let amount_unstaked = Alpha::new(UNIT);
        let remove = Call::remove_stake { hotkey: 101, netuid, amount_unstaked };
        assert_eq!(refusal(2, remove), Some(5));
    });
}

#[test]
fn takes_are_checked_beforehand() {
    run_each(|| {
        assert_ok!(Chain::root_register(signed(2), 102));
        let (hotkey, take) = (102, PerU16::from_parts);
        let lower = |who| refusal(who, Call::decrease_take { hotkey, take: take(1) });
        assert_eq!(lower(2), None);
        assert_eq!(lower(3), Some(25));
        let same = Call::decrease_take { hotkey, take: take(11_796) };
        assert_eq!(refusal(2, same), Some(26));
        let high = Call::increase_take { hotkey, take: take(20_000) };
        assert_eq!(refusal(2, high), Some(27));
    });
}

#[test]
fn what_cannot_be_foreseen_is_let_through() {
    run_each(|| {
        assert_eq!(refusal(2, Call::register_network { hotkey: 102 }), None);
    });
}
