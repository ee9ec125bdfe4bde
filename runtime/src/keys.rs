//! The pallets by which operators use keys: several signatures for one account, calls that wait,
//! texts that are noted beforehand, and the mode in which the chain takes next to nothing.
//!
//! They are FRAME's, with the public runtime's constants. What a proxy may do is `proxies`. `Acts`
//! says in whose names a call is made through them.

use crate::{proxies::ProxyType, *};
use alloc::vec::Vec;
use core::cmp::Ordering;
use frame_support::{
    parameter_types,
    traits::{fungible::HoldConsideration, Contains, LinearStoragePrice, PrivilegeCmp},
    weights::Weight,
};
use frame_system::{EnsureRoot, EnsureRootWithSuccess};
use sp_runtime::Perbill;

/// Rao held for each item that somebody has stored, and for each byte: the public chain's prices.
const DEPOSIT_PER_ITEM: Balance = 20_000_000;
const DEPOSIT_PER_BYTE: Balance = 1_000_000;

/// What is held for `items` of storage with `bytes` together.
const fn deposit(items: u64, bytes: u64) -> Balance {
    items.saturating_mul(DEPOSIT_PER_ITEM).saturating_add(bytes.saturating_mul(DEPOSIT_PER_BYTE))
}

parameter_types! {
    // A key of two accounts; a value of the depositor, its deposit and a point in time.
    pub const MultisigDepositBase: Balance = deposit(1, 112);
    // An account more.
    pub const MultisigDepositFactor: Balance = deposit(0, 32);
    /// Members of one multisig account. The public chain's value.
    pub const MaxSignatories: u32 = 100;

    // An account and a balance.
    pub const ProxyDepositBase: Balance = deposit(1, 40);
    // An account and a type.
    pub const ProxyDepositFactor: Balance = deposit(0, 33);
    /// Proxies of one account. The public chain's value.
    pub const MaxProxies: u32 = 20;
    /// Announcements of one proxy. The public chain's value.
    pub const MaxPending: u32 = 75;
    // An account's balance.
    pub const AnnouncementDepositBase: Balance = deposit(1, 16);
    // An account, a hash and a block.
    pub const AnnouncementDepositFactor: Balance = deposit(0, 68);

    pub const PreimageBaseDeposit: Balance = deposit(2, 64);
    pub const PreimageByteDeposit: Balance = deposit(0, 1);
    pub const PreimageHoldReason: RuntimeHoldReason =
        RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);

    /// What scheduled calls may take of a block. The public chain's part.
    pub MaximumSchedulerWeight: Weight =
        Perbill::from_percent(80) * weights::block_weights().max_block;
    /// Calls scheduled for one block. The public chain's value.
    pub const MaxScheduledPerBlock: u32 = 50;

    // Nobody but root enters or extends safe mode, so nobody has a deposit in it.
    pub const NoDuration: BlockNumber = 0;
    pub const NoDeposit: Option<Balance> = None;
    pub const NoRelease: Option<BlockNumber> = None;
    /// Blocks for which root enters, a day of blocks of 12 seconds, and extends, half a day: the
    /// public chain's values, on which this chain's block time has no influence either.
    pub const SafeModeEnterDuration: BlockNumber = 7_200;
    pub const SafeModeExtendDuration: BlockNumber = 3_600;
}

impl pallet_multisig::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type DepositBase = MultisigDepositBase;
    type DepositFactor = MultisigDepositFactor;
    type MaxSignatories = MaxSignatories;
    type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
    type BlockNumberProvider = System;
}

impl pallet_proxy::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type ProxyType = ProxyType;
    type ProxyDepositBase = ProxyDepositBase;
    type ProxyDepositFactor = ProxyDepositFactor;
    type MaxProxies = MaxProxies;
    type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
    type MaxPending = MaxPending;
    type CallHasher = BlakeTwo256;
    type AnnouncementDepositBase = AnnouncementDepositBase;
    type AnnouncementDepositFactor = AnnouncementDepositFactor;
    type BlockNumberProvider = System;
}

impl pallet_preimage::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type ManagerOrigin = EnsureRoot<AccountId>;
    type Consideration = HoldConsideration<
        AccountId,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<PreimageBaseDeposit, PreimageByteDeposit, Balance>,
    >;
}

/// Root has all privileges; no other two origins are compared, because only root schedules.
pub struct RootFirst;

impl PrivilegeCmp<OriginCaller> for RootFirst {
    fn cmp_privilege(left: &OriginCaller, right: &OriginCaller) -> Option<Ordering> {
        match (left, right) {
            (left, right) if left == right => Some(Ordering::Equal),
            (OriginCaller::system(frame_system::RawOrigin::Root), _) => Some(Ordering::Greater),
            _ => None,
        }
    }
}

impl pallet_scheduler::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type PalletsOrigin = OriginCaller;
    type RuntimeCall = RuntimeCall;
    type MaximumWeight = MaximumSchedulerWeight;
    type ScheduleOrigin = EnsureRoot<AccountId>;
    type OriginPrivilegeCmp = RootFirst;
    type MaxScheduledPerBlock = MaxScheduledPerBlock;
    type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Runtime>;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

/// What the chain takes in safe mode: what ends it, and the work of neurons, as publicly.
pub struct InSafeMode;

impl Contains<RuntimeCall> for InSafeMode {
    fn contains(call: &RuntimeCall) -> bool {
        matches!(
            call,
            RuntimeCall::Sudo(_)
                | RuntimeCall::Multisig(_)
                | RuntimeCall::System(_)
                | RuntimeCall::SafeMode(_)
                | RuntimeCall::Timestamp(_)
                | RuntimeCall::SubtensorModule(
                    pallet_subtensor::Call::set_weights { .. }
                        | pallet_subtensor::Call::serve_axon { .. }
                )
                | RuntimeCall::Commitments(pallet_commitments::Call::set_commitment { .. })
        )
    }
}

impl pallet_safe_mode::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WhitelistedCalls = InSafeMode;
    type EnterDuration = NoDuration;
    type ExtendDuration = NoDuration;
    type EnterDepositAmount = NoDeposit;
    type ExtendDepositAmount = NoDeposit;
    type ForceEnterOrigin = EnsureRootWithSuccess<AccountId, SafeModeEnterDuration>;
    type ForceExtendOrigin = EnsureRootWithSuccess<AccountId, SafeModeExtendDuration>;
    type ForceExitOrigin = EnsureRoot<AccountId>;
    type ForceDepositOrigin = EnsureRoot<AccountId>;
    type Notify = ();
    type ReleaseDelay = NoRelease;
    type WeightInfo = pallet_safe_mode::weights::SubstrateWeight<Runtime>;
}

/// Lets no batch into a batch, as publicly.
pub struct FlatBatches;

impl FlatBatches {
    /// The calls of a batch; none of any other call.
    fn batched(call: &RuntimeCall) -> Option<&Vec<RuntimeCall>> {
        match call {
            RuntimeCall::Utility(
                pallet_utility::Call::batch { calls }
                | pallet_utility::Call::batch_all { calls }
                | pallet_utility::Call::force_batch { calls },
            ) => Some(calls),
            _ => None,
        }
    }
}

impl Contains<RuntimeCall> for FlatBatches {
    fn contains(call: &RuntimeCall) -> bool {
        Self::batched(call)
            .is_none_or(|calls| calls.iter().all(|inner| Self::batched(inner).is_none()))
    }
}

/// Sees through what carries calls of other signers: proxies, multisig calls, derivatives, batches,
/// and root's calls in somebody's name.
pub struct Acts;

type Look<'a, E> = &'a mut dyn FnMut(&AccountId, &RuntimeCall) -> Result<(), E>;

impl Acts {
    /// Looks for other signers in a call of `signer`, which itself has been looked at.
    fn inside<E>(signer: &AccountId, call: &RuntimeCall, look: Look<E>) -> Result<(), E> {
        use pallet_multisig::Call as Multi;
        use pallet_proxy::Call as Proxied;
        use pallet_utility::Call as Batch;
        match call {
            RuntimeCall::Utility(
                Batch::batch { calls } | Batch::batch_all { calls } | Batch::force_batch { calls },
            ) => calls.iter().try_for_each(|call| Self::inside(signer, call, look)),
            RuntimeCall::Utility(Batch::if_else { main, fallback }) => {
                Self::inside(signer, main, look)?;
                Self::inside(signer, fallback, look)
            }
            RuntimeCall::Utility(Batch::as_derivative { index, call }) => {
                let derived = pallet_utility::derivative_account_id(signer.clone(), *index);
                Self::other(&derived, call, look)
            }
            RuntimeCall::Proxy(
                Proxied::proxy { real: MultiAddress::Id(real), call, .. }
                | Proxied::proxy_announced { real: MultiAddress::Id(real), call, .. },
            ) => Self::other(real, call, look),
            RuntimeCall::Multisig(Multi::as_multi {
                threshold, other_signatories, call, ..
            }) => Self::other(&shared(signer, other_signatories, *threshold), call, look),
            RuntimeCall::Multisig(Multi::as_multi_threshold_1 { other_signatories, call }) => {
                Self::other(&shared(signer, other_signatories, 1), call, look)
            }
            RuntimeCall::Sudo(pallet_sudo::Call::sudo_as { who: MultiAddress::Id(who), call }) => {
                Self::other(who, call, look)
            }
            _ => Ok(()),
        }
    }

    fn other<E>(signer: &AccountId, call: &RuntimeCall, look: Look<E>) -> Result<(), E> {
        look(signer, call)?;
        Self::inside(signer, call, look)
    }
}

/// The account of `signer` and others together.
fn shared(signer: &AccountId, others: &[AccountId], threshold: u16) -> AccountId {
    let mut members: Vec<AccountId> = others.iter().chain([signer]).cloned().collect();
    members.sort();
    pallet_multisig::Pallet::<Runtime>::multi_account_id(&members, threshold)
}

impl pallet_subtensor::ActsFor<AccountId, RuntimeCall> for Acts {
    fn each<E>(
        signer: &AccountId,
        call: &RuntimeCall,
        look: &mut dyn FnMut(&AccountId, &RuntimeCall) -> Result<(), E>,
    ) -> Result<(), E> {
        Self::other(signer, call, look)
    }

    fn is_sealed(call: &RuntimeCall) -> bool {
        matches!(call, RuntimeCall::MevShield(pallet_mev_shield::Call::submit_encrypted { .. }))
    }
}
