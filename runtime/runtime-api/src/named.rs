//! A list that a question names, with a bound on its length.
//!
//! What a question costs grows with the list, and anybody may ask. The public chain takes lists of
//! any length; a client of this one asks again for the rest. To clients the type is a `Vec`.

use alloc::{format, vec::Vec};
use codec::{Compact, Decode, Encode, Error, Input, Output};
use scale_info::{Type, TypeInfo};
use sp_core::RuntimeInterfaceLogLevel as LogLevel;

/// Items that one question may name: more than a person has wallets or a chain subnets (129). The
/// dearest such question, about the stake of so many coldkeys without any, takes 20 ms; without a
/// bound 140,000 of them took 12 seconds.
pub const NAMED_MAX: u32 = 256;

/// At most [`NAMED_MAX`] items. A longer list does not decode, whatever follows its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T>(pub Vec<T>);

impl<T: Encode> Encode for Named<T> {
    fn encode_to<O: Output + ?Sized>(&self, dest: &mut O) {
        self.0.encode_to(dest);
    }
}

impl<T: Decode> Decode for Named<T> {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let Compact(count) = Compact::<u32>::decode(input)?;
        if count > NAMED_MAX {
            // In Wasm a codec error has no text; what is logged, a host tells with the refusal.
            let told = format!(
                "a question names at most {NAMED_MAX} items, this one {count}: ask again for the rest"
            );
            sp_io::logging::log(LogLevel::Error, "runtime-api", told.as_bytes());
            return Err("too many items".into());
        }
        (0..count).map(|_| T::decode(input)).collect::<Result<_, _>>().map(Self)
    }
}

impl<T: TypeInfo + 'static> TypeInfo for Named<T> {
    type Identity = <Vec<T> as TypeInfo>::Identity;

    fn type_info() -> Type {
        <Vec<T>>::type_info()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn as_many_as_allowed_decode_and_one_more_does_not() {
        let most: Vec<u16> = (0..256).collect();
        assert_eq!(Named::<u16>::decode(&mut &most.encode()[..]), Ok(Named(most.clone())));
        assert_eq!(Named(most.clone()).encode(), most.encode());
        let longer: Vec<u16> = (0..257).collect();
        assert!(Named::<u16>::decode(&mut &longer.encode()[..]).is_err());
        let claimed = Compact(u32::MAX).encode();
        assert!(Named::<u16>::decode(&mut &claimed[..]).is_err());
        assert!(Named::<u16>::decode(&mut &vec![8, 1, 0, 2][..]).is_err(), "cut short");
    }

    #[test]
    fn clients_see_a_vector() {
        use scale_info::{meta_type, MetaType};
        assert_eq!(meta_type::<Named<u16>>(), MetaType::new::<Vec<u16>>());
    }
}
