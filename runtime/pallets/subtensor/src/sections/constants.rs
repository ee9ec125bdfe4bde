//! The constants that clients read from the metadata, each taken from the rule that it is about.
//!
//! What genesis decides is told as the chain has it now: metadata is evaluated when it is asked for.
//! An item's first value is what its storage answers before anybody has set it; a new subnet may
//! be given others (`crate::subnets::register`), on the public chain too. Public constants of rules
//! that are not here are not here either.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod constants {
    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// Blocks between the registration of a subnet and its start, as the chain has it now.
        #[pallet::constant_name(InitialStartCallDelay)]
        fn initial_start_call_delay() -> u64 {
            StartCallDelay::<T>::get()
        }

        /// Blocks after which the dividends of a leased subnet are paid out.
        #[pallet::constant_name(LeaseDividendsDistributionInterval)]
        fn lease_dividends_distribution_interval() -> BlockNumberFor<T> {
            INTERVAL.into()
        }

        /// Blocks between two registrations of subnets, as the chain has it now.
        #[pallet::constant_name(InitialNetworkRateLimit)]
        fn initial_network_rate_limit() -> u64 {
            NetworkRateLimit::<T>::get()
        }

        /// Blocks between two raises of a child key's take, as the chain has it now.
        #[pallet::constant_name(InitialTxChildKeyTakeRateLimit)]
        fn initial_tx_child_key_take_rate_limit() -> u64 {
            TxChildkeyTakeRateLimit::<T>::get()
        }

        /// Epochs that may run in one block, as the chain has it now.
        #[pallet::constant_name(InitialMaxEpochsPerBlock)]
        fn initial_max_epochs_per_block() -> u8 {
            MaxEpochsPerBlock::<T>::get()
        }

        /// The same, under the name by which the SDK's 10.5 asks.
        #[pallet::constant_name(MaxEpochsPerBlock)]
        fn max_epochs_per_block() -> u8 {
            MaxEpochsPerBlock::<T>::get()
        }

        /// Tempo that a new subnet gets.
        #[pallet::constant_name(InitialTempo)]
        fn initial_tempo() -> u16 {
            NewSubnetDefaults::<T>::get().tempo
        }

        /// Blocks between two changes of an endpoint, on a new subnet.
        #[pallet::constant_name(InitialServingRateLimit)]
        fn initial_serving_rate_limit() -> u64 {
            NewSubnetDefaults::<T>::get().serving_rate_limit
        }

        /// Registrations that one block may hold, on a new subnet.
        #[pallet::constant_name(InitialMaxRegistrationsPerBlock)]
        fn initial_max_registrations_per_block() -> u16 {
            NewSubnetDefaults::<T>::get().max_registrations_per_block
        }

        /// TAO in existence before genesis gives any away.
        #[pallet::constant_name(InitialIssuance)]
        fn initial_issuance() -> Tao {
            first_value::<TotalIssuance<T>, _>()
        }

        /// Blocks between two changes of key by one coldkey.
        #[pallet::constant_name(InitialTxRateLimit)]
        fn initial_tx_rate_limit() -> u64 {
            first_value::<TxRateLimit<T>, _>()
        }

        /// Blocks after a change of a delegate take in which it is not raised.
        #[pallet::constant_name(InitialTxDelegateTakeRateLimit)]
        fn initial_tx_delegate_take_rate_limit() -> u64 {
            first_value::<TxDelegateTakeRateLimit<T>, _>()
        }

        /// Blocks during which a new subnet is not pruned.
        #[pallet::constant_name(InitialNetworkImmunityPeriod)]
        fn initial_network_immunity_period() -> u64 {
            first_value::<NetworkImmunityPeriod<T>, _>()
        }

        /// Floor of the price of a subnet.
        #[pallet::constant_name(InitialNetworkMinLockCost)]
        fn initial_network_min_lock_cost() -> Tao {
            first_value::<NetworkMinLockCost<T>, _>()
        }

        /// Subnet owners' share of the emission, of 65535.
        #[pallet::constant_name(InitialSubnetOwnerCut)]
        fn initial_subnet_owner_cut() -> u16 {
            first_value::<SubnetOwnerCut<T>, _>()
        }

        /// Blocks in which a subnet's price falls by what the latest one cost.
        #[pallet::constant_name(InitialNetworkLockReductionInterval)]
        fn initial_network_lock_reduction_interval() -> u64 {
            first_value::<NetworkLockReductionInterval<T>, _>()
        }

        /// What a TAO staked on root counts for beside alpha, as a fraction of 2^64.
        #[pallet::constant_name(InitialTaoWeight)]
        fn initial_tao_weight() -> u64 {
            first_value::<TaoWeight<T>, _>()
        }

        /// Least that a delegate may take, of 65535.
        #[pallet::constant_name(InitialMinDelegateTake)]
        fn initial_min_delegate_take() -> u16 {
            first_value::<MinDelegateTake<T>, _>().deconstruct()
        }

        /// Least that a child key may take, of 65535.
        #[pallet::constant_name(InitialMinChildKeyTake)]
        fn initial_min_child_key_take() -> u16 {
            first_value::<MinChildkeyTake<T>, _>().deconstruct()
        }

        /// Most that a child key may take, of 65535.
        #[pallet::constant_name(InitialMaxChildKeyTake)]
        fn initial_max_child_key_take() -> u16 {
            first_value::<MaxChildkeyTake<T>, _>().deconstruct()
        }

        /// What a delegate takes that has said nothing, of 65535.
        #[pallet::constant_name(InitialDefaultDelegateTake)]
        fn initial_default_delegate_take() -> u16 {
            first_entry::<Delegates<T>, T::AccountId, _>().deconstruct()
        }

        /// What a child key takes that has said nothing, of 65535.
        #[pallet::constant_name(InitialDefaultChildKeyTake)]
        fn initial_default_child_key_take() -> u16 {
            first_pair_entry::<ChildkeyTake<T>, T::AccountId, NetUid, _>().deconstruct()
        }

        /// Weights that a validator sets at least.
        #[pallet::constant_name(InitialMinAllowedWeights)]
        fn initial_min_allowed_weights() -> u16 {
            first_entry::<MinAllowedWeights<T>, NetUid, _>()
        }

        /// Difficulty of proof of work.
        #[pallet::constant_name(InitialDifficulty)]
        fn initial_difficulty() -> u64 {
            first_entry::<Difficulty<T>, NetUid, _>()
        }

        /// Ceiling of the difficulty.
        #[pallet::constant_name(InitialMaxDifficulty)]
        fn initial_max_difficulty() -> u64 {
            first_entry::<MaxDifficulty<T>, NetUid, _>()
        }

        /// Floor of the difficulty.
        #[pallet::constant_name(InitialMinDifficulty)]
        fn initial_min_difficulty() -> u64 {
            first_entry::<MinDifficulty<T>, NetUid, _>()
        }

        /// TAO paid for registration of neurons.
        #[pallet::constant_name(InitialRAORecycledForRegistration)]
        fn initial_rao_recycled_for_registration() -> Tao {
            first_entry::<RAORecycledForRegistration<T>, NetUid, _>()
        }

        /// Price of a registration.
        #[pallet::constant_name(InitialBurn)]
        fn initial_burn() -> Tao {
            first_entry::<Burn<T>, NetUid, _>()
        }

        /// Ceiling of that price.
        #[pallet::constant_name(InitialMaxBurn)]
        fn initial_max_burn() -> Tao {
            first_entry::<MaxBurn<T>, NetUid, _>()
        }

        /// Floor of that price.
        #[pallet::constant_name(InitialMinBurn)]
        fn initial_min_burn() -> Tao {
            first_entry::<MinBurn<T>, NetUid, _>()
        }

        /// A setting of old that nothing reads.
        #[pallet::constant_name(InitialAdjustmentInterval)]
        fn initial_adjustment_interval() -> u16 {
            first_entry::<AdjustmentInterval<T>, NetUid, _>()
        }

        /// Inertia of the bonds, in millionths.
        #[pallet::constant_name(InitialBondsMovingAverage)]
        fn initial_bonds_moving_average() -> u64 {
            first_entry::<BondsMovingAverage<T>, NetUid, _>()
        }

        /// How much of a weight above consensus the bonds disregard, of 65535.
        #[pallet::constant_name(InitialBondsPenalty)]
        fn initial_bonds_penalty() -> u16 {
            first_entry::<BondsPenalty<T>, NetUid, _>()
        }

        /// Whether a neuron may have the bonds towards it reset.
        #[pallet::constant_name(InitialBondsResetOn)]
        fn initial_bonds_reset_on() -> bool {
            first_entry::<BondsResetOn<T>, NetUid, _>()
        }

        /// A setting of old that nothing reads.
        #[pallet::constant_name(InitialTargetRegistrationsPerInterval)]
        fn initial_target_registrations_per_interval() -> u16 {
            first_entry::<TargetRegistrationsPerInterval<T>, NetUid, _>()
        }

        /// A setting of old that nothing reads.
        #[pallet::constant_name(InitialRho)]
        fn initial_rho() -> u16 {
            first_entry::<Rho<T>, NetUid, _>()
        }

        /// How sharply liquid alpha goes from slow to fast.
        #[pallet::constant_name(InitialAlphaSigmoidSteepness)]
        fn initial_alpha_sigmoid_steepness() -> i16 {
            first_entry::<AlphaSigmoidSteepness<T>, NetUid, _>()
        }

        /// Stake, of 65535, that must agree on a weight.
        #[pallet::constant_name(InitialKappa)]
        fn initial_kappa() -> u16 {
            first_entry::<Kappa<T>, NetUid, _>()
        }

        /// Floor of the neurons that a subnet may have.
        #[pallet::constant_name(InitialMinAllowedUids)]
        fn initial_min_allowed_uids() -> u16 {
            first_entry::<MinAllowedUids<T>, NetUid, _>()
        }

        /// Neurons that a subnet may have.
        #[pallet::constant_name(InitialMaxAllowedUids)]
        fn initial_max_allowed_uids() -> u16 {
            first_entry::<MaxAllowedUids<T>, NetUid, _>()
        }

        /// Blocks during which a new neuron is not pruned.
        #[pallet::constant_name(InitialImmunityPeriod)]
        fn initial_immunity_period() -> u16 {
            first_entry::<ImmunityPeriod<T>, NetUid, _>()
        }

        /// A setting of old that nothing reads.
        #[pallet::constant_name(InitialActivityCutoff)]
        fn initial_activity_cutoff() -> u16 {
            first_entry::<ActivityCutoff<T>, NetUid, _>()
        }

        /// Neurons that may hold a validator permit.
        #[pallet::constant_name(InitialMaxAllowedValidators)]
        fn initial_max_allowed_validators() -> u16 {
            first_entry::<MaxAllowedValidators<T>, NetUid, _>()
        }

        /// Weights of an older version are refused.
        #[pallet::constant_name(InitialWeightsVersionKey)]
        fn initial_weights_version_key() -> u64 {
            first_entry::<WeightsVersionKey<T>, NetUid, _>()
        }

        /// A setting of old that nothing reads.
        #[pallet::constant_name(InitialAdjustmentAlpha)]
        fn initial_adjustment_alpha() -> u64 {
            first_entry::<AdjustmentAlpha<T>, NetUid, _>()
        }

        /// Whether the speed of bonds depends on the consensus.
        #[pallet::constant_name(LiquidAlphaOn)]
        fn liquid_alpha_on() -> bool {
            first_entry::<LiquidAlphaOn<T>, NetUid, _>()
        }

        /// Whether the epoch runs Yuma 3.
        #[pallet::constant_name(Yuma3On)]
        fn yuma3_on() -> bool {
            first_entry::<Yuma3On<T>, NetUid, _>()
        }

        /// Blocks after which the moving price moves at half its full speed.
        #[pallet::constant_name(InitialEmaPriceHalvingPeriod)]
        fn initial_ema_price_halving_period() -> u64 {
            first_entry::<EMAPriceHalvingBlocks<T>, NetUid, _>()
        }

        /// Slowest speed of the bonds under liquid alpha, of 65535.
        #[pallet::constant_name(AlphaLow)]
        fn alpha_low() -> u16 {
            first_entry::<AlphaValues<T>, NetUid, _>().0
        }

        /// Fastest speed of the bonds under liquid alpha, of 65535.
        #[pallet::constant_name(AlphaHigh)]
        fn alpha_high() -> u16 {
            first_entry::<AlphaValues<T>, NetUid, _>().1
        }

        /// Least amount that may be staked.
        #[pallet::constant_name(InitialMinStake)]
        fn initial_min_stake() -> Tao {
            MIN_STAKE
        }

        /// Shortest tempo that an owner may set.
        #[pallet::constant_name(MinTempo)]
        fn min_tempo() -> u16 {
            MIN_TEMPO
        }

        /// Longest tempo that an owner may set.
        #[pallet::constant_name(MaxTempo)]
        fn max_tempo() -> u16 {
            MAX_TEMPO
        }

        /// Thousandths of a tempo after which a validator is inactive at the earliest.
        #[pallet::constant_name(MinActivityCutoffFactorMilli)]
        fn min_activity_cutoff_factor_milli() -> u32 {
            MIN_ACTIVITY_FACTOR
        }

        /// Thousandths of a tempo after which a validator is inactive at the latest.
        #[pallet::constant_name(MaxActivityCutoffFactorMilli)]
        fn max_activity_cutoff_factor_milli() -> u32 {
            MAX_ACTIVITY_FACTOR
        }

        /// The floor of a registration's price is set below this.
        #[pallet::constant_name(MinBurnUpperBound)]
        fn min_burn_upper_bound() -> Tao {
            MIN_BURN_BELOW
        }

        /// The ceiling of a registration's price is set above this.
        #[pallet::constant_name(MaxBurnLowerBound)]
        fn max_burn_lower_bound() -> Tao {
            MAX_BURN_ABOVE
        }

        /// What records of subnets hold of a rule that is gone.
        #[pallet::constant_name(InitialScalingLawPower)]
        fn initial_scaling_law_power() -> u16 {
            SCALING_LAW_POWER
        }

        /// Cost of swapping a coldkey, or a hotkey on all subnets.
        #[pallet::constant_name(KeySwapCost)]
        fn key_swap_cost() -> Tao {
            KEY_SWAP_COST
        }

        /// Cost of swapping a hotkey on one subnet.
        #[pallet::constant_name(KeySwapOnSubnetCost)]
        fn key_swap_on_subnet_cost() -> Tao {
            KEY_SWAP_ON_SUBNET_COST
        }

        /// Blocks between two swaps of hotkeys by one coldkey on one subnet, as the chain has it now.
        #[pallet::constant_name(HotkeySwapOnSubnetInterval)]
        fn hotkey_swap_on_subnet_interval() -> u64 {
            HotkeySwapInterval::<T>::get()
        }

        /// Blocks between the announcement of a coldkey and its swap, as the chain has it now.
        #[pallet::constant_name(InitialColdkeySwapAnnouncementDelay)]
        fn initial_coldkey_swap_announcement_delay() -> BlockNumberFor<T> {
            ColdkeySwapAnnouncementDelay::<T>::get()
        }

        /// Blocks from then until it may be announced anew, as the chain has it now.
        #[pallet::constant_name(InitialColdkeySwapReannouncementDelay)]
        fn initial_coldkey_swap_reannouncement_delay() -> BlockNumberFor<T> {
            ColdkeySwapReannouncementDelay::<T>::get()
        }
    }
}
