//! The exchange of TAO and alpha: the only place that sees both amounts as numbers.

use crate::*;
use sp_runtime::DispatchError;

/// What a purchase of alpha came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bought {
    /// TAO taken, the fee included.
    pub tao_in: TaoBalance,
    pub alpha_out: AlphaBalance,
    /// Part of `tao_in` that is the fee. The caller pays it out; it is not in the pool.
    pub fee: TaoBalance,
}

/// What a sale of alpha came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sold {
    /// Alpha taken, the fee included.
    pub alpha_in: AlphaBalance,
    pub tao_out: TaoBalance,
    /// Part of `alpha_in` that is the fee. The caller pays it out; it is not in the pool.
    pub fee: AlphaBalance,
}

impl<T: Config> Pallet<T> {
    /// Buys alpha of the pool for up to `tao`, and no dearer than `limit` (rao per alpha, times
    /// 1e9). Moves `SubnetTAO`, `SubnetAlphaIn`, `SubnetAlphaOut`, `TotalStake`, `SubnetVolume`.
    /// Whole amount or nothing, unless `partial`.
    pub(crate) fn buy_alpha(
        _netuid: NetUid,
        _tao: TaoBalance,
        _limit: Option<u64>,
        _partial: bool,
    ) -> Result<Bought, DispatchError> {
        Err(Error::<T>::DisabledTemporarily.into())
    }

    /// Sells up to `alpha` to the pool, and no cheaper than `limit`. See [`Self::buy_alpha`].
    pub(crate) fn sell_alpha(
        _netuid: NetUid,
        _alpha: AlphaBalance,
        _limit: Option<u64>,
        _partial: bool,
    ) -> Result<Sold, DispatchError> {
        Err(Error::<T>::DisabledTemporarily.into())
    }
}
