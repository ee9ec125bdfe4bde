//! What clients are told of the types of proxies: their names, and the calls that each allows.

use super::{ProxyType, SMALL_ALPHA_TRANSFER_LIMIT, SMALL_TRANSFER_LIMIT};
use crate::*;
use alloc::{format, vec::Vec};
use assay_runtime_api::{CallConstraint, CallInfo, FilterMode, ProxyFilterInfo, ProxyTypeInfo};
use frame_support::traits::{GetCallIndex, GetCallName, PalletInfoAccess};

/// All calls of one pallet, without constraints.
fn calls_of<P: PalletInfoAccess, C: GetCallName + GetCallIndex>() -> Vec<CallInfo> {
    C::get_call_names()
        .iter()
        .zip(C::get_call_indices())
        .map(|(name, index)| CallInfo {
            pallet_name: P::name().as_bytes().to_vec(),
            // There are 256 indices and no more; `construct_runtime!` holds it.
            pallet_index: u8::try_from(P::index()).unwrap_or(u8::MAX),
            call_name: name.as_bytes().to_vec(),
            call_index: *index,
            constraint: None,
        })
        .collect()
}

/// All calls that there are. A test holds that no pallet is missing.
pub(super) fn calls() -> Vec<CallInfo> {
    [
        calls_of::<System, frame_system::Call<Runtime>>(),
        calls_of::<Timestamp, pallet_timestamp::Call<Runtime>>(),
        calls_of::<Balances, pallet_balances::Call<Runtime>>(),
        calls_of::<SubtensorModule, pallet_subtensor::Call<Runtime>>(),
        calls_of::<Utility, pallet_utility::Call<Runtime>>(),
        calls_of::<Sudo, pallet_sudo::Call<Runtime>>(),
        calls_of::<Multisig, pallet_multisig::Call<Runtime>>(),
        calls_of::<Preimage, pallet_preimage::Call<Runtime>>(),
        calls_of::<Scheduler, pallet_scheduler::Call<Runtime>>(),
        calls_of::<Proxy, pallet_proxy::Call<Runtime>>(),
        calls_of::<Commitments, pallet_commitments::Call<Runtime>>(),
        calls_of::<AdminUtils, pallet_admin_utils::Call<Runtime>>(),
        calls_of::<SafeMode, pallet_safe_mode::Call<Runtime>>(),
        calls_of::<Crowdloan, pallet_crowdloan::Call<Runtime>>(),
        calls_of::<Swap, pallet_swap::Call<Runtime>>(),
        calls_of::<MevShield, pallet_mev_shield::Call<Runtime>>(),
        calls_of::<Drand, pallet_drand::Call<Runtime>>(),
    ]
    .concat()
}

fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// Those of `calls` with one of `constraints`, which are given by pallet and call.
fn constrained(calls: &[CallInfo], constraints: &[(&str, &str, CallConstraint)]) -> FilterMode {
    let found = constraints.iter().filter_map(|(pallet, name, constraint)| {
        let call = calls
            .iter()
            .find(|call| text(&call.pallet_name) == *pallet && text(&call.call_name) == *name)?;
        Some(CallInfo { constraint: Some(constraint.clone()), ..call.clone() })
    });
    FilterMode::Allow(found.collect())
}

fn below(parameter: &str, limit: u64) -> CallConstraint {
    CallConstraint::ParamLessThan { param_name: parameter.as_bytes().to_vec(), limit: limit.into() }
}

fn mode(kind: ProxyType, calls: &[CallInfo]) -> FilterMode {
    match kind {
        ProxyType::Any => FilterMode::AllowAll,
        ProxyType::SmallTransfer => constrained(
            calls,
            &[
                ("Balances", "transfer_keep_alive", below("value", SMALL_TRANSFER_LIMIT)),
                ("Balances", "transfer_allow_death", below("value", SMALL_TRANSFER_LIMIT)),
                (
                    "SubtensorModule",
                    "transfer_stake",
                    below("alpha_amount", SMALL_ALPHA_TRANSFER_LIMIT),
                ),
            ],
        ),
        ProxyType::SudoUncheckedSetCode => {
            let nested = CallConstraint::NestedCallMustBe {
                param_name: b"call".to_vec(),
                pallet_name: b"System".to_vec(),
                call_name: b"set_code".to_vec(),
            };
            constrained(calls, &[("Sudo", "sudo_unchecked_weight", nested)])
        }
        _ => FilterMode::Allow(
            calls
                .iter()
                .filter(|call| kind.allows(text(&call.pallet_name), text(&call.call_name)))
                .cloned()
                .collect(),
        ),
    }
}

/// All types.
pub fn types() -> Vec<ProxyTypeInfo> {
    numbered()
        .map(|(index, kind)| ProxyTypeInfo {
            name: format!("{kind:?}").into_bytes(),
            index,
            deprecated: kind.is_deprecated(),
        })
        .collect()
}

/// What the types of these numbers allow, or all of them; a number that there is not is left out.
pub fn filters(asked: Option<Vec<u8>>) -> Vec<ProxyFilterInfo> {
    let calls = calls();
    numbered()
        .filter(|(index, _)| asked.as_ref().is_none_or(|asked| asked.contains(index)))
        .map(|(index, kind)| ProxyFilterInfo {
            proxy_type: index,
            name: format!("{kind:?}").into_bytes(),
            deprecated: kind.is_deprecated(),
            filter_mode: mode(kind, &calls),
        })
        .collect()
}

fn numbered() -> impl Iterator<Item = (u8, ProxyType)> {
    (0..=u8::MAX).zip(ProxyType::ALL)
}
