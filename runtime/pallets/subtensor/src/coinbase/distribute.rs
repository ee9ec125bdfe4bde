//! Pays what an epoch decided (survey 4.8).
//!
//! An epoch divides everything that is pending but the owner's cut. Miners are paid first, root
//! keeps what was set aside for it, and validators have the rest: by the survey's rule that is
//! their pending half, or everything if no miner earned, and put this way it can never come to more
//! than there is.

use crate::epoch::NeuronPay;
use crate::*;
use assay_arithmetic::coinbase::share_bits;
use sp_runtime::{ArithmeticError, DispatchError, DispatchResult};
use substrate_fixed::types::U96F32;

/// What waits for an epoch.
struct Pending {
    owner: AlphaBalance,
    server: AlphaBalance,
    validator: AlphaBalance,
    root: AlphaBalance,
}

impl<T: Config> Pallet<T> {
    /// Runs a subnet's epoch and pays it. An error undoes everything.
    pub(super) fn pay_epoch(netuid: NetUid, block: u64) -> DispatchResult {
        let pending = Self::take_pending(netuid);
        let total = pending.server.plus(pending.validator)?.plus(pending.root)?;
        let pays = Self::run_epochs(netuid, block, total)?;

        let mut unpaid = total;
        let burned = Self::pay_miners(netuid, &pays, &mut unpaid)?;
        let root = pending.root.min(unpaid);
        let local = unpaid.minus(root)?;
        let leftover = Self::pay_validators(netuid, &pays, local, root)?;
        let unclaimed = Self::pay_owner(netuid, pending.owner)?;
        Self::recycle_alpha_out(netuid, leftover.plus(unclaimed)?);

        let earned = pays.iter().try_fold(AlphaBalance::ZERO, |sum, pay| sum.plus(pay.server))?;
        let bits = share_bits(burned.rao(), earned.rao());
        MinerBurned::<T>::insert(netuid, U96F32::from_bits(bits.into()));
        Self::note_epoch_stake(netuid, &pays);
        Ok(())
    }

    fn take_pending(netuid: NetUid) -> Pending {
        Pending {
            owner: PendingOwnerCut::<T>::take(netuid),
            server: PendingServerEmission::<T>::take(netuid),
            validator: PendingValidatorEmission::<T>::take(netuid),
            root: PendingRootAlphaDivs::<T>::take(netuid),
        }
    }

    /// Stakes what miners earned behind their hotkeys, or where their coldkey chose. The owner's
    /// own hotkeys earn nothing: their part is burned or recycled; answers how much that was.
    fn pay_miners(
        netuid: NetUid,
        pays: &[NeuronPay<T::AccountId>],
        unpaid: &mut AlphaBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        let owner = SubnetOwner::<T>::get(netuid);
        let owner_hotkey = SubnetOwnerHotkey::<T>::get(netuid);
        let mut burned = AlphaBalance::ZERO;
        for NeuronPay { hotkey, server, .. } in pays.iter().filter(|pay| !pay.server.is_zero()) {
            *unpaid = unpaid.minus(*server)?;
            let coldkey = Owner::<T>::get(hotkey);
            if coldkey == owner || *hotkey == owner_hotkey {
                Self::remove_alpha_out(netuid, *server);
                burned = burned.plus(*server)?;
                continue;
            }
            let chosen = AutoStakeDestination::<T>::get(&coldkey, netuid);
            let destination = chosen.clone().unwrap_or_else(|| hotkey.clone());
            if Self::increase_stake(&destination, &coldkey, netuid, *server).is_err() {
                // The coldkey has as many positions as it may: the alpha was never earned.
                Self::recycle_alpha_out(netuid, *server);
                continue;
            }
            if chosen.is_some() {
                Self::deposit_event(Event::AutoStakeAdded {
                    netuid,
                    destination,
                    hotkey: hotkey.clone(),
                    owner: coldkey,
                    incentive: *server,
                });
            }
        }
        Ok(burned)
    }

    /// Burns or recycles alpha that nobody is to have, as the subnet prefers.
    pub(crate) fn remove_alpha_out(netuid: NetUid, amount: AlphaBalance) {
        match RecycleOrBurn::<T>::get(netuid) {
            RecycleOrBurnKind::Burn => Self::burn_alpha_out(netuid, amount),
            RecycleOrBurnKind::Recycle => Self::recycle_alpha_out(netuid, amount),
        }
    }

    /// Stakes the owner's cut behind the owner's hotkey; answers what could not be.
    fn pay_owner(netuid: NetUid, cut: AlphaBalance) -> Result<AlphaBalance, ArithmeticError> {
        let (hotkey, coldkey) =
            (SubnetOwnerHotkey::<T>::get(netuid), SubnetOwner::<T>::get(netuid));
        let staked = !cut.is_zero()
            && Owner::<T>::contains_key(&hotkey)
            && Self::increase_stake(&hotkey, &coldkey, netuid, cut).is_ok();
        Ok(if staked { AlphaBalance::ZERO } else { cut })
    }

    /// Remembers the stake of this epoch, for clients that compute yields.
    fn note_epoch_stake(netuid: NetUid, pays: &[NeuronPay<T::AccountId>]) {
        for NeuronPay { hotkey, .. } in pays {
            let alpha = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
            TotalHotkeyAlphaLastEpoch::<T>::insert(hotkey, netuid, alpha);
        }
    }
}
