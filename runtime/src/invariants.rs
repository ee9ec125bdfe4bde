//! What holds between any two blocks, as one function: no money made or lost, no key astray.
//!
//! Tests call it after every block, a host or a client through `InvariantsRuntimeApi`. It asks each
//! pallet that keeps money or keys; a pallet says in its own `try_state` what must hold there. Loops
//! go over all of storage: a question between blocks, never a part of one.

use crate::Runtime;

/// The first invariant that does not hold, in words.
pub fn check() -> Result<(), &'static str> {
    pallet_subtensor::Pallet::<Runtime>::do_try_state()
        .and_then(|()| pallet_commitments::Pallet::<Runtime>::do_try_state())
        .and_then(|()| pallet_drand::Pallet::<Runtime>::do_try_state())
        .map_err(Into::into)
}
