//! Leased subnets: a crowdloan pays for one, an account that nobody holds the key of owns it, the
//! crowdloan's creator runs it as that account's proxy, and those who gave share what its owner
//! earns (subtensor's `subnets/leasing.rs`).
//!
//! Of the owner's cut `emissions_share` is for contributors, by what each gave, and what they leave
//! of it for the beneficiary. It is staked as the lease's own and paid out with the first epoch
//! after each [`INTERVAL`] of blocks.
//!
//! What differs from the public chain, where otherwise somebody's money would be lost or held up:
//! - Publicly dividends are paid in epochs whose block is a multiple of the interval, which a subnet
//!   may never meet; here the first epoch beyond one does.
//! - A contributor whose account could not hold a refund, or has as many positions of stake as it
//!   may, does not hold up the others: its refund is the beneficiary's, its dividends wait for it
//!   (as publicly since `SubnetLeaseUnpaidDividends`).
//! - When a lease ends, or its subnet does, contributors get what waits for them, and the
//!   beneficiary the lease's own stake and balance; publicly they stay with an account that nobody
//!   can sign for. Whoever cannot be paid then either is paid later, as publicly: what the lease owes
//!   stays staked as its own, and every epoch, and the beneficiary's ending it again, tries it. With
//!   the end of the subnet it is paid whatever happens, in TAO.
//! - With a coldkey's swap its lease and its shares go along.

use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::lease::{dividend, refund, share};
use codec::{Decode, Encode};
use frame_support::{
    ensure,
    storage::with_storage_layer,
    traits::{
        fungible::{Inspect, Mutate},
        tokens::{Fortitude, Preservation},
    },
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::TrailingZeroInput, DispatchError, DispatchResult, PerU16, Percent};
use substrate_fixed::types::U64F64;

/// Blocks after which a lease's dividends are paid out. The public chain's value.
pub(crate) const INTERVAL: u32 = 100;

/// Those who may have given to a crowdloan: as many as the crowdloans' own limit.
pub(crate) const CONTRIBUTORS_MAX: u32 = 500;

impl<T: Config> Pallet<T> {
    /// Registers a subnet with what the crowdloan that is being finalized raised; answers how many
    /// gave to it.
    pub(crate) fn do_register_leased_network(
        who: &T::AccountId,
        emissions_share: Percent,
        end_block: Option<BlockNumberFor<T>>,
    ) -> Result<u32, DispatchError> {
        let funding = T::Leasing::funding()?;
        ensure!(*who == funding.creator, Error::<T>::InvalidLeaseBeneficiary);
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(end_block.is_none_or(|end| end > now), Error::<T>::LeaseCannotEndInThePast);
        let lease_id = NextSubnetLeaseId::<T>::get();
        NextSubnetLeaseId::<T>::put(lease_id.checked_add(1).ok_or(Error::<T>::Overflow)?);

        let coldkey = Self::lease_account("leasing/coldkey", lease_id)?;
        let hotkey = Self::lease_account("leasing/hotkey", lease_id)?;
        // Neither dies when all its balance is given back.
        frame_system::Pallet::<T>::inc_providers(&coldkey);
        frame_system::Pallet::<T>::inc_providers(&hotkey);
        let raised = funding.raised.rao();
        T::Currency::transfer(&funding.account, &coldkey, raised, Preservation::Expendable)?;
        Self::do_register_network(&coldkey, &hotkey, None)?;
        let netuid = Self::subnets()
            .into_iter()
            .find(|netuid| Self::owns_subnet(&coldkey, *netuid))
            .ok_or(Error::<T>::LeaseNetuidNotFound)?;
        T::Leasing::let_act(&coldkey, who)?;
        // Contributors have all of what their stake behind it earns.
        Delegates::<T>::insert(&hotkey, PerU16::zero());

        let left = T::Currency::balance(&coldkey);
        let cost = TaoBalance::new(raised.saturating_sub(left));
        let given = count(&funding.contributions);
        for (contributor, amount) in funding.contributions {
            if contributor == *who {
                continue;
            }
            let share = share(amount, raised);
            SubnetLeaseShares::<T>::insert(lease_id, &contributor, U64F64::from_bits(share));
            Self::give_back(&coldkey, &contributor, refund(share, left));
        }
        Self::give_back(&coldkey, who, T::Currency::balance(&coldkey));

        let beneficiary = who.clone();
        let lease =
            SubnetLease { beneficiary, coldkey, hotkey, emissions_share, end_block, netuid, cost };
        SubnetLeases::<T>::insert(lease_id, lease);
        SubnetUidToLeaseId::<T>::insert(netuid, lease_id);
        let beneficiary = who.clone();
        Self::deposit_event(Event::SubnetLeaseCreated { beneficiary, lease_id, netuid, end_block });
        Ok(given)
    }

    /// Ends a lease after its time: the subnet becomes the beneficiary's, with `hotkey`; answers how
    /// many had a share of it. Where debts were left, it may be called again to try those.
    pub(crate) fn do_terminate_lease(
        who: &T::AccountId,
        lease_id: LeaseId,
        hotkey: &T::AccountId,
    ) -> Result<u32, DispatchError> {
        let lease = SubnetLeases::<T>::get(lease_id).ok_or(Error::<T>::LeaseDoesNotExist)?;
        ensure!(lease.beneficiary == *who, Error::<T>::ExpectedBeneficiaryOrigin);
        let end = lease.end_block.ok_or(Error::<T>::LeaseHasNoEndBlock)?;
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(now >= end, Error::<T>::LeaseHasNotEnded);
        ensure!(Self::owns(who, hotkey), Error::<T>::BeneficiaryDoesNotOwnHotkey);
        let netuid = lease.netuid;
        let sharers = match Self::is_handed_over(&lease) {
            true => Self::pay_lease_debts(lease_id, &lease),
            false => {
                let sharers = Self::settle_lease(lease_id, &lease);
                SubnetOwner::<T>::insert(netuid, who);
                Self::set_owner_hotkey(netuid, hotkey);
                Self::deposit_event(Event::SubnetOwnerHotkeySet(netuid, hotkey.clone()));
                sharers
            }
        };
        Self::forget_lease_without_debts(lease_id, &lease);
        let beneficiary = lease.beneficiary;
        Self::deposit_event(Event::SubnetLeaseTerminated { beneficiary, netuid });
        Ok(sharers)
    }

    /// The subnet ends, and with it its lease, if it has one. Whoever could not be paid because it
    /// may have no further position is paid behind a hotkey that it has stake behind already: what is
    /// there becomes TAO at once.
    pub(super) fn end_lease_of(netuid: NetUid) {
        let Some(lease_id) = SubnetUidToLeaseId::<T>::take(netuid) else { return };
        let Some(lease) = SubnetLeases::<T>::get(lease_id) else { return };
        match Self::is_handed_over(&lease) {
            true => Self::pay_lease_debts(lease_id, &lease),
            false => Self::settle_lease(lease_id, &lease),
        };
        let debts: Vec<_> = SubnetLeaseUnpaidDividends::<T>::drain_prefix(lease_id).collect();
        for (creditor, owed) in debts {
            let amount = owed.min(Self::lease_stake(&lease, owed));
            if let Some(known) = StakingHotkeys::<T>::get(&creditor).first() {
                // What still cannot be paid would be less than a share of stake.
                let _ = Self::hand_over(&lease, &creditor, Some(known), amount);
            }
        }
        Self::forget_lease_without_debts(lease_id, &lease);
    }

    /// Whether a lease has been ended, so that nothing is left of it but debts.
    fn is_handed_over(lease: &SubnetLease<T::AccountId, BlockNumberFor<T>>) -> bool {
        !Self::owns_subnet(&lease.coldkey, lease.netuid)
    }

    /// Sets aside what contributors are to have of a cut that the owner was just paid, and pays out
    /// what is set aside if an interval has passed since the last epoch; answers to how many. Of a
    /// lease that was ended it tries the debts.
    pub(crate) fn share_owner_cut(netuid: NetUid, cut: AlphaBalance) -> u32 {
        let Some(lease_id) = SubnetUidToLeaseId::<T>::get(netuid) else { return 0 };
        let Some(lease) = SubnetLeases::<T>::get(lease_id) else { return 0 };
        if Self::is_handed_over(&lease) {
            let tried = Self::pay_lease_debts(lease_id, &lease);
            Self::forget_lease_without_debts(lease_id, &lease);
            return tried;
        }
        let now = frame_system::Pallet::<T>::block_number();
        if lease.end_block.is_some_and(|end| end <= now) {
            return 0;
        }
        let shared = lease.emissions_share.mul_ceil(cut.rao());
        AccumulatedLeaseDividends::<T>::mutate(lease_id, |sum| {
            *sum = AlphaBalance::new(sum.rao().saturating_add(shared));
        });
        let passed = |block: u64| block.checked_div(INTERVAL.into());
        if passed(Self::block()) == passed(LastMechansimStepBlock::<T>::get(netuid)) {
            return 0;
        }
        Self::pay_lease_dividends(lease_id, &lease)
    }

    /// Pays out what is set aside; answers to how many. Where the lease has less (shares round
    /// down), what is missing stays set aside.
    fn pay_lease_dividends(
        lease_id: LeaseId,
        lease: &SubnetLease<T::AccountId, BlockNumberFor<T>>,
    ) -> u32 {
        let owed = AccumulatedLeaseDividends::<T>::get(lease_id);
        let debts = Self::lease_debts(lease_id);
        let there = Self::lease_stake(lease, owed.saturating_add(debts));
        let sum = owed.min(there.saturating_sub(debts));
        match owed.saturating_sub(sum) {
            AlphaBalance::ZERO => AccumulatedLeaseDividends::<T>::remove(lease_id),
            missing => AccumulatedLeaseDividends::<T>::insert(lease_id, missing),
        }
        let shares: Vec<_> = SubnetLeaseShares::<T>::iter_prefix(lease_id).collect();
        let mut rest = sum.rao();
        for (contributor, share) in &shares {
            let amount = dividend(share.to_bits(), sum.rao()).min(rest);
            rest = rest.saturating_sub(amount);
            Self::pay_from_lease(lease_id, lease, contributor, AlphaBalance::new(amount));
        }
        Self::pay_from_lease(lease_id, lease, &lease.beneficiary, AlphaBalance::new(rest));
        count(&shares).saturating_add(1)
    }

    /// Pays what could not be paid before, as far as it can be now, and what nobody else has to get
    /// to the beneficiary; answers how many it tried.
    fn pay_lease_debts(
        lease_id: LeaseId,
        lease: &SubnetLease<T::AccountId, BlockNumberFor<T>>,
    ) -> u32 {
        let debts: Vec<_> = SubnetLeaseUnpaidDividends::<T>::iter_key_prefix(lease_id).collect();
        for creditor in debts.iter().filter(|creditor| **creditor != lease.beneficiary) {
            Self::pay_from_lease(lease_id, lease, creditor, AlphaBalance::ZERO);
        }
        SubnetLeaseUnpaidDividends::<T>::remove(lease_id, &lease.beneficiary);
        let all = Self::lease_stake(lease, AlphaBalance::new(u64::MAX));
        let rest = all.saturating_sub(Self::lease_debts(lease_id));
        Self::pay_from_lease(lease_id, lease, &lease.beneficiary, rest);
        count(&debts).saturating_add(1)
    }

    /// What waits for those who could not be paid.
    fn lease_debts(lease_id: LeaseId) -> AlphaBalance {
        SubnetLeaseUnpaidDividends::<T>::iter_prefix_values(lease_id)
            .fold(AlphaBalance::ZERO, AlphaBalance::saturating_add)
    }

    /// Pays `amount` to `creditor`, and what waits for it. What cannot be paid waits.
    fn pay_from_lease(
        lease_id: LeaseId,
        lease: &SubnetLease<T::AccountId, BlockNumberFor<T>>,
        creditor: &T::AccountId,
        amount: AlphaBalance,
    ) {
        let unpaid = SubnetLeaseUnpaidDividends::<T>::take(lease_id, creditor);
        let owed = amount.saturating_add(unpaid);
        let alpha = owed.min(Self::lease_stake(lease, owed));
        let paid = !alpha.is_zero() && Self::hand_over(lease, creditor, None, alpha).is_ok();
        let left = if paid { owed.saturating_sub(alpha) } else { owed };
        if !left.is_zero() {
            SubnetLeaseUnpaidDividends::<T>::insert(lease_id, creditor, left);
        }
        if paid {
            let contributor = creditor.clone();
            Self::deposit_event(Event::SubnetLeaseDividendsDistributed {
                lease_id,
                contributor,
                alpha,
            });
        }
    }

    /// The hotkeys that a lease has stake behind, those that its cuts went to first.
    fn lease_hotkeys(
        lease: &SubnetLease<T::AccountId, BlockNumberFor<T>>,
    ) -> impl Iterator<Item = T::AccountId> {
        let first = SubnetOwnerHotkey::<T>::get(lease.netuid);
        let others = StakingHotkeys::<T>::get(&lease.coldkey);
        let mut seen = false;
        // The first is in the list as well, if there is anything behind it.
        core::iter::once(first.clone()).chain(others.into_iter().filter(move |hotkey| {
            let again = *hotkey == first && !seen;
            seen |= again;
            !again
        }))
    }

    /// What a lease has staked, as far as `enough`: more is not looked for.
    fn lease_stake(
        lease: &SubnetLease<T::AccountId, BlockNumberFor<T>>,
        enough: AlphaBalance,
    ) -> AlphaBalance {
        let mut sum = AlphaBalance::ZERO;
        for hotkey in Self::lease_hotkeys(lease) {
            let there = Self::stake_of(&hotkey, &lease.coldkey, lease.netuid);
            sum = sum.saturating_add(there);
            if sum >= enough {
                break;
            }
        }
        sum
    }

    /// Makes `amount` of a lease's stake `creditor`'s, all or nothing: behind the hotkeys that it is
    /// behind now, or behind `another`.
    fn hand_over(
        lease: &SubnetLease<T::AccountId, BlockNumberFor<T>>,
        creditor: &T::AccountId,
        another: Option<&T::AccountId>,
        amount: AlphaBalance,
    ) -> DispatchResult {
        let (coldkey, netuid) = (&lease.coldkey, lease.netuid);
        with_storage_layer(|| {
            let mut rest = amount;
            for hotkey in Self::lease_hotkeys(lease) {
                let part = rest.min(Self::stake_of(&hotkey, coldkey, netuid));
                if part.is_zero() {
                    continue;
                }
                Self::decrease_stake(&hotkey, coldkey, netuid, part)?;
                Self::increase_stake(another.unwrap_or(&hotkey), creditor, netuid, part)?;
                rest = rest.saturating_sub(part);
                if rest.is_zero() {
                    break;
                }
            }
            ensure!(rest.is_zero(), Error::<T>::NotEnoughStakeToWithdraw);
            Self::fit_lock(coldkey, netuid);
            Ok(())
        })
    }

    /// Gives everybody what is theirs of a lease, as far as they can be given it; answers how many
    /// had a share. What is left of it is debts.
    fn settle_lease(
        lease_id: LeaseId,
        lease: &SubnetLease<T::AccountId, BlockNumberFor<T>>,
    ) -> u32 {
        let sharers = Self::pay_lease_dividends(lease_id, lease);
        let _ = SubnetLeaseShares::<T>::clear_prefix(lease_id, u32::MAX, None);
        AccumulatedLeaseDividends::<T>::remove(lease_id);
        Self::pay_lease_debts(lease_id, lease);
        // The proxy may have been removed by the beneficiary itself.
        let _ = with_storage_layer(|| T::Leasing::stop_acting(&lease.coldkey, &lease.beneficiary));
        let balance = T::Currency::reducible_balance(
            &lease.coldkey,
            Preservation::Expendable,
            Fortitude::Polite,
        );
        Self::give_back(&lease.coldkey, &lease.beneficiary, balance);
        // What is left there, if anything, keeps the account.
        let _ = frame_system::Pallet::<T>::dec_providers(&lease.coldkey);
        let _ = frame_system::Pallet::<T>::dec_providers(&lease.hotkey);
        sharers
    }

    /// Forgets a lease that owes nobody anything, or has nothing to pay it with.
    fn forget_lease_without_debts(
        lease_id: LeaseId,
        lease: &SubnetLease<T::AccountId, BlockNumberFor<T>>,
    ) {
        let something = AlphaBalance::new(1);
        let owes = SubnetLeaseUnpaidDividends::<T>::iter_key_prefix(lease_id).next().is_some();
        if owes && !Self::lease_stake(lease, something).is_zero() {
            return;
        }
        let _ = SubnetLeaseUnpaidDividends::<T>::clear_prefix(lease_id, u32::MAX, None);
        SubnetLeases::<T>::remove(lease_id);
        SubnetUidToLeaseId::<T>::remove(lease.netuid);
    }

    /// A coldkey gives a lease that it is the beneficiary of, or has a share of, to another.
    pub(crate) fn give_lease(
        netuid: NetUid,
        old: &T::AccountId,
        new: &T::AccountId,
    ) -> DispatchResult {
        let Some(lease_id) = SubnetUidToLeaseId::<T>::get(netuid) else { return Ok(()) };
        if SubnetLeaseShares::<T>::contains_key(lease_id, old) {
            let share = SubnetLeaseShares::<T>::take(lease_id, old).to_bits();
            SubnetLeaseShares::<T>::mutate(lease_id, new, |sum| {
                *sum = U64F64::from_bits(sum.to_bits().saturating_add(share));
            });
        }
        let unpaid = SubnetLeaseUnpaidDividends::<T>::take(lease_id, old);
        if !unpaid.is_zero() {
            SubnetLeaseUnpaidDividends::<T>::mutate(lease_id, new, |sum| {
                *sum = AlphaBalance::new(sum.rao().saturating_add(unpaid.rao()));
            });
        }
        SubnetLeases::<T>::try_mutate(lease_id, |lease| {
            let Some(lease) = lease.as_mut().filter(|lease| lease.beneficiary == *old) else {
                return Ok(());
            };
            if !Self::is_handed_over(lease) {
                T::Leasing::stop_acting(&lease.coldkey, old)?;
                T::Leasing::let_act(&lease.coldkey, new)?;
            }
            lease.beneficiary = new.clone();
            Ok(())
        })
    }

    /// Gives balance of a lease to somebody. What an account could not hold stays.
    fn give_back(from: &T::AccountId, to: &T::AccountId, amount: u64) {
        if amount > 0 {
            let _ = with_storage_layer(|| {
                T::Currency::transfer(from, to, amount, Preservation::Expendable)
            });
        }
    }

    fn lease_account(kind: &str, lease_id: LeaseId) -> Result<T::AccountId, Error<T>> {
        let entropy = (kind, lease_id).using_encoded(sp_io::hashing::blake2_256);
        T::AccountId::decode(&mut TrailingZeroInput::new(&entropy))
            .map_err(|_| Error::<T>::InvalidValue)
    }
}
