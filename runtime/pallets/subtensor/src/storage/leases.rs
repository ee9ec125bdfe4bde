//! Storage of leases: subnets that a crowdloan paid for, and whose dividends they share.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_leases {
    /// Leases that run.
    #[pallet::storage]
    pub type SubnetLeases<T: Config> = StorageMap<
        _,
        Twox64Concat,
        LeaseId,
        SubnetLease<T::AccountId, BlockNumberFor<T>>,
        OptionQuery,
    >;

    /// Part of a lease's dividends that a contributor has, its beneficiary apart.
    #[pallet::storage]
    pub type SubnetLeaseShares<T: Config> =
        StorageDoubleMap<_, Twox64Concat, LeaseId, Identity, T::AccountId, U64F64, ValueQuery>;

    /// The lease of a subnet.
    #[pallet::storage]
    pub type SubnetUidToLeaseId<T: Config> =
        StorageMap<_, Twox64Concat, NetUid, LeaseId, OptionQuery>;

    /// The number that the next lease gets.
    #[pallet::storage]
    pub type NextSubnetLeaseId<T: Config> = StorageValue<_, LeaseId, ValueQuery>;

    /// Dividends of a lease that wait for the end of the interval, staked as the lease's own.
    #[pallet::storage]
    pub type AccumulatedLeaseDividends<T: Config> =
        StorageMap<_, Twox64Concat, LeaseId, Alpha, ValueQuery>;

    /// Dividends that could not be paid to a contributor, staked as the lease's own until they can.
    #[pallet::storage]
    pub type SubnetLeaseUnpaidDividends<T: Config> =
        StorageDoubleMap<_, Twox64Concat, LeaseId, Identity, T::AccountId, Alpha, ValueQuery>;
}
