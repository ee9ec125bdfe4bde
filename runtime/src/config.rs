//! How each pallet is configured, and the constants behind it.
//!
//! Block time comes from storage (`SubtensorModule.SlotDurationMs`), so one Wasm serves every block
//! time; genesis sets it, and root may change it (`slots`). Fees go to the block's author; see
//! `fees` for who pays them.

use crate::*;
use codec::Encode;
use core::marker::PhantomData;
use frame_support::{
    derive_impl, parameter_types,
    traits::{
        ConstBool, ConstU16, ConstU32, ConstU64, ConstU8, Contains, FindAuthor, Get, InsideBoth,
        VariantCountOf,
    },
    weights::IdentityFee,
    PalletId,
};
use frame_system::limits::{BlockLength, BlockWeights};
use pallet_subtensor::NetUid;
use pallet_transaction_payment::{ConstFeeMultiplier, Multiplier};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::traits::One;

/// An account with less than this, in rao, is dust. The public chain's value.
pub const EXISTENTIAL_DEPOSIT: Balance = 500;

/// Blocks whose hashes are kept; no mortal extrinsic lives longer. The public chain's value.
const BLOCK_HASH_COUNT: BlockNumber = 2_400;

/// Bytes of extrinsics that a block may hold. The public chain's value.
const BLOCK_BYTES: u32 = 10 * 1024 * 1024;

parameter_types! {
    pub const Version: RuntimeVersion = VERSION;
    pub RuntimeBlockWeights: BlockWeights = weights::block_weights();
    pub RuntimeBlockLength: BlockLength = BlockLength::builder().max_length(BLOCK_BYTES).build();
    pub FeeMultiplier: Multiplier = Multiplier::one();
}

/// Milliseconds of a slot.
pub struct SlotDuration;

impl Get<u64> for SlotDuration {
    fn get() -> u64 {
        pallet_subtensor::SlotDurationMs::<Runtime>::get()
    }
}

/// Two blocks are at least half a slot apart, as Aura has it.
pub struct MinimumPeriod;

impl Get<u64> for MinimumPeriod {
    fn get() -> u64 {
        SlotDuration::get() / 2
    }
}

/// The account of the authority that the block's slot belongs to.
pub struct BlockAuthor<T>(PhantomData<T>);

impl<T: pallet_aura::Config<AuthorityId = AuraId>> Get<Option<AccountId>> for BlockAuthor<T> {
    fn get() -> Option<AccountId> {
        let digest = frame_system::Pallet::<T>::digest();
        let logs = digest.logs.iter().filter_map(|item| item.as_pre_runtime());
        let index = pallet_aura::Pallet::<T>::find_author(logs)?;
        let authorities = pallet_aura::Authorities::<T>::get();
        let key = authorities.get(usize::try_from(index).ok()?)?;
        Some(AccountId::new(sp_core::sr25519::Public::from(key.clone()).0))
    }
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type Block = Block;
    type BaseCallFilter = InsideBoth<SafeMode, keys::FlatBatches>;
    type BlockHashCount = ConstU32<BLOCK_HASH_COUNT>;
    type BlockWeights = RuntimeBlockWeights;
    type BlockLength = RuntimeBlockLength;
    type DbWeight = weights::DbWeight;
    type Nonce = Nonce;
    type AccountData = pallet_balances::AccountData<Balance>;
    type Version = Version;
    type SS58Prefix = ConstU16<42>;
    type MaxConsumers = ConstU32<16>;
    type PostTransactions = slots::FollowDuration;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = Aura;
    type MinimumPeriod = MinimumPeriod;
    type WeightInfo = ();
}

impl pallet_aura::Config for Runtime {
    type AuthorityId = AuraId;
    type MaxAuthorities = ConstU32<32>;
    type DisabledValidators = ();
    type AllowMultipleBlocksPerSlot = ConstBool<false>;
    type SlotDuration = SlotDuration;
}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
    type Balance = Balance;
    type DustRemoval = ();
    type ExistentialDeposit = ConstU64<EXISTENTIAL_DEPOSIT>;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type OnChargeTransaction = fees::OwnerPays<Balances, fees::ToAuthor>;
    type WeightToFee = fees::WeightFee;
    type LengthToFee = IdentityFee<Balance>;
    type FeeMultiplierUpdate = ConstFeeMultiplier<FeeMultiplier>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightInfo = ();
}

impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = ();
}

impl pallet_utility::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PalletsOrigin = OriginCaller;
    type WeightInfo = ();
}

impl pallet_subtensor::Config for Runtime {
    type Currency = Balances;
    type PoolSettings = Pools;
    type OnNeuronLeft = Neurons;
    type Commitments = Neurons;
    type Beacon = Rounds;
    type ActsFor = keys::Acts;
    type Leasing = leases::Lessors;
    type BlockAuthor = BlockAuthor<Runtime>;
    type WeightInfo = ();
}

/// The pools, as the swap pallet and the subtensor pallet see each other's part in them.
pub struct Pools;

impl pallet_subtensor::PoolSettings for Pools {
    fn fee_rate(netuid: NetUid) -> u16 {
        pallet_swap::FeeRate::<Runtime>::get(netuid)
    }

    fn forget(netuid: NetUid) {
        Swap::forget(netuid);
    }
}

impl Contains<NetUid> for Pools {
    fn contains(netuid: &NetUid) -> bool {
        SubtensorModule::subnet_exists(*netuid)
    }
}

impl pallet_swap::Config for Runtime {
    type Subnets = Pools;
}

/// The neurons, as the commitments pallet sees them, and the news of those that leave.
pub struct Neurons;

impl pallet_commitments::Neurons<AccountId> for Neurons {
    fn is_registered(netuid: NetUid, hotkey: &AccountId) -> bool {
        pallet_subtensor::Uids::<Runtime>::contains_key(netuid, hotkey)
    }

    fn epoch_index(netuid: NetUid) -> u64 {
        pallet_subtensor::SubnetEpochIndex::<Runtime>::get(netuid)
    }

    fn reset_bonds(netuid: NetUid, hotkey: &AccountId) {
        SubtensorModule::reset_bonds_to(netuid, hotkey);
    }
}

impl pallet_subtensor::OnNeuronLeft<AccountId> for Neurons {
    fn neuron_left(netuid: NetUid, hotkey: &AccountId) {
        Commitments::forget(netuid, hotkey);
    }
}

impl pallet_subtensor::Commitments<AccountId> for Neurons {
    fn commitments(netuid: NetUid) -> Vec<(AccountId, Vec<u8>)> {
        pallet_commitments::CommitmentOf::<Runtime>::iter_prefix(netuid)
            .map(|(hotkey, kept)| (hotkey, kept.encode()))
            .collect()
    }
}

/// The beacon's rounds, as the pallets see them that keep what is sealed to one.
pub struct Rounds;

impl pallet_subtensor::Beacon for Rounds {
    fn last_round() -> u64 {
        pallet_drand::LastStoredRound::<Runtime>::get()
    }

    fn round_within(seconds: u64) -> u64 {
        Drand::round_within(seconds)
    }

    fn await_round(round: u64) {
        Drand::await_round(round);
    }

    fn has_news() -> bool {
        Drand::has_news()
    }

    fn is_known(round: u64) -> bool {
        pallet_drand::Pulses::<Runtime>::contains_key(round)
    }

    fn open(round: u64, sealed: &[u8]) -> pallet_subtensor::Opened {
        match Drand::open(round, sealed) {
            pallet_drand::Opened::NotYet => pallet_subtensor::Opened::NotYet,
            pallet_drand::Opened::Never => pallet_subtensor::Opened::Never,
            pallet_drand::Opened::Text(text) => pallet_subtensor::Opened::Text(text),
        }
    }
}

/// The public chain's values.
impl pallet_drand::Config for Runtime {
    type UnsignedPriority = ConstU64<{ 1 << 20 }>;
    type HttpFetchTimeout = ConstU64<1_000>;
    type WeightInfo = ();
    type UnixTime = Timestamp;
}

impl pallet_commitments::Config for Runtime {
    type Neurons = Neurons;
    type Beacon = Rounds;
    type MaxFields = ConstU32<3>;
}

parameter_types! {
    pub const CrowdloanPalletId: PalletId = PalletId(*b"bt/cloan");
}

/// The public chain's values: ten TAO, a tenth of a TAO, and as many as a call or a list can hold.
impl pallet_crowdloan::Config for Runtime {
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type Preimages = Preimage;
    type PalletId = CrowdloanPalletId;
    type MinimumDeposit = ConstU64<10_000_000_000>;
    type AbsoluteMinimumContribution = ConstU64<100_000_000>;
    type RefundContributorsLimit = ConstU32<50>;
    type MaxContributors = ConstU32<500>;
    type WeightInfo = ();
}

impl pallet_admin_utils::Config for Runtime {}

/// The authors by Aura's turns.
pub struct AuraAuthors;

impl AuraAuthors {
    /// Whose turn it is so many slots after this block's.
    fn after(slots: u64) -> Option<AuraId> {
        let authorities = pallet_aura::Authorities::<Runtime>::get();
        let slot = u64::from(pallet_aura::CurrentSlot::<Runtime>::get()).checked_add(slots)?;
        let turn = slot.checked_rem(u64::try_from(authorities.len()).ok()?)?;
        authorities.get(usize::try_from(turn).ok()?).cloned()
    }
}

impl pallet_mev_shield::FindAuthors<AuraId> for AuraAuthors {
    fn find_current_author() -> Option<AuraId> {
        Self::after(0)
    }

    fn find_next_next_author() -> Option<AuraId> {
        Self::after(2)
    }
}

impl pallet_mev_shield::Config for Runtime {
    type AuthorityId = AuraId;
    type FindAuthors = AuraAuthors;
    type ExtrinsicDecryptor = ();
}
