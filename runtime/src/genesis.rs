//! Genesis presets, as JSON patches: a host merges one over the default genesis configuration and
//! has the runtime build the state.
//!
//! `local` is for one machine: fast blocks, short tempo, endpoints on loopback. `upstream` keeps
//! every default of the public chain. Both create no subnet but root. `fast-localnet` begins as a
//! public node's local chain with fast blocks does: its rate limits, root owned by Alice, and a
//! subnet 1 that nobody owns.
//!
//! All fund the well-known development accounts and give sudo to Alice. The one authority, which is
//! paid the fees, is One, as publicly: an author who also spends would get its own fees back.

use alloc::vec::Vec;
use sp_genesis_builder::PresetId;

pub const LOCAL: &str = "local";
pub const UPSTREAM: &str = "upstream";
pub const FAST_LOCALNET: &str = "fast-localnet";

pub fn preset_names() -> Vec<PresetId> {
    alloc::vec![LOCAL.into(), UPSTREAM.into(), FAST_LOCALNET.into()]
}

pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
    match id.as_str() {
        LOCAL => Some(include_bytes!("../presets/local.json").to_vec()),
        UPSTREAM => Some(include_bytes!("../presets/upstream.json").to_vec()),
        FAST_LOCALNET => Some(include_bytes!("../presets/fast-localnet.json").to_vec()),
        _ => None,
    }
}
