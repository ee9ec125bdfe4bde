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
//! - Stake is handed over one hotkey at a time, the lease's own and then the largest positions
//!   first, and no more at a time than there are limits for: whoever gives a lease and its
//!   beneficiary dust behind so many hotkeys that one coldkey cannot have it all holds up that dust
//!   alone. Publicly all of a lease's stake is behind its own hotkey as far as payments know.
//! - With a coldkey's swap its lease and its shares go along.

use crate::{staking::MAX_HOTKEYS_PER_COLDKEY, *};
use alloc::{collections::BTreeSet, vec::Vec};
use assay_arithmetic::lease::{dividend, refund, share};
use codec::{Decode, Encode};
use core::cmp::Reverse;
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

/// Positions of stake moved, or tried, for all creditors of a lease at a time: as many as the weight
/// of ending a lease is declared for, of which each creditor has one.
const MOVES_AT_A_TIME: u32 = CONTRIBUTORS_MAX;

/// Those of them for one creditor. A lease has its cuts behind one hotkey, or a few if its subnet
/// changed them; what is behind more was given by others, and can wait for the next epoch.
const MOVES_PER_CREDITOR: u32 = 16;

/// Hotkeys of a lease that are looked at in the time in which one position is moved, or less.
const LOOKS_PER_MOVE: u32 = 32;

/// Contributors' shares that are read and removed in that time.
const SHARES_PER_MOVE: u32 = 10;

/// What paying for a lease takes at most, in moves.
pub(crate) const LEASE_MOVES_MAX: u32 = MOVES_AT_A_TIME
    .saturating_add((MAX_HOTKEYS_PER_COLDKEY as u32).div_ceil(LOOKS_PER_MOVE))
    .saturating_add(CONTRIBUTORS_MAX.div_ceil(SHARES_PER_MOVE));

/// What a lease has staked, and how many positions of it may be moved still.
struct Till<AccountId> {
    /// Hotkeys, and what is behind each, in the order in which they are paid from.
    positions: Vec<(AccountId, AlphaBalance)>,
    /// Moves left.
    moves: u32,
    /// What looking for the positions took, in moves.
    looking: u32,
}

impl<AccountId> Till<AccountId> {
    fn sum(&self) -> AlphaBalance {
        self.positions.iter().fold(AlphaBalance::ZERO, |sum, (_, there)| sum.saturating_add(*there))
    }
}

type LeaseOf<T> = SubnetLease<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;

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
    /// many positions it moved or tried. Where debts were left, it may be called again to try those.
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
        let moved = match Self::is_handed_over(&lease) {
            true => Self::retry_lease_debts(lease_id, &lease),
            false => {
                let moved = Self::settle_lease(lease_id, &lease);
                SubnetOwner::<T>::insert(netuid, who);
                Self::set_owner_hotkey(netuid, hotkey);
                Self::deposit_event(Event::SubnetOwnerHotkeySet(netuid, hotkey.clone()));
                moved
            }
        };
        Self::forget_lease_without_debts(lease_id, &lease);
        let beneficiary = lease.beneficiary;
        Self::deposit_event(Event::SubnetLeaseTerminated { beneficiary, netuid });
        Ok(moved)
    }

    /// The subnet ends, and with it its lease, if it has one. Whoever could not be paid all, because
    /// it may have no further position or there were too many of them, is paid behind a hotkey that
    /// it has stake behind already, without a bound: what is there becomes TAO at once.
    pub(super) fn end_lease_of(netuid: NetUid) {
        let Some(lease_id) = SubnetUidToLeaseId::<T>::take(netuid) else { return };
        let Some(lease) = SubnetLeases::<T>::get(lease_id) else { return };
        match Self::is_handed_over(&lease) {
            true => Self::retry_lease_debts(lease_id, &lease),
            false => Self::settle_lease(lease_id, &lease),
        };
        let mut till = Self::lease_till(&lease);
        let debts: Vec<_> = SubnetLeaseUnpaidDividends::<T>::drain_prefix(lease_id).collect();
        for (creditor, owed) in debts {
            let known = StakingHotkeys::<T>::get(&creditor).into_iter().next();
            // What still cannot be paid would be less than a share of stake.
            let _ = Self::hand_over(&lease, &mut till, &creditor, known.as_ref(), owed, u32::MAX);
        }
        Self::fit_lock(&lease.coldkey, netuid);
        Self::forget_lease_without_debts(lease_id, &lease);
    }

    /// Whether a lease has been ended, so that nothing is left of it but debts.
    fn is_handed_over(lease: &LeaseOf<T>) -> bool {
        !Self::owns_subnet(&lease.coldkey, lease.netuid)
    }

    /// Sets aside what contributors are to have of a cut that the owner was just paid, and pays out
    /// what is set aside if an interval has passed since the last epoch; answers how many positions it
    /// moved or tried. Of a lease that was ended it tries the debts.
    pub(crate) fn share_owner_cut(netuid: NetUid, cut: AlphaBalance) -> u32 {
        let Some(lease_id) = SubnetUidToLeaseId::<T>::get(netuid) else { return 0 };
        let Some(lease) = SubnetLeases::<T>::get(lease_id) else { return 0 };
        if Self::is_handed_over(&lease) {
            let tried = Self::retry_lease_debts(lease_id, &lease);
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
        let till = Self::lease_till(&lease);
        let reading = Self::owe_lease_dividends(lease_id, &lease, &till);
        Self::pay_lease_debts(lease_id, &lease, till).saturating_add(reading)
    }

    /// Owes to everybody their part of what is set aside; answers what that took, in moves. Where the
    /// lease has less (shares round down), what is missing stays set aside.
    fn owe_lease_dividends(
        lease_id: LeaseId,
        lease: &LeaseOf<T>,
        till: &Till<T::AccountId>,
    ) -> u32 {
        let owed = AccumulatedLeaseDividends::<T>::get(lease_id);
        let sum = owed.min(till.sum().saturating_sub(Self::lease_debts(lease_id)));
        match owed.saturating_sub(sum) {
            AlphaBalance::ZERO => AccumulatedLeaseDividends::<T>::remove(lease_id),
            missing => AccumulatedLeaseDividends::<T>::insert(lease_id, missing),
        }
        let (mut rest, mut shares) = (sum.rao(), 0u32);
        for (contributor, share) in SubnetLeaseShares::<T>::iter_prefix(lease_id) {
            shares = shares.saturating_add(1);
            let amount = dividend(share.to_bits(), sum.rao()).min(rest);
            rest = rest.saturating_sub(amount);
            Self::owe_from_lease(lease_id, &contributor, AlphaBalance::new(amount));
        }
        Self::owe_from_lease(lease_id, &lease.beneficiary, AlphaBalance::new(rest));
        shares.div_ceil(SHARES_PER_MOVE)
    }

    /// Owes to the beneficiary what nobody else has to get.
    fn owe_rest_of_lease(lease_id: LeaseId, lease: &LeaseOf<T>, till: &Till<T::AccountId>) {
        SubnetLeaseUnpaidDividends::<T>::remove(lease_id, &lease.beneficiary);
        let rest = till.sum().saturating_sub(Self::lease_debts(lease_id));
        Self::owe_from_lease(lease_id, &lease.beneficiary, rest);
    }

    fn owe_from_lease(lease_id: LeaseId, creditor: &T::AccountId, amount: AlphaBalance) {
        if !amount.is_zero() {
            SubnetLeaseUnpaidDividends::<T>::mutate(lease_id, creditor, |owed| {
                *owed = owed.saturating_add(amount);
            });
        }
    }

    /// Tries again to pay what a lease that was ended owes; answers how many positions it moved or
    /// tried.
    fn retry_lease_debts(lease_id: LeaseId, lease: &LeaseOf<T>) -> u32 {
        let till = Self::lease_till(lease);
        Self::owe_rest_of_lease(lease_id, lease, &till);
        Self::pay_lease_debts(lease_id, lease, till)
    }

    /// What a lease owes: what waits for those who could not be paid.
    fn lease_debts(lease_id: LeaseId) -> AlphaBalance {
        SubnetLeaseUnpaidDividends::<T>::iter_prefix_values(lease_id)
            .fold(AlphaBalance::ZERO, AlphaBalance::saturating_add)
    }

    /// Pays what a lease owes as far as it can be now, the beneficiary last, who bears what rounding
    /// took; what cannot be paid waits. Answers how many positions it moved or tried, of each
    /// creditor at least one.
    fn pay_lease_debts(lease_id: LeaseId, lease: &LeaseOf<T>, mut till: Till<T::AccountId>) -> u32 {
        let mut debts: Vec<_> = SubnetLeaseUnpaidDividends::<T>::iter_prefix(lease_id).collect();
        debts.sort_by_key(|(creditor, _)| *creditor == lease.beneficiary);
        let mut waiting = count(&debts);
        for (contributor, owed) in debts {
            waiting = waiting.saturating_sub(1);
            let most = till.moves.saturating_sub(waiting).clamp(1, MOVES_PER_CREDITOR);
            let alpha = Self::hand_over(lease, &mut till, &contributor, None, owed, most);
            if alpha.is_zero() {
                continue;
            }
            match owed.saturating_sub(alpha) {
                AlphaBalance::ZERO => {
                    SubnetLeaseUnpaidDividends::<T>::remove(lease_id, &contributor);
                }
                left => SubnetLeaseUnpaidDividends::<T>::insert(lease_id, &contributor, left),
            }
            Self::deposit_event(Event::SubnetLeaseDividendsDistributed {
                lease_id,
                contributor,
                alpha,
            });
        }
        Self::fit_lock(&lease.coldkey, lease.netuid);
        MOVES_AT_A_TIME.saturating_sub(till.moves).saturating_add(till.looking)
    }

    /// What a lease has staked: behind its own hotkey first, then the most first.
    fn lease_till(lease: &LeaseOf<T>) -> Till<T::AccountId> {
        let hotkeys = StakingHotkeys::<T>::get(&lease.coldkey);
        let looking = count(&hotkeys).div_ceil(LOOKS_PER_MOVE);
        let mut positions: Vec<_> = hotkeys
            .into_iter()
            .map(|hotkey| {
                let there = Self::stake_of(&hotkey, &lease.coldkey, lease.netuid);
                (hotkey, there)
            })
            .filter(|(_, there)| !there.is_zero())
            .collect();
        positions.sort_by_key(|(hotkey, there)| (*hotkey != lease.hotkey, Reverse(*there)));
        Till { positions, moves: MOVES_AT_A_TIME, looking }
    }

    /// Makes up to `amount` of a lease's stake `creditor`'s, behind the hotkeys that it is behind now
    /// or all behind `another`; answers how much. At `most` so many positions are tried, none where
    /// the creditor may have no further one; what cannot be moved does not hold up the others.
    fn hand_over(
        lease: &LeaseOf<T>,
        till: &mut Till<T::AccountId>,
        creditor: &T::AccountId,
        another: Option<&T::AccountId>,
        amount: AlphaBalance,
        most: u32,
    ) -> AlphaBalance {
        let (coldkey, netuid) = (&lease.coldkey, lease.netuid);
        let mut known: BTreeSet<_> = StakingHotkeys::<T>::get(creditor).into_iter().collect();
        let mut left = amount;
        let mut tried = 0u32;
        for (hotkey, there) in &mut till.positions {
            if left.is_zero() || tried >= most {
                break;
            }
            let to = another.unwrap_or(hotkey);
            let room = known.len() < MAX_HOTKEYS_PER_COLDKEY || known.contains(to);
            if there.is_zero() || !room {
                continue;
            }
            tried = tried.saturating_add(1);
            let part = left.min(*there);
            let moved = with_storage_layer(|| -> DispatchResult {
                Self::decrease_stake(hotkey, coldkey, netuid, part)?;
                Self::increase_stake(to, creditor, netuid, part)?;
                Ok(())
            });
            if moved.is_ok() {
                known.insert(to.clone());
                left = left.saturating_sub(part);
                *there = Self::stake_of(hotkey, coldkey, netuid);
            }
        }
        till.moves = till.moves.saturating_sub(tried.max(1));
        amount.saturating_sub(left)
    }

    /// Gives everybody what is theirs of a lease, as far as they can be given it; answers how many
    /// positions it moved or tried. What is left of it is debts.
    fn settle_lease(lease_id: LeaseId, lease: &LeaseOf<T>) -> u32 {
        let till = Self::lease_till(lease);
        let reading = Self::owe_lease_dividends(lease_id, lease, &till);
        let _ = SubnetLeaseShares::<T>::clear_prefix(lease_id, u32::MAX, None);
        AccumulatedLeaseDividends::<T>::remove(lease_id);
        Self::owe_rest_of_lease(lease_id, lease, &till);
        let moved = Self::pay_lease_debts(lease_id, lease, till).saturating_add(reading);
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
        moved
    }

    /// Forgets a lease that owes nobody anything, or has nothing to pay it with.
    fn forget_lease_without_debts(lease_id: LeaseId, lease: &LeaseOf<T>) {
        let staked = || {
            StakingHotkeys::<T>::get(&lease.coldkey)
                .iter()
                .any(|hotkey| !Self::stake_of(hotkey, &lease.coldkey, lease.netuid).is_zero())
        };
        let owes = SubnetLeaseUnpaidDividends::<T>::iter_key_prefix(lease_id).next().is_some();
        if owes && staked() {
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
