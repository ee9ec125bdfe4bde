//! MevShield: extrinsics that nobody can read before they are in a block.
//!
//! A client seals an extrinsic to [`NextKey`] and submits the ciphertext; whoever holds the secret
//! half opens it and submits what is inside. The pallet keeps the public key and carries the
//! ciphertexts, no more: it cannot open them. No chain begins with a key, so that clients read none
//! and submit in the clear; the item is there because they look for it and fail where it is not.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

/// An ML-KEM-768 encapsulation key has exactly so many bytes.
pub const KEY_BYTES: usize = 1184;

#[allow(clippy::expect_used)] // in what the macro writes
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use alloc::vec::Vec;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::Hash;

    /// The most bytes a key may claim to have in a call; its real length is checked after that.
    pub(crate) type KeyLimit = ConstU32<2048>;
    /// The largest ciphertext; clients know this limit.
    pub(crate) type CiphertextLimit = ConstU32<8192>;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {}

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The key to which an extrinsic for the next blocks is to be sealed.
    #[pallet::storage]
    pub type NextKey<T> = StorageValue<_, BoundedVec<u8, KeyLimit>, OptionQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A sealed extrinsic is in the block.
        EncryptedSubmitted { id: T::Hash, who: T::AccountId },
    }

    /// Clients know the first four by their position, so the ones without a use keep theirs.
    #[pallet::error]
    pub enum Error<T> {
        /// The key has not the length of an ML-KEM-768 encapsulation key.
        BadEncKeyLen,
        /// Not in use.
        Unreachable,
        /// Not in use: sealed extrinsics do not wait on the chain.
        TooManyPendingExtrinsics,
        /// Not in use: sealed extrinsics are not dispatched by the chain.
        WeightExceedsAbsoluteMax,
        /// The chain has no key, so nobody could open this: submit in the clear.
        NoKey,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Replaces the key, or takes it away.
        #[pallet::call_index(0)]
        #[pallet::weight((T::DbWeight::get().writes(1), DispatchClass::Operational))]
        pub fn announce_next_key(
            origin: OriginFor<T>,
            enc_key: Option<BoundedVec<u8, KeyLimit>>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            NextKey::<T>::set(enc_key.map(|key| Self::checked(key.into_inner())).transpose()?);
            Ok(())
        }

        /// Puts a sealed extrinsic into the block, for the holder of the key to open.
        #[pallet::call_index(1)]
        #[pallet::weight(T::DbWeight::get().reads(1))]
        pub fn submit_encrypted(
            origin: OriginFor<T>,
            ciphertext: BoundedVec<u8, CiphertextLimit>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(NextKey::<T>::exists(), Error::<T>::NoKey);
            let id = T::Hashing::hash_of(&(&who, &ciphertext));
            Self::deposit_event(Event::EncryptedSubmitted { id, who });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        fn checked(key: Vec<u8>) -> Result<BoundedVec<u8, KeyLimit>, Error<T>> {
            ensure!(key.len() == KEY_BYTES, Error::<T>::BadEncKeyLen);
            key.try_into().map_err(|_| Error::<T>::BadEncKeyLen)
        }
    }
}
