//! Weights of the calls, as `pallet-subtensor`'s are: time in the project's own host with a safety
//! factor, measured by `scripts/bench/weights`.

use frame_support::weights::{constants::WEIGHT_REF_TIME_PER_MICROS, Weight};

pub trait WeightInfo {
    fn create() -> Weight;
    fn contribute() -> Weight;
    fn withdraw() -> Weight;
    /// Without the call that is made.
    fn finalize() -> Weight;
    fn refund(contributors: u32) -> Weight;
    fn dissolve() -> Weight;
    fn update() -> Weight;
}

const fn micros(count: u64) -> Weight {
    Weight::from_parts(WEIGHT_REF_TIME_PER_MICROS.saturating_mul(count), 0)
}

/// Two accounts, the crowdloan and a contribution are read and written.
const MOVE: u64 = 1_000;

impl WeightInfo for () {
    fn create() -> Weight {
        micros(MOVE.saturating_add(500))
    }

    fn contribute() -> Weight {
        micros(MOVE)
    }

    fn withdraw() -> Weight {
        micros(MOVE)
    }

    fn finalize() -> Weight {
        micros(MOVE)
    }

    fn refund(contributors: u32) -> Weight {
        micros(MOVE).saturating_add(micros(500).saturating_mul(contributors.into()))
    }

    fn dissolve() -> Weight {
        micros(MOVE)
    }

    fn update() -> Weight {
        micros(500)
    }
}
