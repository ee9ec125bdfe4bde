//! Metadata as clients of all lines can read it: V15's types are numbered as the public chain
//! numbers them, and numbers are told as numbers.
//!
//! A client of the SDK's lines 9.x to 10.2 (async-substrate-interface 1.x) takes type 0 for
//! `AccountId32`, and looks V14's numbers up in V15's registry. Both hold where a registry meets the
//! pallets' types first, as V14's does; `frame-metadata` 23.0.1 has V15 meet the extrinsic's first,
//! for the sake of the digest behind `CheckMetadataHash`. No digest is built into this runtime, so
//! nothing here depends on that order; what is put together is otherwise the same.
//!
//! V14 and V15 tell a number in a wrapper of its own (a netuid, an amount, a share of 65535) as the
//! number. The encoding is the same. The public chain did so too until its spec 425, and the lines
//! up to 10.2 were made for that: they send and read such a wrapper as a list of one. Newer clients
//! know both. V16 tells the wrappers.

use alloc::vec::Vec;
use scale_info::{form::PortableForm, IntoPortable, Path, PortableRegistry, Registry, TypeDef};
use sp_metadata_ir::{
    frame_metadata::{v15, RuntimeMetadata, RuntimeMetadataPrefixed},
    MetadataIR,
};

/// The wrappers that are told as the number within.
const NUMBERS: [&str; 6] = ["Alpha", "MechId", "NetUid", "NetUidStorageIndex", "PerU16", "Tao"];

/// The versions that are put together here.
pub const V14: u32 = 14;
pub const V15: u32 = 15;

/// `metadata` of version 14 with its numbers plain.
pub fn v14(mut metadata: RuntimeMetadataPrefixed) -> RuntimeMetadataPrefixed {
    if let RuntimeMetadata::V14(latest) = &mut metadata.1 {
        tell_numbers(&mut latest.types);
    }
    metadata
}

/// Gives each of [`NUMBERS`] the definition of what it wraps. No type changes its own number.
fn tell_numbers(registry: &mut PortableRegistry) {
    let wrapped = |registry: &PortableRegistry, index: usize| -> Option<TypeDef<PortableForm>> {
        let ty = &registry.types.get(index)?.ty;
        let TypeDef::Composite(wrapper) = &ty.type_def else { return None };
        let named = ty
            .path
            .segments
            .last()
            .is_some_and(|name| NUMBERS.contains(&AsRef::<str>::as_ref(name)));
        let [field] = wrapper.fields.as_slice() else { return None };
        let within = &registry.resolve(field.ty.id)?.type_def;
        (named && matches!(within, TypeDef::Primitive(_))).then(|| within.clone())
    };
    for index in 0..registry.types.len() {
        let Some(number) = wrapped(registry, index) else { continue };
        if let Some(told) = registry.types.get_mut(index) {
            told.ty.path = Path { segments: Vec::new() };
            told.ty.type_def = number;
        }
    }
}

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
    let mut types = PortableRegistry::from(registry);
    tell_numbers(&mut types);
    v15::RuntimeMetadataV15 {
        types,
        pallets,
        extrinsic,
        ty,
        apis,
        outer_enums,
        custom: v15::CustomMetadata { map: Default::default() },
    }
    .into()
}
