//! Which key of Ethereum's kind a neuron is associated with, for contracts elsewhere to look up.
//!
//! The key shows that it agrees by a signature, which wallets call a personal one (EIP-191), of the
//! neuron's hotkey and the hash of a block's number. It recovers the key, so the address alone is
//! stored. Both ways are kept: the key of a slot, the slots of a key.
//!
//! Recovering a key takes tens of milliseconds, so it is the last thing that is done, and the one thing
//! that the pool does not do beforehand. Such calls come among ordinary ones therefore: whether one
//! fails is known only when it has cost its time.
//!
//! The number may be of any block, publicly too: a signature can be shown again, but only by its
//! hotkey. Publicly a slot without a key counts as associated in block 0, so that nobody may in a
//! chain's first blocks; here it may at once.

use crate::*;
use alloc::{collections::BTreeMap, string::ToString, vec::Vec};
use codec::Encode;
use frame_support::ensure;
use sp_core::{ecdsa::Signature, H160};
use sp_io::{crypto::secp256k1_ecdsa_recover, hashing::keccak_256};
use sp_runtime::DispatchResult;

/// Slots of one subnet that a key may be associated with. The public chain's value.
pub(crate) const UIDS_PER_EVM_KEY_MAX: u32 = 32;

/// What a wallet puts before a text that it signs, and before the text's length in decimal.
const PREFIX: &[u8] = b"\x19Ethereum Signed Message:\n";

/// The order of the curve secp256k1, big-endian (SEC 2): both numbers of a signature are below it.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// A signature as it is recovered from, with its parity from 0 on; none where no key can be.
fn recoverable(signature: &Signature) -> Option<[u8; 65]> {
    let mut signed: [u8; 65] = signature.0;
    let (numbers, parity) = signed.split_at_mut(64);
    let in_order = |number: &[u8]| *number != [0; 32] && *number < ORDER[..];
    if !numbers.chunks(32).all(in_order) {
        return None;
    }
    let parity = parity.first_mut()?;
    // Wallets count it from 27 on.
    *parity = if *parity >= 27 { parity.saturating_sub(27) } else { *parity };
    (*parity < 4).then_some(signed)
}

/// The address whose key signed that `hotkey` is its own, as of a block.
fn signer(hotkey: &[u8], block_number: u64, signature: &Signature) -> Option<H160> {
    let signed = recoverable(signature)?;
    let text = [hotkey, &keccak_256(&block_number.encode())].concat();
    let length = text.len().to_string();
    let digest = keccak_256(&[PREFIX, length.as_bytes(), &text].concat());
    let key = secp256k1_ecdsa_recover(&signed, &digest).ok()?;
    keccak_256(&key).get(12..).map(H160::from_slice)
}

impl<T: Config> Pallet<T> {
    /// Associates the caller's slot with a key, which has signed for it.
    pub(crate) fn do_associate_evm_key(
        hotkey: &T::AccountId,
        netuid: NetUid,
        evm_key: H160,
        block_number: u64,
        signature: &Signature,
    ) -> DispatchResult {
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::NonAssociatedColdKey);
        let uid = Self::check_associate_evm_key(hotkey, netuid, evm_key, signature)?;
        let found = signer(&hotkey.encode(), block_number, signature)
            .ok_or(Error::<T>::UnableToRecoverPublicKey)?;
        ensure!(found == evm_key, Error::<T>::InvalidRecoveredPublicKey);
        let now = Self::block();
        Self::forget_evm_key(netuid, uid);
        AssociatedUidsByEvmAddress::<T>::try_mutate(netuid, evm_key, |uids| {
            uids.try_push((uid, now)).map_err(|_| Error::<T>::EvmKeyAssociationLimitExceeded)
        })?;
        AssociatedEvmAddress::<T>::insert(netuid, uid, (evm_key, now));
        Self::deposit_event(Event::EvmKeyAssociated {
            netuid,
            hotkey: hotkey.clone(),
            evm_key,
            block_associated: now,
        });
        Ok(())
    }

    /// Whether a hotkey may be associated with a key now, if that has signed for it; answers its slot.
    pub(crate) fn check_associate_evm_key(
        hotkey: &T::AccountId,
        netuid: NetUid,
        evm_key: H160,
        signature: &Signature,
    ) -> Result<u16, Error<T>> {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        let uid = Self::uid_of(netuid, hotkey)?;
        let wait = EvmKeyAssociateRateLimit::<T>::get();
        let waited = AssociatedEvmAddress::<T>::get(netuid, uid)
            .is_none_or(|(_, since)| Self::block().saturating_sub(since) >= wait);
        ensure!(waited, Error::<T>::EvmKeyAssociateRateLimitExceeded);
        ensure!(recoverable(signature).is_some(), Error::<T>::UnableToRecoverPublicKey);
        let uids = AssociatedUidsByEvmAddress::<T>::get(netuid, evm_key);
        let others = uids.iter().filter(|(other, _)| *other != uid).count();
        ensure!(others < UIDS_PER_EVM_KEY_MAX as usize, Error::<T>::EvmKeyAssociationLimitExceeded);
        Ok(uid)
    }

    /// The slots that a key is associated with, the first associated first, and since when; no more
    /// than `limit`.
    pub fn uid_lookup(netuid: NetUid, evm_key: H160, limit: u16) -> Vec<(u16, u64)> {
        let mut uids = AssociatedUidsByEvmAddress::<T>::get(netuid, evm_key).into_inner();
        uids.sort_by_key(|(uid, since)| (*since, *uid));
        uids.truncate(limit.into());
        uids
    }

    /// A slot has no key any more.
    pub(crate) fn forget_evm_key(netuid: NetUid, uid: u16) {
        let Some((key, _)) = AssociatedEvmAddress::<T>::take(netuid, uid) else { return };
        AssociatedUidsByEvmAddress::<T>::mutate_exists(netuid, key, |uids| {
            let mut rest = uids.take().unwrap_or_default();
            rest.retain(|(other, _)| *other != uid);
            *uids = (!rest.is_empty()).then_some(rest);
        });
    }

    /// Gives keys to the slots that those who stay on a subnet get; the rest is forgotten.
    pub(crate) fn move_evm_keys(netuid: NetUid, slots: &BTreeMap<u16, u16>) {
        let kept: Vec<(u16, (H160, u64))> = AssociatedEvmAddress::<T>::drain_prefix(netuid)
            .filter_map(|(uid, key)| Some((*slots.get(&uid)?, key)))
            .collect();
        Self::forget_evm_keys(netuid);
        for (uid, (key, since)) in kept {
            AssociatedEvmAddress::<T>::insert(netuid, uid, (key, since));
            // As many as there were at the most.
            let _ = AssociatedUidsByEvmAddress::<T>::try_mutate(netuid, key, |uids| {
                uids.try_push((uid, since))
            });
        }
    }

    /// Forgets all of a subnet's.
    pub(crate) fn forget_evm_keys(netuid: NetUid) {
        let _ = AssociatedEvmAddress::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = AssociatedUidsByEvmAddress::<T>::clear_prefix(netuid, u32::MAX, None);
    }
}
