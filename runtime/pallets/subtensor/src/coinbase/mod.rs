//! A block's emission and its way to pools, owners and pending epochs.
//!
//! | file | what it does |
//! |---|---|
//! | `emission` | mints TAO and alpha, fills pools, sets the rest aside for epochs |
//! | `prices` | moving prices, root's proportion and flows, as of this block |
//! | `schedule` | which epochs are due, deferred, or ordered |
//! | `reveals` | opens timelocked weights, before an epoch counts them |
//! | `distribute` | pays what an epoch decided |
//! | `validators` | a validator's dividends: parents, root, take, nominators |
//! | `root_claims` | alpha earned by root stake |
//! | `children` | announced child keys that take effect |
//!
//! Invariants: every alpha in `SubnetAlphaOut` is staked, pending, set aside for root stakers,
//! bought by the chain, or burned; what rounding leaves over is recycled, that is, taken out of
//! `SubnetAlphaOut` again.
//! Errors inside a block are never fatal: a step that fails undoes itself and the next goes on.

mod children;
mod distribute;
mod emission;
mod prices;
mod reveals;
pub(crate) mod root_claims;
mod schedule;
mod validators;

#[cfg(test)]
pub(crate) use children::ANNOUNCEMENTS_PER_EPOCH;
pub(crate) use children::PARENTS_MAX;
pub use reveals::OPENED_PER_BLOCK;

use crate::*;
use frame_support::weights::Weight;

impl<T: Config> Pallet<T> {
    /// Shares out the emission of `block` and runs the epochs that are due in it.
    ///
    /// The order is that of subtensor.md 1: an epoch in this block includes what this block emits,
    /// prices move after it.
    pub(crate) fn coinbase_on_initialize(block: u64) -> Weight {
        let subnets = Self::subnets();
        let emitting = Self::emit(block, &subnets);
        let epochs = Self::run_due_epochs(block, &subnets);
        Self::update_moving_prices(block, &emitting);
        Self::update_root_proportions(&emitting);
        Self::update_flow_averages(block, &subnets);
        T::WeightInfo::subnets(count(&subnets)).saturating_add(epochs)
    }

    /// Alpha of `SubnetAlphaOut` that nobody is to have: it is uncounted and may be emitted again.
    pub(crate) fn recycle_alpha_out(netuid: NetUid, amount: AlphaBalance) {
        SubnetAlphaOut::<T>::mutate(netuid, |outside| {
            *outside = outside.checked_sub(amount).unwrap_or(AlphaBalance::ZERO);
        });
    }

    /// Alpha of `SubnetAlphaOut` that nobody is to have: it stays counted, and is never emitted
    /// again.
    pub(crate) fn burn_alpha_out(netuid: NetUid, amount: AlphaBalance) {
        SubnetAlphaBurned::<T>::mutate(netuid, |burned| {
            *burned = burned.checked_add(amount).unwrap_or(AlphaBalance::MAX);
        });
    }
}
