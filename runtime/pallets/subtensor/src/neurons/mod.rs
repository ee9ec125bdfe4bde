//! Neurons: slots of a subnet, who gets one, what they serve, the weights they set.

mod commit_reveal;
mod pruning;
mod registration;
mod root;
mod serving;
mod set_weights;
mod slots;

pub(crate) use commit_reveal::Revealed;
pub(crate) use serving::Endpoint;
pub(crate) use set_weights::Row;
