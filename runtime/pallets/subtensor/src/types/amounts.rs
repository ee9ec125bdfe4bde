//! Amounts of the chain's token (`Tao`) and of a subnet's own token (`Alpha`), both in 1e-9.
//!
//! The two never mix: only the pool (`crate::pool`), where one is exchanged for the other, looks
//! inside both. Arithmetic is checked, and failing it is an error that undoes the call; there is
//! deliberately no `Add`, no `Sub` and nothing that saturates.

use codec::{CompactAs, Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::Get;
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::ArithmeticError;

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord,
            Encode, Decode, DecodeWithMemTracking, CompactAs, MaxEncodedLen, TypeInfo,
            Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            pub const ZERO: Self = Self(0);
            pub const MAX: Self = Self(u64::MAX);

            /// An amount of so many rao (1e-9).
            pub const fn new(rao: u64) -> Self {
                Self(rao)
            }

            pub const fn rao(self) -> u64 {
                self.0
            }

            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }

            /// The sum, or the greatest amount that there is.
            pub const fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// The difference, or nothing.
            pub const fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }

            /// The sum, or the error that fails the call.
            pub fn plus(self, other: Self) -> Result<Self, ArithmeticError> {
                self.checked_add(other).ok_or(ArithmeticError::Overflow)
            }

            /// The difference, or the error that fails the call.
            pub fn minus(self, other: Self) -> Result<Self, ArithmeticError> {
                self.checked_sub(other).ok_or(ArithmeticError::Underflow)
            }
        }

        impl From<u64> for $name {
            fn from(rao: u64) -> Self {
                Self(rao)
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

amount! {
    /// The chain's token.
    Tao
}

amount! {
    /// A subnet's token. Which subnet's is known from where the amount is kept.
    Alpha
}

/// A constant amount as a `Get`, for storage defaults.
pub struct ConstTao<const RAO: u64>;

impl<const RAO: u64> Get<Tao> for ConstTao<RAO> {
    fn get() -> Tao {
        Tao(RAO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_refuses_instead_of_wrapping() {
        assert_eq!(Tao::MAX.plus(Tao::new(1)), Err(ArithmeticError::Overflow));
        assert_eq!(Alpha::ZERO.minus(Alpha::new(1)), Err(ArithmeticError::Underflow));
        assert_eq!(Tao::new(2).plus(Tao::new(3)), Ok(Tao::new(5)));
        assert_eq!(Alpha::new(5).minus(Alpha::new(5)), Ok(Alpha::ZERO));
    }

    #[test]
    fn an_amount_is_encoded_as_its_integer() {
        assert_eq!(Tao::new(7).encode(), 7u64.encode());
    }
}
