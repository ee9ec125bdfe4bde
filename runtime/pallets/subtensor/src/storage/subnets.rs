//! Storage of subnets: which exist, whose they are, their pools and what they emit.
//!
//! A pool is `SubnetTAO` against `SubnetAlphaIn`; `SubnetAlphaOut` is the alpha outside it, which
//! is what stakers own. Emission flows through the `Pending*` items, from block to epoch.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_subnets {
    /// Whether the network exists.
    #[pallet::storage]
    pub type NetworksAdded<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Kind of pool: 0 has none (price 1, as on root), 1 has one.
    #[pallet::storage]
    pub type SubnetMechanism<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Coldkey that owns the subnet.
    #[pallet::storage]
    pub type SubnetOwner<T: Config> =
        StorageMap<_, Identity, NetUid, T::AccountId, ValueQuery, ZeroAccount<T>>;

    /// The owner's hotkey on the subnet, which earns the owner's cut.
    #[pallet::storage]
    pub type SubnetOwnerHotkey<T: Config> =
        StorageMap<_, Identity, NetUid, T::AccountId, ValueQuery, ZeroAccount<T>>;

    /// Block in which the subnet was registered.
    #[pallet::storage]
    pub type NetworkRegisteredAt<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// How often this netuid has been given out.
    #[pallet::storage]
    pub type RegisteredSubnetCounter<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// What the owner paid for the subnet.
    #[pallet::storage]
    pub type SubnetLocked<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;

    /// Block in which emission begins. None: the subnet has not been started.
    #[pallet::storage]
    pub type FirstEmissionBlockNumber<T: Config> =
        StorageMap<_, Identity, NetUid, u64, OptionQuery>;

    /// Whether alpha may be bought and sold.
    #[pallet::storage]
    pub type SubtokenEnabled<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Whether the subnet gets TAO of the block emission.
    #[pallet::storage]
    pub type SubnetEmissionEnabled<T: Config> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;

    /// Whether neurons may register by burning TAO.
    #[pallet::storage]
    pub type NetworkRegistrationAllowed<T: Config> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;

    /// Whether neurons may register by proof of work.
    #[pallet::storage]
    pub type NetworkPowRegistrationAllowed<T: Config> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Symbol of the token. Clients read this map when they connect.
    #[pallet::storage]
    pub type TokenSymbol<T: Config> =
        StorageMap<_, Identity, NetUid, Vec<u8>, ValueQuery, DefaultSymbol<T>>;

    /// What the owner says of the subnet.
    #[pallet::storage]
    pub type SubnetIdentitiesV3<T: Config> =
        StorageMap<_, Blake2_128Concat, NetUid, SubnetIdentityV3, OptionQuery>;

    /// Mechanisms the subnet has.
    #[pallet::storage]
    pub type MechanismCountCurrent<T: Config> =
        StorageMap<_, Twox64Concat, NetUid, MechId, ValueQuery, ConstMechId<1>>;

    /// Shares of the mechanisms in the subnet's emission; None: equal ones.
    #[pallet::storage]
    pub type MechanismEmissionSplit<T: Config> =
        StorageMap<_, Twox64Concat, NetUid, Vec<u16>, OptionQuery>;

    /// How the epoch arrives at incentives.
    #[pallet::storage]
    pub type SubnetEpochConsensus<T: Config> =
        StorageMap<_, Identity, NetUid, EpochConsensus, ValueQuery>;

    /// What `MaxAllowedValidators` was before consensus was switched off.
    #[pallet::storage]
    pub type SavedYumaMaxAllowedValidators<T: Config> =
        StorageMap<_, Identity, NetUid, u16, OptionQuery>;

    /// Neurons to which a subnet without consensus is being trimmed, until it has no more.
    #[pallet::storage]
    pub type NullPruningTarget<T: Config> = StorageMap<_, Identity, NetUid, u16, OptionQuery>;

    /// Block of the latest epoch with consensus, while bonds have not moved since.
    #[pallet::storage]
    pub type LastYumaStepBlock<T: Config> = StorageMap<_, Identity, NetUid, u64, OptionQuery>;

    /// TAO in the pool. On root: what is staked there.
    #[pallet::storage]
    pub type SubnetTAO<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;

    /// Alpha in the pool.
    #[pallet::storage]
    pub type SubnetAlphaIn<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Alpha outside the pool.
    #[pallet::storage]
    pub type SubnetAlphaOut<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Weight of TAO in the pool; alpha has the rest. It moves when the chain adds to the pool at
    /// another ratio than the price, so that the price stays.
    #[pallet::storage]
    pub type PoolTaoWeight<T: Config> =
        StorageMap<_, Identity, NetUid, sp_runtime::Perquintill, ValueQuery, DefaultPoolWeight<T>>;

    /// TAO ever exchanged with the pool.
    #[pallet::storage]
    pub type SubnetVolume<T: Config> = StorageMap<_, Identity, NetUid, u128, ValueQuery>;

    /// Moving average of the price, which shares out the block emission.
    #[pallet::storage]
    pub type SubnetMovingPrice<T: Config> = StorageMap<_, Identity, NetUid, I96F32, ValueQuery>;

    /// Blocks after which the moving price moves at half its full speed.
    #[pallet::storage]
    pub type EMAPriceHalvingBlocks<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<201_600>>;

    /// Root's part in the subnet, as of the latest block.
    #[pallet::storage]
    pub type RootProp<T: Config> = StorageMap<_, Identity, NetUid, U96F32, ValueQuery>;

    /// TAO put into the pool by the latest block.
    #[pallet::storage]
    pub type SubnetTaoInEmission<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;

    /// Alpha put into the pool by the latest block.
    #[pallet::storage]
    pub type SubnetAlphaInEmission<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Alpha emitted to participants by the latest block.
    #[pallet::storage]
    pub type SubnetAlphaOutEmission<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// TAO of the latest block that bought alpha, for want of room in the pool.
    #[pallet::storage]
    pub type SubnetExcessTao<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;

    /// TAO into the pool less TAO out of it, since the average was last moved.
    #[pallet::storage]
    pub type SubnetTaoFlow<T: Config> = StorageMap<_, Identity, NetUid, i64, ValueQuery>;

    /// Block and value of the moving average of `SubnetTaoFlow`.
    #[pallet::storage]
    pub type SubnetEmaTaoFlow<T: Config> =
        StorageMap<_, Identity, NetUid, (u64, I64F64), OptionQuery>;

    /// Miners' alpha since the last epoch.
    #[pallet::storage]
    pub type PendingServerEmission<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Validators' alpha since the last epoch.
    #[pallet::storage]
    pub type PendingValidatorEmission<T: Config> =
        StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Root stakers' alpha since the last epoch.
    #[pallet::storage]
    pub type PendingRootAlphaDivs<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// The owner's alpha since the last epoch.
    #[pallet::storage]
    pub type PendingOwnerCut<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Alpha set aside for root stakers and not claimed yet; part of `SubnetAlphaOut`.
    #[pallet::storage]
    pub type RootAlphaUnclaimed<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Alpha that the chain itself bought: part of `SubnetAlphaOut`, and never staked or sold.
    #[pallet::storage]
    pub type SubnetProtocolAlpha<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Alpha burned: part of `SubnetAlphaOut`, and nobody's.
    #[pallet::storage]
    pub type SubnetAlphaBurned<T: Config> = StorageMap<_, Identity, NetUid, Alpha, ValueQuery>;

    /// Whether the owner gets a cut.
    #[pallet::storage]
    pub type OwnerCutEnabled<T: Config> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;

    /// Whether the cut is locked when it is paid.
    #[pallet::storage]
    pub type OwnerCutAutoLockEnabled<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Part of the miners' emission that the last epoch burned, 0 to 1.
    #[pallet::storage]
    pub type MinerBurned<T: Config> = StorageMap<_, Identity, NetUid, U96F32, ValueQuery>;

    /// What becomes of alpha that nobody is to have.
    #[pallet::storage]
    pub type RecycleOrBurn<T: Config> =
        StorageMap<_, Identity, NetUid, RecycleOrBurnKind, ValueQuery>;

    /// TAO ever paid for registration of neurons.
    #[pallet::storage]
    pub type RAORecycledForRegistration<T: Config> =
        StorageMap<_, Identity, NetUid, Tao, ValueQuery>;

    /// Blocks from one epoch to the next; 0 stops them.
    #[pallet::storage]
    pub type Tempo<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<360>>;

    /// Block of the latest epoch that was due.
    #[pallet::storage]
    pub type LastEpochBlock<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Block for which an epoch is ordered out of turn; 0: none.
    #[pallet::storage]
    pub type PendingEpochAt<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Epochs that have been due so far.
    #[pallet::storage]
    pub type SubnetEpochIndex<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Blocks since the latest epoch that ran.
    #[pallet::storage]
    pub type BlocksSinceLastStep<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Block of the latest epoch that ran. (The spelling is the public name.)
    #[pallet::storage]
    pub type LastMechansimStepBlock<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
}
