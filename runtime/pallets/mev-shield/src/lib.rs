//! MevShield: extrinsics that nobody can read before they are in a block.
//!
//! A block's author announces an ML-KEM-768 key in each block, by an inherent. A client seals a
//! signed extrinsic to [`NextKey`] and submits the ciphertext; the author of the block opens it and
//! puts what is inside right behind it. The pallet keeps the public keys in turn and carries the
//! ciphertexts: it has no secret key, and so no host function is needed. A host that announces
//! nothing (a stock node) leaves the chain without a key; sealed extrinsics are refused there by
//! an error that names the other way.
//!
//! * `sealed`: what a ciphertext is made of.
//! * `extension`: what is refused before it is in a block.
//! * `queue`: extrinsics that wait sealed on the chain. As on the public chain nothing opens them.
//!
//! Storage, calls, events and errors are the public chain's, by name and position.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;

mod extension;
#[cfg(test)]
mod mock;
mod queue;
mod sealed;
#[cfg(test)]
mod tests;

pub use extension::CheckShieldedTxValidity;
pub use queue::{ExtrinsicDecryptor, PendingExtrinsic};
pub use sealed::ShieldedTransaction;

use frame_support::{traits::ConstU32, BoundedVec};
use sp_inherents::InherentIdentifier;

/// An ML-KEM-768 encapsulation key has exactly so many bytes.
pub const KEY_BYTES: usize = 1184;

/// The most bytes a key may claim to have in a call; its real length is checked after that.
pub type ShieldEncKey = BoundedVec<u8, ConstU32<2048>>;

/// The largest ciphertext; clients know this limit.
pub type CiphertextLimit = ConstU32<8192>;

/// Under this name a host gives the runtime its key: `Option<ShieldEncKey>`, None if it has none.
pub const INHERENT_IDENTIFIER: InherentIdentifier = *b"shieldpk";

/// Longest life, in blocks, of an extrinsic that carries a ciphertext: after that its key is gone
/// and it could only fill the pool. The public chain's value; clients sign for exactly as long.
pub const ERA_BLOCKS_MAX: u64 = 8;

/// Who makes which block, as the pallet asks for it.
pub trait FindAuthors<AuthorityId> {
    /// The author of this block.
    fn find_current_author() -> Option<AuthorityId>;
    /// The author of the block after the next, if every slot has its block.
    fn find_next_next_author() -> Option<AuthorityId>;
}

#[allow(clippy::expect_used)] // in what the macro writes
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{
        dispatch::{GetDispatchInfo, PostDispatchInfo},
        pallet_prelude::*,
        sp_runtime::traits::Dispatchable,
        storage::StorageValue as Item,
        traits::ConstU64,
        StorageHasher,
    };
    use frame_system::pallet_prelude::*;
    use sp_inherents::InherentData;
    use sp_runtime::traits::{Hash, Saturating};

    /// What opening a ciphertext and keeping its author from being flooded is worth: the public
    /// chain's weight of `submit_encrypted`. Opening takes a host about as long.
    const SUBMIT_REF_TIME: u64 = 207_223_000;

    /// Of `store_encrypted`: ten times a transfer, against use of the queue as cheap storage. The
    /// public chain's value.
    const STORE_REF_TIME: u64 = 20_000_000_000;

    /// What the queue may take of a block at most: half of it. The public chain's value.
    pub const MAX_ON_INITIALIZE_WEIGHT: u64 = 2_000_000_000_000;

    #[pallet::config]
    pub trait Config:
        frame_system::Config<
        RuntimeEvent: From<Event<Self>>,
        RuntimeCall: GetDispatchInfo + Dispatchable<PostInfo = PostDispatchInfo>,
    >
    {
        /// What names an author.
        type AuthorityId: Parameter + MaxEncodedLen;

        type FindAuthors: FindAuthors<Self::AuthorityId>;

        /// Opens what waits in the queue.
        type ExtrinsicDecryptor: ExtrinsicDecryptor<Self::RuntimeCall>;
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The key that was [`PendingKey`] a block ago. Nothing is sealed to it any more.
    #[pallet::storage]
    pub type CurrentKey<T> = StorageValue<_, ShieldEncKey, OptionQuery>;

    /// The key of the next block's author: what is sealed to it can be opened in that block.
    #[pallet::storage]
    pub type PendingKey<T> = StorageValue<_, ShieldEncKey, OptionQuery>;

    /// The key that clients seal to: that of the author of the block after the next.
    #[pallet::storage]
    pub type NextKey<T> = StorageValue<_, ShieldEncKey, OptionQuery>;

    /// What each author announced last.
    #[pallet::storage]
    pub type AuthorKeys<T: Config> =
        StorageMap<_, Twox64Concat, T::AuthorityId, ShieldEncKey, OptionQuery>;

    /// The first block in which [`PendingKey`] is another.
    #[pallet::storage]
    pub type PendingKeyExpiresAt<T: Config> = StorageValue<_, BlockNumberFor<T>, OptionQuery>;

    /// The first block in which nothing can be opened that is sealed to [`NextKey`].
    #[pallet::storage]
    pub type NextKeyExpiresAt<T: Config> = StorageValue<_, BlockNumberFor<T>, OptionQuery>;

    /// How many extrinsics may wait. This and the next three: the public chain's defaults.
    #[pallet::storage]
    pub type MaxPendingExtrinsicsLimit<T> = StorageValue<_, u32, ValueQuery, ConstU32<100>>;

    /// Blocks that an extrinsic may wait.
    #[pallet::storage]
    pub type ExtrinsicLifetime<T> = StorageValue<_, u32, ValueQuery, ConstU32<10>>;

    /// Weight (`ref_time`) that a block may spend on the queue.
    #[pallet::storage]
    pub type OnInitializeWeight<T> = StorageValue<_, u64, ValueQuery, ConstU64<500_000_000_000>>;

    /// Weight (`ref_time`) that one extrinsic of the queue may have.
    #[pallet::storage]
    pub type MaxExtrinsicWeight<T> = StorageValue<_, u64, ValueQuery, ConstU64<50_000_000_000>>;

    /// What waits, by index.
    #[pallet::storage]
    pub type PendingExtrinsics<T: Config> =
        CountedStorageMap<_, Identity, u32, PendingExtrinsic<T>, OptionQuery>;

    #[pallet::storage]
    pub type NextPendingExtrinsicIndex<T> = StorageValue<_, u32, ValueQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A sealed extrinsic is in the block.
        EncryptedSubmitted {
            id: T::Hash,
            who: T::AccountId,
        },
        /// A sealed extrinsic waits in the queue.
        ExtrinsicStored {
            index: u32,
            who: T::AccountId,
        },
        /// What waited could not be opened.
        ExtrinsicDecodeFailed {
            index: u32,
        },
        /// What waited was opened, and its call failed.
        ExtrinsicDispatchFailed {
            index: u32,
            error: DispatchError,
        },
        /// What waited was opened and executed.
        ExtrinsicDispatched {
            index: u32,
        },
        /// It waited too long.
        ExtrinsicExpired {
            index: u32,
        },
        /// It waits on: the queue has had its share of this block.
        ExtrinsicPostponed {
            index: u32,
        },
        MaxPendingExtrinsicsNumberSet {
            value: u32,
        },
        OnInitializeWeightSet {
            value: u64,
        },
        ExtrinsicLifetimeSet {
            value: u32,
        },
        MaxExtrinsicWeightSet {
            value: u64,
        },
        /// It was opened, and is too heavy for the queue.
        ExtrinsicWeightExceeded {
            index: u32,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The key has not the length of an ML-KEM-768 encapsulation key.
        BadEncKeyLen,
        /// The block has no author.
        Unreachable,
        /// The queue is full.
        TooManyPendingExtrinsics,
        /// More than half of a block cannot be given to the queue.
        WeightExceedsAbsoluteMax,
        /// This chain's node announces no key and opens nothing: submit the call in the clear
        /// (btcli --no-mev-shield; SDK client.submit_call).
        NoKey,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::process_pending_extrinsics()
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Moves the keys on by one block and takes this author's new key. An inherent.
        ///
        /// Origin: none. Errors: `BadEncKeyLen`, `Unreachable`.
        #[pallet::call_index(0)]
        #[pallet::weight(
            Weight::from_parts(33_661_000, 0).saturating_add(T::DbWeight::get().reads_writes(4, 6))
        )]
        pub fn announce_next_key(
            origin: OriginFor<T>,
            enc_key: Option<ShieldEncKey>,
        ) -> DispatchResult {
            ensure_none(origin)?;
            let fits = enc_key.as_ref().is_none_or(|key| key.len() == KEY_BYTES);
            ensure!(fits, Error::<T>::BadEncKeyLen);
            let author = T::FindAuthors::find_current_author().ok_or(Error::<T>::Unreachable)?;
            Self::rotate();
            if AuthorKeys::<T>::get(&author) != enc_key {
                AuthorKeys::<T>::set(author, enc_key);
            }
            Ok(())
        }

        /// Puts a sealed extrinsic into the block, for the block's author to open.
        ///
        /// Origin: signed. Errors: `NoKey`. Event: `EncryptedSubmitted`.
        #[pallet::call_index(1)]
        #[pallet::weight(
            Weight::from_parts(SUBMIT_REF_TIME, 0).saturating_add(T::DbWeight::get().reads(2))
        )]
        pub fn submit_encrypted(
            origin: OriginFor<T>,
            ciphertext: BoundedVec<u8, CiphertextLimit>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(NextKey::<T>::exists() || PendingKey::<T>::exists(), Error::<T>::NoKey);
            let id = T::Hashing::hash_of(&(&who, &ciphertext));
            Self::deposit_event(Event::EncryptedSubmitted { id, who });
            Ok(())
        }

        /// Puts a sealed call into the queue.
        ///
        /// Origin: signed. Errors: `TooManyPendingExtrinsics`. Event: `ExtrinsicStored`.
        #[pallet::call_index(2)]
        #[pallet::weight(Weight::from_parts(STORE_REF_TIME, 0))]
        pub fn store_encrypted(
            origin: OriginFor<T>,
            encrypted_call: BoundedVec<u8, CiphertextLimit>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::enqueue(who, encrypted_call)
        }

        /// Sets how many extrinsics may wait.
        #[pallet::call_index(3)]
        #[pallet::weight(T::DbWeight::get().writes(1))]
        pub fn set_max_pending_extrinsics_number(
            origin: OriginFor<T>,
            value: u32,
        ) -> DispatchResult {
            ensure_root(origin)?;
            MaxPendingExtrinsicsLimit::<T>::put(value);
            Self::deposit_event(Event::MaxPendingExtrinsicsNumberSet { value });
            Ok(())
        }

        /// Sets the weight that a block may spend on the queue.
        #[pallet::call_index(4)]
        #[pallet::weight(T::DbWeight::get().writes(1))]
        pub fn set_on_initialize_weight(origin: OriginFor<T>, value: u64) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(value <= MAX_ON_INITIALIZE_WEIGHT, Error::<T>::WeightExceedsAbsoluteMax);
            OnInitializeWeight::<T>::put(value);
            Self::deposit_event(Event::OnInitializeWeightSet { value });
            Ok(())
        }

        /// Sets for how many blocks an extrinsic may wait.
        #[pallet::call_index(5)]
        #[pallet::weight(T::DbWeight::get().writes(1))]
        pub fn set_stored_extrinsic_lifetime(origin: OriginFor<T>, value: u32) -> DispatchResult {
            ensure_root(origin)?;
            ExtrinsicLifetime::<T>::put(value);
            Self::deposit_event(Event::ExtrinsicLifetimeSet { value });
            Ok(())
        }

        /// Sets the weight that one extrinsic of the queue may have.
        #[pallet::call_index(6)]
        #[pallet::weight(T::DbWeight::get().writes(1))]
        pub fn set_max_extrinsic_weight(origin: OriginFor<T>, value: u64) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(value <= MAX_ON_INITIALIZE_WEIGHT, Error::<T>::WeightExceedsAbsoluteMax);
            MaxExtrinsicWeight::<T>::put(value);
            Self::deposit_event(Event::MaxExtrinsicWeightSet { value });
            Ok(())
        }
    }

    #[pallet::inherent]
    impl<T: Config> ProvideInherent for Pallet<T> {
        type Call = Call<T>;
        type Error = sp_inherents::MakeFatalError<()>;

        const INHERENT_IDENTIFIER: InherentIdentifier = INHERENT_IDENTIFIER;

        fn create_inherent(data: &InherentData) -> Option<Self::Call> {
            let enc_key = data.get_data::<Option<ShieldEncKey>>(&INHERENT_IDENTIFIER).ok()??;
            Some(Call::announce_next_key { enc_key })
        }

        fn is_inherent(call: &Self::Call) -> bool {
            matches!(call, Call::announce_next_key { .. })
        }
    }

    impl<T: Config> Pallet<T> {
        /// Moves the keys on by one block: pending to current, next to pending, and the key of the
        /// author of the block after the next to next.
        fn rotate() {
            let now = frame_system::Pallet::<T>::block_number();
            let pending = NextKey::<T>::get();
            let next = T::FindAuthors::find_next_next_author().and_then(AuthorKeys::<T>::get);
            let until = |key: &Option<ShieldEncKey>, blocks: u32| {
                key.as_ref().map(|_| now.saturating_add(blocks.into()))
            };
            PendingKeyExpiresAt::<T>::set(until(&pending, 2));
            NextKeyExpiresAt::<T>::set(until(&next, 3));
            Self::put_new::<CurrentKey<T>>(PendingKey::<T>::get());
            Self::put_new::<PendingKey<T>>(pending);
            Self::put_new::<NextKey<T>>(next);
        }

        /// Writes `key`, if that is a change: an author that keeps its key for a while does not
        /// have the same kilobyte written three times a block.
        fn put_new<S: Item<ShieldEncKey, Query = Option<ShieldEncKey>>>(key: Option<ShieldEncKey>) {
            if S::get() != key {
                S::set(key);
            }
        }

        /// Whether the author of the next block can open what is sealed to the key of this hash.
        pub fn is_shielded_using_current_key(key_hash: &[u8; 16]) -> bool {
            PendingKey::<T>::get().is_some_and(|key| Twox128::hash(&key) == *key_hash)
        }

        #[cfg(any(test, feature = "try-runtime"))]
        pub(crate) fn check_state() -> Result<(), sp_runtime::TryRuntimeError> {
            let keys = [CurrentKey::<T>::get(), PendingKey::<T>::get(), NextKey::<T>::get()];
            let whole = |key: &ShieldEncKey| key.len() == KEY_BYTES;
            ensure!(keys.iter().flatten().all(whole), "a key has another length");
            ensure!(AuthorKeys::<T>::iter_values().all(|key| whole(&key)), "an author's has");
            let expires = (PendingKeyExpiresAt::<T>::exists(), NextKeyExpiresAt::<T>::exists());
            let exist = (PendingKey::<T>::exists(), NextKey::<T>::exists());
            ensure!(expires == exist, "a key without its end, or the other way round");
            let (count, next) =
                (PendingExtrinsics::<T>::count(), NextPendingExtrinsicIndex::<T>::get());
            let stored = PendingExtrinsics::<T>::iter_keys().filter(|index| *index < next).count();
            ensure!(u32::try_from(stored) == Ok(count), "the queue is miscounted");
            Ok(())
        }
    }
}
