//! What is held for the root stakers of a validator, in the records by which clients show a fund.
//!
//! The public runtime keeps such earnings in a fund of each validator, which trades and whose shares
//! have a price. Here they are alpha owed to each staker (`coinbase::root_claims`): what a fund would
//! hold is what all stakers of the hotkey are owed together, nothing of it is traded, and a share is
//! one rao of what it would bring now.

use crate::*;
use alloc::vec::Vec;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Alpha held on one subnet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BasketHolding {
    pub netuid: NetUid,
    pub alpha: AlphaBalance,
    /// Its worth at the present price.
    pub spot_tao: TaoBalance,
    /// What its sale would bring.
    pub realizable_tao: TaoBalance,
}

/// All that is held for the root stakers of one hotkey.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BasketSummary<AccountId> {
    pub hotkey: AccountId,
    /// What a sale of each holding would bring.
    pub nav_tao: TaoBalance,
    /// What they are worth at present prices.
    pub spot_nav_tao: TaoBalance,
    pub shares: u64,
    /// Always zero, as is `redeemed_tao`: neither is counted.
    pub deposited_tao: TaoBalance,
    pub redeemed_tao: TaoBalance,
    pub holdings: Vec<BasketHolding>,
}

/// One staker's part of that.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BasketPosition<AccountId> {
    pub hotkey: AccountId,
    /// The staker's shares, and all there are.
    pub beta: u64,
    pub beta_total: u64,
    /// What all is worth, what the part would bring, and what it is worth.
    pub nav_tao: TaoBalance,
    pub value_tao: TaoBalance,
    pub spot_value_tao: TaoBalance,
}

/// Whether a fund may be traded, and how much of it. None may here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BasketTradingStatus {
    pub enabled: bool,
    pub frozen: bool,
    pub refill_blocks: u64,
    pub tao_available: TaoBalance,
    pub budget_tao: TaoBalance,
}

fn sum(amounts: impl Iterator<Item = TaoBalance>) -> TaoBalance {
    amounts.map(TaoBalance::rao).fold(0u64, u64::saturating_add).into()
}

impl<T: Config> Pallet<T> {
    /// What is held for the root stakers of a hotkey. Nothing: an empty summary.
    pub fn basket(hotkey: &T::AccountId) -> BasketSummary<T::AccountId> {
        let holdings: Vec<BasketHolding> = RootClaimable::<T>::get(hotkey)
            .into_keys()
            .map(|netuid| Self::holding(netuid, Self::root_alpha_held(netuid, hotkey)))
            .filter(|holding| !holding.alpha.is_zero())
            .collect();
        let nav_tao = sum(holdings.iter().map(|holding| holding.realizable_tao));
        BasketSummary {
            hotkey: hotkey.clone(),
            nav_tao,
            spot_nav_tao: sum(holdings.iter().map(|holding| holding.spot_tao)),
            shares: nav_tao.rao(),
            deposited_tao: TaoBalance::ZERO,
            redeemed_tao: TaoBalance::ZERO,
            holdings,
        }
    }

    /// The same for every hotkey for whose stakers something is held.
    pub fn baskets() -> Vec<BasketSummary<T::AccountId>> {
        RootClaimable::<T>::iter_keys()
            .map(|hotkey| Self::basket(&hotkey))
            .filter(|basket| !basket.holdings.is_empty())
            .collect()
    }

    /// What all of that would bring.
    pub fn baskets_nav() -> TaoBalance {
        sum(Self::baskets().iter().map(|basket| basket.nav_tao))
    }

    /// A staker's part behind one hotkey, if there is any.
    pub fn basket_position(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> Option<BasketPosition<T::AccountId>> {
        let owed: Vec<BasketHolding> = RootClaimable::<T>::get(hotkey)
            .into_keys()
            .map(|netuid| Self::holding(netuid, Self::root_alpha_owed(netuid, hotkey, coldkey)))
            .collect();
        let value_tao = sum(owed.iter().map(|holding| holding.realizable_tao));
        if value_tao.is_zero() {
            return None;
        }
        let basket = Self::basket(hotkey);
        Some(BasketPosition {
            hotkey: hotkey.clone(),
            beta: value_tao.rao(),
            beta_total: basket.shares,
            nav_tao: basket.nav_tao,
            value_tao,
            spot_value_tao: sum(owed.iter().map(|holding| holding.spot_tao)),
        })
    }

    /// A staker's parts behind all hotkeys.
    pub fn basket_positions(coldkey: &T::AccountId) -> Vec<BasketPosition<T::AccountId>> {
        StakingHotkeys::<T>::get(coldkey)
            .iter()
            .filter_map(|hotkey| Self::basket_position(hotkey, coldkey))
            .collect()
    }

    fn holding(netuid: NetUid, alpha: AlphaBalance) -> BasketHolding {
        BasketHolding {
            netuid,
            alpha,
            spot_tao: Self::tao_worth(netuid, alpha),
            realizable_tao: Self::sale_of(netuid, alpha),
        }
    }

    /// What a sale would bring; nothing where the pool cannot take it.
    pub(super) fn sale_of(netuid: NetUid, alpha: AlphaBalance) -> TaoBalance {
        Self::quote_sell(netuid, alpha).unwrap_or_default().tao_amount
    }
}
