"""What trainers' messages do for the model, as ratings that grow over windows.

In come each window's scores, one for each trainer: by how much its message alone lowers the loss on
data that nobody trained on. The loss itself is not what is paid by, because some windows have data
that are harder than others'. Scores become ratings by the model of Plackett and Luce (Ruby Weng and
Chih-Jen Lin, "A Bayesian Approximation Method for Online Ranking", 2011), which ``openskill``
computes.

A rating says only who is better. Honest trainers that do the same work would be paid by chance. So
two entrants that nobody sent take part in each window:

    HALF      scores half of what the middle trainer does
    NOTHING   scores nothing, as a message without values would

and a trainer is paid by how far it stands above or below HALF (``standing``). Measured by drawn
scores, with 2 to 32 trainers whose scores vary by 10 or 30 % of the middle one, over 150 windows
and ten seeds each: no honest trainer ever stood more than 2.0 below HALF. Who adds nothing stands 6
below it after 2 to 14 windows, the later the more trainers there are; who does harm, after 2 to 4.
The middle of an even number of trainers is the upper one, so that half of all, if they add nothing,
are not the measure of the others.

Where messages add less than the loss varies, as in the first windows of a small run, chance would
rank them. So a score comes with its standard error, and whoever does not differ from HALF by more
than chance does is even with it (``SURE``).

Two measures are rated so, each in a table of its own: by how much a message lowers the loss on held
out data, and by how much more on what its trainer was to read than on what another one was. The
first one sees who adds nothing, and harm. The second one is to see who did not read its own part;
in small windows it tells little, since two trainers' sequences differ by more than that
(docs/training.md has figures). A trainer is paid by the lower of both, where nobody is audited.

Whose message it is, and how a loss is measured, are not known here.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from openskill.models import PlackettLuce

HALF: Final = "half of the middle one"
NOTHING: Final = "nothing"
"""The two entrants' names. No hotkey has a blank in it."""
START: Final = 25.0
"""A newcomer's rating, which is the library's."""
UNSURE: Final = START / 3
"""A newcomer's deviation, likewise."""
KEPT: Final = 0.9
"""What is left of a rating's distance from ``START`` after a window. Without it a good past would
pay for twenty windows of nothing; with 0.8 a trainer of half the worth is not told from a whole
one."""
DRIFT: Final = 0.5
"""How much surer a rating may be at most: a deviation grows by so much, in squares, a window, so
that trainers that change are followed."""
SURE: Final = 2.0
"""Standard errors by which a score must differ from HALF's to count as another one. Without, honest
trainers whose messages did less than the loss varies were ranked by chance, and stood 12 below
HALF after seven windows from random numbers."""
FULL: Final = -3.0
"""So far below HALF a trainer is still paid in full: half as far again as chance ever brought an
honest one."""
NONE: Final = -6.0
"""So far below HALF a trainer is paid nothing."""


@dataclass(frozen=True, slots=True)
class PeerRating:
    """What is known of one entrant: its ``mean``, and the ``deviation`` of what is known."""

    mean: float = START
    deviation: float = UNSURE


Ratings = Mapping[str, PeerRating]


def rated(
    ratings: Ratings, scores: Mapping[str, float], errors: Mapping[str, float] | None = None
) -> dict[str, PeerRating]:
    """Return the ``ratings`` by name after a window in which trainers had ``scores``, each with its
    standard error in ``errors``, by default none. Whose score does not differ from HALF's by more
    than ``SURE`` of these errors is even with HALF.

    Who did not take part keeps what it had, less what time takes; a score that is not a number is
    the last. A single trainer is compared with the two entrants alone.
    """
    faded = {
        name: PeerRating(START + KEPT * (each.mean - START), each.deviation)
        for name, each in ratings.items()
    }
    if not scores:
        return faded
    finite = {name: score if math.isfinite(score) else -math.inf for name, score in scores.items()}
    middle = statistics.median_high(finite.values())
    # Of a middle one that does harm, half is better than the whole: nothing is asked for instead.
    half = max(middle, 0.0) / 2
    unsure = {name: SURE * error for name, error in (errors or {}).items()}
    # Where the middle one's half may be chance, nothing is as good.
    unsure[NOTHING] = statistics.median_high(unsure.values()) if unsure else 0.0
    entrants = {
        name: half if abs(score - half) <= unsure.get(name, 0.0) else score
        for name, score in {**finite, HALF: half, NOTHING: 0.0}.items()
    }
    names = sorted(entrants)
    places = {score: at for at, score in enumerate(sorted(set(entrants.values()), reverse=True))}
    model = PlackettLuce(tau=DRIFT)
    before = [faded.get(name, PeerRating()) for name in names]
    after = model.rate(
        [[model.rating(mu=each.mean, sigma=each.deviation)] for each in before],
        ranks=[float(places[entrants[name]]) for name in names],
    )
    found = {name: PeerRating(one.mu, one.sigma) for name, (one,) in zip(names, after, strict=True)}
    return {**faded, **found}


def standing(ratings: Ratings, name: str) -> float:
    """Return how far ``name`` stands above HALF in ``ratings``; negative below. 0 before the first
    window."""
    return ratings.get(name, PeerRating()).mean - ratings.get(HALF, PeerRating()).mean


def paid_part(stands: float) -> float:
    """Return the part of the pay that is left to a trainer that ``stands`` so far above HALF."""
    return min(max((stands - NONE) / (FULL - NONE), 0.0), 1.0)
