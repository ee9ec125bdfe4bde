//! Keys that are exchanged for others, with all that they have.
//!
//! `coldkey`: what a coldkey owns goes to another. `announcements`: the coldkey says so beforehand
//! and may do next to nothing until then. `hotkey`: a hotkey's neurons, stake and relations go to
//! another hotkey of the same coldkey. `stake`: how positions are moved.
//!
//! Positions are moved as they are, shares for shares, so no rao is made or lost; only where a
//! hotkey has stake already are two pools of shares made one.
//!
//! The costs are recycled. They and the rules are the public chain's (opentensor/subtensor,
//! `pallets/subtensor/src/swap`).

mod announcements;
mod coldkey;
mod hotkey;
mod stake;

use crate::*;
use frame_support::{
    dispatch::{DispatchErrorWithPostInfo, DispatchResultWithPostInfo},
    traits::{
        fungible::Mutate,
        tokens::{Fortitude, Precision, Preservation},
    },
    weights::Weight,
};
use sp_runtime::DispatchError;

/// Rao for the swap of a coldkey, paid when it is first announced, and for that of a hotkey on all
/// subnets. The public chain's value.
pub const KEY_SWAP_COST: TaoBalance = TaoBalance::new(100_000_000);

/// Rao for the swap of a hotkey on one subnet. The public chain's value.
pub const KEY_SWAP_ON_SUBNET_COST: TaoBalance = TaoBalance::new(1_000_000);

/// Positions of stake, and locks, that one swap moves. The public chain knows no bound for hotkeys,
/// whose stakers are others, so that one swap may take longer than a block; a hotkey with more
/// changes hands without its stake (`keep_stake`).
pub const SWAP_POSITIONS_MAX: u32 = 2_048;

impl<T: Config> Pallet<T> {
    /// Says what a swap took, by how much it looked at. One that was refused before it began looked
    /// at nothing; the errors that come later are paid for in full.
    pub(crate) fn weigh_swap(
        moved: Result<u32, DispatchError>,
        weight: fn(u32) -> Weight,
    ) -> DispatchResultWithPostInfo {
        let later: [DispatchError; 3] = [
            Error::<T>::ColdkeySwapTooHeavy.into(),
            Error::<T>::ChildParentInconsistency.into(),
            Error::<T>::TooManyStakingHotkeys.into(),
        ];
        moved.map(|moved| Some(weight(moved)).into()).map_err(|error| {
            let known = if later.contains(&error) { None } else { Some(weight(0)) };
            DispatchErrorWithPostInfo { post_info: known.into(), error }
        })
    }

    /// Takes `cost` from a coldkey for good; `refusal` where it has less.
    pub(crate) fn pay_swap(
        coldkey: &T::AccountId,
        cost: TaoBalance,
        refusal: Error<T>,
    ) -> Result<(), Error<T>> {
        T::Currency::burn_from(
            coldkey,
            cost.rao(),
            Preservation::Preserve,
            Precision::Exact,
            Fortitude::Polite,
        )
        .map_err(|_| refusal)?;
        Self::settle_issuance();
        Ok(())
    }
}
