//! Keys as operators use them: proxies, several signatures, batches, safe mode, what waits.

use super::*;
use crate::proxies::ProxyType;
use frame_support::weights::Weight;
use sp_io::hashing::blake2_256;

type Proxies = pallet_proxy::Call<Runtime>;
type Multi = pallet_multisig::Call<Runtime>;
type Batch = pallet_utility::Call<Runtime>;
type Transfers = pallet_balances::Call<Runtime>;

const TAO: Balance = 1_000_000_000;

fn transfer(to: &str, value: Balance) -> RuntimeCall {
    Transfers::transfer_keep_alive { dest: account(to).into(), value }.into()
}

fn boxed(call: impl Into<RuntimeCall>) -> alloc::boxed::Box<RuntimeCall> {
    alloc::boxed::Box::new(call.into())
}

fn as_proxy(real: &str, call: impl Into<RuntimeCall>) -> Proxies {
    Proxies::proxy { real: account(real).into(), force_proxy_type: None, call: boxed(call) }
}

fn add(delegate: &str, proxy_type: ProxyType, delay: BlockNumber) -> Proxies {
    Proxies::add_proxy { delegate: account(delegate).into(), proxy_type, delay }
}

fn named(pallet: &str, error: &str) -> DispatchError {
    let all = [
        ("Proxy", "NotProxy", 2),
        ("Proxy", "NoPermission", 5),
        ("Proxy", "Unannounced", 6),
        ("System", "CallFiltered", 5),
    ];
    let (_, _, index) =
        all.iter().find(|(p, e, _)| (*p, *e) == (pallet, error)).expect("is in the list");
    let pallet = if pallet == "System" { 0 } else { 16 };
    DispatchError::Module(sp_runtime::ModuleError {
        index: pallet,
        error: [*index, 0, 0, 0],
        message: None,
    })
}

/// How the latest proxied call ended.
fn proxied() -> Result<(), DispatchError> {
    let mut results = System::events().into_iter().filter_map(|record| match record.event {
        RuntimeEvent::Proxy(pallet_proxy::Event::ProxyExecuted { result }) => Some(result),
        _ => None,
    });
    strip(results.next_back().expect("a proxied call ran"))
}

/// Messages are not part of what is encoded.
fn strip(result: Result<(), DispatchError>) -> Result<(), DispatchError> {
    result.map_err(|error| match error {
        DispatchError::Module(module) => {
            DispatchError::Module(sp_runtime::ModuleError { message: None, ..module })
        }
        other => other,
    })
}

fn failing(uri: &str, call: impl Into<RuntimeCall>) -> DispatchError {
    strip(apply(uri, call, 0).unwrap()).unwrap_err()
}

fn reserved(uri: &str) -> Balance {
    Balances::reserved_balance(account(uri))
}

/// All that was paid in fees. These blocks have no author, so they are burned.
fn fees() -> Balance {
    System::events()
        .into_iter()
        .map(|record| match record.event {
            RuntimeEvent::TransactionPayment(
                pallet_transaction_payment::Event::TransactionFeePaid { actual_fee, .. },
            ) => actual_fee,
            _ => 0,
        })
        .sum()
}

/// Runs in a chain of the `local` preset and holds the money to what it was, less fees: nothing
/// here makes or takes TAO.
fn conserving(test: impl FnOnce()) {
    with_preset(genesis::LOCAL, || {
        let before = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), before - fees());
        SubtensorModule::on_finalize(System::block_number());
        SubtensorModule::do_try_state().unwrap();
    });
}

#[test]
fn a_proxy_does_what_its_type_allows_and_its_deposit_comes_back() {
    conserving(|| {
        done("//Alice", add("//Bob", ProxyType::Transfer, 0));
        // 0.02 TAO an item, 0.001 a byte: 40 bytes and 33 for the proxy.
        assert_eq!(reserved("//Alice"), 93_000_000);
        let (before, dave) = (free("//Alice"), free("//Dave"));
        done("//Bob", as_proxy("//Alice", transfer("//Dave", TAO)));
        assert_eq!(proxied(), Ok(()));
        assert_eq!((free("//Alice"), free("//Dave")), (before - TAO, dave + TAO));

        let stake = Subtensor::try_associate_hotkey { hotkey: account("//hot") };
        done("//Bob", as_proxy("//Alice", stake));
        assert_eq!(proxied(), Err(named("System", "CallFiltered")));
        assert_eq!(
            failing("//Charlie", as_proxy("//Alice", transfer("//Dave", TAO))),
            named("Proxy", "NotProxy")
        );
        done("//Alice", add("//Charlie", ProxyType::Staking, 0));
        assert_eq!(reserved("//Alice"), 126_000_000);
        done("//Alice", Proxies::remove_proxies {});
        assert_eq!(reserved("//Alice"), 0);
    });
}

#[test]
fn nothing_that_wraps_a_call_gets_past_the_type() {
    conserving(|| {
        done("//Alice", add("//Bob", ProxyType::NonTransfer, 0));
        let (alice, dave) = (free("//Alice"), free("//Dave"));
        let wrapped: Vec<RuntimeCall> = vec![
            Batch::batch_all { calls: vec![transfer("//Dave", TAO)] }.into(),
            Batch::as_derivative { index: 0, call: boxed(transfer("//Dave", TAO)) }.into(),
            Batch::if_else {
                main: boxed(transfer("//Dave", TAO)),
                fallback: boxed(transfer("//Dave", TAO)),
            }
            .into(),
        ];
        for call in wrapped {
            done("//Bob", as_proxy("//Alice", call));
            assert_eq!(proxied(), Err(named("System", "CallFiltered")));
        }
        // These succeed by themselves and say in an event that what they wrapped did not.
        done("//Bob", as_proxy("//Alice", Batch::batch { calls: vec![transfer("//Dave", TAO)] }));
        done(
            "//Bob",
            as_proxy("//Alice", Batch::force_batch { calls: vec![transfer("//Dave", TAO)] }),
        );
        assert_eq!((free("//Alice"), free("//Dave")), (alice, dave));

        // Nor does it make itself a mightier one.
        for mightier in [ProxyType::Any, ProxyType::Transfer, ProxyType::NonCritical] {
            done("//Bob", as_proxy("//Alice", add("//Charlie", mightier, 0)));
            assert_eq!(proxied(), Err(named("System", "CallFiltered")), "{mightier:?}");
        }
        done("//Bob", as_proxy("//Alice", add("//Charlie", ProxyType::Staking, 0)));
        assert_eq!(proxied(), Ok(()));
    });
}

#[test]
fn a_proxy_with_a_delay_announces_first_and_may_be_stopped() {
    conserving(|| {
        done("//Alice", add("//Bob", ProxyType::Any, 5));
        let call = transfer("//Dave", TAO);
        assert_eq!(
            failing("//Bob", as_proxy("//Alice", call.clone())),
            named("Proxy", "Unannounced")
        );
        let call_hash = sp_core::H256(blake2_256(&call.encode()));
        let announce = Proxies::announce { real: account("//Alice").into(), call_hash };
        let announced = Proxies::proxy_announced {
            delegate: account("//Bob").into(),
            real: account("//Alice").into(),
            force_proxy_type: None,
            call: boxed(call),
        };
        done("//Bob", announce.clone());
        assert_eq!(reserved("//Bob"), 104_000_000);
        assert_eq!(failing("//Bob", announced.clone()), named("Proxy", "Unannounced"));
        System::set_block_number(6);
        let dave = free("//Dave");
        // Anybody may do what was announced, once it is due.
        done("//Charlie", announced.clone());
        assert_eq!(proxied(), Ok(()));
        assert_eq!((free("//Dave"), reserved("//Bob")), (dave + TAO, 0));

        done("//Bob", announce);
        done(
            "//Alice",
            Proxies::reject_announcement { delegate: account("//Bob").into(), call_hash },
        );
        System::set_block_number(20);
        assert_eq!(failing("//Bob", announced), named("Proxy", "Unannounced"));
    });
}

#[test]
fn a_pure_account_is_its_spawners_alone() {
    conserving(|| {
        System::set_extrinsic_index(0);
        done("//Alice", Proxies::create_pure { proxy_type: ProxyType::Any, delay: 0, index: 0 });
        let pure = System::events()
            .into_iter()
            .find_map(|record| match record.event {
                RuntimeEvent::Proxy(pallet_proxy::Event::PureCreated { pure, .. }) => Some(pure),
                _ => None,
            })
            .unwrap();
        done("//Bob", Transfers::transfer_keep_alive { dest: pure.clone().into(), value: 2 * TAO });
        let spend = |call: RuntimeCall| Proxies::proxy {
            real: pure.clone().into(),
            force_proxy_type: None,
            call: boxed(call),
        };
        assert_eq!(failing("//Bob", spend(transfer("//Bob", TAO))), named("Proxy", "NotProxy"));
        done("//Alice", spend(transfer("//Dave", TAO)));
        assert_eq!(proxied(), Ok(()));
        let kill = |spawner: &str| Proxies::kill_pure {
            spawner: account(spawner).into(),
            proxy_type: ProxyType::Any,
            index: 0,
            height: 1,
            ext_index: 0,
        };
        assert_eq!(failing("//Alice", kill("//Alice")), named("Proxy", "NoPermission"));
        done("//Alice", spend(kill("//Alice").into()));
        assert_eq!(proxied(), Ok(()));
        assert_eq!(failing("//Alice", spend(transfer("//Dave", 1))), named("Proxy", "NotProxy"));
        assert_eq!(reserved("//Alice"), 0);
    });
}

#[test]
fn two_of_three_sign_for_one_account() {
    conserving(|| {
        let mut members = [account("//Alice"), account("//Bob"), account("//Charlie")];
        members.sort();
        let shared = pallet_multisig::Pallet::<Runtime>::multi_account_id(&members, 2);
        done(
            "//Dave",
            Transfers::transfer_keep_alive { dest: shared.clone().into(), value: 5 * TAO },
        );
        let others = |me: &str| -> Vec<AccountId> {
            members.iter().filter(|member| **member != account(me)).cloned().collect()
        };
        let call = transfer("//Eve", TAO);
        let max_weight = Weight::from_parts(10_000_000_000, 100_000);
        done(
            "//Alice",
            Multi::approve_as_multi {
                threshold: 2,
                other_signatories: others("//Alice"),
                maybe_timepoint: None,
                call_hash: blake2_256(&call.encode()),
                max_weight,
            },
        );
        // One item of 112 bytes, and 32 for each signature that is asked for.
        assert_eq!(reserved("//Alice"), 20_000_000 + 112_000_000 + 2 * 32_000_000);
        let timepoint = pallet_multisig::Pallet::<Runtime>::timepoint();
        let eve = free("//Eve");
        done(
            "//Bob",
            Multi::as_multi {
                threshold: 2,
                other_signatories: others("//Bob"),
                maybe_timepoint: Some(timepoint),
                call: boxed(call),
                max_weight,
            },
        );
        assert_eq!((free("//Eve"), reserved("//Alice")), (eve + TAO, 0));
        assert_eq!(Balances::free_balance(&shared), 4 * TAO);
    });
}

#[test]
fn a_batch_holds_no_batch() {
    conserving(|| {
        let inner: RuntimeCall = Batch::batch { calls: vec![transfer("//Dave", 1)] }.into();
        for outer in [
            Batch::batch { calls: vec![inner.clone()] },
            Batch::batch_all { calls: vec![transfer("//Dave", 1), inner.clone()] },
            Batch::force_batch { calls: vec![inner.clone()] },
        ] {
            assert_eq!(failing("//Alice", outer), named("System", "CallFiltered"));
        }
        done("//Alice", Batch::if_else { main: boxed(inner.clone()), fallback: boxed(inner) });
    });
}

#[test]
fn a_call_as_a_derivative_moves_that_ones_money() {
    conserving(|| {
        let derived = pallet_utility::derivative_account_id::<AccountId>(account("//Alice"), 3);
        done(
            "//Bob",
            Transfers::transfer_keep_alive { dest: derived.clone().into(), value: 2 * TAO },
        );
        let eve = free("//Eve");
        done("//Alice", Batch::as_derivative { index: 3, call: boxed(transfer("//Eve", TAO)) });
        assert_eq!((free("//Eve"), Balances::free_balance(&derived)), (eve + TAO, TAO));
    });
}

#[test]
fn in_safe_mode_weights_go_on_and_money_waits() {
    conserving(|| {
        let sudo =
            |call: pallet_safe_mode::Call<Runtime>| pallet_sudo::Call::sudo { call: boxed(call) };
        done("//Alice", sudo(pallet_safe_mode::Call::force_enter {}));
        assert_eq!(pallet_safe_mode::EnteredUntil::<Runtime>::get(), Some(7_201));
        assert_eq!(failing("//Bob", transfer("//Dave", 1)), named("System", "CallFiltered"));
        assert_eq!(
            failing("//Bob", Batch::batch { calls: vec![] }),
            named("System", "CallFiltered")
        );
        done("//Bob", frame_system::Call::remark { remark: vec![] });
        assert!(RuntimeOrigin::signed(account("//Bob")).caller_may(&Subtensor::set_weights {
            netuid: NETUID,
            dests: vec![],
            weights: vec![],
            version_key: 0,
        }));
        done("//Alice", sudo(pallet_safe_mode::Call::force_exit {}));
        done("//Bob", transfer("//Dave", 1));
        assert!(apply("//Bob", pallet_safe_mode::Call::enter {}, 0).unwrap().is_err());
    });
}

/// Whether the chain's filter lets a call through.
trait CallerMay {
    fn caller_may(&self, call: &Subtensor) -> bool;
}

impl CallerMay for RuntimeOrigin {
    fn caller_may(&self, call: &Subtensor) -> bool {
        use frame_support::traits::OriginTrait;
        self.filter_call(&call.clone().into())
    }
}

#[test]
fn root_schedules_and_whoever_notes_a_preimage_has_a_deposit_held() {
    conserving(|| {
        let (alice, dave) = (free("//Alice"), free("//Dave"));
        let bytes = vec![7u8; 100];
        done("//Bob", pallet_preimage::Call::note_preimage { bytes: bytes.clone() });
        use frame_support::traits::fungible::InspectHold;
        let held = || Balances::total_balance_on_hold(&account("//Bob"));
        // Two items and 164 bytes.
        assert_eq!(held(), 2 * 20_000_000 + 164_000_000);
        let hash = sp_core::H256(blake2_256(&bytes));
        done("//Bob", pallet_preimage::Call::unnote_preimage { hash });
        assert_eq!(held(), 0);

        let call = Transfers::force_transfer {
            source: account("//Alice").into(),
            dest: account("//Dave").into(),
            value: TAO,
        };
        let schedule = pallet_scheduler::Call::schedule {
            when: 3,
            maybe_periodic: None,
            priority: 0,
            call: boxed(call),
        };
        assert_eq!(failing("//Bob", schedule.clone()), DispatchError::BadOrigin);
        done("//Alice", pallet_sudo::Call::sudo { call: boxed(schedule) });
        for block in 2..=3 {
            System::set_block_number(block);
            Scheduler::on_initialize(block);
        }
        assert!(free("//Dave") == dave + TAO && free("//Alice") < alice - TAO + 1);
    });
}
