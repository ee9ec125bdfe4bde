"""What is compared in ``scripts/bench/training``: methods, the settings that each is tuned over,
and one run of one of them as a cell.

Every method has the same number of trials, chosen here before the long run began: first inner
rates, with the method's usual outer setting, then outer settings at the best of these rates; a
method without outer settings has twice as many rates. Trials take a quarter of a run's tokens at 30
steps a window, and what is best there is used at 15 and 100 too: with trials at each the whole took
40 hours of a core, and so it takes 13. For the same reason all ratios run at 30 steps alone.

A cell is one run: a method, steps a window, a ratio, a seed, a setting and a number of tokens. Its
name is the hash of all that, and so is its file's. Nothing is computed here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

VERSION = 2  # of what a cell computes: another one makes all cells anew
PEERS = 4
PUBLISHED_RATIO = 146  # 64 of 4,096 values, 12 + 2 bits each
OURS_RATIO = 300
RATIOS = (30, 75, 146, 300, 600, 1_000)
TUNING_SEED = 1_000  # none of those that are compared
TUNING_PART = 4  # a trial has a quarter of a run's tokens
TUNING_STEPS = 30  # of a trial's window: what is best there is used at 15 and 100 as well
FRONTIER_STEPS = 30  # at which all ratios run; elsewhere the two that decide
TRIALS = 8


@dataclass(frozen=True)
class Setting:
    """What a method is tuned over; a method looks at its own part of it."""

    rate: float
    outer_rate: float = 1.0
    momentum: float = 0.0
    mean_of: Literal["all", "senders"] = "all"
    decay: float = 0.0


@dataclass(frozen=True)
class Method:
    """A way to train, and the settings that it is tuned over."""

    name: str
    kind: Literal["ddp", "dense", "chunked", "coded"]
    optimiser: Literal["adamw", "muon"]
    rates: tuple[float, ...]
    outers: tuple[Setting, ...]  # the first is the usual one; ``rate`` is filled in
    ratios: tuple[int, ...] = (1,)

    def first_trials(self) -> list[Setting]:
        return [replace(self.outers[0], rate=rate) for rate in self.rates]

    def second_trials(self, best: Setting) -> list[Setting]:
        return [replace(outer, rate=best.rate) for outer in self.outers[1:]]


ADAMW = (1e-3, 2e-3, 4e-3, 8e-3)
ADAMW_FINE = (7e-4, 1e-3, 1.4e-3, 2e-3, 2.8e-3, 4e-3, 5.7e-3, 8e-3)
MUON = (2e-3, 5e-3, 1e-2, 2e-2)


def _dense(rate: float, momentum: float) -> Setting:
    return Setting(0.0, rate, momentum)


def _sparse(decay: float, rate: float, mean_of: Literal["all", "senders"] = "senders") -> Setting:
    return Setting(0.0, rate, 0.0, mean_of, decay)


DENSE = tuple(_dense(*pair) for pair in ((0.7, 0.8), (0.7, 0.6), (0.7, 0.9), (1.0, 0.5), (1.0, 0)))
METHODS = {
    method.name: method
    for method in (
        Method("ddp", "ddp", "adamw", ADAMW_FINE, (Setting(0.0),)),
        Method("diloco", "dense", "adamw", ADAMW, DENSE),
        Method("diloco-muon", "dense", "muon", MUON, DENSE),
        # As published: mean over all peers, outer rate 1, feedback 0.95; its inner rate is tuned.
        Method(
            "sparseloco", "chunked", "adamw", ADAMW_FINE, (_sparse(0.95, 1.0, "all"),),
            (PUBLISHED_RATIO,),
        ),
        # What small runs found for ours (short memory) is among the baseline's trials as well.
        Method(
            "sparseloco-tuned", "chunked", "adamw", ADAMW,
            (
                _sparse(0.95, 1.0), _sparse(0.5, 1.0), _sparse(0.8, 1.0), _sparse(0.5, 1.3),
                _sparse(0.95, 2.0, "all"),
            ),
            RATIOS,
        ),
        Method(
            "ours", "coded", "adamw", ADAMW,
            (
                _sparse(0.5, 1.0), _sparse(0.2, 1.0), _sparse(0.8, 1.0), _sparse(0.5, 1.3),
                _sparse(0.5, 0.7),
            ),
            RATIOS,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """How large the runs are. ``steps`` are those of a window that are compared."""

    size: str
    tokens: int
    seeds: int
    steps: tuple[int, ...]
    batch: int = 4
    context: int = 128
    warm_steps: int = 150  # that the run's owner has trained the first model for, alone
    warmup: int = 50  # steps over which a peer's rate climbs
    corpus_bytes: int | None = None
    tuned: bool = True
    ratios: tuple[int, ...] = RATIOS
    tuning_steps: int = TUNING_STEPS
    frontier_steps: int = FRONTIER_STEPS


FULL = Scale("1M", 3_000_000, 3, (15, 30, 100))
QUICK = Scale(
    "0.2M", 160_000, 1, (10,), warm_steps=30, warmup=5, corpus_bytes=1_000_000, tuned=False,
    ratios=(PUBLISHED_RATIO, OURS_RATIO), frontier_steps=10,
)  # fmt: skip
TOKEN_S = {"0.2M": 45e-6, "1M": 170e-6}  # of a core, everything counted, for the first estimate
DDP_STEPS = 15  # data parallel training synchronises each step: its windows are a matter of form
UNTUNED_RATE = {"adamw": 4e-3, "muon": 1e-2}  # where nothing is tuned


@dataclass(frozen=True)
class Cell:
    """One run."""

    method: str
    size: str
    steps: int
    ratio: int
    seed: int
    tokens: int
    batch: int
    context: int
    warm_steps: int
    warmup: int
    corpus_bytes: int | None
    setting: Setting
    version: int = VERSION

    @property
    def name(self) -> str:
        told = json.dumps(asdict(self), sort_keys=True).encode()
        return hashlib.blake2b(told, digest_size=12).hexdigest()

    def __str__(self) -> str:
        return (
            f"{self.method} H {self.steps} {self.ratio}x seed {self.seed}"
            f" rate {self.setting.rate:g}"
            f" outer {self.setting.outer_rate:g}/{self.setting.momentum:g}"
            f" decay {self.setting.decay:g} {self.setting.mean_of}, {self.tokens:,} tokens"
        )


def cell_of(
    scale: Scale, method: Method, steps: int, ratio: int, seed: int, setting: Setting, part: int = 1
) -> Cell:
    return Cell(
        method.name, scale.size, DDP_STEPS if method.kind == "ddp" else steps, ratio, seed,
        scale.tokens // part, scale.batch, scale.context, scale.warm_steps, scale.warmup,
        scale.corpus_bytes, setting,
    )  # fmt: skip


def judged_ratio(method: Method) -> int:
    """The ratio that a method is judged by, and tuned at."""
    return {"coded": OURS_RATIO, "chunked": PUBLISHED_RATIO}.get(method.kind, 1)


def compared(scale: Scale, method: Method, steps: int, setting: Setting) -> list[Cell]:
    """The runs of ``method`` that the tables are made of, the most telling first."""
    ratios = [ratio for ratio in method.ratios if ratio in scale.ratios or ratio == 1]
    judged = judged_ratio(method)
    if steps != scale.frontier_steps:
        ratios = [ratio for ratio in ratios if ratio == judged]
    ratios.sort(key=lambda ratio: ratio != judged)
    return [
        cell_of(scale, method, steps, ratio, seed, setting)
        for ratio in ratios
        for seed in range(scale.seeds)
    ]


def cost_s(cell: Cell, known: Iterable[tuple[Cell, float]] = ()) -> float:
    """About how many seconds of one core ``cell`` takes: as the mean of those of its size whose
    cost is ``known``, by their tokens; else what was measured on a server's busy core."""
    alike = [(each.tokens, cost) for each, cost in known if each.size == cell.size]
    tokens = sum(count for count, _ in alike)
    per_token = sum(cost for _, cost in alike) / tokens if tokens else TOKEN_S[cell.size]
    return cell.tokens * per_token


class Results:
    """What cells came to, each in a file of its own: a stopped bench goes on behind them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cells"
        self._folder.mkdir(parents=True, exist_ok=True)

    def get(self, cell: Cell) -> dict[str, Any] | None:
        try:
            return dict(json.loads((self._folder / f"{cell.name}.json").read_bytes()))
        except FileNotFoundError:
            return None

    def put(self, cell: Cell, result: dict[str, Any]) -> None:
        path = self._folder / f"{cell.name}.json"
        beside = path.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(json.dumps({"cell": asdict(cell), **result}, indent=1))
        os.replace(beside, path)

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        return [cell for cell in cells if self.get(cell) is None]

    def best(self, cells: Sequence[Cell]) -> Setting:
        """The setting of the cell with the least loss; one whose loss is no number loses."""
        found = {cell: (self.get(cell) or {}).get("loss") for cell in cells}
        ranked = sorted(found, key=lambda cell: (found[cell] is None, found[cell]))
        return ranked[0].setting
