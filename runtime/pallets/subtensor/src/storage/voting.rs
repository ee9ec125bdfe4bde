//! Storage of voting power: how much say a validator has had on a subnet of late.
//!
//! `crate::epoch::voting` moves it, on subnets that have it tracked.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_voting {
    /// Moving average of what a validator's stake counts for.
    #[pallet::storage]
    pub type VotingPower<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, u64, ValueQuery>;

    /// The sum of a subnet's `VotingPower`.
    #[pallet::storage]
    pub type TotalVotingPower<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Whether a subnet's epochs move it.
    #[pallet::storage]
    pub type VotingPowerTrackingEnabled<T: Config> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Block from which an epoch ends that; 0: none does.
    #[pallet::storage]
    pub type VotingPowerDisableAtBlock<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Part of a new value in the average, in 1e-18. Unset: 0.00357, by which an average of epochs
    /// of 360 blocks has gone 63 % of its way after two weeks.
    #[pallet::storage]
    pub type VotingPowerEmaAlpha<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<3_570_000_000_000_000>>;
}
