//! The pallet's parts other than storage, each file one `pallet_section` that `lib.rs` imports.

pub mod calls;
pub mod config;
pub mod constants;
pub mod errors;
pub mod events;
pub mod genesis;
pub mod hooks;
