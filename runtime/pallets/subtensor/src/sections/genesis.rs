//! The first state: the root network, what a chain's genesis decides of time and of defaults, and
//! where it asks for it the subnet that a public chain begins with.
//!
//! All other subnets are made by ordinary calls, on every chain alike.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod genesis {
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// Milliseconds a block takes.
        pub slot_duration_ms: u64,
        /// Hyperparameters of new subnets.
        pub new_subnet_defaults: SubnetDefaults,
        /// Whether neurons may serve on this very machine's loopback address.
        pub loopback_axons_allowed: bool,
        /// Blocks between two registrations of subnets.
        pub network_rate_limit: u64,
        /// Blocks between the registration of a subnet and its start.
        pub start_call_delay: u64,
        /// Blocks before an epoch in which owners set no hyperparameters. They are as many for any
        /// tempo: of a tempo of 20 blocks the public chain's ten would be every other block.
        pub admin_freeze_window: u16,
        /// Blocks between two raises of a child key's take.
        pub tx_childkey_take_rate_limit: u64,
        /// Blocks between two trimmings of a subnet by its owner.
        pub max_uids_trimming_rate_limit: u64,
        /// Epochs that may run in one block.
        pub max_epochs_per_block: u8,
        /// Blocks between two lists of children of one hotkey on one subnet.
        pub set_children_rate_limit: u64,
        /// Blocks before announced child keys take effect.
        pub pending_child_key_cooldown: u64,
        /// Blocks between the announcement of a new coldkey and the swap.
        pub coldkey_swap_announcement_delay: u32,
        /// Blocks from then until it may be announced anew.
        pub coldkey_swap_reannouncement_delay: u32,
        /// Blocks between two swaps of hotkeys by one coldkey on one subnet.
        pub hotkey_swap_interval: u64,
        /// Blocks for which a neuron's association with a key of Ethereum's kind stands.
        pub evm_key_associate_rate_limit: u64,
        /// Who owns root, and the owner's hotkey; nobody without it.
        pub root_owner: Option<(T::AccountId, T::AccountId)>,
        /// Whether there is a subnet 1 that nobody owns, with a pool of ten TAO, as the public
        /// chain's genesis has it. It is started, which the public one is not.
        pub first_subnet: bool,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        /// The public chain's values.
        fn default() -> Self {
            Self {
                slot_duration_ms: 12_000,
                new_subnet_defaults: SubnetDefaults::default(),
                loopback_axons_allowed: false,
                network_rate_limit: 7_200,
                start_call_delay: 0,
                admin_freeze_window: 10,
                tx_childkey_take_rate_limit: 216_000,
                max_uids_trimming_rate_limit: 216_000,
                max_epochs_per_block: 2,
                set_children_rate_limit: 150,
                pending_child_key_cooldown: 7_200,
                coldkey_swap_announcement_delay: 36_000,
                coldkey_swap_reannouncement_delay: 7_200,
                hotkey_swap_interval: 7_200,
                evm_key_associate_rate_limit: 7_200,
                root_owner: None,
                first_subnet: false,
                _config: Default::default(),
            }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            assert!(self.slot_duration_ms >= 2, "a slot takes at least two milliseconds");
            assert!(self.max_epochs_per_block > 0, "one epoch a block must be possible");
            SlotDurationMs::<T>::put(self.slot_duration_ms);
            NewSubnetDefaults::<T>::put(self.new_subnet_defaults);
            LoopbackAxonsAllowed::<T>::put(self.loopback_axons_allowed);
            NetworkRateLimit::<T>::put(self.network_rate_limit);
            StartCallDelay::<T>::put(self.start_call_delay);
            AdminFreezeWindow::<T>::put(self.admin_freeze_window);
            TxChildkeyTakeRateLimit::<T>::put(self.tx_childkey_take_rate_limit);
            MaxUidsTrimmingRateLimit::<T>::put(self.max_uids_trimming_rate_limit);
            MaxEpochsPerBlock::<T>::put(self.max_epochs_per_block);
            SetChildrenRateLimit::<T>::put(self.set_children_rate_limit);
            PendingChildKeyCooldown::<T>::put(self.pending_child_key_cooldown);
            ColdkeySwapAnnouncementDelay::<T>::put(BlockNumberFor::<T>::from(
                self.coldkey_swap_announcement_delay,
            ));
            ColdkeySwapReannouncementDelay::<T>::put(BlockNumberFor::<T>::from(
                self.coldkey_swap_reannouncement_delay,
            ));
            HotkeySwapInterval::<T>::put(self.hotkey_swap_interval);
            EvmKeyAssociateRateLimit::<T>::put(self.evm_key_associate_rate_limit);
            Pallet::<T>::create_root_network();
            if let Some((owner, hotkey)) = &self.root_owner {
                SubnetOwner::<T>::insert(NetUid::ROOT, owner);
                SubnetOwnerHotkey::<T>::insert(NetUid::ROOT, hotkey);
            }
            if self.first_subnet {
                Pallet::<T>::create_first_subnet().expect("nothing is in the way at genesis; qed");
            }
            // The balances pallet comes first, so its accounts are funded by now.
            TotalIssuance::<T>::put(Pallet::<T>::tao_held().expect("genesis has no such sum; qed"));
        }
    }
}
