//! Locks as they are stored, and the sums of them by hotkey.

use crate::*;
use assay_arithmetic::lock::{Kind, Lock as Locked, Rates};
use substrate_fixed::types::U64F64;

impl LockState {
    /// `locked` as it is at block `now`.
    fn at(locked: Locked, now: u64) -> Self {
        Self {
            locked_mass: locked.mass.into(),
            conviction: U64F64::from_bits(locked.conviction),
            last_update: now,
        }
    }

    /// What has become of it by block `now`.
    fn by(&self, now: u64, rates: Rates, kind: Kind) -> Locked {
        let then = Locked { mass: self.locked_mass.rao(), conviction: self.conviction.to_bits() };
        then.after(now.saturating_sub(self.last_update), rates, kind)
    }
}

/// Writes what is left of an optional lock: nothing is removed.
macro_rules! put {
    ($item:ident, ($($key:expr),*), $state:expr) => {
        match $state {
            Some(state) => $item::<T>::insert($($key,)* state),
            None => $item::<T>::remove($($key),*),
        }
    };
}

impl<T: Config> Pallet<T> {
    fn lock_rates() -> Rates {
        Rates { unlock: UnlockRate::<T>::get(), maturity: MaturityRate::<T>::get() }
    }

    /// How a coldkey's lock behind a hotkey behaves.
    pub(super) fn lock_kind(coldkey: &T::AccountId, netuid: NetUid, hotkey: &T::AccountId) -> Kind {
        let owner = SubnetOwnerHotkey::<T>::try_get(netuid).is_ok_and(|owner| owner == *hotkey);
        let perpetual = DecayingLock::<T>::get(coldkey, netuid) == Some(false);
        Kind { owner, perpetual }
    }

    /// What a coldkey has locked on a subnet by now, and behind which hotkey. It may be nothing.
    pub(super) fn lock_by_now(
        coldkey: &T::AccountId,
        netuid: NetUid,
    ) -> Option<(T::AccountId, Locked)> {
        let (hotkey, state) = Lock::<T>::iter_prefix((coldkey, netuid)).next()?;
        let kind = Self::lock_kind(coldkey, netuid, &hotkey);
        let locked = state.by(Self::block(), Self::lock_rates(), kind);
        Some((hotkey, locked))
    }

    /// The same in the form that clients know.
    pub fn coldkey_lock(coldkey: &T::AccountId, netuid: NetUid) -> Option<LockState> {
        let (_, locked) = Self::lock_by_now(coldkey, netuid)?;
        Some(LockState::at(locked, Self::block()))
    }

    /// The same for one hotkey alone.
    pub fn lock_behind(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
    ) -> AlphaBalance {
        let Some(state) = Lock::<T>::get((coldkey, netuid, hotkey)) else {
            return AlphaBalance::ZERO;
        };
        let kind = Self::lock_kind(coldkey, netuid, hotkey);
        state.by(Self::block(), Self::lock_rates(), kind).mass.into()
    }

    /// Puts `after` in the place of `before`, which is what the coldkey had locked behind the hotkey
    /// by now. The hotkey's bucket follows.
    pub(super) fn replace_lock(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
        before: Locked,
        after: Locked,
    ) {
        let kind = Self::lock_kind(coldkey, netuid, hotkey);
        let after = after.after(0, Self::lock_rates(), kind);
        let bucket = Self::bucket(netuid, hotkey, kind).less(before).plus(after);
        Self::put_bucket(netuid, hotkey, kind, bucket);
        Self::put_lock(coldkey, netuid, hotkey, after);
    }

    /// Writes what a coldkey has locked behind the hotkey by now, and leaves its bucket alone.
    pub(super) fn put_lock(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
        locked: Locked,
    ) {
        let kind = Self::lock_kind(coldkey, netuid, hotkey);
        let locked = locked.after(0, Self::lock_rates(), kind);
        if locked.is_nothing() {
            Lock::<T>::remove((coldkey, netuid, hotkey));
            LockingColdkeys::<T>::remove((netuid, hotkey, coldkey));
        } else {
            let state = LockState::at(locked, Self::block());
            Lock::<T>::insert((coldkey, netuid, hotkey), state);
            LockingColdkeys::<T>::insert((netuid, hotkey, coldkey), ());
        }
    }

    /// What locks of one kind behind a hotkey come to by now.
    pub(super) fn bucket(netuid: NetUid, hotkey: &T::AccountId, kind: Kind) -> Locked {
        let state = match (kind.owner, kind.perpetual) {
            (false, false) => DecayingHotkeyLock::<T>::get(netuid, hotkey),
            (false, true) => HotkeyLock::<T>::get(netuid, hotkey),
            (true, false) => DecayingOwnerLock::<T>::get(netuid),
            (true, true) => OwnerLock::<T>::get(netuid),
        };
        state
            .map_or_else(Locked::default, |state| state.by(Self::block(), Self::lock_rates(), kind))
    }

    pub(super) fn put_bucket(netuid: NetUid, hotkey: &T::AccountId, kind: Kind, bucket: Locked) {
        let bucket = bucket.after(0, Self::lock_rates(), kind);
        let state = (!bucket.is_nothing()).then(|| LockState::at(bucket, Self::block()));
        match (kind.owner, kind.perpetual) {
            (false, false) => put!(DecayingHotkeyLock, (netuid, hotkey), state),
            (false, true) => put!(HotkeyLock, (netuid, hotkey), state),
            (true, false) => put!(DecayingOwnerLock, (netuid), state),
            (true, true) => put!(OwnerLock, (netuid), state),
        }
    }
}
