//! The runtime as a host drives it: genesis by preset, blocks, signed extrinsics, who pays.

// A test is there to panic.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod answers;
mod beacon;
mod dissolve;
mod endings;
mod fuzz;
mod keys;
mod priority;
mod proof_of_work;
mod slots;
mod swaps;

use crate::{config::*, genesis, *};
use codec::Encode;
use frame_support::{
    dispatch::GetDispatchInfo,
    genesis_builder_helper::{build_state, get_preset},
    traits::{Get, Hooks},
};
use pallet_subtensor::{MechId, NetUid, Tao};
use sp_core::{crypto::Pair, sr25519};
use sp_runtime::{
    generic::Era,
    traits::Applyable,
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
    DispatchError,
};

const NETUID: NetUid = NetUid::new(1);

fn key(uri: &str) -> sr25519::Pair {
    sr25519::Pair::from_string(uri, None).unwrap()
}

fn account(uri: &str) -> AccountId {
    AccountId::new(key(uri).public().0)
}

/// Merges a preset over the default genesis, as a host does, and runs in the state it builds.
fn with_preset(name: &str, test: impl FnOnce()) {
    sp_io::TestExternalities::new_empty().execute_with(|| {
        let read = |id: Option<&str>| {
            let bytes = get_preset::<RuntimeGenesisConfig>(&id.map(Into::into), genesis::preset);
            serde_json::from_slice::<serde_json::Value>(&bytes.unwrap()).unwrap()
        };
        let mut config = read(None);
        merge(&mut config, read(Some(name)));
        build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes()).unwrap();
        System::set_block_number(1);
        SubtensorModule::on_initialize(1);
        test();
    });
}

fn merge(base: &mut serde_json::Value, patch: serde_json::Value) {
    match (base, patch) {
        (serde_json::Value::Object(base), serde_json::Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (base, patch) => *base = patch,
    }
}

/// A signed extrinsic of `uri` with its present nonce.
fn signed(uri: &str, call: RuntimeCall, tip: Balance) -> UncheckedExtrinsic {
    signed_at(uri, call, tip, System::account_nonce(account(uri)))
}

fn signed_at(uri: &str, call: RuntimeCall, tip: Balance, nonce: Nonce) -> UncheckedExtrinsic {
    let who = account(uri);
    let extension: TxExtension = (
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckMortality::from(Era::Immortal).into(),
        frame_system::CheckNonce::from(nonce).into(),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(tip).into(),
        pallet_mev_shield::CheckShieldedTxValidity::default(),
        pallet_subtensor::SubtensorTransactionExtension::default(),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
    );
    let payload = generic::SignedPayload::new(call.clone(), extension.clone()).unwrap();
    let signature = payload.using_encoded(|bytes| key(uri).sign(bytes));
    UncheckedExtrinsic::new_signed(call, who.into(), signature.into(), extension)
}

/// Applies it: refused before it runs, failed while it ran, or done.
fn apply(
    uri: &str,
    call: impl Into<RuntimeCall>,
    tip: Balance,
) -> Result<Result<(), DispatchError>, TransactionValidityError> {
    let call = call.into();
    let info = call.get_dispatch_info();
    let extrinsic = signed(uri, call, tip);
    let length = extrinsic.encoded_size();
    let checked = sp_runtime::traits::Checkable::check(
        extrinsic,
        &frame_system::ChainContext::<Runtime>::default(),
    )?;
    let info =
        frame_support::dispatch::DispatchInfo { extension_weight: info.extension_weight, ..info };
    checked.validate::<Runtime>(TransactionSource::External, &info, length)?;
    let outcome = checked.apply::<Runtime>(&info, length)?;
    Ok(outcome.map(|_| ()).map_err(|failed| failed.error))
}

fn done(uri: &str, call: impl Into<RuntimeCall>) {
    apply(uri, call, 0).unwrap().unwrap();
}

fn free(uri: &str) -> Balance {
    Balances::free_balance(account(uri))
}

type Subtensor = pallet_subtensor::Call<Runtime>;

/// Alice's subnet with Bob's hotkey `//worker` on it, which has no TAO.
fn employ_worker() {
    done("//Alice", Subtensor::register_network { hotkey: account("//Alice//hot") });
    done("//Alice", Subtensor::start_call { netuid: NETUID });
    done("//Bob", Subtensor::burned_register { netuid: NETUID, hotkey: account("//worker") });
    assert_eq!(free("//worker"), 0);
}

fn serve(port: u16) -> Subtensor {
    Subtensor::serve_axon {
        netuid: NETUID,
        version: 1,
        ip: 0x7f00_0001,
        port,
        ip_type: 4,
        protocol: 0,
        placeholder1: 0,
        placeholder2: 0,
    }
}

fn weigh_oneself() -> Subtensor {
    Subtensor::set_mechanism_weights {
        netuid: NETUID,
        mecid: Default::default(),
        dests: vec![1],
        weights: vec![1],
        version_key: 0,
    }
}

#[test]
fn presets_set_the_time_of_blocks() {
    let presets =
        [(genesis::LOCAL, 250), (genesis::UPSTREAM, 12_000), (genesis::FAST_LOCALNET, 250)];
    for (name, slot) in presets {
        with_preset(name, || {
            assert_eq!(SlotDuration::get(), slot);
            assert_eq!(MinimumPeriod::get(), slot / 2);
            assert_eq!(
                pallet_subtensor::TotalIssuance::<Runtime>::get(),
                SubtensorModule::tao_held().unwrap()
            );
            assert_eq!(free("//Alice"), 1_000_000_000_000_000);
            assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(account("//Alice")));
        });
    }
    assert!(genesis::preset(&"unheard-of".into()).is_none());
}

#[test]
fn the_fast_localnet_begins_as_the_public_one() {
    use pallet_subtensor::*;
    with_preset(genesis::FAST_LOCALNET, || {
        assert_eq!(SubnetOwner::<Runtime>::get(NetUid::ROOT), account("//Alice"));
        assert_eq!(SubnetOwnerHotkey::<Runtime>::get(NetUid::ROOT), account("//Alice_hk"));
        assert_eq!(SubtensorModule::subnets(), [NETUID]);
        let nobody = AccountId::new([0; 32]);
        assert_eq!(SubnetOwner::<Runtime>::get(NETUID), nobody);
        assert_eq!(Keys::<Runtime>::get(NETUID, 0), nobody);
        assert_eq!(Tempo::<Runtime>::get(NETUID), 100);
        assert!(SubtokenEnabled::<Runtime>::get(NETUID));
        assert_eq!(FirstEmissionBlockNumber::<Runtime>::get(NETUID), Some(1));
        assert_eq!(TokenSymbol::<Runtime>::get(NETUID), "α".as_bytes());
    });
}

#[test]
fn types_have_the_same_numbers_in_metadata_14_and_15() {
    use sp_metadata_ir::frame_metadata::RuntimeMetadata;
    with_preset(genesis::LOCAL, || {
        let RuntimeMetadata::V14(old) = metadata::v14(Runtime::metadata()).1 else {
            panic!("metadata() is V14")
        };
        let RuntimeMetadata::V15(new) = metadata::v15(Runtime::metadata_ir()).1 else {
            panic!("v15 is V15")
        };
        // Clients of the 9.x and 10.x lines take this number for granted.
        let first = &new.types.types.first().unwrap().ty;
        assert_eq!(first.path.segments, ["sp_core", "crypto", "AccountId32"]);
        // What pallets use comes before what only the extrinsic of V14 uses; no client looks for the
        // rest by V14's numbers. (Not `assert_eq`: all of it would be printed.)
        let is_extrinsic = |ty: &scale_info::PortableType| {
            ty.ty.path.segments.last().is_some_and(|name| name == "UncheckedExtrinsic")
        };
        let shared = old.types.types.iter().position(is_extrinsic).unwrap();
        assert!(new.types.types.get(..shared) == old.types.types.get(..shared));
        for (new, old) in new.pallets.iter().zip(&old.pallets) {
            assert!((&new.calls, &new.storage) == (&old.calls, &old.storage), "{}", old.name);
            assert!((&new.event, &new.error) == (&old.event, &old.error), "{}", old.name);
        }
    });
}

#[test]
fn clients_are_told_numbers_as_numbers() {
    use scale_info::{TypeDef, TypeDefPrimitive};
    use sp_metadata_ir::frame_metadata::RuntimeMetadata;
    with_preset(genesis::LOCAL, || {
        let RuntimeMetadata::V14(wrapped) = Runtime::metadata().1 else { panic!("V14") };
        let RuntimeMetadata::V14(told) = metadata::v14(Runtime::metadata()).1 else {
            panic!("V14")
        };
        let mut seen = Vec::new();
        for (wrapped, told) in wrapped.types.types.iter().zip(&told.types.types) {
            if wrapped == told {
                continue;
            }
            let name = wrapped.ty.path.segments.last().unwrap().to_string();
            let TypeDef::Primitive(number) = &told.ty.type_def else { panic!("{name}") };
            seen.push((name, number.clone()));
        }
        seen.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("Alpha", TypeDefPrimitive::U64),
            ("MechId", TypeDefPrimitive::U8),
            ("NetUid", TypeDefPrimitive::U16),
            ("NetUidStorageIndex", TypeDefPrimitive::U16),
            ("PerU16", TypeDefPrimitive::U16),
            ("Tao", TypeDefPrimitive::U64),
        ];
        assert_eq!(seen, expected.map(|(name, number)| (name.to_string(), number)));
    });
}

#[test]
fn a_local_subnet_is_fast_and_open_and_an_upstream_one_as_the_public_chain_has_it() {
    use pallet_subtensor::*;
    let founded = |name: &str| {
        let mut seen = None;
        with_preset(name, || {
            done("//Alice", Subtensor::register_network { hotkey: account("//Alice//hot") });
            let netuid = SubtensorModule::subnets().pop().unwrap();
            let chain = (
                NetworkRateLimit::<Runtime>::get(),
                StartCallDelay::<Runtime>::get(),
                AdminFreezeWindow::<Runtime>::get(),
                TxChildkeyTakeRateLimit::<Runtime>::get(),
                LoopbackAxonsAllowed::<Runtime>::get(),
                PendingChildKeyCooldown::<Runtime>::get(),
                SetChildrenRateLimit::<Runtime>::get(),
            );
            let subnet = (
                Tempo::<Runtime>::get(netuid),
                WeightsSetRateLimit::<Runtime>::get(netuid),
                ActivityCutoffFactorMilli::<Runtime>::get(netuid),
                ServingRateLimit::<Runtime>::get(netuid),
                MaxRegistrationsPerBlock::<Runtime>::get(netuid),
                CommitRevealWeightsEnabled::<Runtime>::get(netuid),
                SubnetEmissionEnabled::<Runtime>::get(netuid),
            );
            let key = pallet_mev_shield::NextKey::<Runtime>::get();
            assert_eq!(key, None, "the host announces one, where it can open what is sealed to it");
            seen = Some((chain, subnet));
        });
        seen.unwrap()
    };
    let local = ((0, 0, 0, 0, true, 15, 15), (20, 0, 5_000, 0, 8, false, true));
    assert_eq!(founded(genesis::LOCAL), local);
    let upstream =
        ((7_200, 0, 10, 216_000, false, 7_200, 150), (360, 100, 13_889, 50, 1, true, false));
    assert_eq!(founded(genesis::UPSTREAM), upstream);
    // As the public source has it for fast blocks, built with the faucet as its local node is: then
    // subnets are made as often as one likes. The public image for local tests shortens the wait
    // between two lists of children (`scripts/localnet_patch.sh` there), which the source does not.
    let fast = ((0, 0, 10, 5, false, 15, 15), (10, 100, 13_889, 50, 1, true, false));
    assert_eq!(founded(genesis::FAST_LOCALNET), fast);
}

#[test]
fn an_owner_sets_a_hyperparameter_at_any_time_on_local_and_not_before_an_epoch_upstream() {
    for (name, tempo, refused) in [(genesis::LOCAL, 20, false), (genesis::UPSTREAM, 360, true)] {
        with_preset(name, || {
            done("//Alice", Subtensor::register_network { hotkey: account("//Alice//hot") });
            System::set_block_number(tempo); // the epoch is due in the next block
            let set = || pallet_admin_utils::Call::<Runtime>::sudo_set_bonds_penalty {
                netuid: NETUID,
                bonds_penalty: 7,
            };
            let expected =
                pallet_subtensor::Error::<Runtime>::AdminActionProhibitedDuringWeightsWindow;
            let expected = if refused { Err(expected.into()) } else { Ok(()) };
            assert_eq!(apply("//Alice", set(), 0), Ok(expected));
        });
    }
}

#[test]
fn a_transfer_costs_little_and_a_block_holds_thousands() {
    with_preset(genesis::LOCAL, || {
        let transfer = || pallet_balances::Call::<Runtime>::transfer_keep_alive {
            dest: account("//Bob").into(),
            value: 1_000,
        };
        let before = free("//Alice");
        done("//Alice", transfer());
        let fee = before - free("//Alice") - 1_000;
        assert!((100_000..500_000).contains(&fee), "about 0.0002 TAO: {fee}");

        let limits = RuntimeBlockWeights::get();
        let class = limits.get(frame_support::dispatch::DispatchClass::Normal);
        let room = |call: RuntimeCall| {
            let info = signed("//Alice", call, 0).get_dispatch_info();
            let each = info.total_weight().saturating_add(class.base_extrinsic).ref_time();
            class.max_total.unwrap().ref_time() / each
        };
        // 2,000 a second are 500 in a slot of 250 ms; a subnet has 256 neurons at most.
        assert!(room(transfer().into()) > 2_000);
        let dests: Vec<u16> = (0..256).collect();
        let weights = dests.clone();
        let row = Subtensor::set_weights { netuid: NETUID, dests, weights, version_key: 0 };
        assert!(room(row.into()) > 1_000);
    });
}

#[test]
fn a_hotkey_without_tao_serves_and_weighs_at_its_owners_cost() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        let before = free("//Bob");
        done("//worker", serve(8091));
        done("//worker", weigh_oneself());
        assert_eq!(free("//worker"), 0);
        assert!(free("//Bob") < before);
        assert_eq!(System::account_nonce(account("//worker")), 2);
    });
}

#[test]
fn an_owner_pays_for_nothing_else() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        let payment = TransactionValidityError::Invalid(InvalidTransaction::Payment);
        let remark = || frame_system::Call::<Runtime>::remark { remark: vec![] };
        assert_eq!(apply("//worker", remark(), 0), Err(payment));
        assert_eq!(apply("//worker", serve(1), 5), Err(payment), "a tip is one's own");
        let batch = |calls| pallet_utility::Call::<Runtime>::batch_all { calls };
        let mixed = batch(vec![serve(1).into(), remark().into()]);
        assert_eq!(apply("//worker", mixed, 0), Err(payment));
        assert_eq!(apply("//worker", batch(vec![]), 0), Err(payment));
        done("//worker", batch(vec![serve(1).into(), weigh_oneself().into()]));
    });
}

#[test]
fn a_stranger_is_refused_before_anything_runs() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        let refused = TransactionValidityError::Invalid(InvalidTransaction::Payment);
        assert_eq!(apply("//stranger", weigh_oneself(), 0), Err(refused));
        let no_slot = TransactionValidityError::Invalid(InvalidTransaction::Custom(19));
        assert_eq!(apply("//Charlie", weigh_oneself(), 0), Err(no_slot));
        assert_eq!(System::account_nonce(account("//Charlie")), 0);
    });
}

#[test]
fn fees_without_an_author_leave_the_issuance() {
    with_preset(genesis::LOCAL, || {
        let issued = pallet_subtensor::TotalIssuance::<Runtime>::get();
        let before = free("//Alice");
        done("//Alice", frame_system::Call::<Runtime>::remark { remark: vec![] });
        let fee = before - free("//Alice");
        assert!(fee > 0 && fee < 1_000_000, "about 0.0001 TAO: {fee}");
        SubtensorModule::on_finalize(1);
        let left = pallet_subtensor::TotalIssuance::<Runtime>::get();
        assert_eq!(left, issued.minus(Tao::new(fee)).unwrap());
    });
}
