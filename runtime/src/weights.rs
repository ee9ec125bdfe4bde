//! What a block may take, and what it and each of its extrinsics take besides what calls declare.
//!
//! A second of weight is a second of the project's own host, which runs the runtime as Wasm and its
//! storage in Python, times the safety factor of `scripts/bench/weights`: that script measures
//! every figure here and in the pallets' `WeightInfo`, and fails where one is below the factor.
//! FRAME's own constants are for a node in native code on Parity's machine, a fraction of it.

use frame_support::{
    dispatch::DispatchClass,
    weights::{
        constants::{RocksDbWeight, WEIGHT_REF_TIME_PER_MICROS, WEIGHT_REF_TIME_PER_SECOND},
        Weight,
    },
};
use frame_system::limits::BlockWeights;
use sp_runtime::Perbill;

/// An item of storage read or written. The public chain's: 25 and 100 microseconds, which is ten
/// times what our host takes to read one and five times what it takes to write one (into the
/// overlay, the trie and the database). The weights of FRAME's pallets are counted in it as well.
pub type DbWeight = RocksDbWeight;

/// A block without extrinsics and without subnets, which takes 0.4 ms.
const BLOCK_BASE: Weight = Weight::from_parts(WEIGHT_REF_TIME_PER_MICROS.saturating_mul(1_800), 0);

/// An extrinsic whose call does nothing: with the 0.36 ms that its extensions declare, four to five
/// times the 0.18 ms that it takes. Most of that is its signature.
const EXTRINSIC_BASE: Weight =
    Weight::from_parts(WEIGHT_REF_TIME_PER_MICROS.saturating_mul(500), 0);

/// Computing time that a block may declare. The public chain's value, and the same for every block
/// time: the dearest calls must fit into a block of any chain. With the safety factor a full block
/// takes about a second, longer than a short slot; a host that wants to be on time stops adding
/// extrinsics before that, and a late block does no harm.
const BLOCK_MAX: Weight =
    Weight::from_parts(WEIGHT_REF_TIME_PER_SECOND.saturating_mul(4), u64::MAX);

/// What of it is for ordinary extrinsics, so that root's always find room. FRAME's usual part.
const NORMAL_PART: Perbill = Perbill::from_percent(75);

/// Set aside for hooks when it is asked how large one extrinsic may be: a full subnet's epoch, if
/// few lend to its neurons. Hooks run whatever they take, and what they take beyond this leaves
/// so much less of their block for extrinsics.
const HOOKS_PART: Perbill = Perbill::from_percent(10);

pub fn block_weights() -> BlockWeights {
    let normal = NORMAL_PART * BLOCK_MAX;
    BlockWeights::builder()
        .base_block(BLOCK_BASE)
        .for_class(DispatchClass::all(), |class| class.base_extrinsic = EXTRINSIC_BASE)
        .for_class(DispatchClass::Normal, |class| class.max_total = Some(normal))
        .for_class(DispatchClass::Operational, |class| {
            class.max_total = Some(BLOCK_MAX);
            class.reserved = Some(BLOCK_MAX.saturating_sub(normal));
        })
        .avg_block_initialization(HOOKS_PART)
        .build_or_panic()
}
