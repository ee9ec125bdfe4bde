"""How far the chain's fixed point is from the formulas: the oracle in both kinds of numbers.

Where the two decide alike (whose stake counts, which weight is the median), the difference is that
of roundings alone, and bounded here. Where a tie at kappa or a stake below 2^-32 of the whole makes
them decide differently, no bound holds: that is the reason why the chain's own arithmetic, and no
floating point, is the reference. docs/decisions/fixed-point.md tells the figures.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from assay.scoring.reference.epoch import Epoch, EpochNeuron, EpochRules, run, run_exact
from assay.scoring.reference.liquid import Liquid
from assay.scoring.reference.numbers import Fixed

_CASES = 60
_SEED = 3
_SHARE_ERROR_MAX = 2.0**-27
"""Of a share, before it is cut to sixteen bits; 2^-32 for each of up to thirty-two roundings."""
_PAY_ERROR_MAX = 2.0**-28
"""Of the emission, for one neuron."""


@dataclass(slots=True)
class Worst:
    share: float = 0.0
    stored: int = 0
    pay: float = 0.0
    bonds: int = 0
    compared: int = 0
    decided_otherwise: int = 0


def _case(rng: random.Random) -> tuple[Epoch, EpochRules]:
    """Four validators of ordinary stakes and eight miners; bonds from the epoch before."""
    validators, size = 4, 12
    neurons = [
        EpochNeuron(
            rng.randrange(10**9, 10**13) if uid < validators else 0, 9_990, 0, uid < validators
        )
        for uid in range(size)
    ]
    rows = {
        uid: [(j, rng.randrange(1, 65536)) for j in range(validators, size)]
        for uid in range(validators)
    }
    bonds = {
        uid: [(j, rng.randrange(1, 65536)) for j in range(validators, size)]
        for uid in range(validators)
    }
    yuma3 = rng.random() < 0.5
    rules = EpochRules(
        kappa=rng.choice([32767, rng.randrange(10_000, 55_000)]),
        bonds_penalty=rng.randrange(65536),
        yuma3=yuma3,
        liquid=Liquid() if yuma3 and rng.random() < 0.5 else None,
    )
    epoch = Epoch(
        block=10_000, neurons=neurons, weights=rows, bonds=bonds, emission=10**12, tempo=20
    )
    return epoch, rules


def measure(cases: int, seed: int) -> Worst:
    rng, worst, one = random.Random(seed), Worst(), Fixed.one
    for _ in range(cases):
        epoch, rules = _case(rng)
        fixed, exact = run(epoch, rules), run_exact(epoch, rules)
        consensus = zip(fixed.shares.consensus, exact.shares.consensus, strict=True)
        if any(abs(a / one - float(b)) > _SHARE_ERROR_MAX for a, b in consensus):
            worst.decided_otherwise += 1
            continue
        worst.compared += 1
        for name in ("incentive", "dividends"):
            shares = zip(getattr(fixed.shares, name), getattr(exact.shares, name), strict=True)
            worst.share = max(worst.share, *(abs(a / one - float(b)) for a, b in shares))
            kept = zip(getattr(fixed, name), getattr(exact, name), strict=True)
            worst.stored = max(worst.stored, *(abs(a - b) for a, b in kept))
        pays = zip(fixed.emission, exact.emission, strict=True)
        worst.pay = max(worst.pay, *(abs(a - b) / epoch.emission for a, b in pays))
        for uid, row in exact.bonds.items():
            kept_row = dict(fixed.bonds.get(uid, ()))
            worst.bonds = max(worst.bonds, *(abs(kept_row.get(j, 0) - b) for j, b in row))
    return worst


def test_the_fixed_point_errs_by_less_than_it_is_said_to(
    record_property: Callable[[str, object], None],
) -> None:
    worst = measure(_CASES, _SEED)
    record_property("worst", str(worst))
    print(worst)  # noqa: T201 - shown by pytest -s
    assert worst.compared >= _CASES * 9 // 10, worst
    assert worst.share <= _SHARE_ERROR_MAX, worst
    assert worst.pay <= _PAY_ERROR_MAX, worst
    assert worst.stored <= 1, worst
    assert worst.bonds <= 1, worst
