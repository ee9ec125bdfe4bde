//! What happens in every block before and after its extrinsics.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod hooks {
    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        /// Registration prices fall, the block's emission is shared out, epochs that are due run,
        /// nominations that became too small are cleared.
        fn on_initialize(_now: BlockNumberFor<T>) -> Weight {
            Self::begin_block_registrations();
            let coinbase = Self::coinbase_on_initialize(Self::block());
            let looked_at = Self::clear_small_nominations();
            coinbase.saturating_add(T::WeightInfo::remove_stake().saturating_mul(looked_at.into()))
        }

        /// Runtimes before spec_version 1_008 noted no awaited rounds. Nothing is changed the second time.
        fn on_runtime_upgrade() -> Weight {
            Self::await_rounds()
        }

        /// TAO that other pallets burned in this block (fees, dust) leaves the issuance; what root
        /// made joins it.
        fn on_finalize(_now: BlockNumberFor<T>) {
            Self::settle_issuance();
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_now: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}
