//! From weights and stake to incentives and dividends.

use crate::*;

impl<T: Config> Pallet<T> {
    /// Stake that counts for `hotkey` on `netuid`: its alpha, inherited and given away, and its
    /// root stake times `TaoWeight`.
    pub fn stake_weight_of(hotkey: &T::AccountId, netuid: NetUid) -> u64 {
        TotalHotkeyAlpha::<T>::get(hotkey, netuid).rao()
    }
}
