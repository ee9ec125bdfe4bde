//! The questions that a client may ask of a chain's state, beyond reading storage.
//!
//! Traits, methods and parameters have the public runtime's names, because clients call them by
//! name and find their types in the metadata. The records are `pallet_subtensor::views`, which also
//! answers; the runtime puts the two together. What clients of the public runtime may ask and is
//! not here belongs to features that are not here.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod named;
mod proxies;

pub use named::{Named, NAMED_MAX};
pub use proxies::{CallConstraint, CallInfo, FilterMode, ProxyFilterInfo, ProxyTypeInfo};

use alloc::{collections::BTreeMap, vec::Vec};
use pallet_mev_shield::ShieldedTransaction;
use pallet_subtensor::{
    pool::SwapQuote,
    views::{
        BasketPosition, BasketSummary, BasketTradingStatus, DelegateInfo, Delegated, DynamicInfo,
        HyperparamEntry, Metagraph, NeuronInfo, NeuronInfoLite, SelectiveMetagraph,
        StakeAvailability, StakeInfo, SubnetHyperparams, SubnetHyperparamsV2, SubnetInfo,
        SubnetInfov2, SubnetPrice, SubnetState,
    },
    AlphaBalance, Conviction, LockState, MechId, NetUid, TaoBalance,
};
use sp_runtime::{traits::Block as BlockT, AccountId32};

sp_api::decl_runtime_apis! {
    /// What a block's author asks of sealed extrinsics.
    ///
    /// The public chain has a third method, which takes the author's secret key and opens them. Here
    /// no secret key enters the runtime: the author's host opens them itself.
    pub trait ShieldApi {
        /// What `uxt` carries, if it is a sealed extrinsic.
        fn try_decode_shielded_tx(uxt: <Block as BlockT>::Extrinsic) -> Option<ShieldedTransaction>;
        /// Whether the author of the next block can open what is sealed to the key of this hash.
        fn is_shielded_using_current_key(key_hash: &[u8; 16]) -> bool;
    }

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
        fn get_subnet_info(netuid: NetUid) -> Option<SubnetInfo<AccountId32>>;
        fn get_subnets_info() -> Vec<Option<SubnetInfo<AccountId32>>>;
        fn get_subnet_info_v2(netuid: NetUid) -> Option<SubnetInfov2<AccountId32>>;
        fn get_subnets_info_v2() -> Vec<Option<SubnetInfov2<AccountId32>>>;
        fn get_subnet_hyperparams(netuid: NetUid) -> Option<SubnetHyperparams>;
        fn get_subnet_hyperparams_v2(netuid: NetUid) -> Option<SubnetHyperparamsV2>;
        fn get_subnet_state(netuid: NetUid) -> Option<SubnetState<AccountId32>>;
        fn get_metagraph(netuid: NetUid) -> Option<Metagraph<AccountId32>>;
        fn get_all_metagraphs() -> Vec<Option<Metagraph<AccountId32>>>;
        fn get_mechagraph(netuid: NetUid, mecid: MechId) -> Option<Metagraph<AccountId32>>;
        fn get_all_mechagraphs() -> Vec<Option<Metagraph<AccountId32>>>;
        fn get_selective_metagraph(
            netuid: NetUid,
            metagraph_indexes: Named<u16>,
        ) -> Option<SelectiveMetagraph<AccountId32>>;
        fn get_selective_mechagraph(
            netuid: NetUid,
            subid: MechId,
            metagraph_indexes: Named<u16>,
        ) -> Option<SelectiveMetagraph<AccountId32>>;
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
        /// The account that holds a subnet's TAO. Always none: pools hold it without one.
        fn get_subnet_account_id(netuid: NetUid) -> Option<AccountId32>;
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
        /// Fee of a trade of `amount`, of the token that goes in; none inside one place.
        fn get_stake_fee(
            origin: Option<(AccountId32, NetUid)>,
            origin_coldkey_account: AccountId32,
            destination: Option<(AccountId32, NetUid)>,
            destination_coldkey_account: AccountId32,
            amount: u64,
        ) -> u64;
        fn get_coldkey_lock(coldkey: AccountId32, netuid: NetUid) -> Option<LockState>;
        /// What all who locked stake behind a hotkey add to it, in rao.
        fn get_hotkey_conviction(hotkey: AccountId32, netuid: NetUid) -> Conviction;
        fn get_most_convicted_hotkey_on_subnet(netuid: NetUid) -> Option<AccountId32>;
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

    /// What must hold between any two blocks. Ours: the public runtime has no such question.
    pub trait InvariantsRuntimeApi {
        /// The first invariant that does not hold, in words; nothing where all hold.
        fn broken_invariant() -> Option<Vec<u8>>;
    }

    /// A beacon's arithmetic, for whoever has none of their own: it reads no state. A key that others
    /// must not know, and a text that they must not read yet, are not to be sent to their node.
    pub trait BeaconRuntimeApi {
        /// The public key of a beacon whose key is made of `seed`.
        fn beacon_public_key(seed: [u8; 32]) -> Option<[u8; 96]>;
        /// That beacon's signature of a round.
        fn beacon_signature(seed: [u8; 32], round: u64) -> Option<[u8; 48]>;
        /// `text` sealed until the beacon with that key has signed `round`. `entropy` must be fresh.
        fn seal_to_round(
            text: Vec<u8>,
            round: u64,
            public_key: [u8; 96],
            entropy: [u8; 32],
        ) -> Option<Vec<u8>>;
    }

    /// What stake on root has earned and not claimed. Funds that trade, and prices of their shares,
    /// belong to features that are not here.
    pub trait BetaBasketRuntimeApi {
        fn get_root_basket_owed(coldkey: AccountId32) -> TaoBalance;
        fn get_basket_payout(hotkey: AccountId32, coldkey: AccountId32) -> TaoBalance;
        fn get_validator_basket_nav(hotkey: AccountId32) -> TaoBalance;
        /// On each subnet: (netuid, alpha held, what its sale would bring).
        fn get_validator_basket(hotkey: AccountId32) -> Vec<(NetUid, AlphaBalance, TaoBalance)>;
        fn get_root_basket_total_nav() -> TaoBalance;
        fn get_validator_basket_summary(hotkey: AccountId32) -> BasketSummary<AccountId32>;
        fn get_all_validator_baskets() -> Vec<BasketSummary<AccountId32>>;
        /// Behind each hotkey: (hotkey, shares, worth).
        fn get_root_basket_positions(
            coldkey: AccountId32,
        ) -> Vec<(AccountId32, u64, TaoBalance)>;
        fn get_basket_position(
            hotkey: AccountId32,
            coldkey: AccountId32,
        ) -> Option<BasketPosition<AccountId32>>;
        fn get_root_basket_portfolio(coldkey: AccountId32) -> Vec<BasketPosition<AccountId32>>;
        fn get_basket_trading_status(hotkey: AccountId32) -> BasketTradingStatus;
    }

    /// What proxies may do.
    pub trait ProxyFilterRuntimeApi {
        fn get_proxy_types() -> Vec<ProxyTypeInfo>;
        /// Of the types of these numbers, or of all.
        fn get_proxy_filters(proxy_types: Option<Named<u8>>) -> Vec<ProxyFilterInfo>;
    }
}
