//! Who comes first: what the pool is told of an extrinsic before it runs.

use super::*;
use crate::priority::{Ranked, OPERATIONAL, ORDINARY, WORK, WORK_AT_ONCE};
use sp_runtime::{
    traits::Checkable,
    transaction_validity::{TransactionPriority, TransactionValidity},
};

const TAO: u64 = 1_000_000_000;

fn validity(extrinsic: UncheckedExtrinsic) -> TransactionValidity {
    let length = extrinsic.encoded_size();
    let info = extrinsic.get_dispatch_info();
    let checked = Checkable::check(extrinsic, &frame_system::ChainContext::<Runtime>::default())?;
    checked.validate::<Runtime>(TransactionSource::External, &info, length)
}

fn priority(uri: &str, call: impl Into<RuntimeCall>, tip: Balance) -> TransactionPriority {
    validity(signed(uri, call.into(), tip)).unwrap().priority
}

fn priority_ahead(uri: &str, call: impl Into<RuntimeCall>, ahead: Nonce) -> TransactionPriority {
    let nonce = System::account_nonce(account(uri)) + ahead;
    validity(signed_at(uri, call.into(), 0, nonce)).unwrap().priority
}

fn transfer() -> pallet_balances::Call<Runtime> {
    pallet_balances::Call::transfer_keep_alive { dest: account("//Bob").into(), value: TAO }
}

fn remark(size: usize) -> frame_system::Call<Runtime> {
    frame_system::Call::remark { remark: vec![0; size] }
}

fn fund(uri: &str) {
    let dest = account(uri).into();
    done("//Bob", pallet_balances::Call::<Runtime>::transfer_keep_alive { dest, value: 10 * TAO });
}

fn stake(uri: &str, hotkey: &str, netuid: NetUid, amount: u64) {
    let hotkey = account(hotkey);
    done(uri, Subtensor::add_stake { hotkey, netuid, amount_staked: Tao::new(amount) });
}

#[test]
fn ordinary_calls_are_equal_whatever_they_weigh_or_tip() {
    with_preset(genesis::LOCAL, || {
        let calls: [RuntimeCall; 3] = [transfer().into(), remark(0).into(), remark(50_000).into()];
        for call in calls {
            for tip in [0, 1, 1_000 * TAO] {
                assert_eq!(priority("//Alice", call.clone(), tip), ORDINARY);
            }
        }
        // So nobody is ahead of a registration that it has seen in the pool.
        let early = Subtensor::try_associate_hotkey { hotkey: account("//victim//hot") };
        assert_eq!(priority("//Bob", early, 1_000 * TAO), ORDINARY);
    });
}

#[test]
fn the_sudo_key_comes_before_everything_and_nobody_else_does_so_by_sudo() {
    with_preset(genesis::LOCAL, || {
        let sudo = || pallet_sudo::Call::<Runtime>::sudo { call: Box::new(remark(0).into()) };
        assert_eq!(priority("//Alice", sudo(), 0), OPERATIONAL);
        assert_eq!(priority("//Bob", sudo(), 0), ORDINARY);
    });
}

#[test]
fn a_neurons_work_comes_before_ordinary_calls_by_the_stake_behind_it() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        let bare = priority("//worker", weigh_oneself(), 0);
        assert_eq!(bare, WORK + ORDINARY);
        stake("//Bob", "//worker", NETUID, 100 * TAO);
        let staked = priority("//worker", weigh_oneself(), 0);
        assert!(staked > bare);
        // A hundred TAO in steps of a hundredth, at the price to which they have lifted the alpha.
        assert!((bare + 10_000..=bare + 12_000).contains(&staked), "{}", staked - bare);
        assert_eq!(priority("//worker", serve(8091), 0), staked, "all of its work alike");
        stake("//Bob", "//worker", NetUid::ROOT, 1_000 * TAO);
        let rooted = priority("//worker", weigh_oneself(), 0);
        assert_eq!(rooted, staked + 100_000, "TAO on root counts as it is");
        assert!(rooted < OPERATIONAL);
        done(
            "//Alice",
            Subtensor::add_stake {
                hotkey: account("//Alice//hot"),
                netuid: NetUid::ROOT,
                amount_staked: Tao::new(900_000 * TAO),
            },
        );
        assert!(priority("//Alice//hot", serve(1), 0) > rooted);
        assert!(priority("//Alice//hot", serve(1), 0) < OPERATIONAL);
    });
}

#[test]
fn every_call_of_a_neurons_work_is_lifted_and_no_other_call_of_its() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        stake("//Bob", "//worker", NETUID, 10 * TAO);
        fund("//worker");
        let commitment = pallet_commitments::Call::<Runtime>::set_commitment {
            netuid: NETUID,
            info: Box::default(),
        };
        let reveal = Subtensor::reveal_weights {
            netuid: NETUID,
            uids: vec![1],
            values: vec![1],
            salt: vec![1],
            version_key: 0,
        };
        let work: [RuntimeCall; 4] =
            [weigh_oneself().into(), serve(8091).into(), commitment.into(), reveal.into()];
        for call in work {
            assert!(priority("//worker", call.clone(), 0) > WORK, "{call:?}");
        }
        assert_eq!(priority("//worker", remark(0), 0), ORDINARY);
        let batch = pallet_utility::Call::<Runtime>::batch { calls: vec![serve(1).into()] };
        assert_eq!(priority("//worker", batch, 0), ORDINARY, "what it wraps was not looked at");
    });
}

#[test]
fn what_is_known_to_fail_only_at_its_price_is_not_lifted() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        stake("//Bob", "//worker", NETUID, 10 * TAO);
        // Well formed, and of whatever key.
        let signature = sp_core::ecdsa::Signature::from_raw([1; 65]);
        let (evm_key, block_number) = (Default::default(), 1);
        let call =
            Subtensor::associate_evm_key { netuid: NETUID, evm_key, block_number, signature };
        assert_eq!(priority("//worker", call.clone(), 0), ORDINARY);
        let bob = free("//Bob");
        assert!(apply("//worker", call, 0).unwrap().is_err());
        assert!(free("//Bob") < bob, "the hotkey's owner pays, as for all of its work");
    });
}

#[test]
fn only_the_next_few_of_one_key_are_lifted() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        for ahead in 0..2 * WORK_AT_ONCE {
            let lifted = priority_ahead("//worker", weigh_oneself(), ahead) > WORK;
            assert_eq!(lifted, ahead < WORK_AT_ONCE, "{ahead}");
        }
    });
}

#[test]
fn a_key_that_is_not_registered_lifts_nothing() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        done("//Charlie", Subtensor::try_associate_hotkey { hotkey: account("//idle") });
        stake("//Charlie", "//idle", NETUID, 100 * TAO);
        fund("//idle");
        let commitment = pallet_commitments::Call::<Runtime>::set_commitment {
            netuid: NETUID,
            info: Box::default(),
        };
        assert_eq!(priority("//idle", commitment, 0), ORDINARY);
    });
}

#[test]
fn clients_see_the_extensions_they_know() {
    use sp_runtime::traits::TransactionExtension;
    let names: Vec<&str> = <TxExtension as TransactionExtension<RuntimeCall>>::metadata()
        .iter()
        .map(|extension| extension.identifier)
        .collect();
    assert_eq!(&names[5..8], ["CheckNonce", "CheckWeight", "ChargeTransactionPayment"]);
    use scale_info::{meta_type, MetaType};
    assert_eq!(
        meta_type::<Ranked<frame_system::CheckNonce<Runtime>>>(),
        MetaType::new::<frame_system::CheckNonce<Runtime>>()
    );
}

#[test]
fn a_question_names_only_so_many() {
    use assay_runtime_api::{Named, NAMED_MAX};
    use codec::{Compact, Decode};
    let accounts: Vec<AccountId> = (0..=NAMED_MAX).map(|n| AccountId::new([n as u8; 32])).collect();
    assert!(Named::<AccountId>::decode(&mut &accounts.encode()[..]).is_err());
    assert!(Named::<AccountId>::decode(&mut &accounts[1..].encode()[..]).is_ok());
    assert!(Named::<AccountId>::decode(&mut &Compact(140_000u32).encode()[..]).is_err());
}
