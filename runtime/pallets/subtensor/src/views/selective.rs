//! Parts of a metagraph, chosen by their numbers.
//!
//! A client that wants a few columns of a large subnet names them and is spared the bytes of the
//! others. The numbers are the public runtime's; one that it does not know is passed over.

use super::Metagraph;
use crate::*;
use alloc::{collections::BTreeSet, vec::Vec};
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use sp_runtime::PerU16;
use substrate_fixed::types::I96F32;

/// Number of the list of validators.
const VALIDATORS: u16 = 72;

/// Number of the commitments.
const COMMITMENTS: u16 = 73;

/// Bytes of a commitment, as each account sends them.
type CommitmentsOf<AccountId> = Vec<(AccountId, Vec<Compact<u8>>)>;

/// The record, in the order of its fields, and how it is cut out of a whole metagraph. A field is
/// `NUMBER NAME: TYPE`; the two that a metagraph does not have stand between its own.
macro_rules! selective {
    ($($low:literal $early:ident: $early_type:ty;)* ; $($high:literal $late:ident: $late_type:ty;)*)
    => {
        /// A metagraph of which only those fields are there that were asked for.
        #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
        pub struct SelectiveMetagraph<AccountId> {
            /// Always there. The subnet's own, whichever mechanism was asked for.
            pub netuid: Compact<NetUid>,
            $(pub $early: Option<$early_type>,)*
            /// Uids with a permit and more than the least stake, those with most stake last.
            pub validators: Option<Vec<Compact<u16>>>,
            pub commitments: Option<CommitmentsOf<AccountId>>,
            $(pub $late: Option<$late_type>,)*
        }

        impl<AccountId> SelectiveMetagraph<AccountId> {
            /// The fields of `whole` whose numbers are `chosen`; not those that it does not have.
            fn cut(netuid: NetUid, whole: Metagraph<AccountId>, chosen: &BTreeSet<u16>) -> Self {
                Self {
                    netuid: netuid.into(),
                    $($early: chosen.contains(&$low).then_some(whole.$early),)*
                    validators: None,
                    commitments: None,
                    $($late: chosen.contains(&$high).then_some(whole.$late),)*
                }
            }
        }
    };
}

selective! {
    1 name: Vec<Compact<u8>>;
    2 symbol: Vec<Compact<u8>>;
    3 identity: Option<SubnetIdentityV3>;
    4 network_registered_at: Compact<u64>;
    5 owner_hotkey: AccountId;
    6 owner_coldkey: AccountId;
    7 block: Compact<u64>;
    8 tempo: Compact<u16>;
    9 last_step: Compact<u64>;
    10 blocks_since_last_step: Compact<u64>;
    11 subnet_emission: Compact<u64>;
    12 alpha_in: Compact<AlphaBalance>;
    13 alpha_out: Compact<AlphaBalance>;
    14 tao_in: Compact<TaoBalance>;
    15 alpha_out_emission: Compact<AlphaBalance>;
    16 alpha_in_emission: Compact<AlphaBalance>;
    17 tao_in_emission: Compact<TaoBalance>;
    18 pending_alpha_emission: Compact<AlphaBalance>;
    19 pending_root_emission: Compact<TaoBalance>;
    20 subnet_volume: Compact<u128>;
    21 moving_price: I96F32;
    22 rho: Compact<u16>;
    23 kappa: Compact<u16>;
    24 min_allowed_weights: Compact<u16>;
    25 max_weights_limit: Compact<u16>;
    26 weights_version: Compact<u64>;
    27 weights_rate_limit: Compact<u64>;
    28 activity_cutoff: Compact<u64>;
    29 max_validators: Compact<u16>;
    30 num_uids: Compact<u16>;
    31 max_uids: Compact<u16>;
    32 burn: Compact<TaoBalance>;
    33 difficulty: Compact<u64>;
    34 registration_allowed: bool;
    35 pow_registration_allowed: bool;
    36 immunity_period: Compact<u16>;
    37 min_difficulty: Compact<u64>;
    38 max_difficulty: Compact<u64>;
    39 min_burn: Compact<TaoBalance>;
    40 max_burn: Compact<TaoBalance>;
    41 adjustment_alpha: Compact<u64>;
    42 adjustment_interval: Compact<u16>;
    43 target_regs_per_interval: Compact<u16>;
    44 max_regs_per_block: Compact<u16>;
    45 serving_rate_limit: Compact<u64>;
    46 commit_reveal_weights_enabled: bool;
    47 commit_reveal_period: Compact<u64>;
    48 liquid_alpha_enabled: bool;
    49 alpha_high: Compact<u16>;
    50 alpha_low: Compact<u16>;
    51 bonds_moving_avg: Compact<u64>;
    52 hotkeys: Vec<AccountId>;
    53 coldkeys: Vec<AccountId>;
    54 identities: Vec<Option<ChainIdentityV2>>;
    55 axons: Vec<AxonInfo>;
    56 active: Vec<bool>;
    57 validator_permit: Vec<bool>;
    58 pruning_score: Vec<Compact<u16>>;
    59 last_update: Vec<Compact<u64>>;
    60 emission: Vec<Compact<AlphaBalance>>;
    61 dividends: Vec<Compact<PerU16>>;
    62 incentives: Vec<Compact<PerU16>>;
    63 consensus: Vec<Compact<PerU16>>;
    64 trust: Vec<Compact<PerU16>>;
    65 rank: Vec<Compact<u16>>;
    66 block_at_registration: Vec<Compact<u64>>;
    67 alpha_stake: Vec<Compact<AlphaBalance>>;
    68 tao_stake: Vec<Compact<TaoBalance>>;
    69 total_stake: Vec<Compact<TaoBalance>>;
    70 tao_dividends_per_hotkey: Vec<(AccountId, Compact<TaoBalance>)>;
    71 alpha_dividends_per_hotkey: Vec<(AccountId, Compact<AlphaBalance>)>;
    ;
    74 collateral_locked: Vec<Compact<AlphaBalance>>;
    75 collateral_min: Vec<Compact<AlphaBalance>>;
    76 collateral_earned: Vec<Compact<AlphaBalance>>;
}

impl<T: Config> Pallet<T> {
    /// Parts of a subnet with its main mechanism.
    pub fn selective_metagraph(
        netuid: NetUid,
        numbers: Vec<u16>,
    ) -> Option<SelectiveMetagraph<T::AccountId>> {
        Self::selective_mechagraph(netuid, MechId::MAIN, numbers)
    }

    /// Parts of a subnet with one of its mechanisms.
    pub fn selective_mechagraph(
        netuid: NetUid,
        mechanism: MechId,
        numbers: Vec<u16>,
    ) -> Option<SelectiveMetagraph<T::AccountId>> {
        let whole = Self::mechagraph(netuid, mechanism)?;
        let chosen: BTreeSet<u16> = numbers.into_iter().collect();
        let validators = chosen.contains(&VALIDATORS).then(|| Self::validators_of(&whole));
        let commitments = chosen.contains(&COMMITMENTS).then(|| {
            T::Commitments::commitments(netuid)
                .into_iter()
                .map(|(hotkey, bytes)| (hotkey, super::compact_bytes(&bytes)))
                .collect()
        });
        let cut = SelectiveMetagraph::cut(netuid, whole, &chosen);
        Some(SelectiveMetagraph { validators, commitments, ..cut })
    }

    fn validators_of(whole: &Metagraph<T::AccountId>) -> Vec<Compact<u16>> {
        let least = StakeThreshold::<T>::get();
        let mut validators: Vec<(u64, u16)> = (0..whole.num_uids.0)
            .zip(whole.validator_permit.iter().zip(&whole.total_stake))
            .filter(|(_, (permitted, stake))| **permitted && stake.0.rao() > least)
            .map(|(uid, (_, stake))| (stake.0.rao(), uid))
            .collect();
        validators.sort_unstable();
        validators.into_iter().map(|(_, uid)| uid.into()).collect()
    }
}
