//! The words the pallet's other files are written in: identifiers, amounts, stored records.
//!
//! Nothing here touches storage or knows the pallet's `Config`. Layouts (field order, integer
//! widths, variant order) are what clients decode, so a change here is a change of the interface.

mod amounts;
mod ids;
mod leases;
mod records;

pub use amounts::{Alpha, ConstTao, Tao};
pub use ids::{MechId, NetUid, NetUidStorageIndex};
pub use leases::{LeaseId, SubnetLease};
pub use records::*;
