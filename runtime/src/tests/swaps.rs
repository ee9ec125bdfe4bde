//! Keys that are exchanged on the whole chain: nothing of the old one is left in any pallet, and
//! who has announced a swap signs nothing else, in whatever disguise.

use super::*;
use crate::proxies::ProxyType;
use sp_runtime::traits::{BlakeTwo256, Hash};

/// Where the bytes of an account occur in what is stored, key or value, as the names of pallet and
/// item where those can be told.
fn places_of(who: &AccountId) -> Vec<String> {
    let names: Vec<(String, Vec<u8>)> = Runtime::metadata_ir()
        .pallets
        .into_iter()
        .filter_map(|pallet| pallet.storage)
        .flat_map(|storage| {
            let prefix = sp_io::hashing::twox_128(storage.prefix.as_bytes());
            storage.entries.into_iter().map(move |entry| {
                let item = sp_io::hashing::twox_128(entry.name.as_bytes());
                (format!("{}.{}", storage.prefix, entry.name), [prefix, item].concat())
            })
        })
        .collect();
    let bytes: &[u8] = who.as_ref();
    let holds = |text: &[u8]| text.windows(32).any(|window| window == bytes);
    let mut found = Vec::new();
    let mut key = Vec::new();
    while let Some(next) = sp_io::storage::next_key(&key) {
        let value = sp_io::storage::get(&next).unwrap();
        if holds(&next) || holds(&value) {
            let name = names.iter().find(|(_, prefix)| next.starts_with(prefix));
            found.push(name.map_or_else(|| format!("{next:?}"), |(name, _)| name.clone()));
        }
        key = next;
    }
    found.sort();
    found.dedup();
    found
}

/// Lets `//Alice//hot`, the hotkey of a subnet's owner, have all that a hotkey can have.
fn adorn() -> AccountId {
    employ_worker();
    let hot = account("//Alice//hot");
    pallet_subtensor::MaxRegistrationsPerBlock::<Runtime>::insert(NETUID, 8);
    done("//Bob", Subtensor::burned_register { netuid: NETUID, hotkey: account("//child") });
    done("//Alice", Subtensor::root_register { hotkey: hot.clone() });
    for (who, netuid) in [("//Alice", NETUID), ("//Bob", NETUID), ("//Bob", NetUid::ROOT)] {
        done(
            who,
            Subtensor::add_stake {
                hotkey: hot.clone(),
                netuid,
                amount_staked: Tao::new(5_000_000_000),
            },
        );
    }
    // Locks too: a swap must not set free what is locked.
    done("//Alice", Subtensor::set_reject_locked_alpha { enabled: false });
    done("//Alice", Subtensor::set_perpetual_lock { netuid: NETUID, enabled: true });
    for who in ["//Alice", "//Bob"] {
        done(
            who,
            Subtensor::lock_stake {
                hotkey: hot.clone(),
                netuid: NETUID,
                amount: pallet_subtensor::AlphaBalance::new(1_000_000),
            },
        );
    }
    done("//Alice//hot", serve(9));
    done(
        "//Alice",
        Subtensor::set_childkey_take {
            hotkey: hot.clone(),
            netuid: NETUID,
            take: sp_runtime::PerU16::from_parts(100),
        },
    );
    done(
        "//Alice",
        Subtensor::decrease_take { hotkey: hot.clone(), take: sp_runtime::PerU16::from_parts(100) },
    );
    done(
        "//Alice",
        Subtensor::set_children {
            hotkey: hot.clone(),
            netuid: NETUID,
            children: vec![(1, account("//child"))],
        },
    );
    done("//Bob", Subtensor::set_coldkey_auto_stake_hotkey { netuid: NETUID, hotkey: hot.clone() });
    pallet_subtensor::WeightCommits::<Runtime>::insert(
        pallet_subtensor::NetUidStorageIndex::main(NETUID),
        &hot,
        vec![(sp_core::H256::zero(), 0, 1, 0)],
    );
    let info = pallet_commitments::CommitmentInfo { fields: Default::default() };
    done(
        "//Alice//hot",
        pallet_commitments::Call::set_commitment {
            netuid: NETUID,
            info: alloc::boxed::Box::new(info),
        },
    );
    hot
}

#[test]
fn nothing_of_a_swapped_hotkey_is_left_but_its_account() {
    with_preset(genesis::LOCAL, || {
        let hot = adorn();
        let before = places_of(&hot);
        assert!(before.len() > 15, "{before:?}");
        for item in ["Lock", "LockingColdkeys"] {
            assert!(before.contains(&format!("SubtensorModule.{item}")), "{before:?}");
        }
        done(
            "//Alice",
            Subtensor::swap_hotkey {
                hotkey: hot.clone(),
                new_hotkey: account("//new"),
                netuid: None,
            },
        );
        // Its nonce stays, and with it the protection from replays; events are the block's own.
        assert_eq!(places_of(&hot), ["System.Account", "System.Events"]);
        let mut kept = places_of(&account("//new"));
        kept.retain(|item| item != "System.Events");
        let mut expected = before;
        // When its take was changed is kept under a key that the hotkey's bytes are part of.
        expected.retain(|item| !item.starts_with("Commitments.") && item != "System.Events");
        let missing: Vec<_> = expected.iter().filter(|item| !kept.contains(item)).collect();
        assert!(missing.is_empty(), "{missing:?} did not go along");
        SubtensorModule::on_finalize(1);
        SubtensorModule::do_try_state().unwrap();
        // Without any TAO it may act at once.
        done("//new", serve(10));
    });
}

#[test]
fn nothing_of_a_swapped_coldkey_is_left() {
    with_preset(genesis::LOCAL, || {
        adorn();
        let alice = account("//Alice");
        let before = places_of(&alice);
        for item in ["Lock", "LockingColdkeys", "DecayingLock", "AccountFlags"] {
            assert!(before.contains(&format!("SubtensorModule.{item}")), "{before:?}");
        }
        SubtensorModule::swap_coldkey(
            RuntimeOrigin::root(),
            alice.clone(),
            account("//fresh"),
            Tao::ZERO,
        )
        .unwrap();
        let left = places_of(&alice);
        // The sudo key is not a coldkey's to give away.
        assert_eq!(left, ["Sudo.Key", "System.Events"]);
        let mut missing = before;
        let kept = places_of(&account("//fresh"));
        missing.retain(|item| item != "Sudo.Key" && !kept.contains(item));
        assert!(missing.is_empty(), "{missing:?} did not go along");
        SubtensorModule::on_finalize(1);
        SubtensorModule::do_try_state().unwrap();
    });
}

fn refusal(uri: &str, call: impl Into<RuntimeCall>) -> u8 {
    match apply(uri, call, 0) {
        Err(TransactionValidityError::Invalid(InvalidTransaction::Custom(code))) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_has_announced_a_swap_signs_nothing_else_in_no_disguise() {
    with_preset(genesis::LOCAL, || {
        let boxed = |call: RuntimeCall| alloc::boxed::Box::new(call);
        let remark = || RuntimeCall::from(frame_system::Call::remark { remark: vec![] });
        done(
            "//Bob",
            pallet_proxy::Call::add_proxy {
                delegate: account("//Charlie").into(),
                proxy_type: ProxyType::Any,
                delay: 0,
            },
        );
        let hash = BlakeTwo256::hash_of(&account("//new"));
        let announce = Subtensor::announce_coldkey_swap { new_coldkey_hash: hash };
        done("//Bob", announce.clone());
        assert_eq!(refusal("//Bob", remark()), 0);
        let batch = pallet_utility::Call::batch { calls: vec![remark()] };
        assert_eq!(refusal("//Bob", batch), 0);
        let proxied = || {
            RuntimeCall::from(pallet_proxy::Call::proxy {
                real: account("//Bob").into(),
                force_proxy_type: None,
                call: boxed(remark()),
            })
        };
        assert_eq!(refusal("//Charlie", proxied()), 0);
        let hidden = pallet_utility::Call::force_batch { calls: vec![remark(), proxied()] };
        assert_eq!(refusal("//Charlie", hidden), 0);
        let derived = pallet_utility::Call::as_derivative { index: 1, call: boxed(proxied()) };
        assert_eq!(refusal("//Dave", derived), 0);

        // What concerns it goes on, by a proxy too.
        assert!(apply("//Bob", announce.clone(), 0).unwrap().is_err(), "too early, but looked at");
        let dispute = RuntimeCall::from(Subtensor::dispute_coldkey_swap {});
        done(
            "//Charlie",
            pallet_proxy::Call::proxy {
                real: account("//Bob").into(),
                force_proxy_type: None,
                call: boxed(dispute.clone()),
            },
        );
        for call in [remark(), announce.into(), dispute] {
            assert_eq!(refusal("//Bob", call), 21);
        }
        done(
            "//Alice",
            pallet_sudo::Call::sudo {
                call: boxed(Subtensor::reset_coldkey_swap { coldkey: account("//Bob") }.into()),
            },
        );
        done("//Bob", remark());
    });
}

#[test]
fn a_shared_account_is_stopped_as_well() {
    with_preset(genesis::LOCAL, || {
        let mut members = [account("//Bob"), account("//Charlie")];
        members.sort();
        let shared = pallet_multisig::Pallet::<Runtime>::multi_account_id(&members, 2);
        let due = (System::block_number(), sp_core::H256::zero());
        pallet_subtensor::ColdkeySwapAnnouncements::<Runtime>::insert(&shared, due);
        let call = || pallet_multisig::Call::as_multi {
            threshold: 2,
            other_signatories: vec![account("//Charlie")],
            maybe_timepoint: None,
            call: alloc::boxed::Box::new(frame_system::Call::remark { remark: vec![] }.into()),
            max_weight: Default::default(),
        };
        assert_eq!(refusal("//Bob", call()), 0);
        pallet_subtensor::ColdkeySwapDisputes::<Runtime>::insert(&shared, 1);
        assert_eq!(refusal("//Bob", call()), 21);
    });
}
