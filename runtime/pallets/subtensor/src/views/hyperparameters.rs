//! A subnet's hyperparameters as a list of names and values, so that a new one needs no new record.
//!
//! Names are those by which clients set them, not those of the storage.

use crate::*;
use alloc::{vec, vec::Vec};
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use substrate_fixed::types::{I32F32, U64F64};

/// A hyperparameter.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct HyperparamEntry {
    pub name: Vec<u8>,
    pub value: HyperparamValue,
}

/// Its value, of whatever type it has in storage.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum HyperparamValue {
    #[codec(index = 0)]
    Bool(bool),
    #[codec(index = 1)]
    U16(Compact<u16>),
    #[codec(index = 2)]
    U32(Compact<u32>),
    #[codec(index = 3)]
    U64(Compact<u64>),
    #[codec(index = 4)]
    U128(Compact<u128>),
    #[codec(index = 5)]
    TaoBalance(Compact<TaoBalance>),
    #[codec(index = 6)]
    I32F32(I32F32),
    #[codec(index = 7)]
    U64F64(U64F64),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident $wrap:expr;)*) => {
        $(impl From<$from> for HyperparamValue {
            fn from(value: $from) -> Self {
                Self::$variant($wrap(value))
            }
        })*
    };
}

value_from! {
    bool => Bool core::convert::identity;
    u16 => U16 Compact;
    u32 => U32 Compact;
    u64 => U64 Compact;
    TaoBalance => TaoBalance Compact;
    I32F32 => I32F32 core::convert::identity;
    U64F64 => U64F64 core::convert::identity;
}

impl<T: Config> Pallet<T> {
    pub fn subnet_hyperparameters(netuid: NetUid) -> Option<Vec<HyperparamEntry>> {
        if !Self::subnet_exists(netuid) {
            return None;
        }
        let (alpha_low, alpha_high) = AlphaValues::<T>::get(netuid);
        let steepness = I32F32::from_num(AlphaSigmoidSteepness::<T>::get(netuid));
        let min_childkey_take =
            MinChildkeyTakePerSubnet::<T>::get(netuid).max(MinChildkeyTake::<T>::get());
        let values: Vec<(&str, HyperparamValue)> = vec![
            ("rho", Rho::<T>::get(netuid).into()),
            ("kappa", Kappa::<T>::get(netuid).into()),
            ("immunity_period", ImmunityPeriod::<T>::get(netuid).into()),
            ("min_allowed_weights", MinAllowedWeights::<T>::get(netuid).into()),
            ("max_weights_limit", MaxWeightsLimit::<T>::get(netuid).into()),
            ("tempo", Tempo::<T>::get(netuid).into()),
            ("min_difficulty", MinDifficulty::<T>::get(netuid).into()),
            ("max_difficulty", MaxDifficulty::<T>::get(netuid).into()),
            ("difficulty", Difficulty::<T>::get(netuid).into()),
            ("weights_version", WeightsVersionKey::<T>::get(netuid).into()),
            ("weights_rate_limit", WeightsSetRateLimit::<T>::get(netuid).into()),
            ("adjustment_interval", AdjustmentInterval::<T>::get(netuid).into()),
            ("adjustment_alpha", AdjustmentAlpha::<T>::get(netuid).into()),
            ("activity_cutoff", Self::activity_cutoff(netuid).into()),
            ("activity_cutoff_factor", ActivityCutoffFactorMilli::<T>::get(netuid).into()),
            ("registration_allowed", NetworkRegistrationAllowed::<T>::get(netuid).into()),
            (
                "network_pow_registration_allowed",
                NetworkPowRegistrationAllowed::<T>::get(netuid).into(),
            ),
            ("target_regs_per_interval", TargetRegistrationsPerInterval::<T>::get(netuid).into()),
            ("min_burn", MinBurn::<T>::get(netuid).into()),
            ("max_burn", MaxBurn::<T>::get(netuid).into()),
            ("burn_half_life", BurnHalfLife::<T>::get(netuid).into()),
            ("burn_increase_mult", BurnIncreaseMult::<T>::get(netuid).into()),
            ("bonds_moving_avg", BondsMovingAverage::<T>::get(netuid).into()),
            ("bonds_penalty", BondsPenalty::<T>::get(netuid).into()),
            ("max_regs_per_block", MaxRegistrationsPerBlock::<T>::get(netuid).into()),
            ("serving_rate_limit", ServingRateLimit::<T>::get(netuid).into()),
            ("max_validators", MaxAllowedValidators::<T>::get(netuid).into()),
            ("max_allowed_uids", MaxAllowedUids::<T>::get(netuid).into()),
            ("owner_immune_neuron_limit", ImmuneOwnerUidsLimit::<T>::get(netuid).into()),
            ("commit_reveal_period", RevealPeriodEpochs::<T>::get(netuid).into()),
            ("commit_reveal_weights_enabled", CommitRevealWeightsEnabled::<T>::get(netuid).into()),
            ("alpha_high", alpha_high.into()),
            ("alpha_low", alpha_low.into()),
            ("liquid_alpha_enabled", LiquidAlphaOn::<T>::get(netuid).into()),
            ("alpha_sigmoid_steepness", steepness.into()),
            ("yuma_version", Self::yuma_version(netuid).into()),
            ("yuma3_enabled", Yuma3On::<T>::get(netuid).into()),
            ("subnet_is_active", SubtokenEnabled::<T>::get(netuid).into()),
            ("subnet_emission_enabled", SubnetEmissionEnabled::<T>::get(netuid).into()),
            ("transfers_enabled", TransferToggle::<T>::get(netuid).into()),
            ("bonds_reset_enabled", BondsResetOn::<T>::get(netuid).into()),
            ("owner_cut_enabled", OwnerCutEnabled::<T>::get(netuid).into()),
            ("owner_cut_auto_lock_enabled", OwnerCutAutoLockEnabled::<T>::get(netuid).into()),
            ("min_childkey_take", min_childkey_take.deconstruct().into()),
            ("collateral_lock_share", CollateralLockShare::<T>::get(netuid).into()),
            ("collateral_drain_ratio", CollateralDrainRatio::<T>::get(netuid).into()),
        ];
        let entry = |(name, value): (&str, _)| HyperparamEntry { name: name.into(), value };
        Some(values.into_iter().map(entry).collect())
    }
}
