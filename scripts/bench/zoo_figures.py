"""What the zoo's cells come to, for ``scripts/bench/training_zoo``: how surely a cheat is found,
what it earns at most, and what it has of an honest peer's pay where nobody is audited.

In comes what ``zoo_windows`` has measured, of honest peers by seed and of cheats by name and seed;
out come rows. Payment, ranks and odds are the product's.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from typing import Any

from assay.scoring.training.payment import (
    CAUGHT_SURELY,
    CAUGHT_WITHIN,
    INCOME_MAX,
    WindowFacts,
    after_conviction,
    after_right,
    joint_share,
    newcomer,
    pay,
)
from assay.scoring.training.ranks import PeerRating, rated, standing
from assay.validators.training.review import UNSURE_WINDOWS
from scripts.bench import report

HORIZON = 1_000  # windows of a played run
CAUGHT_TRIALS = 5_000  # a probability of 0.95 then has a deviation of 0.003
INCOME_TRIALS = 200
AUDIT_SHARE = 0.3  # of one validator: what `assay train new` writes into a run
VALIDATORS = 2  # each audits by itself
CHEAT = "the cheat"

Found = dict[str, Any]


def rows_of(honest: Sequence[Found], cheats: dict[str, list[Found]]) -> list[dict[str, Any]]:
    """All figures, of ``honest`` peers by seed, and of ``cheats`` by name and seed."""
    share = joint_share(AUDIT_SHARE, VALIDATORS)
    peers = [peer for run in honest for window in run["windows"] for peer in window]
    wrong = [peer["wrong"] for peer in peers if peer["wrong"] is not None]
    rows, least, copied = [], [], 0
    for name, runs in cheats.items():
        draws = random.Random(name)
        found = [bool(w["wrong"]) for run in runs for w in run["windows"] if w["wrong"] is not None]
        caught = statistics.mean(is_caught(found, share, draws) for _ in range(CAUGHT_TRIALS))
        income = statistics.mean(earned(found, share, draws) for _ in range(INCOME_TRIALS))
        rows += [
            report.row(f"{name}: windows wrong", statistics.mean(found), "part"),
            report.row(
                f"{name}: caught in 5 windows", caught, "probability", target=CAUGHT_SURELY,
                least=True,
            ),
            report.row(f"{name}: income", income, "of an honest peer's", target=INCOME_MAX),
        ]  # fmt: skip
        kept = []
        for run, beside in zip(runs, honest, strict=True):
            paid = unaudited(beside, run)[UNSURE_WINDOWS:]
            others = [window[name] for window in paid for name in window if name != CHEAT]
            if others:
                least.append(min(others))
                kept.append(statistics.mean(w[CHEAT] for w in paid) / statistics.mean(others))
            copied += sum(w["honest_copied"] for w in run["windows"][UNSURE_WINDOWS:])
        if kept:
            rows.append(report.row(f"{name}: unaudited", kept, "of honest pay"))
    return [
        report.row("joint probability of an audit", share, "of a window"),
        report.row("honest windows audited", float(len(wrong)), "windows"),
        report.row("honest found wrong", float(sum(wrong)), "windows", target=0.0),
        report.row("an audit", [p["audit_s"] for p in peers if p["audit_s"] is not None], "s"),
        report.row("honest found copies", float(copied), "windows", target=0.0),
        *([report.row("honest pay, unaudited", least, "least of a window")] if least else []),
        *rows,
    ]  # fmt: skip


def unaudited(honest: Found, cheat: Found) -> list[dict[str, float]]:
    """Return the pay of honest peers and of a cheat beside them, window by window, where nobody is
    audited."""
    tables: dict[str, dict[str, PeerRating]] = {"held": {}, "own": {}}
    found = []
    for peers, its in zip(honest["windows"], cheat["windows"], strict=True):
        entrants = {f"honest {at}": peer for at, peer in enumerate(peers)} | {CHEAT: its}
        for table in tables:
            scores = {name: each[table] for name, each in entrants.items()}
            errors = {name: each[f"{table}_error"] for name, each in entrants.items()}
            tables[table] = rated(tables[table], scores, errors)
        found.append({
            name: pay(
                WindowFacts(
                    counted=True, copied=name == CHEAT and each["copied"],
                    stands=tuple(standing(ratings, name) for ratings in tables.values()),
                )
            ).value
            for name, each in entrants.items()
        })  # fmt: skip
    return found


def is_caught(wrong: Sequence[bool], share: float, rng: random.Random) -> bool:
    """Return whether a cheat is found within its first five windows, where an audit of one of its
    windows finds what ``wrong`` says."""
    begun = rng.randrange(len(wrong))
    first = [wrong[(begun + number) % len(wrong)] for number in range(CAUGHT_WITHIN)]
    return any(is_wrong and rng.random() < share for is_wrong in first)


def earned(wrong: Sequence[bool], share: float, rng: random.Random) -> float:
    """Return what a cheat earns a window if it cheats whenever it is paid, where an audit of one of
    those windows finds what ``wrong`` says."""
    begun = rng.randrange(len(wrong))
    owed, total, cheated = newcomer(1), 0.0, 0
    for window in range(HORIZON):
        cheats = owed.settled(window)
        is_audited = (owed.audits and owed.until <= window) or rng.random() < share
        is_wrong = cheats and wrong[(begun + cheated) % len(wrong)]
        cheated += cheats
        if is_audited and is_wrong:
            owed = after_conviction(owed, window)
            continue
        if is_audited:
            owed = after_right(owed)
        total += pay(WindowFacts(counted=True, settled=owed.settled(window))).value
    return total / HORIZON
