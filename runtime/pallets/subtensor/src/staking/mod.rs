//! Keys, stake and delegation.
//!
//! Every entry point checks, then moves TAO and alpha through `pool` and `shares`; a failure
//! anywhere undoes the whole call, because calls run in a storage transaction.

mod shares;

use crate::*;

/// Least amount of TAO that may be staked, and least worth of stake that may be left: below it a
/// position costs the chain more than it is worth.
pub const MIN_STAKE: TaoBalance = TaoBalance::new(2_000_000);
