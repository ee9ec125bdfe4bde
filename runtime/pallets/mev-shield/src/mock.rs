//! A chain with this pallet alone, whose authors a test names.

use core::cell::Cell;
use frame_support::derive_impl;
use sp_runtime::{BuildStorage, DispatchError};

use crate::{ExtrinsicDecryptor, FindAuthors};
use codec::Decode;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        MevShield: crate = 30,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

thread_local! {
    /// The author of this block, and that of the block after the next.
    pub static AUTHORS: Cell<(Option<u64>, Option<u64>)> = const { Cell::new((None, None)) };
}

pub struct Authors;

impl FindAuthors<u64> for Authors {
    fn find_current_author() -> Option<u64> {
        AUTHORS.get().0
    }

    fn find_next_next_author() -> Option<u64> {
        AUTHORS.get().1
    }
}

/// Opens calls that are not sealed at all.
pub struct Plain;

impl ExtrinsicDecryptor<RuntimeCall> for Plain {
    fn decrypt(data: &[u8]) -> Result<RuntimeCall, DispatchError> {
        RuntimeCall::decode(&mut &*data).map_err(|_| DispatchError::Corruption)
    }
}

impl crate::Config for Test {
    type AuthorityId = u64;
    type FindAuthors = Authors;
    type ExtrinsicDecryptor = Plain;
}

/// Its genesis says nothing of this pallet, so there is no key.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let storage = RuntimeGenesisConfig::default().build_storage().unwrap_or_default();
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| System::set_block_number(1));
    ext
}
