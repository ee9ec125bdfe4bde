//! What a commitment is made of.
//!
//! The encoding of [`Data`] is the one that clients of the public chain know: a byte that is the
//! length plus one for up to 128 plain bytes, and a number of its own for every other form. So one
//! variant here is 129 in the metadata, and `Data` writes its own codec and type description.

use alloc::{vec, vec::Vec};
use codec::{
    Decode, DecodeWithMemTracking, Encode, EncodeLike, Error, Input, MaxEncodedLen, Output,
};
use frame_support::{
    traits::{ConstU32, Get},
    BoundedVec, CloneNoBound, DebugNoBound, DefaultNoBound, EqNoBound, PartialEqNoBound,
};
use pallet_subtensor::Tao;
use scale_info::{
    build::{Fields, Variants},
    Path, Type, TypeInfo,
};

/// Plain bytes whose length fits into the leading byte.
pub const MAX_RAW: u32 = 128;
/// Plain bytes with a length of their own.
pub const MAX_BIG_RAW: u32 = 512;
/// The ciphertext of a time-locked text.
pub const MAX_TIMELOCKED: u32 = 1024;

/// The leading byte of each form but the plain one, which takes `1..=129`.
mod tag {
    pub const NONE: u8 = 0;
    pub const RAW_EMPTY: u8 = 1;
    pub const RAW_FULL: u8 = 129;
    pub const BLAKE_TWO_256: u8 = 130;
    pub const SHA_256: u8 = 131;
    pub const KECCAK_256: u8 = 132;
    pub const SHA_THREE_256: u8 = 133;
    pub const TIMELOCK_ENCRYPTED: u8 = 134;
    pub const RESET_BONDS_FLAG: u8 = 135;
    pub const BIG_RAW: u8 = 136;
}

/// One field of a commitment.
#[derive(Clone, Debug, Default, PartialEq, Eq, DecodeWithMemTracking, MaxEncodedLen)]
pub enum Data {
    #[default]
    None,
    Raw(BoundedVec<u8, ConstU32<MAX_RAW>>),
    BlakeTwo256([u8; 32]),
    Sha256([u8; 32]),
    Keccak256([u8; 32]),
    ShaThree256([u8; 32]),
    /// A text that a randomness beacon's round opens.
    TimelockEncrypted {
        encrypted: BoundedVec<u8, ConstU32<MAX_TIMELOCKED>>,
        reveal_round: u64,
    },
    /// Asks for the bonds of this neuron to be dropped, where the subnet allows it.
    ResetBondsFlag,
    BigRaw(BoundedVec<u8, ConstU32<MAX_BIG_RAW>>),
}

impl Data {
    /// The round that opens it, if it is a time-locked text.
    pub fn reveal_round(&self) -> Option<u64> {
        match self {
            Self::TimelockEncrypted { reveal_round, .. } => Some(*reveal_round),
            _ => None,
        }
    }

    /// The bytes that count against the space an account may use.
    pub fn space(&self) -> usize {
        match self {
            Self::None | Self::ResetBondsFlag => 0,
            Self::Raw(bytes) => bytes.len(),
            Self::BlakeTwo256(hash)
            | Self::Sha256(hash)
            | Self::Keccak256(hash)
            | Self::ShaThree256(hash) => hash.len(),
            Self::TimelockEncrypted { encrypted, .. } => encrypted.len(),
            Self::BigRaw(bytes) => bytes.len(),
        }
    }
}

impl Encode for Data {
    fn size_hint(&self) -> usize {
        // The tag and, at most, a two-byte length and a round.
        self.space().saturating_add(11)
    }

    fn encode_to<O: Output + ?Sized>(&self, out: &mut O) {
        match self {
            Self::None => out.push_byte(tag::NONE),
            Self::Raw(bytes) => {
                // At most 128, so neither step can fail.
                out.push_byte((bytes.len() as u8).saturating_add(tag::RAW_EMPTY));
                out.write(bytes);
            }
            Self::BlakeTwo256(hash) => (tag::BLAKE_TWO_256, hash).encode_to(out),
            Self::Sha256(hash) => (tag::SHA_256, hash).encode_to(out),
            Self::Keccak256(hash) => (tag::KECCAK_256, hash).encode_to(out),
            Self::ShaThree256(hash) => (tag::SHA_THREE_256, hash).encode_to(out),
            Self::TimelockEncrypted { encrypted, reveal_round } => {
                (tag::TIMELOCK_ENCRYPTED, encrypted, reveal_round).encode_to(out)
            }
            Self::ResetBondsFlag => out.push_byte(tag::RESET_BONDS_FLAG),
            Self::BigRaw(bytes) => (tag::BIG_RAW, bytes).encode_to(out),
        }
    }
}

impl EncodeLike for Data {}

impl Decode for Data {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Ok(match input.read_byte()? {
            tag::NONE => Self::None,
            full @ tag::RAW_EMPTY..=tag::RAW_FULL => {
                let mut bytes: Vec<u8> = vec![0; usize::from(full.saturating_sub(tag::RAW_EMPTY))];
                input.read(&mut bytes)?;
                Self::Raw(bytes.try_into().map_err(|_| Error::from("too many plain bytes"))?)
            }
            tag::BLAKE_TWO_256 => Self::BlakeTwo256(Decode::decode(input)?),
            tag::SHA_256 => Self::Sha256(Decode::decode(input)?),
            tag::KECCAK_256 => Self::Keccak256(Decode::decode(input)?),
            tag::SHA_THREE_256 => Self::ShaThree256(Decode::decode(input)?),
            tag::TIMELOCK_ENCRYPTED => {
                let (encrypted, reveal_round) = Decode::decode(input)?;
                Self::TimelockEncrypted { encrypted, reveal_round }
            }
            tag::RESET_BONDS_FLAG => Self::ResetBondsFlag,
            tag::BIG_RAW => Self::BigRaw(Decode::decode(input)?),
            _ => return Err("not a form of commitment data".into()),
        })
    }
}

/// Adds to the variants one for plain bytes of each length that is named.
macro_rules! raw_variants {
    ($variants:expr; $($length:literal)*) => {
        $variants$(.variant(concat!("Raw", $length), |variant| {
            variant
                .index($length + tag::RAW_EMPTY)
                .fields(Fields::unnamed().field(|field| field.ty::<[u8; $length]>()))
        }))*
    };
}

impl TypeInfo for Data {
    type Identity = Self;

    fn type_info() -> Type {
        let plain = raw_variants!(
            Variants::new().variant("None", |variant| variant.index(tag::NONE));
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60
            61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89
            90 91 92 93 94 95 96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113
            114 115 116 117 118 119 120 121 122 123 124 125 126 127 128
        );
        let hashes = [
            ("BlakeTwo256", tag::BLAKE_TWO_256),
            ("Sha256", tag::SHA_256),
            ("Keccak256", tag::KECCAK_256),
            ("ShaThree256", tag::SHA_THREE_256),
        ]
        .into_iter()
        .fold(plain, |variants, (name, index)| {
            variants.variant(name, |variant| {
                variant.index(index).fields(Fields::unnamed().field(|field| field.ty::<[u8; 32]>()))
            })
        });
        let all = hashes
            .variant("TimelockEncrypted", |variant| {
                variant.index(tag::TIMELOCK_ENCRYPTED).fields(
                    Fields::named()
                        .field(|field| {
                            field.name("encrypted").ty::<BoundedVec<u8, ConstU32<MAX_TIMELOCKED>>>()
                        })
                        .field(|field| field.name("reveal_round").ty::<u64>()),
                )
            })
            .variant("ResetBondsFlag", |variant| variant.index(tag::RESET_BONDS_FLAG))
            .variant("BigRaw", |variant| {
                variant.index(tag::BIG_RAW).fields(
                    Fields::unnamed()
                        .field(|field| field.ty::<BoundedVec<u8, ConstU32<MAX_BIG_RAW>>>()),
                )
            });
        Type::builder().path(Path::new("Data", module_path!())).variant(all)
    }
}

/// What an account commits to at once.
#[derive(
    CloneNoBound,
    DebugNoBound,
    DefaultNoBound,
    EqNoBound,
    PartialEqNoBound,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(MaxFields))]
pub struct CommitmentInfo<MaxFields: Get<u32>> {
    pub fields: BoundedVec<Data, MaxFields>,
}

impl<MaxFields: Get<u32>> CommitmentInfo<MaxFields> {
    pub fn has_timelock(&self) -> bool {
        self.is_due(u64::MAX)
    }

    /// Whether a text is locked until this round or an earlier one.
    pub fn is_due(&self, round: u64) -> bool {
        self.fields.iter().any(|field| {
            matches!(field, Data::TimelockEncrypted { reveal_round, .. } if *reveal_round <= round)
        })
    }
}

/// A commitment as it is kept.
#[derive(
    CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound, Encode, Decode, MaxEncodedLen, TypeInfo,
)]
#[codec(mel_bound(BlockNumber: MaxEncodedLen))]
#[scale_info(skip_type_params(MaxFields))]
pub struct Registration<MaxFields: Get<u32>, BlockNumber>
where
    BlockNumber: Clone + core::fmt::Debug + Eq,
{
    /// What was reserved for it.
    pub deposit: Tao,
    /// Block of the latest `set_commitment`.
    pub block: BlockNumber,
    pub info: CommitmentInfo<MaxFields>,
}

/// How much an account has written in one epoch of a subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct UsageTracker {
    pub last_epoch: u64,
    pub used_space: u64,
}
