//! Storage that clients read before they act and that nothing writes yet: queues of subnets being
//! cleared away, collateral.
//!
//! An item that is absent from the metadata makes a client fail, one that is empty tells it that
//! the feature is not in use. An item moves out of this file when its feature arrives.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_client_reads {
    /// Subnets waiting to be cleared away.
    #[pallet::storage]
    pub type DissolveCleanupQueue<T: Config> = StorageValue<_, Vec<NetUid>, ValueQuery>;

    /// Registrations waiting for that.
    #[pallet::storage]
    pub type NetworkRegistrationQueue<T: Config> =
        StorageValue<_, Vec<NetworkRegistrationInfo<T::AccountId>>, ValueQuery>;

    /// The clearing away in progress.
    #[pallet::storage]
    pub type CurrentDissolveCleanupStatus<T: Config> =
        StorageValue<_, DissolveCleanupStatus, OptionQuery>;

    /// Blocks for which stake on root is held; 0: not at all.
    #[pallet::storage]
    pub type RootStakeUnlockInterval<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// Collateral behind a miner: (netuid, hotkey, coldkey).
    #[pallet::storage]
    pub type MinerCollateral<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Identity, NetUid>,
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Blake2_128Concat, T::AccountId>,
        ),
        MinerCollateralState,
        OptionQuery,
    >;

    /// Shares of a validator's fund that a rao of root stake has ever earned; here alpha is owed in
    /// their place (`RootClaimable`).
    #[pallet::storage]
    pub type BasketRate<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, I96F32, ValueQuery>;

    /// Hotkeys whose child keys are suspended for want of stake.
    #[pallet::storage]
    pub type ChildkeyThresholdSuspended<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, (), OptionQuery>;
}
