//! Storage of locks: what coldkeys have bound on subnets, and the sums of it by hotkey.
//!
//! Each is as of its last change; `crate::staking::locks` says what has become of it since.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_locks {
    /// Locked stake: (coldkey, netuid, hotkey).
    #[pallet::storage]
    pub type Lock<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Identity, NetUid>,
            NMapKey<Blake2_128Concat, T::AccountId>,
        ),
        LockState,
        OptionQuery,
    >;

    /// Who has a lock behind a hotkey: (netuid, hotkey, coldkey).
    #[pallet::storage]
    pub type LockingColdkeys<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Identity, NetUid>,
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Blake2_128Concat, T::AccountId>,
        ),
        (),
        OptionQuery,
    >;

    /// Sum of the perpetual locks behind a hotkey other than the subnet owner's.
    #[pallet::storage]
    pub type HotkeyLock<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        LockState,
        OptionQuery,
    >;

    /// Sum of the decaying locks behind such a hotkey.
    #[pallet::storage]
    pub type DecayingHotkeyLock<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        LockState,
        OptionQuery,
    >;

    /// Sum of the perpetual locks behind the subnet owner's hotkey.
    #[pallet::storage]
    pub type OwnerLock<T: Config> = StorageMap<_, Identity, NetUid, LockState, OptionQuery>;

    /// Sum of the decaying locks behind it.
    #[pallet::storage]
    pub type DecayingOwnerLock<T: Config> = StorageMap<_, Identity, NetUid, LockState, OptionQuery>;

    /// Whether a coldkey's lock decays; `false` makes it perpetual, none lets it decay.
    #[pallet::storage]
    pub type DecayingLock<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, bool, OptionQuery>;

    /// Blocks in which conviction comes near to its mass by all but an e-th part.
    #[pallet::storage]
    pub type MaturityRate<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<934_866>>;

    /// Blocks in which a decaying lock falls to an e-th part.
    #[pallet::storage]
    pub type UnlockRate<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<934_866>>;

    /// Switches of an account: bit 0, that it takes locked stake from others.
    #[pallet::storage]
    pub type AccountFlags<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, u128, ValueQuery>;
}
