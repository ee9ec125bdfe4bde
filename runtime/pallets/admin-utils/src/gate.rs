//! Who may set a hyperparameter now: the checks before a setter, and what is written down after.

use crate::{Config, Error, Pallet};
use frame_support::{ensure, pallet_prelude::DispatchResult};
use frame_system::{ensure_root, pallet_prelude::OriginFor};
use pallet_subtensor::{
    Bonds, Event as ChainEvent, Hyperparameter, Incentive, LastRateLimitedBlock, LastUpdate,
    MaxUidsTrimmingRateLimit, MechId, NetUid, NullPruningTarget, Pallet as Chain, RateLimitKey,
    WeightCommits, Weights,
};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Lets root set something of the whole chain.
    pub(crate) fn root_sets<V: Copy>(
        origin: OriginFor<T>,
        value: V,
        put: impl FnOnce(V),
        event: impl FnOnce(V) -> ChainEvent<T>,
    ) -> DispatchResult {
        ensure_root(origin)?;
        put(value);
        Chain::<T>::deposit_event(event(value));
        Ok(())
    }

    /// Lets root set something of a subnet.
    pub(crate) fn root_sets_on<V: Copy>(
        origin: OriginFor<T>,
        netuid: NetUid,
        value: V,
        insert: impl FnOnce(NetUid, V),
        event: impl FnOnce(NetUid, V) -> ChainEvent<T>,
    ) -> DispatchResult {
        ensure_root(origin)?;
        Self::ensure_subnet(netuid)?;
        insert(netuid, value);
        Chain::<T>::deposit_event(event(netuid, value));
        Ok(())
    }

    /// Lets root, or within limits the owner, set a hyperparameter of a subnet. The setter is told
    /// whether the owner calls.
    pub(crate) fn owner_sets(
        origin: OriginFor<T>,
        netuid: NetUid,
        which: Hyperparameter,
        set: impl FnOnce(bool) -> Result<ChainEvent<T>, DispatchError>,
    ) -> DispatchResult {
        let event = Self::owner_does(origin, netuid, which, set)?;
        Chain::<T>::deposit_event(event);
        Ok(())
    }

    /// The same for what has no event in `pallet-subtensor`.
    pub(crate) fn owner_does<R>(
        origin: OriginFor<T>,
        netuid: NetUid,
        which: Hyperparameter,
        act: impl FnOnce(bool) -> Result<R, DispatchError>,
    ) -> Result<R, DispatchError> {
        Self::ensure_subnet(netuid)?;
        let is_owner = Chain::<T>::ensure_subnet_owner_or_root(origin, netuid)?.is_some();
        if is_owner {
            Chain::<T>::ensure_owner_may_set(netuid, which)?;
        }
        let done = act(is_owner)?;
        if is_owner {
            let limit = RateLimitKey::OwnerHyperparamUpdate(netuid, which);
            LastRateLimitedBlock::<T>::insert(limit, Chain::<T>::block());
        }
        Ok(done)
    }

    /// Lets root or the owner trim a subnet. The owner waits from one trimming to the next, but not
    /// from one batch to the next of the same.
    pub(crate) fn owner_trims(
        origin: OriginFor<T>,
        netuid: NetUid,
        target: u16,
        trim: impl FnOnce() -> DispatchResult,
    ) -> DispatchResult {
        Self::ensure_subnet(netuid)?;
        let limit = RateLimitKey::OwnerHyperparamUpdate(netuid, Hyperparameter::UidsTrimming);
        let is_owner = Chain::<T>::ensure_subnet_owner_or_root(origin, netuid)?.is_some();
        let goes_on = NullPruningTarget::<T>::get(netuid) == Some(target);
        if is_owner {
            Chain::<T>::ensure_window_open(netuid)?;
        }
        if is_owner && !goes_on {
            Chain::<T>::ensure_waited(&limit, MaxUidsTrimmingRateLimit::<T>::get())?;
        }
        trim()?;
        if is_owner && !goes_on {
            LastRateLimitedBlock::<T>::insert(limit, Chain::<T>::block());
        }
        Ok(())
    }

    /// What root asks to set, but no rule of the chain reads.
    pub(crate) fn root_is_refused(origin: OriginFor<T>) -> DispatchResult {
        ensure_root(origin)?;
        Err(Error::<T>::Deprecated.into())
    }

    /// The same of what a subnet's owner may ask for too.
    pub(crate) fn owner_is_refused(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
        Self::ensure_owner_or_root(origin, netuid)?;
        Err(Error::<T>::Deprecated.into())
    }

    pub(crate) fn ensure_owner_or_root(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
        Self::ensure_subnet(netuid)?;
        Chain::<T>::ensure_subnet_owner_or_root(origin, netuid)?;
        Ok(())
    }

    pub(crate) fn ensure_subnet(netuid: NetUid) -> Result<(), Error<T>> {
        ensure!(Chain::<T>::subnet_exists(netuid), Error::<T>::SubnetDoesNotExist);
        Ok(())
    }

    /// Removes what is kept of the mechanisms from `count` on.
    pub(crate) fn drop_mechanisms(netuid: NetUid, count: MechId) {
        for index in Chain::<T>::mechanism_indices(netuid).skip(u8::from(count).into()) {
            let _ = Weights::<T>::clear_prefix(index, u32::MAX, None);
            let _ = Bonds::<T>::clear_prefix(index, u32::MAX, None);
            let _ = WeightCommits::<T>::clear_prefix(index, u32::MAX, None);
            Chain::<T>::clear_timelocked(index);
            Incentive::<T>::remove(index);
            LastUpdate::<T>::remove(index);
        }
    }
}
