//! The first state: the root network, the owners of time and defaults, and nothing else.
//!
//! Subnets are made by ordinary calls, on every chain alike.

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
        /// Epochs that may run in one block.
        pub max_epochs_per_block: u8,
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
                max_epochs_per_block: 2,
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
            MaxEpochsPerBlock::<T>::put(self.max_epochs_per_block);
            Pallet::<T>::create_root_network();
            // The balances pallet comes first, so its accounts are funded by now.
            TotalIssuance::<T>::put(Tao::new(T::Currency::total_issuance()));
        }
    }
}
