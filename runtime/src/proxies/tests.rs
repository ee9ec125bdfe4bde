//! The table of proxies against the calls that there are, and against the public runtime's own lists.

// A test is there to panic.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use super::{groups::group_of, questions::calls, *};
use crate::{AccountId, Runtime};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use assay_runtime_api::{CallConstraint, FilterMode};
use pallet_subtensor::NetUid;
use scale_info::TypeInfo as _;

fn name(pallet: &[u8], call: &[u8]) -> String {
    format!("{}.{}", core::str::from_utf8(pallet).unwrap(), core::str::from_utf8(call).unwrap())
}

/// `pallet.call` of every call of the runtime, from its own metadata.
fn all() -> BTreeSet<String> {
    RuntimeCall::get_module_names()
        .iter()
        .flat_map(|module| {
            RuntimeCall::get_call_names(module).iter().map(move |call| format!("{module}.{call}"))
        })
        .collect()
}

/// What a type allows, as clients are told.
fn allowed(kind: ProxyType) -> BTreeSet<String> {
    let told = filters(Some(vec![kind as u8]));
    match &told.first().unwrap().filter_mode {
        FilterMode::AllowAll => all(),
        FilterMode::Allow(calls) => {
            calls.iter().map(|call| name(&call.pallet_name, &call.call_name)).collect()
        }
    }
}

#[test]
fn every_call_is_in_a_group_and_clients_are_told_of_every_pallet() {
    let told: BTreeSet<String> =
        calls().iter().map(|call| name(&call.pallet_name, &call.call_name)).collect();
    assert_eq!(told, all(), "a pallet is missing in `questions::calls`");
    let ungrouped: Vec<String> = all()
        .into_iter()
        .filter(|call| {
            let (pallet, name) = call.split_once('.').unwrap();
            group_of(pallet, name).is_none()
        })
        .collect();
    assert_eq!(ungrouped, Vec::<String>::new(), "in no group of `groups`: only Any may call them");
}

#[test]
fn numbers_and_names_are_the_public_chains() {
    // `PROXY_TYPES` of the SDK 11.3, in its order.
    let public =
        "Any Owner NonCritical NonTransfer Senate NonFungible Triumvirate Governance Staking \
                  Registration Transfer SmallTransfer RootWeights ChildKeys SudoUncheckedSetCode \
                  SwapHotkey SubnetLeaseBeneficiary RootClaim BasketTrading";
    let told: Vec<String> =
        types().iter().map(|kind| String::from_utf8(kind.name.clone()).unwrap()).collect();
    assert_eq!(told, public.split_whitespace().collect::<Vec<_>>());
    for (number, kind) in ProxyType::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, number);
        assert_eq!(codec::Encode::encode(&kind), vec![number as u8]);
    }
    let deprecated: Vec<usize> = types()
        .iter()
        .enumerate()
        .filter_map(|(number, kind)| kind.deprecated.then_some(number))
        .collect();
    assert_eq!(deprecated, [4, 6, 7, 12]);
    assert!(ProxyType::type_info().path.ident() == Some("ProxyType"));
}

/// What `opentensor/subtensor` at spec 425 denies to the types that it describes by what they may
/// not do (`define_proxy_filters!` in `runtime/src/lib.rs`), as far as this chain has the calls.
#[test]
fn what_the_public_runtime_denies_by_name_is_denied() {
    let balances = |rest: &str| -> BTreeSet<String> {
        let listed = rest.split_whitespace().map(|call| format!("SubtensorModule.{call}"));
        all().into_iter().filter(|call| call.starts_with("Balances.")).chain(listed).collect()
    };
    let coldkey = "swap_coldkey announce_coldkey_swap swap_coldkey_announced \
                   clear_coldkey_swap_announcement dispute_coldkey_swap";
    let denied = [
        (ProxyType::NonTransfer, balances(&format!("transfer_stake {coldkey}"))),
        (
            ProxyType::NonFungible,
            balances(&format!(
                "add_stake add_stake_limit remove_stake remove_stake_limit remove_stake_full_limit \
                 unstake_all unstake_all_alpha swap_stake swap_stake_limit move_stake \
                 transfer_stake burned_register root_register swap_hotkey swap_hotkey_v2 {coldkey}"
            )),
        ),
    ];
    for (kind, denied) in denied {
        let wrong: Vec<String> = allowed(kind).intersection(&denied).cloned().collect();
        assert_eq!(wrong, Vec::<String>::new(), "{kind:?} allows what is denied publicly");
    }
    let not_critical = allowed(ProxyType::NonCritical);
    for call in ["root_register", "burned_register", "root_dissolve_network"] {
        assert!(!not_critical.contains(&format!("SubtensorModule.{call}")), "{call}");
    }
    assert!(!not_critical.iter().any(|call| call.starts_with("Sudo.")));
}

/// What the same list allows to the types that it describes by what they may do.
#[test]
fn what_the_public_runtime_allows_by_name_is_allowed() {
    let allows = [
        (
            ProxyType::Transfer,
            "Balances.transfer_keep_alive Balances.transfer_allow_death \
                               Balances.transfer_all SubtensorModule.transfer_stake",
        ),
        (
            ProxyType::Staking,
            "SubtensorModule.add_stake SubtensorModule.remove_stake \
                              SubtensorModule.unstake_all SubtensorModule.unstake_all_alpha \
                              SubtensorModule.swap_stake SubtensorModule.swap_stake_limit \
                              SubtensorModule.move_stake SubtensorModule.add_stake_limit \
                              SubtensorModule.remove_stake_limit \
                              SubtensorModule.remove_stake_full_limit",
        ),
        (ProxyType::Registration, "SubtensorModule.burned_register SubtensorModule.register_limit"),
        (ProxyType::ChildKeys, "SubtensorModule.set_children SubtensorModule.set_childkey_take"),
        (ProxyType::RootClaim, "SubtensorModule.claim_root"),
        (
            ProxyType::Owner,
            "SubtensorModule.set_subnet_identity SubtensorModule.update_symbol \
                            AdminUtils.sudo_set_serving_rate_limit AdminUtils.sudo_set_max_burn",
        ),
    ];
    for (kind, names) in allows {
        let allowed = allowed(kind);
        for call in names.split_whitespace() {
            assert!(allowed.contains(call), "{kind:?} denies {call}");
        }
    }
    let exact = |kind, expected: &[&str]| {
        let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(allowed(kind), expected, "{kind:?}");
    };
    exact(ProxyType::SudoUncheckedSetCode, &["Sudo.sudo_unchecked_weight"]);
    for kind in ProxyType::ALL.into_iter().filter(|kind| kind.is_deprecated()) {
        exact(kind, &[]);
    }
    assert!(!allowed(ProxyType::Owner).contains("AdminUtils.sudo_set_sn_owner_hotkey"));
    assert!(!allowed(ProxyType::Owner).contains("AdminUtils.sudo_set_network_rate_limit"));
}

/// `SubnetLeaseBeneficiary` in the same list, whole: all its calls are here, and no other is allowed.
#[test]
fn a_leases_beneficiary_may_what_the_public_runtime_names_and_no_more() {
    let admin = "serving_rate_limit min_difficulty max_difficulty weights_version_key \
                 adjustment_alpha immunity_period min_allowed_weights kappa rho activity_cutoff \
                 network_registration_allowed network_pow_registration_allowed max_burn \
                 bonds_moving_average bonds_penalty commit_reveal_weights_enabled \
                 liquid_alpha_enabled alpha_values commit_reveal_weights_interval toggle_transfer \
                 subnet_emission_enabled min_childkey_take_per_subnet";
    let mut public: BTreeSet<String> =
        admin.split_whitespace().map(|name| format!("AdminUtils.sudo_set_{name}")).collect();
    public.insert("SubtensorModule.start_call".to_string());
    assert_eq!(public.len(), 23);
    assert_eq!(allowed(ProxyType::SubnetLeaseBeneficiary), public);
    let switch = |enabled| {
        RuntimeCall::AdminUtils(pallet_admin_utils::Call::sudo_set_owner_cut_enabled {
            netuid: NetUid::new(1),
            enabled,
        })
    };
    assert!(ProxyType::Owner.filter(&switch(false)));
    assert!(!ProxyType::SubnetLeaseBeneficiary.filter(&switch(false)));
}

#[test]
fn whoever_is_above_a_type_may_do_all_that_it_may() {
    for above in ProxyType::ALL {
        for below in ProxyType::ALL.into_iter().filter(|below| above.is_superset(below)) {
            let more: Vec<String> = allowed(below).difference(&allowed(above)).cloned().collect();
            assert_eq!(more, Vec::<String>::new(), "{below:?} may do more than {above:?}");
        }
    }
    assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::Transfer));
    assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::NonCritical));
    assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::BasketTrading));
    assert!(!ProxyType::Staking.is_superset(&ProxyType::Any));
}

#[test]
fn small_transfers_end_below_half_a_tao() {
    let to = AccountId::new([7; 32]);
    let keep = |value| {
        RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
            dest: to.clone().into(),
            value,
        })
    };
    let stake = |amount| {
        RuntimeCall::SubtensorModule(pallet_subtensor::Call::<Runtime>::transfer_stake {
            destination_coldkey: to.clone(),
            hotkey: to.clone(),
            origin_netuid: NetUid::new(1),
            destination_netuid: NetUid::new(1),
            alpha_amount: AlphaBalance::new(amount),
        })
    };
    let all = RuntimeCall::Balances(pallet_balances::Call::transfer_all {
        dest: to.clone().into(),
        keep_alive: true,
    });
    let small = ProxyType::SmallTransfer;
    assert!(small.filter(&keep(499_999_999)) && !small.filter(&keep(500_000_000)));
    assert!(small.filter(&stake(499_999_999)) && !small.filter(&stake(500_000_000)));
    assert!(!small.filter(&all) && ProxyType::Transfer.filter(&all));
    let told = filters(Some(vec![small as u8]));
    let FilterMode::Allow(calls) = &told.first().unwrap().filter_mode else { panic!("a list") };
    let limits: Vec<_> = calls.iter().map(|call| call.constraint.clone().unwrap()).collect();
    assert_eq!(limits.len(), 3);
    assert!(limits
        .iter()
        .all(|limit| matches!(limit, CallConstraint::ParamLessThan { limit: 500_000_000, .. })));
}

#[test]
fn the_code_is_set_by_nothing_but_that() {
    let unchecked = |call: RuntimeCall| {
        RuntimeCall::Sudo(pallet_sudo::Call::sudo_unchecked_weight {
            call: alloc::boxed::Box::new(call),
            weight: Default::default(),
        })
    };
    let code = RuntimeCall::System(frame_system::Call::set_code { code: vec![] });
    let kind = ProxyType::SudoUncheckedSetCode;
    assert!(kind.filter(&unchecked(code.clone())));
    assert!(!kind.filter(&code));
    assert!(!kind.filter(&unchecked(unchecked(code))));
    let other = RuntimeCall::System(frame_system::Call::set_code_without_checks { code: vec![] });
    assert!(!kind.filter(&unchecked(other)));
}

#[test]
fn a_number_that_there_is_not_is_passed_over() {
    assert_eq!(filters(Some(vec![19, 255])), vec![]);
    assert_eq!(filters(None).len(), 19);
    let some: Vec<u8> =
        filters(Some(vec![8, 8, 200, 3])).iter().map(|kind| kind.proxy_type).collect();
    assert_eq!(some, [3, 8]);
}
