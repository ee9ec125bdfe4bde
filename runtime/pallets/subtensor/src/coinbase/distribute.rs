//! Pays what an epoch decided (subtensor.md 8).
//!
//! An epoch divides everything that is pending but the owner's cut. What stake earned is divided by
//! the stake that the epoch saw, so proportions are taken before anybody is paid; then come the
//! owner, miners, alpha stakers and root stakers, in this order. Validators' pot is what was
//! pending for them, and miners' too if no miner earned. Since shares are rounded, and since
//! mechanisms may differ in how much of theirs miners earn, the pots are cut to what miners left,
//! and what no pot could pay is recycled.

use crate::epoch::NeuronPay;
use crate::*;
use assay_arithmetic::coinbase::share_bits;
use sp_runtime::{DispatchError, DispatchResult};
use substrate_fixed::types::U96F32;

/// What waits for an epoch.
struct Pending {
    owner: AlphaBalance,
    server: AlphaBalance,
    validator: AlphaBalance,
    root: AlphaBalance,
}

impl<T: Config> Pallet<T> {
    /// Runs a subnet's epoch and pays it. An error undoes everything but `load`, which counts what
    /// was done up to it.
    pub(super) fn pay_epoch(netuid: NetUid, block: u64, load: &mut EpochLoad) -> DispatchResult {
        let pending = Self::take_pending(netuid);
        let local = pending.server.plus(pending.validator)?;
        let total = local.plus(pending.root)?;
        let pays = Self::run_epochs(netuid, block, total, local, load)?;
        let earned = Self::earned_by_hotkey(netuid, &pays);
        load.earners = count(&earned);
        let mined = pays.iter().try_fold(AlphaBalance::ZERO, |sum, pay| sum.plus(pay.server))?;

        let unclaimed = Self::pay_owner(netuid, pending.owner, load);
        let burned = Self::pay_miners(netuid, &pays)?;
        let unmined = total.minus(mined)?;
        let root = pending.root.min(unmined);
        let idle = if mined.is_zero() { pending.server } else { AlphaBalance::ZERO };
        let local = pending.validator.plus(idle)?.min(unmined.minus(root)?);
        let paid = Self::pay_validators(netuid, &earned, local, root)?;
        Self::recycle_alpha_out(netuid, unmined.minus(paid)?.plus(unclaimed)?);

        let bits = share_bits(burned.rao(), mined.rao());
        MinerBurned::<T>::insert(netuid, U96F32::from_bits(bits.into()));
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
    ) -> Result<AlphaBalance, DispatchError> {
        let owner = SubnetOwner::<T>::get(netuid);
        let owner_hotkey = SubnetOwnerHotkey::<T>::get(netuid);
        let mut burned = AlphaBalance::ZERO;
        for NeuronPay { hotkey, server, .. } in pays.iter().filter(|pay| !pay.server.is_zero()) {
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

    /// Stakes the owner's cut behind the owner's hotkey; answers what could not be. Of a leased
    /// subnet others share in it.
    fn pay_owner(netuid: NetUid, cut: AlphaBalance, load: &mut EpochLoad) -> AlphaBalance {
        let (hotkey, coldkey) =
            (SubnetOwnerHotkey::<T>::get(netuid), SubnetOwner::<T>::get(netuid));
        let staked = !cut.is_zero()
            && Owner::<T>::contains_key(&hotkey)
            && Self::increase_stake(&hotkey, &coldkey, netuid, cut).is_ok();
        // Also without a cut something may be set aside or owed.
        let shared = if staked { cut } else { AlphaBalance::ZERO };
        load.moved = Self::share_owner_cut(netuid, shared);
        if staked {
            Self::lock_owner_cut(netuid, cut);
            AlphaBalance::ZERO
        } else {
            cut
        }
    }
}
