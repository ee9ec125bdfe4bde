//! # Subtensor
//!
//! Subnets, the neurons on them, the stake behind neurons, the weights that validators set, and
//! the rewards that follow from all of it. It adds to the balances pallet a second kind of
//! holding: stake, which is alpha of a subnet (or TAO on root) behind a hotkey.
//!
//! | folder | what it does |
//! |---|---|
//! | `types` | identifiers, amounts, records |
//! | `storage`, `sections` | the pallet's parts: storage, calls, events, errors, genesis, hooks |
//! | `subnets` | registering, starting, pruning subnets; ownership and identity |
//! | `neurons` | slots: registration, pruning, endpoints, weights |
//! | `staking` | keys, stake, delegation; `shares` splits a hotkey's alpha among its stakers |
//! | `pool` | the exchange of TAO and alpha |
//! | `coinbase` | a block's emission, and its way to pools, owners and pending epochs |
//! | `epoch` | from weights and stake to incentives and dividends |
//! | `views` | the records that clients ask for, read out of all of the above |
//! | `extension` | refusals in the transaction pool |
//!
//! Invariants, held by `try_state`: TAO is conserved; pools, shares and their totals agree; keys
//! and uids are inverse. No call panics, whatever its input.

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "256"]

extern crate alloc;

mod coinbase;
mod epoch;
mod extension;
#[cfg(test)]
mod mock;
mod neurons;
pub mod pool;
mod sections;
mod staking;
mod storage;
mod subnets;
mod swap;
#[cfg(test)]
mod tests;
pub mod traits;
mod try_state;
pub mod types;
pub mod views;
pub mod weights;

pub use coinbase::OPENED_PER_BLOCK;
pub use epoch::most_uids;
pub use extension::SubtensorTransactionExtension;
pub use pallet::*;
pub use staking::NOMINATIONS_PER_BLOCK;
pub use subnets::{
    MAX_ACTIVITY_FACTOR, MAX_BURN_ABOVE, MAX_TEMPO, MIN_ACTIVITY_FACTOR, MIN_BURN_BELOW, MIN_TEMPO,
};
pub use traits::{
    ActsFor, Beacon, Commitments, Funding, Leasing, OnNeuronLeft, Opened, PoolSettings,
};
pub use types::{Alpha as AlphaBalance, Tao as TaoBalance, *};
use weights::count;
pub use weights::{EpochLoad, WeightInfo};

use frame_support::pallet_macros::import_section;
use sections::{calls, config, constants, errors, events, genesis, hooks};
use storage::{
    chain, client_reads, evm, hyperparameters, leases, locks, neurons as neuron_items, stake,
    subnets as subnet_items, swaps, voting as voting_items,
};

#[import_section(config::config)]
#[import_section(constants::constants)]
#[import_section(chain::storage_chain)]
#[import_section(subnet_items::storage_subnets)]
#[import_section(hyperparameters::storage_hyperparameters)]
#[import_section(neuron_items::storage_neurons)]
#[import_section(stake::storage_stake)]
#[import_section(locks::storage_locks)]
#[import_section(leases::storage_leases)]
#[import_section(swaps::storage_swaps)]
#[import_section(voting_items::storage_voting)]
#[import_section(client_reads::storage_client_reads)]
#[import_section(evm::storage_evm)]
#[import_section(genesis::genesis)]
#[import_section(errors::errors)]
#[import_section(events::events)]
#[import_section(hooks::hooks)]
#[import_section(calls::calls)]
// `expect` is in what the macro writes; the arguments of calls are the public runtime's.
#[allow(clippy::expect_used, clippy::too_many_arguments)]
#[frame_support::pallet]
pub mod pallet {
    use crate::{
        neurons::{Endpoint, Revealed, Row, Work, UIDS_PER_EVM_KEY_MAX, UNNAMED_COMMIT_VERSION},
        staking::{Place, RatioLimit, MIN_STAKE},
        storage::defaults::*,
        subnets::{
            CONTRIBUTORS_MAX, INTERVAL, LEASE_MOVES_MAX, MAX_ACTIVITY_FACTOR, MAX_BURN_ABOVE,
            MAX_TEMPO, MIN_ACTIVITY_FACTOR, MIN_BURN_BELOW, MIN_TEMPO,
        },
        swap::{KEY_SWAP_COST, KEY_SWAP_ON_SUBNET_COST, SWAP_POSITIONS_MAX},
        traits::{ActsFor, Beacon, Commitments, Currency, Leasing, OnNeuronLeft, PoolSettings},
        types::*,
        views::SCALING_LAW_POWER,
        weights::{count, sum_of, WeightInfo},
    };
    use alloc::{
        collections::{BTreeMap, BTreeSet},
        vec::Vec,
    };
    use codec::Compact;
    use frame_support::{pallet_prelude::*, traits::Get};
    use frame_system::pallet_prelude::*;
    use sp_core::{
        ecdsa::Signature, ConstBool, ConstI16, ConstU16, ConstU32, ConstU64, ConstU8, H160, H256,
    };
    use sp_runtime::{DispatchError, PerU16, Percent};
    use substrate_fixed::types::{I64F64, I96F32, U64F64, U96F32};

    /// Ciphertext of a timelocked commit is at most this long.
    pub const MAX_COMMIT_BYTES: u32 = 5_000;

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);
}
