//! The runtime APIs: what a host or a client calls by name.
//!
//! The first half is how a Substrate host drives any runtime; the second answers the questions of
//! `assay_runtime_api` out of `pallet_subtensor::views`.

use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use assay_runtime_api::{Named, ProxyFilterInfo, ProxyTypeInfo};
use codec::Encode;
use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    weights::Weight,
};
use pallet_mev_shield::ShieldedTransaction;
use pallet_subtensor::{
    pool::SwapQuote, views::*, AlphaBalance, Conviction, LockState, MechId, NetUid, TaoBalance,
};
use pallet_transaction_payment::{FeeDetails, RuntimeDispatchInfo};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_core::{crypto::KeyTypeId, OpaqueMetadata};
use sp_genesis_builder::PresetId;
use sp_inherents::{CheckInherentsResult, InherentData};
use sp_runtime::{
    traits::Block as BlockT,
    transaction_validity::{TransactionSource, TransactionValidity},
    ApplyExtrinsicResult, ExtrinsicInclusionMode,
};
use sp_session::OpaqueGeneratedSessionKeys;

sp_api::impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block)
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(metadata::v14(Runtime::metadata()).encode())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            match version {
                metadata::V14 => {
                    Some(OpaqueMetadata::new(metadata::v14(Runtime::metadata()).encode()))
                }
                metadata::V15 => {
                    Some(OpaqueMetadata::new(metadata::v15(Runtime::metadata_ir()).encode()))
                }
                _ => Runtime::metadata_at_version(version),
            }
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(
            block: <Block as BlockT>::LazyBlock,
            data: InherentData,
        ) -> CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    // No pallet has an offchain worker; without the API Parity's node warns at every block.
    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(header: &<Block as BlockT>::Header) {
            Executive::offchain_worker(header)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            transaction: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, transaction, block_hash)
        }
    }

    impl sp_consensus_aura::AuraApi<Block, AuraId> for Runtime {
        fn slot_duration() -> sp_consensus_aura::SlotDuration {
            sp_consensus_aura::SlotDuration::from_millis(Aura::slot_duration())
        }

        fn authorities() -> Vec<AuraId> {
            pallet_aura::Authorities::<Runtime>::get().into_inner()
        }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(
            owner: Vec<u8>,
            seed: Option<Vec<u8>>,
        ) -> OpaqueGeneratedSessionKeys {
            SessionKeys::generate(&owner, seed).into()
        }

        fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
            SessionKeys::decode_into_raw_public_keys(&encoded)
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance>
        for Runtime
    {
        fn query_info(
            uxt: <Block as BlockT>::Extrinsic,
            len: u32,
        ) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(uxt, len)
        }

        fn query_fee_details(uxt: <Block as BlockT>::Extrinsic, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_fee_details(uxt, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<
        Block, Balance, RuntimeCall,
    > for Runtime
    {
        fn query_call_info(call: RuntimeCall, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_call_info(call, len)
        }

        fn query_call_fee_details(call: RuntimeCall, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_call_fee_details(call, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
        fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
            build_state::<RuntimeGenesisConfig>(config)
        }

        fn get_preset(id: &Option<PresetId>) -> Option<Vec<u8>> {
            get_preset::<RuntimeGenesisConfig>(id, genesis::preset)
        }

        fn preset_names() -> Vec<PresetId> {
            genesis::preset_names()
        }
    }

    impl assay_runtime_api::ShieldApi<Block> for Runtime {
        fn try_decode_shielded_tx(
            uxt: <Block as BlockT>::Extrinsic,
        ) -> Option<ShieldedTransaction> {
            match uxt.function {
                RuntimeCall::MevShield(pallet_mev_shield::Call::submit_encrypted { ciphertext }) => {
                    ShieldedTransaction::parse(&ciphertext)
                }
                _ => None,
            }
        }

        fn is_shielded_using_current_key(key_hash: &[u8; 16]) -> bool {
            MevShield::is_shielded_using_current_key(key_hash)
        }
    }

    impl assay_runtime_api::DelegateInfoRuntimeApi<Block> for Runtime {
        fn get_delegates() -> Vec<DelegateInfo<AccountId>> {
            SubtensorModule::delegates()
        }

        fn get_delegate(delegate_account: AccountId) -> Option<DelegateInfo<AccountId>> {
            SubtensorModule::delegate(&delegate_account)
        }

        fn get_delegated(delegatee_account: AccountId) -> Vec<Delegated<AccountId>> {
            SubtensorModule::delegated(&delegatee_account)
        }
    }

    impl assay_runtime_api::NeuronInfoRuntimeApi<Block> for Runtime {
        fn get_neurons(netuid: NetUid) -> Vec<NeuronInfo<AccountId>> {
            SubtensorModule::neuron_infos(netuid)
        }

        fn get_neuron(netuid: NetUid, uid: u16) -> Option<NeuronInfo<AccountId>> {
            SubtensorModule::neuron_info(netuid, uid)
        }

        fn get_neurons_lite(netuid: NetUid) -> Vec<NeuronInfoLite<AccountId>> {
            SubtensorModule::neuron_infos_lite(netuid)
        }

        fn get_neuron_lite(netuid: NetUid, uid: u16) -> Option<NeuronInfoLite<AccountId>> {
            SubtensorModule::neuron_info_lite(netuid, uid)
        }
    }

    impl assay_runtime_api::SubnetInfoRuntimeApi<Block> for Runtime {
        fn get_subnet_info(netuid: NetUid) -> Option<SubnetInfo<AccountId>> {
            SubtensorModule::subnet_info(netuid)
        }

        fn get_subnets_info() -> Vec<Option<SubnetInfo<AccountId>>> {
            SubtensorModule::subnet_infos()
        }

        fn get_subnet_info_v2(netuid: NetUid) -> Option<SubnetInfov2<AccountId>> {
            SubtensorModule::subnet_info_v2(netuid)
        }

        fn get_subnets_info_v2() -> Vec<Option<SubnetInfov2<AccountId>>> {
            SubtensorModule::subnet_infos_v2()
        }

        fn get_subnet_hyperparams(netuid: NetUid) -> Option<SubnetHyperparams> {
            SubtensorModule::subnet_hyperparameters_v1(netuid)
        }

        fn get_subnet_hyperparams_v2(netuid: NetUid) -> Option<SubnetHyperparamsV2> {
            SubtensorModule::subnet_hyperparameters_v2(netuid)
        }

        fn get_subnet_state(netuid: NetUid) -> Option<SubnetState<AccountId>> {
            SubtensorModule::subnet_state(netuid)
        }

        fn get_metagraph(netuid: NetUid) -> Option<Metagraph<AccountId>> {
            SubtensorModule::metagraph(netuid)
        }

        fn get_all_metagraphs() -> Vec<Option<Metagraph<AccountId>>> {
            SubtensorModule::metagraphs()
        }

        fn get_mechagraph(netuid: NetUid, mecid: MechId) -> Option<Metagraph<AccountId>> {
            SubtensorModule::mechagraph(netuid, mecid)
        }

        fn get_all_mechagraphs() -> Vec<Option<Metagraph<AccountId>>> {
            SubtensorModule::mechagraphs()
        }

        fn get_selective_metagraph(
            netuid: NetUid,
            metagraph_indexes: Named<u16>,
        ) -> Option<SelectiveMetagraph<AccountId>> {
            SubtensorModule::selective_metagraph(netuid, metagraph_indexes.0)
        }

        fn get_selective_mechagraph(
            netuid: NetUid,
            subid: MechId,
            metagraph_indexes: Named<u16>,
        ) -> Option<SelectiveMetagraph<AccountId>> {
            SubtensorModule::selective_mechagraph(netuid, subid, metagraph_indexes.0)
        }

        fn get_dynamic_info(netuid: NetUid) -> Option<DynamicInfo<AccountId>> {
            SubtensorModule::dynamic_info(netuid)
        }

        fn get_all_dynamic_info() -> Vec<Option<DynamicInfo<AccountId>>> {
            SubtensorModule::dynamic_infos()
        }

        fn get_subnet_hyperparams_v3(netuid: NetUid) -> Option<Vec<HyperparamEntry>> {
            SubtensorModule::subnet_hyperparameters(netuid)
        }

        fn get_coldkey_auto_stake_hotkey(
            coldkey: AccountId,
            netuid: NetUid,
        ) -> Option<AccountId> {
            pallet_subtensor::AutoStakeDestination::<Runtime>::get(coldkey, netuid)
        }

        fn get_subnet_to_prune() -> Option<NetUid> {
            SubtensorModule::subnet_to_prune()
        }

        fn get_next_epoch_start_block(netuid: NetUid) -> Option<u64> {
            SubtensorModule::next_epoch_block(netuid)
        }

        fn get_subnet_account_id(_netuid: NetUid) -> Option<AccountId> {
            None
        }

        fn get_block_emission() -> TaoBalance {
            pallet_subtensor::BlockEmission::<Runtime>::get().into()
        }
    }

    impl assay_runtime_api::StakeInfoRuntimeApi<Block> for Runtime {
        fn get_stake_info_for_coldkey(coldkey_account: AccountId) -> Vec<StakeInfo<AccountId>> {
            SubtensorModule::stake_info_of(&coldkey_account)
        }

        fn get_stake_info_for_coldkeys(
            coldkey_accounts: Named<AccountId>,
        ) -> Vec<(AccountId, Vec<StakeInfo<AccountId>>)> {
            SubtensorModule::stake_infos_of(coldkey_accounts.0)
        }

        fn get_stake_info_for_hotkey_coldkey_netuid(
            hotkey_account: AccountId,
            coldkey_account: AccountId,
            netuid: NetUid,
        ) -> Option<StakeInfo<AccountId>> {
            SubtensorModule::stake_info(&hotkey_account, &coldkey_account, netuid)
        }

        fn get_stake_availability_for_coldkeys(
            coldkey_accounts: Named<AccountId>,
            netuids: Option<Named<NetUid>>,
        ) -> BTreeMap<AccountId, BTreeMap<NetUid, StakeAvailability>> {
            SubtensorModule::stake_availability(coldkey_accounts.0, netuids.map(|list| list.0))
        }

        fn get_stake_fee(
            origin: Option<(AccountId, NetUid)>,
            _origin_coldkey_account: AccountId,
            destination: Option<(AccountId, NetUid)>,
            _destination_coldkey_account: AccountId,
            amount: u64,
        ) -> u64 {
            SubtensorModule::stake_fee(origin, destination, amount)
        }

        fn get_coldkey_lock(coldkey: AccountId, netuid: NetUid) -> Option<LockState> {
            SubtensorModule::coldkey_lock(&coldkey, netuid)
        }

        fn get_hotkey_conviction(hotkey: AccountId, netuid: NetUid) -> Conviction {
            SubtensorModule::hotkey_conviction(&hotkey, netuid)
        }

        fn get_most_convicted_hotkey_on_subnet(netuid: NetUid) -> Option<AccountId> {
            SubtensorModule::most_convicted_hotkey(netuid)
        }
    }

    impl assay_runtime_api::SubnetRegistrationRuntimeApi<Block> for Runtime {
        fn get_network_registration_cost() -> TaoBalance {
            SubtensorModule::network_lock_cost()
        }
    }

    impl assay_runtime_api::SwapRuntimeApi<Block> for Runtime {
        fn current_alpha_price(netuid: NetUid) -> u64 {
            SubtensorModule::alpha_price(netuid)
        }

        fn current_alpha_price_all() -> Vec<SubnetPrice> {
            SubtensorModule::alpha_prices()
        }

        fn sim_swap_tao_for_alpha(netuid: NetUid, tao: TaoBalance) -> SwapQuote {
            SubtensorModule::quote_buy(netuid, tao).unwrap_or_default()
        }

        fn sim_swap_alpha_for_tao(netuid: NetUid, alpha: AlphaBalance) -> SwapQuote {
            SubtensorModule::quote_sell(netuid, alpha).unwrap_or_default()
        }
    }

    impl assay_runtime_api::InvariantsRuntimeApi<Block> for Runtime {
        fn broken_invariant() -> Option<Vec<u8>> {
            crate::invariants::check().err().map(|broken| broken.as_bytes().to_vec())
        }
    }

    impl assay_runtime_api::BeaconRuntimeApi<Block> for Runtime {
        fn beacon_public_key(seed: [u8; 32]) -> Option<[u8; 96]> {
            assay_timelock::public_key(&seed)
        }

        fn beacon_signature(seed: [u8; 32], round: u64) -> Option<[u8; 48]> {
            assay_timelock::sign(&seed, round)
        }

        fn seal_to_round(
            text: Vec<u8>,
            round: u64,
            public_key: [u8; 96],
            entropy: [u8; 32],
        ) -> Option<Vec<u8>> {
            assay_timelock::seal(&text, round, &public_key, &entropy)
        }
    }

    impl assay_runtime_api::BetaBasketRuntimeApi<Block> for Runtime {
        fn get_root_basket_owed(coldkey: AccountId) -> TaoBalance {
            SubtensorModule::root_owed(&coldkey)
        }

        fn get_basket_payout(hotkey: AccountId, coldkey: AccountId) -> TaoBalance {
            SubtensorModule::root_owed_behind(&hotkey, &coldkey)
        }

        fn get_validator_basket_nav(hotkey: AccountId) -> TaoBalance {
            SubtensorModule::basket(&hotkey).nav_tao
        }

        fn get_validator_basket(hotkey: AccountId) -> Vec<(NetUid, AlphaBalance, TaoBalance)> {
            let holdings = SubtensorModule::basket(&hotkey).holdings.into_iter();
            holdings.map(|held| (held.netuid, held.alpha, held.realizable_tao)).collect()
        }

        fn get_root_basket_total_nav() -> TaoBalance {
            SubtensorModule::baskets_nav()
        }

        fn get_validator_basket_summary(hotkey: AccountId) -> BasketSummary<AccountId> {
            SubtensorModule::basket(&hotkey)
        }

        fn get_all_validator_baskets() -> Vec<BasketSummary<AccountId>> {
            SubtensorModule::baskets()
        }

        fn get_basket_position(
            hotkey: AccountId,
            coldkey: AccountId,
        ) -> Option<BasketPosition<AccountId>> {
            SubtensorModule::basket_position(&hotkey, &coldkey)
        }

        fn get_root_basket_portfolio(coldkey: AccountId) -> Vec<BasketPosition<AccountId>> {
            SubtensorModule::basket_positions(&coldkey)
        }

        fn get_basket_trading_status(_hotkey: AccountId) -> BasketTradingStatus {
            BasketTradingStatus::default()
        }

        fn get_root_basket_positions(coldkey: AccountId) -> Vec<(AccountId, u64, TaoBalance)> {
            SubtensorModule::root_positions(&coldkey)
        }
    }

    impl assay_runtime_api::ProxyFilterRuntimeApi<Block> for Runtime {
        fn get_proxy_types() -> Vec<ProxyTypeInfo> {
            proxies::types()
        }

        fn get_proxy_filters(proxy_types: Option<Named<u8>>) -> Vec<ProxyFilterInfo> {
            proxies::filters(proxy_types.map(|Named(asked)| asked))
        }
    }
}
