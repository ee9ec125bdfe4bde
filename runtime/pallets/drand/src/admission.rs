//! Which pulses are let in, and how many of them: they cost nobody a fee.
//!
//! What can be told by a look at storage comes first, then the pulse's form, then whose it is; that
//! the beacon signed it, which takes 28 ms, the pool verifies last. Of rounds that nothing waits for
//! the pool holds one pulse and a block takes one, so that nobody brings an hour's for the asking. How
//! many wrong pulses a host looks at is the host's to ration: here nothing is remembered of them.

use crate::{pallet::Pulses_, *};

/// Pulses that a block takes: they declare eight tenths of a second, a fifth of a block. Of the public
/// chain's rounds four come in its block, and as many again can be caught up with.
pub const PULSES_PER_BLOCK: u32 = 8;

/// What all pulses of rounds that nothing waits for provide in the pool: no round has this number.
const ANY_ROUND: RoundNumber = 0;

/// Bytes of a signature, and of its hash.
const SIGNATURE_BYTES: usize = assay_timelock::SIGNATURE_BYTES;

impl<T: Config> Pallet<T> {
    /// The one pulse of the payload, if it is time for it; whether it is genuine is not looked at.
    pub(crate) fn admit_pulse<'a>(
        payload: &'a Pulses_<T>,
        signature: &Option<MultiSignature>,
    ) -> Result<&'a Pulse, InvalidTransaction> {
        let [pulse] = payload.pulses.as_slice() else { return Err(InvalidTransaction::Call) };
        Self::check_block(payload.block_number)?;
        Self::check_round(pulse.round)?;
        let has_form = pulse.signature.len() == SIGNATURE_BYTES
            && assay_timelock::randomness(&pulse.signature) == pulse.randomness[..];
        ensure!(has_form, InvalidTransaction::BadProof);
        Self::check_sender(payload, &payload.public, signature)?;
        Ok(pulse)
    }

    /// How the pool orders the pulse of `round`. What is waited for comes first, and of that the lower
    /// round; at most twice the least, which is below what root's calls have.
    pub(crate) fn pool_validity(round: RoundNumber) -> TransactionValidity {
        let least = T::UnsignedPriority::get();
        let age = Self::current_round().saturating_sub(round).saturating_add(1);
        let (tag, more) = match Self::is_awaited(round) {
            true => (round, age.min(least)),
            false => (ANY_ROUND, 0),
        };
        ValidTransaction::with_tag_prefix(TAG)
            .priority(least.saturating_add(more))
            .and_provides((b"drand", tag).using_encoded(blake2_256))
            .longevity(LONGEVITY)
            .propagate(false)
            .build()
    }

    /// Counts a pulse that this block has taken.
    pub(crate) fn count_pulse(was_awaited: bool) {
        let (all, for_nobody) = Self::brought();
        let for_nobody = for_nobody.saturating_add((!was_awaited).into());
        let now = frame_system::Pallet::<T>::block_number();
        BroughtIn::<T>::put((now, all.saturating_add(1), for_nobody));
    }

    /// How many pulses this block has taken, and of how many rounds that nothing waited for.
    fn brought() -> (u32, u32) {
        let (block, all, for_nobody) = BroughtIn::<T>::get();
        match block == frame_system::Pallet::<T>::block_number() {
            true => (all, for_nobody),
            false => (0, 0),
        }
    }

    fn check_round(round: RoundNumber) -> Result<(), InvalidTransaction> {
        if round > Self::current_round() {
            return Err(InvalidTransaction::Future);
        }
        let early = NextUnsignedAt::<T>::get() > frame_system::Pallet::<T>::block_number();
        if early || !Self::is_wanted(round, LastStoredRound::<T>::get()) {
            return Err(InvalidTransaction::Stale);
        }
        // Not `ExhaustsResources`: many of these in a row would have a block's author think it full.
        let (all, for_nobody) = Self::brought();
        if all >= PULSES_PER_BLOCK || (for_nobody > 0 && !Self::is_awaited(round)) {
            return Err(InvalidTransaction::Future);
        }
        Ok(())
    }

    /// Anybody may bring something, under a key of sr25519.
    fn check_sender(
        payload: &impl Encode,
        public: &MultiSigner,
        signature: &Option<MultiSignature>,
    ) -> Result<(), InvalidTransaction> {
        let holds = match (public, signature) {
            (_, None) => return Err(InvalidTransaction::BadSigner),
            (MultiSigner::Sr25519(key), Some(MultiSignature::Sr25519(signature))) => {
                payload.using_encoded(|bytes| signature.verify(bytes, key))
            }
            _ => false,
        };
        if holds {
            Ok(())
        } else {
            Err(InvalidTransaction::BadProof)
        }
    }

    fn check_block(signed_in: BlockNumberFor<T>) -> Result<(), InvalidTransaction> {
        if frame_system::Pallet::<T>::block_number() < signed_in {
            return Err(InvalidTransaction::Future);
        }
        Ok(())
    }
}
