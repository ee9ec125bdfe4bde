//! Storage of keys and stake: who owns which hotkey, and who has how much behind it.
//!
//! A hotkey's alpha on a subnet is one pool of `TotalHotkeyAlpha`; coldkeys hold shares of it, so
//! that a payment to all of them is one write. The shares add up to `TotalHotkeyShares`.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_stake {
    /// Coldkey of a hotkey.
    #[pallet::storage]
    pub type Owner<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId, ValueQuery, ZeroAccount<T>>;

    /// Hotkeys of a coldkey.
    #[pallet::storage]
    pub type OwnedHotkeys<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Vec<T::AccountId>, ValueQuery>;

    /// Hotkeys behind which a coldkey has staked.
    #[pallet::storage]
    pub type StakingHotkeys<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Vec<T::AccountId>, ValueQuery>;

    /// Part of stakers' dividends that a hotkey takes.
    #[pallet::storage]
    pub type Delegates<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, PerU16, ValueQuery, ConstPerU16<11_796>>;

    /// Part of its parents' dividends that a child key takes.
    #[pallet::storage]
    pub type ChildkeyTake<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, PerU16, ValueQuery>;

    /// Block in which a child key's take was last raised.
    #[pallet::storage]
    pub type LastTxBlockChildKeyTake<T: Config> =
        StorageMap<_, Identity, T::AccountId, u64, ValueQuery>;

    /// Keys that act with a part of this stake: (part of 2^64, child).
    #[pallet::storage]
    pub type ChildKeys<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Identity,
        NetUid,
        Vec<(u64, T::AccountId)>,
        ValueQuery,
    >;

    /// Keys with whose stake this one acts: (part of 2^64, parent).
    #[pallet::storage]
    pub type ParentKeys<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Identity,
        NetUid,
        Vec<(u64, T::AccountId)>,
        ValueQuery,
    >;

    /// Announced children and the block from which they count.
    #[pallet::storage]
    pub type PendingChildKeys<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        (Vec<(u64, T::AccountId)>, u64),
        ValueQuery,
    >;

    /// Where the next epoch goes on looking through `PendingChildKeys`: the raw key of the last
    /// one seen. None: at the beginning.
    #[pallet::storage]
    pub type PendingChildKeysCursor<T: Config> =
        StorageMap<_, Identity, NetUid, Vec<u8>, OptionQuery>;

    /// Hotkey that a coldkey's incentives are staked behind.
    #[pallet::storage]
    pub type AutoStakeDestination<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Identity,
        NetUid,
        T::AccountId,
        OptionQuery,
    >;

    /// Coldkeys that chose a hotkey so, the first of them.
    #[pallet::storage]
    pub type AutoStakeDestinationColdkeys<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Identity,
        NetUid,
        Vec<T::AccountId>,
        ValueQuery,
    >;

    /// Alpha staked behind a hotkey.
    #[pallet::storage]
    pub type TotalHotkeyAlpha<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, Alpha, ValueQuery>;

    /// The same as the latest dividends were paid.
    #[pallet::storage]
    pub type TotalHotkeyAlphaLastEpoch<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, Alpha, ValueQuery>;

    /// Shares of that alpha in existence.
    #[pallet::storage]
    pub type TotalHotkeyShares<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, U64F64, ValueQuery>;

    /// Shares that a coldkey has: (hotkey, coldkey, netuid).
    #[pallet::storage]
    #[pallet::storage_prefix = "Alpha"]
    pub type AlphaShares<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Identity, NetUid>,
        ),
        U64F64,
        ValueQuery,
    >;

    /// Alpha staked on a subnet: the sum of `TotalHotkeyAlpha`.
    #[pallet::storage]
    pub type TotalAlphaStaked<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Dividends of the latest epoch to a hotkey's stakers, after the take.
    #[pallet::storage]
    pub type AlphaDividendsPerSubnet<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, Alpha, ValueQuery>;

    /// Dividends of the latest epoch to a hotkey's stakers on root, after the take.
    #[pallet::storage]
    pub type RootAlphaDividendsPerSubnet<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, Alpha, ValueQuery>;

    /// Alpha that a share of root stake behind a hotkey has earned and not claimed.
    #[pallet::storage]
    pub type RootClaimable<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, BTreeMap<NetUid, I96F32>, ValueQuery>;

    /// Alpha that a coldkey has claimed for its root stake: (netuid, hotkey, coldkey).
    #[pallet::storage]
    pub type RootClaimed<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Identity, NetUid>,
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Blake2_128Concat, T::AccountId>,
        ),
        u128,
        ValueQuery,
    >;

    /// Claims below this wait.
    #[pallet::storage]
    pub type RootClaimableThreshold<T: Config> =
        StorageMap<_, Blake2_128Concat, NetUid, I96F32, ValueQuery, DefaultRootClaimThreshold<T>>;

    /// Who a coldkey says it is.
    #[pallet::storage]
    pub type IdentitiesV2<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, ChainIdentityV2, OptionQuery>;
}
