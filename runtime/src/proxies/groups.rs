//! The groups that calls are in, by the names of pallet and call.
//!
//! Each call of the public runtime is in one group, whether this chain has it or not, so that a call
//! which arrives later is in its group from its first day. A test holds that each call that the
//! chain has is in one.

/// Calls that types of proxies allow together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Pallets that move no value of the account by themselves.
    Infrastructure,
    /// Pallets through which value may be moved by other means.
    Indirect,
    Sudo,
    /// Transfers of balances.
    Transfers,
    /// What else changes balances; all but `burn` are for root.
    Maintenance,
    /// One's own stake: adding, removing, moving.
    Stake,
    /// Stake that goes to another coldkey.
    StakeTransfers,
    /// Registering a neuron by work, which costs no TAO.
    WorkRegistration,
    BurnedRegistration,
    RootRegistration,
    HotkeySwap,
    ColdkeySwap,
    /// The end of a subnet.
    Dissolution,
    ChildKeys,
    RootClaim,
    /// What a subnet says of itself.
    Identity,
    /// The start of a subnet.
    Activation,
    Basket,
    /// What remains of the subtensor pallet.
    Common,
    /// What the owner of a subnet may set.
    Management,
    /// What only root may set.
    RootConfig,
    /// Naming the owner of a subnet.
    OwnerKey,
}

/// Pallets of which all calls are in one group.
const PALLETS: &[(Group, &[&str])] = &[
    (
        Group::Infrastructure,
        &[
            "System",
            "Timestamp",
            "Grandpa",
            "Utility",
            "Multisig",
            "Preimage",
            "Scheduler",
            "Proxy",
            "Commitments",
            "SafeMode",
            "Ethereum",
            "BaseFee",
            "Drand",
            "Swap",
            "MevShield",
            "LimitOrders",
        ],
    ),
    (Group::Indirect, &["EVM", "Contracts", "Crowdloan"]),
    (Group::Sudo, &["Sudo"]),
];

const BALANCES: &[(Group, &[&str])] = &[
    (Group::Transfers, &["transfer_keep_alive", "transfer_allow_death", "transfer_all"]),
    (
        Group::Maintenance,
        &[
            "force_transfer",
            "force_unreserve",
            "upgrade_accounts",
            "force_set_balance",
            "force_adjust_total_issuance",
            "burn",
        ],
    ),
];

const SUBTENSOR: &[(Group, &[&str])] = &[
    (
        Group::Stake,
        &[
            "add_stake",
            "add_stake_limit",
            "remove_stake",
            "remove_stake_limit",
            "remove_stake_full_limit",
            "unstake_all",
            "unstake_all_alpha",
            "move_stake",
            "move_stake_limit",
            "swap_stake",
            "swap_stake_limit",
            "stake_into_basket",
            "add_collateral",
            "set_min_collateral",
        ],
    ),
    (Group::StakeTransfers, &["transfer_stake", "transfer_stake_and_hotkey"]),
    (Group::WorkRegistration, &["register", "register_limit", "pow_register", "faucet"]),
    (Group::BurnedRegistration, &["burned_register"]),
    (Group::RootRegistration, &["root_register"]),
    (Group::HotkeySwap, &["swap_hotkey", "swap_hotkey_v2"]),
    (
        Group::ColdkeySwap,
        &[
            "schedule_swap_coldkey",
            "swap_coldkey",
            // Whoever is let go of may be taken by another coldkey.
            "disassociate_hotkey",
            "announce_coldkey_swap",
            "swap_coldkey_announced",
            "clear_coldkey_swap_announcement",
            "dispute_coldkey_swap",
            "reset_coldkey_swap",
        ],
    ),
    (Group::Dissolution, &["dissolve_network", "root_dissolve_network"]),
    (Group::ChildKeys, &["set_children", "set_childkey_take"]),
    (Group::RootClaim, &["claim_root", "claim_root_with_hotkey"]),
    (Group::Identity, &["set_subnet_identity", "update_symbol"]),
    (Group::Activation, &["start_call"]),
    (Group::Basket, &["swap_basket", "swap_basket_many"]),
    // They stand beside the setters of `AdminUtils`, which they came before.
    (Group::Management, &["set_tempo", "set_activity_cutoff_factor"]),
    (
        Group::Common,
        &[
            "set_weights",
            "set_root_weights",
            "set_mechanism_weights",
            "batch_set_weights",
            "commit_weights",
            "commit_mechanism_weights",
            "batch_commit_weights",
            "commit_crv3_mechanism_weights",
            "commit_timelocked_weights",
            "commit_timelocked_mechanism_weights",
            "reveal_weights",
            "reveal_mechanism_weights",
            "batch_reveal_weights",
            "add_stake_burn",
            "lock_stake",
            "move_lock",
            "set_perpetual_lock",
            "set_reject_locked_alpha",
            "recycle_alpha",
            "burn_alpha",
            "register_network",
            "register_network_with_identity",
            "register_leased_network",
            "decrease_take",
            "increase_take",
            "serve_axon",
            "serve_axon_tls",
            "serve_prometheus",
            "set_identity",
            "try_associate_hotkey",
            "associate_evm_key",
            "set_coldkey_auto_stake_hotkey",
            "set_pending_childkey_cooldown",
            "set_auto_parent_delegation_enabled",
            "sudo_set_tx_childkey_take_rate_limit",
            "sudo_set_min_childkey_take",
            "sudo_set_max_childkey_take",
            "terminate_lease",
            "trigger_epoch",
            "sudo_set_root_claim_threshold",
            "enable_voting_power_tracking",
            "disable_voting_power_tracking",
            "sudo_set_voting_power_ema_alpha",
        ],
    ),
];

const ADMIN: &[(Group, &[&str])] = &[
    (
        Group::Management,
        &[
            "sudo_set_serving_rate_limit",
            "sudo_set_max_difficulty",
            "sudo_set_weights_version_key",
            "sudo_set_adjustment_alpha",
            "sudo_set_immunity_period",
            "sudo_set_min_allowed_weights",
            "sudo_set_rho",
            "sudo_set_activity_cutoff",
            "sudo_set_activity_cutoff_factor",
            "sudo_set_tempo",
            "sudo_set_min_burn",
            "sudo_set_max_burn",
            "sudo_set_bonds_moving_average",
            "sudo_set_bonds_penalty",
            "sudo_set_min_childkey_take_per_subnet",
            "sudo_set_commit_reveal_weights_enabled",
            "sudo_set_liquid_alpha_enabled",
            "sudo_set_alpha_values",
            "sudo_set_liquid_alpha_consensus_mode",
            "sudo_set_commit_reveal_weights_interval",
            "sudo_set_toggle_transfer",
            "sudo_set_recycle_or_burn",
            "sudo_set_alpha_sigmoid_steepness",
            "sudo_set_yuma3_enabled",
            "sudo_set_bonds_reset_enabled",
            "sudo_set_owner_immune_neuron_limit",
            "sudo_set_mechanism_count",
            "sudo_set_mechanism_emission_split",
            "sudo_trim_to_max_allowed_uids",
            "sudo_trim_null_uids_batch",
            "sudo_set_max_allowed_uids",
            "sudo_set_burn_half_life",
            "sudo_set_burn_increase_mult",
            "sudo_set_owner_cut_enabled",
            "sudo_set_owner_cut_auto_lock_enabled",
            "sudo_set_collateral_lock_share",
            "sudo_set_collateral_drain_ratio",
            "sudo_set_epoch_consensus",
        ],
    ),
    (Group::OwnerKey, &["sudo_set_sn_owner_hotkey", "sudo_set_subnet_owner_hotkey"]),
    (
        Group::RootConfig,
        &[
            "swap_authorities",
            "schedule_grandpa_change",
            "sudo_set_default_take",
            "sudo_set_tx_rate_limit",
            "sudo_set_min_difficulty",
            "sudo_set_weights_set_rate_limit",
            "sudo_set_adjustment_interval",
            "sudo_set_kappa",
            "sudo_set_network_registration_allowed",
            "sudo_set_network_pow_registration_allowed",
            "sudo_set_target_registrations_per_interval",
            "sudo_set_difficulty",
            "sudo_set_max_allowed_validators",
            "sudo_set_max_registrations_per_block",
            "sudo_set_subnet_owner_cut",
            "sudo_set_network_rate_limit",
            "sudo_set_total_issuance",
            "sudo_set_network_immunity_period",
            "sudo_set_network_min_lock_cost",
            "sudo_set_subnet_limit",
            "sudo_set_lock_reduction_interval",
            "sudo_set_rao_recycled",
            "sudo_set_stake_threshold",
            "sudo_set_nominator_min_required_stake",
            "sudo_set_tx_delegate_take_rate_limit",
            "sudo_set_min_delegate_take",
            "sudo_set_dissolve_network_schedule_duration",
            "sudo_set_evm_chain_id",
            "sudo_toggle_evm_precompile",
            "sudo_set_subnet_moving_alpha",
            "sudo_set_ema_price_halving_period",
            "sudo_set_subtoken_enabled",
            "sudo_set_commit_reveal_version",
            "sudo_set_ck_burn",
            "sudo_set_admin_freeze_window",
            "sudo_set_owner_hparam_rate_limit",
            "sudo_set_min_allowed_uids",
            "sudo_set_min_non_immune_uids",
            "sudo_set_tao_flow_cutoff",
            "sudo_set_tao_flow_normalization_exponent",
            "sudo_set_emission_bar_quantile",
            "sudo_set_emission_bar_rank",
            "sudo_set_emission_gate_exponent",
            "sudo_set_tao_flow_smoothing_factor",
            "sudo_set_net_tao_flow_enabled",
            "sudo_set_max_mechanism_count",
            "sudo_set_start_call_delay",
            "sudo_set_coldkey_swap_announcement_delay",
            "sudo_set_coldkey_swap_reannouncement_delay",
            "sudo_set_subnet_emission_enabled",
            "sudo_set_max_epochs_per_block",
            "sudo_set_root_weight_setting_enabled",
            "sudo_set_root_weights_cap",
            "sudo_set_basket_claim_dust",
            "sudo_set_basket_concentration_cap",
            "sudo_set_basket_daily_turnover_cap",
            "sudo_set_basket_liquidity_cap",
            "sudo_set_basket_min_trade_tao",
            "sudo_set_basket_trading_enabled",
            "sudo_set_basket_trading_frozen",
        ],
    ),
];

/// What the beneficiary of a leased subnet may set of it, beside starting it: the list of the public
/// runtime at spec 425. Its later line allows the whole of [`Group::Management`] instead; with that a
/// beneficiary could switch off the owner's cut, which contributors have a share of, or trim them
/// from the subnet.
const LEASED_ADMIN: &[&str] = &[
    "sudo_set_serving_rate_limit",
    "sudo_set_min_difficulty",
    "sudo_set_max_difficulty",
    "sudo_set_weights_version_key",
    "sudo_set_adjustment_alpha",
    "sudo_set_immunity_period",
    "sudo_set_min_allowed_weights",
    "sudo_set_kappa",
    "sudo_set_rho",
    "sudo_set_activity_cutoff",
    "sudo_set_network_registration_allowed",
    "sudo_set_network_pow_registration_allowed",
    "sudo_set_max_burn",
    "sudo_set_bonds_moving_average",
    "sudo_set_bonds_penalty",
    "sudo_set_commit_reveal_weights_enabled",
    "sudo_set_liquid_alpha_enabled",
    "sudo_set_alpha_values",
    "sudo_set_commit_reveal_weights_interval",
    "sudo_set_toggle_transfer",
    "sudo_set_subnet_emission_enabled",
    "sudo_set_min_childkey_take_per_subnet",
];

/// Whether the call `name` of `pallet` is for the beneficiary of a leased subnet.
pub fn is_leased(pallet: &str, name: &str) -> bool {
    match pallet {
        "SubtensorModule" => name == "start_call",
        "AdminUtils" => LEASED_ADMIN.contains(&name),
        _ => false,
    }
}

/// The group of the call `name` of `pallet`; none where nobody has said.
pub fn group_of(pallet: &str, name: &str) -> Option<Group> {
    match pallet {
        "Balances" => find(BALANCES, name),
        "SubtensorModule" => find(SUBTENSOR, name),
        "AdminUtils" => find(ADMIN, name),
        _ => find(PALLETS, pallet),
    }
}

fn find(table: &[(Group, &[&str])], name: &str) -> Option<Group> {
    table.iter().find(|(_, names)| names.contains(&name)).map(|(group, _)| *group)
}
