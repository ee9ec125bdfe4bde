//! The pallet's invariants as one function, run after every test and by `try-runtime`.
//!
//! Each check names what must hold between blocks; an error says which does not. Loops go over all
//! of storage: this is for tests, not for blocks.

use crate::*;
use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::traits::fungible::Inspect;
use sp_runtime::TryRuntimeError;

fn require(holds: bool, what: &'static str) -> Result<(), TryRuntimeError> {
    if holds {
        Ok(())
    } else {
        Err(TryRuntimeError::Other(what))
    }
}

fn total(amounts: impl IntoIterator<Item = u64>) -> u128 {
    amounts.into_iter().map(u128::from).fold(0, u128::saturating_add)
}

impl<T: Config> Pallet<T> {
    /// Fails with the first invariant that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        Self::check_tao()?;
        Self::check_shares()?;
        Self::check_alpha()?;
        Self::check_neurons()?;
        Self::check_sealed_rounds()?;
        Self::check_voting_power()?;
        Self::check_leases()?;
        Self::check_timelocked_commits()?;
        Self::check_evm_keys()?;
        Self::check_locks()?;
        Self::check_children()?;
        Self::check_keys()
    }

    /// The rounds that are noted of a queue are those of its rows.
    fn check_sealed_rounds() -> Result<(), TryRuntimeError> {
        for (index, epoch, rounds) in TimelockedRounds::<T>::iter() {
            let queue = TimelockedWeightCommits::<T>::get(index, epoch);
            let sealed: BTreeSet<u64> = queue.iter().map(|(.., round)| *round).collect();
            require(rounds == sealed, "rounds of a queue are not those of its rows")?;
            require(!sealed.is_empty(), "an empty queue is kept")?;
        }
        Ok(())
    }

    /// All TAO is a balance or in a pool, and pools add up.
    fn check_tao() -> Result<(), TryRuntimeError> {
        let pooled = total(SubnetTAO::<T>::iter_values().map(u64::from));
        require(pooled == u128::from(TotalStake::<T>::get().rao()), "TotalStake is not in pools")?;
        let everything = pooled.saturating_add(T::Currency::total_issuance().into());
        require(
            everything == u128::from(TotalIssuance::<T>::get().rao()),
            "TotalIssuance is not balances and pools",
        )?;
        let root = SubnetTAO::<T>::get(NetUid::ROOT).rao();
        require(
            root == TotalAlphaStaked::<T>::get(NetUid::ROOT).rao(),
            "TAO on root is not what is staked there",
        )
    }

    /// Shares of coldkeys are those of the pool; pools of hotkeys are what is staked.
    fn check_shares() -> Result<(), TryRuntimeError> {
        let mut shares = BTreeMap::<(T::AccountId, NetUid), u128>::new();
        let mut worth = BTreeMap::<(T::AccountId, NetUid), u128>::new();
        for ((hotkey, coldkey, netuid), held) in AlphaShares::<T>::iter() {
            let stake = u128::from(Self::stake_of(&hotkey, &coldkey, netuid).rao());
            require(
                StakingHotkeys::<T>::get(&coldkey).contains(&hotkey),
                "a staker's hotkey is not in StakingHotkeys",
            )?;
            let key = (hotkey, netuid);
            let sum = shares.entry(key.clone()).or_default();
            *sum = sum.saturating_add(held.to_bits());
            let sum = worth.entry(key).or_default();
            *sum = sum.saturating_add(stake);
        }
        for (hotkey, netuid, pool) in TotalHotkeyShares::<T>::iter() {
            let key = (hotkey, netuid);
            let held = shares.remove(&key).unwrap_or_default();
            require(held == pool.to_bits(), "shares held are not the shares of the pool")?;
            let alpha = u128::from(TotalHotkeyAlpha::<T>::get(&key.0, netuid).rao());
            let owed = worth.remove(&key).unwrap_or_default();
            require(owed <= alpha, "stakers are owed more than their hotkey has")?;
        }
        require(shares.is_empty(), "shares are held of a pool that has none")?;

        let mut staked = BTreeMap::<NetUid, u128>::new();
        for (hotkey, netuid, alpha) in TotalHotkeyAlpha::<T>::iter() {
            require(
                TotalHotkeyShares::<T>::contains_key(&hotkey, netuid),
                "a hotkey has alpha that nobody has a share of",
            )?;
            let sum = staked.entry(netuid).or_default();
            *sum = sum.saturating_add(alpha.rao().into());
        }
        for (netuid, alpha) in TotalAlphaStaked::<T>::iter() {
            let sum = staked.remove(&netuid).unwrap_or_default();
            require(sum == u128::from(alpha.rao()), "TotalAlphaStaked is not what hotkeys have")?;
        }
        require(staked.is_empty(), "alpha is staked that TotalAlphaStaked does not count")
    }

    /// All alpha outside a pool is staked, pending, set aside for root, the chain's, or burned.
    fn check_alpha() -> Result<(), TryRuntimeError> {
        for netuid in Self::subnets() {
            let counted = total([
                TotalAlphaStaked::<T>::get(netuid).rao(),
                PendingServerEmission::<T>::get(netuid).rao(),
                PendingValidatorEmission::<T>::get(netuid).rao(),
                PendingRootAlphaDivs::<T>::get(netuid).rao(),
                PendingOwnerCut::<T>::get(netuid).rao(),
                RootAlphaUnclaimed::<T>::get(netuid).rao(),
                SubnetProtocolAlpha::<T>::get(netuid).rao(),
                SubnetAlphaBurned::<T>::get(netuid).rao(),
            ]);
            let outside = u128::from(SubnetAlphaOut::<T>::get(netuid).rao());
            require(counted == outside, "SubnetAlphaOut is not the sum of its parts")?;
            let weight = Self::pool_of(netuid).tao_weight;
            require(
                (assay_arithmetic::pool::WEIGHT_MIN
                    ..=assay_arithmetic::pool::WEIGHT_ONE
                        .saturating_sub(assay_arithmetic::pool::WEIGHT_MIN))
                    .contains(&weight),
                "a pool's weight is out of range",
            )?;
        }
        Ok(())
    }

    /// Keys and uids are inverse, and nothing names a uid that is not there.
    fn check_neurons() -> Result<(), TryRuntimeError> {
        for (netuid, hotkey, uid) in Uids::<T>::iter() {
            require(uid < SubnetworkN::<T>::get(netuid), "a uid is beyond the subnet's size")?;
            require(Keys::<T>::get(netuid, uid) == hotkey, "Keys is not the inverse of Uids")?;
            require(IsNetworkMember::<T>::get(&hotkey, netuid), "a neuron is not a member")?;
        }
        for (netuid, size) in SubnetworkN::<T>::iter() {
            require(size <= MaxAllowedUids::<T>::get(netuid), "more neurons than allowed")?;
            require(
                Keys::<T>::iter_prefix(netuid).count() == usize::from(size)
                    && Uids::<T>::iter_prefix(netuid).count() == usize::from(size),
                "there are not as many keys as neurons",
            )?;
            for index in Self::mechanism_indices(netuid) {
                Self::check_rows(index, size)?;
            }
            Self::check_null(netuid)?;
            let vectors = [
                Active::<T>::get(netuid).len(),
                Consensus::<T>::get(netuid).len(),
                Dividends::<T>::get(netuid).len(),
                Emission::<T>::get(netuid).len(),
                ValidatorTrust::<T>::get(netuid).len(),
                ValidatorPermit::<T>::get(netuid).len(),
            ];
            require(
                netuid.is_root() || vectors.iter().all(|length| *length == usize::from(size)),
                "a vector has not as many entries as the subnet has neurons",
            )?;
        }
        Ok(())
    }

    /// Neurons alone have voting power, where it is tracked, and it adds up.
    fn check_voting_power() -> Result<(), TryRuntimeError> {
        let mut sums = BTreeMap::<NetUid, u128>::new();
        for (netuid, hotkey, power) in VotingPower::<T>::iter() {
            let tracked = VotingPowerTrackingEnabled::<T>::get(netuid);
            require(
                tracked && Uids::<T>::contains_key(netuid, hotkey),
                "voting power is nobody's, or is not tracked",
            )?;
            let sum = sums.entry(netuid).or_default();
            *sum = sum.saturating_add(power.into());
        }
        let told: BTreeMap<NetUid, u128> =
            TotalVotingPower::<T>::iter().map(|(netuid, sum)| (netuid, sum.into())).collect();
        require(sums == told, "TotalVotingPower is not the sum of it")
    }

    /// A leased subnet and its lease know each other; shares are at most all of it; what waits for
    /// contributors is there.
    fn check_leases() -> Result<(), TryRuntimeError> {
        let mut leased = 0usize;
        for (lease_id, lease) in SubnetLeases::<T>::iter() {
            leased = leased.saturating_add(1);
            require(
                SubnetUidToLeaseId::<T>::get(lease.netuid) == Some(lease_id),
                "a leased subnet does not know its lease",
            )?;
            let staked = StakingHotkeys::<T>::get(&lease.coldkey)
                .iter()
                .map(|hotkey| Self::stake_of(hotkey, &lease.coldkey, lease.netuid).rao())
                .fold(0u64, u64::saturating_add);
            let waiting = SubnetLeaseUnpaidDividends::<T>::iter_prefix_values(lease_id)
                .map(AlphaBalance::rao)
                .fold(AccumulatedLeaseDividends::<T>::get(lease_id).rao(), u64::saturating_add);
            // Each cut that was staked may be worth a rao less than it was.
            require(
                waiting <= staked.saturating_add(1_000),
                "dividends of a lease wait that are not there",
            )?;
            let shares = SubnetLeaseShares::<T>::iter_prefix_values(lease_id)
                .fold(0u128, |sum, share| sum.saturating_add(share.to_bits()));
            require(
                shares <= assay_arithmetic::lease::SHARE_ONE,
                "shares of a lease are more than all of it",
            )?;
        }
        require(
            SubnetUidToLeaseId::<T>::iter().count() == leased,
            "a subnet has a lease that is not there",
        )?;
        require(
            SubnetLeaseShares::<T>::iter_keys().all(|(id, _)| SubnetLeases::<T>::contains_key(id))
                && AccumulatedLeaseDividends::<T>::iter_keys()
                    .chain(SubnetLeaseUnpaidDividends::<T>::iter_keys().map(|(id, _)| id))
                    .all(SubnetLeases::<T>::contains_key),
            "something is kept of a lease that has ended",
        )
    }

    /// Whoever is told to have timelocked weights in a queue has as many there.
    fn check_timelocked_commits() -> Result<(), TryRuntimeError> {
        for (index, hotkey, (epoch, made)) in TimelockedCommitsMade::<T>::iter() {
            // What is opened, even in part, or expired is counted no more.
            if epoch < Self::epoch_with_lookahead(index.netuid()) {
                continue;
            }
            let Ok(queue) = TimelockedWeightCommits::<T>::try_get(index, epoch) else { continue };
            let own = queue.iter().filter(|(who, ..)| *who == hotkey).count();
            require(
                usize::from(made) <= own,
                "a hotkey has fewer timelocked weights than it is told",
            )?;
        }
        Ok(())
    }

    /// A slot's key knows the slot, and no key knows another.
    fn check_evm_keys() -> Result<(), TryRuntimeError> {
        let mut known = 0usize;
        for (netuid, key, uids) in AssociatedUidsByEvmAddress::<T>::iter() {
            known = known.saturating_add(uids.len());
            let mutual = |(uid, since): &(u16, u64)| {
                *uid < SubnetworkN::<T>::get(netuid)
                    && AssociatedEvmAddress::<T>::get(netuid, uid) == Some((key, *since))
            };
            require(!uids.is_empty() && uids.iter().all(mutual), "a key knows another's slot")?;
        }
        require(
            AssociatedEvmAddress::<T>::iter().count() == known,
            "a slot has a key that does not know it",
        )
    }

    /// Without consensus one neuron at most may weigh; with it nothing of that mode is left.
    fn check_null(netuid: NetUid) -> Result<(), TryRuntimeError> {
        match SubnetEpochConsensus::<T>::get(netuid) {
            EpochConsensus::Null => {
                let permits = ValidatorPermit::<T>::get(netuid);
                let count = permits.iter().filter(|permit| **permit).count();
                require(count <= 1, "more than one neuron leads")
            }
            EpochConsensus::Yuma => require(
                !SavedYumaMaxAllowedValidators::<T>::contains_key(netuid)
                    && !NullPruningTarget::<T>::contains_key(netuid),
                "something is left of a subnet's time without consensus",
            ),
        }
    }

    fn check_rows(index: NetUidStorageIndex, size: u16) -> Result<(), TryRuntimeError> {
        let within = |row: &[(u16, u16)]| row.iter().all(|(uid, _)| *uid < size);
        for (uid, row) in Weights::<T>::iter_prefix(index) {
            require(uid < size && within(&row), "weights name a uid that is not there")?;
        }
        for (uid, row) in Bonds::<T>::iter_prefix(index) {
            require(uid < size && within(&row), "bonds name a uid that is not there")?;
        }
        Ok(())
    }

    /// A coldkey has one lock a subnet, which its hotkey knows of; buckets are the sums of locks.
    fn check_locks() -> Result<(), TryRuntimeError> {
        // Each change of a lock rounds once, and dust counts for nothing.
        let near = |bucket: u64, sum: u64| {
            bucket.abs_diff(sum) <= 1_000_u64.saturating_add(bucket / 1_000_000)
        };
        let mut sums = BTreeMap::<(NetUid, T::AccountId), u64>::new();
        let mut lockers = BTreeMap::<(T::AccountId, NetUid), ()>::new();
        for (coldkey, netuid, hotkey) in Lock::<T>::iter_keys() {
            let known = LockingColdkeys::<T>::contains_key((netuid, &hotkey, &coldkey));
            require(known, "a lock is not known to its hotkey")?;
            let mass = Self::lock_behind(&coldkey, netuid, &hotkey).rao();
            let sum = sums.entry((netuid, hotkey)).or_default();
            *sum = sum.saturating_add(mass);
            let first = lockers.insert((coldkey, netuid), ()).is_none();
            require(first, "a coldkey has two locks on a subnet")?;
        }
        require(
            LockingColdkeys::<T>::iter().count() == Lock::<T>::iter().count(),
            "a hotkey knows of a lock that is not there",
        )?;
        for ((netuid, hotkey), sum) in sums {
            require(near(Self::mass_behind(netuid, &hotkey), sum), "a bucket is not its locks")?;
        }
        Ok(())
    }

    /// Parents and children are two views of one relation, and nobody lends more than it has.
    fn check_children() -> Result<(), TryRuntimeError> {
        for (parent, netuid, children) in ChildKeys::<T>::iter() {
            let lent = total(children.iter().map(|(proportion, _)| *proportion));
            require(lent <= u128::from(u64::MAX), "a parent lends more than its stake")?;
            for (proportion, child) in children {
                require(
                    ParentKeys::<T>::get(&child, netuid).contains(&(proportion, parent.clone())),
                    "a child does not know its parent",
                )?;
            }
        }
        for (child, netuid, parents) in ParentKeys::<T>::iter() {
            require(
                parents.len() <= crate::coinbase::PARENTS_MAX,
                "a key has more parents than it may",
            )?;
            for (proportion, parent) in parents {
                require(
                    ChildKeys::<T>::get(&parent, netuid).contains(&(proportion, child.clone())),
                    "a parent does not know its child",
                )?;
            }
        }
        Ok(())
    }

    /// Hotkeys and coldkeys know each other; what swaps look for is where it is.
    fn check_keys() -> Result<(), TryRuntimeError> {
        for (hotkey, coldkey) in Owner::<T>::iter() {
            let owned = OwnedHotkeys::<T>::get(coldkey);
            require(
                owned.iter().filter(|other| **other == hotkey).count() == 1,
                "a coldkey does not know its hotkey, or twice",
            )?;
        }
        for (coldkey, owned) in OwnedHotkeys::<T>::iter() {
            let mine = owned.iter().all(|hotkey| Self::owns(&coldkey, hotkey));
            require(mine, "a hotkey does not know its coldkey")?;
        }
        for (hotkey, netuid, coldkeys) in AutoStakeDestinationColdkeys::<T>::iter() {
            let chosen = |coldkey| AutoStakeDestination::<T>::get(coldkey, netuid);
            require(
                coldkeys.iter().all(|coldkey| chosen(coldkey).as_ref() == Some(&hotkey)),
                "a coldkey has chosen another hotkey for its incentives",
            )?;
        }
        for (netuid, hotkey, coldkey) in RootClaimed::<T>::iter_keys() {
            require(
                RootClaimable::<T>::get(&hotkey).contains_key(&netuid)
                    && AlphaShares::<T>::contains_key((&hotkey, &coldkey, NetUid::ROOT)),
                "something was claimed for no stake on root",
            )?;
        }
        for coldkey in ColdkeySwapDisputes::<T>::iter_keys() {
            require(
                ColdkeySwapAnnouncements::<T>::contains_key(coldkey),
                "a swap is disputed that was not announced",
            )?;
        }
        Ok(())
    }
}
