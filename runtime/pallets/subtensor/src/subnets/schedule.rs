//! What a subnet's owner sets by calls of this pallet: the tempo, and what is counted in it.
//!
//! Also when an owner may set anything at all, which AdminUtils asks here too: not in the last
//! blocks before an epoch, so that validators do not vote under rules that change under them, and
//! not sooner than some blocks after the last time.

use crate::*;
use frame_support::ensure;
use sp_runtime::DispatchResult;

/// Thousandths of a tempo: a validator is silent after one tempo at the least, 50 at the most.
const ACTIVITY_FACTOR: core::ops::RangeInclusive<u32> = 1_000..=50_000;

impl<T: Config> Pallet<T> {
    /// Sets a tempo for an owner, who waits the shortest tempo from one change to the next.
    pub(crate) fn do_set_tempo(netuid: NetUid, tempo: u16) -> DispatchResult {
        Self::check_owner_tempo(netuid, tempo)?;
        Self::ensure_window_open(netuid)?;
        let limit = RateLimitKey::OwnerHyperparamUpdate(netuid, Hyperparameter::Tempo);
        LastRateLimitedBlock::<T>::insert(limit, Self::block());
        Self::set_subnet_tempo(netuid, tempo);
        Ok(())
    }

    /// Whether an owner may set this tempo now.
    pub fn check_owner_tempo(netuid: NetUid, tempo: u16) -> Result<(), Error<T>> {
        ensure!((MIN_TEMPO..=MAX_TEMPO).contains(&tempo), Error::<T>::TempoOutOfBounds);
        let limit = RateLimitKey::OwnerHyperparamUpdate(netuid, Hyperparameter::Tempo);
        Self::ensure_waited(&limit, MIN_TEMPO.into())
    }

    /// Sets the tempo and counts it anew from here.
    pub fn set_subnet_tempo(netuid: NetUid, tempo: u16) {
        Tempo::<T>::insert(netuid, tempo);
        LastEpochBlock::<T>::insert(netuid, Self::block());
        Self::deposit_event(Event::TempoSet(netuid, tempo));
    }

    /// Sets the activity cutoff, for root or, within its limits, for the owner.
    pub(crate) fn do_set_activity_cutoff_factor(
        is_owner: bool,
        netuid: NetUid,
        factor_milli: u32,
    ) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        let which = Hyperparameter::ActivityCutoffFactorMilli;
        if is_owner {
            Self::ensure_owner_may_set(netuid, which)?;
        }
        Self::set_activity_factor(netuid, factor_milli)?;
        if is_owner {
            let limit = RateLimitKey::OwnerHyperparamUpdate(netuid, which);
            LastRateLimitedBlock::<T>::insert(limit, Self::block());
        }
        Ok(())
    }

    /// Sets the thousandths of a tempo after which a silent validator is inactive.
    pub fn set_activity_factor(netuid: NetUid, factor_milli: u32) -> Result<(), Error<T>> {
        ensure!(
            ACTIVITY_FACTOR.contains(&factor_milli),
            Error::<T>::ActivityCutoffFactorMilliOutOfBounds
        );
        ActivityCutoffFactorMilli::<T>::insert(netuid, factor_milli);
        Self::deposit_event(Event::ActivityCutoffFactorMilliSet { netuid, factor_milli });
        Ok(())
    }

    /// Whether an owner may set a hyperparameter now: outside of the window, and as many epochs
    /// after the last time as `OwnerHyperparamRateLimit` says.
    pub fn ensure_owner_may_set(netuid: NetUid, which: Hyperparameter) -> Result<(), Error<T>> {
        Self::ensure_window_open(netuid)?;
        let epochs = u64::from(OwnerHyperparamRateLimit::<T>::get());
        let wait = epochs.saturating_mul(Tempo::<T>::get(netuid).into());
        Self::ensure_waited(&RateLimitKey::OwnerHyperparamUpdate(netuid, which), wait)
    }

    /// Not in the last blocks before an epoch, and not while one is ordered out of turn.
    pub fn ensure_window_open(netuid: NetUid) -> Result<(), Error<T>> {
        let now = Self::block();
        let Some(next) = Self::next_epoch_block(netuid) else { return Ok(()) };
        let frozen = next.saturating_sub(now) < u64::from(AdminFreezeWindow::<T>::get());
        ensure!(
            !frozen && PendingEpochAt::<T>::get(netuid) <= now,
            Error::<T>::AdminActionProhibitedDuringWeightsWindow
        );
        Ok(())
    }

    /// Not sooner than `wait` blocks after the last time.
    pub fn ensure_waited(limit: &RateLimitKey<T::AccountId>, wait: u64) -> Result<(), Error<T>> {
        let last = LastRateLimitedBlock::<T>::get(limit);
        ensure!(
            last == 0 || Self::block().saturating_sub(last) >= wait,
            Error::<T>::TxRateLimitExceeded
        );
        Ok(())
    }
}
