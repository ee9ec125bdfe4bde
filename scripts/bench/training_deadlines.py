"""Adaptive deadlines beside fixed ones on a recorded trace of stragglers, for
``scripts/bench/training``.

The trace (``training_trace.json``) has of each window the seconds that each of eight peers took:
real processes on two cores, some of them niced, one stopped for up to nine seconds in every third
window, beside other work that came and went; after sixty windows a window has four times the steps.
On two cores most of what is slow is slow for all peers at once. A window ends when all are there,
and at its deadline at the latest. Both kinds of deadline see the same trace, in the same ticks.

With a fixed deadline, what comes later is discarded. The adaptive one is as a run has it: a peer
that is not done sends the steps that it has taken, which count by their part. How far a peer was at
a time the trace does not say: its steps are taken to lie evenly. Whoever needed more than
``ASLEEP`` times what the middle one did is taken to have been stopped over the deadline, and loses
all.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.scoring.training.windows import WindowPace, deadline_blocks
from scripts.bench import report

TRACE = Path(__file__).with_name("training_trace.json")
FIRST = 20  # windows from which a fixed deadline is set; both kinds are judged by the others
SPREAD, SLACK = 4, 2
LONGEST = 0.75  # of the fixed deadline: nobody is waited for as long, since nobody loses all by it
ASLEEP = 2.0  # times the middle peer's time
STEPS = 15  # in the shortest windows of the trace: who has taken none by the deadline loses all
BLOCK_S = 0.25  # a localnet's: the unit in which deadlines are set

Window = Sequence[float]
Deadline = Callable[[Sequence[float] | None], int]


@dataclass(frozen=True)
class Outcome:
    """How long windows took, in blocks, which part of the work was discarded, and which part of all
    steps was taken and counted, in per cent."""

    p95: float
    mean: float
    discarded: float
    counted: float


def replay(trace: Sequence[Window], deadline: Deadline, *, by_steps: bool = False) -> Outcome:
    """Run the windows of ``trace`` one after another; ``deadline`` is told what the window before
    took, in blocks, those that came too late included as they were. ``by_steps``: who is not done
    sends what it has."""
    lengths, lost, total, counted = [], 0, 0, 0.0
    before: list[float] | None = None
    for window in trace:
        waited = deadline(before)
        took = [math.ceil(seconds / BLOCK_S) for seconds in window]
        lengths.append(min(waited, max(took)))
        middle = statistics.median(took)
        for blocks in took:
            part = min(1.0, waited / blocks)
            if part < 1.0 and not (by_steps and part * STEPS >= 1.0 and blocks <= ASLEEP * middle):
                lost, part = lost + 1, 0.0
            counted += part
        total += len(took)
        before = [blocks if blocks <= waited else math.inf for blocks in took]
    ranked = sorted(lengths)
    return Outcome(
        ranked[math.ceil(0.95 * len(ranked)) - 1],
        statistics.fmean(lengths),
        100 * lost / total,
        100 * counted / total,
    )


def adaptive(pace: WindowPace) -> Deadline:
    """The deadline of ``assay.scoring.training.windows``."""

    def deadline(before: Sequence[float] | None) -> int:
        if before is None:
            return pace.longest
        came = [int(blocks) for blocks in before if math.isfinite(blocks)]
        return deadline_blocks(came, len(before) - len(came), pace)

    return deadline


def fixed(blocks: int) -> Deadline:
    return lambda before: blocks


def rows(trace: Sequence[Window]) -> list[dict[str, Any]]:
    """Adaptive deadlines beside the fixed one that would have kept all work of the first windows,
    and beside those that hindsight finds: the one that discards no more, and the one that is no
    slower."""
    every = [math.ceil(seconds / BLOCK_S) for window in trace for seconds in window]
    seen = max(math.ceil(seconds / BLOCK_S) for window in trace[:FIRST] for seconds in window)
    pace = WindowPace(shortest=1, longest=int(LONGEST * seen), spread=SPREAD, slack=SLACK)
    own = replay(trace[FIRST:], adaptive(pace), by_steps=True)
    tried = {n: replay(trace[FIRST:], fixed(n)) for n in range(1, max(every) + 1)}
    as_kept = min((o for o in tried.values() if o.discarded <= own.discarded), key=lambda o: o.p95)
    as_fast = min((o for o in tried.values() if o.p95 <= own.p95), key=lambda o: o.discarded)
    before, found = f"a fixed deadline of the first {FIRST} windows' longest", []
    for name, peer, target in (
        (before, tried[seen], 1.0),
        (
            "that, where steps count as well",
            replay(trace[FIRST:], fixed(seen), by_steps=True),
            None,
        ),
        ("the fixed deadline that in hindsight discards no more", as_kept, None),
        ("the fixed deadline that in hindsight is no slower", as_fast, None),
    ):
        for what, unit, ours, theirs in (
            ("p95 window", "s", own.p95 * BLOCK_S, peer.p95 * BLOCK_S),
            ("discarded work", "%", own.discarded, peer.discarded),
            ("steps that count", "%", own.counted, peer.counted),
        ):
            row = report.row(f"{what}, adaptive, beside {name}", ours, unit)
            met = None if target is None else ours < theirs or what.startswith("steps")
            told = {"peer": "fixed", "peer_value": round(theirs, 4), "target": target, "met": met}
            found.append(row | told | {"ratio": round(theirs / max(ours, 1e-9), 2)})
    return found


def recorded() -> list[Window]:
    return [tuple(window) for window in json.loads(TRACE.read_bytes())["seconds"]]
