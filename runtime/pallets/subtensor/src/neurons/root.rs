//! Seats on root: free while there are any, then for whoever has more stake there than the holder
//! with the least.
//!
//! An interval has three times as many registrations as root's `TargetRegistrationsPerInterval`. As
//! publicly, a new one begins with every block in which an epoch of root would be due; but root has
//! no epoch that would put the next one off, so the first interval is as long as root's tempo, and
//! each block after it is one.

use crate::{subnets::ROOT_SEATS, *};
use frame_support::ensure;
use sp_runtime::DispatchResult;

/// Blocks of the first interval: root's tempo on the public chain.
const FIRST_INTERVAL: u64 = 100;

/// Registrations of an interval for each that is aimed at. The public chain's value.
const PER_TARGET: u16 = 3;

impl<T: Config> Pallet<T> {
    /// Begins a new interval of registrations on root, if this block does.
    pub(crate) fn begin_root_interval(now: u64) {
        if now >= FIRST_INTERVAL {
            RegistrationsThisInterval::<T>::remove(NetUid::ROOT);
        }
    }

    pub(crate) fn do_root_register(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
    ) -> DispatchResult {
        let root = NetUid::ROOT;
        ensure!(
            RegistrationsThisBlock::<T>::get(root) < MaxRegistrationsPerBlock::<T>::get(root),
            Error::<T>::TooManyRegistrationsThisBlock
        );
        let most = TargetRegistrationsPerInterval::<T>::get(root).saturating_mul(PER_TARGET);
        ensure!(
            RegistrationsThisInterval::<T>::get(root) < most,
            Error::<T>::TooManyRegistrationsThisInterval
        );
        ensure!(
            !Uids::<T>::contains_key(root, hotkey),
            Error::<T>::HotKeyAlreadyRegisteredInSubNet
        );
        Self::associate_for_registration(coldkey, hotkey)?;
        let uid = match SubnetworkN::<T>::get(root) < ROOT_SEATS {
            true => Self::append_neuron(root, hotkey)?,
            false => {
                let (least, uid) = Keys::<T>::iter_prefix(root)
                    .map(|(uid, holder)| (TotalHotkeyAlpha::<T>::get(holder, root), uid))
                    .min()
                    .ok_or(Error::<T>::NoNeuronIdAvailable)?;
                ensure!(
                    TotalHotkeyAlpha::<T>::get(hotkey, root) > least,
                    Error::<T>::StakeTooLowForRoot
                );
                Self::replace_neuron(root, uid, hotkey);
                uid
            }
        };
        Self::become_delegate(coldkey, hotkey);
        RegistrationsThisBlock::<T>::mutate(root, |n| *n = n.saturating_add(1));
        RegistrationsThisInterval::<T>::mutate(root, |n| *n = n.saturating_add(1));
        Self::deposit_event(Event::NeuronRegistered(root, uid, hotkey.clone()));
        Ok(())
    }
}
