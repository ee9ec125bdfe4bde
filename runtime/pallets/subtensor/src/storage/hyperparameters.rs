//! Storage of a subnet's hyperparameters. Defaults are the public chain's.
//!
//! What a new subnet is given explicitly (`crate::subnets::register`) may differ from these.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_hyperparameters {
    /// Not used by the epoch any more; clients read it.
    #[pallet::storage]
    pub type Rho<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<10>>;

    /// Stake, of 65535, that must agree on a weight.
    #[pallet::storage]
    pub type Kappa<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<32_767>>;

    /// Blocks during which a new neuron is not pruned.
    #[pallet::storage]
    pub type ImmunityPeriod<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<4_096>>;

    /// Weights that a validator must set at least.
    #[pallet::storage]
    pub type MinAllowedWeights<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<1_024>>;

    /// Largest share of one weight, of 65535.
    #[pallet::storage]
    pub type MaxWeightsLimit<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<{ u16::MAX }>>;

    /// Weights of an older version than this are refused.
    #[pallet::storage]
    pub type WeightsVersionKey<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Blocks between two settings of a validator's weights.
    #[pallet::storage]
    pub type WeightsSetRateLimit<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<100>>;

    /// Whether weights are committed first and revealed later.
    #[pallet::storage]
    pub type CommitRevealWeightsEnabled<T: Config> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;

    /// Epochs between commit and reveal.
    #[pallet::storage]
    pub type RevealPeriodEpochs<T: Config> =
        StorageMap<_, Twox64Concat, NetUid, u64, ValueQuery, ConstU64<1>>;

    /// Superseded by `ActivityCutoffFactorMilli`; clients read it.
    #[pallet::storage]
    pub type ActivityCutoff<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<5_000>>;

    /// Thousandths of a tempo after which a silent validator is inactive.
    #[pallet::storage]
    pub type ActivityCutoffFactorMilli<T: Config> =
        StorageMap<_, Identity, NetUid, u32, ValueQuery, ConstU32<13_889>>;

    /// Neurons the subnet may have.
    #[pallet::storage]
    pub type MaxAllowedUids<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<256>>;

    /// Floor of `MaxAllowedUids`.
    #[pallet::storage]
    pub type MinAllowedUids<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<64>>;

    /// Neurons that may hold a validator permit.
    #[pallet::storage]
    pub type MaxAllowedValidators<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<128>>;

    /// Neurons that pruning leaves without immunity.
    #[pallet::storage]
    pub type MinNonImmuneUids<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<10>>;

    /// Neurons of the owner that are never pruned.
    #[pallet::storage]
    pub type ImmuneOwnerUidsLimit<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<1>>;

    /// Inertia of the bonds, in millionths.
    #[pallet::storage]
    pub type BondsMovingAverage<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<900_000>>;

    /// How much of a weight above consensus the bonds disregard, of 65535.
    #[pallet::storage]
    pub type BondsPenalty<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<{ u16::MAX }>>;

    /// Whether a neuron may have the bonds towards it reset.
    #[pallet::storage]
    pub type BondsResetOn<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Whether the speed of bonds depends on the consensus.
    #[pallet::storage]
    pub type LiquidAlphaOn<T: Config> = StorageMap<_, Blake2_128Concat, NetUid, bool, ValueQuery>;

    /// Slowest and fastest speed of the bonds under liquid alpha, of 65535.
    #[pallet::storage]
    pub type AlphaValues<T: Config> =
        StorageMap<_, Identity, NetUid, (u16, u16), ValueQuery, DefaultAlphaValues<T>>;

    /// How sharply liquid alpha goes from slow to fast.
    #[pallet::storage]
    pub type AlphaSigmoidSteepness<T: Config> =
        StorageMap<_, Identity, NetUid, i16, ValueQuery, ConstI16<1_000>>;

    /// Whether the epoch runs Yuma 3.
    #[pallet::storage]
    pub type Yuma3On<T: Config> = StorageMap<_, Blake2_128Concat, NetUid, bool, ValueQuery>;

    /// Blocks between two changes of a neuron's endpoint.
    #[pallet::storage]
    pub type ServingRateLimit<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<50>>;

    /// Whether stake may pass to another coldkey.
    #[pallet::storage]
    pub type TransferToggle<T: Config> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;

    /// Price of a registration.
    #[pallet::storage]
    pub type Burn<T: Config> =
        StorageMap<_, Identity, NetUid, Tao, ValueQuery, ConstTao<100_000_000>>;

    /// Floor of `Burn`.
    #[pallet::storage]
    pub type MinBurn<T: Config> =
        StorageMap<_, Identity, NetUid, Tao, ValueQuery, ConstTao<500_000>>;

    /// Ceiling of `Burn`.
    #[pallet::storage]
    pub type MaxBurn<T: Config> =
        StorageMap<_, Identity, NetUid, Tao, ValueQuery, ConstTao<100_000_000_000>>;

    /// Blocks in which `Burn` falls by half.
    #[pallet::storage]
    pub type BurnHalfLife<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<360>>;

    /// What a registration multiplies `Burn` by.
    #[pallet::storage]
    pub type BurnIncreaseMult<T: Config> =
        StorageMap<_, Identity, NetUid, U64F64, ValueQuery, DefaultBurnIncreaseMult<T>>;

    /// Part of a registration that is locked as collateral; always 0 so far.
    #[pallet::storage]
    pub type CollateralLockShare<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Collateral that an alpha of emission would free; there is none so far. Clients read it.
    #[pallet::storage]
    pub type CollateralDrainRatio<T: Config> =
        StorageMap<_, Identity, NetUid, U64F64, ValueQuery, DefaultCollateralDrainRatio<T>>;

    /// Registrations that one block may hold.
    #[pallet::storage]
    pub type MaxRegistrationsPerBlock<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<1>>;

    /// Registrations in this block.
    #[pallet::storage]
    pub type RegistrationsThisBlock<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Registrations on root in this interval; those on subnets are not counted any more.
    #[pallet::storage]
    pub type RegistrationsThisInterval<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Registrations by proof of work since the difficulty was last adjusted.
    #[pallet::storage]
    pub type POWRegistrationsThisInterval<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Registrations by proof of work at which the difficulty stays; on root a third of those that
    /// an interval may hold.
    #[pallet::storage]
    pub type TargetRegistrationsPerInterval<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<2>>;

    /// Blocks between two adjustments of the difficulty.
    #[pallet::storage]
    pub type AdjustmentInterval<T: Config> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<100>>;

    /// Inertia of the difficulty, of 2^64 - 1.
    #[pallet::storage]
    pub type AdjustmentAlpha<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Block in which the difficulty was last adjusted.
    #[pallet::storage]
    pub type LastAdjustmentBlock<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Difficulty of proof of work.
    #[pallet::storage]
    pub type Difficulty<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<10_000_000>>;

    /// Floor of `Difficulty`.
    #[pallet::storage]
    pub type MinDifficulty<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<10_000_000>>;

    /// Ceiling of `Difficulty`.
    #[pallet::storage]
    pub type MaxDifficulty<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<{ u64::MAX / 4 }>>;

    /// Least that a child key may take on the subnet.
    #[pallet::storage]
    pub type MinChildkeyTakePerSubnet<T: Config> =
        StorageMap<_, Identity, NetUid, PerU16, ValueQuery>;
}
