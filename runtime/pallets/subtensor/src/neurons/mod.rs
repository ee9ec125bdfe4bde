//! Neurons: slots of a subnet, their endpoints and their weights.

use crate::*;
use frame_support::weights::Weight;

impl<T: Config> Pallet<T> {
    pub(crate) fn begin_block_registrations() -> Weight {
        Weight::zero()
    }
}
