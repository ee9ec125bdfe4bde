//! The calls. Each checks its origin and hands over to the module that does the work; names,
//! indices and arguments are the public runtime's.
//!
//! FRAME takes the calls of a pallet as one block, so this file is as long as they are many; it
//! holds no logic.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the caller's weights on the subnet's main mechanism.
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
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::register())]
        pub fn burned_register(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burned_register(&coldkey, netuid, &hotkey, None)
        }

        /// Tells where the caller's server is, and with which key it proves itself.
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
        #[pallet::call_index(59)]
        #[pallet::weight(T::WeightInfo::register_network())]
        pub fn register_network(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_register_network(&coldkey, &hotkey, None)
        }

        /// Takes a seat on root for a hotkey.
        #[pallet::call_index(62)]
        #[pallet::weight(T::WeightInfo::root_register())]
        pub fn root_register(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_root_register(&coldkey, &hotkey)
        }

        /// Lowers what a hotkey takes of its stakers' dividends.
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

        /// Sets what a hotkey keeps of the dividends of those who lend to it.
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

        /// Describes the caller's subnet.
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
            Self::ensure_subnet_owner(origin, netuid)?;
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

        /// Takes back all that the caller staked behind a hotkey, except on root.
        #[pallet::call_index(83)]
        #[pallet::weight(T::WeightInfo::unstake_all())]
        pub fn unstake_all(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_unstake_all(&coldkey, &hotkey, false)
        }

        /// Moves all that the caller staked behind a hotkey to root.
        #[pallet::call_index(84)]
        #[pallet::weight(T::WeightInfo::unstake_all())]
        pub fn unstake_all_alpha(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_unstake_all(&coldkey, &hotkey, true)
        }

        /// Moves the caller's stake to another hotkey, and to another subnet if it is one.
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
        #[pallet::call_index(91)]
        #[pallet::weight(T::WeightInfo::associate())]
        pub fn try_associate_hotkey(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::associate(&coldkey, &hotkey)
        }

        /// Starts the caller's subnet.
        #[pallet::call_index(92)]
        #[pallet::weight(T::WeightInfo::start_call())]
        pub fn start_call(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            Self::do_start_call(origin, netuid)
        }

        /// Commits weights on the subnet's main mechanism by their hash.
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

        /// Gives up alpha of the caller: it may be emitted again.
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

        /// Gives a subnet's token another symbol.
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

        /// Chooses the hotkey behind which the caller's incentives on a subnet are staked.
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

        /// Commits weights that a beacon will open. This chain follows no beacon, so nothing would
        /// ever open them, and the call is refused.
        #[pallet::call_index(118)]
        #[pallet::weight(T::WeightInfo::associate())]
        pub fn commit_timelocked_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            commit: BoundedVec<u8, ConstU32<MAX_COMMIT_BYTES>>,
            reveal_round: u64,
            commit_reveal_version: u16,
        ) -> DispatchResult {
            let _ = (netuid, mecid, commit, reveal_round, commit_reveal_version);
            ensure_signed(origin)?;
            Err(Error::<T>::CallDisabled.into())
        }

        /// Sets the caller's weights on one of the subnet's mechanisms.
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
        #[pallet::call_index(120)]
        #[pallet::weight(T::WeightInfo::dissolve_network())]
        pub fn root_dissolve_network(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            ensure_root(origin)?;
            Self::dissolve(netuid)
        }

        /// Turns all that the caller's root stake has earned into more root stake. The subnets
        /// named do not matter: clients send them for older chains.
        #[pallet::call_index(121)]
        #[pallet::weight(T::WeightInfo::claim_root())]
        pub fn claim_root(origin: OriginFor<T>, subnets: BTreeSet<NetUid>) -> DispatchResult {
            let _ = subnets;
            let coldkey = ensure_signed(origin)?;
            Self::do_claim_root(&coldkey, None)
        }

        /// Buys alpha with the caller's TAO and burns it.
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

        /// Registers a hotkey on a subnet if that costs no more than a limit, in rao.
        #[pallet::call_index(134)]
        #[pallet::weight(T::WeightInfo::register())]
        pub fn register_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
            limit_price: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burned_register(&coldkey, netuid, &hotkey, Some(Tao::new(limit_price)))
        }

        /// Orders an epoch of the caller's subnet out of turn.
        #[pallet::call_index(141)]
        #[pallet::weight(T::WeightInfo::start_call())]
        pub fn trigger_epoch(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            let owner = Self::ensure_subnet_owner(origin, netuid)?;
            Self::do_trigger_epoch(owner, netuid)
        }

        /// Turns what the caller's root stake behind one hotkey has earned into more of it.
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
    }
}
