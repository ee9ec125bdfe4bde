//! The pallet's invariants, run after every test.

use crate::*;
use frame_support::traits::fungible::Inspect;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
    /// Fails with the first invariant that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        for (id, crowdloan) in Crowdloans::<T>::iter() {
            if crowdloan.finalized {
                continue;
            }
            let (mut given, mut contributors) = (0u128, 0u32);
            for (_, amount) in Contributions::<T>::iter_prefix(id) {
                given = given.saturating_add(amount.into());
                contributors = contributors.saturating_add(1);
            }
            let held = T::Currency::balance(&crowdloan.funds_account);
            let holds = given == u128::from(crowdloan.raised)
                && contributors == crowdloan.contributors_count
                && crowdloan.raised <= crowdloan.cap
                && held >= crowdloan.raised
                && crowdloan.funds_account == Self::funds_account(id);
            if !holds {
                return Err(TryRuntimeError::Other("a crowdloan does not hold what was given"));
            }
        }
        if CurrentCrowdloanId::<T>::exists() {
            return Err(TryRuntimeError::Other("a crowdloan is being finalized between blocks"));
        }
        Ok(())
    }
}
