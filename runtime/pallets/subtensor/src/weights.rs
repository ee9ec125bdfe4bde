//! Weights of the calls: time on the reference machine, and size of the proof (which an embedded
//! chain does not need: 0).
//!
//! `scripts/bench/weights` measures them in the project's own host and states the safety factor.

use frame_support::weights::Weight;

pub trait WeightInfo {}

impl WeightInfo for () {}
