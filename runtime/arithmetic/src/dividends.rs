//! Dividing an amount between several claims, and a validator's dividends between its own take,
//! its parents and the kinds of stake behind it (subtensor.md 8).
//!
//! Nothing is created: the parts of an amount never exceed it, and where a whole must be paid
//! out the rounding goes to a named party.

use alloc::vec::Vec;

use crate::wide::{part, part_u16, part_u64};

/// `floor(amount * weight / total)` for each weight; all zero when the weights are. Up to one
/// rao a claim stays undivided.
pub fn split(amount: u64, weights: &[u128]) -> Vec<u64> {
    // Weights are scaled down together when their sum would pass 128 bits.
    let spare = weights.len().checked_ilog2().map_or(0, |bits| bits.saturating_add(1));
    let largest = weights.iter().copied().max().unwrap_or(0);
    let shift = spare.saturating_sub(largest.leading_zeros());
    let total: u128 = weights.iter().map(|weight| weight >> shift).sum();
    weights.iter().map(|weight| part(amount, weight >> shift, total)).collect()
}

/// A parent's claim on what its child earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentClaim {
    /// The stake the parent lent, alpha and weighted root stake together.
    pub contribution: u64,
    /// What the child keeps of the parent's part, of 65535.
    pub take: u16,
}

/// What a validator's dividends come to for it and each of its parents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentSplit {
    /// The validator's own part: its stake's, its take of the parents' parts, and the rounding.
    pub child: u64,
    /// The parts of the parents, in their order, after the take.
    pub parents: Vec<u64>,
}

/// Divides a validator's dividends between its own stake and its parents' by what each
/// contributed, less the child's take of each parent's part.
pub fn split_parents(dividend: u64, own: u64, parents: &[ParentClaim]) -> ParentSplit {
    let lent: u128 = parents.iter().map(|claim| u128::from(claim.contribution)).sum();
    let total = lent.saturating_add(own.into());
    let mut child = dividend;
    let parts = parents.iter().map(|claim| {
        let gross = part(dividend, claim.contribution.into(), total);
        let net = gross.saturating_sub(part_u16(gross, claim.take));
        child = child.saturating_sub(net);
        net
    });
    let parents = parts.collect();
    ParentSplit { child, parents }
}

/// What a hotkey keeps of a stake after lending these proportions (of 2^64 - 1) to its children.
pub fn kept(own: u64, lent: &[u64]) -> u64 {
    lent.iter().fold(own, |rest, proportion| rest.saturating_sub(part_u64(own, *proportion)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_split_follows_its_weights() {
        assert_eq!(split(10, &[1, 1, 2]), [2, 2, 5]);
        assert_eq!(split(10, &[0, 0]), [0, 0]);
        assert_eq!(split(10, &[]), Vec::<u64>::new());
        assert_eq!(split(10, &[u128::MAX, u128::MAX]), [5, 5]);
    }

    #[test]
    fn parents_pay_the_childs_take() {
        let parent = |contribution, take| ParentClaim { contribution, take };
        let split = split_parents(1000, 25, &[parent(50, 6553), parent(25, 0)]);
        assert_eq!(split.parents, [451, 250]);
        assert_eq!(split.child, 299);
        assert_eq!(split_parents(1000, 0, &[]).child, 1000);
    }

    proptest! {
        #[test]
        fn nothing_is_created(amount: u64, weights in prop::collection::vec(any::<u128>(), 0..20)) {
            let total: u128 = split(amount, &weights).iter().map(|x| u128::from(*x)).sum();
            prop_assert!(total <= u128::from(amount));
        }

        #[test]
        fn parents_and_child_share_all(
            amount: u64, own: u64, take: u16, lent in prop::collection::vec(any::<u64>(), 0..9),
        ) {
            let claims: Vec<_> =
                lent.into_iter().map(|contribution| ParentClaim { contribution, take }).collect();
            let split = split_parents(amount, own, &claims);
            let total = split.parents.iter().map(|x| u128::from(*x)).sum::<u128>();
            prop_assert_eq!(total + u128::from(split.child), u128::from(amount));
        }
    }
}
