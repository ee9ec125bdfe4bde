//! Neurons: slots of a subnet, who gets one, what they serve, the weights they set.

mod batches;
mod commit_reveal;
mod evm;
mod proof_of_work;
mod pruning;
mod registration;
mod root;
mod serving;
mod set_weights;
mod slots;
mod timelocked;
mod trimming;

pub(crate) use commit_reveal::Revealed;
pub(crate) use evm::UIDS_PER_EVM_KEY_MAX;
pub(crate) use proof_of_work::Work;
pub(crate) use serving::Endpoint;
pub(crate) use set_weights::Row;
pub(crate) use timelocked::UNNAMED_COMMIT_VERSION;
#[cfg(test)]
pub(crate) use timelocked::{PLACES, PLACES_WITHOUT_PERMIT};
