//! A subnet whole: itself, its pool, its hyperparameters, and a column for each property of its
//! neurons.

use super::{entry, Columns};
use crate::*;
use alloc::vec::Vec;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use sp_runtime::PerU16;
use substrate_fixed::types::I96F32;

/// Everything a client shows of a subnet. Columns are indexed by uid.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Metagraph<AccountId> {
    /// The storage index: a mechanism other than the main one shows here.
    pub netuid: Compact<NetUid>,

    pub name: Vec<Compact<u8>>,
    pub symbol: Vec<Compact<u8>>,
    pub identity: Option<SubnetIdentityV3>,
    pub network_registered_at: Compact<u64>,

    pub owner_hotkey: AccountId,
    pub owner_coldkey: AccountId,

    /// The block that the state belongs to.
    pub block: Compact<u64>,
    pub tempo: Compact<u16>,
    pub last_step: Compact<u64>,
    pub blocks_since_last_step: Compact<u64>,

    /// TAO that the latest block gave the subnet.
    pub subnet_emission: Compact<u64>,
    pub alpha_in: Compact<AlphaBalance>,
    pub alpha_out: Compact<AlphaBalance>,
    pub tao_in: Compact<TaoBalance>,
    pub alpha_out_emission: Compact<AlphaBalance>,
    pub alpha_in_emission: Compact<AlphaBalance>,
    pub tao_in_emission: Compact<TaoBalance>,
    pub pending_alpha_emission: Compact<AlphaBalance>,
    /// Always zero: root's stakers are paid in alpha.
    pub pending_root_emission: Compact<TaoBalance>,
    pub subnet_volume: Compact<u128>,
    pub moving_price: I96F32,

    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,

    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub weights_version: Compact<u64>,
    pub weights_rate_limit: Compact<u64>,
    pub activity_cutoff: Compact<u64>,
    pub max_validators: Compact<u16>,

    pub num_uids: Compact<u16>,
    pub max_uids: Compact<u16>,
    pub burn: Compact<TaoBalance>,
    pub difficulty: Compact<u64>,
    pub registration_allowed: bool,
    pub pow_registration_allowed: bool,
    pub immunity_period: Compact<u16>,
    pub min_difficulty: Compact<u64>,
    pub max_difficulty: Compact<u64>,
    pub min_burn: Compact<TaoBalance>,
    pub max_burn: Compact<TaoBalance>,
    pub adjustment_alpha: Compact<u64>,
    pub adjustment_interval: Compact<u16>,
    pub target_regs_per_interval: Compact<u16>,
    pub max_regs_per_block: Compact<u16>,
    pub serving_rate_limit: Compact<u64>,

    pub commit_reveal_weights_enabled: bool,
    pub commit_reveal_period: Compact<u64>,

    pub liquid_alpha_enabled: bool,
    pub alpha_high: Compact<u16>,
    pub alpha_low: Compact<u16>,
    pub bonds_moving_avg: Compact<u64>,

    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    /// What the coldkeys say of themselves.
    pub identities: Vec<Option<ChainIdentityV2>>,
    pub axons: Vec<AxonInfo>,
    pub active: Vec<bool>,
    pub validator_permit: Vec<bool>,
    pub pruning_score: Vec<Compact<u16>>,
    pub last_update: Vec<Compact<u64>>,
    pub emission: Vec<Compact<AlphaBalance>>,
    pub dividends: Vec<Compact<PerU16>>,
    pub incentives: Vec<Compact<PerU16>>,
    pub consensus: Vec<Compact<PerU16>>,
    /// Of validators: how much of their weights the consensus kept.
    pub trust: Vec<Compact<PerU16>>,
    pub rank: Vec<Compact<u16>>,
    pub block_at_registration: Vec<Compact<u64>>,
    /// Alpha that counts for the neuron: its own, inherited and not given away.
    pub alpha_stake: Vec<Compact<AlphaBalance>>,
    /// TAO on root behind the hotkey.
    pub tao_stake: Vec<Compact<TaoBalance>>,
    /// What the neuron's stake counts for.
    pub total_stake: Vec<Compact<TaoBalance>>,

    /// Dividends of the latest epoch to those who staked on root.
    pub tao_dividends_per_hotkey: Vec<(AccountId, Compact<TaoBalance>)>,
    /// Dividends of the latest epoch to those who staked on the subnet.
    pub alpha_dividends_per_hotkey: Vec<(AccountId, Compact<AlphaBalance>)>,

    pub collateral_locked: Vec<Compact<AlphaBalance>>,
    pub collateral_min: Vec<Compact<AlphaBalance>>,
    pub collateral_earned: Vec<Compact<AlphaBalance>>,
}

impl<T: Config> Pallet<T> {
    /// The subnet with its main mechanism.
    pub fn metagraph(netuid: NetUid) -> Option<Metagraph<T::AccountId>> {
        Self::mechagraph(netuid, MechId::MAIN)
    }

    pub fn metagraphs() -> Vec<Option<Metagraph<T::AccountId>>> {
        Self::networks().map(Self::metagraph).collect()
    }

    /// Every mechanism of every subnet.
    pub fn mechagraphs() -> Vec<Option<Metagraph<T::AccountId>>> {
        Self::networks()
            .flat_map(|netuid| {
                let mechanisms = 0..u8::from(MechanismCountCurrent::<T>::get(netuid));
                mechanisms.map(move |id| Self::mechagraph(netuid, MechId::new(id)))
            })
            .collect()
    }

    /// The subnet with one of its mechanisms.
    pub fn mechagraph(netuid: NetUid, mechanism: MechId) -> Option<Metagraph<T::AccountId>> {
        let index = Self::mechanism_index(netuid, mechanism).ok()?;
        let subnet = Self::dynamic_info(netuid)?;
        let hotkeys = Self::hotkeys_of(netuid);
        let coldkeys: Vec<_> = hotkeys.iter().map(Owner::<T>::get).collect();
        let columns = Columns::read::<T>(netuid, index);
        let neurons = NeuronColumns::read::<T>(netuid, &hotkeys, &coldkeys);
        let (alpha_low, alpha_high) = AlphaValues::<T>::get(netuid);
        let uids = || 0..SubnetworkN::<T>::get(netuid);
        let of_permille = |column: &Vec<PerU16>| -> Vec<Compact<PerU16>> {
            uids().map(|uid| entry(column, uid).into()).collect()
        };
        Some(Metagraph {
            netuid: NetUid::from(u16::from(index)).into(),
            name: subnet.subnet_name,
            symbol: subnet.token_symbol,
            identity: subnet.subnet_identity,
            network_registered_at: subnet.network_registered_at,
            owner_hotkey: subnet.owner_hotkey,
            owner_coldkey: subnet.owner_coldkey,
            block: Self::block().into(),
            tempo: subnet.tempo,
            last_step: subnet.last_step,
            blocks_since_last_step: subnet.blocks_since_last_step,
            subnet_emission: subnet.emission,
            alpha_in: subnet.alpha_in,
            alpha_out: subnet.alpha_out,
            tao_in: subnet.tao_in,
            alpha_out_emission: subnet.alpha_out_emission,
            alpha_in_emission: subnet.alpha_in_emission,
            tao_in_emission: subnet.tao_in_emission,
            pending_alpha_emission: subnet.pending_alpha_emission,
            pending_root_emission: subnet.pending_root_emission,
            subnet_volume: subnet.subnet_volume,
            moving_price: subnet.moving_price,
            rho: Rho::<T>::get(netuid).into(),
            kappa: Kappa::<T>::get(netuid).into(),
            min_allowed_weights: MinAllowedWeights::<T>::get(netuid).into(),
            max_weights_limit: MaxWeightsLimit::<T>::get(netuid).into(),
            weights_version: WeightsVersionKey::<T>::get(netuid).into(),
            weights_rate_limit: WeightsSetRateLimit::<T>::get(netuid).into(),
            activity_cutoff: Self::activity_cutoff(netuid).into(),
            max_validators: MaxAllowedValidators::<T>::get(netuid).into(),
            num_uids: SubnetworkN::<T>::get(netuid).into(),
            max_uids: MaxAllowedUids::<T>::get(netuid).into(),
            burn: Burn::<T>::get(netuid).into(),
            difficulty: Difficulty::<T>::get(netuid).into(),
            registration_allowed: NetworkRegistrationAllowed::<T>::get(netuid),
            pow_registration_allowed: NetworkPowRegistrationAllowed::<T>::get(netuid),
            immunity_period: ImmunityPeriod::<T>::get(netuid).into(),
            min_difficulty: MinDifficulty::<T>::get(netuid).into(),
            max_difficulty: MaxDifficulty::<T>::get(netuid).into(),
            min_burn: MinBurn::<T>::get(netuid).into(),
            max_burn: MaxBurn::<T>::get(netuid).into(),
            adjustment_alpha: AdjustmentAlpha::<T>::get(netuid).into(),
            adjustment_interval: AdjustmentInterval::<T>::get(netuid).into(),
            target_regs_per_interval: TargetRegistrationsPerInterval::<T>::get(netuid).into(),
            max_regs_per_block: MaxRegistrationsPerBlock::<T>::get(netuid).into(),
            serving_rate_limit: ServingRateLimit::<T>::get(netuid).into(),
            commit_reveal_weights_enabled: CommitRevealWeightsEnabled::<T>::get(netuid),
            commit_reveal_period: RevealPeriodEpochs::<T>::get(netuid).into(),
            liquid_alpha_enabled: LiquidAlphaOn::<T>::get(netuid),
            alpha_high: alpha_high.into(),
            alpha_low: alpha_low.into(),
            bonds_moving_avg: BondsMovingAverage::<T>::get(netuid).into(),
            identities: coldkeys.iter().map(IdentitiesV2::<T>::get).collect(),
            axons: neurons.axons,
            active: uids().map(|uid| entry(&columns.active, uid)).collect(),
            validator_permit: uids().map(|uid| entry(&columns.validator_permit, uid)).collect(),
            pruning_score: uids().map(|uid| columns.pruning_score(uid).into()).collect(),
            last_update: uids().map(|uid| entry(&columns.last_update, uid).into()).collect(),
            emission: uids().map(|uid| entry(&columns.emission, uid).into()).collect(),
            dividends: of_permille(&columns.dividends),
            incentives: of_permille(&columns.incentive),
            consensus: of_permille(&columns.consensus),
            trust: of_permille(&columns.validator_trust),
            rank: uids().map(|uid| entry(&columns.incentive, uid).deconstruct().into()).collect(),
            block_at_registration: uids()
                .map(|uid| BlockAtRegistration::<T>::get(netuid, uid).into())
                .collect(),
            alpha_stake: neurons.alpha_stake,
            tao_stake: neurons.tao_stake,
            total_stake: neurons.total_stake,
            tao_dividends_per_hotkey: hotkeys
                .iter()
                .map(|hotkey| {
                    let alpha = RootAlphaDividendsPerSubnet::<T>::get(netuid, hotkey);
                    (hotkey.clone(), Self::tao_worth(netuid, alpha).into())
                })
                .collect(),
            alpha_dividends_per_hotkey: hotkeys
                .iter()
                .map(|hotkey| {
                    let alpha = AlphaDividendsPerSubnet::<T>::get(netuid, hotkey);
                    (hotkey.clone(), alpha.into())
                })
                .collect(),
            collateral_locked: neurons.collateral_locked,
            collateral_min: neurons.collateral_min,
            collateral_earned: neurons.collateral_earned,
            hotkeys,
            coldkeys,
        })
    }
}

/// The columns that are read hotkey by hotkey.
struct NeuronColumns {
    axons: Vec<AxonInfo>,
    alpha_stake: Vec<Compact<AlphaBalance>>,
    tao_stake: Vec<Compact<TaoBalance>>,
    total_stake: Vec<Compact<TaoBalance>>,
    collateral_locked: Vec<Compact<AlphaBalance>>,
    collateral_min: Vec<Compact<AlphaBalance>>,
    collateral_earned: Vec<Compact<AlphaBalance>>,
}

impl NeuronColumns {
    fn read<T: Config>(
        netuid: NetUid,
        hotkeys: &[T::AccountId],
        coldkeys: &[T::AccountId],
    ) -> Self {
        // Once for each: of all that is read here it takes by far the most, where many lend.
        let stakes: Vec<_> =
            hotkeys.iter().map(|hotkey| Pallet::<T>::counted_stake(hotkey, netuid)).collect();
        let collateral: Vec<_> = hotkeys
            .iter()
            .zip(coldkeys)
            .map(|(hotkey, coldkey)| MinerCollateral::<T>::get((netuid, hotkey, coldkey)))
            .collect();
        let of_collateral = |amount: fn(&MinerCollateralState) -> AlphaBalance| {
            let amount = |state: &Option<_>| state.as_ref().map_or(AlphaBalance::ZERO, amount);
            collateral.iter().map(|state| amount(state).into()).collect()
        };
        Self {
            axons: hotkeys
                .iter()
                .map(|hotkey| Axons::<T>::get(netuid, hotkey).unwrap_or_default())
                .collect(),
            alpha_stake: stakes.iter().map(|stake| AlphaBalance::new(stake.alpha).into()).collect(),
            tao_stake: stakes.iter().map(|stake| TaoBalance::new(stake.root).into()).collect(),
            total_stake: stakes
                .iter()
                .map(|stake| TaoBalance::new(Pallet::<T>::weigh(*stake)).into())
                .collect(),
            collateral_locked: of_collateral(|state| state.locked),
            collateral_min: of_collateral(|state| state.min_locked),
            collateral_earned: of_collateral(|state| state.earned),
        }
    }
}
