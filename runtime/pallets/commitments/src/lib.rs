//! Commitments: a neuron's short public text on a subnet, such as which model it serves.
//!
//! Adds to the neurons of `pallet-subtensor` one record each. A hotkey may write only where it is
//! registered, and only so many bytes in one epoch of the subnet. A record goes when its hotkey
//! leaves the subnet ([`Pallet::forget`]). The pallet does not know what the bytes mean. A
//! time-locked text it opens when the beacon's round is known (`reveals`).

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;

#[cfg(test)]
mod mock;
mod reveals;
#[cfg(test)]
mod tests;
mod types;

use reveals::OPENING;
pub use reveals::{LOOKED_AT_PER_BLOCK, OPENED_PER_BLOCK};
pub use types::{CommitmentInfo, Data, Registration, UsageTracker};

use pallet_subtensor::{Beacon, NetUid, Tao};

/// What this pallet asks of the subnets.
pub trait Neurons<AccountId> {
    /// Whether `hotkey` has a uid on the subnet.
    fn is_registered(netuid: NetUid, hotkey: &AccountId) -> bool;
    /// Counts the subnet's epochs.
    fn epoch_index(netuid: NetUid) -> u64;
    /// Drops the bonds that validators hold in `hotkey`, if the subnet's owner has allowed that.
    fn reset_bonds(netuid: NetUid, hotkey: &AccountId);
}

#[allow(clippy::expect_used)] // in what the macro writes
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;

    /// A short commitment counts as this many bytes, so that many small writes are limited too.
    pub(crate) const MIN_SPACE: u64 = 100;

    /// Seconds that a text may stay locked: a week, and as long as a round's pulse is kept. Longer
    /// locks would be kept for, and looked at with all others, for nobody knows whom.
    pub(crate) const SEALED_FOR_S: u64 = 7 * 24 * 3_600;

    /// By how many rounds a text may come late whose round was passed over: five minutes of the public
    /// beacon. Without this bound anybody could have the beacon bring old rounds, which come before all
    /// others, without end.
    pub(crate) const LATE_ROUNDS: u64 = 100;

    /// What is reserved for a commitment or for a field of it: space is limited by time
    /// (`UsedSpaceOf`), not by money.
    const DEPOSIT: Tao = Tao::ZERO;

    type RegistrationOf<T> = Registration<<T as Config>::MaxFields, BlockNumberFor<T>>;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        type Neurons: Neurons<Self::AccountId>;

        /// The beacon whose rounds open time-locked texts.
        type Beacon: Beacon;

        /// How many fields one commitment may have.
        #[pallet::constant]
        type MaxFields: Get<u32> + 'static;
    }

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// What is reserved for a commitment.
        #[pallet::constant_name(InitialDeposit)]
        fn initial_deposit() -> Tao {
            DEPOSIT
        }

        /// What is reserved for each field of one.
        #[pallet::constant_name(FieldDeposit)]
        fn field_deposit() -> Tao {
            DEPOSIT
        }
    }

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::storage]
    pub type CommitmentOf<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Twox64Concat,
        T::AccountId,
        RegistrationOf<T>,
        OptionQuery,
    >;

    #[pallet::storage]
    pub type LastCommitment<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Twox64Concat,
        T::AccountId,
        BlockNumberFor<T>,
        OptionQuery,
    >;

    #[pallet::storage]
    pub type LastBondsReset<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Twox64Concat,
        T::AccountId,
        BlockNumberFor<T>,
        OptionQuery,
    >;

    /// Whose commitment has a time-locked text.
    #[pallet::storage]
    pub type TimelockedIndex<T: Config> =
        StorageValue<_, BTreeSet<(NetUid, T::AccountId)>, ValueQuery>;

    /// Where looking for what can be opened goes on in the next block.
    #[pallet::storage]
    pub type TimelockRevealCursor<T: Config> = StorageValue<_, (NetUid, T::AccountId), OptionQuery>;

    /// Whether, once that is through, all has to be looked at anew: a round came to be known, or a
    /// text was set whose round is known, meanwhile.
    #[pallet::storage]
    pub type LookAgain<T: Config> = StorageValue<_, bool, ValueQuery>;

    /// Opened time-locked texts with their blocks, the latest ten. Clients read the map with every
    /// metagraph.
    #[pallet::storage]
    pub type RevealedCommitments<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Twox64Concat,
        T::AccountId,
        Vec<(Vec<u8>, u64)>,
        OptionQuery,
    >;

    #[pallet::storage]
    pub type UsedSpaceOf<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Twox64Concat,
        T::AccountId,
        UsageTracker,
        OptionQuery,
    >;

    /// Bytes that one account may commit on one subnet in one epoch. The default is the public
    /// chain's.
    #[pallet::storage]
    pub type MaxSpace<T> = StorageValue<_, u32, ValueQuery, ConstU32<3100>>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A commitment that everyone can read was set.
        Commitment { netuid: NetUid, who: T::AccountId },
        /// A commitment with a time-locked field was set.
        TimelockCommitment { netuid: NetUid, who: T::AccountId, reveal_round: u64 },
        /// A time-locked text was opened.
        CommitmentRevealed { netuid: NetUid, who: T::AccountId },
    }

    /// Clients know these by their position, so the ones without a use keep theirs.
    #[pallet::error]
    pub enum Error<T> {
        /// The commitment has more fields than are allowed.
        TooManyFieldsInCommitmentInfo,
        /// The account has no uid on this subnet.
        AccountNotAllowedCommit,
        /// The account has used up its bytes for this epoch of the subnet.
        SpaceLimitExceeded,
        /// Not in use: commitments take no deposit.
        UnexpectedUnreserveLeftover,
        /// Not in use: opening is nobody's call.
        TimelockRevealFailedNotAllowed,
        /// The round of a time-locked text is too far ahead, or was passed over too long ago. Publicly
        /// neither is bounded.
        InvalidRevealRound,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::reveal_timelocked()
        }

        /// Runtimes before spec_version 1_008 noted no awaited rounds. Nothing is changed the second time.
        fn on_runtime_upgrade() -> Weight {
            Self::await_rounds()
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Replaces what the calling hotkey has committed to on a subnet.
        #[pallet::call_index(0)]
        #[pallet::weight((Pallet::<T>::weight_of(info), DispatchClass::Normal))]
        pub fn set_commitment(
            origin: OriginFor<T>,
            netuid: NetUid,
            info: Box<CommitmentInfo<T::MaxFields>>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(T::Neurons::is_registered(netuid, &who), Error::<T>::AccountNotAllowedCommit);
            let rounds = || info.fields.iter().filter_map(Data::reveal_round);
            let latest = T::Beacon::round_within(SEALED_FOR_S);
            let earliest = T::Beacon::last_round().saturating_sub(LATE_ROUNDS).max(1);
            ensure!(
                rounds().all(|round| (earliest..=latest).contains(&round) || T::Beacon::is_known(round)),
                Error::<T>::InvalidRevealRound
            );
            Self::take_space(netuid, &who, &info)?;

            let block = frame_system::Pallet::<T>::block_number();
            if info.fields.contains(&Data::ResetBondsFlag) {
                T::Neurons::reset_bonds(netuid, &who);
                LastBondsReset::<T>::insert(netuid, &who, block);
            }
            rounds().for_each(T::Beacon::await_round);
            let locked = rounds().next();
            Self::note_lock(netuid, &who, locked.is_some());
            if info.is_due(T::Beacon::last_round()) {
                LookAgain::<T>::put(true);
            }
            let kept = Registration { deposit: DEPOSIT, block, info: *info };
            CommitmentOf::<T>::insert(netuid, &who, kept);
            LastCommitment::<T>::insert(netuid, &who, block);
            Self::deposit_event(match locked {
                Some(reveal_round) => Event::TimelockCommitment { netuid, who, reveal_round },
                None => Event::Commitment { netuid, who },
            });
            Ok(())
        }

        /// Changes how many bytes an account may commit on a subnet in an epoch.
        #[pallet::call_index(2)]
        #[pallet::weight((T::DbWeight::get().writes(1), DispatchClass::Operational, Pays::No))]
        pub fn set_max_space(origin: OriginFor<T>, new_limit: u32) -> DispatchResult {
            ensure_root(origin)?;
            MaxSpace::<T>::set(new_limit);
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// Removes all that a hotkey committed to on a subnet which it has left.
        pub fn forget(netuid: NetUid, who: &T::AccountId) {
            Self::note_lock(netuid, who, false);
            CommitmentOf::<T>::remove(netuid, who);
            LastCommitment::<T>::remove(netuid, who);
            LastBondsReset::<T>::remove(netuid, who);
            RevealedCommitments::<T>::remove(netuid, who);
            UsedSpaceOf::<T>::remove(netuid, who);
        }

        /// What it takes to keep `info`, and later to open its time-locked texts.
        fn weight_of(info: &CommitmentInfo<T::MaxFields>) -> Weight {
            let texts = info.fields.iter().filter_map(Data::reveal_round).count() as u64;
            T::DbWeight::get()
                .reads_writes(8, 6)
                .saturating_add(T::DbWeight::get().reads_writes(1, 1).saturating_mul(texts))
                .saturating_add(OPENING.saturating_mul(texts))
        }

        /// Counts the commitment against the account's bytes of this epoch.
        fn take_space(
            netuid: NetUid,
            who: &T::AccountId,
            info: &CommitmentInfo<T::MaxFields>,
        ) -> DispatchResult {
            let epoch = T::Neurons::epoch_index(netuid);
            let used = UsedSpaceOf::<T>::get(netuid, who)
                .filter(|usage| usage.last_epoch == epoch)
                .map_or(0, |usage| usage.used_space);
            let wanted = info.fields.iter().map(|field| field.space() as u64).sum::<u64>();
            let used_space = used.saturating_add(wanted.max(MIN_SPACE));
            ensure!(used_space <= u64::from(MaxSpace::<T>::get()), Error::<T>::SpaceLimitExceeded);
            let usage = UsageTracker { last_epoch: epoch, used_space };
            UsedSpaceOf::<T>::insert(netuid, who, usage);
            Ok(())
        }
    }
}
