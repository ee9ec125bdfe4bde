//! Drand: pulses of a randomness beacon, verified and kept.
//!
//! A beacon signs each round's number, one round every three seconds; the signature opens what was
//! sealed to the round. Somebody brings the pulses: an unsigned extrinsic each, held in the pool to
//! the beacon's key. Other pallets ask for what a round opens by [`Pallet::open`].
//!
//! * `admission`: which pulses are let in, and how many.
//! * `awaited`: rounds that something is sealed to.
//! * `types`: configuration and pulses.
//! * `quicknet`: the public beacon, which a chain follows unless its genesis names another key.
//!
//! Storage, calls, events and errors are the public chain's, by name and position. These things
//! differ. Publicly the pool takes pulses unseen, and configurations that only root may set, so that
//! anybody fills blocks with either for nothing; here neither reaches a block. A round whose time has
//! not come is refused. Nothing here fetches: a host or a process beside it brings the pulses, where a
//! public node's worker asks drand's servers. That worker brings every round in its order; here a
//! round that was passed over still comes if something is sealed to it.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;

mod admission;
mod awaited;
#[cfg(test)]
mod mock;
pub mod quicknet;
#[cfg(test)]
mod tests;
pub mod types;
pub mod weights;

pub use admission::PULSES_PER_BLOCK;
pub use types::*;
pub use weights::WeightInfo;

use assay_timelock::Signature;
use codec::Encode;
use frame_support::{pallet_prelude::*, traits::UnixTime};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_io::hashing::blake2_256;
use sp_runtime::{
    traits::{One, Saturating, Verify},
    MultiSignature, MultiSigner,
};

/// Pulses that are kept: a week's. The public chain's value.
pub const MAX_KEPT_PULSES: u64 = 216_000;

/// Pulses that one call removes at most. The public chain's value.
pub const MAX_REMOVED_PULSES: u64 = 100;

/// Blocks that a pulse may wait in the pool. The public chain's value.
const LONGEVITY: u64 = 3;

/// Under this prefix a pulse's tag is made. The public chain's.
const TAG: &str = "DrandOffchainWorker";

/// What a round makes of what was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The round's pulse is not here.
    NotYet,
    /// It was not sealed to this round, or is nothing sealed at all.
    Never,
    Text(alloc::vec::Vec<u8>),
}

#[allow(clippy::expect_used)] // in what the macro writes
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use alloc::vec::Vec;
    use frame_system::pallet_prelude::*;

    pub(crate) type Pulses_<T> = PulsesPayload<MultiSigner, BlockNumberFor<T>>;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// What a pulse counts before its round is considered.
        #[pallet::constant]
        type UnsignedPriority: Get<TransactionPriority>;

        /// Milliseconds that a public node's worker waits for a server. Not in use.
        #[pallet::constant]
        type HttpFetchTimeout: Get<u64>;

        type WeightInfo: WeightInfo;

        /// The chain's time, by which rounds come.
        type UnixTime: UnixTime;
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::type_value]
    pub fn DefaultBeaconConfig<T: Config>() -> BeaconConfiguration {
        quicknet::configuration()
    }

    /// The beacon that the chain follows.
    #[pallet::storage]
    pub type BeaconConfig<T: Config> =
        StorageValue<_, BeaconConfiguration, ValueQuery, DefaultBeaconConfig<T>>;

    /// Not in use: this chain has had no migration of pulses.
    #[pallet::storage]
    pub type HasMigrationRun<T: Config> =
        StorageMap<_, Identity, BoundedVec<u8, ConstU32<128>>, bool, ValueQuery>;

    /// The pulses of the last week.
    #[pallet::storage]
    pub type Pulses<T: Config> = StorageMap<_, Blake2_128Concat, RoundNumber, Pulse, OptionQuery>;

    #[pallet::storage]
    pub type LastStoredRound<T: Config> = StorageValue<_, RoundNumber, ValueQuery>;

    #[pallet::storage]
    pub type OldestStoredRound<T: Config> = StorageValue<_, RoundNumber, ValueQuery>;

    /// Rounds that something is sealed to and whose pulse is not here. Big endian and not hashed: the
    /// lowest comes first. Whoever adds one pays for it, and it is at most so far ahead.
    #[pallet::storage]
    pub type AwaitedRounds<T: Config> = StorageMap<_, Identity, [u8; 8], (), OptionQuery>;

    /// The block of the latest pulse, how many it took, and of how many rounds that nothing waited for.
    #[pallet::storage]
    pub type BroughtIn<T: Config> = StorageValue<_, (BlockNumberFor<T>, u32, u32), ValueQuery>;

    /// The block of the latest pulse that something waited for.
    #[pallet::storage]
    pub type AwaitedPulseAt<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery>;

    /// The block of the latest pulse, or the one after that of a new configuration: nothing unsigned
    /// is taken before it.
    #[pallet::storage]
    pub type NextUnsignedAt<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery>;

    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// The key of a local beacon. Empty: the chain follows quicknet.
        pub local_public_key: sp_core::Bytes,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self { local_public_key: Vec::new().into(), _config: Default::default() }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            let key = &self.local_public_key.0;
            if key.is_empty() {
                return;
            }
            assert!(key.len() == assay_timelock::PUBLIC_KEY_BYTES, "a beacon's key has 96 bytes");
            let key = OpaquePublicKey::truncate_from(key.clone());
            BeaconConfig::<T>::put(quicknet::with_key(key));
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// The chain follows another beacon, or as another.
        BeaconConfigChanged,
        /// Pulses were stored.
        NewPulse { rounds: Vec<RoundNumber> },
        /// Root said which round is the oldest.
        SetOldestStoredRound(u64),
    }

    /// Clients know these by their position, so the ones without a use keep theirs.
    #[pallet::error]
    pub enum Error<T> {
        /// Not in use.
        NoneValue,
        /// Not in use.
        StorageOverflow,
        /// Not in use: nothing is fetched here.
        DrandConnectionFailure,
        /// Not in use: a pulse that the beacon did not sign is passed over.
        UnverifiedPulse,
        /// The round is not after the last one that is stored, and nothing waits for it; or its time
        /// has not come.
        InvalidRoundNumber,
        /// The pulse's signature is none, or the beacon's key is none.
        PulseVerificationError,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[allow(deprecated)] // as the public chain has it: these calls come bare
    #[pallet::validate_unsigned]
    impl<T: Config> ValidateUnsigned for Pallet<T> {
        type Call = Call<T>;

        fn validate_unsigned(_: TransactionSource, call: &Self::Call) -> TransactionValidity {
            match call {
                Call::write_pulse { pulses_payload, signature } => {
                    let pulse = Self::admit_pulse(pulses_payload, signature)?;
                    let genuine = Self::verify(&BeaconConfig::<T>::get(), pulse);
                    ensure!(genuine.unwrap_or(false), InvalidTransaction::BadProof);
                    Self::pool_validity(pulse.round)
                }
                _ => InvalidTransaction::Call.into(),
            }
        }

        /// The call itself verifies the pulse: once a block is enough.
        fn pre_dispatch(call: &Self::Call) -> Result<(), TransactionValidityError> {
            match call {
                Call::write_pulse { pulses_payload, signature } => {
                    Self::admit_pulse(pulses_payload, signature)?;
                    Ok(())
                }
                _ => Self::validate_unsigned(TransactionSource::InBlock, call).map(|_| ()),
            }
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Verifies pulses of the beacon and stores them.
        ///
        /// - Origin: none; the pool takes one pulse at a time.
        /// - Errors: `PulseVerificationError`, `InvalidRoundNumber`.
        /// - Event: `NewPulse`.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::write_pulse(
            u32::try_from(pulses_payload.pulses.len()).unwrap_or(u32::MAX)
        ))]
        pub fn write_pulse(
            origin: OriginFor<T>,
            pulses_payload: PulsesPayload<MultiSigner, BlockNumberFor<T>>,
            signature: Option<MultiSignature>,
        ) -> DispatchResult {
            ensure_none(origin)?;
            let _ = signature; // checked before the call was let in
            let config = BeaconConfig::<T>::get();
            let now_s = T::UnixTime::now().as_secs();
            let mut last = LastStoredRound::<T>::get();
            let first_ever = last == 0 && OldestStoredRound::<T>::get() == 0;
            let mut rounds = Vec::new();
            for pulse in pulses_payload.pulses {
                if Self::verify(&config, &pulse)? {
                    let due =
                        Self::is_wanted(pulse.round, last) && pulse.round <= config.round_at(now_s);
                    ensure!(due, Error::<T>::InvalidRoundNumber);
                    Self::count_pulse(Self::end_wait(pulse.round));
                    last = last.max(pulse.round);
                    rounds.push(pulse.round);
                    Pulses::<T>::insert(pulse.round, pulse);
                }
            }
            LastStoredRound::<T>::put(last);
            if let Some(first) = rounds.iter().min() {
                if first_ever || *first < OldestStoredRound::<T>::get() {
                    OldestStoredRound::<T>::put(first);
                }
            }
            Self::prune(last);
            Self::prune_awaited(last);
            NextUnsignedAt::<T>::put(frame_system::Pallet::<T>::block_number());
            if !rounds.is_empty() {
                Self::deposit_event(Event::NewPulse { rounds });
            }
            Ok(())
        }

        /// Follows another beacon. Nothing is checked of the configuration.
        ///
        /// - Origin: root.
        /// - Event: `BeaconConfigChanged`.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::set_beacon_config())]
        pub fn set_beacon_config(
            origin: OriginFor<T>,
            config_payload: BeaconConfigurationPayload<MultiSigner, BlockNumberFor<T>>,
            signature: Option<MultiSignature>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            let _ = signature; // root needs none
            BeaconConfig::<T>::put(config_payload.config);
            let next = frame_system::Pallet::<T>::block_number().saturating_add(One::one());
            NextUnsignedAt::<T>::put(next);
            Self::deposit_event(Event::BeaconConfigChanged);
            Ok(())
        }

        /// Says from which round on pulses are kept.
        ///
        /// - Origin: root.
        /// - Event: `SetOldestStoredRound`.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_oldest_stored_round())]
        pub fn set_oldest_stored_round(origin: OriginFor<T>, oldest_round: u64) -> DispatchResult {
            ensure_root(origin)?;
            OldestStoredRound::<T>::put(oldest_round);
            Self::deposit_event(Event::SetOldestStoredRound(oldest_round));
            Ok(())
        }
    }
}

impl<T: Config> Pallet<T> {
    /// What the pulse of `round` makes of `sealed`.
    pub fn open(round: RoundNumber, sealed: &[u8]) -> Opened {
        let Some(pulse) = Pulses::<T>::get(round) else { return Opened::NotYet };
        Signature::read(&pulse.signature)
            .and_then(|signature| signature.open(sealed))
            .map_or(Opened::Never, Opened::Text)
    }

    /// The round of the last block's time. The key of a local beacon may be public: without this
    /// bound whoever knows it would store the last round there can ever be, and none after it.
    fn current_round() -> RoundNumber {
        BeaconConfig::<T>::get().round_at(T::UnixTime::now().as_secs())
    }

    /// Whether a pulse of `round` may be stored after that of `last`: of a later round, or of one that
    /// was passed over and something waits for.
    fn is_wanted(round: RoundNumber, last: RoundNumber) -> bool {
        round > last || (Self::is_awaited(round) && Self::is_kept(round, last))
    }

    /// Whether the beacon signed the pulse. An error if nothing could ever be signed so.
    fn verify(config: &BeaconConfiguration, pulse: &Pulse) -> Result<bool, Error<T>> {
        let signature =
            Signature::read(&pulse.signature).ok_or(Error::<T>::PulseVerificationError)?;
        Ok(signature.signs(pulse.round, &config.public_key)
            && assay_timelock::randomness(&pulse.signature) == pulse.randomness[..])
    }

    /// Removes what is older than a week, no more than [`MAX_REMOVED_PULSES`].
    fn prune(last: RoundNumber) {
        let oldest = OldestStoredRound::<T>::get();
        if oldest == 0 {
            return;
        }
        let kept = last.saturating_sub(oldest).saturating_add(1);
        let removed = kept.saturating_sub(MAX_KEPT_PULSES).min(MAX_REMOVED_PULSES);
        let next = oldest.saturating_add(removed);
        (oldest..next).for_each(Pulses::<T>::remove);
        OldestStoredRound::<T>::put(next);
    }

    /// Fails with the first invariant that does not hold.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        let last = LastStoredRound::<T>::get();
        for (round, pulse) in Pulses::<T>::iter() {
            ensure!(round == pulse.round, "a pulse is kept under another round");
            ensure!(round <= last, "a pulse is after the last");
        }
        let (_, all, for_nobody) = BroughtIn::<T>::get();
        ensure!(for_nobody <= all, "more pulses came for nobody than came");
        ensure!(last == 0 || Pulses::<T>::contains_key(last), "the last pulse is not kept");
        for round in AwaitedRounds::<T>::iter_keys().map(RoundNumber::from_be_bytes) {
            ensure!(!Pulses::<T>::contains_key(round), "a round is awaited whose pulse is kept");
        }
        Ok(())
    }
}
