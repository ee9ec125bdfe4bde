//! A value of any type of the runtime's metadata, as bytes.
//!
//! Calls are drawn by their types alone, so a new call is drawn without being named anywhere. What
//! makes a drawn call likely to do something is the `Focus`: the keys and the subnet that a field
//! of such a type or name mostly gets, so that the fields of one call speak of the same things.

use super::chance::Chance;
use crate::{AccountId, RuntimeCall};
use codec::{Compact, Encode};
use scale_info::{
    form::PortableForm, meta_type, Field, PortableRegistry, Registry, TypeDef, TypeDefPrimitive,
};

/// A call inside a call inside a call: deeper ones are a remark.
const DEPTH_MAX: usize = 3;
/// Calls as the index of their pallet and their own.
type Calls = Vec<(u8, u8)>;

/// A call that was drawn.
#[derive(Default)]
pub struct Drawn {
    pub bytes: Vec<u8>,
    /// It and those inside it.
    pub calls: Calls,
}

/// What the fields of one call mostly speak of.
pub struct Focus {
    pub coldkey: AccountId,
    pub hotkey: AccountId,
    /// Of another coldkey, for what has two.
    pub other: AccountId,
    pub netuid: u16,
    /// Everybody there is.
    pub accounts: Vec<AccountId>,
    /// Hashes that mean something here: of calls, of commits.
    pub hashes: Vec<[u8; 32]>,
}

pub struct Shapes {
    types: PortableRegistry,
    call: u32,
    /// Every call there is, as pallet and index.
    pub calls: Calls,
}

impl Shapes {
    pub fn new() -> Self {
        let mut registry = Registry::new();
        let call = registry.register_type(&meta_type::<RuntimeCall>()).id;
        let types: PortableRegistry = registry.into();
        let mut calls = Calls::new();
        let TypeDef::Variant(pallets) = &types.resolve(call).unwrap().type_def else {
            panic!("a call is one of its pallet's")
        };
        for pallet in &pallets.variants {
            let inner = types.resolve(pallet.fields[0].ty.id).unwrap();
            if let TypeDef::Variant(of_pallet) = &inner.type_def {
                calls.extend(of_pallet.variants.iter().map(|one| (pallet.index, one.index)));
            }
        }
        Self { types, call, calls }
    }

    /// `Pallet.call` of a call's first two bytes.
    pub fn name(&self, bytes: &[u8]) -> String {
        let TypeDef::Variant(pallets) = &self.types.resolve(self.call).unwrap().type_def else {
            return String::new();
        };
        let pallet = pallets.variants.iter().find(|one| one.index == bytes[0]).unwrap();
        let inner = self.types.resolve(pallet.fields[0].ty.id).unwrap();
        let TypeDef::Variant(calls) = &inner.type_def else { return pallet.name.clone() };
        let call = calls.variants.iter().find(|one| one.index == bytes[1]).unwrap();
        format!("{}.{}", pallet.name, call.name)
    }

    /// A call of `(pallet, index)` with arguments by chance, as bytes.
    pub fn call(&self, which: (u8, u8), focus: &Focus, chance: &mut Chance) -> Drawn {
        let mut drawn = Drawn::default();
        self.call_into(which, focus, chance, 0, &mut drawn);
        drawn
    }

    fn call_into(
        &self,
        (pallet, index): (u8, u8),
        focus: &Focus,
        chance: &mut Chance,
        depth: usize,
        out: &mut Drawn,
    ) {
        let TypeDef::Variant(pallets) = &self.types.resolve(self.call).unwrap().type_def else {
            return;
        };
        let of = pallets.variants.iter().find(|one| one.index == pallet).unwrap();
        let inner = self.types.resolve(of.fields[0].ty.id).unwrap();
        let TypeDef::Variant(calls) = &inner.type_def else { return };
        let call = calls.variants.iter().find(|one| one.index == index).unwrap();
        out.bytes.extend([pallet, index]);
        out.calls.push((pallet, index));
        for field in &call.fields {
            self.field(field, focus, chance, depth + 1, out);
        }
    }

    fn field(
        &self,
        field: &Field<PortableForm>,
        focus: &Focus,
        chance: &mut Chance,
        depth: usize,
        out: &mut Drawn,
    ) {
        let name = field.name.as_deref().unwrap_or_default();
        self.value(field.ty.id, name, focus, chance, depth, out);
    }

    fn value(
        &self,
        id: u32,
        name: &str,
        focus: &Focus,
        chance: &mut Chance,
        depth: usize,
        out: &mut Drawn,
    ) {
        if id == self.call {
            let drawn = *chance.pick(&self.calls);
            let which = if depth > DEPTH_MAX { (0, 0) } else { drawn };
            return self.call_into(which, focus, chance, depth, out);
        }
        let ty = self.types.resolve(id).unwrap();
        match ty.path.segments.last().map(String::as_str) {
            Some("AccountId32") => return out.bytes.extend(account(name, focus, chance).encode()),
            Some("MultiAddress") if !chance.once_in(50) => {
                out.bytes.push(0);
                return out.bytes.extend(account(name, focus, chance).encode());
            }
            Some("NetUid") => return out.bytes.extend(netuid(focus, chance).encode()),
            Some("H256") if !chance.once_in(4) => return out.bytes.extend(hash(focus, chance)),
            _ => (),
        }
        match &ty.type_def {
            TypeDef::Composite(whole) => {
                for field in &whole.fields {
                    // A wrapper's one field has no name of its own.
                    let name = field.name.as_deref().unwrap_or(name);
                    self.value(field.ty.id, name, focus, chance, depth, out);
                }
            }
            TypeDef::Variant(choice) if choice.variants.is_empty() => (),
            TypeDef::Variant(choice) => {
                let one = chance.pick(&choice.variants);
                out.bytes.push(one.index);
                for field in &one.fields {
                    self.field(field, focus, chance, depth + 1, out);
                }
            }
            TypeDef::Sequence(list) => {
                let count = if depth > DEPTH_MAX { chance.below(2) } else { chance.length() };
                Compact(count as u32).encode_to(&mut out.bytes);
                for _ in 0..count {
                    self.value(list.type_param.id, name, focus, chance, depth + 1, out);
                }
            }
            TypeDef::Array(array) if self.is_byte(array.type_param.id) && array.len == 32 => {
                out.bytes.extend(hash(focus, chance));
            }
            TypeDef::Array(array) => {
                for _ in 0..array.len {
                    self.value(array.type_param.id, name, focus, chance, depth, out);
                }
            }
            TypeDef::Tuple(parts) => {
                for part in &parts.fields {
                    self.value(part.id, name, focus, chance, depth, out);
                }
            }
            TypeDef::Primitive(kind) => primitive(kind, name, focus, chance, &mut out.bytes),
            TypeDef::Compact(inner) => {
                Compact(chance.number(self.bits(inner.type_param.id))).encode_to(&mut out.bytes);
            }
            TypeDef::BitSequence(_) => out.bytes.push(0),
        }
    }

    fn is_byte(&self, id: u32) -> bool {
        let ty = self.types.resolve(id).unwrap();
        matches!(ty.type_def, TypeDef::Primitive(TypeDefPrimitive::U8))
    }

    /// Of a number, or of what wraps one.
    fn bits(&self, id: u32) -> u32 {
        match &self.types.resolve(id).unwrap().type_def {
            TypeDef::Primitive(TypeDefPrimitive::U8) => 8,
            TypeDef::Primitive(TypeDefPrimitive::U16) => 16,
            TypeDef::Primitive(TypeDefPrimitive::U32) => 32,
            TypeDef::Primitive(TypeDefPrimitive::U64) => 64,
            TypeDef::Composite(whole) => {
                whole.fields.first().map_or(1, |field| self.bits(field.ty.id))
            }
            _ => 128,
        }
    }
}

fn account(name: &str, focus: &Focus, chance: &mut Chance) -> AccountId {
    match chance.below(10) {
        0 => chance.pick(&focus.accounts).clone(),
        1 => focus.other.clone(),
        _ if name.contains("hotkey") || name == "hot" => focus.hotkey.clone(),
        2..=5 if !name.contains("coldkey") => focus.other.clone(),
        _ => focus.coldkey.clone(),
    }
}

fn netuid(focus: &Focus, chance: &mut Chance) -> u16 {
    match chance.below(20) {
        0 => chance.below(8) as u16,
        1 => chance.next() as u16,
        2 => 0,
        _ => focus.netuid,
    }
}

fn hash(focus: &Focus, chance: &mut Chance) -> [u8; 32] {
    match focus.hashes.is_empty() {
        false => *chance.pick(&focus.hashes),
        true => sp_io::hashing::blake2_256(&chance.next().to_le_bytes()),
    }
}

fn primitive(
    kind: &TypeDefPrimitive,
    name: &str,
    focus: &Focus,
    chance: &mut Chance,
    out: &mut Vec<u8>,
) {
    use TypeDefPrimitive as P;
    if *kind == P::U16 && name.contains("netuid") {
        return out.extend(netuid(focus, chance).to_le_bytes());
    }
    match kind {
        P::Bool => out.push(chance.below(2) as u8),
        P::U8 | P::I8 => out.push(chance.number(8) as u8),
        P::U16 | P::I16 => out.extend((chance.number(16) as u16).to_le_bytes()),
        P::U32 | P::I32 | P::Char => out.extend((chance.number(32) as u32).to_le_bytes()),
        P::U64 | P::I64 => out.extend((chance.number(64) as u64).to_le_bytes()),
        P::U128 | P::I128 => out.extend(chance.number(128).to_le_bytes()),
        P::U256 | P::I256 => {
            out.extend(chance.number(128).to_le_bytes());
            out.extend([0; 16]);
        }
        P::Str => out.push(0),
    }
}
