//! Rounds that something on the chain is sealed to: noted when it is sealed, until the pulse comes.
//!
//! A host reads here which pulses are wanted, the lowest first. It need not bring those between, and
//! may bring one that was passed over. What was noted is not taken back if what was sealed goes: then
//! one pulse comes for nobody. Nothing is noted for longer than pulses are kept, nor what could never
//! come: a host that asks for the lowest first would ask for that alone.

use crate::*;

impl<T: Config> Pallet<T> {
    /// Notes that something is sealed to `round`, if its pulse is not here and can still come.
    pub fn await_round(round: RoundNumber) {
        let now = Self::current_round().max(LastStoredRound::<T>::get());
        if round > 0 && Self::is_kept(round, now) && !Pulses::<T>::contains_key(round) {
            AwaitedRounds::<T>::insert(round.to_be_bytes(), ());
        }
    }

    /// Whether something is sealed to `round`, whose pulse is not here.
    pub fn is_awaited(round: RoundNumber) -> bool {
        AwaitedRounds::<T>::contains_key(round.to_be_bytes())
    }

    /// The latest round that comes within so many seconds. Counted from what is stored where the
    /// chain has no time yet.
    pub fn round_within(seconds: u64) -> RoundNumber {
        let period = u64::from(BeaconConfig::<T>::get().period).max(1);
        let now = Self::current_round().max(LastStoredRound::<T>::get());
        now.saturating_add(seconds.div_ceil(period))
    }

    /// Whether a pulse of something awaited was stored in the block before this one.
    pub fn has_news() -> bool {
        let now = frame_system::Pallet::<T>::block_number();
        AwaitedPulseAt::<T>::get().saturating_add(One::one()) == now
    }

    /// Ends the wait for `round`, whose pulse is stored; answers whether anything waited.
    pub(crate) fn end_wait(round: RoundNumber) -> bool {
        let was_awaited = AwaitedRounds::<T>::take(round.to_be_bytes()).is_some();
        if was_awaited {
            AwaitedPulseAt::<T>::put(frame_system::Pallet::<T>::block_number());
        }
        was_awaited
    }

    /// Whether a pulse of `round` would still be kept after that of `last`.
    pub(crate) fn is_kept(round: RoundNumber, last: RoundNumber) -> bool {
        round.saturating_add(MAX_KEPT_PULSES) > last
    }

    /// Gives up waiting for what is older than a week, no more than [`MAX_REMOVED_PULSES`].
    pub(crate) fn prune_awaited(last: RoundNumber) {
        let old: alloc::vec::Vec<[u8; 8]> = AwaitedRounds::<T>::iter_keys()
            .take(MAX_REMOVED_PULSES as usize)
            .take_while(|round| !Self::is_kept(RoundNumber::from_be_bytes(*round), last))
            .collect();
        old.iter().for_each(AwaitedRounds::<T>::remove);
    }
}
