//! Accounts that end in the extrinsic that they pay for: nothing of them stays, and what they paid
//! too much is not lost.

use super::*;
use sp_runtime::traits::{BlakeTwo256, Hash};

const TAO: Balance = 1_000_000_000;

fn fund(uri: &str, value: Balance) {
    let dest = account(uri).into();
    done("//Alice", pallet_balances::Call::<Runtime>::transfer_keep_alive { dest, value });
}

#[test]
fn an_account_that_gives_all_away_is_gone() {
    with_preset(genesis::LOCAL, || {
        fund("//leaver", TAO);
        let there = || frame_system::Account::<Runtime>::contains_key(account("//leaver"));
        assert!(there());
        let all = |keep_alive| pallet_balances::Call::<Runtime>::transfer_all {
            dest: account("//Bob").into(),
            keep_alive,
        };
        done("//leaver", all(true));
        assert!(there());
        fund("//leaver", TAO);
        done("//leaver", all(false));
        assert!(!there());
    });
}

#[test]
fn what_a_swapped_coldkey_paid_too_much_is_its_successors() {
    with_preset(genesis::LOCAL, || {
        fund("//leaver", TAO);
        let (new, issued) = (account("//successor"), Balances::total_issuance());
        let announced = (System::block_number(), BlakeTwo256::hash_of(&new));
        let leaver = account("//leaver");
        pallet_subtensor::ColdkeySwapAnnouncements::<Runtime>::insert(&leaver, announced);
        System::reset_events();
        let call = RuntimeCall::from(Subtensor::swap_coldkey_announced { new_coldkey: new });
        let most = TransactionPayment::query_call_info(call.clone(), 0).partial_fee;
        done("//leaver", call);
        let fees = System::events().into_iter().filter_map(|record| match record.event {
            RuntimeEvent::TransactionPayment(
                pallet_transaction_payment::Event::TransactionFeePaid { actual_fee, .. },
            ) => Some(actual_fee),
            _ => None,
        });
        let paid: Balance = fees.sum();
        assert!(0 < paid && paid < most / 4, "{paid} of {most}");
        assert_eq!(free("//successor"), TAO - paid, "all but the fee");
        assert!(!frame_system::Account::<Runtime>::contains_key(leaver));
        // The blocks of these tests have no author, so the fee is burned.
        assert_eq!(Balances::total_issuance(), issued - paid);
    });
}

#[test]
fn who_swaps_in_vain_gets_back_itself_what_it_paid_too_much() {
    with_preset(genesis::LOCAL, || {
        fund("//leaver", TAO);
        let announced = (System::block_number() + 9, BlakeTwo256::hash_of(&account("//Bob")));
        let leaver = account("//leaver");
        pallet_subtensor::ColdkeySwapAnnouncements::<Runtime>::insert(&leaver, announced);
        let bob = free("//Bob");
        let call = Subtensor::swap_coldkey_announced { new_coldkey: account("//Bob") };
        assert!(apply("//leaver", call, 0).unwrap().is_err(), "it is too early");
        assert_eq!(free("//Bob"), bob);
        assert!(free("//leaver") > TAO - TAO / 100, "{}", free("//leaver"));
    });
}
