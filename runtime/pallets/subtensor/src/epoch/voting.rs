//! Voting power: the moving average of what each validator's stake counts for in the epochs of a
//! subnet that has it tracked. No rule of the chain reads it: it is there for others to count by.
//!
//! Publicly the entry of a neuron that has left goes with the next epoch; here it goes with the
//! neuron.

use super::inputs::Electorate;
use crate::*;
use assay_arithmetic::voting::{moved, ALPHA_ONE};
use frame_support::ensure;
use sp_runtime::DispatchResult;

/// Blocks for which voting power is still tracked after its end was ordered: 14 days of blocks of
/// 12 seconds. The public chain's value.
pub(crate) const DISABLE_AFTER: u64 = 100_800;

impl<T: Config> Pallet<T> {
    /// Has a subnet's voting power tracked, whatever end was ordered.
    pub(crate) fn do_enable_voting_power(netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        VotingPowerTrackingEnabled::<T>::insert(netuid, true);
        VotingPowerDisableAtBlock::<T>::remove(netuid);
        Self::deposit_event(Event::VotingPowerTrackingEnabled { netuid });
        Ok(())
    }

    /// Orders the end of that.
    pub(crate) fn do_disable_voting_power(netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            VotingPowerTrackingEnabled::<T>::get(netuid),
            Error::<T>::VotingPowerTrackingNotEnabled
        );
        let disable_at_block = Self::block().saturating_add(DISABLE_AFTER);
        VotingPowerDisableAtBlock::<T>::insert(netuid, disable_at_block);
        Self::deposit_event(Event::VotingPowerTrackingDisableScheduled {
            netuid,
            disable_at_block,
        });
        Ok(())
    }

    /// Sets the part of a new value in the average.
    pub(crate) fn do_set_voting_power_alpha(netuid: NetUid, alpha: u64) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(alpha <= ALPHA_ONE, Error::<T>::InvalidVotingPowerEmaAlpha);
        VotingPowerEmaAlpha::<T>::insert(netuid, alpha);
        Self::deposit_event(Event::VotingPowerEmaAlphaSet { netuid, alpha });
        Ok(())
    }

    /// Moves the averages by an epoch's stakes and the permits that it gave. A neuron without a
    /// permit has none; one that falls below the threshold of stake loses it, one that has never
    /// been above it does not.
    pub(super) fn move_voting_power(
        netuid: NetUid,
        block: u64,
        electorate: &Electorate<T::AccountId>,
        permits: &[bool],
    ) {
        if !VotingPowerTrackingEnabled::<T>::get(netuid) {
            return;
        }
        let end = VotingPowerDisableAtBlock::<T>::get(netuid);
        if end > 0 && block >= end {
            Self::forget_voting_power(netuid);
            VotingPowerTrackingEnabled::<T>::remove(netuid);
            VotingPowerDisableAtBlock::<T>::remove(netuid);
            Self::deposit_event(Event::VotingPowerTrackingDisabled { netuid });
            return;
        }
        let alpha = VotingPowerEmaAlpha::<T>::get(netuid);
        let least = StakeThreshold::<T>::get();
        let neurons = electorate.hotkeys.iter().zip(&electorate.stakes).zip(permits);
        for ((hotkey, stake), permit) in neurons {
            let before = VotingPower::<T>::get(netuid, hotkey);
            let after = if *permit { moved(before, *stake, alpha) } else { 0 };
            let fell = after < least && before >= least;
            if !*permit || fell {
                Self::put_voting_power(netuid, hotkey, 0);
            } else if after > 0 {
                Self::put_voting_power(netuid, hotkey, after);
            }
        }
    }

    /// Takes a hotkey's voting power away; answers it.
    pub(crate) fn take_voting_power(netuid: NetUid, hotkey: &T::AccountId) -> u64 {
        let power = VotingPower::<T>::get(netuid, hotkey);
        Self::put_voting_power(netuid, hotkey, 0);
        power
    }

    /// Puts a hotkey's voting power in the place of what it has, and into the sum; 0 removes it.
    pub(crate) fn put_voting_power(netuid: NetUid, hotkey: &T::AccountId, power: u64) {
        let before = VotingPower::<T>::get(netuid, hotkey);
        if power == before {
            return;
        }
        if power == 0 {
            VotingPower::<T>::remove(netuid, hotkey);
        } else {
            VotingPower::<T>::insert(netuid, hotkey, power);
        }
        let sum = TotalVotingPower::<T>::get(netuid).saturating_sub(before).saturating_add(power);
        if sum == 0 {
            TotalVotingPower::<T>::remove(netuid);
        } else {
            TotalVotingPower::<T>::insert(netuid, sum);
        }
    }

    /// Removes all of a subnet's.
    pub(crate) fn forget_voting_power(netuid: NetUid) {
        let _ = VotingPower::<T>::clear_prefix(netuid, u32::MAX, None);
        TotalVotingPower::<T>::remove(netuid);
    }
}
