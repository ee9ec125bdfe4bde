//! The calls: who may set what, by name and index as the public runtime has them.
//!
//! `root_sets` and `root_sets_on` let root alone; `owner_sets` and `owner_does` let a subnet's
//! owner too, within the limits of `gate`. What a value may be is said in `rules`. What no rule of
//! the chain would read is refused (`root_is_refused`, `owner_is_refused`): whoever is told that a
//! setting was made must be able to rely on it.
//!
//! FRAME takes the calls of a pallet as one block, so this file is as long as they are many; what
//! they share is in the other two.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Refused: the authorities of Aura; genesis names them.
        #[pallet::call_index(0)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn swap_authorities(
            origin: OriginFor<T>,
            new_authorities: BoundedVec<sr25519::Public, ConstU32<32>>,
        ) -> DispatchResult {
            let _ = new_authorities;
            Self::root_is_refused(origin)
        }

        /// Sets the most that a delegate may take.
        #[pallet::call_index(1)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_default_take(origin: OriginFor<T>, default_take: PerU16) -> DispatchResult {
            Self::root_sets(
                origin,
                default_take,
                MaxDelegateTake::<T>::put,
                ChainEvent::MaxDelegateTakeSet,
            )
        }

        /// Sets the blocks between two changes of a hotkey by one coldkey.
        #[pallet::call_index(2)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_tx_rate_limit(origin: OriginFor<T>, tx_rate_limit: u64) -> DispatchResult {
            Self::root_sets(
                origin,
                tx_rate_limit,
                TxRateLimit::<T>::put,
                ChainEvent::TxRateLimitSet,
            )
        }

        /// Sets the blocks between two changes of a neuron's endpoint.
        #[pallet::call_index(3)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_serving_rate_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            serving_rate_limit: u64,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::ServingRateLimit, |_| {
                ServingRateLimit::<T>::insert(netuid, serving_rate_limit);
                Ok(ChainEvent::ServingRateLimitSet(netuid, serving_rate_limit))
            })
        }

        /// Sets the floor of the difficulty of a registration by proof of work.
        #[pallet::call_index(4)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_min_difficulty(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_difficulty: u64,
        ) -> DispatchResult {
            Self::root_sets_on(
                origin,
                netuid,
                min_difficulty,
                MinDifficulty::<T>::insert,
                ChainEvent::MinDifficultySet,
            )
        }

        /// Sets the ceiling of the difficulty of a registration by proof of work. The floor goes
        /// before it.
        #[pallet::call_index(5)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_max_difficulty(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_difficulty: u64,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::MaxDifficulty, |_| {
                MaxDifficulty::<T>::insert(netuid, max_difficulty);
                Ok(ChainEvent::MaxDifficultySet(netuid, max_difficulty))
            })
        }

        /// Sets the version below which weights are refused.
        #[pallet::call_index(6)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_weights_version_key(
            origin: OriginFor<T>,
            netuid: NetUid,
            weights_version_key: u64,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::WeightsVersion, |_| {
                WeightsVersionKey::<T>::insert(netuid, weights_version_key);
                Ok(ChainEvent::WeightsVersionKeySet(netuid, weights_version_key))
            })
        }

        /// Sets the blocks between two settings of a validator's weights.
        #[pallet::call_index(7)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_weights_set_rate_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            weights_set_rate_limit: u64,
        ) -> DispatchResult {
            Self::root_sets_on(
                origin,
                netuid,
                weights_set_rate_limit,
                WeightsSetRateLimit::<T>::insert,
                ChainEvent::WeightsSetRateLimitSet,
            )
        }

        /// Sets the blocks between two adjustments of the difficulty of proof of work.
        #[pallet::call_index(8)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_adjustment_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            adjustment_interval: u16,
        ) -> DispatchResult {
            Self::root_sets_on(
                origin,
                netuid,
                adjustment_interval,
                AdjustmentInterval::<T>::insert,
                ChainEvent::AdjustmentIntervalSet,
            )
        }

        /// Sets the inertia of the difficulty of proof of work, of 2^64 - 1.
        #[pallet::call_index(9)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_adjustment_alpha(
            origin: OriginFor<T>,
            netuid: NetUid,
            adjustment_alpha: u64,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::AdjustmentAlpha, |_| {
                AdjustmentAlpha::<T>::insert(netuid, adjustment_alpha);
                Ok(ChainEvent::AdjustmentAlphaSet(netuid, adjustment_alpha))
            })
        }

        /// Sets the blocks during which a new neuron is not pruned.
        #[pallet::call_index(13)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_immunity_period(
            origin: OriginFor<T>,
            netuid: NetUid,
            immunity_period: u16,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::ImmunityPeriod, |_| {
                ImmunityPeriod::<T>::insert(netuid, immunity_period);
                Ok(ChainEvent::ImmunityPeriodSet(netuid, immunity_period))
            })
        }

        /// Sets how many weights a validator must set at least.
        #[pallet::call_index(14)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_min_allowed_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_allowed_weights: u16,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::MinAllowedWeights, |_| {
                MinAllowedWeights::<T>::insert(netuid, min_allowed_weights);
                Ok(ChainEvent::MinAllowedWeightSet(netuid, min_allowed_weights))
            })
        }

        /// Sets how many neurons the subnet may have.
        #[pallet::call_index(15)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_max_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_allowed_uids: u16,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::MaxAllowedUids, |_| {
                uids_at_most::<T>(netuid, max_allowed_uids)?;
                MaxAllowedUids::<T>::insert(netuid, max_allowed_uids);
                Ok(ChainEvent::MaxAllowedUidsSet(netuid, max_allowed_uids))
            })
        }

        /// Sets the stake, of 65535, that must agree on a weight.
        #[pallet::call_index(16)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_kappa(origin: OriginFor<T>, netuid: NetUid, kappa: u16) -> DispatchResult {
            Self::root_sets_on(origin, netuid, kappa, Kappa::<T>::insert, ChainEvent::KappaSet)
        }

        /// Refused: the steepness of a trust that no epoch computes any more.
        #[pallet::call_index(17)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_rho(origin: OriginFor<T>, netuid: NetUid, rho: u16) -> DispatchResult {
            let _ = rho;
            Self::owner_is_refused(origin, netuid)
        }

        /// Refused: the blocks of silence; `sudo_set_activity_cutoff_factor` supersedes it.
        #[pallet::call_index(18)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_activity_cutoff(
            origin: OriginFor<T>,
            netuid: NetUid,
            activity_cutoff: u16,
        ) -> DispatchResult {
            let _ = activity_cutoff;
            Self::owner_is_refused(origin, netuid)
        }

        /// Sets whether neurons may register by burning TAO. One way in is left open.
        #[pallet::call_index(19)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_network_registration_allowed(
            origin: OriginFor<T>,
            netuid: NetUid,
            registration_allowed: bool,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::RegistrationAllowed, |_| {
                let other = NetworkPowRegistrationAllowed::<T>::get(netuid);
                one_way_in::<T>(netuid, registration_allowed, other)?;
                NetworkRegistrationAllowed::<T>::insert(netuid, registration_allowed);
                Ok(ChainEvent::RegistrationAllowed(netuid, registration_allowed))
            })
        }

        /// Sets whether neurons may register by proof of work. One way in is left open.
        #[pallet::call_index(20)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_network_pow_registration_allowed(
            origin: OriginFor<T>,
            netuid: NetUid,
            registration_allowed: bool,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::PowRegistrationAllowed, |_| {
                not_root::<T>(netuid)?;
                let other = NetworkRegistrationAllowed::<T>::get(netuid);
                one_way_in::<T>(netuid, registration_allowed, other)?;
                Chain::<T>::set_pow_registration(netuid, registration_allowed);
                Ok(ChainEvent::PowRegistrationAllowed(netuid, registration_allowed))
            })
        }

        /// Sets the registrations by proof of work in an interval at which their difficulty stays.
        #[pallet::call_index(21)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_target_registrations_per_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            target_registrations_per_interval: u16,
        ) -> DispatchResult {
            Self::root_sets_on(
                origin,
                netuid,
                target_registrations_per_interval,
                TargetRegistrationsPerInterval::<T>::insert,
                ChainEvent::RegistrationPerIntervalSet,
            )
        }

        /// Sets the floor of the price of a registration.
        #[pallet::call_index(22)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_min_burn(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_burn: Tao,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::MinBurn, |_| {
                least_burn::<T>(netuid, min_burn)?;
                MinBurn::<T>::insert(netuid, min_burn);
                Ok(ChainEvent::MinBurnSet(netuid, min_burn))
            })
        }

        /// Sets the ceiling of the price of a registration.
        #[pallet::call_index(23)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_max_burn(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_burn: Tao,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::MaxBurn, |_| {
                most_burn::<T>(netuid, max_burn)?;
                MaxBurn::<T>::insert(netuid, max_burn);
                Ok(ChainEvent::MaxBurnSet(netuid, max_burn))
            })
        }

        /// Sets the difficulty of a registration by proof of work. Its bounds hold all the same.
        #[pallet::call_index(24)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_difficulty(
            origin: OriginFor<T>,
            netuid: NetUid,
            difficulty: u64,
        ) -> DispatchResult {
            Self::root_sets_on(
                origin,
                netuid,
                difficulty,
                Difficulty::<T>::insert,
                ChainEvent::DifficultySet,
            )
        }

        /// Sets how many neurons may hold a validator permit.
        #[pallet::call_index(25)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_max_allowed_validators(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_allowed_validators: u16,
        ) -> DispatchResult {
            ensure_root(origin.clone())?;
            Self::ensure_subnet(netuid)?;
            max_validators::<T>(netuid, max_allowed_validators)?;
            Self::root_sets_on(
                origin,
                netuid,
                max_allowed_validators,
                MaxAllowedValidators::<T>::insert,
                ChainEvent::MaxAllowedValidatorsSet,
            )
        }

        /// Sets the inertia of the bonds, in millionths.
        #[pallet::call_index(26)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_bonds_moving_average(
            origin: OriginFor<T>,
            netuid: NetUid,
            bonds_moving_average: u64,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::BondsMovingAverage, |is_owner| {
                bonds_average::<T>(netuid, bonds_moving_average, is_owner)?;
                BondsMovingAverage::<T>::insert(netuid, bonds_moving_average);
                Ok(ChainEvent::BondsMovingAverageSet(netuid, bonds_moving_average))
            })
        }

        /// Sets how many registrations one block may hold.
        #[pallet::call_index(27)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_max_registrations_per_block(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_registrations_per_block: u16,
        ) -> DispatchResult {
            Self::root_sets_on(
                origin,
                netuid,
                max_registrations_per_block,
                MaxRegistrationsPerBlock::<T>::insert,
                ChainEvent::MaxRegistrationsPerBlockSet,
            )
        }

        /// Sets subnet owners' share of the emission, of 65535.
        #[pallet::call_index(28)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_subnet_owner_cut(
            origin: OriginFor<T>,
            subnet_owner_cut: u16,
        ) -> DispatchResult {
            Self::root_sets(
                origin,
                subnet_owner_cut,
                SubnetOwnerCut::<T>::put,
                ChainEvent::SubnetOwnerCutSet,
            )
        }

        /// Sets the blocks between two registrations of subnets.
        #[pallet::call_index(29)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_network_rate_limit(
            origin: OriginFor<T>,
            rate_limit: u64,
        ) -> DispatchResult {
            Self::root_sets(
                origin,
                rate_limit,
                NetworkRateLimit::<T>::put,
                ChainEvent::NetworkRateLimitSet,
            )
        }

        /// Sets the blocks from one epoch to the next, which are counted anew from here. An owner
        /// keeps within bounds, and waits the shortest tempo from one change to the next.
        #[pallet::call_index(30)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_tempo(origin: OriginFor<T>, netuid: NetUid, tempo: u16) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::Tempo, |is_owner| {
                if is_owner {
                    Chain::<T>::check_owner_tempo(netuid, tempo)?;
                }
                Chain::<T>::set_subnet_tempo(netuid, tempo);
                Ok(())
            })
        }

        /// Refused: the count of all TAO; it is what balances and pools come to.
        #[pallet::call_index(33)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_total_issuance(
            origin: OriginFor<T>,
            total_issuance: Tao,
        ) -> DispatchResult {
            let _ = total_issuance;
            Self::root_is_refused(origin)
        }

        /// Sets the blocks during which a new subnet is not pruned.
        #[pallet::call_index(35)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_network_immunity_period(
            origin: OriginFor<T>,
            immunity_period: u64,
        ) -> DispatchResult {
            Self::root_sets(
                origin,
                immunity_period,
                NetworkImmunityPeriod::<T>::put,
                ChainEvent::NetworkImmunityPeriodSet,
            )
        }

        /// Sets the floor of the price of a subnet.
        #[pallet::call_index(36)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_network_min_lock_cost(
            origin: OriginFor<T>,
            lock_cost: Tao,
        ) -> DispatchResult {
            Self::root_sets(
                origin,
                lock_cost,
                NetworkMinLockCost::<T>::put,
                ChainEvent::NetworkMinLockCostSet,
            )
        }

        /// Sets how many subnets besides root may exist at once.
        #[pallet::call_index(37)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_subnet_limit(origin: OriginFor<T>, max_subnets: u16) -> DispatchResult {
            Self::root_sets(origin, max_subnets, SubnetLimit::<T>::put, ChainEvent::SubnetLimitSet)
        }

        /// Sets the blocks in which a subnet's price falls by what the latest one cost.
        #[pallet::call_index(38)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_lock_reduction_interval(
            origin: OriginFor<T>,
            interval: u64,
        ) -> DispatchResult {
            Self::root_sets(
                origin,
                interval,
                NetworkLockReductionInterval::<T>::put,
                ChainEvent::NetworkLockCostReductionIntervalSet,
            )
        }

        /// Sets the count of TAO paid for registrations.
        #[pallet::call_index(39)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_rao_recycled(
            origin: OriginFor<T>,
            netuid: NetUid,
            rao_recycled: Tao,
        ) -> DispatchResult {
            Self::root_sets_on(
                origin,
                netuid,
                rao_recycled,
                RAORecycledForRegistration::<T>::insert,
                ChainEvent::RAORecycledForRegistrationSet,
            )
        }

        /// Sets the stake that it takes to set weights.
        #[pallet::call_index(42)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_stake_threshold(origin: OriginFor<T>, min_stake: u64) -> DispatchResult {
            Self::root_sets(
                origin,
                min_stake,
                StakeThreshold::<T>::put,
                ChainEvent::StakeThresholdSet,
            )
        }

        /// Sets the least that may be staked behind another's hotkey, in millionths of the least
        /// stake. After a raise, what is too small now is sold and paid out within some blocks.
        #[pallet::call_index(43)]
        #[pallet::weight(nominations_weight::<T>())]
        pub fn sudo_set_nominator_min_required_stake(
            origin: OriginFor<T>,
            min_stake: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Chain::<T>::set_least_nomination(min_stake);
            Ok(())
        }

        /// Sets the blocks after a change of a delegate take in which it is not raised.
        #[pallet::call_index(45)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_tx_delegate_take_rate_limit(
            origin: OriginFor<T>,
            tx_rate_limit: u64,
        ) -> DispatchResult {
            Self::root_sets(
                origin,
                tx_rate_limit,
                TxDelegateTakeRateLimit::<T>::put,
                ChainEvent::TxDelegateTakeRateLimitSet,
            )
        }

        /// Sets the least that a delegate may take.
        #[pallet::call_index(46)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_min_delegate_take(origin: OriginFor<T>, take: PerU16) -> DispatchResult {
            Self::root_sets(origin, take, MinDelegateTake::<T>::put, ChainEvent::MinDelegateTakeSet)
        }

        /// Sets whether weights are committed first and revealed later.
        #[pallet::call_index(49)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_commit_reveal_weights_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::CommitRevealEnabled, |_| {
                CommitRevealWeightsEnabled::<T>::insert(netuid, enabled);
                Ok(ChainEvent::CommitRevealEnabled(netuid, enabled))
            })
        }

        /// Sets whether the speed of bonds depends on the consensus.
        #[pallet::call_index(50)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_liquid_alpha_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::LiquidAlphaEnabled, |_| {
                LiquidAlphaOn::<T>::insert(netuid, enabled);
                Ok(())
            })
        }

        /// Sets the slowest and fastest speed of the bonds under liquid alpha, of 65535.
        #[pallet::call_index(51)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_alpha_values(
            origin: OriginFor<T>,
            netuid: NetUid,
            alpha_low: u16,
            alpha_high: u16,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::AlphaValues, |_| {
                alpha_values::<T>(netuid, alpha_low, alpha_high)?;
                AlphaValues::<T>::insert(netuid, (alpha_low, alpha_high));
                Ok(())
            })
        }

        /// Refused: the blocks until a subnet is dissolved; it is at once.
        #[pallet::call_index(55)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_dissolve_network_schedule_duration(
            origin: OriginFor<T>,
            duration: BlockNumberFor<T>,
        ) -> DispatchResult {
            let _ = duration;
            Self::root_is_refused(origin)
        }

        /// Sets the epochs between commit and reveal.
        #[pallet::call_index(57)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_commit_reveal_weights_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            interval: u64,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::WeightCommitInterval, |_| {
                reveal_period::<T>(netuid, interval)?;
                RevealPeriodEpochs::<T>::insert(netuid, interval);
                Ok(ChainEvent::CommitRevealPeriodsSet(netuid, interval))
            })
        }

        /// Refused: the chain's number for Ethereum's clients; there is no EVM here.
        #[pallet::call_index(58)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_evm_chain_id(origin: OriginFor<T>, chain_id: u64) -> DispatchResult {
            let _ = chain_id;
            Self::root_is_refused(origin)
        }

        /// Refused: the authorities of GRANDPA; the host decides what is final.
        #[pallet::call_index(59)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn schedule_grandpa_change(
            origin: OriginFor<T>,
            next_authorities: Vec<(ed25519::Public, u64)>,
            in_blocks: BlockNumberFor<T>,
            forced: Option<BlockNumberFor<T>>,
        ) -> DispatchResult {
            let _ = (next_authorities, in_blocks, forced);
            Self::root_is_refused(origin)
        }

        /// Sets how much of a weight above consensus the bonds disregard, of 65535.
        #[pallet::call_index(60)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_bonds_penalty(
            origin: OriginFor<T>,
            netuid: NetUid,
            bonds_penalty: u16,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::BondsPenalty, |_| {
                BondsPenalty::<T>::insert(netuid, bonds_penalty);
                Ok(ChainEvent::BondsPenaltySet(netuid, bonds_penalty))
            })
        }

        /// Sets whether stake may pass to another coldkey.
        #[pallet::call_index(61)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_toggle_transfer(
            origin: OriginFor<T>,
            netuid: NetUid,
            toggle: bool,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::TransferEnabled, |_| {
                TransferToggle::<T>::insert(netuid, toggle);
                Ok(ChainEvent::TransferToggle(netuid, toggle))
            })
        }

        /// Refused: whether Ethereum's contracts may call a pallet; there is no EVM here.
        #[pallet::call_index(62)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_toggle_evm_precompile(
            origin: OriginFor<T>,
            precompile_id: PrecompileEnum,
            enabled: bool,
        ) -> DispatchResult {
            let _ = (precompile_id, enabled);
            Self::root_is_refused(origin)
        }

        /// Sets the smoothing factor of the moving price.
        #[pallet::call_index(63)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_subnet_moving_alpha(origin: OriginFor<T>, alpha: I96F32) -> DispatchResult {
            ensure_root(origin)?;
            moving_alpha::<T>(alpha)?;
            SubnetMovingAlpha::<T>::put(alpha);
            Ok(())
        }

        /// Sets the blocks after which the moving price moves at half its full speed.
        #[pallet::call_index(65)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_ema_price_halving_period(
            origin: OriginFor<T>,
            netuid: NetUid,
            ema_halving: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            EMAPriceHalvingBlocks::<T>::insert(netuid, ema_halving);
            Ok(())
        }

        /// Sets whether alpha may be bought and sold.
        #[pallet::call_index(66)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_subtoken_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            subtoken_enabled: bool,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            SubtokenEnabled::<T>::insert(netuid, subtoken_enabled);
            Ok(())
        }

        /// Sets the owner's hotkey on the subnet, which earns the owner's cut. It must be one of
        /// the owner's.
        #[pallet::call_index(67)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_sn_owner_hotkey(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            Self::ensure_subnet(netuid)?;
            let owner = Chain::<T>::ensure_subnet_owner_or_root(origin, netuid)?;
            let coldkey = SubnetOwner::<T>::get(netuid);
            ensure!(Chain::<T>::owns(&coldkey, &hotkey), ChainError::<T>::NonAssociatedColdKey);
            if owner.is_some() {
                let limit = RateLimitKey::SetSNOwnerHotkey(netuid);
                Chain::<T>::ensure_waited(&limit, OWNER_HOTKEY_WAIT)?;
                LastRateLimitedBlock::<T>::insert(limit, Chain::<T>::block());
            }
            Chain::<T>::set_owner_hotkey(netuid, &hotkey);
            Chain::<T>::deposit_event(ChainEvent::SubnetOwnerHotkeySet(netuid, hotkey));
            Ok(())
        }

        /// Sets how sharply liquid alpha goes from slow to fast.
        #[pallet::call_index(68)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_alpha_sigmoid_steepness(
            origin: OriginFor<T>,
            netuid: NetUid,
            steepness: i16,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::AlphaSigmoidSteepness, |is_owner| {
                not_negative::<T>(netuid, steepness, is_owner)?;
                AlphaSigmoidSteepness::<T>::insert(netuid, steepness);
                Ok(ChainEvent::AlphaSigmoidSteepnessSet(netuid, steepness))
            })
        }

        /// Sets whether the epoch runs Yuma 3.
        #[pallet::call_index(69)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_yuma3_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::Yuma3Enabled, |_| {
                Yuma3On::<T>::insert(netuid, enabled);
                Self::deposit_event(Event::Yuma3EnableToggled { netuid, enabled });
                Ok(())
            })
        }

        /// Sets whether a neuron may have the bonds towards it reset.
        #[pallet::call_index(70)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_bonds_reset_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::BondsResetEnabled, |_| {
                BondsResetOn::<T>::insert(netuid, enabled);
                Self::deposit_event(Event::BondsResetToggled { netuid, enabled });
                Ok(())
            })
        }

        /// Refused: the version of timelocked commits; none are accepted here.
        #[pallet::call_index(71)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_commit_reveal_version(
            origin: OriginFor<T>,
            version: u16,
        ) -> DispatchResult {
            let _ = version;
            Self::root_is_refused(origin)
        }

        /// Sets how many neurons of the owner are never pruned.
        #[pallet::call_index(72)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_owner_immune_neuron_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            immune_neurons: u16,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::ImmuneNeuronLimit, |_| {
                owner_immune::<T>(netuid, immune_neurons)?;
                ImmuneOwnerUidsLimit::<T>::insert(netuid, immune_neurons);
                Ok(())
            })
        }

        /// Refused: the part of lent stake's dividends that is burned; none is.
        #[pallet::call_index(73)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_ck_burn(origin: OriginFor<T>, burn: u64) -> DispatchResult {
            let _ = burn;
            Self::root_is_refused(origin)
        }

        /// Sets the blocks before an epoch in which owners set nothing.
        #[pallet::call_index(74)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_admin_freeze_window(origin: OriginFor<T>, window: u16) -> DispatchResult {
            Self::root_sets(
                origin,
                window,
                AdminFreezeWindow::<T>::put,
                ChainEvent::AdminFreezeWindowSet,
            )
        }

        /// Sets the epochs between two changes of one hyperparameter by an owner.
        #[pallet::call_index(75)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_owner_hparam_rate_limit(
            origin: OriginFor<T>,
            epochs: u16,
        ) -> DispatchResult {
            Self::root_sets(
                origin,
                epochs,
                OwnerHyperparamRateLimit::<T>::put,
                ChainEvent::OwnerHyperparamRateLimitSet,
            )
        }

        /// Sets how many mechanisms the subnet has. What is kept of those that go, goes with them;
        /// the shares of the emission become equal.
        #[pallet::call_index(76)]
        #[pallet::weight(mechanisms_weight::<T>())]
        pub fn sudo_set_mechanism_count(
            origin: OriginFor<T>,
            netuid: NetUid,
            mechanism_count: MechId,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::MechanismCount, |_| {
                mechanisms::<T>(netuid, mechanism_count)?;
                Self::drop_mechanisms(netuid, mechanism_count);
                MechanismCountCurrent::<T>::insert(netuid, mechanism_count);
                MechanismEmissionSplit::<T>::remove(netuid);
                Ok(())
            })
        }

        /// Sets the shares of the mechanisms in the subnet's emission; without any, equal ones.
        #[pallet::call_index(77)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_mechanism_emission_split(
            origin: OriginFor<T>,
            netuid: NetUid,
            maybe_split: Option<Vec<u16>>,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::MechanismSplit, |_| {
                if let Some(split) = &maybe_split {
                    mechanism_split::<T>(netuid, split)?;
                }
                MechanismEmissionSplit::<T>::set(netuid, maybe_split);
                Ok(())
            })
        }

        /// Trims the subnet to so many neurons: those with the least emission go. Without consensus
        /// it removes one batch at most.
        #[pallet::call_index(78)]
        #[pallet::weight(trimming_weight::<T>(*netuid))]
        pub fn sudo_trim_to_max_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_n: u16,
        ) -> DispatchResult {
            Self::owner_trims(origin, netuid, max_n, || Chain::<T>::set_trimmed_uids(netuid, max_n))
        }

        /// Sets the floor of the number of neurons that a subnet may have.
        #[pallet::call_index(79)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_min_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_allowed_uids: u16,
        ) -> DispatchResult {
            ensure_root(origin.clone())?;
            Self::ensure_subnet(netuid)?;
            least_uids::<T>(netuid, min_allowed_uids)?;
            Self::root_sets_on(
                origin,
                netuid,
                min_allowed_uids,
                MinAllowedUids::<T>::insert,
                ChainEvent::MinAllowedUidsSet,
            )
        }

        /// Sets what becomes of alpha that nobody is to have.
        #[pallet::call_index(80)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_recycle_or_burn(
            origin: OriginFor<T>,
            netuid: NetUid,
            recycle_or_burn: RecycleOrBurnKind,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::RecycleOrBurn, |_| {
                RecycleOrBurn::<T>::insert(netuid, recycle_or_burn);
                Ok(())
            })
        }

        /// Refused: the flow below which a subnet emits nothing; emission follows prices.
        #[pallet::call_index(81)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_tao_flow_cutoff(
            origin: OriginFor<T>,
            flow_cutoff: I64F64,
        ) -> DispatchResult {
            let _ = flow_cutoff;
            Self::root_is_refused(origin)
        }

        /// Refused: the exponent of flows; emission follows prices.
        #[pallet::call_index(82)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_tao_flow_normalization_exponent(
            origin: OriginFor<T>,
            exponent: U64F64,
        ) -> DispatchResult {
            let _ = exponent;
            Self::root_is_refused(origin)
        }

        /// Refused: the speed of the averages of flows; their half-life is fixed.
        #[pallet::call_index(83)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_tao_flow_smoothing_factor(
            origin: OriginFor<T>,
            smoothing_factor: u64,
        ) -> DispatchResult {
            let _ = smoothing_factor;
            Self::root_is_refused(origin)
        }

        /// Sets how many neurons pruning leaves without immunity.
        #[pallet::call_index(84)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_min_non_immune_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            min: u16,
        ) -> DispatchResult {
            Self::root_sets_on(
                origin,
                netuid,
                min,
                MinNonImmuneUids::<T>::insert,
                ChainEvent::MinNonImmuneUidsSet,
            )
        }

        /// Sets the blocks between the registration of a subnet and its start.
        #[pallet::call_index(85)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_start_call_delay(origin: OriginFor<T>, delay: u64) -> DispatchResult {
            Self::root_sets(origin, delay, StartCallDelay::<T>::put, ChainEvent::StartCallDelaySet)
        }

        /// Sets the blocks between the announcement of a new coldkey and the swap.
        #[pallet::call_index(86)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_coldkey_swap_announcement_delay(
            origin: OriginFor<T>,
            duration: BlockNumberFor<T>,
        ) -> DispatchResult {
            Self::root_sets(
                origin,
                duration,
                ColdkeySwapAnnouncementDelay::<T>::put,
                ChainEvent::ColdkeySwapAnnouncementDelaySet,
            )
        }

        /// Sets the blocks from when a swap is due until it may be announced anew or cleared.
        #[pallet::call_index(87)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_coldkey_swap_reannouncement_delay(
            origin: OriginFor<T>,
            duration: BlockNumberFor<T>,
        ) -> DispatchResult {
            Self::root_sets(
                origin,
                duration,
                ColdkeySwapReannouncementDelay::<T>::put,
                ChainEvent::ColdkeySwapReannouncementDelaySet,
            )
        }

        /// Sets how many mechanisms a subnet may have.
        #[pallet::call_index(88)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_max_mechanism_count(
            origin: OriginFor<T>,
            max_mechanism_count: MechId,
        ) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(u8::from(max_mechanism_count) > 0, Error::<T>::InvalidValue);
            MaxMechanismCount::<T>::put(max_mechanism_count);
            Ok(())
        }

        /// Sets the blocks in which the price of a registration falls by half.
        #[pallet::call_index(89)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_burn_half_life(
            origin: OriginFor<T>,
            netuid: NetUid,
            burn_half_life: u16,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::BurnHalfLife, |_| {
                half_life::<T>(netuid, burn_half_life)?;
                BurnHalfLife::<T>::insert(netuid, burn_half_life);
                Self::deposit_event(Event::BurnHalfLifeSet { netuid, burn_half_life });
                Ok(())
            })
        }

        /// Sets what a registration multiplies the price by.
        #[pallet::call_index(90)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_burn_increase_mult(
            origin: OriginFor<T>,
            netuid: NetUid,
            burn_increase_mult: U64F64,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::BurnIncreaseMult, |_| {
                increase::<T>(netuid, burn_increase_mult)?;
                BurnIncreaseMult::<T>::insert(netuid, burn_increase_mult);
                Self::deposit_event(Event::BurnIncreaseMultSet { netuid, burn_increase_mult });
                Ok(())
            })
        }

        /// Refused: whether the chain's own purchases count as flow; emission follows prices.
        #[pallet::call_index(91)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_net_tao_flow_enabled(
            origin: OriginFor<T>,
            enabled: bool,
        ) -> DispatchResult {
            let _ = enabled;
            Self::root_is_refused(origin)
        }

        /// Sets whether the owner gets a cut.
        #[pallet::call_index(92)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_owner_cut_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::OwnerCut, |_| {
                not_root::<T>(netuid)?;
                OwnerCutEnabled::<T>::insert(netuid, enabled);
                Ok(())
            })
        }

        /// Sets the least that a child key may take on the subnet.
        #[pallet::call_index(93)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_min_childkey_take_per_subnet(
            origin: OriginFor<T>,
            netuid: NetUid,
            take: PerU16,
        ) -> DispatchResult {
            Self::owner_sets(origin, netuid, Hyperparameter::MinChildkeyTake, |_| {
                childkey_take::<T>(netuid, take)?;
                MinChildkeyTakePerSubnet::<T>::insert(netuid, take);
                Ok(ChainEvent::MinChildKeyTakePerSubnetSet(netuid, take))
            })
        }

        /// Sets whether the subnet gets TAO of the block emission.
        #[pallet::call_index(94)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_subnet_emission_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            not_root::<T>(netuid)?;
            SubnetEmissionEnabled::<T>::insert(netuid, enabled);
            Self::deposit_event(Event::SubnetEmissionEnabledSet { netuid, enabled });
            Ok(())
        }

        /// Sets whether the owner's cut is locked when it is paid.
        #[pallet::call_index(95)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_owner_cut_auto_lock_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::OwnerCutAutoLock, |_| {
                not_root::<T>(netuid)?;
                OwnerCutAutoLockEnabled::<T>::insert(netuid, enabled);
                Ok(())
            })
        }

        /// Sets how many epochs may run in one block.
        #[pallet::call_index(96)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_max_epochs_per_block(
            origin: OriginFor<T>,
            max_epochs_per_block: u8,
        ) -> DispatchResult {
            ensure_root(origin.clone())?;
            ensure!(max_epochs_per_block > 0, Error::<T>::ValueNotInBounds);
            Self::root_sets(
                origin,
                max_epochs_per_block,
                MaxEpochsPerBlock::<T>::put,
                ChainEvent::MaxEpochsPerBlockSet,
            )
        }

        /// Sets the thousandths of a tempo after which a silent validator is inactive.
        #[pallet::call_index(97)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_activity_cutoff_factor(
            origin: OriginFor<T>,
            netuid: NetUid,
            factor_milli: u32,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::ActivityCutoffFactorMilli, |_| {
                Ok(Chain::<T>::set_activity_factor(netuid, factor_milli)?)
            })
        }

        /// Refused: the part of a registration that is locked; there is no collateral.
        #[pallet::call_index(98)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_collateral_lock_share(
            origin: OriginFor<T>,
            netuid: NetUid,
            lock_share: u16,
        ) -> DispatchResult {
            let _ = lock_share;
            Self::owner_is_refused(origin, netuid)
        }

        /// Refused: how fast collateral is freed; there is none.
        #[pallet::call_index(99)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_collateral_drain_ratio(
            origin: OriginFor<T>,
            netuid: NetUid,
            drain_ratio: U64F64,
        ) -> DispatchResult {
            let _ = drain_ratio;
            Self::owner_is_refused(origin, netuid)
        }

        /// Refused: the price that a subnet must have to emit; every one emits that is enabled.
        #[pallet::call_index(100)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_emission_bar_quantile(
            origin: OriginFor<T>,
            quantile: U64F64,
        ) -> DispatchResult {
            let _ = quantile;
            Self::root_is_refused(origin)
        }

        /// Refused: how sharply that price decides; every one emits that is enabled.
        #[pallet::call_index(101)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_emission_gate_exponent(
            origin: OriginFor<T>,
            exponent: U64F64,
        ) -> DispatchResult {
            let _ = exponent;
            Self::root_is_refused(origin)
        }

        /// Refused: the rank that a subnet must have to emit; every one emits that is enabled.
        #[pallet::call_index(102)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_emission_bar_rank(origin: OriginFor<T>, rank: u16) -> DispatchResult {
            let _ = rank;
            Self::root_is_refused(origin)
        }

        /// Refused: which epoch's consensus liquid alpha looks at; it is the present one's.
        #[pallet::call_index(104)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_liquid_alpha_consensus_mode(
            origin: OriginFor<T>,
            netuid: NetUid,
            mode: ConsensusMode,
        ) -> DispatchResult {
            let _ = mode;
            Self::owner_is_refused(origin, netuid)
        }

        /// Refused: the most of a basket in one subnet; there are no baskets.
        #[pallet::call_index(105)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_basket_concentration_cap(origin: OriginFor<T>, cap: u16) -> DispatchResult {
            let _ = cap;
            Self::root_is_refused(origin)
        }

        /// Refused: whether baskets are traded; there are none.
        #[pallet::call_index(106)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_basket_trading_enabled(
            origin: OriginFor<T>,
            enabled: bool,
        ) -> DispatchResult {
            let _ = enabled;
            Self::root_is_refused(origin)
        }

        /// Refused: whether a validator's basket is traded; there are none.
        #[pallet::call_index(107)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_basket_trading_frozen(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            frozen: bool,
        ) -> DispatchResult {
            let _ = (hotkey, frozen);
            Self::root_is_refused(origin)
        }

        /// Refused: the most of a basket that a day turns over; there are no baskets.
        #[pallet::call_index(108)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_basket_daily_turnover_cap(
            origin: OriginFor<T>,
            cap: u16,
        ) -> DispatchResult {
            let _ = cap;
            Self::root_is_refused(origin)
        }

        /// Refused: the most of a pool that a basket holds; there are no baskets.
        #[pallet::call_index(109)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_basket_liquidity_cap(origin: OriginFor<T>, cap: u16) -> DispatchResult {
            let _ = cap;
            Self::root_is_refused(origin)
        }

        /// Refused: the least that is claimed of a basket; there are none.
        #[pallet::call_index(110)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_basket_claim_dust(
            origin: OriginFor<T>,
            row_cap_rao: u64,
            row_bps: u16,
            slice_rao: u64,
            forfeit_cap_rao: u64,
        ) -> DispatchResult {
            let _ = (row_cap_rao, row_bps, slice_rao, forfeit_cap_rao);
            Self::root_is_refused(origin)
        }

        /// Sets how the subnet arrives at its incentives.
        #[pallet::call_index(111)]
        #[pallet::weight(consensus_weight::<T>(*netuid))]
        pub fn sudo_set_epoch_consensus(
            origin: OriginFor<T>,
            netuid: NetUid,
            mode: EpochConsensus,
        ) -> DispatchResult {
            Self::owner_does(origin, netuid, Hyperparameter::EpochConsensus, |_| {
                ensure!(!netuid.is_root(), Error::<T>::InvalidValue);
                Chain::<T>::set_epoch_consensus(netuid, mode)
            })
        }

        /// Trims a subnet without consensus by one batch on the way to `target` neurons.
        #[pallet::call_index(112)]
        #[pallet::weight(trimming_weight::<T>(*netuid))]
        pub fn sudo_trim_null_uids_batch(
            origin: OriginFor<T>,
            netuid: NetUid,
            target: u16,
        ) -> DispatchResult {
            Self::owner_trims(origin, netuid, target, || {
                Chain::<T>::set_null_trimming(netuid, target)
            })
        }

        /// Refused: the least trade of a basket; there are none.
        #[pallet::call_index(113)]
        #[pallet::weight(setter_weight::<T>())]
        pub fn sudo_set_basket_min_trade_tao(
            origin: OriginFor<T>,
            min_trade_rao: u64,
        ) -> DispatchResult {
            let _ = min_trade_rao;
            Self::root_is_refused(origin)
        }
    }
}
