//! The neurons of a subnet in columns, without the subnet itself.
//!
//! The SDK's lines 9.x and 10.x read stake from here when they build a metagraph.

use super::Metagraph;
use crate::*;
use alloc::vec::Vec;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use sp_runtime::PerU16;

/// Columns indexed by uid, each as [`Metagraph`] has it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetState<AccountId> {
    pub netuid: Compact<NetUid>,
    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    pub active: Vec<bool>,
    pub validator_permit: Vec<bool>,
    pub pruning_score: Vec<Compact<u16>>,
    pub last_update: Vec<Compact<u64>>,
    pub emission: Vec<Compact<AlphaBalance>>,
    pub dividends: Vec<Compact<PerU16>>,
    pub incentives: Vec<Compact<PerU16>>,
    pub consensus: Vec<Compact<PerU16>>,
    pub trust: Vec<Compact<PerU16>>,
    pub rank: Vec<Compact<u16>>,
    pub block_at_registration: Vec<Compact<u64>>,
    pub alpha_stake: Vec<Compact<AlphaBalance>>,
    pub tao_stake: Vec<Compact<TaoBalance>>,
    pub total_stake: Vec<Compact<TaoBalance>>,
    /// Always empty: no history is kept. Publicly it is all zeros.
    pub emission_history: Vec<Vec<Compact<AlphaBalance>>>,
}

impl<AccountId> From<Metagraph<AccountId>> for SubnetState<AccountId> {
    fn from(whole: Metagraph<AccountId>) -> Self {
        Self {
            netuid: whole.netuid,
            hotkeys: whole.hotkeys,
            coldkeys: whole.coldkeys,
            active: whole.active,
            validator_permit: whole.validator_permit,
            pruning_score: whole.pruning_score,
            last_update: whole.last_update,
            emission: whole.emission,
            dividends: whole.dividends,
            incentives: whole.incentives,
            consensus: whole.consensus,
            trust: whole.trust,
            rank: whole.rank,
            block_at_registration: whole.block_at_registration,
            alpha_stake: whole.alpha_stake,
            tao_stake: whole.tao_stake,
            total_stake: whole.total_stake,
            emission_history: Vec::new(),
        }
    }
}

impl<T: Config> Pallet<T> {
    pub fn subnet_state(netuid: NetUid) -> Option<SubnetState<T::AccountId>> {
        Self::metagraph(netuid).map(Into::into)
    }
}
