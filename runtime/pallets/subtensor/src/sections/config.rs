//! What the runtime gives the pallet.

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

        /// What neurons have committed to.
        type Commitments: Commitments<Self::AccountId>;

        /// The beacon whose rounds open timelocked weights.
        type Beacon: Beacon;

        /// In whose names an extrinsic acts.
        type ActsFor: ActsFor<Self::AccountId, <Self as frame_system::Config>::RuntimeCall>;

        /// The crowdloans and the proxies that leases are made with.
        type Leasing: Leasing<Self::AccountId>;

        /// Author of the block being built, who is paid the fees. None: they stay in the pool.
        type BlockAuthor: Get<Option<Self::AccountId>>;

        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }
}
