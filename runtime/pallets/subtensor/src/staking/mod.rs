//! Keys, stake and delegation.
//!
//! Every entry point checks, then moves TAO and alpha through `pool` and `shares`; a failure
//! anywhere undoes the whole call, because calls run in a storage transaction. TAO leaves and
//! enters the balances in `tao` alone.

mod burn;
mod children;
mod delegation;
mod keys;
mod locks;
mod moves;
mod nominations;
mod shares;
mod stake;
mod tao;

pub(crate) use children::SET_CHILDREN;
pub(crate) use moves::{Place, RatioLimit};
pub use nominations::NOMINATIONS_PER_BLOCK;

use crate::TaoBalance;

/// Least amount of TAO that may be staked or unstaked, unless it is all there is: below it a
/// position costs the chain more than it is worth. The public chain's value.
pub const MIN_STAKE: TaoBalance = TaoBalance::new(2_000_000);

/// Hotkeys that one coldkey may own, and behind which it may stake: the lists of them are single
/// storage values that are read whole.
pub const MAX_HOTKEYS_PER_COLDKEY: usize = 1_024;

/// Coldkeys whose choice to have their incentives staked behind a hotkey follows its swap: anybody
/// may choose it, and a swap looks at all of them. Those of later ones stay with the old hotkey.
const AUTO_STAKERS_MAX: usize = 256;

/// Hotkeys up to which others may add to that list by giving stake: they cannot fill it.
const MAX_HOTKEYS_BY_OTHERS: usize = MAX_HOTKEYS_PER_COLDKEY / 2;
