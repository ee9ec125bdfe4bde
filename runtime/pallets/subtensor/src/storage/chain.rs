//! Storage of the chain as a whole: totals, network-wide settings, rate limits, and what genesis
//! fixes for good (block time, defaults of new subnets, loopback endpoints).
//!
//! `TotalIssuance` counts every TAO there is, `TotalStake` those inside pools; the rest are
//! balances. `try_state` holds them together.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_chain {
    /// All TAO in existence: balances and pools together.
    #[pallet::storage]
    pub type TotalIssuance<T: Config> = StorageValue<_, Tao, ValueQuery>;

    /// TAO inside pools: the sum of `SubnetTAO`.
    #[pallet::storage]
    pub type TotalStake<T: Config> = StorageValue<_, Tao, ValueQuery>;

    /// TAO emitted by the latest block.
    #[pallet::storage]
    pub type BlockEmission<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<1_000_000_000>>;

    /// What a TAO staked on root counts for beside alpha, as a fraction of 2^64.
    #[pallet::storage]
    pub type TaoWeight<T: Config> =
        StorageValue<_, u64, ValueQuery, ConstU64<971_718_665_099_567_868>>;

    /// Smoothing factor of `SubnetMovingPrice`, before a young subnet's ramp.
    #[pallet::storage]
    pub type SubnetMovingAlpha<T: Config> =
        StorageValue<_, I96F32, ValueQuery, DefaultMovingAlpha<T>>;

    /// Subnet owners' share of the emission, of 65535.
    #[pallet::storage]
    pub type SubnetOwnerCut<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;

    /// Epochs that may run in one block; the others wait for the next.
    #[pallet::storage]
    pub type MaxEpochsPerBlock<T: Config> = StorageValue<_, u8, ValueQuery, ConstU8<2>>;

    /// Stake below this sets no weights and counts for nothing in the epoch.
    #[pallet::storage]
    pub type StakeThreshold<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// Least that may be staked behind another's hotkey, in millionths of the least stake.
    #[pallet::storage]
    pub type NominatorMinRequiredStake<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// The nomination that was looked at last since that was raised; empty: none yet, absent: all.
    #[pallet::storage]
    pub type NominationsLookedAt<T: Config> = StorageValue<_, Vec<u8>, OptionQuery>;

    /// Subnets besides root that may exist at once.
    #[pallet::storage]
    pub type SubnetLimit<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<128>>;

    /// Networks that exist, root included.
    #[pallet::storage]
    pub type TotalNetworks<T: Config> = StorageValue<_, u16, ValueQuery>;

    /// Blocks during which a new subnet is not pruned.
    #[pallet::storage]
    pub type NetworkImmunityPeriod<T: Config> =
        StorageValue<_, u64, ValueQuery, ConstU64<1_296_000>>;

    /// Floor of the price of a subnet.
    #[pallet::storage]
    pub type NetworkMinLockCost<T: Config> =
        StorageValue<_, Tao, ValueQuery, ConstTao<1_000_000_000_000>>;

    /// What the latest subnet cost.
    #[pallet::storage]
    pub type NetworkLastLockCost<T: Config> =
        StorageValue<_, Tao, ValueQuery, ConstTao<1_000_000_000_000>>;

    /// Blocks in which a subnet's price falls by what the latest one cost.
    #[pallet::storage]
    pub type NetworkLockReductionInterval<T: Config> =
        StorageValue<_, u64, ValueQuery, ConstU64<100_800>>;

    /// Blocks between two registrations of subnets.
    #[pallet::storage]
    pub type NetworkRateLimit<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<7_200>>;

    /// Block from which subnets may be registered.
    #[pallet::storage]
    pub type NetworkRegistrationStartBlock<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// Blocks between the registration of a subnet and its start.
    #[pallet::storage]
    pub type StartCallDelay<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// Blocks between two changes of key by one coldkey.
    #[pallet::storage]
    pub type TxRateLimit<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<1_000>>;

    /// Blocks after a change of a delegate take in which it is not raised.
    #[pallet::storage]
    pub type TxDelegateTakeRateLimit<T: Config> =
        StorageValue<_, u64, ValueQuery, ConstU64<216_000>>;

    /// Blocks between two raises of a child key's take.
    #[pallet::storage]
    pub type TxChildkeyTakeRateLimit<T: Config> =
        StorageValue<_, u64, ValueQuery, ConstU64<216_000>>;

    /// Tempos between two changes of a subnet's weights version.
    #[pallet::storage]
    pub type WeightsVersionKeyRateLimit<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<5>>;

    /// Blocks before an epoch in which owners change no hyperparameters.
    #[pallet::storage]
    pub type AdminFreezeWindow<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<10>>;

    /// Tempos between two changes of one hyperparameter by its owner.
    #[pallet::storage]
    pub type OwnerHyperparamRateLimit<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<2>>;

    /// Blocks between two trimmings of a subnet's neurons by its owner.
    #[pallet::storage]
    pub type MaxUidsTrimmingRateLimit<T: Config> =
        StorageValue<_, u64, ValueQuery, ConstU64<216_000>>;

    /// Floor of `ActivityCutoff`.
    #[pallet::storage]
    pub type MinActivityCutoff<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<360>>;

    /// Most that a delegate may take.
    #[pallet::storage]
    pub type MaxDelegateTake<T: Config> = StorageValue<_, PerU16, ValueQuery, ConstPerU16<11_796>>;

    /// Least that a delegate may take.
    #[pallet::storage]
    pub type MinDelegateTake<T: Config> = StorageValue<_, PerU16, ValueQuery>;

    /// Most that a child key may take.
    #[pallet::storage]
    pub type MaxChildkeyTake<T: Config> = StorageValue<_, PerU16, ValueQuery, ConstPerU16<11_796>>;

    /// Least that a child key may take.
    #[pallet::storage]
    pub type MinChildkeyTake<T: Config> = StorageValue<_, PerU16, ValueQuery>;

    /// Mechanisms that a subnet may have.
    #[pallet::storage]
    pub type MaxMechanismCount<T: Config> = StorageValue<_, MechId, ValueQuery, ConstMechId<2>>;

    /// Version of the timelocked commits that are accepted.
    #[pallet::storage]
    pub type CommitRevealWeightsVersion<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<4>>;

    /// Blocks before announced child keys take effect.
    #[pallet::storage]
    pub type PendingChildKeyCooldown<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<7_200>>;

    /// Blocks between two lists of children of one hotkey on one subnet. Set by genesis.
    #[pallet::storage]
    pub type SetChildrenRateLimit<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<150>>;

    /// Block in which a hotkey's coldkey last did something rate-limited with it on a subnet, by
    /// what it was: `SET_CHILDREN` so far.
    #[pallet::storage]
    pub type TransactionKeyLastBlock<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Identity, NetUid>,
            NMapKey<Identity, u16>,
        ),
        u64,
        ValueQuery,
    >;

    /// Block in which something rate-limited last happened.
    #[pallet::storage]
    pub type LastRateLimitedBlock<T: Config> =
        StorageMap<_, Identity, RateLimitKey<T::AccountId>, u64, ValueQuery>;

    /// Milliseconds a slot, and so a block, takes. Set by genesis and never changed: one Wasm
    /// serves every block time.
    #[pallet::storage]
    pub type SlotDurationMs<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<12_000>>;

    /// Hyperparameters that a new subnet starts with. Set by genesis.
    #[pallet::storage]
    pub type NewSubnetDefaults<T: Config> = StorageValue<_, SubnetDefaults, ValueQuery>;

    /// Whether neurons may serve on 127.0.0.0/8 and ::1. Set by genesis, for chains on one machine.
    #[pallet::storage]
    pub type LoopbackAxonsAllowed<T: Config> = StorageValue<_, bool, ValueQuery>;
}
