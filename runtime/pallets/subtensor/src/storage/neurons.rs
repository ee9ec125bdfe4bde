//! Storage of neurons: who holds which slot, what they serve, the weights they set, and what the
//! latest epoch made of them.
//!
//! `Keys` and `Uids` are inverse of each other; vectors are indexed by uid and have
//! `SubnetworkN` entries. Rows of `Weights` and `Bonds` name each uid at most once.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod storage_neurons {
    /// Neurons of the subnet.
    #[pallet::storage]
    pub type SubnetworkN<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Slot of a hotkey.
    #[pallet::storage]
    pub type Uids<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, u16, OptionQuery>;

    /// Hotkey in a slot.
    #[pallet::storage]
    pub type Keys<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Identity,
        u16,
        T::AccountId,
        ValueQuery,
        ZeroAccount<T>,
    >;

    /// Whether a hotkey has a slot on a subnet.
    #[pallet::storage]
    pub type IsNetworkMember<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, bool, ValueQuery>;

    /// Block in which a slot was taken.
    #[pallet::storage]
    pub type BlockAtRegistration<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Identity, u16, u64, ValueQuery>;

    /// Where a neuron's server is.
    #[pallet::storage]
    pub type Axons<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        AxonInfo,
        OptionQuery,
    >;

    /// Where a neuron's metrics are.
    #[pallet::storage]
    pub type Prometheus<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        PrometheusInfo,
        OptionQuery,
    >;

    /// TLS key of a neuron's server.
    #[pallet::storage]
    pub type NeuronCertificates<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        NeuronCertificate,
        OptionQuery,
    >;

    /// Whether a neuron set weights recently.
    #[pallet::storage]
    pub type Active<T: Config> = StorageMap<_, Identity, NetUid, Vec<bool>, ValueQuery>;

    /// Weight that the stake agreed on.
    #[pallet::storage]
    pub type Consensus<T: Config> = StorageMap<_, Identity, NetUid, Vec<PerU16>, ValueQuery>;

    /// Miners' shares.
    #[pallet::storage]
    pub type Incentive<T: Config> =
        StorageMap<_, Identity, NetUidStorageIndex, Vec<PerU16>, ValueQuery>;

    /// Validators' shares.
    #[pallet::storage]
    pub type Dividends<T: Config> = StorageMap<_, Identity, NetUid, Vec<PerU16>, ValueQuery>;

    /// Alpha paid by the latest epoch.
    #[pallet::storage]
    pub type Emission<T: Config> = StorageMap<_, Identity, NetUid, Vec<Alpha>, ValueQuery>;

    /// How much of a validator's weights the consensus kept.
    #[pallet::storage]
    pub type ValidatorTrust<T: Config> = StorageMap<_, Identity, NetUid, Vec<PerU16>, ValueQuery>;

    /// Whether a neuron may set weights for others.
    #[pallet::storage]
    pub type ValidatorPermit<T: Config> = StorageMap<_, Identity, NetUid, Vec<bool>, ValueQuery>;

    /// Block in which a neuron last set weights, or registered.
    #[pallet::storage]
    pub type LastUpdate<T: Config> =
        StorageMap<_, Identity, NetUidStorageIndex, Vec<u64>, ValueQuery>;

    /// Weights that a slot set: (uid, weight), largest 65535.
    #[pallet::storage]
    pub type Weights<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUidStorageIndex,
        Identity,
        u16,
        Vec<(u16, u16)>,
        ValueQuery,
    >;

    /// Bonds that a slot holds: (uid, bond).
    #[pallet::storage]
    pub type Bonds<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUidStorageIndex,
        Identity,
        u16,
        Vec<(u16, u16)>,
        ValueQuery,
    >;

    /// Hashes of weights to be revealed: (hash, epoch, block, 0).
    #[pallet::storage]
    pub type WeightCommits<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUidStorageIndex,
        Twox64Concat,
        T::AccountId,
        Vec<(H256, u64, u64, u64)>,
        OptionQuery,
    >;

    /// Timelocked weights by epoch: (hotkey, block, ciphertext, beacon round).
    #[pallet::storage]
    pub type TimelockedWeightCommits<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUidStorageIndex,
        Twox64Concat,
        u64,
        Vec<(T::AccountId, u64, BoundedVec<u8, ConstU32<MAX_COMMIT_BYTES>>, u64)>,
        ValueQuery,
    >;

    /// Which rounds open what is in a queue of timelocked weights, so that a block in which none came
    /// need not read it. A queue of an older runtime has no entry here until it is written again.
    #[pallet::storage]
    pub type TimelockedRounds<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUidStorageIndex,
        Twox64Concat,
        u64,
        BTreeSet<u64>,
        OptionQuery,
    >;

    /// The latest epoch that a hotkey has timelocked weights in the queue of, and how many: whoever
    /// may commit no more is known without the queue.
    #[pallet::storage]
    pub type TimelockedCommitsMade<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUidStorageIndex,
        Blake2_128Concat,
        T::AccountId,
        (u64, u8),
        ValueQuery,
    >;

    /// Whether timelocked weights wait that could have been opened: a block opens only so many.
    #[pallet::storage]
    pub type RevealsWait<T: Config> = StorageValue<_, bool, ValueQuery>;

    /// The subnet from which on opening goes on in the next block.
    #[pallet::storage]
    pub type RevealTurn<T: Config> = StorageValue<_, NetUid, ValueQuery>;

    /// Block of the work of a hotkey's latest registration by proof of work: older work of it is
    /// refused. It stays as long as the hotkey has its owner, for good.
    #[pallet::storage]
    pub type LastPowRegistrationBlock<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, u64, OptionQuery>;
}
