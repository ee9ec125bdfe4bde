//! The calls. Each checks its origin and hands over to the module that does the work; names,
//! indices and arguments are the public runtime's.
//!
//! FRAME takes the calls of a pallet as one block, so this file is as long as they are many; it
//! holds no logic. Each call says who signs it, the errors of this pallet that it may end with (an
//! `Overflow` of arithmetic aside), and the events of its success. Clients show these lines: they
//! are part of the metadata.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the caller's weights on the subnet's main mechanism.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `CanNotSetRootNetworkWeights`, `SubnetNotExists`, `MechanismDoesNotExist`,
        ///   `WeightVecNotEqualSize`, `UidsLengthExceedUidsInSubNet`,
        ///   `HotKeyNotRegisteredInSubNet`, `NotEnoughStakeToSetWeights`,
        ///   `IncorrectWeightVersionKey`, `CommitRevealEnabled`, `SettingWeightsTooFast`,
        ///   `NeuronNoValidatorPermit`, `DuplicateUids`, `UidVecContainInvalidOne`,
        ///   `WeightVecLengthIsLow`, `MaxWeightExceeded`.
        /// - Event: `WeightsSet`.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::set_weights(dests.len() as u32))]
        pub fn set_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let row = Row { uids: &dests, values: &weights, version_key };
            Self::do_set_weights(&hotkey, netuid, MechId::MAIN, row)
        }

        /// Stakes the caller's TAO behind a hotkey.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubnetNotExists`, `SubtokenDisabled`, `HotKeyAccountNotExists`,
        ///   `AmountTooLow`, `NotEnoughBalanceToStake`, `TooManyStakingHotkeys`,
        ///   `InsufficientLiquidity`, `SlippageTooHigh`.
        /// - Event: `StakeAdded`.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::add_stake())]
        pub fn add_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_staked: Tao,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_add_stake(&coldkey, &hotkey, netuid, amount_staked, None, false)
        }

        /// Takes back what the caller staked behind a hotkey.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubnetNotExists`, `SubtokenDisabled`, `HotKeyAccountNotExists`,
        ///   `AmountTooLow`, `NotEnoughStakeToWithdraw`, `InsufficientLiquidity`,
        ///   `SlippageTooHigh`.
        /// - Event: `StakeRemoved`.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::remove_stake())]
        pub fn remove_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_unstaked: Alpha,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_remove_stake(&coldkey, &hotkey, netuid, amount_unstaked, None, false)
        }

        /// Tells where the caller's server is.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `HotKeyNotRegisteredInNetwork`, `InvalidIpType`, `InvalidIpAddress`,
        ///   `InvalidPort`, `ServingRateLimitExceeded`.
        /// - Event: `AxonServed`.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::serve())]
        pub fn serve_axon(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let endpoint = Endpoint { ip, port, ip_type };
            let axon = AxonInfo::at(endpoint, version, [protocol, placeholder1, placeholder2]);
            Self::do_serve_axon(&hotkey, netuid, axon, None)
        }

        /// Tells where the caller's metrics are.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `HotKeyNotRegisteredInNetwork`, `InvalidIpType`, `InvalidIpAddress`,
        ///   `InvalidPort`, `ServingRateLimitExceeded`.
        /// - Event: `PrometheusServed`.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::serve())]
        pub fn serve_prometheus(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let info = PrometheusInfo { block: 0, version, ip, port, ip_type };
            Self::do_serve_prometheus(&hotkey, netuid, info)
        }

        /// Registers a hotkey on a subnet at the subnet's price.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `RegistrationNotPermittedOnRootSubnet`, `SubnetNotExists`,
        ///   `SubNetRegistrationDisabled`, `TooManyRegistrationsThisBlock`,
        ///   `HotKeyAlreadyRegisteredInSubNet`, `NonAssociatedColdKey`, `NotEnoughBalanceToStake`,
        ///   `TooManyStakingHotkeys`, `NoNeuronIdAvailable`, `InsufficientLiquidity`,
        ///   `SlippageTooHigh`.
        /// - Event: `NeuronRegistered`.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::register(SubnetworkN::<T>::get(netuid).into()))]
        pub fn burned_register(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burned_register(&coldkey, netuid, &hotkey, None)
        }

        /// Tells where the caller's server is, and with which key it proves itself.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `HotKeyNotRegisteredInNetwork`, `InvalidIpType`, `InvalidIpAddress`,
        ///   `InvalidPort`, `ServingRateLimitExceeded`, `InvalidValue` for the certificate.
        /// - Event: `AxonServed`.
        #[pallet::call_index(40)]
        #[pallet::weight(T::WeightInfo::serve())]
        pub fn serve_axon_tls(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
            certificate: Vec<u8>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let endpoint = Endpoint { ip, port, ip_type };
            let axon = AxonInfo::at(endpoint, version, [protocol, placeholder1, placeholder2]);
            Self::do_serve_axon(&hotkey, netuid, axon, Some(certificate))
        }

        /// Registers a subnet at the chain's price; `hotkey` gets its first slot.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubNetRegistrationDisabled`, `NetworkTxRateLimitExceeded`,
        ///   `CannotAffordLockCost`, `NonAssociatedColdKey`, `TooManyStakingHotkeys`,
        ///   `SubnetLimitReached`.
        /// - Event: `NetworkAdded`, `NeuronRegistered`; `NetworkRemoved` where another made room.
        #[pallet::call_index(59)]
        #[pallet::weight(T::WeightInfo::register_network())]
        pub fn register_network(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_register_network(&coldkey, &hotkey, None)
        }

        /// Ends a subnet, as `root_dissolve_network` does. Who `coldkey` is does not matter.
        ///
        /// - Origin: root.
        /// - Errors: `SubnetNotExists`.
        /// - Event: `NetworkRemoved`.
        #[pallet::call_index(61)]
        #[pallet::weight(T::WeightInfo::dissolve_network())]
        pub fn dissolve_network(
            origin: OriginFor<T>,
            coldkey: T::AccountId,
            netuid: NetUid,
        ) -> DispatchResult {
            let _ = coldkey;
            ensure_root(origin)?;
            Self::dissolve(netuid)
        }

        /// Takes a seat on root for a hotkey.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `TooManyRegistrationsThisBlock`, `TooManyRegistrationsThisInterval`,
        ///   `HotKeyAlreadyRegisteredInSubNet`, `NonAssociatedColdKey`, `TooManyStakingHotkeys`,
        ///   `NoNeuronIdAvailable`, `StakeTooLowForRoot`.
        /// - Event: `NeuronRegistered`.
        #[pallet::call_index(62)]
        #[pallet::weight(T::WeightInfo::root_register())]
        pub fn root_register(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_root_register(&coldkey, &hotkey)
        }

        /// Lowers what a hotkey takes of its stakers' dividends.
        ///
        /// - Origin: signed, by the coldkey that owns the hotkey.
        /// - Errors: `HotKeyAccountNotExists`, `NonAssociatedColdKey`, `DelegateTakeTooLow`.
        /// - Event: `TakeDecreased`.
        #[pallet::call_index(65)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn decrease_take(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            take: PerU16,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_decrease_take(&coldkey, &hotkey, take)
        }

        /// Raises what a hotkey takes of its stakers' dividends.
        ///
        /// - Origin: signed, by the coldkey that owns the hotkey.
        /// - Errors: `HotKeyAccountNotExists`, `NonAssociatedColdKey`, `DelegateTakeTooLow`,
        ///   `DelegateTakeTooHigh`, `DelegateTxRateLimitExceeded`.
        /// - Event: `TakeIncreased`.
        #[pallet::call_index(66)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn increase_take(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            take: PerU16,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_increase_take(&coldkey, &hotkey, take)
        }

        /// Lends parts of a hotkey's stake on a subnet to other hotkeys, in place of all lent
        /// before.
        ///
        /// - Origin: signed, by the coldkey that owns the hotkey.
        /// - Errors: `TxRateLimitExceeded`, `RegistrationNotPermittedOnRootSubnet`,
        ///   `SubnetNotExists`, `NonAssociatedColdKey`, `TooManyChildren`, `InvalidChild`,
        ///   `DuplicateChild`, `ProportionOverflow`, `ChildParentInconsistency`,
        ///   `NotEnoughStakeToSetChildkeys`.
        /// - Event: `SetChildrenScheduled`.
        #[pallet::call_index(67)]
        #[pallet::weight(T::WeightInfo::set_children(children.len() as u32))]
        pub fn set_children(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            children: Vec<(u64, T::AccountId)>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_children(&coldkey, &hotkey, netuid, children)
        }

        /// Says who the caller is.
        ///
        /// - Origin: signed, by a coldkey that has a registered hotkey.
        /// - Errors: `HotKeyNotRegisteredInNetwork`, `InvalidIdentity`.
        /// - Event: `ChainIdentitySet`.
        #[pallet::call_index(68)]
        #[pallet::weight(T::WeightInfo::set_identity())]
        pub fn set_identity(
            origin: OriginFor<T>,
            name: Vec<u8>,
            url: Vec<u8>,
            github_repo: Vec<u8>,
            image: Vec<u8>,
            discord: Vec<u8>,
            description: Vec<u8>,
            additional: Vec<u8>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let identity =
                ChainIdentityV2 { name, url, github_repo, image, discord, description, additional };
            Self::do_set_identity(&coldkey, identity)
        }

        /// Sets the blocks between two raises of a child key's take.
        ///
        /// - Origin: root.
        /// - Event: `TxChildKeyTakeRateLimitSet`.
        #[pallet::call_index(69)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn sudo_set_tx_childkey_take_rate_limit(
            origin: OriginFor<T>,
            tx_rate_limit: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::do_set_childkey_take_wait(tx_rate_limit);
            Ok(())
        }

        /// Puts another hotkey of the caller in the place of one, on a subnet or on all.
        ///
        /// - Origin: signed, by the coldkey of the hotkey.
        /// - Errors: `SubnetNotExists`, `NonAssociatedColdKey`, `NewHotKeyIsSameWithOld`,
        ///   `HotKeyAlreadyRegisteredInSubNet`, `NewHotKeyNotCleanForRootSwap`,
        ///   `HotKeySwapOnSubnetIntervalNotPassed`, `NotEnoughBalanceToPaySwapHotKey`,
        ///   `ChildParentInconsistency`, `TooManyStakingHotkeys`, `ColdkeySwapTooHeavy`.
        /// - Event: `HotkeySwapped`, or `HotkeySwappedOnSubnet`.
        #[pallet::call_index(70)]
        #[pallet::weight(T::WeightInfo::swap_hotkey(SWAP_POSITIONS_MAX))]
        pub fn swap_hotkey(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: Option<NetUid>,
        ) -> DispatchResultWithPostInfo {
            let coldkey = ensure_signed(origin)?;
            let moved = Self::do_swap_hotkey(&coldkey, &hotkey, &new_hotkey, netuid, false);
            Self::weigh_swap(moved, T::WeightInfo::swap_hotkey)
        }

        /// Gives all of a coldkey to another, and takes a cost from it first.
        ///
        /// - Origin: root.
        /// - Errors: `NotEnoughBalanceToPaySwapColdKey`, `ColdKeyAlreadyAssociated`,
        ///   `NewColdKeyIsHotkey`, `TooManyStakingHotkeys`, `ColdkeySwapTooHeavy`.
        /// - Event: `ColdkeySwapped`.
        #[pallet::call_index(71)]
        #[pallet::weight(T::WeightInfo::swap_coldkey(SWAP_POSITIONS_MAX))]
        pub fn swap_coldkey(
            origin: OriginFor<T>,
            old_coldkey: T::AccountId,
            new_coldkey: T::AccountId,
            swap_cost: Tao,
        ) -> DispatchResultWithPostInfo {
            ensure_root(origin)?;
            let refusal = Error::<T>::NotEnoughBalanceToPaySwapColdKey;
            Self::pay_swap(&old_coldkey, swap_cost, refusal)?;
            let moved = Self::do_swap_coldkey(&old_coldkey, &new_coldkey)?;
            Self::forget_coldkey_swap(&old_coldkey);
            Ok(Some(T::WeightInfo::swap_coldkey(moved)).into())
        }

        /// As `swap_hotkey`; with `keep_stake` stake stays behind the old hotkey, which the caller
        /// keeps.
        ///
        /// - Origin: signed, by the coldkey of the hotkey.
        /// - Errors: as `swap_hotkey`.
        /// - Event: `HotkeySwapped`, or `HotkeySwappedOnSubnet`.
        #[pallet::call_index(72)]
        #[pallet::weight(T::WeightInfo::swap_hotkey(if *keep_stake { 0 } else { SWAP_POSITIONS_MAX }))]
        pub fn swap_hotkey_v2(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: Option<NetUid>,
            keep_stake: bool,
        ) -> DispatchResultWithPostInfo {
            let coldkey = ensure_signed(origin)?;
            let moved = Self::do_swap_hotkey(&coldkey, &hotkey, &new_hotkey, netuid, keep_stake);
            Self::weigh_swap(moved, T::WeightInfo::swap_hotkey)
        }

        /// Fails: a swap is announced today.
        ///
        /// - Origin: any.
        /// - Errors: `Deprecated`.
        #[pallet::call_index(73)]
        #[pallet::weight(T::WeightInfo::announce_coldkey_swap())]
        pub fn schedule_swap_coldkey(
            origin: OriginFor<T>,
            new_coldkey: T::AccountId,
        ) -> DispatchResult {
            let _ = (origin, new_coldkey);
            Err(Error::<T>::Deprecated.into())
        }

        /// Sets what a hotkey keeps of the dividends of those who lend to it.
        ///
        /// - Origin: signed, by the coldkey that owns the hotkey.
        /// - Errors: `SubnetNotExists`, `NonAssociatedColdKey`, `InvalidChildkeyTake`, `TxChildkeyTakeRateLimitExceeded`.
        /// - Event: `ChildKeyTakeSet`.
        #[pallet::call_index(75)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn set_childkey_take(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            take: PerU16,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_childkey_take(&coldkey, &hotkey, netuid, take)
        }

        /// Sets the least that a child key may take; those that take less take so much from now on.
        ///
        /// - Origin: root.
        /// - Event: `MinChildKeyTakeSet`.
        #[pallet::call_index(76)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn sudo_set_min_childkey_take(origin: OriginFor<T>, take: PerU16) -> DispatchResult {
            ensure_root(origin)?;
            Self::do_set_least_childkey_take(take);
            Ok(())
        }

        /// Sets the most that a child key may set its take to.
        ///
        /// - Origin: root.
        /// - Event: `MaxChildKeyTakeSet`.
        #[pallet::call_index(77)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn sudo_set_max_childkey_take(origin: OriginFor<T>, take: PerU16) -> DispatchResult {
            ensure_root(origin)?;
            Self::do_set_most_childkey_take(take);
            Ok(())
        }

        /// Describes the caller's subnet.
        ///
        /// - Origin: signed, by the subnet's owner.
        /// - Errors: `SubnetNotExists`, `NotSubnetOwner`, `InvalidIdentity`.
        /// - Event: `SubnetIdentitySet`.
        #[pallet::call_index(78)]
        #[pallet::weight(T::WeightInfo::set_identity())]
        pub fn set_subnet_identity(
            origin: OriginFor<T>,
            netuid: NetUid,
            subnet_name: Vec<u8>,
            github_repo: Vec<u8>,
            subnet_contact: Vec<u8>,
            subnet_url: Vec<u8>,
            discord: Vec<u8>,
            description: Vec<u8>,
            logo_url: Vec<u8>,
            additional: Vec<u8>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
            ensure!(Self::owns_subnet(&coldkey, netuid), Error::<T>::NotSubnetOwner);
            let identity = SubnetIdentityV3 {
                subnet_name,
                github_repo,
                subnet_contact,
                subnet_url,
                discord,
                description,
                logo_url,
                additional,
            };
            Self::put_subnet_identity(netuid, identity)
        }

        /// Registers a subnet and describes it.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubNetRegistrationDisabled`, `NetworkTxRateLimitExceeded`,
        ///   `CannotAffordLockCost`, `NonAssociatedColdKey`, `TooManyStakingHotkeys`,
        ///   `SubnetLimitReached`, `InvalidIdentity`.
        /// - Event: `NetworkAdded`, `NeuronRegistered`, `SubnetIdentitySet`; `NetworkRemoved` where
        ///   another made room.
        #[pallet::call_index(79)]
        #[pallet::weight(T::WeightInfo::register_network())]
        pub fn register_network_with_identity(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            identity: Option<SubnetIdentityV3>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_register_network(&coldkey, &hotkey, identity)
        }

        /// Sets the caller's weights on the main mechanism of several subnets. One that is refused
        /// changes nothing, and does not stop the others.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `InputLengthsUnequal`, `InvalidBatchLength`; of a single subnet, in its event,
        ///   those of `set_weights`.
        /// - Event: `WeightsSet` and `BatchWeightItemFailed`, one or the other a subnet;
        ///   `BatchCompletedWithErrors`, `BatchWeightsCompleted`.
        #[pallet::call_index(80)]
        #[pallet::weight(sum_of(weights.iter().map(|row| T::WeightInfo::set_weights(count(row)))))]
        pub fn batch_set_weights(
            origin: OriginFor<T>,
            netuids: Vec<Compact<NetUid>>,
            weights: Vec<Vec<(Compact<u16>, Compact<u16>)>>,
            version_keys: Vec<Compact<u64>>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_batch_set_weights(hotkey, netuids, weights, version_keys)
        }

        /// Takes back all that the caller staked behind a hotkey, except on root.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `HotKeyAccountNotExists`, `AmountTooLow`, `InsufficientLiquidity`,
        ///   `SlippageTooHigh`.
        /// - Event: `StakeRemoved`, one a subnet.
        #[pallet::call_index(83)]
        #[pallet::weight(T::WeightInfo::unstake_all())]
        pub fn unstake_all(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_unstake_all(&coldkey, &hotkey, false)
        }

        /// Moves all that the caller staked behind a hotkey to root.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `HotKeyAccountNotExists`, `AmountTooLow`, `InsufficientLiquidity`,
        ///   `SlippageTooHigh`.
        /// - Event: `StakeRemoved`, one a subnet; `StakeAdded` on root.
        #[pallet::call_index(84)]
        #[pallet::weight(T::WeightInfo::unstake_all())]
        pub fn unstake_all_alpha(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_unstake_all(&coldkey, &hotkey, true)
        }

        /// Moves the caller's stake to another hotkey, and to another subnet if it is one.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: those of `remove_stake`, and of the destination `SubnetNotExists`,
        ///   `SubtokenDisabled`, `HotKeyAccountNotExists`, `TransferDisallowed`,
        ///   `TooManyStakingHotkeys`, `SameNetuid`.
        /// - Event: `StakeMoved`.
        #[pallet::call_index(85)]
        #[pallet::weight(T::WeightInfo::move_stake())]
        pub fn move_stake(
            origin: OriginFor<T>,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: Alpha,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Place { coldkey: &coldkey, hotkey: &origin_hotkey, netuid: origin_netuid };
            let (hotkey, netuid) = (&destination_hotkey, destination_netuid);
            let to = Place { coldkey: &coldkey, hotkey, netuid };
            Self::do_move_stake(from, to, alpha_amount, None)
        }

        /// Gives the caller's stake to another coldkey.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: those of `remove_stake`, and of the destination `SubnetNotExists`,
        ///   `SubtokenDisabled`, `HotKeyAccountNotExists`, `TransferDisallowed`,
        ///   `TooManyStakingHotkeys`, `SameNetuid`.
        /// - Event: `StakeTransferred`.
        #[pallet::call_index(86)]
        #[pallet::weight(T::WeightInfo::move_stake())]
        pub fn transfer_stake(
            origin: OriginFor<T>,
            destination_coldkey: T::AccountId,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: Alpha,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Place { coldkey: &coldkey, hotkey: &hotkey, netuid: origin_netuid };
            let (coldkey, netuid) = (&destination_coldkey, destination_netuid);
            Self::do_transfer_stake(from, Place { coldkey, hotkey: &hotkey, netuid }, alpha_amount)
        }

        /// Moves the caller's stake behind a hotkey to another subnet.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: those of `remove_stake`, and of the destination `SubnetNotExists`,
        ///   `SubtokenDisabled`, `HotKeyAccountNotExists`, `TransferDisallowed`,
        ///   `TooManyStakingHotkeys`, `SameNetuid`.
        /// - Event: `StakeSwapped`.
        #[pallet::call_index(87)]
        #[pallet::weight(T::WeightInfo::move_stake())]
        pub fn swap_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: Alpha,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Place { coldkey: &coldkey, hotkey: &hotkey, netuid: origin_netuid };
            Self::do_swap_stake(from, destination_netuid, alpha_amount, None)
        }

        /// Stakes at no worse than a price.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubnetNotExists`, `SubtokenDisabled`, `HotKeyAccountNotExists`,
        ///   `AmountTooLow`, `NotEnoughBalanceToStake`, `TooManyStakingHotkeys`,
        ///   `InsufficientLiquidity`, `SlippageTooHigh`.
        /// - Event: `StakeAdded`.
        #[pallet::call_index(88)]
        #[pallet::weight(T::WeightInfo::add_stake())]
        pub fn add_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_staked: Tao,
            limit_price: Tao,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let limit = Some(limit_price.rao());
            Self::do_add_stake(&coldkey, &hotkey, netuid, amount_staked, limit, allow_partial)
        }

        /// Takes stake back at no worse than a price.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubnetNotExists`, `SubtokenDisabled`, `HotKeyAccountNotExists`,
        ///   `AmountTooLow`, `NotEnoughStakeToWithdraw`, `InsufficientLiquidity`,
        ///   `SlippageTooHigh`.
        /// - Event: `StakeRemoved`.
        #[pallet::call_index(89)]
        #[pallet::weight(T::WeightInfo::remove_stake())]
        pub fn remove_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_unstaked: Alpha,
            limit_price: Tao,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let limit = Some(limit_price.rao());
            Self::do_remove_stake(&coldkey, &hotkey, netuid, amount_unstaked, limit, allow_partial)
        }

        /// As `swap_stake`, at no worse than a ratio of the two prices, times 1e9.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: those of `remove_stake`, and of the destination `SubnetNotExists`,
        ///   `SubtokenDisabled`, `HotKeyAccountNotExists`, `TransferDisallowed`,
        ///   `TooManyStakingHotkeys`, `SameNetuid`.
        /// - Event: `StakeSwapped`.
        #[pallet::call_index(90)]
        #[pallet::weight(T::WeightInfo::move_stake_limit())]
        pub fn swap_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: Alpha,
            limit_price: Tao,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Place { coldkey: &coldkey, hotkey: &hotkey, netuid: origin_netuid };
            let limit = RatioLimit { ratio: limit_price.rao(), partial: allow_partial };
            Self::do_swap_stake(from, destination_netuid, alpha_amount, Some(limit))
        }

        /// Makes the caller the owner of a hotkey that nobody owns.
        ///
        /// - Origin: signed, by a coldkey. The hotkey does not sign: as on the public chain, the
        ///   first coldkey gets it.
        /// - Errors: `NonAssociatedColdKey`, `TooManyStakingHotkeys`.
        /// - Event: none.
        #[pallet::call_index(91)]
        #[pallet::weight(T::WeightInfo::associate())]
        pub fn try_associate_hotkey(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::associate(&coldkey, &hotkey)
        }

        /// Starts the caller's subnet.
        ///
        /// - Origin: signed, by the subnet's owner.
        /// - Errors: `SubnetNotExists`, `FirstEmissionBlockNumberAlreadySet`,
        ///   `NeedWaitingMoreBlocksToStarCall`.
        /// - Event: `FirstEmissionBlockNumberSet`.
        #[pallet::call_index(92)]
        #[pallet::weight(T::WeightInfo::start_call())]
        pub fn start_call(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            Self::do_start_call(origin, netuid)
        }

        /// Associates the caller's neuron with a key of Ethereum's kind, which has signed, as
        /// wallets do, the hotkey and keccak-256 of a block's number (eight bytes, little-endian).
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `NonAssociatedColdKey`, `SubnetNotExists`, `HotKeyNotRegisteredInSubNet`,
        ///   `EvmKeyAssociateRateLimitExceeded`, `UnableToRecoverPublicKey`,
        ///   `InvalidRecoveredPublicKey`, `EvmKeyAssociationLimitExceeded`.
        /// - Event: `EvmKeyAssociated`.
        #[pallet::call_index(93)]
        #[pallet::weight(T::WeightInfo::associate_evm_key())]
        pub fn associate_evm_key(
            origin: OriginFor<T>,
            netuid: NetUid,
            evm_key: H160,
            block_number: u64,
            signature: Signature,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_associate_evm_key(&hotkey, netuid, evm_key, block_number, &signature)
        }

        /// Commits weights on the subnet's main mechanism by their hash.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `CanNotSetRootNetworkWeights`, `SubnetNotExists`, `MechanismDoesNotExist`,
        ///   `CommitRevealDisabled`, `HotKeyNotRegisteredInSubNet`, `CommittingWeightsTooFast`,
        ///   `TooManyUnrevealedCommits`.
        /// - Event: `WeightsCommitted`.
        #[pallet::call_index(96)]
        #[pallet::weight(T::WeightInfo::commit_weights())]
        pub fn commit_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            commit_hash: H256,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_commit_weights(&hotkey, netuid, MechId::MAIN, commit_hash)
        }

        /// Reveals weights that were committed.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `CanNotSetRootNetworkWeights`, `SubnetNotExists`, `MechanismDoesNotExist`,
        ///   `WeightVecNotEqualSize`, `UidsLengthExceedUidsInSubNet`,
        ///   `HotKeyNotRegisteredInSubNet`, `NotEnoughStakeToSetWeights`,
        ///   `IncorrectWeightVersionKey`, `CommitRevealDisabled`, `ExpiredWeightCommit`,
        ///   `NoWeightsCommitFound`, `InvalidRevealCommitHashNotMatch`, `RevealTooEarly`,
        ///   `NeuronNoValidatorPermit`, `DuplicateUids`, `UidVecContainInvalidOne`,
        ///   `WeightVecLengthIsLow`, `MaxWeightExceeded`.
        /// - Event: `WeightsRevealed`.
        #[pallet::call_index(97)]
        #[pallet::weight(T::WeightInfo::reveal_weights(uids.len() as u32))]
        pub fn reveal_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let row = Row { uids: &uids, values: &values, version_key };
            let revealed = Revealed { row, salt: &salt };
            Self::do_reveal_weights(&hotkey, netuid, MechId::MAIN, revealed)
        }

        /// Reveals several commits of the subnet's main mechanism: all of them or none.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `InputLengthsUnequal`, `InvalidBatchLength`, those of `reveal_weights`.
        /// - Event: `WeightsSet` for each, `WeightsBatchRevealed`.
        #[pallet::call_index(98)]
        #[pallet::weight(sum_of(
            uids_list.iter().map(|uids| T::WeightInfo::reveal_weights(count(uids)))
        ))]
        pub fn batch_reveal_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            uids_list: Vec<Vec<u16>>,
            values_list: Vec<Vec<u16>>,
            salts_list: Vec<Vec<u16>>,
            version_keys: Vec<u64>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let lengths = [values_list.len(), salts_list.len(), version_keys.len()];
            ensure!(lengths == [uids_list.len(); 3], Error::<T>::InputLengthsUnequal);
            let rows = uids_list.iter().zip(&values_list).zip(version_keys).zip(&salts_list);
            let reveals = rows.map(|(((uids, values), version_key), salt)| Revealed {
                row: Row { uids, values, version_key },
                salt,
            });
            Self::do_batch_reveal_weights(hotkey, netuid, reveals.collect())
        }

        /// Commits weights on the main mechanism of several subnets by their hashes. One that is
        /// refused changes nothing, and does not stop the others.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `InputLengthsUnequal`, `InvalidBatchLength`; of a single subnet, in its event,
        ///   those of `commit_weights`.
        /// - Event: `WeightsCommitted` and `BatchWeightItemFailed`, one or the other a subnet;
        ///   `BatchCompletedWithErrors`, `BatchWeightsCompleted`.
        #[pallet::call_index(100)]
        #[pallet::weight(T::WeightInfo::commit_weights().saturating_mul(netuids.len() as u64))]
        pub fn batch_commit_weights(
            origin: OriginFor<T>,
            netuids: Vec<Compact<NetUid>>,
            commit_hashes: Vec<H256>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_batch_commit_weights(hotkey, netuids, commit_hashes)
        }

        /// Gives up alpha of the caller: it may be emitted again.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `CannotBurnOrRecycleOnRootSubnet`, `SubnetNotExists`,
        ///   `HotKeyAccountNotExists`, `AmountTooLow`, `NotEnoughAlphaOutToRecycle`.
        /// - Event: `AlphaRecycled`.
        #[pallet::call_index(101)]
        #[pallet::weight(T::WeightInfo::remove_stake())]
        pub fn recycle_alpha(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            amount: Alpha,
            netuid: NetUid,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_recycle_alpha(&coldkey, &hotkey, netuid, amount)
        }

        /// Gives up alpha of the caller for good.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `CannotBurnOrRecycleOnRootSubnet`, `SubnetNotExists`,
        ///   `HotKeyAccountNotExists`, `AmountTooLow`, `NotEnoughAlphaOutToRecycle`.
        /// - Event: `AlphaBurned`.
        #[pallet::call_index(102)]
        #[pallet::weight(T::WeightInfo::remove_stake())]
        pub fn burn_alpha(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            amount: Alpha,
            netuid: NetUid,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burn_alpha(&coldkey, &hotkey, netuid, amount)
        }

        /// Takes back all that the caller staked behind a hotkey on one subnet.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubnetNotExists`, `SubtokenDisabled`, `HotKeyAccountNotExists`,
        ///   `AmountTooLow`, `NotEnoughStakeToWithdraw`, `InsufficientLiquidity`,
        ///   `SlippageTooHigh`.
        /// - Event: `StakeRemoved`.
        #[pallet::call_index(103)]
        #[pallet::weight(T::WeightInfo::remove_stake())]
        pub fn remove_stake_full_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            limit_price: Option<Tao>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let all = Self::stake_of(&hotkey, &coldkey, netuid);
            let limit = limit_price.map(Tao::rao);
            Self::do_remove_stake(&coldkey, &hotkey, netuid, all, limit, false)
        }

        /// Sets the blocks before announced child keys take effect.
        ///
        /// - Origin: root.
        /// - Errors: none.
        /// - Event: none, as on the public chain.
        #[pallet::call_index(109)]
        #[pallet::weight(T::WeightInfo::start_call())]
        pub fn set_pending_childkey_cooldown(
            origin: OriginFor<T>,
            cooldown: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            PendingChildKeyCooldown::<T>::put(cooldown);
            Ok(())
        }

        /// Registers a subnet with what a crowdloan raised, as the call by which that ends.
        ///
        /// - Origin: signed, by the crowdloan's creator.
        /// - Errors: `InvalidLeaseBeneficiary`, `LeaseCannotEndInThePast`, those of
        ///   `register_network`, and `InvalidCrowdloanId` of `Crowdloan` where none is ending.
        /// - Event: `SubnetLeaseCreated`.
        #[pallet::call_index(110)]
        #[pallet::weight(T::WeightInfo::register_leased_network(CONTRIBUTORS_MAX))]
        pub fn register_leased_network(
            origin: OriginFor<T>,
            emissions_share: Percent,
            end_block: Option<BlockNumberFor<T>>,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let given = Self::do_register_leased_network(&who, emissions_share, end_block)?;
            Ok(Some(T::WeightInfo::register_leased_network(given)).into())
        }

        /// Ends a lease after its time and makes the subnet the caller's.
        ///
        /// - Origin: signed, by the lease's beneficiary.
        /// - Errors: `LeaseDoesNotExist`, `ExpectedBeneficiaryOrigin`, `LeaseHasNoEndBlock`,
        ///   `LeaseHasNotEnded`, `BeneficiaryDoesNotOwnHotkey`.
        /// - Event: `SubnetLeaseTerminated`.
        #[pallet::call_index(111)]
        #[pallet::weight(T::WeightInfo::terminate_lease(LEASE_MOVES_MAX))]
        pub fn terminate_lease(
            origin: OriginFor<T>,
            lease_id: LeaseId,
            hotkey: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let moved = Self::do_terminate_lease(&who, lease_id, &hotkey)?;
            Ok(Some(T::WeightInfo::terminate_lease(moved)).into())
        }

        /// Gives a subnet's token another symbol.
        ///
        /// - Origin: root, or signed by the subnet's owner.
        /// - Errors: `SubnetNotExists`, `SymbolDoesNotExist`,
        ///   `SymbolAlreadyInUse`.
        /// - Event: `SymbolUpdated`.
        #[pallet::call_index(112)]
        #[pallet::weight(T::WeightInfo::set_identity())]
        pub fn update_symbol(
            origin: OriginFor<T>,
            netuid: NetUid,
            symbol: Vec<u8>,
        ) -> DispatchResult {
            Self::ensure_subnet_owner_or_root(origin, netuid)?;
            Self::do_update_symbol(netuid, symbol)
        }

        /// Commits weights on the subnet's main mechanism, sealed until a round of the beacon.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `CanNotSetRootNetworkWeights`, `SubnetNotExists`, `MechanismDoesNotExist`,
        ///   `CommitRevealDisabled`, `IncorrectCommitRevealVersion`,
        ///   `HotKeyNotRegisteredInSubNet`, `NeuronNoValidatorPermit`,
        ///   `NotEnoughStakeToSetWeights`, `CommittingWeightsTooFast`, `InvalidRevealRound`,
        ///   `TooManyUnrevealedCommits`, `CommitQueueFull`.
        /// - Event: `TimelockedWeightsCommitted`; `TimelockedWeightsRevealed` when they are opened.
        #[pallet::call_index(113)]
        #[pallet::weight(T::WeightInfo::commit_timelocked_weights())]
        pub fn commit_timelocked_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            commit: BoundedVec<u8, ConstU32<MAX_COMMIT_BYTES>>,
            reveal_round: u64,
            commit_reveal_version: u16,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let (mechanism, version) = (MechId::MAIN, commit_reveal_version);
            Self::do_commit_timelocked(&hotkey, netuid, mechanism, commit, reveal_round, version)
        }

        /// Chooses the hotkey behind which the caller's incentives on a subnet are staked.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubnetNotExists`, `HotKeyNotRegisteredInSubNet`,
        ///   `SameAutoStakeHotkeyAlreadySet`.
        /// - Event: `AutoStakeDestinationSet`.
        #[pallet::call_index(114)]
        #[pallet::weight(T::WeightInfo::associate())]
        pub fn set_coldkey_auto_stake_hotkey(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_auto_stake(&coldkey, netuid, &hotkey)
        }

        /// Commits weights on one of the subnet's mechanisms by their hash.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `CanNotSetRootNetworkWeights`, `SubnetNotExists`, `MechanismDoesNotExist`,
        ///   `CommitRevealDisabled`, `HotKeyNotRegisteredInSubNet`, `CommittingWeightsTooFast`,
        ///   `TooManyUnrevealedCommits`.
        /// - Event: `WeightsCommitted`.
        #[pallet::call_index(115)]
        #[pallet::weight(T::WeightInfo::commit_weights())]
        pub fn commit_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            commit_hash: H256,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_commit_weights(&hotkey, netuid, mecid, commit_hash)
        }

        /// Reveals weights that were committed on one of the subnet's mechanisms.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `CanNotSetRootNetworkWeights`, `SubnetNotExists`, `MechanismDoesNotExist`,
        ///   `WeightVecNotEqualSize`, `UidsLengthExceedUidsInSubNet`,
        ///   `HotKeyNotRegisteredInSubNet`, `NotEnoughStakeToSetWeights`,
        ///   `IncorrectWeightVersionKey`, `CommitRevealDisabled`, `ExpiredWeightCommit`,
        ///   `NoWeightsCommitFound`, `InvalidRevealCommitHashNotMatch`, `RevealTooEarly`,
        ///   `NeuronNoValidatorPermit`, `DuplicateUids`, `UidVecContainInvalidOne`,
        ///   `WeightVecLengthIsLow`, `MaxWeightExceeded`.
        /// - Event: `WeightsRevealed`.
        #[pallet::call_index(116)]
        #[pallet::weight(T::WeightInfo::reveal_weights(uids.len() as u32))]
        pub fn reveal_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let row = Row { uids: &uids, values: &values, version_key };
            let revealed = Revealed { row, salt: &salt };
            Self::do_reveal_weights(&hotkey, netuid, mecid, revealed)
        }

        /// Commits weights on one of the subnet's mechanisms, sealed until a round of the beacon. As
        /// `commit_timelocked_mechanism_weights`, of the version that older clients do not name.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `CanNotSetRootNetworkWeights`, `SubnetNotExists`, `MechanismDoesNotExist`,
        ///   `CommitRevealDisabled`, `IncorrectCommitRevealVersion`,
        ///   `HotKeyNotRegisteredInSubNet`, `NeuronNoValidatorPermit`,
        ///   `NotEnoughStakeToSetWeights`, `CommittingWeightsTooFast`, `InvalidRevealRound`,
        ///   `TooManyUnrevealedCommits`, `CommitQueueFull`.
        /// - Event: `TimelockedWeightsCommitted`; `TimelockedWeightsRevealed` when they are opened.
        #[pallet::call_index(117)]
        #[pallet::weight(T::WeightInfo::commit_timelocked_weights())]
        pub fn commit_crv3_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            commit: BoundedVec<u8, ConstU32<MAX_COMMIT_BYTES>>,
            reveal_round: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let version = UNNAMED_COMMIT_VERSION;
            Self::do_commit_timelocked(&hotkey, netuid, mecid, commit, reveal_round, version)
        }

        /// Commits weights on one of the subnet's mechanisms, sealed until a round of the beacon.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `CanNotSetRootNetworkWeights`, `SubnetNotExists`, `MechanismDoesNotExist`,
        ///   `CommitRevealDisabled`, `IncorrectCommitRevealVersion`,
        ///   `HotKeyNotRegisteredInSubNet`, `NeuronNoValidatorPermit`,
        ///   `NotEnoughStakeToSetWeights`, `CommittingWeightsTooFast`, `InvalidRevealRound`,
        ///   `TooManyUnrevealedCommits`, `CommitQueueFull`.
        /// - Event: `TimelockedWeightsCommitted`; `TimelockedWeightsRevealed` when they are opened.
        #[pallet::call_index(118)]
        #[pallet::weight(T::WeightInfo::commit_timelocked_weights())]
        pub fn commit_timelocked_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            commit: BoundedVec<u8, ConstU32<MAX_COMMIT_BYTES>>,
            reveal_round: u64,
            commit_reveal_version: u16,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let version = commit_reveal_version;
            Self::do_commit_timelocked(&hotkey, netuid, mecid, commit, reveal_round, version)
        }

        /// Sets the caller's weights on one of the subnet's mechanisms.
        ///
        /// - Origin: signed, by the hotkey.
        /// - Errors: `CanNotSetRootNetworkWeights`, `SubnetNotExists`, `MechanismDoesNotExist`,
        ///   `WeightVecNotEqualSize`, `UidsLengthExceedUidsInSubNet`,
        ///   `HotKeyNotRegisteredInSubNet`, `NotEnoughStakeToSetWeights`,
        ///   `IncorrectWeightVersionKey`, `CommitRevealEnabled`, `SettingWeightsTooFast`,
        ///   `NeuronNoValidatorPermit`, `DuplicateUids`, `UidVecContainInvalidOne`,
        ///   `WeightVecLengthIsLow`, `MaxWeightExceeded`.
        /// - Event: `WeightsSet`.
        #[pallet::call_index(119)]
        #[pallet::weight(T::WeightInfo::set_weights(dests.len() as u32))]
        pub fn set_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let row = Row { uids: &dests, values: &weights, version_key };
            Self::do_set_weights(&hotkey, netuid, mecid, row)
        }

        /// Ends a subnet; what its pool holds goes to the holders of its alpha.
        ///
        /// - Origin: root.
        /// - Errors: `SubnetNotExists`.
        /// - Event: `NetworkRemoved`.
        #[pallet::call_index(120)]
        #[pallet::weight(T::WeightInfo::dissolve_network())]
        pub fn root_dissolve_network(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            ensure_root(origin)?;
            Self::dissolve(netuid)
        }

        /// Turns all that the caller's root stake has earned into more root stake. The subnets
        /// named do not matter: clients send them for older chains.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `InsufficientLiquidity`, `SlippageTooHigh`, `AmountTooLow`.
        /// - Event: `RootClaimed`.
        #[pallet::call_index(121)]
        #[pallet::weight(T::WeightInfo::claim_root())]
        pub fn claim_root(origin: OriginFor<T>, subnets: BTreeSet<NetUid>) -> DispatchResult {
            let _ = subnets;
            let coldkey = ensure_signed(origin)?;
            Self::do_claim_root(&coldkey, None)
        }

        /// Sets the alpha below which claims of root stakers on a subnet wait, in rao.
        ///
        /// - Origin: signed, by the subnet's owner, or root.
        /// - Errors: `SubnetNotExists`, `InvalidRootClaimThreshold`.
        #[pallet::call_index(124)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn sudo_set_root_claim_threshold(
            origin: OriginFor<T>,
            netuid: NetUid,
            new_value: u64,
        ) -> DispatchResult {
            Self::ensure_subnet_owner_or_root(origin, netuid)?;
            Self::do_set_root_claim_threshold(netuid, new_value)
        }

        /// Announces that all of the caller is to go to the coldkey of this BLAKE2-256 hash. Until
        /// then the caller signs nothing but what concerns that.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `ColdkeySwapDisputed`, `ColdkeySwapReannouncedTooEarly`,
        ///   `NotEnoughBalanceToPaySwapColdKey`.
        /// - Event: `ColdkeySwapAnnounced`.
        #[pallet::call_index(125)]
        #[pallet::weight(T::WeightInfo::announce_coldkey_swap())]
        pub fn announce_coldkey_swap(
            origin: OriginFor<T>,
            new_coldkey_hash: T::Hash,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_announce_coldkey_swap(&coldkey, new_coldkey_hash)
        }

        /// Gives all of the caller to the coldkey that was announced.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `ColdkeySwapDisputed`, `ColdkeySwapAnnouncementNotFound`,
        ///   `AnnouncedColdkeyHashDoesNotMatch`, `ColdkeySwapTooEarly`,
        ///   `ColdKeyAlreadyAssociated`, `NewColdKeyIsHotkey`, `TooManyStakingHotkeys`,
        ///   `ColdkeySwapTooHeavy`.
        /// - Event: `ColdkeySwapped`.
        #[pallet::call_index(126)]
        #[pallet::weight(T::WeightInfo::swap_coldkey(SWAP_POSITIONS_MAX))]
        pub fn swap_coldkey_announced(
            origin: OriginFor<T>,
            new_coldkey: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            let coldkey = ensure_signed(origin)?;
            let moved = Self::do_swap_coldkey_announced(&coldkey, &new_coldkey);
            Self::weigh_swap(moved, T::WeightInfo::swap_coldkey)
        }

        /// Stops the announced swap of the caller, and everything else that it signs, until root
        /// has decided.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `ColdkeySwapAnnouncementNotFound`, `ColdkeySwapAlreadyDisputed`.
        /// - Event: `ColdkeySwapDisputed`.
        #[pallet::call_index(127)]
        #[pallet::weight(T::WeightInfo::announce_coldkey_swap())]
        pub fn dispute_coldkey_swap(origin: OriginFor<T>) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_dispute_coldkey_swap(&coldkey)
        }

        /// Forgets what was announced and disputed of a coldkey.
        ///
        /// - Origin: root.
        /// - Errors: none.
        /// - Event: `ColdkeySwapReset`.
        #[pallet::call_index(128)]
        #[pallet::weight(T::WeightInfo::announce_coldkey_swap())]
        pub fn reset_coldkey_swap(origin: OriginFor<T>, coldkey: T::AccountId) -> DispatchResult {
            ensure_root(origin)?;
            Self::forget_coldkey_swap(&coldkey);
            Self::deposit_event(Event::ColdkeySwapReset { who: coldkey });
            Ok(())
        }

        /// Has the voting power of a subnet's validators tracked from its next epoch on.
        ///
        /// - Origin: signed, by the subnet's owner, or root.
        /// - Errors: `SubnetNotExists`.
        /// - Event: `VotingPowerTrackingEnabled`.
        #[pallet::call_index(129)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn enable_voting_power_tracking(
            origin: OriginFor<T>,
            netuid: NetUid,
        ) -> DispatchResult {
            Self::ensure_subnet_owner_or_root(origin, netuid)?;
            Self::do_enable_voting_power(netuid)
        }

        /// Ends that after 100,800 blocks, in which it goes on.
        ///
        /// - Origin: signed, by the subnet's owner, or root.
        /// - Errors: `SubnetNotExists`, `VotingPowerTrackingNotEnabled`.
        /// - Event: `VotingPowerTrackingDisableScheduled`.
        #[pallet::call_index(130)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn disable_voting_power_tracking(
            origin: OriginFor<T>,
            netuid: NetUid,
        ) -> DispatchResult {
            Self::ensure_subnet_owner_or_root(origin, netuid)?;
            Self::do_disable_voting_power(netuid)
        }

        /// Sets the part that a new value has in the average that voting power is, in 1e-18.
        ///
        /// - Origin: root.
        /// - Errors: `SubnetNotExists`, `InvalidVotingPowerEmaAlpha`.
        /// - Event: `VotingPowerEmaAlphaSet`.
        #[pallet::call_index(131)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn sudo_set_voting_power_ema_alpha(
            origin: OriginFor<T>,
            netuid: NetUid,
            alpha: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::do_set_voting_power_alpha(netuid, alpha)
        }

        /// Buys alpha with the caller's TAO and burns it.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `CannotBurnOrRecycleOnRootSubnet`, `SubnetNotExists`, `SubtokenDisabled`,
        ///   `HotKeyAccountNotExists`, `AmountTooLow`, `NotEnoughBalanceToStake`,
        ///   `InsufficientLiquidity`, `SlippageTooHigh`.
        /// - Event: `AddStakeBurn`.
        #[pallet::call_index(132)]
        #[pallet::weight(T::WeightInfo::add_stake())]
        pub fn add_stake_burn(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount: Tao,
            limit: Option<Tao>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_add_stake_burn(&coldkey, &hotkey, netuid, amount, limit.map(Tao::rao))
        }

        /// Takes the caller's announcement back.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `ColdkeySwapDisputed`, `ColdkeySwapAnnouncementNotFound`,
        ///   `ColdkeySwapClearTooEarly`.
        /// - Event: `ColdkeySwapCleared`.
        #[pallet::call_index(133)]
        #[pallet::weight(T::WeightInfo::announce_coldkey_swap())]
        pub fn clear_coldkey_swap_announcement(origin: OriginFor<T>) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_clear_coldkey_swap(&coldkey)
        }

        /// Registers a hotkey on a subnet if that costs no more than a limit, in rao.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `RegistrationNotPermittedOnRootSubnet`, `SubnetNotExists`,
        ///   `SubNetRegistrationDisabled`, `TooManyRegistrationsThisBlock`,
        ///   `HotKeyAlreadyRegisteredInSubNet`, `NonAssociatedColdKey`, `NotEnoughBalanceToStake`,
        ///   `TooManyStakingHotkeys`, `NoNeuronIdAvailable`, `InsufficientLiquidity`,
        ///   `SlippageTooHigh`, `RegistrationPriceLimitExceeded`.
        /// - Event: `NeuronRegistered`.
        #[pallet::call_index(134)]
        #[pallet::weight(T::WeightInfo::register(SubnetworkN::<T>::get(netuid).into()))]
        pub fn register_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
            limit_price: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burned_register(&coldkey, netuid, &hotkey, Some(Tao::new(limit_price)))
        }

        /// Locks stake of the caller on a subnet behind a hotkey, more of it if some is locked.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubnetNotExists`, `AmountTooLow`, `HotKeyAccountNotExists`,
        ///   `LockHotkeyMismatch`, `InsufficientStakeForLock`.
        /// - Event: `StakeLocked`.
        #[pallet::call_index(136)]
        #[pallet::weight(T::WeightInfo::lock())]
        pub fn lock_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount: Alpha,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_lock_stake(&coldkey, netuid, &hotkey, amount)
        }

        /// Puts the caller's lock on a subnet behind another hotkey.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubnetNotExists`, `HotKeyAccountNotExists`, `NoExistingLock`.
        /// - Event: `LockMoved`.
        #[pallet::call_index(137)]
        #[pallet::weight(T::WeightInfo::lock())]
        pub fn move_lock(
            origin: OriginFor<T>,
            destination_hotkey: T::AccountId,
            netuid: NetUid,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_move_lock(&coldkey, netuid, &destination_hotkey)
        }

        /// Makes the caller's lock on a subnet, or one to come, keep its mass; or lets it decay.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `SubnetNotExists`.
        /// - Event: `PerpetualLockUpdated`.
        #[pallet::call_index(138)]
        #[pallet::weight(T::WeightInfo::lock())]
        pub fn set_perpetual_lock(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_perpetual_lock(&coldkey, netuid, enabled)
        }

        /// Sets the blocks from one epoch to the next, which are counted anew from here.
        ///
        /// - Origin: signed, by the subnet's owner.
        /// - Errors: `SubnetNotExists`, `TempoOutOfBounds`,
        ///   `AdminActionProhibitedDuringWeightsWindow`, `TxRateLimitExceeded`.
        /// - Event: `TempoSet`.
        #[pallet::call_index(139)]
        #[pallet::weight(T::WeightInfo::start_call())]
        pub fn set_tempo(origin: OriginFor<T>, netuid: NetUid, tempo: u16) -> DispatchResult {
            Self::ensure_subnet_owner(origin, netuid)?;
            Self::do_set_tempo(netuid, tempo)
        }

        /// Sets the thousandths of a tempo after which a silent validator is inactive.
        ///
        /// - Origin: signed, by the subnet's owner, or root.
        /// - Errors: `SubnetNotExists`, `ActivityCutoffFactorMilliOutOfBounds`,
        ///   `AdminActionProhibitedDuringWeightsWindow`, `TxRateLimitExceeded`.
        /// - Event: `ActivityCutoffFactorMilliSet`.
        #[pallet::call_index(140)]
        #[pallet::weight(T::WeightInfo::start_call())]
        pub fn set_activity_cutoff_factor(
            origin: OriginFor<T>,
            netuid: NetUid,
            factor_milli: u32,
        ) -> DispatchResult {
            let owner = Self::ensure_subnet_owner_or_root(origin, netuid)?;
            Self::do_set_activity_cutoff_factor(owner.is_some(), netuid, factor_milli)
        }

        /// Orders an epoch of the caller's subnet out of turn.
        ///
        /// - Origin: signed, by the subnet's owner.
        /// - Errors: `SubnetNotExists`, `DynamicTempoBlockedByCommitReveal`,
        ///   `EpochTriggerAlreadyPending`, `AutoEpochAlreadyImminent`, `TxRateLimitExceeded`.
        /// - Event: `EpochTriggered`.
        #[pallet::call_index(141)]
        #[pallet::weight(T::WeightInfo::start_call())]
        pub fn trigger_epoch(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            let owner = Self::ensure_subnet_owner(origin, netuid)?;
            Self::do_trigger_epoch(owner, netuid)
        }

        /// Refuses locked stake that others would transfer to the caller, which is so from the
        /// beginning, or takes it.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Event: `RejectLockedAlphaUpdated`.
        #[pallet::call_index(142)]
        #[pallet::weight(T::WeightInfo::associate())]
        pub fn set_reject_locked_alpha(origin: OriginFor<T>, enabled: bool) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_reject_locked_alpha(&coldkey, enabled);
            Ok(())
        }

        /// Gives the caller's stake to another coldkey, behind another hotkey.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: those of `transfer_stake`.
        /// - Event: `StakeAndHotkeyTransferred`.
        #[pallet::call_index(143)]
        #[pallet::weight(T::WeightInfo::move_stake())]
        pub fn transfer_stake_and_hotkey(
            origin: OriginFor<T>,
            destination_coldkey: T::AccountId,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: Alpha,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Place { coldkey: &coldkey, hotkey: &origin_hotkey, netuid: origin_netuid };
            let (coldkey, hotkey) = (&destination_coldkey, &destination_hotkey);
            let to = Place { coldkey, hotkey, netuid: destination_netuid };
            Self::do_transfer_stake_and_hotkey(from, to, alpha_amount)
        }

        /// Turns what the caller's root stake behind one hotkey has earned into more of it.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: `InsufficientLiquidity`, `SlippageTooHigh`, `AmountTooLow`.
        /// - Event: `RootClaimed`.
        #[pallet::call_index(148)]
        #[pallet::weight(T::WeightInfo::claim_root())]
        pub fn claim_root_with_hotkey(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_claim_root(&coldkey, Some(&hotkey))
        }

        /// As `move_stake`, at no worse than a ratio of the two prices, times 1e9.
        ///
        /// - Origin: signed, by a coldkey.
        /// - Errors: those of `remove_stake`, and of the destination `SubnetNotExists`,
        ///   `SubtokenDisabled`, `HotKeyAccountNotExists`, `TransferDisallowed`,
        ///   `TooManyStakingHotkeys`, `SameNetuid`.
        /// - Event: `StakeMoved`.
        #[pallet::call_index(149)]
        #[pallet::weight(T::WeightInfo::move_stake_limit())]
        pub fn move_stake_limit(
            origin: OriginFor<T>,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: Alpha,
            limit_price: Tao,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Place { coldkey: &coldkey, hotkey: &origin_hotkey, netuid: origin_netuid };
            let (hotkey, netuid) = (&destination_hotkey, destination_netuid);
            let to = Place { coldkey: &coldkey, hotkey, netuid };
            let limit = RatioLimit { ratio: limit_price.rao(), partial: allow_partial };
            Self::do_move_stake(from, to, alpha_amount, Some(limit))
        }

        /// Registers a hotkey on a subnet by proof of work, for no price and no fee, where its
        /// owner allows that.
        ///
        /// - Origin: signed, by a coldkey, which is part of the proof and needs no TAO.
        /// - Errors: `RegistrationNotPermittedOnRootSubnet`, `SubnetNotExists`,
        ///   `SubNetRegistrationDisabled`, `TooManyRegistrationsThisBlock`,
        ///   `HotKeyAlreadyRegisteredInSubNet`, `NonAssociatedColdKey`, `InvalidWorkBlock`,
        ///   `InvalidSeal`, `InvalidDifficulty`, `TooManyStakingHotkeys`, `NoNeuronIdAvailable`.
        /// - Event: `NeuronRegistered`.
        #[pallet::call_index(152)]
        #[pallet::weight((
            T::WeightInfo::register(SubnetworkN::<T>::get(netuid).into()),
            DispatchClass::Normal,
            Pays::No
        ))]
        pub fn pow_register(
            origin: OriginFor<T>,
            netuid: NetUid,
            work_block: u64,
            nonce: u64,
            work: [u8; 32],
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let work = Work { hotkey: &hotkey, block: work_block, nonce, seal: &work };
            Self::do_pow_register(&coldkey, netuid, &work)
        }
    }
}
