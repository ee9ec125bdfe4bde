//! Registering a neuron by proof of work, without any price or fee.
//!
//! The proof is bound to the subnet, the hotkey, the coldkey that signs, and the hash of a block of
//! the last few, so that nobody can prepare work in advance, use another's, or use the same twice.
//! Its hash, times the difficulty, must fit into 256 bits. An owner decides whether there is this
//! way in at all; the slots, and how many registrations a block may hold, are the same as for a
//! registration that is paid for.
//!
//! The difficulty follows demand by the rule that the public chain had for it until registrations
//! got their half-lives: every `AdjustmentInterval` blocks it moves by how many registrations there
//! were beside how many were aimed at (`assay_arithmetic::difficulty`). The public chain of today
//! leaves it where it was set.

use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::difficulty;
use codec::Encode;
use frame_support::ensure;
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::{H256, U256};
use sp_io::hashing::{keccak_256, sha2_256};
use sp_runtime::{traits::UniqueSaturatedInto, DispatchResult};

/// What every proof's bytes begin with: no other hash that anybody computes begins so.
const DOMAIN: &[u8] = b"subtensor-pow-register-v1";

/// Blocks that a proof may be old: clients mine on the head and submit within as many.
const WORK_BLOCKS: u64 = 5;

/// A proof as a call brings it: for `hotkey`, on the block `block`.
pub struct Work<'a, AccountId> {
    pub hotkey: &'a AccountId,
    pub block: u64,
    pub nonce: u64,
    pub seal: &'a [u8; 32],
}

impl<T: Config> Pallet<T> {
    /// Registers the hotkey of `work` for `coldkey`.
    pub(crate) fn do_pow_register(
        coldkey: &T::AccountId,
        netuid: NetUid,
        work: &Work<T::AccountId>,
    ) -> DispatchResult {
        Self::check_pow_registration(coldkey, netuid, work)?;
        Self::associate_for_registration(coldkey, work.hotkey)?;
        // Whoever comes this way may have no TAO, and still signs more than once.
        Self::keep_account(coldkey);
        Self::take_slot(netuid, work.hotkey)?;
        LastPowRegistrationBlock::<T>::insert(work.hotkey, work.block);
        POWRegistrationsThisInterval::<T>::mutate(netuid, |n| *n = n.saturating_add(1));
        Ok(())
    }

    /// Whether the proof lets `coldkey` register now. It looks at no slot: whether there is one is
    /// known only in the block, and costs more to find out than a proof that is free to refuse.
    pub(crate) fn check_pow_registration(
        coldkey: &T::AccountId,
        netuid: NetUid,
        work: &Work<T::AccountId>,
    ) -> Result<(), Error<T>> {
        ensure!(!netuid.is_root(), Error::<T>::RegistrationNotPermittedOnRootSubnet);
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            NetworkPowRegistrationAllowed::<T>::get(netuid),
            Error::<T>::SubNetRegistrationDisabled
        );
        Self::check_registrant(coldkey, netuid, work.hotkey)?;

        let age = Self::block().saturating_sub(work.block);
        ensure!((1..=WORK_BLOCKS).contains(&age), Error::<T>::InvalidWorkBlock);
        let last = LastPowRegistrationBlock::<T>::get(work.hotkey);
        ensure!(last.is_none_or(|last| work.block > last), Error::<T>::InvalidWorkBlock);

        let seal = Self::pow_seal(coldkey, netuid, work).ok_or(Error::<T>::InvalidWorkBlock)?;
        ensure!(seal == H256(*work.seal), Error::<T>::InvalidSeal);
        let number = U256::from_little_endian(seal.as_bytes());
        let (_, overflows) = number.overflowing_mul(Self::pow_difficulty(netuid).into());
        ensure!(!overflows, Error::<T>::InvalidDifficulty);
        Ok(())
    }

    /// The hash that a proof must be; none for a block whose hash is no longer kept.
    fn pow_seal(coldkey: &T::AccountId, netuid: NetUid, work: &Work<T::AccountId>) -> Option<H256> {
        let number: BlockNumberFor<T> = work.block.unique_saturated_into();
        let hash = frame_system::Pallet::<T>::block_hash(number);
        if hash == Default::default() {
            return None;
        }
        let mut bytes = Vec::from(DOMAIN);
        (u16::from(netuid), hash, work.hotkey, coldkey, work.nonce).encode_to(&mut bytes);
        Some(H256(keccak_256(&sha2_256(&bytes))))
    }

    /// The difficulty that a proof has to meet.
    pub fn pow_difficulty(netuid: NetUid) -> u64 {
        Self::bounded_difficulty(netuid, Difficulty::<T>::get(netuid))
    }

    /// `difficulty` within its bounds. The floor, root's, goes before the ceiling, the owner's.
    fn bounded_difficulty(netuid: NetUid, difficulty: u64) -> u64 {
        let least = MinDifficulty::<T>::get(netuid).max(1);
        let most = MaxDifficulty::<T>::get(netuid).max(least);
        difficulty.clamp(least, most)
    }

    /// Allows or forbids registrations by proof of work. An interval begins when they are allowed,
    /// so that none which nobody could use makes them cheaper.
    pub fn set_pow_registration(netuid: NetUid, allowed: bool) {
        if allowed && !NetworkPowRegistrationAllowed::<T>::get(netuid) {
            LastAdjustmentBlock::<T>::insert(netuid, Self::block());
            POWRegistrationsThisInterval::<T>::remove(netuid);
        }
        NetworkPowRegistrationAllowed::<T>::insert(netuid, allowed);
    }

    /// Moves the difficulty of a subnet where its interval is over.
    pub(crate) fn adjust_difficulty(netuid: NetUid, now: u64) {
        if !NetworkPowRegistrationAllowed::<T>::get(netuid) {
            return;
        }
        let since = now.saturating_sub(LastAdjustmentBlock::<T>::get(netuid));
        if since < u64::from(AdjustmentInterval::<T>::get(netuid)).max(1) {
            return;
        }
        LastAdjustmentBlock::<T>::insert(netuid, now);
        let registrations = POWRegistrationsThisInterval::<T>::take(netuid);
        let moved = difficulty::adjust(
            Self::pow_difficulty(netuid),
            registrations,
            TargetRegistrationsPerInterval::<T>::get(netuid),
            AdjustmentAlpha::<T>::get(netuid),
        );
        Difficulty::<T>::insert(netuid, Self::bounded_difficulty(netuid, moved));
    }
}
