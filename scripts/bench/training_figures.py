"""What the cells of ``scripts/bench/training`` say: rows of losses and bytes, differences paired by
seed, and the frontier of loss against bytes. Pure: results come in, rows go out.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.bench import report
from scripts.bench.training_cells import METHODS, OURS_RATIO, PUBLISHED_RATIO

Result = Mapping[str, Any]
Found = Mapping[tuple[str, int, int], Sequence[Result]]  # by method, steps and ratio; by seed

T_95 = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # two-sided, 1 to 9 freedoms
UTILISATION = 0.95  # at which the peak of a link is told


def paired(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """The mean difference of runs that share a seed, and half of its 95 % interval; infinite for
    one seed."""
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    mean = statistics.fmean(differences)
    if len(differences) < 2:
        return mean, math.inf
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    return mean, T_95[min(len(differences) - 2, len(T_95) - 1)] * error


def tokens_until(curve: Sequence[Sequence[float]], loss: float) -> float | None:
    """After how many tokens a ``curve`` of (tokens, loss) is at ``loss`` for the first time, evenly
    between its points; None if it never is."""
    for (before, high), (after, low) in itertools.pairwise(curve):
        if low <= loss:
            part = (high - loss) / (high - low) if high > low else 1.0
            return before + max(0.0, part) * (after - before)
    return None


def at_bytes(points: Sequence[tuple[float, float]], sent: float) -> float | None:
    """The loss of a frontier of (bytes, loss) at ``sent`` bytes, evenly over the logarithm; None
    outside of it."""
    ordered = sorted(points)
    if not ordered or not ordered[0][0] <= sent <= ordered[-1][0]:
        return None
    logs = [math.log(each) for each, _ in ordered]
    return float(np.interp(math.log(sent), logs, [loss for _, loss in ordered]))


def losses(results: Sequence[Result]) -> list[float] | None:
    """The final losses by seed; None unless every seed has one."""
    found = [result.get("loss") for result in results]
    return None if not found or None in found else [float(each) for each in found if each]


def tables(found: Found) -> list[dict[str, Any]]:
    """A row of loss for every method, steps and ratio, with what was sent beside it."""
    rows = []
    for (method, steps, ratio), results in sorted(found.items()):
        values = losses(results)
        if values is None:
            continue
        last = results[-1]
        per_s = last["sync_bytes"] / (last["sync_s"] * (1 / UTILISATION - 1))
        row = report.row(f"held-out loss: {_called(method, steps, ratio)}", values, "nats")
        rows.append(row | {
            "method": method, "steps": steps, "nominal_ratio": ratio,
            "measured_ratio": round(statistics.fmean(each["ratio"] for each in results), 3),
            "bytes": round(statistics.fmean(each["bytes"] for each in results)),
            "audit_bytes": round(last["audit_bytes"]), "peak_bytes_per_s": round(per_s),
            "curves": [each["curve"] for each in results],
        })  # fmt: skip
    return rows


def _called(method: str, steps: int, ratio: int) -> str:
    return f"{method}{f' {ratio}x' if METHODS[method].ratios != (1,) else ''}, H {steps}"


def comparisons(found: Found, steps: int) -> list[dict[str, Any]]:
    """Ours beside the others at one number of ``steps`` a window."""
    rows = []
    ours = found.get(("ours", steps, OURS_RATIO), ())
    own = losses(ours)
    for method, ratio in (
        ("sparseloco", PUBLISHED_RATIO), ("sparseloco-tuned", PUBLISHED_RATIO), ("diloco", 1),
        ("diloco-muon", 1), ("ddp", 1),
    ):  # fmt: skip
        theirs = losses(found.get((method, steps, ratio), ()))
        if own is None or theirs is None or len(own) != len(theirs):
            continue
        mean, half = paired(own, theirs)
        name = f"loss of ours {OURS_RATIO}x less that of {_called(method, steps, ratio)}"
        target = 0.0 if method.startswith("sparseloco") else None
        row = report.row(name, mean, "nats", target=target)
        rows.append(row | {"interval": None if math.isinf(half) else [mean - half, mean + half]})
    rows += _price(found, steps, ours)
    rows += _frontier(found, steps)
    return rows


def _price(found: Found, steps: int, ours: Sequence[Result]) -> list[dict[str, Any]]:
    """The tokens that the ratio costs: how many dense DiLoCo needs for the same loss."""
    dense = found.get(("diloco", steps, 1), ())
    costs = []
    for own, other in zip(ours, dense, strict=False):
        if own["loss"] is not None and (needed := tokens_until(other["curve"], own["loss"])):
            costs.append(100 * (own["curve"][-1][0] / needed - 1))
    if not costs:
        return []
    name = f"tokens that {OURS_RATIO}x costs beside tuned dense DiLoCo, H {steps}"
    return [report.row(name, costs, "%")]


def _frontier(found: Found, steps: int) -> list[dict[str, Any]]:
    """The most by which ours lies above the better baseline at equal bytes; at most 0 is wanted."""

    def points(*methods: str) -> list[tuple[float, float]]:
        return [
            (statistics.fmean(each["bytes"] for each in results), statistics.fmean(values))
            for (method, at, _), results in found.items()
            if method in methods and at == steps and (values := losses(results)) is not None
        ]

    ours = points("ours")
    excess = [
        own - loss
        for sent, loss in points("sparseloco", "sparseloco-tuned")
        if (own := at_bytes(ours, sent)) is not None
    ]
    if not excess:
        return []
    name = f"frontier: the most that ours is above SparseLoCo's at equal bytes, H {steps}"
    return [report.row(name, max(excess), "nats", target=0.0) | {"points": len(excess)}]
