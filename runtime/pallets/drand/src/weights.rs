//! Weights of the calls, as `pallet-subtensor`'s are: time in the project's own host with a safety
//! factor, measured by `scripts/bench/weights`.

use frame_support::weights::{constants::WEIGHT_REF_TIME_PER_MICROS, Weight};

pub trait WeightInfo {
    fn write_pulse(pulses: u32) -> Weight;
    fn set_beacon_config() -> Weight;
    fn set_oldest_stored_round() -> Weight;
}

const fn micros(count: u64) -> Weight {
    Weight::from_parts(WEIGHT_REF_TIME_PER_MICROS.saturating_mul(count), 0)
}

/// A pulse: two pairings in one, and a round hashed to the curve. It takes 28 ms.
const PULSE: u64 = 90_000;

/// Old pulses that are removed, and old rounds that are no longer awaited: a hundred of each at most.
const PRUNE: u64 = 12_000;

impl WeightInfo for () {
    fn write_pulse(pulses: u32) -> Weight {
        micros(PRUNE).saturating_add(micros(PULSE).saturating_mul(pulses.into()))
    }

    fn set_beacon_config() -> Weight {
        micros(500)
    }

    fn set_oldest_stored_round() -> Weight {
        micros(500)
    }
}
