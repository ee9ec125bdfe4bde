//! The questions that a client may ask of a chain's state, beyond reading storage.
//!
//! Traits, methods and parameters have the public runtime's names, because clients call them by
//! name and find their types in the metadata. The records are `pallet_subtensor::views`, which also
//! answers; the runtime puts the two together. What clients of the public runtime may ask and is
//! not here belongs to features that are not here.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod named;

pub use named::{Named, NAMED_MAX};

use alloc::{collections::BTreeMap, vec::Vec};
use pallet_subtensor::{
    pool::SwapQuote,
    views::{
        DelegateInfo, Delegated, DynamicInfo, HyperparamEntry, Metagraph, NeuronInfo,
        NeuronInfoLite, StakeAvailability, StakeInfo, SubnetPrice,
    },
    AlphaBalance, LockState, MechId, NetUid, TaoBalance,
};
use sp_runtime::AccountId32;

sp_api::decl_runtime_apis! {
    /// Hotkeys that take stake of others.
    pub trait DelegateInfoRuntimeApi {
        fn get_delegates() -> Vec<DelegateInfo<AccountId32>>;
        fn get_delegate(delegate_account: AccountId32) -> Option<DelegateInfo<AccountId32>>;
        fn get_delegated(delegatee_account: AccountId32) -> Vec<Delegated<AccountId32>>;
    }

    /// The neurons of a subnet.
    pub trait NeuronInfoRuntimeApi {
        fn get_neurons(netuid: NetUid) -> Vec<NeuronInfo<AccountId32>>;
        fn get_neuron(netuid: NetUid, uid: u16) -> Option<NeuronInfo<AccountId32>>;
        fn get_neurons_lite(netuid: NetUid) -> Vec<NeuronInfoLite<AccountId32>>;
        fn get_neuron_lite(netuid: NetUid, uid: u16) -> Option<NeuronInfoLite<AccountId32>>;
    }

    /// Subnets, whole or in part.
    pub trait SubnetInfoRuntimeApi {
        fn get_metagraph(netuid: NetUid) -> Option<Metagraph<AccountId32>>;
        fn get_all_metagraphs() -> Vec<Option<Metagraph<AccountId32>>>;
        fn get_mechagraph(netuid: NetUid, mecid: MechId) -> Option<Metagraph<AccountId32>>;
        fn get_dynamic_info(netuid: NetUid) -> Option<DynamicInfo<AccountId32>>;
        fn get_all_dynamic_info() -> Vec<Option<DynamicInfo<AccountId32>>>;
        fn get_subnet_hyperparams_v3(netuid: NetUid) -> Option<Vec<HyperparamEntry>>;
        fn get_coldkey_auto_stake_hotkey(
            coldkey: AccountId32,
            netuid: NetUid,
        ) -> Option<AccountId32>;
        /// The subnet that would make room for another.
        fn get_subnet_to_prune() -> Option<NetUid>;
        fn get_next_epoch_start_block(netuid: NetUid) -> Option<u64>;
        /// TAO that the latest block emitted.
        fn get_block_emission() -> TaoBalance;
    }

    /// What coldkeys have staked.
    pub trait StakeInfoRuntimeApi {
        fn get_stake_info_for_coldkey(
            coldkey_account: AccountId32,
        ) -> Vec<StakeInfo<AccountId32>>;
        fn get_stake_info_for_coldkeys(
            coldkey_accounts: Named<AccountId32>,
        ) -> Vec<(AccountId32, Vec<StakeInfo<AccountId32>>)>;
        fn get_stake_info_for_hotkey_coldkey_netuid(
            hotkey_account: AccountId32,
            coldkey_account: AccountId32,
            netuid: NetUid,
        ) -> Option<StakeInfo<AccountId32>>;
        fn get_stake_availability_for_coldkeys(
            coldkey_accounts: Named<AccountId32>,
            netuids: Option<Named<NetUid>>,
        ) -> BTreeMap<AccountId32, BTreeMap<NetUid, StakeAvailability>>;
        fn get_coldkey_lock(coldkey: AccountId32, netuid: NetUid) -> Option<LockState>;
    }

    /// What a subnet costs.
    pub trait SubnetRegistrationRuntimeApi {
        fn get_network_registration_cost() -> TaoBalance;
    }

    /// Prices of alpha, and what a trade would come to.
    pub trait SwapRuntimeApi {
        /// Rao for one alpha.
        fn current_alpha_price(netuid: NetUid) -> u64;
        fn current_alpha_price_all() -> Vec<SubnetPrice>;
        fn sim_swap_tao_for_alpha(netuid: NetUid, tao: TaoBalance) -> SwapQuote;
        fn sim_swap_alpha_for_tao(netuid: NetUid, alpha: AlphaBalance) -> SwapQuote;
    }

    /// What stake on root has earned and not claimed.
    pub trait BetaBasketRuntimeApi {
        fn get_root_basket_owed(coldkey: AccountId32) -> TaoBalance;
        fn get_basket_payout(hotkey: AccountId32, coldkey: AccountId32) -> TaoBalance;
        /// Behind each hotkey: (hotkey, shares, worth).
        fn get_root_basket_positions(
            coldkey: AccountId32,
        ) -> Vec<(AccountId32, u64, TaoBalance)>;
    }
}
