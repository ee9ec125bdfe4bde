//! Records that the pallet stores and clients decode: endpoints, identities, rate-limit keys.
//!
//! Field order and widths follow the public runtime's metadata. Sizes that input can choose are
//! limited where the record is made (`crate::neurons::serving`, `crate::subnets::identity`).

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use substrate_fixed::types::U64F64;

use super::{Alpha, NetUid, Tao};

/// A TLS public key is at most this long (the largest in use, P-521 aside, has 64 bytes).
pub const MAX_CERTIFICATE_KEY_BYTES: u32 = 64;

/// Where a neuron's server listens.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct AxonInfo {
    /// Block in which this was served.
    pub block: u64,
    pub version: u32,
    pub ip: u128,
    pub port: u16,
    /// 4 or 6.
    pub ip_type: u8,
    pub protocol: u8,
    pub placeholder1: u8,
    pub placeholder2: u8,
}

/// Where a neuron's metrics are.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct PrometheusInfo {
    pub block: u64,
    pub version: u32,
    pub ip: u128,
    pub port: u16,
    pub ip_type: u8,
}

/// The public key with which a neuron's server proves itself over TLS.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct NeuronCertificate {
    pub public_key: BoundedVec<u8, ConstU32<MAX_CERTIFICATE_KEY_BYTES>>,
    pub algorithm: u8,
}

impl NeuronCertificate {
    /// Reads the wire form: one byte for the algorithm, then the key.
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        let (algorithm, key) = bytes.split_first()?;
        if key.is_empty() {
            return None;
        }
        Some(Self { algorithm: *algorithm, public_key: key.to_vec().try_into().ok()? })
    }
}

/// Who a coldkey says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ChainIdentityV2 {
    pub name: Vec<u8>,
    pub url: Vec<u8>,
    pub github_repo: Vec<u8>,
    pub image: Vec<u8>,
    pub discord: Vec<u8>,
    pub description: Vec<u8>,
    pub additional: Vec<u8>,
}

/// What a subnet's owner says of the subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SubnetIdentityV3 {
    pub subnet_name: Vec<u8>,
    pub github_repo: Vec<u8>,
    pub subnet_contact: Vec<u8>,
    pub subnet_url: Vec<u8>,
    pub discord: Vec<u8>,
    pub description: Vec<u8>,
    pub logo_url: Vec<u8>,
    pub additional: Vec<u8>,
}

/// What stakers who lock their stake add to a hotkey, in rao.
pub type Conviction = U64F64;

/// A stake lock, as of its last change.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct LockState {
    pub locked_mass: Alpha,
    pub conviction: Conviction,
    pub last_update: u64,
}

/// Collateral behind a miner. Nothing makes one yet; clients read the map.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct MinerCollateralState {
    pub locked: Alpha,
    pub drain_ratio: U64F64,
    pub min_locked: Alpha,
    pub earned: Alpha,
}

/// A registration waiting for a subnet to be cleared away. None ever waits here: dissolving is
/// done in the block that asks for it. Clients read the queue before they register.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct NetworkRegistrationInfo<AccountId> {
    pub coldkey: AccountId,
    pub hotkey: AccountId,
    pub mechid: u16,
    pub identity: Option<SubnetIdentityV3>,
    pub lock_amount: Tao,
    pub median_subnet_alpha_price: U64F64,
    pub registration_block: u64,
    pub lock_id: u32,
}

/// How far the clearing away of a subnet has come; see [`NetworkRegistrationInfo`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct DissolveCleanupStatus {
    pub netuid: NetUid,
    pub last_key: Option<Vec<u8>>,
    pub subnet_total_alpha_value: Option<u128>,
    pub subnet_distributed_tao: Option<u128>,
}

/// What becomes of alpha that nobody is to have.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum RecycleOrBurnKind {
    /// It stays counted as issued, so it is never emitted again.
    #[default]
    Burn,
    /// It leaves the count of issued alpha and may be emitted again.
    Recycle,
}

/// How a subnet arrives at its incentives.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum EpochConsensus {
    #[default]
    Yuma,
    Null,
}

/// Which epoch's consensus liquid alpha looks at, as clients encode it; here always the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum ConsensusMode {
    Current,
    Previous,
    Auto,
}

/// What a rate limit is counted for. The encoding is the storage key, hence the fixed indices.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum RateLimitKey<AccountId> {
    #[codec(index = 0)]
    SetSNOwnerHotkey(NetUid),
    #[codec(index = 1)]
    OwnerHyperparamUpdate(NetUid, Hyperparameter),
    #[codec(index = 2)]
    NetworkLastRegistered,
    #[codec(index = 3)]
    LastTxBlock(AccountId),
    #[codec(index = 5)]
    LastTxBlockDelegateTake(AccountId),
}

impl<AccountId> RateLimitKey<AccountId> {
    /// The subnet on which something is limited, if it is one subnet's.
    pub fn netuid(&self) -> Option<NetUid> {
        match self {
            Self::SetSNOwnerHotkey(netuid) | Self::OwnerHyperparamUpdate(netuid, _) => {
                Some(*netuid)
            }
            Self::NetworkLastRegistered
            | Self::LastTxBlock(_)
            | Self::LastTxBlockDelegateTake(_) => None,
        }
    }
}

/// The hyperparameters that a subnet's owner may change, as they occur in [`RateLimitKey`].
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Hyperparameter {
    Unknown = 0,
    ServingRateLimit = 1,
    MaxDifficulty = 2,
    AdjustmentAlpha = 3,
    MaxWeightLimit = 4,
    ImmunityPeriod = 5,
    MinAllowedWeights = 6,
    Kappa = 7,
    Rho = 8,
    ActivityCutoff = 9,
    PowRegistrationAllowed = 10,
    MinBurn = 11,
    MaxBurn = 12,
    BondsMovingAverage = 13,
    BondsPenalty = 14,
    CommitRevealEnabled = 15,
    LiquidAlphaEnabled = 16,
    AlphaValues = 17,
    WeightCommitInterval = 18,
    TransferEnabled = 19,
    AlphaSigmoidSteepness = 20,
    Yuma3Enabled = 21,
    BondsResetEnabled = 22,
    ImmuneNeuronLimit = 23,
    RecycleOrBurn = 24,
    MaxAllowedUids = 25,
    BurnHalfLife = 26,
    BurnIncreaseMult = 27,
    SubnetEmissionEnabled = 28,
    MinChildkeyTake = 29,
    ActivityCutoffFactorMilli = 30,
    TriggerEpoch = 31,
    Tempo = 32,
    WeightsVersion = 33,
    RegistrationAllowed = 34,
    OwnerCut = 35,
    OwnerCutAutoLock = 36,
    MechanismCount = 37,
    MechanismSplit = 38,
    EpochConsensus = 39,
    UidsTrimming = 40,
}

/// Hyperparameters that `register_network` gives a new subnet. A chain meant for one laptop wants
/// other ones than the public chain, and says so in its genesis.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubnetDefaults {
    pub tempo: u16,
    pub weights_set_rate_limit: u64,
    pub activity_cutoff_factor_milli: u32,
    pub serving_rate_limit: u64,
    pub max_registrations_per_block: u16,
    pub commit_reveal_weights_enabled: bool,
    pub subnet_emission_enabled: bool,
}

impl Default for SubnetDefaults {
    /// The public chain's.
    fn default() -> Self {
        Self {
            tempo: 360,
            weights_set_rate_limit: 100,
            activity_cutoff_factor_milli: 13_889,
            serving_rate_limit: 50,
            max_registrations_per_block: 1,
            commit_reveal_weights_enabled: true,
            subnet_emission_enabled: false,
        }
    }
}
