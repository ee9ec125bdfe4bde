//! Subnets: registering, leasing, starting, pruning, ownership, identity.
//!
//! A subnet exists while `NetworksAdded` says so. Root (netuid 0) exists from genesis, has no pool
//! and no owner, and is never pruned.

mod dissolve;
mod identity;
mod leases;
mod price;
mod register;
mod schedule;
mod symbols;

pub(crate) use leases::{CONTRIBUTORS_MAX, INTERVAL, LEASE_MOVES_MAX};

use crate::*;
use alloc::vec::Vec;
use frame_support::ensure;
use frame_system::{ensure_root, ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::{traits::UniqueSaturatedInto, DispatchError, DispatchResult};

/// Shortest and longest tempo that an owner may set (root is not bound).
pub const MIN_TEMPO: u16 = 360;
pub const MAX_TEMPO: u16 = 50_400;

/// Thousandths of a tempo: a validator is silent after one tempo at the least, 50 at the most.
pub const MIN_ACTIVITY_FACTOR: u32 = 1_000;
pub const MAX_ACTIVITY_FACTOR: u32 = 50_000;

/// A registration always costs less than this at its cheapest, and more than the other at its
/// dearest, so that no owner closes a subnet by its price or gives it away.
pub const MIN_BURN_BELOW: TaoBalance = TaoBalance::new(1_000_000_000);
pub const MAX_BURN_ABOVE: TaoBalance = TaoBalance::new(100_000_000);

/// Seats on root.
pub const ROOT_SEATS: u16 = 64;

/// The kind of pool in which alpha has a price of its own.
pub const MECHANISM_DYNAMIC: u16 = 1;

impl<T: Config> Pallet<T> {
    /// The number of the block being built.
    pub fn block() -> u64 {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    pub fn subnet_exists(netuid: NetUid) -> bool {
        NetworksAdded::<T>::get(netuid)
    }

    /// Every subnet but root, in ascending order.
    pub fn subnets() -> Vec<NetUid> {
        let mut netuids: Vec<NetUid> = NetworksAdded::<T>::iter()
            .filter_map(|(netuid, exists)| (exists && !netuid.is_root()).then_some(netuid))
            .collect();
        netuids.sort_unstable();
        netuids
    }

    /// Where the mechanism keeps its weights, if the subnet has it.
    pub fn mechanism_index(
        netuid: NetUid,
        mechanism: MechId,
    ) -> Result<NetUidStorageIndex, Error<T>> {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            mechanism < MechanismCountCurrent::<T>::get(netuid),
            Error::<T>::MechanismDoesNotExist
        );
        NetUidStorageIndex::of(netuid, mechanism).ok_or(Error::<T>::MechanismDoesNotExist)
    }

    /// The storage indices of all mechanisms of a subnet.
    pub fn mechanism_indices(netuid: NetUid) -> impl Iterator<Item = NetUidStorageIndex> {
        (0..u8::from(MechanismCountCurrent::<T>::get(netuid)))
            .filter_map(move |id| NetUidStorageIndex::of(netuid, MechId::new(id)))
    }

    /// The owner who signed. Anybody else is of a bad origin, as on the public chain.
    pub fn ensure_subnet_owner(
        origin: OriginFor<T>,
        netuid: NetUid,
    ) -> Result<T::AccountId, DispatchError> {
        let coldkey = ensure_signed(origin)?;
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::owns_subnet(&coldkey, netuid), DispatchError::BadOrigin);
        Ok(coldkey)
    }

    pub(crate) fn owns_subnet(coldkey: &T::AccountId, netuid: NetUid) -> bool {
        SubnetOwner::<T>::try_get(netuid).is_ok_and(|owner| owner == *coldkey)
    }

    /// The owner, or `None` for root's origin.
    pub fn ensure_subnet_owner_or_root(
        origin: OriginFor<T>,
        netuid: NetUid,
    ) -> Result<Option<T::AccountId>, DispatchError> {
        if ensure_root(origin.clone()).is_ok() {
            return Ok(None);
        }
        Self::ensure_subnet_owner(origin, netuid).map(Some)
    }

    /// Starts the subnet: its alpha can be traded, and it takes part in the next block's emission.
    pub(crate) fn do_start_call(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
        Self::ensure_subnet_owner(origin, netuid)?;
        ensure!(
            !FirstEmissionBlockNumber::<T>::contains_key(netuid),
            Error::<T>::FirstEmissionBlockNumberAlreadySet
        );
        let now = Self::block();
        let ready =
            NetworkRegisteredAt::<T>::get(netuid).saturating_add(StartCallDelay::<T>::get());
        ensure!(now >= ready, Error::<T>::NeedWaitingMoreBlocksToStarCall);
        let first = now.saturating_add(1);
        FirstEmissionBlockNumber::<T>::insert(netuid, first);
        SubtokenEnabled::<T>::insert(netuid, true);
        Self::deposit_event(Event::FirstEmissionBlockNumberSet(netuid, first));
        Ok(())
    }

    pub(crate) fn create_root_network() {
        NetworksAdded::<T>::insert(NetUid::ROOT, true);
        TotalNetworks::<T>::put(1);
        MaxAllowedUids::<T>::insert(NetUid::ROOT, ROOT_SEATS);
        MaxAllowedValidators::<T>::insert(NetUid::ROOT, ROOT_SEATS);
        // Root has no epoch: its stakers are paid by the subnets'.
        Tempo::<T>::insert(NetUid::ROOT, 0);
        NetworkRegistrationAllowed::<T>::insert(NetUid::ROOT, false);
        // The public chain's value.
        TargetRegistrationsPerInterval::<T>::insert(NetUid::ROOT, 1);
        TokenSymbol::<T>::insert(NetUid::ROOT, Self::root_symbol());
    }
}
