//! Storage items by concern, each file one `pallet_section` that `lib.rs` imports; their defaults.

pub mod chain;
pub mod client_reads;
pub mod defaults;
pub mod evm;
pub mod hyperparameters;
pub mod leases;
pub mod locks;
pub mod neurons;
pub mod stake;
pub mod subnets;
pub mod swaps;
pub mod voting;
