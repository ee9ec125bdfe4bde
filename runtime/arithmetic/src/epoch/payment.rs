//! The epoch's emission divided between neurons (subtensor.md 7, step 10).
//!
//! Every payment is a share of the whole rounded down, so together they never exceed it; what
//! rounding leaves over is the caller's to account for.

use alloc::{vec, vec::Vec};

use super::stake::Standing;
use crate::fixed::{self, Fixed};

/// Shares and payments by uid.
pub(super) struct Shares {
    pub combined: Vec<Fixed>,
    pub server_emission: Vec<u64>,
    pub validator_emission: Vec<u64>,
    pub emission: Vec<u64>,
}

impl Shares {
    pub fn of(
        incentive: &[Fixed],
        dividends: &[Fixed],
        standing: &Standing,
        emission: u64,
    ) -> Self {
        let both: Vec<Fixed> = incentive
            .iter()
            .zip(dividends)
            .map(|(miner, validator)| miner.plus(*validator))
            .collect();
        let total = fixed::sum(&both);
        let (server, validator, combined) = if total != 0 {
            let divide = |parts: &[Fixed]| -> Vec<Fixed> {
                parts.iter().map(|part| part.div_by_sum(total)).collect()
            };
            (divide(incentive), divide(dividends), divide(&both))
        } else {
            // Nobody was rated: validators earn by stake, active stake if there is any.
            let idle = standing.active_stake.iter().all(|stake| *stake == Fixed::ZERO);
            let stake = if idle { &standing.stake } else { &standing.active_stake };
            (vec![Fixed::ZERO; both.len()], stake.clone(), stake.clone())
        };
        let pay = |shares: &[Fixed]| -> Vec<u64> {
            shares.iter().map(|share| share.of_amount(emission)).collect()
        };
        Shares {
            server_emission: pay(&server),
            validator_emission: pay(&validator),
            emission: pay(&combined),
            combined,
        }
    }
}
