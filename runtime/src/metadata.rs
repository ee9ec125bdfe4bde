//! Metadata V15 with its types numbered as the public chain numbers them.
//!
//! A client of the SDK's lines 9.x to 10.2 (async-substrate-interface 1.x) takes type 0 for
//! `AccountId32`, and looks V14's numbers up in V15's registry. Both hold where a registry meets the
//! pallets' types first, as V14's does; `frame-metadata` 23.0.1 has V15 meet the extrinsic's first,
//! for the sake of the digest behind `CheckMetadataHash`. No digest is built into this runtime, so
//! nothing here depends on that order; what is put together is otherwise the same.

use alloc::vec::Vec;
use scale_info::{IntoPortable, Registry};
use sp_metadata_ir::{
    frame_metadata::{v15, RuntimeMetadataPrefixed},
    MetadataIR,
};

/// The version that is numbered here.
pub const V15: u32 = 15;

/// `ir` as metadata V15, ready to be encoded.
pub fn v15(ir: MetadataIR) -> RuntimeMetadataPrefixed {
    let mut registry = Registry::new();
    let pallets: Vec<v15::PalletMetadata> = ir.pallets.into_iter().map(Into::into).collect();
    let pallets = registry.map_into_portable(pallets);
    let extrinsic = v15::ExtrinsicMetadata::from(ir.extrinsic).into_portable(&mut registry);
    let ty = registry.register_type(&ir.ty);
    let apis: Vec<v15::RuntimeApiMetadata> = ir.apis.into_iter().map(Into::into).collect();
    let apis = registry.map_into_portable(apis);
    let outer_enums = v15::OuterEnums::from(ir.outer_enums).into_portable(&mut registry);
    v15::RuntimeMetadataV15 {
        types: registry.into(),
        pallets,
        extrinsic,
        ty,
        apis,
        outer_enums,
        custom: v15::CustomMetadata { map: Default::default() },
    }
    .into()
}
