//! Errors, in the public runtime's order: a client turns (pallet, index) into a name with a table
//! of its own, so a variant never moves. Those without a description belong to features that are
//! not here; they hold their place.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod errors {
    #[pallet::error]
    pub enum Error<T> {
        /// The root network does not exist.
        RootNetworkDoesNotExist,
        /// The address type is neither 4 nor 6.
        InvalidIpType,
        /// The address is not one that others can reach.
        InvalidIpAddress,
        /// Port 0 cannot be served on.
        InvalidPort,
        /// The hotkey has no slot on this subnet.
        HotKeyNotRegisteredInSubNet,
        /// Nobody owns this hotkey yet: register or associate it first.
        HotKeyAccountNotExists,
        /// The hotkey has no slot on any subnet.
        HotKeyNotRegisteredInNetwork,
        /// The hotkey belongs to another coldkey.
        NonAssociatedColdKey,
        /// The stake is too small for this.
        NotEnoughStake,
        /// More was asked for than is staked.
        NotEnoughStakeToWithdraw,
        /// The stake is below what setting weights takes.
        NotEnoughStakeToSetWeights,
        NotEnoughStakeToSetChildkeys,
        /// The coldkey has too little TAO.
        NotEnoughBalanceToStake,
        /// The TAO could not be withdrawn.
        BalanceWithdrawalError,
        /// The withdrawal would leave the account with nothing.
        ZeroBalanceAfterWithdrawn,
        /// Without a validator permit a neuron may only weigh itself.
        NeuronNoValidatorPermit,
        /// Uids and weights differ in number.
        WeightVecNotEqualSize,
        /// A uid occurs twice.
        DuplicateUids,
        /// A uid is not of this subnet.
        UidVecContainInvalidOne,
        /// Fewer weights than the subnet demands.
        WeightVecLengthIsLow,
        /// This block has all the registrations it may hold: try again in the next.
        TooManyRegistrationsThisBlock,
        /// The hotkey has a slot on this subnet already.
        HotKeyAlreadyRegisteredInSubNet,
        NewHotKeyIsSameWithOld,
        NewHotKeyNotCleanForRootSwap,
        InvalidWorkBlock,
        InvalidDifficulty,
        InvalidSeal,
        /// One weight has a larger share than the subnet allows.
        MaxWeightExceeded,
        HotKeyAlreadyDelegate,
        /// The rate limit for weights has not passed yet.
        SettingWeightsTooFast,
        /// The weights' version is older than the subnet's.
        IncorrectWeightVersionKey,
        /// The rate limit for endpoints has not passed yet.
        ServingRateLimitExceeded,
        /// More weights than the subnet has neurons.
        UidsLengthExceedUidsInSubNet,
        /// A subnet was registered too recently.
        NetworkTxRateLimitExceeded,
        /// The take was raised too recently.
        DelegateTxRateLimitExceeded,
        HotKeySetTxRateLimitExceeded,
        StakingRateLimitExceeded,
        /// Registration is not open.
        SubNetRegistrationDisabled,
        /// This interval has all the registrations on root that it may hold.
        TooManyRegistrationsThisInterval,
        TransactorAccountShouldBeHotKey,
        FaucetDisabled,
        /// Only the owner of the subnet may do this.
        NotSubnetOwner,
        /// On root neurons register by root_register.
        RegistrationNotPermittedOnRootSubnet,
        /// Every seat on root is held by a hotkey with at least as much stake.
        StakeTooLowForRoot,
        /// Every subnet is still immune.
        AllNetworksInImmunity,
        NotEnoughBalanceToPaySwapHotKey,
        /// This is for root only.
        NotRootSubnet,
        /// Root has no weights.
        CanNotSetRootNetworkWeights,
        /// The subnet is full, and nobody on it may be replaced.
        NoNeuronIdAvailable,
        /// The take is below the least allowed, or not lower (or higher) than now.
        DelegateTakeTooLow,
        /// The take is above the most allowed.
        DelegateTakeTooHigh,
        /// Nothing that was committed is waiting.
        NoWeightsCommitFound,
        /// This is not what was committed.
        InvalidRevealCommitHashNotMatch,
        /// Commit-reveal is on: commit the weights instead of setting them.
        CommitRevealEnabled,
        /// Commit-reveal is off: set the weights instead of committing them.
        CommitRevealDisabled,
        /// Liquid alpha is off.
        LiquidAlphaDisabled,
        /// The upper alpha value is too low.
        AlphaHighTooLow,
        /// The lower alpha value is out of range.
        AlphaLowOutOfRange,
        ColdKeyAlreadyAssociated,
        NotEnoughBalanceToPaySwapColdKey,
        InvalidChild,
        DuplicateChild,
        ProportionOverflow,
        TooManyChildren,
        /// This was done too recently.
        TxRateLimitExceeded,
        ColdkeySwapAnnouncementNotFound,
        ColdkeySwapTooEarly,
        ColdkeySwapReannouncedTooEarly,
        AnnouncedColdkeyHashDoesNotMatch,
        ColdkeySwapAlreadyDisputed,
        NewColdKeyIsHotkey,
        InvalidChildkeyTake,
        TxChildkeyTakeRateLimitExceeded,
        /// A field of the identity is too long.
        InvalidIdentity,
        /// The subnet has no such mechanism.
        MechanismDoesNotExist,
        StakeUnavailable,
        /// There is no such subnet.
        SubnetNotExists,
        /// As many commits are waiting as may wait.
        TooManyUnrevealedCommits,
        /// The time to reveal this commit is over.
        ExpiredWeightCommit,
        /// The time to reveal this commit has not come.
        RevealTooEarly,
        /// Two lists differ in length.
        InputLengthsUnequal,
        /// The rate limit for weights has not passed yet.
        CommittingWeightsTooFast,
        /// The amount is below the least that may be staked or left.
        AmountTooLow,
        /// The pool is too small for this amount.
        InsufficientLiquidity,
        /// The price would pass the limit.
        SlippageTooHigh,
        /// The subnet does not let stake pass to another coldkey.
        TransferDisallowed,
        /// The activity cutoff is below its floor.
        ActivityCutoffTooLow,
        /// This call is not available.
        CallDisabled,
        /// The subnet has been started already.
        FirstEmissionBlockNumberAlreadySet,
        /// The subnet is too young to be started.
        NeedWaitingMoreBlocksToStarCall,
        /// The subnet has issued less alpha than this.
        NotEnoughAlphaOutToRecycle,
        /// Root has no alpha to burn or recycle.
        CannotBurnOrRecycleOnRootSubnet,
        /// The signature is none of any key.
        UnableToRecoverPublicKey,
        /// The signature is another key's, or of another text.
        InvalidRecoveredPublicKey,
        /// The subnet has not been started.
        SubtokenDisabled,
        HotKeySwapOnSubnetIntervalNotPassed,
        KeepStakeBlockedByCollateral,
        /// Origin and destination are the same subnet.
        SameNetuid,
        InsufficientTaoBalance,
        /// Only the crowdloan's creator may lease a subnet with it.
        InvalidLeaseBeneficiary,
        /// The lease would end before it begins.
        LeaseCannotEndInThePast,
        /// The leased subnet was not registered.
        LeaseNetuidNotFound,
        /// There is no such lease.
        LeaseDoesNotExist,
        /// The lease has no end.
        LeaseHasNoEndBlock,
        /// The lease has not ended yet.
        LeaseHasNotEnded,
        /// A sum left the range of its type.
        Overflow,
        /// The hotkey is not the beneficiary's.
        BeneficiaryDoesNotOwnHotkey,
        /// Only the beneficiary may end the lease.
        ExpectedBeneficiaryOrigin,
        /// A change by the owner is prohibited while the epoch is so near.
        AdminActionProhibitedDuringWeightsWindow,
        /// This is not one of the symbols for tokens.
        SymbolDoesNotExist,
        /// Another subnet has this symbol.
        SymbolAlreadyInUse,
        /// The commit is of a version that is not accepted.
        IncorrectCommitRevealVersion,
        InvalidRevealRound,
        /// The reveal period is too long.
        RevealPeriodTooLarge,
        /// The reveal period is too short.
        RevealPeriodTooSmall,
        /// The value is out of range.
        InvalidValue,
        /// There are as many subnets as there may be, all immune.
        SubnetLimitReached,
        /// The coldkey cannot pay the subnet's price.
        CannotAffordLockCost,
        /// The neuron was associated with a key too recently.
        EvmKeyAssociateRateLimitExceeded,
        /// The key is associated with as many neurons as it may.
        EvmKeyAssociationLimitExceeded,
        /// The destination is the same already.
        SameAutoStakeHotkeyAlreadySet,
        UidMapCouldNotBeCleared,
        TrimmingWouldExceedMaxImmunePercentage,
        ChildParentInconsistency,
        /// The threshold is above the greatest allowed.
        InvalidRootClaimThreshold,
        /// The mechanisms would hold too many neurons together.
        TooManyUIDsPerMechanism,
        /// The subnet does not have its voting power tracked.
        VotingPowerTrackingNotEnabled,
        /// The part of a new value is above one.
        InvalidVotingPowerEmaAlpha,
        Deprecated,
        SubnetBuybackRateLimitExceeded,
        NetworkDissolveAlreadyQueued,
        AddStakeBurnRateLimitExceeded,
        ColdkeySwapAnnounced,
        ColdkeySwapDisputed,
        ColdkeySwapClearTooEarly,
        /// This is switched off for now.
        DisabledTemporarily,
        /// A registration costs more than the limit given.
        RegistrationPriceLimitExceeded,
        LockHotkeyMismatch,
        InsufficientStakeForLock,
        NoExistingLock,
        ActiveLockExists,
        CannotUseSystemAccount,
        UnlockAmountTooHigh,
        WaitingForDissolvedSubnetCleanup,
        /// The tempo is out of range.
        TempoOutOfBounds,
        /// The activity factor is out of range.
        ActivityCutoffFactorMilliOutOfBounds,
        /// An epoch is ordered already.
        EpochTriggerAlreadyPending,
        /// The next epoch is as near as an ordered one would be.
        AutoEpochAlreadyImminent,
        DynamicTempoBlockedByCommitReveal,
        AccountRejectsLockedAlpha,
        LockIdOverFlow,
        StartCallNotReady,
        /// The coldkey has too little alpha.
        InsufficientAlphaBalance,
        ColdkeyCollateralIncomplete,
        ColdkeyCollateralPositionsFull,
        BasketHasNoWeights,
        RootStakeLocked,
        BetaBasketSeedInProgress,
        RootWeightSettingDisabled,
        RootClaimTooHeavy,
        RootWeightCapExceeded,
        BasketDepositPending,
        /// The batch is empty or too long.
        InvalidBatchLength,
        /// The coldkey has staked behind as many hotkeys as it may.
        TooManyStakingHotkeys,
        ColdkeySwapTooHeavy,
        BasketConcentrationCapExceeded,
        BasketTradingDisabled,
        BasketTradingFrozen,
        BasketTurnoverBudgetExceeded,
        BasketSameSubnet,
        BasketLiquidityCapExceeded,
        BasketMinOutNotMet,
        BasketSwapBatchEmpty,
        CommitPayloadTooLarge,
        CommitQueueFull,
    }
}
