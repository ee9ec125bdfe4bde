//! The state-transition function of an Assay chain: which pallets there are, under which index,
//! and the APIs by which a host drives them.
//!
//! Indices are the public runtime's, because clients turn (pallet, error) numbers into names with
//! tables of their own. The host is asked for nothing beyond what Parity's node offers, so the
//! same Wasm runs there. What a single pallet does is said in the pallet; how each is configured,
//! in `config`; who pays a fee, in `fees`; who comes first, in `priority`; what a block may take,
//! in `weights`; what a slot's number is, in `slots`; how long what is sealed may live, in
//! `mortality`; how types are numbered, in `metadata`; what leases of subnets are made with, in `leases`.

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "512"]

extern crate alloc;
use alloc::vec::Vec; // the runtime macros name it unqualified

mod apis;
pub mod config;
mod fees;
pub mod genesis;
pub mod invariants;
mod keys;
mod leases;
mod metadata;
mod mortality;
pub mod priority;
mod proxies;
mod slots;
#[cfg(test)]
mod tests;
mod weights;

use sp_runtime::{
    generic, impl_opaque_keys,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
    MultiAddress, MultiSignature,
};
use sp_version::RuntimeVersion;

pub type Balance = u64;
pub type BlockNumber = u32;
pub type Nonce = u32;
pub type Signature = MultiSignature;
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
pub type Address = MultiAddress<AccountId, ()>;
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// What a signed extrinsic carries beside its call. Clients know the identifiers; an extension
/// whose identifier they do not know must be of no size, as the two before the last are.
pub type TxExtension = (
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    mortality::ShortIfSealed,
    priority::Ranked<frame_system::CheckNonce<Runtime>>,
    frame_system::CheckWeight<Runtime>,
    priority::Ranked<pallet_transaction_payment::ChargeTransactionPayment<Runtime>>,
    pallet_mev_shield::CheckShieldedTxValidity<Runtime>,
    pallet_subtensor::SubtensorTransactionExtension<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
);

pub type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

/// The name by which tools of the public chain recognise its relatives. Clients cache metadata by
/// genesis hash and `spec_version`: whatever changes the metadata or a result raises it.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: alloc::borrow::Cow::Borrowed("node-subtensor"),
    impl_name: alloc::borrow::Cow::Borrowed("assay"),
    authoring_version: 1,
    spec_version: 1_008,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

impl_opaque_keys! {
    pub struct SessionKeys {
        pub aura: Aura,
    }
}

frame_support::construct_runtime!(
    pub enum Runtime {
        System: frame_system = 0,
        Timestamp: pallet_timestamp = 2,
        Aura: pallet_aura = 3,
        Balances: pallet_balances = 5,
        TransactionPayment: pallet_transaction_payment = 6,
        SubtensorModule: pallet_subtensor = 7,
        Utility: pallet_utility = 11,
        Sudo: pallet_sudo = 12,
        Multisig: pallet_multisig = 13,
        Preimage: pallet_preimage = 14,
        Scheduler: pallet_scheduler = 15,
        Proxy: pallet_proxy = 16,
        Commitments: pallet_commitments = 18,
        AdminUtils: pallet_admin_utils = 19,
        SafeMode: pallet_safe_mode = 20,
        Drand: pallet_drand = 26,
        Crowdloan: pallet_crowdloan = 27,
        Swap: pallet_swap = 28,
        MevShield: pallet_mev_shield = 30,
    }
);
