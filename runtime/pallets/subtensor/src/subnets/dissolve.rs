//! The end of a subnet: what its pool holds goes to those who hold its alpha, in proportion, and
//! everything kept under its netuid is removed, so that the netuid can be given out again.
//!
//! An account may have chosen something for a subnet without being a neuron of it, so items under
//! an account first are looked through on the whole chain. That nothing is left is a test of the
//! runtime, which fills every item that it knows.

use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::wide::mul_div_floor;
use frame_support::ensure;
use sp_runtime::DispatchResult;

/// `clear_prefix` with no bound: a subnet has at most a few hundred entries in each map.
const ALL: u32 = u32::MAX;

impl<T: Config> Pallet<T> {
    /// The subnet that goes first: past its immunity, of the lowest moving price, the oldest.
    pub fn subnet_to_prune() -> Option<NetUid> {
        let now = Self::block();
        let immunity = NetworkImmunityPeriod::<T>::get();
        Self::subnets()
            .into_iter()
            .map(|netuid| (netuid, NetworkRegisteredAt::<T>::get(netuid)))
            .filter(|(_, registered)| now >= registered.saturating_add(immunity))
            .min_by_key(|(netuid, registered)| (SubnetMovingPrice::<T>::get(netuid), *registered))
            .map(|(netuid, _)| netuid)
    }

    /// Ends the subnet.
    pub fn dissolve(netuid: NetUid) -> DispatchResult {
        ensure!(!netuid.is_root(), Error::<T>::SubnetNotExists);
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        Self::end_lease_of(netuid);
        Self::pay_out_pool(netuid)?;
        Self::remove_neurons(netuid);
        Self::remove_choices(netuid);
        Self::remove_subnet(netuid);
        TotalNetworks::<T>::mutate(|n| *n = n.saturating_sub(1));
        Self::deposit_event(Event::NetworkRemoved(netuid));
        Ok(())
    }

    /// Gives the pool's TAO to the holders of alpha. What rounding leaves, and what an account
    /// too small to exist would get, is recycled.
    fn pay_out_pool(netuid: NetUid) -> DispatchResult {
        let holders: Vec<(T::AccountId, T::AccountId)> = AlphaShares::<T>::iter_keys()
            .filter_map(|(hotkey, coldkey, n)| (n == netuid).then_some((hotkey, coldkey)))
            .collect();
        let positions: Vec<(T::AccountId, u128)> = holders
            .iter()
            .map(|(hotkey, coldkey)| {
                (coldkey.clone(), Self::stake_of(hotkey, coldkey, netuid).rao().into())
            })
            .collect();
        let total = positions.iter().fold(0u128, |sum, (_, alpha)| sum.saturating_add(*alpha));
        let pool = SubnetTAO::<T>::get(netuid);
        for (coldkey, alpha) in positions {
            let part = mul_div_floor(pool.rao().into(), alpha, total)
                .and_then(|part| u64::try_from(part).ok())
                .unwrap_or(0);
            // An account below the existential deposit cannot be made; its part is dust.
            let _dust = Self::give_tao(&coldkey, TaoBalance::new(part));
        }
        TotalStake::<T>::try_mutate(|tao| -> DispatchResult {
            *tao = tao.minus(pool)?;
            Ok(())
        })?;
        Self::settle_issuance();
        for (hotkey, coldkey) in holders {
            AlphaShares::<T>::remove((&hotkey, &coldkey, netuid));
            TotalHotkeyAlpha::<T>::remove(&hotkey, netuid);
            TotalHotkeyShares::<T>::remove(&hotkey, netuid);
        }
        Self::forget_root_claims(netuid);
        Ok(())
    }

    /// Removes what accounts have on the subnet whether or not they are neurons of it.
    fn remove_choices(netuid: NetUid) {
        macro_rules! remove_all {
            ($($item:ident)*) => { $(
                let those: Vec<T::AccountId> = $item::<T>::iter_keys()
                    .filter_map(|(account, n)| (n == netuid).then_some(account))
                    .collect();
                those.iter().for_each(|account| $item::<T>::remove(account, netuid));
            )* };
        }
        remove_all!(
            TotalHotkeyAlphaLastEpoch AutoStakeDestination AutoStakeDestinationColdkeys ChildkeyTake
            DecayingLock
        );
        let waits: Vec<(T::AccountId, NetUid, u16)> =
            TransactionKeyLastBlock::<T>::iter_keys().filter(|(_, n, _)| *n == netuid).collect();
        waits.iter().for_each(TransactionKeyLastBlock::<T>::remove);
        let _ = LastHotkeySwapOnNetuid::<T>::clear_prefix(netuid, ALL, None);
        Self::forget_locks(netuid);
        // The next owner has not used up what this one did.
        let limits: Vec<RateLimitKey<T::AccountId>> = LastRateLimitedBlock::<T>::iter_keys()
            .filter(|limit| limit.netuid() == Some(netuid))
            .collect();
        limits.iter().for_each(LastRateLimitedBlock::<T>::remove);
        T::PoolSettings::forget(netuid);
    }

    fn remove_neurons(netuid: NetUid) {
        for (_, hotkey) in Keys::<T>::iter_prefix(netuid) {
            IsNetworkMember::<T>::remove(&hotkey, netuid);
            T::OnNeuronLeft::neuron_left(netuid, &hotkey);
        }
        Self::forget_children(netuid);
        Self::forget_voting_power(netuid);
        Self::forget_evm_keys(netuid);
        let _ = Uids::<T>::clear_prefix(netuid, ALL, None);
        let _ = Keys::<T>::clear_prefix(netuid, ALL, None);
        let _ = BlockAtRegistration::<T>::clear_prefix(netuid, ALL, None);
        let _ = Axons::<T>::clear_prefix(netuid, ALL, None);
        let _ = Prometheus::<T>::clear_prefix(netuid, ALL, None);
        let _ = NeuronCertificates::<T>::clear_prefix(netuid, ALL, None);
        let _ = PendingChildKeys::<T>::clear_prefix(netuid, ALL, None);
        let _ = AlphaDividendsPerSubnet::<T>::clear_prefix(netuid, ALL, None);
        let _ = RootAlphaDividendsPerSubnet::<T>::clear_prefix(netuid, ALL, None);
        for index in Self::mechanism_indices(netuid) {
            let _ = Weights::<T>::clear_prefix(index, ALL, None);
            let _ = Bonds::<T>::clear_prefix(index, ALL, None);
            let _ = WeightCommits::<T>::clear_prefix(index, ALL, None);
            Self::clear_timelocked(index);
            Incentive::<T>::remove(index);
            LastUpdate::<T>::remove(index);
        }
        macro_rules! remove {
            ($($item:ident)*) => { $($item::<T>::remove(netuid);)* };
        }
        remove!(SubnetworkN Active Consensus Dividends Emission ValidatorTrust ValidatorPermit);
    }

    /// Removes what is kept of the subnet itself. `RegisteredSubnetCounter` stays.
    fn remove_subnet(netuid: NetUid) {
        macro_rules! remove {
            ($($item:ident)*) => { $($item::<T>::remove(netuid);)* };
        }
        remove!(
            NetworksAdded SubnetMechanism SubnetOwner SubnetOwnerHotkey NetworkRegisteredAt
            SubnetLocked FirstEmissionBlockNumber SubtokenEnabled SubnetEmissionEnabled
            NetworkRegistrationAllowed NetworkPowRegistrationAllowed TokenSymbol
            SubnetIdentitiesV3 MechanismCountCurrent MechanismEmissionSplit SubnetEpochConsensus
            SavedYumaMaxAllowedValidators NullPruningTarget LastYumaStepBlock
            SubnetTAO SubnetAlphaIn SubnetAlphaOut SubnetAlphaBurned SubnetProtocolAlpha
            PoolTaoWeight SubnetVolume SubnetMovingPrice EMAPriceHalvingBlocks RootProp
            SubnetTaoInEmission SubnetAlphaInEmission SubnetAlphaOutEmission SubnetExcessTao
            SubnetTaoFlow SubnetEmaTaoFlow
            PendingServerEmission PendingValidatorEmission PendingRootAlphaDivs PendingOwnerCut
            OwnerCutEnabled OwnerCutAutoLockEnabled MinerBurned RecycleOrBurn PendingChildKeysCursor
            RAORecycledForRegistration Tempo LastEpochBlock PendingEpochAt SubnetEpochIndex
            BlocksSinceLastStep LastMechansimStepBlock TotalAlphaStaked
        );
        remove!(
            Rho Kappa ImmunityPeriod MinAllowedWeights MaxWeightsLimit WeightsVersionKey
            WeightsSetRateLimit CommitRevealWeightsEnabled RevealPeriodEpochs ActivityCutoff
            ActivityCutoffFactorMilli MaxAllowedUids MinAllowedUids MaxAllowedValidators
            MinNonImmuneUids ImmuneOwnerUidsLimit BondsMovingAverage BondsPenalty BondsResetOn
            LiquidAlphaOn AlphaValues AlphaSigmoidSteepness Yuma3On ServingRateLimit
            TransferToggle Burn MinBurn MaxBurn BurnHalfLife BurnIncreaseMult CollateralLockShare
            CollateralDrainRatio MaxRegistrationsPerBlock RegistrationsThisBlock
            RegistrationsThisInterval POWRegistrationsThisInterval TargetRegistrationsPerInterval
            AdjustmentInterval LastAdjustmentBlock
            AdjustmentAlpha Difficulty MinDifficulty MaxDifficulty MinChildkeyTakePerSubnet
            RootClaimableThreshold VotingPowerTrackingEnabled VotingPowerDisableAtBlock
            VotingPowerEmaAlpha
        );
    }
}
