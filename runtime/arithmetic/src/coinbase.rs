//! A block's emission on its way to the subnets (subtensor.md 3 to 5).
//!
//! TAO is shared between subnets by moving price; each subnet's part enters its pool together
//! with new alpha, and further alpha is set aside for owner, miners and validators. All amounts
//! round down: what a block mints is at most its emission.
//!
//! Moving prices and burned shares have 32 fractional bits, as the chain stores them.

use alloc::vec::Vec;

use primitive_types::U256;

use crate::wide::{mul_div_floor, part, part_u16};

/// Fractional bits of moving prices and of burned shares.
pub const PRICE_BITS: u32 = 32;
/// One, with [`PRICE_BITS`].
pub const PRICE_ONE: u64 = 1 << PRICE_BITS;

/// What decides a subnet's share of the block's TAO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareClaim {
    /// Its moving price, with [`PRICE_BITS`].
    pub moving_price: u64,
    /// The share of its miners' pay that was burned, with [`PRICE_BITS`].
    pub miner_burned: u64,
    /// Whether TAO may flow to it at all.
    pub emission_enabled: bool,
}

/// The TAO of each subnet (subtensor.md 3): in proportion to moving price times the part of its
/// miners' pay that was not burned; if that leaves nothing to anyone, to moving price alone.
/// Subnets without emission then get nothing and their share goes to the others, by theirs.
pub fn share_emission(emission: u64, claims: &[ShareClaim]) -> Vec<u64> {
    let unburned = |claim: &ShareClaim| {
        let kept = PRICE_ONE.saturating_sub(claim.miner_burned.min(PRICE_ONE));
        u128::from(claim.moving_price).saturating_mul(kept.into()) >> PRICE_BITS
    };
    let mut weights: Vec<u128> = claims.iter().map(unburned).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights = claims.iter().map(|claim| claim.moving_price.into()).collect();
    }
    for (weight, claim) in weights.iter_mut().zip(claims) {
        if !claim.emission_enabled {
            *weight = 0;
        }
    }
    crate::dividends::split(emission, &weights)
}

/// The next moving price (subtensor.md 3): `a * min(price, 1) + (1 - a) * old` with
/// `a = speed * blocks / (blocks + halving)`, rounded down once, when it is stored with
/// [`PRICE_BITS`]. The first updates of a new subnet therefore round to zero.
pub fn moving_price(
    old: u64,
    price: u64,
    speed: u64,
    blocks_since_start: u64,
    halving_blocks: u64,
) -> u64 {
    // Of 1 / whole: at most 2^97, so that the sum of the two products has less than 2^162.
    let horizon = U256::from(blocks_since_start).saturating_add(halving_blocks.into());
    let whole = horizon.saturating_mul(PRICE_ONE.into());
    let fresh = U256::from(speed.min(PRICE_ONE)).saturating_mul(blocks_since_start.into());
    let moved = fresh.saturating_mul(price.min(PRICE_ONE).into());
    let kept = whole.saturating_sub(fresh).saturating_mul(old.into());
    let next = moved.saturating_add(kept).checked_div(whole).unwrap_or(old.into());
    u64::try_from(next).unwrap_or(u64::MAX)
}

/// How far the average of a flow moves towards it in a block, of 2^64: ln 2 / 216000, a half-life
/// of thirty days of the public chain's blocks.
const FLOW_SPEED: i128 = 59_195_778_378_555;

/// The next moving average of a block's flow of TAO into a pool (less what flowed out); the average
/// has 64 fractional bits, and its step is rounded down to 2^-48 of a rao.
pub fn flow_average(old: i128, flow: i64) -> i128 {
    // |flow| * 2^64 fits, a difference of two such saturates at worst, and 80 bits of it times the
    // 46 of the speed fit again.
    let distance = (i128::from(flow) << 64).saturating_sub(old);
    let step = (distance >> 48).saturating_mul(FLOW_SPEED) >> 16;
    old.saturating_add(step)
}

/// The part of a subnet's rewards that root stake earns, as a fraction (subtensor.md 4):
/// `R * w / (R * w + alpha issuance)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootProportion {
    weighted_root: u64,
    total: u128,
}

impl RootProportion {
    /// From the TAO staked on root, its weight over 2^64, and the subnet's alpha issuance.
    pub fn new(root_tao: u64, tao_weight: u64, alpha_issuance: u64) -> Self {
        let weighted_root = weigh_root(root_tao, tao_weight);
        let total = u128::from(weighted_root).saturating_add(alpha_issuance.into());
        RootProportion { weighted_root, total }
    }

    /// This part of an amount, rounded down.
    pub fn of(&self, amount: u64) -> u64 {
        part(amount, self.weighted_root.into(), self.total)
    }

    /// The fraction with 32 fractional bits, rounded down: the form in which it is stored.
    pub fn bits(&self) -> u64 {
        self.of(PRICE_ONE)
    }
}

/// Root stake as it counts on a subnet: `tao * weight / 2^64`, rounded down.
pub fn weigh_root(tao: u64, tao_weight: u64) -> u64 {
    let weighted = (u128::from(tao).saturating_mul(tao_weight.into())) >> 64;
    u64::try_from(weighted).unwrap_or(tao)
}

/// What enters a pool in one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injection {
    /// TAO added to the reserve beside alpha.
    pub tao: u64,
    /// Alpha added to the reserve.
    pub alpha: u64,
    /// TAO that buys alpha from the pool instead.
    pub excess: u64,
}

/// Divides a subnet's TAO between injection and purchase (subtensor.md 4).
///
/// `alpha = min(tao / price, cap)`, with `cap` the root proportion of the alpha emission; when
/// the cap binds, only `alpha * price` of TAO goes in with it. Conversions at the pool's price
/// are the caller's: `alpha_of_tao` for all the TAO and `tao_of_alpha` for a given alpha.
pub fn inject(
    tao_emission: u64,
    cap: u64,
    alpha_of_tao: u64,
    tao_of_alpha: impl Fn(u64) -> u64,
) -> Injection {
    if alpha_of_tao <= cap {
        return Injection { tao: tao_emission, alpha: alpha_of_tao, excess: 0 };
    }
    let tao = tao_of_alpha(cap).min(tao_emission);
    Injection { tao, alpha: cap, excess: tao_emission.saturating_sub(tao) }
}

/// Who the alpha outside the pool is set aside for; the parts add up to the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlphaSplit {
    /// The subnet's owner.
    pub owner: u64,
    /// Miners.
    pub server: u64,
    /// Validators and those who stake alpha with them.
    pub validator: u64,
    /// Those who stake on root.
    pub root: u64,
}

/// Divides a block's alpha (subtensor.md 5). Miners get half of what the owner leaves, rounded
/// down; root gets its proportion of the other half; validators get the rest.
pub fn split_alpha(alpha: u64, owner_cut: u16, root: &RootProportion) -> AlphaSplit {
    let owner = part_u16(alpha, owner_cut);
    let rest = alpha.saturating_sub(owner);
    let server = rest / 2;
    let root = root.of(rest) / 2;
    let validator = rest.saturating_sub(server).saturating_sub(root);
    AlphaSplit { owner, server, validator, root }
}

/// The part `numerator / denominator` with [`PRICE_BITS`], rounded down, at most one; zero when
/// the denominator is zero.
pub fn share_bits(numerator: u64, denominator: u64) -> u64 {
    let bits = mul_div_floor(numerator.into(), PRICE_ONE.into(), denominator.into()).unwrap_or(0);
    u64::try_from(bits).unwrap_or(PRICE_ONE).min(PRICE_ONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claim(moving_price: u64, miner_burned: u64) -> ShareClaim {
        ShareClaim { moving_price, miner_burned, emission_enabled: true }
    }

    #[test]
    fn burned_miners_cost_their_subnet_its_share() {
        let claims = [claim(10, 0), claim(10, PRICE_ONE)];
        assert_eq!(share_emission(100, &claims), [100, 0]);
        assert_eq!(share_emission(100, &[claim(30, PRICE_ONE), claim(10, PRICE_ONE)]), [75, 25]);
        let disabled = ShareClaim { emission_enabled: false, ..claim(10, 0) };
        assert_eq!(share_emission(100, &[disabled, claim(10, PRICE_ONE / 2)]), [0, 100]);
        // What it leaves goes to the others by their shares, be they nothing.
        assert_eq!(share_emission(100, &[disabled, claim(10, PRICE_ONE)]), [0, 0]);
        assert_eq!(share_emission(100, &[claim(0, 0)]), [0]);
    }

    #[test]
    fn a_new_subnets_price_starts_at_zero_and_then_moves() {
        let speed = 12_884; // 3e-6, the default
        let mut price = 0;
        let first = (1..100).find(|block| {
            price = moving_price(price, PRICE_ONE, speed, *block, 201_600);
            price > 0
        });
        assert_eq!(first, Some(16));
        // From there on it rises with every block: nothing of it is rounded away on the way.
        let price =
            (1..=18).fold(0, |price, block| moving_price(price, PRICE_ONE, speed, block, 201_600));
        assert_eq!(price, 3);
        assert_eq!(
            moving_price(0, 5 * PRICE_ONE, PRICE_ONE, u64::MAX >> 1, 201_600),
            PRICE_ONE - 1
        );
    }

    #[test]
    fn a_flow_average_covers_half_the_way_in_its_half_life() {
        let flow = 1_000_000_000;
        let average = (0..216_000).fold(0, |average, _| flow_average(average, flow));
        let rao = average >> 64;
        assert!((499_990_000..=500_010_000).contains(&rao), "{rao}");
        assert!(flow_average(average, -flow) < average);
        assert_eq!(flow_average(0, 0), 0);
        assert!(flow_average(i128::MAX, i64::MIN) > 0 && flow_average(i128::MIN, i64::MAX) < 0);
    }

    #[test]
    fn the_cap_sends_the_rest_to_buy() {
        let double = |alpha: u64| alpha * 2;
        assert_eq!(inject(100, 60, 50, double), Injection { tao: 100, alpha: 50, excess: 0 });
        assert_eq!(inject(100, 10, 50, double), Injection { tao: 20, alpha: 10, excess: 80 });
        assert_eq!(inject(100, 0, 50, double), Injection { tao: 0, alpha: 0, excess: 100 });
    }

    proptest! {
        #[test]
        fn the_split_loses_nothing(alpha: u64, cut: u16, root: u64, weight: u64, issued: u64) {
            let split = split_alpha(alpha, cut, &RootProportion::new(root, weight, issued));
            let sum = u128::from(split.owner) + u128::from(split.server)
                + u128::from(split.validator) + u128::from(split.root);
            prop_assert_eq!(sum, u128::from(alpha));
        }

        #[test]
        fn shares_never_exceed_the_emission(
            emission: u64, claims in prop::collection::vec((any::<u64>(), 0..=PRICE_ONE), 0..20),
        ) {
            let claims: Vec<_> =
                claims.into_iter().map(|(price, burned)| claim(price, burned)).collect();
            let shares = share_emission(emission, &claims);
            let total: u128 = shares.iter().map(|share| u128::from(*share)).sum();
            prop_assert!(total <= u128::from(emission));
        }
    }
}
