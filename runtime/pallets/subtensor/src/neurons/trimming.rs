//! Making a subnet smaller: who goes, and which slots those who stay have afterwards.
//!
//! Those with the least emission go, of equal ones the later; nobody in immunity and none of the
//! owner's immortal ones, of whom there must be less than [`IMMUNE_PART`] of those who stay. With
//! consensus those who stay keep their order; without it, where there may be thousands, the last
//! ones fill the gaps and the others keep their slots, and no more than [`BATCH`] go at a time.
//!
//! Commits do not outlive it: what they hide names slots that are others' now. (On the public chain
//! those of subnets with consensus do.)

use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::ensure;
use sp_runtime::{DispatchResult, Percent};

/// Neurons that one call removes of a subnet without consensus. The public chain's value.
const BATCH: u16 = 64;

/// Commits that one call removes there: as many as there may be neurons, each of whom has at most
/// one entry on a mechanism.
const COMMITS_PER_CALL: u32 = 2_500;

/// Neurons that nobody may remove are less than this of those who stay. The public chain's value.
const IMMUNE_PART: Percent = Percent::from_percent(80);

impl<T: Config> Pallet<T> {
    /// Trims a subnet to `size` neurons, and lets it have no more.
    pub fn set_trimmed_uids(netuid: NetUid, size: u16) -> DispatchResult {
        Self::check_trim(netuid, size)?;
        let now = SubnetworkN::<T>::get(netuid);
        if SubnetEpochConsensus::<T>::get(netuid) == EpochConsensus::Null && now > size {
            ensure!(now.saturating_sub(size) <= BATCH, Error::<T>::InvalidValue);
            ensure!(Self::clear_commits(netuid).0, Error::<T>::InvalidValue);
        }
        Self::trim(netuid, size)?;
        MaxAllowedUids::<T>::insert(netuid, size);
        NullPruningTarget::<T>::remove(netuid);
        Ok(())
    }

    /// Trims a subnet without consensus by one batch on the way to `target` neurons. Where too many
    /// commits are in the way, it only removes some of them.
    pub fn set_null_trimming(netuid: NetUid, target: u16) -> DispatchResult {
        Self::check_trim(netuid, target)?;
        ensure!(
            SubnetEpochConsensus::<T>::get(netuid) == EpochConsensus::Null,
            Error::<T>::InvalidValue
        );
        let before = SubnetworkN::<T>::get(netuid);
        Self::check_immune(netuid, target)?;
        let (clear, cleared_commits) = Self::clear_commits(netuid);
        let mut remaining = before;
        if clear {
            let size = before.saturating_sub(BATCH).max(target);
            Self::trim(netuid, size)?;
            MaxAllowedUids::<T>::insert(netuid, size);
            remaining = before.min(size);
        }
        if clear && remaining <= target {
            NullPruningTarget::<T>::remove(netuid);
        } else {
            NullPruningTarget::<T>::insert(netuid, target);
        }
        Self::deposit_event(Event::NullUidsPruningProgress {
            netuid,
            target,
            remaining,
            removed: before.saturating_sub(remaining),
            cleared_commits,
        });
        Ok(())
    }

    fn check_trim(netuid: NetUid, size: u16) -> Result<(), Error<T>> {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        let allowed = MinAllowedUids::<T>::get(netuid)..=MaxAllowedUids::<T>::get(netuid);
        ensure!(allowed.contains(&size), Error::<T>::InvalidValue);
        Ok(())
    }

    /// Whether so few of the neurons are immune that a subnet may be trimmed to `size`.
    fn check_immune(netuid: NetUid, size: u16) -> Result<(), Error<T>> {
        let now = SubnetworkN::<T>::get(netuid);
        if now <= size {
            return Ok(());
        }
        let immortal = Self::immortal_uids(netuid);
        let kept = (0..now).filter(|uid| Self::stays(netuid, *uid, &immortal));
        let kept = u32::try_from(kept.count()).unwrap_or(u32::MAX);
        ensure!(
            Percent::from_rational(kept, u32::from(size)) < IMMUNE_PART,
            Error::<T>::TrimmingWouldExceedMaxImmunePercentage
        );
        Ok(())
    }

    fn stays(netuid: NetUid, uid: u16, immortal: &[u16]) -> bool {
        immortal.contains(&uid) || Self::is_immune(netuid, uid)
    }

    /// Removes commits of all mechanisms, as many as one call may; answers whether none is left, and
    /// how many went.
    fn clear_commits(netuid: NetUid) -> (bool, u32) {
        let mut cleared = 0u32;
        for index in Self::mechanism_indices(netuid) {
            let room = COMMITS_PER_CALL.saturating_sub(cleared);
            let hotkeys: Vec<T::AccountId> =
                WeightCommits::<T>::iter_key_prefix(index).take(room as usize).collect();
            hotkeys.iter().for_each(|hotkey| WeightCommits::<T>::remove(index, hotkey));
            cleared = cleared.saturating_add(count(&hotkeys));
            let room = COMMITS_PER_CALL.saturating_sub(cleared);
            let epochs: Vec<u64> =
                TimelockedWeightCommits::<T>::iter_key_prefix(index).take(room as usize).collect();
            epochs.iter().for_each(|epoch| Self::drop_timelocked(index, *epoch));
            cleared = cleared.saturating_add(count(&epochs));
            let room = COMMITS_PER_CALL.saturating_sub(cleared);
            let hotkeys: Vec<T::AccountId> =
                TimelockedCommitsMade::<T>::iter_key_prefix(index).take(room as usize).collect();
            hotkeys.iter().for_each(|hotkey| TimelockedCommitsMade::<T>::remove(index, hotkey));
            cleared = cleared.saturating_add(count(&hotkeys));
        }
        let left = Self::mechanism_indices(netuid).any(|index| {
            WeightCommits::<T>::iter_key_prefix(index).next().is_some()
                || TimelockedWeightCommits::<T>::iter_key_prefix(index).next().is_some()
                || TimelockedCommitsMade::<T>::iter_key_prefix(index).next().is_some()
        });
        (!left, cleared)
    }

    /// Removes neurons until `size` are left.
    fn trim(netuid: NetUid, size: u16) -> DispatchResult {
        let now = SubnetworkN::<T>::get(netuid);
        if now <= size {
            return Ok(());
        }
        Self::check_immune(netuid, size)?;
        let gone = Self::who_goes(netuid, now.saturating_sub(size))?;
        let is_null = SubnetEpochConsensus::<T>::get(netuid) == EpochConsensus::Null;
        let slots = slots_after(now, &gone, is_null);
        if !is_null {
            Self::clear_commits(netuid);
        }
        for uid in gone {
            let hotkey = Keys::<T>::get(netuid, uid);
            Self::unseat(netuid, &hotkey);
            Keys::<T>::remove(netuid, uid);
            BlockAtRegistration::<T>::remove(netuid, uid);
        }
        Self::move_slots(netuid, &slots);
        Self::move_evm_keys(netuid, &slots);
        for index in Self::mechanism_indices(netuid) {
            Self::move_rows(index, &slots, is_null.then_some(netuid));
        }
        Self::move_vectors(netuid, &slots);
        SubnetworkN::<T>::insert(netuid, size);
        if is_null {
            Self::permit_leader(netuid)?;
        }
        Ok(())
    }

    /// The `number` of neurons that go.
    fn who_goes(netuid: NetUid, number: u16) -> Result<Vec<u16>, Error<T>> {
        let emission = Emission::<T>::get(netuid);
        let immortal = Self::immortal_uids(netuid);
        let mut mortal: Vec<(AlphaBalance, core::cmp::Reverse<u16>)> =
            (0..SubnetworkN::<T>::get(netuid))
                .filter(|uid| !Self::stays(netuid, *uid, &immortal))
                .map(|uid| {
                    let paid = emission.get(usize::from(uid)).copied().unwrap_or_default();
                    (paid, core::cmp::Reverse(uid))
                })
                .collect();
        mortal.sort_unstable();
        ensure!(mortal.len() >= usize::from(number), Error::<T>::InvalidValue);
        Ok(mortal.into_iter().take(number.into()).map(|(_, uid)| uid.0).collect())
    }

    /// Gives those who stay their new slots.
    fn move_slots(netuid: NetUid, slots: &BTreeMap<u16, u16>) {
        let moved: Vec<(u16, T::AccountId, u64)> = slots
            .iter()
            .filter(|(old, new)| old != new)
            .map(|(old, new)| {
                let registered = BlockAtRegistration::<T>::take(netuid, old);
                (*new, Keys::<T>::take(netuid, old), registered)
            })
            .collect();
        for (uid, hotkey, registered) in moved {
            BlockAtRegistration::<T>::insert(netuid, uid, registered);
            Uids::<T>::insert(netuid, &hotkey, uid);
            Keys::<T>::insert(netuid, uid, hotkey);
        }
    }

    /// Moves the rows of weights and bonds, and what they name. Of a subnet without consensus, only
    /// the leader's row of weights is kept: what others left behind may be stale a hundred times.
    fn move_rows(index: NetUidStorageIndex, slots: &BTreeMap<u16, u16>, leading: Option<NetUid>) {
        let renamed = |row: Vec<(u16, u16)>| -> Vec<(u16, u16)> {
            row.into_iter().filter_map(|(to, part)| Some((*slots.get(&to)?, part))).collect()
        };
        let permits = leading.map(ValidatorPermit::<T>::get);
        let leads = |uid: u16| {
            let permit = |permits: &Vec<bool>| permits.get(usize::from(uid)).copied();
            permits.as_ref().is_none_or(|permits| permit(permits).unwrap_or(false))
        };
        let uids: Vec<u16> = Weights::<T>::iter_key_prefix(index).collect();
        let kept = uids.iter().filter(|uid| leads(**uid)).filter_map(|uid| {
            slots.get(uid).map(|new| (*new, renamed(Weights::<T>::get(index, uid))))
        });
        let kept: Vec<_> = kept.collect();
        uids.iter().for_each(|uid| Weights::<T>::remove(index, uid));
        kept.into_iter().for_each(|(uid, row)| Weights::<T>::insert(index, uid, row));

        let rows: Vec<(u16, Vec<(u16, u16)>)> = Bonds::<T>::drain_prefix(index).collect();
        for (uid, row) in rows {
            if let Some(new) = slots.get(&uid) {
                Bonds::<T>::insert(index, new, renamed(row));
            }
        }
    }

    /// Moves what is kept by slot.
    fn move_vectors(netuid: NetUid, slots: &BTreeMap<u16, u16>) {
        macro_rules! move_all {
            ($key:expr, $($item:ident)*) => { $(
                $item::<T>::mutate($key, |values| *values = moved(values, slots));
            )* };
        }
        move_all!(netuid, Active Consensus Dividends Emission ValidatorTrust ValidatorPermit);
        for index in Self::mechanism_indices(netuid) {
            move_all!(index, Incentive LastUpdate);
        }
    }
}

/// The slot of each of those who stay, by the one they had: in their order, or with the last ones in
/// the gaps that are left.
fn slots_after(now: u16, gone: &[u16], fill_gaps: bool) -> BTreeMap<u16, u16> {
    let gone: alloc::collections::BTreeSet<u16> = gone.iter().copied().collect();
    let staying = (0..now).filter(|uid| !gone.contains(uid));
    if !fill_gaps {
        return staying.zip(0..).collect();
    }
    let size = now.saturating_sub(u16::try_from(gone.len()).unwrap_or(now));
    let mut gaps = gone.iter().copied().filter(|uid| *uid < size);
    staying
        .map(|uid| if uid < size { (uid, uid) } else { (uid, gaps.next().unwrap_or(uid)) })
        .collect()
}

/// The values of those who stay, by their new slots.
fn moved<V: Clone + Default>(values: &[V], slots: &BTreeMap<u16, u16>) -> Vec<V> {
    let mut all = alloc::vec![V::default(); slots.len()];
    for (old, new) in slots {
        if let (Some(value), Some(entry)) =
            (values.get(usize::from(*old)), all.get_mut(usize::from(*new)))
        {
            *entry = value.clone();
        }
    }
    all
}
