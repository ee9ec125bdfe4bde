//! Storage of keys that are exchanged for others: coldkeys after an announcement, hotkeys at once.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_swaps {
    /// Blocks between the announcement of a new coldkey and the swap.
    #[pallet::storage]
    pub type ColdkeySwapAnnouncementDelay<T: Config> =
        StorageValue<_, BlockNumberFor<T>, ValueQuery, ColdkeySwapDelay<T>>;

    /// Blocks, from when a swap is due, in which it is neither announced anew nor cleared.
    #[pallet::storage]
    pub type ColdkeySwapReannouncementDelay<T: Config> =
        StorageValue<_, BlockNumberFor<T>, ValueQuery, ColdkeySwapAgainDelay<T>>;

    /// Announced swaps of coldkeys: block from which, hash of the new coldkey.
    #[pallet::storage]
    pub type ColdkeySwapAnnouncements<T: Config> =
        StorageMap<_, Twox64Concat, T::AccountId, (BlockNumberFor<T>, T::Hash), OptionQuery>;

    /// Those that the coldkey disputes, and since which block.
    #[pallet::storage]
    pub type ColdkeySwapDisputes<T: Config> =
        StorageMap<_, Twox64Concat, T::AccountId, BlockNumberFor<T>, OptionQuery>;

    /// Blocks between two swaps of hotkeys by one coldkey on one subnet. Set by genesis.
    #[pallet::storage]
    pub type HotkeySwapInterval<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<7_200>>;

    /// Block in which a coldkey last swapped a hotkey on a subnet.
    #[pallet::storage]
    pub type LastHotkeySwapOnNetuid<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, u64, ValueQuery>;
}
