//! Nominations that are too small to be kept: what somebody has behind another's hotkey.
//!
//! `NominatorMinRequiredStake` is a factor, in millionths of the least stake. A nomination worth
//! less is sold and paid out: after each unstaking, and all of them when the factor is raised. The
//! public chain goes over all of them in the block of the raise; here a block looks at so many, so
//! that none is too heavy. What the pool cannot take is left where it is; publicly it would be lost.

use crate::{staking::MIN_STAKE, *};
use alloc::vec::Vec;
use frame_support::storage::with_storage_layer;
use sp_runtime::DispatchResult;

/// Nominations that one block looks at: each is at the most one sale.
pub const NOMINATIONS_PER_BLOCK: u32 = 64;

const MILLION: u128 = 1_000_000;

impl<T: Config> Pallet<T> {
    /// The least that somebody may have behind another's hotkey.
    pub fn least_nomination() -> TaoBalance {
        let factor = u128::from(NominatorMinRequiredStake::<T>::get());
        let least = u128::from(MIN_STAKE.rao()).saturating_mul(factor) / MILLION;
        TaoBalance::new(u64::try_from(least).unwrap_or(u64::MAX))
    }

    /// Sets the factor; after a raise the blocks from this one on look for what is too small now.
    pub fn set_least_nomination(factor: u64) {
        let raised = factor > NominatorMinRequiredStake::<T>::get();
        NominatorMinRequiredStake::<T>::put(factor);
        if raised {
            NominationsLookedAt::<T>::put(Vec::<u8>::new());
            Self::clear_small_nominations();
        }
    }

    /// Looks at the next nominations, if a raise is not worked off; answers how many.
    pub(crate) fn clear_small_nominations() -> u32 {
        let Some(last) = NominationsLookedAt::<T>::get() else { return 0 };
        let mut keys = match last.is_empty() {
            true => AlphaShares::<T>::iter_keys(),
            false => AlphaShares::<T>::iter_keys_from(last),
        };
        let batch: Vec<_> = keys.by_ref().take(NOMINATIONS_PER_BLOCK as usize).collect();
        match batch.last().filter(|_| count(&batch) == NOMINATIONS_PER_BLOCK) {
            Some(key) => NominationsLookedAt::<T>::put(AlphaShares::<T>::hashed_key_for(key)),
            None => NominationsLookedAt::<T>::kill(),
        }
        for (hotkey, coldkey, netuid) in &batch {
            Self::clear_small_nomination(coldkey, hotkey, *netuid);
        }
        count(&batch)
    }

    /// Sells what `coldkey` has behind another's `hotkey`, if that is too little to be kept.
    pub(crate) fn clear_small_nomination(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
    ) {
        let stake = Self::stake_of(hotkey, coldkey, netuid);
        let small = Self::tao_worth(netuid, stake) < Self::least_nomination();
        if stake.is_zero() || !small || Self::owns(coldkey, hotkey) {
            return;
        }
        // A pool that cannot take it now changes nothing.
        let _ = with_storage_layer(|| -> DispatchResult {
            let (alpha, tao, fee) = Self::sell_stake(coldkey, hotkey, netuid, stake, None, false)?;
            Self::give_tao(coldkey, tao)?;
            Self::fit_lock(coldkey, netuid);
            Self::deposit_event(Event::StakeRemoved(
                coldkey.clone(),
                hotkey.clone(),
                tao,
                alpha,
                netuid,
                fee.rao(),
            ));
            Ok(())
        });
    }
}
