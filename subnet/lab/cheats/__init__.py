"""Miners that take pay without the work. Each is one file (``cached``,
``garbage``, ``perturbed``, ``two_faced``), and says what it hopes for.

``CHEATS`` names those that answer requests, and ``training`` has those that train; ``wrap_cheat``
puts one around an honest task. A cheat commits what an honest miner commits and speaks the same
messages: nothing but its work gives it away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from assay.errors import UserError
from assay.lab.cheats.cached import Cached
from assay.lab.cheats.garbage import Garbage
from assay.lab.cheats.perturbed import wrap_perturbed
from assay.lab.cheats.training import TRAINING_CHEATS, wrap_training
from assay.lab.cheats.two_faced import TwoFaced
from assay.neuron import MinerTask


@dataclass(frozen=True, slots=True)
class Cheat:
    """One way to cheat: what it does, and how it is put around an honest task."""

    summary: str
    wrap: Callable[[MinerTask], MinerTask]


CHEATS: Final[dict[str, Cheat]] = {
    "perturbed": Cheat(
        "serves a model of the same architecture whose weights were changed a little",
        wrap_perturbed,
    ),
    "cached": Cheat("gives everybody one answer that it made once", Cached),
    "garbage": Cheat("sends well-formed replies that hold nothing", Garbage),
    "two-faced": Cheat("answers validators honestly, and clients with garbage", TwoFaced),
}


def wrap_cheat(name: str, honest: MinerTask) -> MinerTask:
    """The cheat called ``name`` around ``honest``; UserError if there is none of that name."""
    if (cheat := CHEATS.get(name)) is not None:
        return cheat.wrap(honest)
    if name in TRAINING_CHEATS:
        return wrap_training(name)(honest)
    raise UserError(
        f"No cheat is called {name!r}.",
        f"Give one of {', '.join(sorted(CHEATS))}; of a training miner one of"
        f" {', '.join(sorted(TRAINING_CHEATS))}.",
    )


__all__ = ["CHEATS", "TRAINING_CHEATS", "Cheat", "wrap_cheat"]
