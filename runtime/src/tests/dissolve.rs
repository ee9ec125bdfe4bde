//! Nothing that is kept under a netuid outlives its subnet, in any pallet.
//!
//! The items are those of the runtime's own metadata, so that a new one is looked at without being
//! named here: each map whose key names a subnet gets an entry for the one that is to go, under
//! an account that is nobody there.

use super::*;
use frame_support::{Blake2_128Concat, StorageHasher, Twox128, Twox64Concat};
use scale_info::{MetaType, TypeDef, TypeDefPrimitive};
use sp_metadata_ir::{StorageEntryTypeIR, StorageHasherIR};

/// What stays, or is never there.
const STAYING: [&str; 2] = [
    // Counts how often the netuid has been given out.
    "RegisteredSubnetCounter",
    // Nothing writes these yet.
    "MinerCollateral",
];

/// A value of any type that is kept: numbers are 0, vectors empty, options none.
const NOTHING: [u8; 64] = [0; 64];

/// A key, or a part of one, encoded.
#[derive(Clone, Default)]
struct Key {
    bytes: Vec<u8>,
    /// Whether it names the subnet.
    names: bool,
}

impl Key {
    fn then(&self, end: &Key) -> Key {
        let bytes = [self.bytes.as_slice(), &end.bytes].concat();
        Key { bytes, names: self.names || end.names }
    }
}

/// Every combination of a start and one of each part.
fn combined(start: Key, parts: impl Iterator<Item = Vec<Key>>) -> Vec<Key> {
    parts.fold(vec![start], |so_far, ends| {
        so_far.iter().flat_map(|start| ends.iter().map(|end| start.then(end))).collect()
    })
}

/// Keys of this type that are of the subnet and the account where they can be; an enum has one a
/// variant, a number is 0.
fn keys_of(of: &MetaType, account: &AccountId) -> Vec<Key> {
    let plain = |bytes: Vec<u8>| vec![Key { bytes, names: false }];
    let all = |start, parts: Vec<MetaType>| {
        combined(start, parts.iter().map(|part| keys_of(part, account)))
    };
    let info = of.type_info();
    match (info.path.segments.last().copied(), info.type_def) {
        (Some("NetUid" | "NetUidStorageIndex"), _) => {
            vec![Key { bytes: NETUID.encode(), names: true }]
        }
        (Some("AccountId32"), _) => plain(account.encode()),
        (_, TypeDef::Composite(whole)) => {
            all(Key::default(), whole.fields.iter().map(|field| field.ty).collect())
        }
        (_, TypeDef::Tuple(whole)) => all(Key::default(), whole.fields),
        (_, TypeDef::Variant(one)) => {
            let of_variant = |variant: &scale_info::Variant| {
                let start = Key { bytes: vec![variant.index], names: false };
                all(start, variant.fields.iter().map(|field| field.ty).collect())
            };
            one.variants.iter().flat_map(of_variant).collect()
        }
        (_, TypeDef::Array(array)) => {
            all(Key::default(), vec![array.type_param; array.len.try_into().unwrap()])
        }
        // The empty one.
        (_, TypeDef::Sequence(_)) => plain(vec![0]),
        (_, TypeDef::Primitive(TypeDefPrimitive::U8)) => plain(vec![0]),
        (_, TypeDef::Primitive(TypeDefPrimitive::U16)) => plain(vec![0; 2]),
        (_, TypeDef::Primitive(TypeDefPrimitive::U32)) => plain(vec![0; 4]),
        (_, TypeDef::Primitive(TypeDefPrimitive::U64)) => plain(vec![0; 8]),
        (path, other) => panic!("no key has been of {path:?}, {other:?}"),
    }
}

fn hashed(hasher: &StorageHasherIR, key: Key) -> Key {
    let bytes = match hasher {
        StorageHasherIR::Identity => key.bytes,
        StorageHasherIR::Twox64Concat => Twox64Concat::hash(&key.bytes),
        StorageHasherIR::Blake2_128Concat => Blake2_128Concat::hash(&key.bytes),
        other => panic!("no map has used {other:?}"),
    };
    Key { bytes, ..key }
}

/// Where each map of the runtime would keep something of the subnet, with the map's name.
fn places() -> Vec<(String, Vec<u8>)> {
    let mut places = Vec::new();
    for pallet in Runtime::metadata_ir().pallets {
        let Some(storage) = pallet.storage else { continue };
        for entry in storage.entries {
            let StorageEntryTypeIR::Map { hashers, key, .. } = &entry.ty else { continue };
            let whose = match (pallet.name, entry.name) {
                // Kept of neurons alone, and given up with each.
                ("Commitments", _) | (_, "IsNetworkMember") => "//worker",
                _ => "//nobody",
            };
            let prefix = [storage.prefix, entry.name].map(|name| Twox128::hash(name.as_bytes()));
            // A map of several keys has them as a tuple, each with its own hasher.
            let parts = match key.type_info().type_def {
                TypeDef::Tuple(parts) if hashers.len() > 1 => parts.fields,
                _ => vec![*key],
            };
            assert_eq!(parts.len(), hashers.len(), "{}", entry.name);
            let parts = parts.iter().zip(hashers).map(|(part, hasher)| {
                let keys = keys_of(part, &account(whose));
                keys.into_iter().map(|key| hashed(hasher, key)).collect()
            });
            let start = Key { bytes: prefix.concat(), names: false };
            let keys = combined(start, parts).into_iter().filter(|key| key.names);
            places.extend(keys.map(|key| (entry.name.to_string(), key.bytes)));
        }
    }
    places
}

#[test]
fn whatever_is_kept_under_a_netuid_goes_with_its_subnet() {
    with_preset(genesis::LOCAL, || {
        employ_worker();
        // What is there keeps its value: one mechanism, and whose parents to look for.
        pallet_subtensor::MechanismCountCurrent::<Runtime>::insert(NETUID, MechId::new(1));
        let nobody = account("//nobody");
        pallet_subtensor::ChildKeys::<Runtime>::insert(&nobody, NETUID, vec![(1, nobody.clone())]);
        let places = places();
        for (_, key) in &places {
            if sp_io::storage::get(key).is_none() {
                sp_io::storage::set(key, &NOTHING);
            }
        }
        SubtensorModule::root_dissolve_network(RuntimeOrigin::root(), NETUID).unwrap();
        let there = |key: &[u8]| sp_io::storage::get(key).is_some();
        let mut left: Vec<&str> =
            places.iter().filter(|(_, key)| there(key)).map(|(name, _)| name.as_str()).collect();
        left.dedup();
        let mut staying = STAYING;
        left.sort_unstable();
        staying.sort_unstable();
        assert_eq!(left, staying, "of {} places", places.len());
    });
}
