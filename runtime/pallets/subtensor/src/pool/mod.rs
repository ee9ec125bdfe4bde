//! The exchange of TAO and alpha: the only place that sees both amounts as numbers.
//!
//! It reads a subnet's reserves and weights into a [`pool::Pool`], lets that do the arithmetic
//! (subtensor.md 10), and writes back. Reserves, `SubnetAlphaOut`, `TotalStake`, volume and flow
//! move here and nowhere else during a trade; balances, stake and issuance are the caller's. Root,
//! and subnets of mechanism 0, have no pool: their price is 1 and nothing is charged.
//!
//! Invariants: reserves never reach zero by a trade; a refused trade leaves storage as it was.

mod opening;
mod quotes;
mod ratio;

use crate::*;
use assay_arithmetic::pool::{self, Pool, PoolError, Side, PRICE_SCALE};
use frame_support::ensure;
use sp_runtime::{DispatchError, DispatchResult, Perquintill};

pub use quotes::SwapQuote;

/// What a trade must leave in the reserve it takes from, in rao: below it the price would say
/// nothing any more. The public chain's guard.
pub const RESERVE_MIN: u64 = 1_000_000;

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
    /// Part of `alpha_in` that is the fee. The caller pays it out; it is not in the pool, and
    /// still counted in `SubnetAlphaOut`.
    pub fee: AlphaBalance,
}

/// A trade that the reserves and limits allow, in numbers: nothing is written yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trade {
    amount_in: u64,
    fee: u64,
    amount_out: u64,
}

impl Trade {
    /// What reaches the pool.
    fn net(&self) -> u64 {
        self.amount_in.saturating_sub(self.fee)
    }
}

impl<T: Config> Pallet<T> {
    /// Whether a subnet trades at the fixed price of 1.
    pub fn is_stable(netuid: NetUid) -> bool {
        netuid.is_root() || SubnetMechanism::<T>::get(netuid) == 0
    }

    /// Buys alpha of the pool for up to `tao`, and no dearer than `limit` (rao per alpha, times
    /// 1e9). Moves `SubnetTAO`, `SubnetAlphaIn`, `SubnetAlphaOut`, `TotalStake`, `SubnetVolume`.
    /// Whole amount or nothing, unless `partial`.
    pub(crate) fn buy_alpha(
        netuid: NetUid,
        tao: TaoBalance,
        limit: Option<u64>,
        partial: bool,
    ) -> Result<Bought, DispatchError> {
        let rate = Self::fee_rate(netuid);
        let trade = Self::plan(netuid, Side::Buy, tao.rao(), limit, partial, rate)?;
        Self::settle_buy(netuid, &trade)?;
        Ok(Bought {
            tao_in: trade.amount_in.into(),
            alpha_out: trade.amount_out.into(),
            fee: trade.fee.into(),
        })
    }

    /// Sells up to `alpha` to the pool, and no cheaper than `limit`. See [`Self::buy_alpha`].
    pub(crate) fn sell_alpha(
        netuid: NetUid,
        alpha: AlphaBalance,
        limit: Option<u64>,
        partial: bool,
    ) -> Result<Sold, DispatchError> {
        let rate = Self::fee_rate(netuid);
        let trade = Self::plan(netuid, Side::Sell, alpha.rao(), limit, partial, rate)?;
        Self::settle_sell(netuid, &trade)?;
        Ok(Sold {
            alpha_in: trade.amount_in.into(),
            tao_out: trade.amount_out.into(),
            fee: trade.fee.into(),
        })
    }

    /// A purchase by the chain itself, which pays no fee; answers the alpha bought, which is now
    /// counted in `SubnetAlphaOut`.
    pub(crate) fn buy_alpha_free(
        netuid: NetUid,
        tao: TaoBalance,
    ) -> Result<AlphaBalance, DispatchError> {
        let trade = Self::plan(netuid, Side::Buy, tao.rao(), None, false, 0)?;
        Self::settle_buy(netuid, &trade)?;
        Ok(trade.amount_out.into())
    }

    /// Adds to both reserves; the weights shift so that the price stays (subtensor.md 10). Issuance
    /// and the source of the TAO are the caller's. Fails without effect where a weight would
    /// leave its range.
    pub(crate) fn inject_liquidity(
        netuid: NetUid,
        tao: TaoBalance,
        alpha: AlphaBalance,
    ) -> DispatchResult {
        let mut pool = Self::pool_of(netuid);
        pool.inject(tao.rao(), alpha.rao()).map_err(Self::refusal)?;
        TotalStake::<T>::try_mutate(|total| total.plus(tao).map(|sum| *total = sum))?;
        SubnetTAO::<T>::insert(netuid, TaoBalance::new(pool.tao));
        SubnetAlphaIn::<T>::insert(netuid, AlphaBalance::new(pool.alpha));
        PoolTaoWeight::<T>::insert(netuid, Perquintill::from_parts(pool.tao_weight));
        Ok(())
    }

    /// The reserves of a subnet's pool with their weights.
    pub(crate) fn pool_of(netuid: NetUid) -> Pool {
        Pool {
            tao: SubnetTAO::<T>::get(netuid).rao(),
            alpha: SubnetAlphaIn::<T>::get(netuid).rao(),
            tao_weight: PoolTaoWeight::<T>::get(netuid).deconstruct(),
        }
    }

    fn fee_rate(netuid: NetUid) -> u16 {
        if Self::is_stable(netuid) {
            0
        } else {
            T::PoolSettings::fee_rate(netuid)
        }
    }

    /// Works out a trade: how much of the amount the limit admits, its fee, and its yield.
    fn plan(
        netuid: NetUid,
        side: Side,
        amount: u64,
        limit: Option<u64>,
        partial: bool,
        fee_rate: u16,
    ) -> Result<Trade, DispatchError> {
        ensure!(amount > 0, Error::<T>::AmountTooLow);
        if Self::is_stable(netuid) {
            let beyond = limit.is_some_and(|limit| match side {
                Side::Buy => limit < PRICE_SCALE,
                Side::Sell => limit > PRICE_SCALE,
            });
            ensure!(!beyond, Error::<T>::SlippageTooHigh);
            return Ok(Trade { amount_in: amount, fee: 0, amount_out: amount });
        }
        let pool = Self::pool_of(netuid);
        let mut trade =
            Trade { amount_in: amount, fee: pool::fee(amount, fee_rate), amount_out: 0 };
        if let Some(limit) = limit {
            let admitted = pool.amount_to_limit(side, limit);
            if trade.net() > admitted {
                ensure!(partial && admitted > 0, Error::<T>::SlippageTooHigh);
                trade.amount_in = pool::with_fee(admitted, fee_rate).min(amount);
                trade.fee = pool::fee(trade.amount_in, fee_rate);
            }
        }
        trade.amount_out = pool.quote(side, trade.net(), RESERVE_MIN).map_err(Self::refusal)?;
        ensure!(trade.amount_out > 0, Error::<T>::AmountTooLow);
        Ok(trade)
    }

    fn settle_buy(netuid: NetUid, trade: &Trade) -> DispatchResult {
        let (tao, alpha) = (TaoBalance::new(trade.net()), AlphaBalance::new(trade.amount_out));
        let reserve = SubnetTAO::<T>::get(netuid).plus(tao)?;
        let staked = TotalStake::<T>::get().plus(tao)?;
        let outside = SubnetAlphaOut::<T>::get(netuid).plus(alpha)?;
        if !Self::is_stable(netuid) {
            let inside = SubnetAlphaIn::<T>::get(netuid).minus(alpha)?;
            SubnetAlphaIn::<T>::insert(netuid, inside);
        }
        SubnetTAO::<T>::insert(netuid, reserve);
        SubnetAlphaOut::<T>::insert(netuid, outside);
        TotalStake::<T>::put(staked);
        Self::note_trade(netuid, tao, Side::Buy);
        Ok(())
    }

    fn settle_sell(netuid: NetUid, trade: &Trade) -> DispatchResult {
        let (alpha, tao) = (AlphaBalance::new(trade.net()), TaoBalance::new(trade.amount_out));
        let reserve = SubnetTAO::<T>::get(netuid).minus(tao)?;
        let staked = TotalStake::<T>::get().minus(tao)?;
        let outside = SubnetAlphaOut::<T>::get(netuid).minus(alpha)?;
        if !Self::is_stable(netuid) {
            let inside = SubnetAlphaIn::<T>::get(netuid).plus(alpha)?;
            SubnetAlphaIn::<T>::insert(netuid, inside);
        }
        SubnetTAO::<T>::insert(netuid, reserve);
        SubnetAlphaOut::<T>::insert(netuid, outside);
        TotalStake::<T>::put(staked);
        Self::note_trade(netuid, tao, Side::Sell);
        Ok(())
    }

    /// Volume counts both directions, flow counts purchases less sales.
    fn note_trade(netuid: NetUid, tao: TaoBalance, side: Side) {
        SubnetVolume::<T>::mutate(netuid, |volume| {
            *volume = volume.saturating_add(tao.rao().into());
        });
        let amount = i64::try_from(tao.rao()).unwrap_or(i64::MAX);
        SubnetTaoFlow::<T>::mutate(netuid, |flow| {
            *flow = match side {
                Side::Buy => flow.saturating_add(amount),
                Side::Sell => flow.saturating_sub(amount),
            };
        });
    }

    fn refusal(error: PoolError) -> DispatchError {
        match error {
            PoolError::AmountOutOfRange
            | PoolError::InsufficientLiquidity
            | PoolError::WeightOutOfRange => Error::<T>::InsufficientLiquidity.into(),
            PoolError::Overflow => sp_runtime::ArithmeticError::Overflow.into(),
        }
    }
}
