"""The oracle of the epoch where vectors and random subnets seldom reach: worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from assay.scoring.reference.epoch import Epoch, EpochNeuron, EpochRules, after, run, run_exact
from assay.scoring.reference.liquid import Liquid

BLOCK = 1_000
FULL = 65535


def validator(stake: int, **fields: int | None) -> EpochNeuron:
    known: dict[str, int | None] = {"last_update": BLOCK - 1, "registered": 0, **fields}
    return EpochNeuron(stake, permit=True, **known)  # type: ignore[arg-type]


def epoch(
    *neurons: EpochNeuron, weights: dict[int, list[tuple[int, int]]], emission: int = 10**9
) -> Epoch:
    return Epoch(
        block=BLOCK, neurons=neurons, weights=weights, bonds={}, emission=emission, tempo=99
    )


MINER = EpochNeuron(0)
TWO = epoch(
    validator(3 * 10**9), validator(10**9), MINER, MINER, weights={0: [(2, 1)], 1: [(2, 1), (3, 1)]}
)
"""Three quarters of the stake say uid 2, one quarter says 2 and 3 alike."""


def test_exact_arithmetic_says_what_the_formulas_mean() -> None:
    """At kappa 32767 uid 3 has no majority; uid 2's median is what the larger says."""
    shares = run_exact(TWO, EpochRules()).shares
    assert shares.consensus == [0, 0, 1, 0]
    assert shares.incentive == [0, 0, 1, 0]
    # The clipped weights are 1 and 1/2; bonds follow stake times weight: 3/4 beside 1/8.
    assert shares.dividends == [Fraction(6, 7), Fraction(1, 7), 0, 0]
    fixed = run(TWO, EpochRules())
    assert fixed.incentive == run_exact(TWO, EpochRules()).incentive
    assert fixed.consensus == [0, 0, FULL, 0]


@pytest.mark.parametrize(("registered", "counts"), [(499, True), (500, True), (501, False)])
def test_a_weight_committed_before_its_neuron_came_does_not_count(
    registered: int, counts: bool
) -> None:
    """A commit from the very block of the registration still counts; an older one does not."""
    neurons = validator(10**9, oldest_commit=500), EpochNeuron(0, registered=registered)
    given = epoch(*neurons, weights={0: [(1, 1)]})
    assert (run(given, EpochRules()).incentive[1] > 0) is counts


def test_half_of_the_stake_is_no_majority_at_one_half() -> None:
    """Two of equal stake, one says uid 2: at kappa one half the median is what the other says."""
    two = epoch(validator(1), validator(1), MINER, MINER, weights={0: [(2, 1)], 1: [(3, 1)]})
    assert run_exact(two, EpochRules(kappa=32767)).shares.consensus[2:] == [1, 1]
    assert run_exact(two, EpochRules(kappa=32768)).shares.consensus[2:] == [0, 0]


def test_at_an_exact_tie_the_larger_score_is_the_median() -> None:
    """One third of the stake says uid 3, kappa is one third: 65535 / 3."""
    three = epoch(
        *[validator(1)] * 3, MINER, MINER, weights={0: [(3, 1)], 1: [(4, 1)], 2: [(4, 1)]}
    )
    assert run_exact(three, EpochRules(kappa=21_845)).shares.consensus == [0, 0, 0, 1, 1]
    assert run_exact(three, EpochRules(kappa=21_846)).shares.consensus == [0, 0, 0, 0, 1]


def test_stake_below_the_threshold_counts_for_nothing_but_the_owners() -> None:
    two = epoch(validator(10), validator(9), weights={})
    assert run(two, EpochRules(stake_threshold=10)).permits == [True, False]
    assert run(two, EpochRules(stake_threshold=9)).permits == [True, True]
    owned = run_exact(replace(two, owner=1), EpochRules(stake_threshold=10))
    assert owned.permits == [True, True]
    assert owned.validator_emission == [10 * 10**9 // 19, 9 * 10**9 // 19]


def bonded(last_step: int, registered: int) -> dict[int, list[tuple[int, int]]]:
    """The bonds after an epoch in which nobody says anything, of a bond to uid 1."""
    given = replace(
        epoch(validator(10**9), EpochNeuron(0, registered=registered), weights={}),
        bonds={0: [(1, 40_000)]},
        last_step=last_step,
    )
    return run(given, EpochRules(yuma3=True)).bonds


@pytest.mark.parametrize(
    ("last_step", "first"),
    [(900, 901), (0, BLOCK - 99)],
    ids=["after the last epoch", "a tempo ago, before the first epoch"],
)
def test_a_bond_to_a_neuron_that_came_since_is_dropped(last_step: int, first: int) -> None:
    kept = bonded(last_step, first - 1)
    assert kept == {0: [(1, 35_999)]}, "nine tenths of it stay, cut to 32 bits and then to 16"
    assert bonded(last_step, first) == {}


def test_the_first_epoch_of_a_young_chain_drops_bonds_to_whoever_came_since_block_zero() -> None:
    given = replace(
        epoch(validator(10**9, last_update=50), MINER, weights={}),
        block=50,
        bonds={0: [(1, 40_000)]},
    )
    assert run(given, EpochRules(yuma3=True)).bonds == {}


@pytest.mark.parametrize(("updated", "stays"), [(500, False), (501, True)])
def test_under_old_rules_a_bond_is_as_old_as_its_validators_update(
    updated: int, stays: bool
) -> None:
    given = replace(
        epoch(
            validator(10**9, last_update=updated),
            EpochNeuron(0, registered=500),
            weights={},
        ),
        bonds={0: [(1, 40_000)]},
    )
    rules = EpochRules(yuma3=True, bonds_outdated_by_update=True)
    assert bool(run(given, rules).bonds) is stays


def test_who_loses_its_permit_loses_its_bonds() -> None:
    poor = replace(validator(1), permit=True)
    given = replace(
        epoch(validator(10**9), poor, MINER, weights={}),
        bonds={0: [(2, 40_000)], 1: [(2, 30_000)]},
    )
    outcome = run(given, EpochRules(yuma3=True, permits_max=1))
    assert outcome.permits == [True, False, False]
    assert set(outcome.bonds) == {0}


def test_liquid_bonds_move_at_the_speed_of_their_rule() -> None:
    """Low and high are alike, so the speed is 0.4 whatever the consensus."""
    rules = EpochRules(yuma3=True, liquid=Liquid(low=26214, high=26214), bonds_penalty=0)
    bonds = run_exact(TWO, rules).bonds
    assert bonds[0] == [(2, 26214)]
    assert bonds[1] == [(2, 13107), (3, 13107)]


def test_without_a_consensus_bonds_move_at_the_fixed_speed() -> None:
    """A validator without stake says something; a tenth of it becomes its bond."""
    alone = epoch(validator(0), MINER, weights={0: [(1, 1)]})
    rules = EpochRules(
        yuma3=True,
        liquid=Liquid(low=26214, high=26214),
        bonds_penalty=0,
        zero_stake_permits=True,
    )
    assert run(alone, rules).bonds == {0: [(1, 6553)]}


def test_the_epoch_after_starts_from_what_this_one_left() -> None:
    outcome = run(TWO, EpochRules(permits_max=1))
    next_one = after(TWO, outcome, BLOCK + 100)
    assert (next_one.block, next_one.last_step) == (BLOCK + 100, BLOCK)
    assert [neuron.permit for neuron in next_one.neurons] == [True, False, False, False]
    assert next_one.bonds == outcome.bonds != {}
    assert [neuron.stake for neuron in next_one.neurons] == [3 * 10**9, 10**9, 0, 0]
