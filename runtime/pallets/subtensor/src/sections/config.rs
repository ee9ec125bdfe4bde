//! What the runtime gives the pallet, and the constants that clients read from the metadata.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod config {
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Free balances, in rao.
        type Currency: Currency<Self::AccountId>;

        /// Fee rates and weights of the pools.
        type PoolSettings: PoolSettings;

        /// Who is to know that a neuron has lost its slot.
        type OnNeuronLeft: OnNeuronLeft<Self::AccountId>;

        /// Author of the block being built, who is paid the fees. None: they stay in the pool.
        type BlockAuthor: Get<Option<Self::AccountId>>;

        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// Blocks between the registration of a subnet and its start, as the chain has it now.
        #[pallet::constant_name(InitialStartCallDelay)]
        fn initial_start_call_delay() -> u64 {
            StartCallDelay::<T>::get()
        }

        /// Tempo that a new subnet gets.
        #[pallet::constant_name(InitialTempo)]
        fn initial_tempo() -> u16 {
            NewSubnetDefaults::<T>::get().tempo
        }

        /// Least amount that may be staked, in rao.
        #[pallet::constant_name(InitialMinStake)]
        fn initial_min_stake() -> u64 {
            MIN_STAKE.rao()
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
    }
}
