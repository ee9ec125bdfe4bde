//! A slow, readable epoch in doubles over dense matrices, written from the text of subtensor.md 7,
//! and the fixed-point epoch beside it on random subnets: owner, commits, penalties, both bond
//! modes, liquid alpha. Doubles are not exact enough for the last bits; golden vectors hold those.

// A test is there to panic.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use assay_arithmetic::epoch::{
    self, BondsMask, BondsMode, EpochInput, EpochRules, LiquidAlpha, Neuron, PermitRule, StoredRow,
};
use proptest::prelude::*;

type Matrix = Vec<Vec<f64>>;

struct Oracle {
    permits: Vec<bool>,
    consensus: Vec<f64>,
    incentive: Vec<f64>,
    dividends: Vec<f64>,
    trust: Vec<f64>,
    bonds: Matrix,
}

fn normalised(values: &[f64]) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    values.iter().map(|value| if sum > 0.0 { value / sum } else { 0.0 }).collect()
}

fn columns_normalised(matrix: &Matrix) -> Matrix {
    let size = matrix.len();
    let sums: Vec<f64> = (0..size).map(|j| matrix.iter().map(|row| row[j]).sum()).collect();
    let divide = |row: &Vec<f64>| {
        (0..size).map(|j| if sums[j] > 0.0 { row[j] / sums[j] } else { 0.0 }).collect()
    };
    matrix.iter().map(divide).collect()
}

fn dense(size: usize, rows: &[StoredRow], scale: f64) -> Matrix {
    let mut matrix = vec![vec![0.0; size]; size];
    for (i, row) in rows.iter().enumerate() {
        for (j, value) in row {
            matrix[i][usize::from(*j)] = f64::from(*value) / scale;
        }
    }
    matrix
}

fn elementwise(size: usize, entry: impl Fn(usize, usize) -> f64) -> Matrix {
    (0..size).map(|i| (0..size).map(|j| entry(i, j)).collect()).collect()
}

/// subtensor.md 7, steps 1 to 8, one after the other.
fn oracle(input: &EpochInput, rules: &EpochRules) -> Oracle {
    let (neurons, size) = (input.neurons, input.neurons.len());
    let owner = |uid: usize| input.owner.map(usize::from) == Some(uid);
    let inactive = |n: &Neuron| n.last_update + input.activity_cutoff < input.block;
    let stake: Vec<f64> = (0..size)
        .map(|uid| {
            let counts = neurons[uid].stake >= rules.stake_threshold || owner(uid);
            if counts {
                neurons[uid].stake as f64
            } else {
                0.0
            }
        })
        .collect();
    let stake = normalised(&stake);
    let mut order: Vec<usize> = (0..size).filter(|uid| stake[*uid] > 0.0).collect();
    order.sort_by(|a, b| stake[*b].total_cmp(&stake[*a]).then(b.cmp(a)));
    order.truncate(usize::from(rules.max_validators));
    let permits = (0..size).map(|uid| order.contains(&uid) || owner(uid)).collect();

    let permitted = |uid: usize| neurons[uid].validator_permit || owner(uid);
    let active: Vec<f64> = (0..size)
        .map(|uid| if permitted(uid) && !inactive(&neurons[uid]) { stake[uid] } else { 0.0 })
        .collect();
    let active = normalised(&active);

    let raw = dense(size, input.weights, 1.0);
    let weights = elementwise(size, |i, j| {
        let kept = permitted(i)
            && (i != j || owner(i))
            && neurons[i].last_update > neurons[j].registered_at
            && neurons[i].oldest_commit.is_none_or(|block| block >= neurons[j].registered_at);
        if kept {
            raw[i][j]
        } else {
            0.0
        }
    });
    let weights: Matrix = weights.iter().map(|row| normalised(row)).collect();

    let kappa = f64::from(rules.kappa) / 65535.0;
    let consensus: Vec<f64> = (0..size)
        .map(|j| {
            // The largest weight that at least kappa of the stake would give.
            let support = |w: f64| -> f64 {
                (0..size).filter(|i| weights[*i][j] >= w).map(|i| active[i]).sum()
            };
            let backed = (0..size).map(|i| weights[i][j]).filter(|w| support(*w) > kappa);
            backed.fold(0.0, f64::max)
        })
        .collect();
    let clipped = elementwise(size, |i, j| weights[i][j].min(consensus[j]));
    let trust = clipped.iter().map(|row| row.iter().sum()).collect();
    let rank: Vec<f64> =
        (0..size).map(|j| (0..size).map(|i| active[i] * clipped[i][j]).sum()).collect();
    let incentive = normalised(&rank);

    let penalty = f64::from(rules.bonds_penalty) / 65535.0;
    let target =
        elementwise(size, |i, j| (1.0 - penalty) * weights[i][j] + penalty * clipped[i][j]);
    let BondsMask::RegisteredSince(first) = rules.bonds_mask else {
        panic!("the mask of spec 425")
    };
    let scale = if rules.bonds == BondsMode::Classic { 1.0 } else { 65535.0 };
    let stored = dense(size, input.bonds, scale);
    let old = elementwise(
        size,
        |i, j| {
            if neurons[j].registered_at >= first {
                0.0
            } else {
                stored[i][j]
            }
        },
    );
    let speed = 1.0 - rules.bonds_moving_average as f64 / 1e6;
    let (bonds, dividends) = match rules.bonds {
        BondsMode::Classic => {
            let old = columns_normalised(&old);
            let bought = columns_normalised(&elementwise(size, |i, j| active[i] * target[i][j]));
            let ema = elementwise(size, |i, j| speed * bought[i][j] + (1.0 - speed) * old[i][j]);
            let ema = columns_normalised(&ema);
            let earned: Vec<f64> =
                (0..size).map(|i| (0..size).map(|j| ema[i][j] * incentive[j]).sum()).collect();
            let largest: Vec<f64> =
                (0..size).map(|j| ema.iter().map(|row| row[j]).fold(0.0, f64::max)).collect();
            let upscaled =
                elementwise(
                    size,
                    |i, j| {
                        if largest[j] > 0.0 {
                            ema[i][j] / largest[j]
                        } else {
                            0.0
                        }
                    },
                );
            (upscaled, normalised(&earned))
        }
        BondsMode::Yuma3(liquid) => {
            let liquid = liquid.filter(|_| consensus.iter().any(|c| *c > 0.0));
            let ema = elementwise(size, |i, j| {
                let (weight, bond) = (target[i][j], old[i][j]);
                let speed = liquid.map_or(speed, |rule| {
                    let (low, high) =
                        (f64::from(rule.low) / 65535.0, f64::from(rule.high) / 65535.0);
                    let distance =
                        if weight >= bond { weight - consensus[j] } else { bond - weight };
                    let slope = f64::from(rule.steepness) / 100.0;
                    let x = slope * (distance.clamp(0.0, 1.0) - 0.5);
                    low + (high - low) / (1.0 + (-x).exp())
                });
                speed * weight + (1.0 - speed) * bond
            });
            let shares = columns_normalised(&ema);
            let earned: Vec<f64> = (0..size)
                .map(|i| active[i] * (0..size).map(|j| shares[i][j] * incentive[j]).sum::<f64>())
                .collect();
            (ema, normalised(&earned))
        }
    };
    Oracle { permits, consensus, incentive, dividends, trust, bonds }
}

fn rows(size: usize) -> impl Strategy<Value = Vec<StoredRow>> {
    let value = prop_oneof![Just(0u16), Just(65535u16), 1u16..];
    let row = prop::collection::btree_map(0..size as u16, value, 0..=size);
    prop::collection::vec(row.prop_map(|row| row.into_iter().collect()), size)
}

fn neuron() -> impl Strategy<Value = Neuron> {
    let stake = prop_oneof![2 => Just(0u64), 5 => 1_000_000_000u64..1_000_000_000_000];
    // Blocks around the epoch at 1000: some silent too long, some just registered.
    let update = prop_oneof![4 => 960u64..1000, 1 => 700u64..960];
    let registered = prop_oneof![4 => 0u64..500, 1 => 940u64..1000];
    let commit = prop::option::weighted(0.2, 900u64..1000);
    (stake, update, registered, any::<bool>(), commit).prop_map(
        |(stake, last_update, registered_at, validator_permit, oldest_commit)| Neuron {
            stake,
            last_update,
            registered_at,
            validator_permit,
            oldest_commit,
        },
    )
}

fn modes() -> impl Strategy<Value = BondsMode> {
    let liquid = (20_000u16..40_000, 45_000u16..65_000, -2_000i16..2_000)
        .prop_map(|(low, high, steepness)| LiquidAlpha { low, high, steepness });
    prop_oneof![
        Just(BondsMode::Classic),
        Just(BondsMode::Yuma3(None)),
        liquid.prop_map(|rule| BondsMode::Yuma3(Some(rule))),
    ]
}

fn rules() -> impl Strategy<Value = EpochRules> {
    let penalty = prop_oneof![Just(65535u16), any::<u16>()];
    let threshold = prop_oneof![Just(0u64), Just(50_000_000_000)];
    (1u16..65_000, 0u64..=1_000_000, penalty, 0u16..12, threshold, modes()).prop_map(
        |(kappa, bonds_moving_average, bonds_penalty, max_validators, stake_threshold, bonds)| {
            EpochRules {
                kappa,
                bonds_moving_average,
                bonds_penalty,
                max_validators,
                stake_threshold,
                bonds,
                permits: PermitRule::TopNonZero,
                bonds_mask: BondsMask::since_last_epoch(949, 1000, 50),
            }
        },
    )
}

fn subnets() -> impl Strategy<Value = (Vec<Neuron>, Vec<StoredRow>, Vec<StoredRow>, Option<u16>)> {
    (2usize..9).prop_flat_map(|size| {
        let owner = prop::option::of(0..size as u16);
        (prop::collection::vec(neuron(), size), rows(size), rows(size), owner)
    })
}

/// How far fixed point may be from doubles, as a share: rounding of small columns is magnified
/// when they are normalised.
const TOLERANCE: f64 = 2e-4;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_fast_epoch_is_the_slow_one(
        (neurons, weights, bonds, owner) in subnets(),
        rules in rules(),
    ) {
        let emission = 1_000_000_000_000;
        let input = EpochInput {
            block: 1_000,
            activity_cutoff: 200,
            neurons: &neurons,
            weights: &weights,
            bonds: &bonds,
            owner,
            emission,
        };
        let fast = epoch::run(&input, &rules);
        let slow = oracle(&input, &rules);
        let close = |ours: &[u16], theirs: &[f64]| {
            ours.iter().zip(theirs).all(|(a, b)| {
                (f64::from(*a) / 65535.0 - b.min(1.0)).abs() <= TOLERANCE
            })
        };
        let (fair, incentive, dividends) = (&slow.consensus, &slow.incentive, &slow.dividends);
        prop_assert_eq!(&fast.validator_permit, &slow.permits);
        prop_assert!(close(&fast.consensus, fair), "{:?} {:?}", fast.consensus, fair);
        prop_assert!(close(&fast.incentive, incentive), "{:?} {:?}", fast.incentive, incentive);
        prop_assert!(close(&fast.validator_trust, &slow.trust));
        prop_assert!(close(&fast.dividends, dividends), "{:?} {:?}", fast.dividends, dividends);
        for (uid, row) in fast.bonds.iter().enumerate() {
            let Some(row) = row else { continue };
            if !fast.validator_permit[uid] {
                prop_assert!(row.is_empty());
                continue;
            }
            for (column, bond) in row {
                let theirs = slow.bonds[uid][usize::from(*column)];
                prop_assert!(close(&[*bond], &[theirs]), "bond {uid} {column}: {bond} {theirs}");
            }
        }
        let paid: u128 = fast.server_emission.iter().chain(&fast.validator_emission)
            .map(|amount| u128::from(*amount)).sum();
        prop_assert!(paid <= u128::from(emission));
        let combined: u128 = fast.emission.iter().map(|amount| u128::from(*amount)).sum();
        prop_assert!(combined <= u128::from(emission));
    }
}
