//! Registering a neuron by paying the subnet's price.
//!
//! The price buys alpha that is recycled at once. It rises with each registration and falls with
//! every block, between bounds that the owner sets.

use crate::*;
use assay_arithmetic::burn::{decay_price, raise_price};
use frame_support::ensure;
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    /// Registers `hotkey` for `coldkey`, if a slot costs no more than `limit`.
    pub(crate) fn do_burned_register(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
        limit: Option<TaoBalance>,
    ) -> DispatchResult {
        let price = Self::check_registration(coldkey, netuid, hotkey)?;
        ensure!(
            limit.is_none_or(|limit| price <= limit),
            Error::<T>::RegistrationPriceLimitExceeded
        );
        Self::associate_for_registration(coldkey, hotkey)?;

        Self::take_tao(coldkey, price)?;
        let bought = Self::buy_alpha(netuid, price, None, false)?;
        Self::pay_fee(netuid, bought.fee)?;
        SubnetAlphaOut::<T>::try_mutate(netuid, |alpha| -> DispatchResult {
            *alpha = alpha.minus(bought.alpha_out)?;
            Ok(())
        })?;
        RAORecycledForRegistration::<T>::try_mutate(netuid, |rao| -> DispatchResult {
            *rao = rao.plus(price)?;
            Ok(())
        })?;

        Self::raise_burn(netuid);
        Self::take_slot(netuid, hotkey)
    }

    /// Gives `hotkey` a free slot, or that of the neuron which has to go. Its caller has checked
    /// all else that a registration asks for.
    pub(crate) fn take_slot(netuid: NetUid, hotkey: &T::AccountId) -> DispatchResult {
        let uid = match SubnetworkN::<T>::get(netuid) < MaxAllowedUids::<T>::get(netuid) {
            true => Self::append_neuron(netuid, hotkey)?,
            false => {
                let uid = Self::neuron_to_prune(netuid).ok_or(Error::<T>::NoNeuronIdAvailable)?;
                Self::replace_neuron(netuid, uid, hotkey);
                uid
            }
        };
        RegistrationsThisBlock::<T>::mutate(netuid, |n| *n = n.saturating_add(1));
        Self::deposit_event(Event::NeuronRegistered(netuid, uid, hotkey.clone()));
        Ok(())
    }

    /// Whether `coldkey` may register `hotkey` now; answers the price.
    pub(crate) fn check_registration(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
    ) -> Result<TaoBalance, Error<T>> {
        ensure!(!netuid.is_root(), Error::<T>::RegistrationNotPermittedOnRootSubnet);
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            NetworkRegistrationAllowed::<T>::get(netuid),
            Error::<T>::SubNetRegistrationDisabled
        );
        Self::check_registrant(coldkey, netuid, hotkey)?;
        let price = Burn::<T>::get(netuid);
        ensure!(Self::spendable(coldkey) >= price, Error::<T>::NotEnoughBalanceToStake);
        Ok(price)
    }

    /// Whether this block has room for one more registration, and `hotkey` is `coldkey`'s or
    /// nobody's, and not on the subnet.
    pub(crate) fn check_registrant(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
    ) -> Result<(), Error<T>> {
        ensure!(
            RegistrationsThisBlock::<T>::get(netuid) < MaxRegistrationsPerBlock::<T>::get(netuid),
            Error::<T>::TooManyRegistrationsThisBlock
        );
        ensure!(
            !Uids::<T>::contains_key(netuid, hotkey),
            Error::<T>::HotKeyAlreadyRegisteredInSubNet
        );
        ensure!(
            !Self::hotkey_exists(hotkey) || Self::owns(coldkey, hotkey),
            Error::<T>::NonAssociatedColdKey
        );
        Ok(())
    }

    fn raise_burn(netuid: NetUid) {
        let raised = raise_price(
            Burn::<T>::get(netuid).rao(),
            BurnIncreaseMult::<T>::get(netuid).to_bits(),
            MinBurn::<T>::get(netuid).rao(),
            MaxBurn::<T>::get(netuid).rao(),
        );
        Burn::<T>::insert(netuid, TaoBalance::new(raised));
    }

    /// Starts the block's count of registrations anew, lets prices fall and difficulties follow.
    pub(crate) fn begin_block_registrations() {
        let _ = RegistrationsThisBlock::<T>::clear(u32::MAX, None);
        let now = Self::block();
        Self::begin_root_interval(now);
        for netuid in Self::subnets() {
            Self::adjust_difficulty(netuid, now);
            let price = Burn::<T>::get(netuid);
            let (low, high) = (MinBurn::<T>::get(netuid), MaxBurn::<T>::get(netuid));
            // A price at its floor, the usual case, costs no arithmetic and no write.
            if price == low && low <= high {
                continue;
            }
            let half_life = BurnHalfLife::<T>::get(netuid);
            let fallen = decay_price(price.rao(), half_life, low.rao(), high.rao());
            Burn::<T>::insert(netuid, TaoBalance::new(fallen));
        }
    }
}
