//! Locks: stake that a coldkey has bound to a hotkey, and the conviction that grows from it.
//!
//! A coldkey has at most one lock on a subnet, behind one hotkey. It binds so much of all that the
//! coldkey has staked there, whichever hotkeys that is behind: the rest may leave the subnet, and
//! nothing may be locked that is not there. How a lock decays and what conviction it gains is
//! arithmetic (`assay_arithmetic::lock`); what is stored is as of a lock's last change.
//!
//! What all coldkeys have locked behind a hotkey is kept beside the locks, in buckets by how they
//! behave, so that a hotkey's conviction is one read.
//!
//! Invariants: a lock has its entry in `LockingColdkeys`, and no more than one exists for a coldkey
//! on a subnet; a bucket is the sum of the locks that belong to it, up to rounding.
//!
//! On the public chain the hotkey with most conviction takes over a subnet that is older than a
//! year. That is not here: a subnet changes hands by its owner's doing alone.

mod buckets;
mod calls;
mod conviction;
mod exchange;
mod follow;

/// The bit of `AccountFlags` with which a coldkey takes locked stake from others. The public chain's.
const ACCEPTS_LOCKED_ALPHA: u128 = 1;

/// Of a coldkey that has staked behind more hotkeys than this, the first ones count when it is asked
/// what it has: each that counts is read whenever such a coldkey moves stake. Publicly all count.
const HOTKEYS_THAT_COUNT: usize = 16;
