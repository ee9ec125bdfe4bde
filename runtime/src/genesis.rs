//! Genesis presets, as JSON patches: a host merges one over the default genesis configuration and
//! has the runtime build the state.
//!
//! `local` is for one machine: fast blocks, short tempo, endpoints on loopback. `upstream` keeps
//! every default of the public chain. Both fund the well-known development accounts, give sudo and
//! the one authority to Alice, and create no subnet but root.

use alloc::vec::Vec;
use sp_genesis_builder::PresetId;

pub const LOCAL: &str = "local";
pub const UPSTREAM: &str = "upstream";

pub fn preset_names() -> Vec<PresetId> {
    alloc::vec![LOCAL.into(), UPSTREAM.into()]
}

pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
    match id.as_str() {
        LOCAL => Some(include_bytes!("../presets/local.json").to_vec()),
        UPSTREAM => Some(include_bytes!("../presets/upstream.json").to_vec()),
        _ => None,
    }
}
