//! From weights and stake to incentives and dividends.
//!
//! The consensus itself is `assay_arithmetic::epoch`; here its inputs are read from storage
//! (`inputs`, `stake`), it is run once for each mechanism of a subnet, and what it decides is
//! written down; `voting` averages what it saw. Amounts are divided here but not moved: `crate::coinbase` pays them.
//!
//! Invariant: what all mechanisms of an epoch pay is at most what it was given to divide.

mod consensus;
mod inputs;
mod stake;
mod voting;

pub use consensus::most_uids;
#[cfg(test)]
pub(crate) use voting::DISABLE_AFTER;

use crate::*;
use alloc::{vec, vec::Vec};
use assay_arithmetic::epoch::{self, EpochInput, EpochOutput, EpochRules};
use inputs::Electorate;
use sp_runtime::{DispatchError, PerU16};

/// What an epoch gives one neuron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NeuronPay<AccountId> {
    pub hotkey: AccountId,
    /// As a miner.
    pub server: AlphaBalance,
    /// As a validator.
    pub validator: AlphaBalance,
}

impl<T: Config> Pallet<T> {
    /// Runs the epoch of every mechanism of a subnet, dividing `total` between them, of which
    /// `local` is not root's; answers what each neuron is to have. Fails, changing nothing that a
    /// rolled-back layer would not undo, when the neurons in storage do not fit together.
    pub(crate) fn run_epochs(
        netuid: NetUid,
        block: u64,
        total: AlphaBalance,
        local: AlphaBalance,
        load: &mut EpochLoad,
    ) -> Result<Vec<NeuronPay<T::AccountId>>, DispatchError> {
        let electorate = Self::electorate(netuid)?;
        load.parents = electorate.parents;
        let shares = Self::mechanism_shares(netuid);
        let outputs = match SubnetEpochConsensus::<T>::get(netuid) {
            EpochConsensus::Yuma => {
                Self::run_yuma_epochs(netuid, block, total, &electorate, &shares)?
            }
            EpochConsensus::Null => {
                Self::run_null_epochs(netuid, block, total, local, &electorate, &shares)?
            }
        };
        Self::write_subnet(netuid, &outputs, &shares);
        if let Some(main) = outputs.first() {
            Self::move_voting_power(netuid, block, &electorate, &main.validator_permit);
        }
        let pays = electorate.hotkeys.into_iter().enumerate().map(|(uid, hotkey)| NeuronPay {
            hotkey,
            server: sum_of(&outputs, uid, |output| &output.server_emission),
            validator: sum_of(&outputs, uid, |output| &output.validator_emission),
        });
        Ok(pays.collect())
    }

    fn run_yuma_epochs(
        netuid: NetUid,
        block: u64,
        total: AlphaBalance,
        electorate: &Electorate<T::AccountId>,
        shares: &[u16],
    ) -> Result<Vec<EpochOutput>, DispatchError> {
        let rules = Self::epoch_rules(netuid, block);
        let mut outputs = Vec::with_capacity(shares.len());
        let parts = by_mechanism(shares, total.rao());
        for (mechanism, part) in (0u8..).map(MechId::new).zip(parts) {
            outputs.push(Self::run_mechanism(netuid, mechanism, block, part, electorate, &rules)?);
        }
        LastYumaStepBlock::<T>::remove(netuid);
        Ok(outputs)
    }

    /// Each mechanism's share of the emission; equal ones unless the owner chose others.
    pub(crate) fn mechanism_shares(netuid: NetUid) -> Vec<u16> {
        let count = usize::from(u8::from(MechanismCountCurrent::<T>::get(netuid)).max(1));
        MechanismEmissionSplit::<T>::get(netuid)
            .filter(|split| split.len() == count && split.iter().any(|share| *share > 0))
            .unwrap_or_else(|| vec![1; count])
    }

    fn run_mechanism(
        netuid: NetUid,
        mechanism: MechId,
        block: u64,
        emission: u64,
        electorate: &Electorate<T::AccountId>,
        rules: &EpochRules,
    ) -> Result<EpochOutput, DispatchError> {
        let index = NetUidStorageIndex::of(netuid, mechanism).ok_or(DispatchError::Corruption)?;
        let neurons = Self::neurons_of(netuid, index, electorate)?;
        let uids = 0..electorate.size();
        let input = EpochInput {
            block,
            activity_cutoff: Self::activity_cutoff(netuid),
            neurons: &neurons,
            weights: &uids.clone().map(|uid| Weights::<T>::get(index, uid)).collect::<Vec<_>>(),
            bonds: &uids.map(|uid| Bonds::<T>::get(index, uid)).collect::<Vec<_>>(),
            owner: electorate.owner,
            emission,
        };
        let output = epoch::run(&input, rules);
        Self::write_mechanism(index, &output);
        Ok(output)
    }

    /// Writes what belongs to one mechanism.
    fn write_mechanism(index: NetUidStorageIndex, output: &EpochOutput) {
        Incentive::<T>::insert(index, parts(&output.incentive));
        for (uid, row) in (0u16..).zip(&output.bonds) {
            match row {
                Some(row) if row.is_empty() => Bonds::<T>::remove(index, uid),
                Some(row) => Bonds::<T>::insert(index, uid, row),
                None => {}
            }
        }
        let emissions = output.server_emission.iter().map(|amount| (*amount).into()).collect();
        Self::deposit_event(Event::IncentiveAlphaEmittedToMiners { netuid: index, emissions });
    }

    /// Writes what belongs to a subnet as a whole: means of its mechanisms by their shares, sums
    /// of amounts. Permits depend on stake alone and are the same in all.
    fn write_subnet(netuid: NetUid, outputs: &[EpochOutput], shares: &[u16]) {
        let Some(main) = outputs.first() else { return };
        let size = main.active.len();
        let mean = |values: fn(&EpochOutput) -> &Vec<u16>| -> Vec<PerU16> {
            let mean_of = |uid| PerU16::from_parts(mean_of(outputs, shares, uid, values));
            (0..size).map(mean_of).collect()
        };
        let active = |uid: usize| {
            outputs.iter().any(|output| output.active.get(uid).copied().unwrap_or(false))
        };
        let emission = (0..size).map(|uid| sum_of(outputs, uid, |output| &output.emission));
        Active::<T>::insert(netuid, (0..size).map(active).collect::<Vec<_>>());
        Consensus::<T>::insert(netuid, mean(|output| &output.consensus));
        Dividends::<T>::insert(netuid, mean(|output| &output.dividends));
        ValidatorTrust::<T>::insert(netuid, mean(|output| &output.validator_trust));
        ValidatorPermit::<T>::insert(netuid, &main.validator_permit);
        Emission::<T>::insert(netuid, emission.collect::<Vec<_>>());
    }
}

/// What each mechanism is to divide of `amount`, by their shares. The main one also divides what
/// the split rounded away.
fn by_mechanism(shares: &[u16], amount: u64) -> Vec<u64> {
    let weights: Vec<u128> = shares.iter().map(|share| u128::from(*share)).collect();
    let mut parts = assay_arithmetic::dividends::split(amount, &weights);
    let assigned = parts.iter().fold(0u64, |sum, part| sum.saturating_add(*part));
    if let Some(main) = parts.first_mut() {
        *main = main.saturating_add(amount.saturating_sub(assigned));
    }
    parts
}

fn parts(values: &[u16]) -> Vec<PerU16> {
    values.iter().map(|value| PerU16::from_parts(*value)).collect()
}

/// A neuron's amount over all mechanisms. Their sum is at most the epoch's total, so it fits.
fn sum_of(
    outputs: &[EpochOutput],
    uid: usize,
    values: fn(&EpochOutput) -> &Vec<u64>,
) -> AlphaBalance {
    let amounts = outputs.iter().map(|output| values(output).get(uid).copied().unwrap_or(0));
    amounts.fold(0u64, u64::saturating_add).into()
}

/// A neuron's mean over all mechanisms, weighted by their shares, rounded down.
fn mean_of(
    outputs: &[EpochOutput],
    shares: &[u16],
    uid: usize,
    values: fn(&EpochOutput) -> &Vec<u16>,
) -> u16 {
    let (mut sum, mut weight) = (0u64, 0u64);
    for (output, share) in outputs.iter().zip(shares) {
        let value = u64::from(values(output).get(uid).copied().unwrap_or(0));
        sum = sum.saturating_add(value.saturating_mul(u64::from(*share)));
        weight = weight.saturating_add(u64::from(*share));
    }
    u16::try_from(sum.checked_div(weight).unwrap_or(0)).unwrap_or(u16::MAX)
}
