//! Events. Indices are the public runtime's, so that a client which knows those reads these;
//! the gaps are events of features that are not here.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod events {
    #[pallet::event]
    #[pallet::generate_deposit(pub fn deposit_event)]
    pub enum Event<T: Config> {
        /// A subnet was registered: netuid, kind of pool.
        #[codec(index = 0)]
        NetworkAdded(NetUid, u16),
        /// A subnet was dissolved.
        #[codec(index = 1)]
        NetworkRemoved(NetUid),
        /// Stake was added: coldkey, hotkey, TAO paid, alpha got, netuid, fee in rao.
        #[codec(index = 2)]
        StakeAdded(T::AccountId, T::AccountId, Tao, Alpha, NetUid, u64),
        /// Stake was removed: coldkey, hotkey, TAO got, alpha given, netuid, fee in rao.
        #[codec(index = 3)]
        StakeRemoved(T::AccountId, T::AccountId, Tao, Alpha, NetUid, u64),
        /// Stake was moved: coldkey, hotkey and netuid of origin, of destination, TAO equivalent.
        #[codec(index = 4)]
        StakeMoved(T::AccountId, T::AccountId, NetUid, T::AccountId, NetUid, Tao),
        /// Weights were set: storage index, uid.
        #[codec(index = 5)]
        WeightsSet(NetUidStorageIndex, u16),
        /// A neuron was registered: netuid, uid, hotkey.
        #[codec(index = 7)]
        NeuronRegistered(NetUid, u16, T::AccountId),
        /// `MaxAllowedUids` was set.
        #[codec(index = 10)]
        MaxAllowedUidsSet(NetUid, u16),
        /// `MaxWeightLimit` was set.
        #[codec(index = 11)]
        MaxWeightLimitSet(NetUid, u16),
        /// `Difficulty` was set.
        #[codec(index = 12)]
        DifficultySet(NetUid, u64),
        /// `AdjustmentInterval` was set.
        #[codec(index = 13)]
        AdjustmentIntervalSet(NetUid, u16),
        /// `RegistrationPerInterval` was set.
        #[codec(index = 14)]
        RegistrationPerIntervalSet(NetUid, u16),
        /// `MaxRegistrationsPerBlock` was set.
        #[codec(index = 15)]
        MaxRegistrationsPerBlockSet(NetUid, u16),
        /// `ActivityCutoff` was set.
        #[codec(index = 16)]
        ActivityCutoffSet(NetUid, u16),
        /// `Rho` was set.
        #[codec(index = 17)]
        RhoSet(NetUid, u16),
        /// `AlphaSigmoidSteepness` was set.
        #[codec(index = 18)]
        AlphaSigmoidSteepnessSet(NetUid, i16),
        /// `Kappa` was set.
        #[codec(index = 19)]
        KappaSet(NetUid, u16),
        /// `MinAllowedWeight` was set.
        #[codec(index = 20)]
        MinAllowedWeightSet(NetUid, u16),
        /// `WeightsSetRateLimit` was set.
        #[codec(index = 23)]
        WeightsSetRateLimitSet(NetUid, u64),
        /// `ImmunityPeriod` was set.
        #[codec(index = 24)]
        ImmunityPeriodSet(NetUid, u16),
        /// `BondsMovingAverage` was set.
        #[codec(index = 25)]
        BondsMovingAverageSet(NetUid, u64),
        /// `BondsPenalty` was set.
        #[codec(index = 26)]
        BondsPenaltySet(NetUid, u16),
        /// `BondsResetOn` was set.
        #[codec(index = 27)]
        BondsResetOnSet(NetUid, bool),
        /// `MaxAllowedValidators` was set.
        #[codec(index = 28)]
        MaxAllowedValidatorsSet(NetUid, u16),
        /// A neuron told where its server is.
        #[codec(index = 29)]
        AxonServed(NetUid, T::AccountId),
        /// A neuron told where its metrics are.
        #[codec(index = 30)]
        PrometheusServed(NetUid, T::AccountId),
        /// A hotkey began to take stake of others: coldkey, hotkey, take.
        #[codec(index = 31)]
        DelegateAdded(T::AccountId, T::AccountId, PerU16),
        /// `DefaultTake` was set.
        #[codec(index = 32)]
        DefaultTakeSet(PerU16),
        /// `WeightsVersionKey` was set.
        #[codec(index = 33)]
        WeightsVersionKeySet(NetUid, u64),
        /// `MinDifficulty` was set.
        #[codec(index = 34)]
        MinDifficultySet(NetUid, u64),
        /// `MaxDifficulty` was set.
        #[codec(index = 35)]
        MaxDifficultySet(NetUid, u64),
        /// `ServingRateLimit` was set.
        #[codec(index = 36)]
        ServingRateLimitSet(NetUid, u64),
        /// `Burn` was set.
        #[codec(index = 37)]
        BurnSet(NetUid, Tao),
        /// `MaxBurn` was set.
        #[codec(index = 38)]
        MaxBurnSet(NetUid, Tao),
        /// `MinBurn` was set.
        #[codec(index = 39)]
        MinBurnSet(NetUid, Tao),
        /// `MaxEpochsPerBlock` was set.
        #[codec(index = 40)]
        MaxEpochsPerBlockSet(u8),
        /// `TxRateLimit` was set.
        #[codec(index = 41)]
        TxRateLimitSet(u64),
        /// `TxDelegateTakeRateLimit` was set.
        #[codec(index = 42)]
        TxDelegateTakeRateLimitSet(u64),
        /// `TxChildkeyTakeRateLimit` was set.
        #[codec(index = 43)]
        TxChildKeyTakeRateLimitSet(u64),
        /// `AdminFreezeWindow` was set.
        #[codec(index = 44)]
        AdminFreezeWindowSet(u16),
        /// `OwnerHyperparamRateLimit` was set.
        #[codec(index = 45)]
        OwnerHyperparamRateLimitSet(u16),
        /// `MinChildkeyTake` was set.
        #[codec(index = 46)]
        MinChildKeyTakeSet(PerU16),
        /// `MinChildKeyTakePerSubnet` was set.
        #[codec(index = 47)]
        MinChildKeyTakePerSubnetSet(NetUid, PerU16),
        /// `MaxChildkeyTake` was set.
        #[codec(index = 48)]
        MaxChildKeyTakeSet(PerU16),
        /// A child key's take was set: hotkey, take.
        #[codec(index = 49)]
        ChildKeyTakeSet(T::AccountId, PerU16),
        /// Registration by burning was allowed or forbidden.
        #[codec(index = 51)]
        RegistrationAllowed(NetUid, bool),
        /// Registration by proof of work was allowed or forbidden.
        #[codec(index = 52)]
        PowRegistrationAllowed(NetUid, bool),
        /// `Tempo` was set.
        #[codec(index = 53)]
        TempoSet(NetUid, u16),
        /// `RAORecycledForRegistration` was set.
        #[codec(index = 54)]
        RAORecycledForRegistrationSet(NetUid, Tao),
        /// `StakeThreshold` was set.
        #[codec(index = 55)]
        StakeThresholdSet(u64),
        /// `AdjustmentAlpha` was set.
        #[codec(index = 56)]
        AdjustmentAlphaSet(NetUid, u64),
        /// `SubnetOwnerCut` was set.
        #[codec(index = 58)]
        SubnetOwnerCutSet(u16),
        /// `NetworkRateLimit` was set.
        #[codec(index = 59)]
        NetworkRateLimitSet(u64),
        /// `NetworkImmunityPeriod` was set.
        #[codec(index = 60)]
        NetworkImmunityPeriodSet(u64),
        /// `StartCallDelay` was set.
        #[codec(index = 61)]
        StartCallDelaySet(u64),
        /// `NetworkMinLockCost` was set.
        #[codec(index = 62)]
        NetworkMinLockCostSet(Tao),
        /// `SubnetLimit` was set.
        #[codec(index = 63)]
        SubnetLimitSet(u16),
        /// `NetworkLockCostReductionInterval` was set.
        #[codec(index = 64)]
        NetworkLockCostReductionIntervalSet(u64),
        /// A delegate lowered its take: coldkey, hotkey, take.
        #[codec(index = 65)]
        TakeDecreased(T::AccountId, T::AccountId, PerU16),
        /// A delegate raised its take: coldkey, hotkey, take.
        #[codec(index = 66)]
        TakeIncreased(T::AccountId, T::AccountId, PerU16),
        /// A hotkey took the place of another on all subnets.
        #[codec(index = 67)]
        HotkeySwapped { coldkey: T::AccountId, old_hotkey: T::AccountId, new_hotkey: T::AccountId },
        /// `MaxDelegateTake` was set.
        #[codec(index = 68)]
        MaxDelegateTakeSet(PerU16),
        /// `MinDelegateTake` was set.
        #[codec(index = 69)]
        MinDelegateTakeSet(PerU16),
        /// A coldkey is to be swapped for the one of this hash.
        #[codec(index = 70)]
        ColdkeySwapAnnounced { who: T::AccountId, new_coldkey_hash: T::Hash },
        /// Root has forgotten what was announced and disputed.
        #[codec(index = 71)]
        ColdkeySwapReset { who: T::AccountId },
        /// All of a coldkey went to another.
        #[codec(index = 72)]
        ColdkeySwapped { old_coldkey: T::AccountId, new_coldkey: T::AccountId },
        /// An announced swap is disputed.
        #[codec(index = 73)]
        ColdkeySwapDisputed { coldkey: T::AccountId },
        /// Children were announced: parent, netuid, block from which they count, (part, child).
        #[codec(index = 76)]
        SetChildrenScheduled(T::AccountId, NetUid, u64, Vec<(u64, T::AccountId)>),
        /// Children took effect: parent, netuid, (part, child).
        #[codec(index = 77)]
        SetChildren(T::AccountId, NetUid, Vec<(u64, T::AccountId)>),
        /// A coldkey said who it is.
        #[codec(index = 78)]
        ChainIdentitySet(T::AccountId),
        /// An owner described the subnet.
        #[codec(index = 79)]
        SubnetIdentitySet(NetUid),
        /// The description of a subnet was removed.
        #[codec(index = 80)]
        SubnetIdentityRemoved(NetUid),
        /// `ColdkeySwapAnnouncementDelay` was set.
        #[codec(index = 82)]
        ColdkeySwapAnnouncementDelaySet(BlockNumberFor<T>),
        /// `ColdkeySwapReannouncementDelay` was set.
        #[codec(index = 83)]
        ColdkeySwapReannouncementDelaySet(BlockNumberFor<T>),
        /// Weights were committed: hotkey, storage index, hash.
        #[codec(index = 86)]
        WeightsCommitted(T::AccountId, NetUidStorageIndex, H256),
        /// Weights were revealed: hotkey, storage index, hash of the commit.
        #[codec(index = 87)]
        WeightsRevealed(T::AccountId, NetUidStorageIndex, H256),
        /// Hotkey, subnet and hashes of commits that were revealed together.
        #[codec(index = 88)]
        WeightsBatchRevealed(T::AccountId, NetUid, Vec<H256>),
        /// Subnets and hotkey of a batch of weights or commits that has been gone through.
        #[codec(index = 89)]
        BatchWeightsCompleted(Vec<codec::Compact<NetUid>>, T::AccountId),
        /// Not all of a batch was done.
        #[codec(index = 90)]
        BatchCompletedWithErrors(),
        /// Subnet of a batch for which it was not done, and why.
        #[codec(index = 91)]
        BatchWeightItemFailed(NetUid, DispatchError),
        /// Stake passed to another coldkey: from, to, hotkey, netuids of origin and destination,
        /// TAO equivalent.
        #[codec(index = 92)]
        StakeTransferred(T::AccountId, T::AccountId, T::AccountId, NetUid, NetUid, Tao),
        /// Stake went to another subnet: coldkey, hotkey, netuids of origin and destination, TAO
        /// equivalent.
        #[codec(index = 93)]
        StakeSwapped(T::AccountId, T::AccountId, NetUid, NetUid, Tao),
        /// Passing stake to another coldkey was allowed or forbidden.
        #[codec(index = 94)]
        TransferToggle(NetUid, bool),
        /// An owner's hotkey was set.
        #[codec(index = 95)]
        SubnetOwnerHotkeySet(NetUid, T::AccountId),
        /// A subnet was started: netuid, block of its first emission.
        #[codec(index = 96)]
        FirstEmissionBlockNumberSet(NetUid, u64),
        /// Alpha was recycled: coldkey, hotkey, amount, netuid.
        #[codec(index = 97)]
        AlphaRecycled(T::AccountId, T::AccountId, Alpha, NetUid),
        /// Alpha was burned: coldkey, hotkey, amount, netuid.
        #[codec(index = 98)]
        AlphaBurned(T::AccountId, T::AccountId, Alpha, NetUid),
        /// A neuron was associated with a key of Ethereum's kind.
        #[codec(index = 99)]
        EvmKeyAssociated {
            netuid: NetUid,
            hotkey: T::AccountId,
            evm_key: H160,
            block_associated: u64,
        },
        /// `CommitRevealPeriods` was set.
        #[codec(index = 101)]
        CommitRevealPeriodsSet(NetUid, u64),
        /// Commit-reveal was switched on or off.
        #[codec(index = 102)]
        CommitRevealEnabled(NetUid, bool),
        /// A hotkey took the place of another on a subnet.
        #[codec(index = 103)]
        HotkeySwappedOnSubnet {
            coldkey: T::AccountId,
            old_hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: NetUid,
        },
        /// A subnet was leased.
        #[codec(index = 104)]
        SubnetLeaseCreated {
            beneficiary: T::AccountId,
            lease_id: LeaseId,
            netuid: NetUid,
            end_block: Option<BlockNumberFor<T>>,
        },
        /// A lease has ended, and the subnet is its beneficiary's.
        #[codec(index = 105)]
        SubnetLeaseTerminated { beneficiary: T::AccountId, netuid: NetUid },
        /// The symbol of a token was changed.
        #[codec(index = 106)]
        SymbolUpdated { netuid: NetUid, symbol: Vec<u8> },
        /// Weights were sealed until a round of the beacon: hotkey, storage index, hash, round.
        #[codec(index = 108)]
        TimelockedWeightsCommitted(T::AccountId, NetUidStorageIndex, H256, u64),
        /// Timelocked weights were opened and set.
        #[codec(index = 109)]
        TimelockedWeightsRevealed(NetUidStorageIndex, T::AccountId),
        /// A miner's incentive was staked behind the hotkey its coldkey chose.
        #[codec(index = 110)]
        AutoStakeAdded {
            netuid: NetUid,
            destination: T::AccountId,
            hotkey: T::AccountId,
            owner: T::AccountId,
            incentive: Alpha,
        },
        /// What an epoch paid each uid as a miner.
        #[codec(index = 111)]
        IncentiveAlphaEmittedToMiners { netuid: NetUidStorageIndex, emissions: Vec<Alpha> },
        /// `MinAllowedUids` was set.
        #[codec(index = 112)]
        MinAllowedUidsSet(NetUid, u16),
        /// A coldkey chose where its incentives are staked.
        #[codec(index = 113)]
        AutoStakeDestinationSet { coldkey: T::AccountId, netuid: NetUid, hotkey: T::AccountId },
        /// `MinNonImmuneUids` was set.
        #[codec(index = 114)]
        MinNonImmuneUidsSet(NetUid, u16),
        /// What root stake earned was sold and staked on root: coldkey, TAO.
        #[codec(index = 115)]
        RootClaimed { coldkey: T::AccountId, tao: Tao },
        /// A subnet has its voting power tracked.
        #[codec(index = 120)]
        VotingPowerTrackingEnabled { netuid: NetUid },
        /// That is to end.
        #[codec(index = 121)]
        VotingPowerTrackingDisableScheduled { netuid: NetUid, disable_at_block: u64 },
        /// It has ended.
        #[codec(index = 122)]
        VotingPowerTrackingDisabled { netuid: NetUid },
        /// `VotingPowerEmaAlpha` was set.
        #[codec(index = 123)]
        VotingPowerEmaAlphaSet { netuid: NetUid, alpha: u64 },
        /// A contributor to a lease was paid its part of the dividends.
        #[codec(index = 124)]
        SubnetLeaseDividendsDistributed {
            lease_id: LeaseId,
            contributor: T::AccountId,
            alpha: Alpha,
        },
        /// Alpha was bought and burned.
        #[codec(index = 125)]
        AddStakeBurn { netuid: NetUid, hotkey: T::AccountId, amount: Tao, alpha: Alpha },
        /// An announcement was taken back.
        #[codec(index = 127)]
        ColdkeySwapCleared { who: T::AccountId },
        /// `BurnHalfLife` was set.
        #[codec(index = 129)]
        BurnHalfLifeSet { netuid: NetUid, burn_half_life: u16 },
        /// `BurnIncreaseMult` was set.
        #[codec(index = 130)]
        BurnIncreaseMultSet { netuid: NetUid, burn_increase_mult: U64F64 },
        /// Stake was locked behind a hotkey.
        #[codec(index = 132)]
        StakeLocked { coldkey: T::AccountId, hotkey: T::AccountId, netuid: NetUid, amount: Alpha },
        /// A lock was put behind another hotkey.
        #[codec(index = 134)]
        LockMoved {
            coldkey: T::AccountId,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            netuid: NetUid,
        },
        /// `ActivityCutoffFactorMilli` was set.
        #[codec(index = 135)]
        ActivityCutoffFactorMilliSet { netuid: NetUid, factor_milli: u32 },
        /// An owner ordered an epoch out of turn.
        #[codec(index = 136)]
        EpochTriggered { netuid: NetUid, by: T::AccountId, fires_at: u64 },
        /// An epoch waits: those before it in its block were as many, or took as much, as it holds.
        #[codec(index = 137)]
        EpochDeferred { netuid: NetUid, from_block: u64, to_block: u64 },
        /// An epoch did not run, because the state it needs is inconsistent.
        #[codec(index = 138)]
        EpochSkipped { netuid: NetUid, block: u64 },
        /// A coldkey's lock on a subnet was made perpetual, or to decay.
        #[codec(index = 140)]
        PerpetualLockUpdated { coldkey: T::AccountId, netuid: NetUid, enabled: bool },
        /// A coldkey refuses locked stake of others, or takes it.
        #[codec(index = 142)]
        RejectLockedAlphaUpdated { coldkey: T::AccountId, enabled: bool },
        /// Stake became another coldkey's, behind another hotkey; the amount is its worth in TAO.
        #[codec(index = 143)]
        StakeAndHotkeyTransferred {
            origin_coldkey: T::AccountId,
            destination_coldkey: T::AccountId,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            amount: Tao,
        },
        /// How epochs arrive at incentives was set.
        #[codec(index = 154)]
        EpochConsensusSet { netuid: NetUid, mode: EpochConsensus },
        /// Neurons were removed from a subnet without consensus, on the way to `target`.
        #[codec(index = 155)]
        NullUidsPruningProgress {
            netuid: NetUid,
            target: u16,
            remaining: u16,
            removed: u16,
            cleared_commits: u32,
        },
    }
}
