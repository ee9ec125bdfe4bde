//! Storage of the keys of Ethereum's kind that neurons are associated with.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_evm {
    /// A neuron's key, by slot, and the block in which it was shown to be its own.
    #[pallet::storage]
    pub type AssociatedEvmAddress<T: Config> =
        StorageDoubleMap<_, Twox64Concat, NetUid, Twox64Concat, u16, (H160, u64), OptionQuery>;

    /// The slots that a key is associated with, each with that block.
    #[pallet::storage]
    pub type AssociatedUidsByEvmAddress<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUid,
        Twox64Concat,
        H160,
        BoundedVec<(u16, u64), ConstU32<UIDS_PER_EVM_KEY_MAX>>,
        ValueQuery,
    >;

    /// Blocks for which an association stands before the slot gets another. Set by genesis.
    #[pallet::storage]
    pub type EvmKeyAssociateRateLimit<T: Config> =
        StorageValue<_, u64, ValueQuery, ConstU64<7_200>>;
}
