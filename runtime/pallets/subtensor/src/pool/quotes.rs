//! Prices and previews for those who ask before they trade. Nothing here writes.
//!
//! Runtime APIs and previews of calls read these; a quote is what the trade would come to in the
//! state it is asked of.

use crate::*;
use assay_arithmetic::pool::{fee, Side, PRICE_SCALE};
use codec::{Decode, Encode};
use scale_info::TypeInfo;
use sp_runtime::DispatchError;

/// A trade that has not happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SwapQuote {
    /// TAO paid, or got.
    pub tao_amount: TaoBalance,
    /// Alpha got, or given.
    pub alpha_amount: AlphaBalance,
    /// Fee of a purchase, part of `tao_amount`.
    pub tao_fee: TaoBalance,
    /// Fee of a sale, part of `alpha_amount`.
    pub alpha_fee: AlphaBalance,
    /// TAO that a sale got less than the present price promises.
    pub tao_slippage: TaoBalance,
    /// Alpha that a purchase got less than the present price promises.
    pub alpha_slippage: AlphaBalance,
}

impl<T: Config> Pallet<T> {
    /// The price of alpha as clients read it: rao for one alpha. 1e9 where it is fixed.
    pub fn alpha_price(netuid: NetUid) -> u64 {
        if Self::is_stable(netuid) {
            PRICE_SCALE
        } else {
            Self::pool_of(netuid).price()
        }
    }

    /// The price with 32 fractional bits.
    pub(crate) fn alpha_price_bits(netuid: NetUid) -> u64 {
        if Self::is_stable(netuid) {
            1 << 32
        } else {
            Self::pool_of(netuid).price_bits()
        }
    }

    /// What some alpha is worth at the present price, rounded down.
    pub fn tao_worth(netuid: NetUid, alpha: AlphaBalance) -> TaoBalance {
        if Self::is_stable(netuid) {
            return alpha.rao().into();
        }
        Self::pool_of(netuid).tao_of_alpha(alpha.rao()).into()
    }

    /// How much alpha some TAO is worth at the present price, rounded down.
    pub fn alpha_worth(netuid: NetUid, tao: TaoBalance) -> AlphaBalance {
        if Self::is_stable(netuid) {
            return tao.rao().into();
        }
        Self::pool_of(netuid).alpha_of_tao(tao.rao()).into()
    }

    /// What a purchase for all of `tao` would come to.
    pub fn quote_buy(netuid: NetUid, tao: TaoBalance) -> Result<SwapQuote, DispatchError> {
        let rate = Self::fee_rate(netuid);
        let trade = Self::plan(netuid, Side::Buy, tao.rao(), None, false, rate)?;
        let promised = Self::alpha_worth(netuid, trade.net().into());
        Ok(SwapQuote {
            tao_amount: trade.amount_in.into(),
            alpha_amount: trade.amount_out.into(),
            tao_fee: trade.fee.into(),
            alpha_slippage: promised.rao().saturating_sub(trade.amount_out).into(),
            ..SwapQuote::default()
        })
    }

    /// What a sale of all of `alpha` would come to.
    pub fn quote_sell(netuid: NetUid, alpha: AlphaBalance) -> Result<SwapQuote, DispatchError> {
        let rate = Self::fee_rate(netuid);
        let trade = Self::plan(netuid, Side::Sell, alpha.rao(), None, false, rate)?;
        let promised = Self::tao_worth(netuid, trade.net().into());
        Ok(SwapQuote {
            tao_amount: trade.amount_out.into(),
            alpha_amount: trade.amount_in.into(),
            alpha_fee: trade.fee.into(),
            tao_slippage: promised.rao().saturating_sub(trade.amount_out).into(),
            ..SwapQuote::default()
        })
    }

    /// The fee of moving `amount` from one place to another, of the token that goes in where it is
    /// going, or else where it is; none where both are the same place.
    pub fn stake_fee(
        origin: Option<(T::AccountId, NetUid)>,
        destination: Option<(T::AccountId, NetUid)>,
        amount: u64,
    ) -> u64 {
        if origin == destination {
            return 0;
        }
        let netuid = destination.or(origin).map_or(NetUid::ROOT, |(_, netuid)| netuid);
        fee(amount, Self::fee_rate(netuid))
    }
}
