//! What an epoch reads, gathered from storage and checked for consistency.
//!
//! A subnet whose vectors and slots do not fit together is refused as corrupt, so that an epoch
//! never pays the wrong hotkey; the coinbase then skips it and keeps what is pending.

use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use assay_arithmetic::epoch::{BondsMask, BondsMode, EpochRules, LiquidAlpha, Neuron, PermitRule};
use frame_support::ensure;
use sp_runtime::DispatchError;

/// The neurons of a subnet with their stake, which is the same for all mechanisms.
pub(super) struct Electorate<AccountId> {
    /// By uid.
    pub hotkeys: Vec<AccountId>,
    /// What each one's stake counts for, by uid.
    pub stakes: Vec<u64>,
    /// Parents of all of them together.
    pub parents: u32,
    /// By uid; the permits of the last epoch.
    pub permits: Vec<bool>,
    /// The uid of the subnet owner's hotkey.
    pub owner: Option<u16>,
}

impl<AccountId> Electorate<AccountId> {
    pub fn size(&self) -> u16 {
        u16::try_from(self.hotkeys.len()).unwrap_or(u16::MAX)
    }
}

impl<T: Config> Pallet<T> {
    pub(super) fn electorate(netuid: NetUid) -> Result<Electorate<T::AccountId>, DispatchError> {
        let size = SubnetworkN::<T>::get(netuid);
        let hotkey_of = |uid: u16| {
            Keys::<T>::try_get(netuid, uid)
                .ok()
                .filter(|hotkey| Uids::<T>::get(netuid, hotkey) == Some(uid))
                .ok_or(DispatchError::Corruption)
        };
        let hotkeys = (0..size).map(hotkey_of).collect::<Result<Vec<_>, _>>()?;
        let permits = ValidatorPermit::<T>::get(netuid);
        ensure!(permits.len() == hotkeys.len(), DispatchError::Corruption);
        let mut parents = 0u32;
        let stake_of = |hotkey: &T::AccountId| {
            let lenders = ParentKeys::<T>::get(hotkey, netuid);
            parents = parents.saturating_add(count(&lenders));
            Self::weigh(Self::stake_with_parents(hotkey, netuid, &lenders))
        };
        let stakes = hotkeys.iter().map(stake_of).collect();
        let owner = Uids::<T>::get(netuid, SubnetOwnerHotkey::<T>::get(netuid));
        Ok(Electorate { hotkeys, stakes, parents, permits, owner })
    }

    /// The neurons as one mechanism sees them.
    pub(super) fn neurons_of(
        netuid: NetUid,
        index: NetUidStorageIndex,
        electorate: &Electorate<T::AccountId>,
    ) -> Result<Vec<Neuron>, DispatchError> {
        let mut updates = LastUpdate::<T>::get(index);
        ensure!(updates.len() <= electorate.hotkeys.len(), DispatchError::Corruption);
        // The vector of a mechanism that came after the neurons grows when they set weights on it.
        updates.resize(electorate.hotkeys.len(), 0);
        let commits = if CommitRevealWeightsEnabled::<T>::get(netuid) {
            Self::oldest_commits(netuid, index)
        } else {
            BTreeMap::new()
        };
        let neurons = electorate
            .hotkeys
            .iter()
            .zip(&electorate.stakes)
            .zip(&electorate.permits)
            .zip(updates)
            .zip(0u16..)
            .map(|((((hotkey, stake), permit), last_update), uid)| Neuron {
                stake: *stake,
                last_update,
                registered_at: BlockAtRegistration::<T>::get(netuid, uid),
                validator_permit: *permit,
                oldest_commit: commits.get(hotkey).copied(),
            });
        Ok(neurons.collect())
    }

    /// The block of each hotkey's oldest commit that can still be revealed (subtensor.md 7, step
    /// 4).
    fn oldest_commits(netuid: NetUid, index: NetUidStorageIndex) -> BTreeMap<T::AccountId, u64> {
        let mut oldest = BTreeMap::new();
        let mut note = |hotkey: T::AccountId, committed: u64| {
            let entry = oldest.entry(hotkey).or_insert(committed);
            *entry = committed.min(*entry);
        };
        for (hotkey, commits) in WeightCommits::<T>::iter_prefix(index) {
            let live = commits.iter().filter(|(_, epoch, _, _)| Self::commit_lives(netuid, *epoch));
            live.for_each(|(_, _, committed, _)| note(hotkey.clone(), *committed));
        }
        for (_, commits) in TimelockedWeightCommits::<T>::iter_prefix(index) {
            commits.into_iter().for_each(|(hotkey, committed, _, _)| note(hotkey, committed));
        }
        oldest
    }

    /// Blocks of silence after which a neuron is inactive (subtensor.md 7, step 1).
    pub fn activity_cutoff(netuid: NetUid) -> u64 {
        let factor = u64::from(ActivityCutoffFactorMilli::<T>::get(netuid));
        factor.saturating_mul(u64::from(Tempo::<T>::get(netuid))) / 1_000
    }

    /// A subnet's hyperparameters as the rules of an epoch; subtensor.md 7 where runtimes differ.
    pub(super) fn epoch_rules(netuid: NetUid, block: u64) -> EpochRules {
        let (low, high) = AlphaValues::<T>::get(netuid);
        let steepness = AlphaSigmoidSteepness::<T>::get(netuid);
        let liquid =
            LiquidAlphaOn::<T>::get(netuid).then_some(LiquidAlpha { low, high, steepness });
        EpochRules {
            kappa: Kappa::<T>::get(netuid),
            bonds_moving_average: BondsMovingAverage::<T>::get(netuid),
            bonds_penalty: BondsPenalty::<T>::get(netuid),
            max_validators: MaxAllowedValidators::<T>::get(netuid),
            stake_threshold: StakeThreshold::<T>::get(),
            bonds: if Yuma3On::<T>::get(netuid) {
                BondsMode::Yuma3(liquid)
            } else {
                BondsMode::Classic
            },
            permits: PermitRule::TopNonZero,
            // Bonds stand still without consensus, so neurons that came meanwhile are new to them.
            bonds_mask: BondsMask::since_last_epoch(
                LastYumaStepBlock::<T>::get(netuid)
                    .unwrap_or_else(|| LastMechansimStepBlock::<T>::get(netuid)),
                block,
                Tempo::<T>::get(netuid),
            ),
        }
    }
}
