//! The records of older clients say the same as the newer ones.

use super::*;

#[test]
fn a_subnets_state_is_its_metagraphs_columns() {
    run(local(), || {
        an_epoch_of_work();
        let graph = Chain::metagraph(SUBNET).unwrap();
        let state = Chain::subnet_state(SUBNET).unwrap();
        assert_eq!((state.netuid, &state.hotkeys), (graph.netuid, &graph.hotkeys));
        assert_eq!((&state.coldkeys, &state.active), (&graph.coldkeys, &graph.active));
        assert_eq!(state.validator_permit, graph.validator_permit);
        assert_eq!(state.pruning_score, graph.pruning_score);
        assert_eq!((state.last_update, state.emission), (graph.last_update, graph.emission));
        assert_eq!((state.dividends, state.incentives), (graph.dividends, graph.incentives));
        assert_eq!(
            (state.consensus, state.trust, state.rank),
            (graph.consensus, graph.trust, graph.rank)
        );
        assert_eq!(state.block_at_registration, graph.block_at_registration);
        assert_eq!((state.alpha_stake, state.tao_stake), (graph.alpha_stake, graph.tao_stake));
        assert_eq!(state.total_stake, graph.total_stake);
        assert_eq!(state.emission_history, Vec::<Vec<_>>::new());
        assert_eq!(Chain::subnet_state(NetUid::new(9)), None);
    });
}

#[test]
fn records_of_a_subnet_hold_what_is_set() {
    run(local(), || {
        an_epoch_of_work();
        Rho::<Test>::insert(SUBNET, 11);
        Burn::<Test>::insert(SUBNET, Tao::new(12));
        MaxAllowedValidators::<Test>::insert(SUBNET, 13);
        let info = Chain::subnet_info(SUBNET).unwrap();
        assert_eq!((info.netuid.0, info.owner), (SUBNET, 1));
        assert_eq!(
            (info.rho.0, info.burn.0, info.max_allowed_validators.0),
            (11, Tao::new(12), 13)
        );
        assert_eq!((info.subnetwork_n.0, info.tempo.0, info.scaling_law_power.0), (3, 20, 50));
        assert_eq!(info.blocks_since_last_step.0, BlocksSinceLastStep::<Test>::get(SUBNET));

        // The newer record is the older one with the identity after it.
        let newer = Chain::subnet_info_v2(SUBNET).unwrap();
        assert_eq!(newer.encode(), [info.encode(), None::<SubnetIdentityV3>.encode()].concat());
        assert_eq!(Chain::subnet_infos()[1..], [Some(info)]);
        assert_eq!(Chain::subnet_infos_v2()[1..], [Some(newer)]);
        assert_eq!(Chain::subnet_infos()[0].as_ref().unwrap().netuid.0, NetUid::ROOT);
        assert_eq!(Chain::subnet_info(NetUid::new(9)), None);
        assert_eq!(Chain::subnet_info_v2(NetUid::new(9)), None);
    });
}

#[test]
fn fixed_records_of_hyperparameters_agree_with_the_list() {
    run(local(), || {
        an_epoch_of_work();
        // Values that tell fields of one width apart.
        Kappa::<Test>::insert(SUBNET, 21);
        ImmunityPeriod::<Test>::insert(SUBNET, 22);
        MinDifficulty::<Test>::insert(SUBNET, 23);
        WeightsVersionKey::<Test>::insert(SUBNET, 24);
        AlphaSigmoidSteepness::<Test>::insert(SUBNET, -25);
        AlphaValues::<Test>::insert(SUBNET, (26, 27));
        MinBurn::<Test>::insert(SUBNET, Tao::new(28));
        let newer = Chain::subnet_hyperparameters_v2(SUBNET).unwrap();
        let listed = |name: &str| {
            let list = Chain::subnet_hyperparameters(SUBNET).unwrap();
            list.into_iter().find(|entry| entry.name == name.as_bytes()).unwrap().value
        };
        let fields: Vec<(&str, HyperparamValue)> = vec![
            ("rho", newer.rho.0.into()),
            ("kappa", newer.kappa.0.into()),
            ("immunity_period", newer.immunity_period.0.into()),
            ("min_allowed_weights", newer.min_allowed_weights.0.into()),
            ("max_weights_limit", newer.max_weights_limit.0.into()),
            ("tempo", newer.tempo.0.into()),
            ("min_difficulty", newer.min_difficulty.0.into()),
            ("max_difficulty", newer.max_difficulty.0.into()),
            ("weights_version", newer.weights_version.0.into()),
            ("weights_rate_limit", newer.weights_rate_limit.0.into()),
            ("adjustment_interval", newer.adjustment_interval.0.into()),
            ("activity_cutoff", newer.activity_cutoff.0.into()),
            ("registration_allowed", newer.registration_allowed.into()),
            ("target_regs_per_interval", newer.target_regs_per_interval.0.into()),
            ("min_burn", newer.min_burn.0.into()),
            ("max_burn", newer.max_burn.0.into()),
            ("bonds_moving_avg", newer.bonds_moving_avg.0.into()),
            ("max_regs_per_block", newer.max_regs_per_block.0.into()),
            ("serving_rate_limit", newer.serving_rate_limit.0.into()),
            ("max_validators", newer.max_validators.0.into()),
            ("adjustment_alpha", newer.adjustment_alpha.0.into()),
            ("difficulty", newer.difficulty.0.into()),
            ("commit_reveal_period", newer.commit_reveal_period.0.into()),
            ("commit_reveal_weights_enabled", newer.commit_reveal_weights_enabled.into()),
            ("alpha_high", newer.alpha_high.0.into()),
            ("alpha_low", newer.alpha_low.0.into()),
            ("liquid_alpha_enabled", newer.liquid_alpha_enabled.into()),
            ("alpha_sigmoid_steepness", newer.alpha_sigmoid_steepness.into()),
            ("yuma_version", newer.yuma_version.0.into()),
            ("subnet_is_active", newer.subnet_is_active.into()),
            ("transfers_enabled", newer.transfers_enabled.into()),
            ("bonds_reset_enabled", newer.bonds_reset_enabled.into()),
        ];
        for (name, value) in fields {
            assert_eq!(value, listed(name), "{name}");
        }
        let older = Chain::subnet_hyperparameters_v1(SUBNET).unwrap().encode();
        assert_eq!(newer.encode()[..older.len()], older);
        assert_eq!(Chain::subnet_hyperparameters_v2(NetUid::new(9)), None);
    });
}

#[test]
fn the_fee_of_a_move_is_the_pools_where_it_goes() {
    run(local(), || {
        an_epoch_of_work();
        Fees::set(655); // a hundredth, nearly
        let place = |netuid| Some((102u64, netuid));
        let fee = 1_000_000 * 655 / 65_535;
        assert_eq!(Chain::stake_fee(None, place(SUBNET), 1_000_000), fee);
        assert_eq!(Chain::stake_fee(place(SUBNET), None, 1_000_000), fee);
        assert_eq!(Chain::stake_fee(place(NetUid::ROOT), place(SUBNET), 1_000_000), fee);
        assert_eq!(Chain::stake_fee(place(SUBNET), place(NetUid::ROOT), 1_000_000), 0);
        assert_eq!(Chain::stake_fee(place(SUBNET), place(SUBNET), 1_000_000), 0);
        assert_eq!(Chain::stake_fee(None, None, u64::MAX), 0);
    });
}
