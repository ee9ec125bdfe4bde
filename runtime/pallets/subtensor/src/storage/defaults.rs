//! Defaults of storage items that are not plain integers, as `Get`s that the items name; and what an
//! item answers before anybody has set it, for whoever tells its default.
//!
//! Values are the public chain's; fixed-point ones are given by their bits, so that no float is
//! rounded on the way.

use crate::types::MechId;
use alloc::vec::Vec;
use codec::{Decode, FullCodec, FullEncode};
use core::marker::PhantomData;
use frame_support::{storage::generator, traits::Get};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::TrailingZeroInput, PerU16, Perquintill};
use substrate_fixed::types::{I96F32, U64F64};

/// The account of 32 zero bytes: what a map of accounts answers for a key it does not have.
pub struct ZeroAccount<T>(PhantomData<T>);

impl<T: frame_system::Config> Get<T::AccountId> for ZeroAccount<T> {
    #[allow(clippy::expect_used)]
    fn get() -> T::AccountId {
        T::AccountId::decode(&mut TrailingZeroInput::zeroes())
            .expect("an account decodes from any bytes, and the input has no end; qed")
    }
}

pub struct ConstPerU16<const PARTS: u16>;

impl<const PARTS: u16> Get<PerU16> for ConstPerU16<PARTS> {
    fn get() -> PerU16 {
        PerU16::from_parts(PARTS)
    }
}

pub struct ConstMechId<const ID: u8>;

impl<const ID: u8> Get<MechId> for ConstMechId<ID> {
    fn get() -> MechId {
        MechId::new(ID)
    }
}

macro_rules! default {
    ($(#[$doc:meta])* $name:ident: $value:ty = $expression:expr) => {
        $(#[$doc])*
        pub struct $name<T>(PhantomData<T>);

        impl<T> Get<$value> for $name<T> {
            fn get() -> $value {
                $expression
            }
        }
    };
}

default! {
    /// 3e-6, cut to 32 fractional bits.
    DefaultMovingAlpha: I96F32 = I96F32::from_bits(12_884)
}

default! {
    /// 1.26 as the nearest double has it.
    DefaultBurnIncreaseMult: U64F64 = U64F64::from_bits(0x1_428f_5c28_f5c2_9000)
}

default! {
    /// One for one.
    DefaultCollateralDrainRatio: U64F64 = U64F64::from_bits(1 << 64)
}

default! {
    /// 500,000 rao.
    DefaultRootClaimThreshold: I96F32 = I96F32::from_bits(500_000 << 32)
}

default! {
    /// One half: price times alpha equals TAO.
    DefaultPoolWeight: Perquintill = Perquintill::from_parts(500_000_000_000_000_000)
}

default! {
    /// 0.7 and 0.9.
    DefaultAlphaValues: (u16, u16) = (45_875, 58_982)
}

default! {
    /// The letter tau (U+1D70F), the chain's own symbol.
    DefaultSymbol: Vec<u8> = alloc::vec![0xf0, 0x9d, 0x9c, 0x8f]
}

/// What a value is before anybody has set it.
pub fn first_value<S, V>() -> S::Query
where
    S: generator::StorageValue<V>,
    V: FullCodec,
{
    S::from_optional_value_to_query(None)
}

/// What a map answers for a key it does not have.
pub fn first_entry<S, K, V>() -> S::Query
where
    S: generator::StorageMap<K, V>,
    K: FullEncode,
    V: FullCodec,
{
    S::from_optional_value_to_query(None)
}

/// What a map of two keys answers for those it does not have.
pub fn first_pair_entry<S, K1, K2, V>() -> S::Query
where
    S: generator::StorageDoubleMap<K1, K2, V>,
    K1: FullEncode,
    K2: FullEncode,
    V: FullCodec,
{
    S::from_optional_value_to_query(None)
}

/// Blocks between the announcement of a new coldkey and the swap: five days of blocks of 12 seconds.
pub struct ColdkeySwapDelay<T>(PhantomData<T>);

impl<T: frame_system::Config> Get<BlockNumberFor<T>> for ColdkeySwapDelay<T> {
    fn get() -> BlockNumberFor<T> {
        36_000u32.into()
    }
}

/// Blocks from then until it may be announced anew: a day.
pub struct ColdkeySwapAgainDelay<T>(PhantomData<T>);

impl<T: frame_system::Config> Get<BlockNumberFor<T>> for ColdkeySwapAgainDelay<T> {
    fn get() -> BlockNumberFor<T> {
        7_200u32.into()
    }
}
