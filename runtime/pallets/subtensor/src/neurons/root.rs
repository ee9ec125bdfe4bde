//! Seats on root: free while there are any, then for whoever has more stake there than the holder
//! with the least.

use crate::{subnets::ROOT_SEATS, *};
use frame_support::ensure;
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_root_register(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
    ) -> DispatchResult {
        let root = NetUid::ROOT;
        ensure!(
            RegistrationsThisBlock::<T>::get(root) < MaxRegistrationsPerBlock::<T>::get(root),
            Error::<T>::TooManyRegistrationsThisBlock
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
        Self::deposit_event(Event::NeuronRegistered(root, uid, hotkey.clone()));
        Ok(())
    }
}
