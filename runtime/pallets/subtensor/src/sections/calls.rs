//! The calls. Each checks its origin and hands over to the module that does the work; names,
//! indices and arguments are the public runtime's.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {}
}
