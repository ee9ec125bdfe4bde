"""How a person is shown scores: as shares of the best one.

In come validators' averages, in [0, 1]; out come short texts. What 1 stands for is a task's own
business: inference has a rate for it that one machine reaches by far and another one by a
thousandth, and who reads "0.000" beside a miner that is paid takes it for a fault. Miners are paid
in proportion, so what says something is how near a miner comes to the best. Programs get the
averages as they are.
"""

from __future__ import annotations

from collections.abc import Iterable

LEAST = 0.005
"""A share below it would be rounded to nothing."""


def share_of_best(score: float | None, best: float) -> str:
    """``score`` as a share of the ``best`` one; empty without a score."""
    if score is None:
        return ""
    share = score / best if best > 0.0 else 0.0
    return f"{share:.0%}" if share >= LEAST or share == 0.0 else "<1%"


def best_of(scores: Iterable[float | None]) -> float:
    """The largest of ``scores``; 0 where there is none."""
    return max((score for score in scores if score is not None), default=0.0)


def said_of_best(best: float) -> str:
    """What the ``best`` score itself is."""
    return f"{best:.2g} of 1"
