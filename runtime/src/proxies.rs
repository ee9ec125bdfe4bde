//! What a proxy may do in another account's name: the types of proxies, and what each lets through.
//!
//! Types, their numbers and their permissions are the public runtime's, as the SDK's 11.3 line knows
//! them (`common/src/proxy.rs` and `runtime/src/proxy_filters` there); but the beneficiary of a leased
//! subnet may what spec 425 named. A type allows whole groups of calls (`groups`), and whatever is in
//! none of its groups is denied: a call that nobody has thought of is for `Any` alone. Clients ask for the same table (`questions`), so what they are told and
//! what holds cannot differ.

mod groups;
mod questions;
#[cfg(test)]
mod tests;

pub use questions::{filters, types};

use crate::RuntimeCall;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::{GetCallMetadata, InstanceFilter};
use groups::{group_of, is_leased, Group};
use pallet_subtensor::AlphaBalance;
use scale_info::TypeInfo;

/// Rao from which a transfer is no longer a small one: half a TAO. The public chain's value.
pub const SMALL_TRANSFER_LIMIT: u64 = 500_000_000;

/// The same for alpha.
pub const SMALL_ALPHA_TRANSFER_LIMIT: u64 = 500_000_000;

/// What a proxy may do. The order is the public chain's: clients read the numbers.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ProxyType {
    /// Everything.
    #[default]
    Any,
    /// What the owner of a subnet sets of it.
    Owner,
    /// All but sudo, dissolving a subnet, and registering or swapping keys.
    NonCritical,
    /// All but what moves balances or stake to another coldkey.
    NonTransfer,
    /// Nothing any more.
    Senate,
    /// All but what moves TAO or alpha at all, or swaps keys.
    NonFungible,
    /// Nothing any more.
    Triumvirate,
    /// Nothing any more.
    Governance,
    /// Staking, unstaking and moving one's own stake.
    Staking,
    /// Registering neurons.
    Registration,
    /// Transfers of balances and stake.
    Transfer,
    /// The same below a limit each.
    SmallTransfer,
    /// Nothing any more.
    RootWeights,
    /// Naming child keys.
    ChildKeys,
    /// Setting the runtime's code, for the sudo key.
    SudoUncheckedSetCode,
    /// Swapping hotkeys.
    SwapHotkey,
    /// What the beneficiary of a leased subnet may set of it.
    SubnetLeaseBeneficiary,
    /// Claiming what stake on root has earned.
    RootClaim,
    /// Trading what a validator's basket holds.
    BasketTrading,
}

impl ProxyType {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Any,
        Self::Owner,
        Self::NonCritical,
        Self::NonTransfer,
        Self::Senate,
        Self::NonFungible,
        Self::Triumvirate,
        Self::Governance,
        Self::Staking,
        Self::Registration,
        Self::Transfer,
        Self::SmallTransfer,
        Self::RootWeights,
        Self::ChildKeys,
        Self::SudoUncheckedSetCode,
        Self::SwapHotkey,
        Self::SubnetLeaseBeneficiary,
        Self::RootClaim,
        Self::BasketTrading,
    ];

    /// Whether the type is of a governance that the chain no longer has. It allows nothing.
    pub fn is_deprecated(self) -> bool {
        matches!(self, Self::Senate | Self::Triumvirate | Self::Governance | Self::RootWeights)
    }

    /// Whether the type allows the call `name` of `pallet`, whatever its arguments. The two types that
    /// look at those allow none in this way.
    fn allows(self, pallet: &str, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::SubnetLeaseBeneficiary => is_leased(pallet, name),
            _ => group_of(pallet, name).is_some_and(|group| self.groups().contains(&group)),
        }
    }

    /// The groups that are allowed as a whole. `Any`, the type whose calls are named one by one, and
    /// the two that look at a call's arguments, name none.
    fn groups(self) -> &'static [Group] {
        use Group::*;
        match self {
            Self::Owner => &[Identity, Management],
            Self::NonCritical => &[
                Infrastructure,
                Indirect,
                Management,
                RootConfig,
                OwnerKey,
                Transfers,
                Maintenance,
                Stake,
                StakeTransfers,
                WorkRegistration,
                HotkeySwap,
                ChildKeys,
                RootClaim,
                Identity,
                Activation,
                Common,
            ],
            Self::NonTransfer => &[
                Infrastructure,
                Sudo,
                Management,
                RootConfig,
                OwnerKey,
                Stake,
                WorkRegistration,
                BurnedRegistration,
                RootRegistration,
                HotkeySwap,
                Dissolution,
                ChildKeys,
                RootClaim,
                Identity,
                Activation,
                Common,
            ],
            Self::NonFungible => &[
                Infrastructure,
                Sudo,
                Management,
                RootConfig,
                OwnerKey,
                WorkRegistration,
                Dissolution,
                ChildKeys,
                RootClaim,
                Identity,
                Activation,
                Common,
            ],
            Self::Staking => &[Stake],
            Self::Registration => &[WorkRegistration, BurnedRegistration],
            Self::Transfer => &[Transfers, StakeTransfers],
            Self::ChildKeys => &[ChildKeys],
            Self::SwapHotkey => &[HotkeySwap],
            Self::RootClaim => &[RootClaim],
            Self::BasketTrading => &[Basket],
            Self::Any
            | Self::SmallTransfer
            | Self::SudoUncheckedSetCode
            | Self::SubnetLeaseBeneficiary
            | Self::Senate
            | Self::Triumvirate
            | Self::Governance
            | Self::RootWeights => &[],
        }
    }
}

/// Whether `call` moves less than the limit of small transfers.
fn is_small_transfer(call: &RuntimeCall) -> bool {
    let small_alpha = |amount: &AlphaBalance| amount.rao() < SMALL_ALPHA_TRANSFER_LIMIT;
    match call {
        RuntimeCall::Balances(
            pallet_balances::Call::transfer_keep_alive { value, .. }
            | pallet_balances::Call::transfer_allow_death { value, .. },
        ) => *value < SMALL_TRANSFER_LIMIT,
        RuntimeCall::SubtensorModule(pallet_subtensor::Call::transfer_stake {
            alpha_amount,
            ..
        }) => small_alpha(alpha_amount),
        _ => false,
    }
}

/// Whether `call` is root setting the code.
fn sets_code(call: &RuntimeCall) -> bool {
    matches!(
        call,
        RuntimeCall::Sudo(pallet_sudo::Call::sudo_unchecked_weight { call, .. })
            if matches!(**call, RuntimeCall::System(frame_system::Call::set_code { .. }))
    )
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            Self::SmallTransfer => is_small_transfer(call),
            Self::SudoUncheckedSetCode => sets_code(call),
            _ => {
                let name = call.get_call_metadata();
                self.allows(name.pallet_name, name.function_name)
            }
        }
    }

    /// Whether a proxy of this type may make or unmake one of type `other` for its account.
    fn is_superset(&self, other: &Self) -> bool {
        match (self, other) {
            (one, same) if one == same => true,
            (Self::Any, _) => true,
            // Named one by one: a type to come that moves value must not be had through this one.
            (
                Self::NonTransfer,
                Self::Owner
                | Self::Senate
                | Self::NonFungible
                | Self::Triumvirate
                | Self::Governance
                | Self::Staking
                | Self::Registration
                | Self::RootWeights
                | Self::ChildKeys
                | Self::SudoUncheckedSetCode
                | Self::SwapHotkey
                | Self::SubnetLeaseBeneficiary
                | Self::RootClaim,
            ) => true,
            (Self::Transfer, Self::SmallTransfer) => true,
            _ => false,
        }
    }
}
