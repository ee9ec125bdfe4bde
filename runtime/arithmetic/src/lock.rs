//! Locks of stake: how much of one is still locked after some blocks, and how much conviction it
//! has gained.
//!
//! A lock's mass is alpha that may not leave. Left alone it decays by e^(-t/unlock); a perpetual one
//! stays. Conviction follows the mass with a delay: it moves towards it at the rate 1/maturity, so
//! that after t blocks
//!
//! - of a perpetual lock: C = C0 m + M (1 - m), with m = e^(-t/maturity);
//! - of a decaying one: C = C0 m + M g, with u = e^(-t/unlock) and g = unlock (u - m) / (unlock -
//!   maturity), or (t/maturity) m where both rates are the same.
//!
//! A lock behind the subnet owner's hotkey has as much conviction as mass, at once. All of it is
//! linear in (M, C): locks of one kind that were rolled to the same block may be added up and rolled
//! as one, up to rounding. What is below [`DUST`] in both is nothing.
//!
//! The public chain takes the exponentials of a library in 64 fractional bits; here they are right
//! to 110. A conviction may differ from the public one's in the last of its bits, a mass by one.

use crate::power;
use crate::wide::mul_div_floor;

/// A lock with less mass and less conviction than this, in rao, is gone.
pub const DUST: u64 = 100;

/// Where an exponential is no more than nothing: the public chain's bound too.
const EXPONENT_MAX: u128 = 40;

/// Blocks in which e^-1 of a mass is left, and in which conviction comes as near to its mass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Of the mass.
    pub unlock: u64,
    /// Of the conviction.
    pub maturity: u64,
}

/// How a lock behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// It is behind the subnet owner's hotkey.
    pub owner: bool,
    /// Its mass does not decay.
    pub perpetual: bool,
}

/// A lock at some block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Alpha locked, in rao.
    pub mass: u64,
    /// Rao with 64 fractional bits.
    pub conviction: u128,
}

impl Lock {
    /// The same lock some blocks later. Both parts round down.
    pub fn after(self, blocks: u64, rates: Rates, kind: Kind) -> Lock {
        let rolled = if blocks == 0 { self } else { self.decayed(blocks, rates, kind.perpetual) };
        let conviction = if kind.owner { whole(rolled.mass) } else { rolled.conviction };
        let rolled = Lock { conviction, ..rolled };
        if rolled.mass < DUST && rolled.conviction < whole(DUST) {
            return Lock::default();
        }
        rolled
    }

    /// Both together.
    pub fn plus(self, other: Lock) -> Lock {
        Lock {
            mass: self.mass.saturating_add(other.mass),
            conviction: self.conviction.saturating_add(other.conviction),
        }
    }

    /// Without a part of it; what is not there is not taken.
    pub fn less(self, part: Lock) -> Lock {
        Lock {
            mass: self.mass.saturating_sub(part.mass),
            conviction: self.conviction.saturating_sub(part.conviction),
        }
    }

    /// The part of it that `mass` is, with as large a part of the conviction.
    pub fn part(self, mass: u64) -> Lock {
        let mass = mass.min(self.mass);
        let conviction = mul_div_floor(self.conviction, mass.into(), self.mass.into());
        Lock { mass, conviction: conviction.unwrap_or(0) }
    }

    /// Whether there is none.
    pub fn is_nothing(self) -> bool {
        self == Lock::default()
    }

    fn decayed(self, blocks: u64, rates: Rates, perpetual: bool) -> Lock {
        let (u, m) = (decay(blocks, rates.unlock), decay(blocks, rates.maturity));
        let mass = if perpetual { self.mass } else { floor(times(whole(self.mass), u)) };
        let gained =
            if perpetual { power::ONE.saturating_sub(m) } else { gain(blocks, rates, u, m) };
        let conviction = times(self.conviction, m).saturating_add(times(whole(self.mass), gained));
        Lock { mass, conviction }
    }
}

/// Conviction that one rao of a decaying lock has gained, in the scale of [`power::ONE`].
fn gain(blocks: u64, rates: Rates, u: u128, m: u128) -> u128 {
    let Rates { unlock, maturity } = rates;
    if unlock == maturity {
        return mul_div_floor(m, blocks.into(), maturity.into()).unwrap_or(0);
    }
    if unlock == 0 || maturity == 0 {
        return 0;
    }
    // Of the two differences, both are positive or both negative.
    let rates_apart = unlock.abs_diff(maturity);
    mul_div_floor(u.abs_diff(m), unlock.into(), rates_apart.into()).unwrap_or(0).min(power::ONE)
}

/// e^(-blocks / rate) in the scale of [`power::ONE`], rounded down. At a rate of zero nothing is
/// left after the first block.
fn decay(blocks: u64, rate: u64) -> u128 {
    if blocks == 0 {
        return power::ONE;
    }
    if rate == 0 || u128::from(blocks) >= EXPONENT_MAX.saturating_mul(rate.into()) {
        return 0;
    }
    let exponent = mul_div_floor(power::LOG2_E, blocks.into(), rate.into()).unwrap_or(u128::MAX);
    power::exp2_of_minus(exponent)
}

fn whole(rao: u64) -> u128 {
    u128::from(rao) << 64
}

fn floor(amount: u128) -> u64 {
    // The 64 bits that stay are a u64.
    (amount >> 64) as u64
}

/// An amount times a fraction of at most one, in the scale of [`power::ONE`].
fn times(amount: u128, fraction: u128) -> u128 {
    mul_div_floor(amount, fraction, power::ONE).unwrap_or(amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATES: Rates = Rates { unlock: 934_866, maturity: 934_866 };
    const DECAYING: Kind = Kind { owner: false, perpetual: false };
    const PERPETUAL: Kind = Kind { owner: false, perpetual: true };
    const TAO: u64 = 1_000_000_000;

    fn of(mass: u64) -> Lock {
        Lock { mass, conviction: 0 }
    }

    /// Conviction in rao.
    fn convinced(lock: Lock) -> f64 {
        lock.conviction as f64 / 2f64.powi(64)
    }

    #[test]
    fn a_rate_of_blocks_leaves_an_eth_part() {
        let later = of(1_000 * TAO).after(934_866, RATES, DECAYING);
        let e = core::f64::consts::E;
        assert!((later.mass as f64 - 1e12 / e).abs() <= 2.0, "{later:?}");
        // t/maturity is one, so as much has been gained as is left.
        assert!((convinced(later) - 1e12 / e).abs() <= 2.0, "{later:?}");
        let stays = of(1_000 * TAO).after(934_866, RATES, PERPETUAL);
        assert_eq!(stays.mass, 1_000 * TAO);
        assert!((convinced(stays) - 1e12 * (1.0 - 1.0 / e)).abs() <= 2.0, "{stays:?}");
    }

    #[test]
    fn different_rates_follow_their_own_formula() {
        for (unlock, maturity) in [(1_000u64, 400u64), (400, 1_000)] {
            let later = of(TAO).after(700, Rates { unlock, maturity }, DECAYING);
            let (tu, tm) = (unlock as f64, maturity as f64);
            let (u, m) = ((-700.0 / tu).exp(), (-700.0 / tm).exp());
            assert!((later.mass as f64 - 1e9 * u).abs() <= 1.0);
            assert!((convinced(later) - 1e9 * tu * (u - m) / (tu - tm)).abs() <= 2.0);
        }
    }

    #[test]
    fn the_owners_lock_is_all_conviction_and_dust_is_nothing() {
        let owner = Kind { owner: true, perpetual: false };
        assert_eq!(of(TAO).after(0, RATES, owner).conviction, whole(TAO));
        let half = of(TAO).after(648_000, RATES, owner);
        assert_eq!(half.conviction, whole(half.mass));
        assert_eq!(of(99).after(0, RATES, DECAYING), Lock::default());
        assert_eq!(of(100).after(0, RATES, DECAYING), of(100));
        assert_eq!(of(u64::MAX).after(u64::MAX, RATES, DECAYING), Lock::default());
        assert_eq!(of(TAO).after(1, Rates { unlock: 0, maturity: 0 }, DECAYING), Lock::default());
    }

    proptest! {
        #[test]
        fn nothing_grows_out_of_nothing(
            mass: u64, bits: u64, blocks: u64, unlock: u64, maturity: u64,
            owner: bool, perpetual: bool,
        ) {
            let lock = Lock { mass, conviction: u128::from(bits) << 64 };
            let later = lock.after(blocks, Rates { unlock, maturity }, Kind { owner, perpetual });
            prop_assert!(later.mass <= mass);
            prop_assert!(later.conviction <= whole(mass.max(bits)));
        }

        #[test]
        fn two_steps_are_one_and_two_locks_are_their_sum(
            first in 0u64..1 << 50, second in 0u64..1 << 50,
            early in 0u64..1 << 21, late in 0u64..1 << 21,
            unlock in 1u64..1 << 22, maturity in 1u64..1 << 22, perpetual: bool,
        ) {
            let rates = Rates { unlock, maturity };
            let kind = Kind { owner: false, perpetual };
            let near = |a: Lock, b: Lock| {
                let least = 2 * DUST; // what one way is dust, the other is not yet
                a.mass.abs_diff(b.mass) <= least
                    && a.conviction.abs_diff(b.conviction) <= whole(least)
            };
            let once = of(first).after(early + late, rates, kind);
            let twice = of(first).after(early, rates, kind).after(late, rates, kind);
            prop_assert!(near(once, twice), "{once:?} {twice:?}");
            let together = of(first).plus(of(second)).after(early, rates, kind);
            let apart = of(first).after(early, rates, kind).plus(of(second).after(early, rates, kind));
            prop_assert!(near(together, apart), "{together:?} {apart:?}");
        }

        #[test]
        fn a_part_and_the_rest_are_the_whole(mass: u64, bits: u64, taken: u64) {
            let lock = Lock { mass, conviction: u128::from(bits) << 64 };
            let part = lock.part(taken);
            prop_assert_eq!(lock.less(part).plus(part), lock);
            prop_assert_eq!(part.mass, taken.min(mass));
        }
    }
}
