//! The pool in which a subnet's TAO and alpha trade: a weighted constant product (subtensor.md 10).
//!
//! With x alpha of weight `w_x`, y TAO of weight `w_y` and `w_x + w_y = 1`, trades keep
//! `x^w_x * y^w_y` and the price is `(w_x * y) / (w_y * x)` TAO for one alpha. Weights start equal,
//! and then everything is exact: a purchase of `t` TAO yields `floor(x * t / (y + t))`, as the
//! executed runtimes do. Other weights arise only when the chain adds to the reserves in another
//! ratio than the price; they go through [`crate::power`], whose bounds keep the result within a
//! rao below the exact one.
//!
//! Rounding is always the pool's gain, and a pool never gives out its whole reserve. What it
//! does not know: fees ([`fee`] is the caller's to take), who trades, the root subnet's fixed
//! price.

mod limits;

use primitive_types::U256;

use crate::power::{self, Exponent};
use crate::wide::{mul_div_floor, part_u16};

/// One, in the scale of weights.
pub const WEIGHT_ONE: u64 = 1_000_000_000_000_000_000;
/// The weight each reserve starts with: half.
pub const WEIGHT_EQUAL: u64 = WEIGHT_ONE / 2;
/// The smallest weight a reserve may come to: a hundredth.
pub const WEIGHT_MIN: u64 = WEIGHT_ONE / 100;
/// The scale in which clients read and set prices: rao for one alpha.
pub const PRICE_SCALE: u64 = 1_000_000_000;
/// A trade may bring at most this many times the reserve it adds to.
pub const INPUT_MULTIPLE_MAX: u64 = 1_000;

/// Two reserves and the weight of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// TAO in reserve.
    pub tao: u64,
    /// Alpha in reserve.
    pub alpha: u64,
    /// The weight of TAO, of [`WEIGHT_ONE`]; the rest is that of alpha.
    pub tao_weight: u64,
}

/// Why a pool refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolError {
    /// A reserve is empty, or would fall below the minimum.
    InsufficientLiquidity,
    /// The amount is zero or too large for the reserve it adds to.
    AmountOutOfRange,
    /// The addition would push a weight below [`WEIGHT_MIN`].
    WeightOutOfRange,
    /// A reserve would outgrow its number.
    Overflow,
}

/// The two directions of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// TAO in, alpha out.
    Buy,
    /// Alpha in, TAO out.
    Sell,
}

/// A reserve, its other, and the exponent with which the first moves the second.
struct Sides {
    into: u64,
    out: u64,
    exponent: Exponent,
}

impl Pool {
    /// A pool of equal weights.
    pub const fn new(tao: u64, alpha: u64) -> Self {
        Pool { tao, alpha, tao_weight: WEIGHT_EQUAL }
    }

    /// The weight of alpha.
    pub fn alpha_weight(&self) -> u64 {
        WEIGHT_ONE.saturating_sub(self.tao_weight)
    }

    /// What a trade would yield, after any fee, rounded down. The reserve given from must keep
    /// `reserve_min`.
    pub fn quote(&self, side: Side, amount: u64, reserve_min: u64) -> Result<u64, PoolError> {
        let sides = self.sides(side);
        if sides.into == 0 || sides.out == 0 {
            return Err(PoolError::InsufficientLiquidity);
        }
        let input_max = sides.into.saturating_mul(INPUT_MULTIPLE_MAX);
        if amount == 0 || amount > input_max {
            return Err(PoolError::AmountOutOfRange);
        }
        let grown = u128::from(sides.into).saturating_add(amount.into());
        let out = if sides.exponent.numerator == sides.exponent.denominator {
            mul_div_floor(sides.out.into(), amount.into(), grown)
        } else {
            let kept = power::power_ceil(sides.into.into(), grown, sides.exponent);
            let gone = power::ONE.saturating_sub(kept);
            mul_div_floor(sides.out.into(), gone, power::ONE)
        };
        let out = out.and_then(|amount| u64::try_from(amount).ok()).ok_or(PoolError::Overflow)?;
        let left = sides.out.checked_sub(out).ok_or(PoolError::InsufficientLiquidity)?;
        if left < reserve_min.max(1) {
            return Err(PoolError::InsufficientLiquidity);
        }
        Ok(out)
    }

    /// Trades: the input joins its reserve, the yield leaves the other and is returned.
    pub fn swap(&mut self, side: Side, amount: u64, reserve_min: u64) -> Result<u64, PoolError> {
        let out = self.quote(side, amount, reserve_min)?;
        let (gains, gives) = match side {
            Side::Buy => (self.tao, self.alpha),
            Side::Sell => (self.alpha, self.tao),
        };
        let gains = gains.checked_add(amount).ok_or(PoolError::Overflow)?;
        let gives = gives.checked_sub(out).ok_or(PoolError::InsufficientLiquidity)?;
        (self.tao, self.alpha) = match side {
            Side::Buy => (gains, gives),
            Side::Sell => (gives, gains),
        };
        Ok(out)
    }

    /// Adds to both reserves without moving the price: the weights shift instead. An empty pool
    /// takes its price from the ratio of the two amounts.
    pub fn inject(&mut self, tao: u64, alpha: u64) -> Result<(), PoolError> {
        let grown_tao = self.tao.checked_add(tao).ok_or(PoolError::Overflow)?;
        let grown_alpha = self.alpha.checked_add(alpha).ok_or(PoolError::Overflow)?;
        let tao_weight = if self.tao == 0 || self.alpha == 0 {
            WEIGHT_EQUAL
        } else {
            self.shifted_weight(grown_tao, grown_alpha)?
        };
        *self = Pool { tao: grown_tao, alpha: grown_alpha, tao_weight };
        Ok(())
    }

    /// The TAO worth of some alpha at the present price, rounded down.
    pub fn tao_of_alpha(&self, alpha: u64) -> u64 {
        self.at_price(alpha, self.alpha_weight(), self.tao, self.tao_weight, self.alpha)
    }

    /// The alpha worth of some TAO at the present price, rounded down.
    pub fn alpha_of_tao(&self, tao: u64) -> u64 {
        self.at_price(tao, self.tao_weight, self.alpha, self.alpha_weight(), self.tao)
    }

    /// The price as clients read it, of [`PRICE_SCALE`], rounded down; zero for an empty pool.
    pub fn price(&self) -> u64 {
        self.tao_of_alpha(PRICE_SCALE)
    }

    /// The price with 32 fractional bits, rounded down; zero for an empty pool.
    pub fn price_bits(&self) -> u64 {
        self.tao_of_alpha(1 << 32)
    }

    fn sides(&self, side: Side) -> Sides {
        let (tao_weight, alpha_weight) = (self.tao_weight, self.alpha_weight());
        match side {
            Side::Buy => Sides {
                into: self.tao,
                out: self.alpha,
                exponent: Exponent { numerator: tao_weight, denominator: alpha_weight },
            },
            Side::Sell => Sides {
                into: self.alpha,
                out: self.tao,
                exponent: Exponent { numerator: alpha_weight, denominator: tao_weight },
            },
        }
    }

    /// `floor(amount * weight * reserve / (other_weight * other_reserve))`; saturates. The
    /// products stay below 2^64 * 2^60 * 2^64.
    fn at_price(&self, amount: u64, weight: u64, reserve: u64, by: u64, per: u64) -> u64 {
        let worth = U256::from(amount)
            .saturating_mul(weight.into())
            .saturating_mul(reserve.into())
            .checked_div(U256::from(by).saturating_mul(per.into()))
            .unwrap_or_default();
        u64::try_from(worth).unwrap_or(u64::MAX)
    }

    /// The weight of TAO that keeps the price at these reserves:
    /// `w_y' = w_y * x * y' / (w_y * x * y' + w_x * y * x')`.
    fn shifted_weight(&self, tao: u64, alpha: u64) -> Result<u64, PoolError> {
        let product = |weight: u64, a: u64, b: u64| {
            U256::from(weight).saturating_mul(a.into()).saturating_mul(b.into())
        };
        let tao_side = product(self.tao_weight, self.alpha, tao);
        let alpha_side = product(self.alpha_weight(), self.tao, alpha);
        let weight = tao_side
            .saturating_mul(WEIGHT_ONE.into())
            .checked_div(tao_side.saturating_add(alpha_side))
            .and_then(|weight| u64::try_from(weight).ok())
            .ok_or(PoolError::Overflow)?;
        let range = WEIGHT_MIN..=WEIGHT_ONE.saturating_sub(WEIGHT_MIN);
        if range.contains(&weight) {
            Ok(weight)
        } else {
            Err(PoolError::WeightOutOfRange)
        }
    }
}

/// A trade's fee: `floor(amount * rate / 65535)`, taken from the input.
pub fn fee(amount: u64, rate: u16) -> u64 {
    part_u16(amount, rate)
}

/// The largest amount, fee included, of which no more than `net` is left after the fee.
pub fn with_fee(net: u64, rate: u16) -> u64 {
    let rest = u16::MAX.saturating_sub(rate);
    let gross = mul_div_floor(net.into(), u16::MAX.into(), rest.into());
    let gross = gross.and_then(|amount| u64::try_from(amount).ok()).unwrap_or(u64::MAX);
    // The fee rounds down, so one more rao may still fit or one too many may have slipped in.
    let fits = |amount: u64| amount.saturating_sub(fee(amount, rate)) <= net;
    [gross.saturating_add(1), gross, gross.saturating_sub(1)]
        .into_iter()
        .find(|amount| fits(*amount))
        .unwrap_or(net)
}
