//! Refusals in the transaction pool: a call that would fail is refused under its number.

use super::*;
use crate::SubtensorTransactionExtension;
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
        let commit = |who, reveal_round| {
            let (commit, commit_reveal_version) = (Default::default(), 4);
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
        Rounds::publish(5);
        assert_eq!(commit(555, 5), Some(19));
        assert_eq!(commit(101, 4), Some(15));
        assert_eq!(commit(101, 5), None);
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
