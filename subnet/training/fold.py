"""From one window's state to the next: everybody folds the same messages, and holds the same bits.

In come a state and what the window counts, a message and a weight for each peer; out comes the
state that the next window begins from. Single additions and multiplications of IEEE numbers are the
same on every machine, and sums are made in whole numbers (``assay.scoring.training.aggregate``).
Who decided what counts is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from assay.protocol.training.manifest import Manifest, Outer
from assay.scoring.training.aggregate import (
    AggregationRule,
    Average,
    Contribution,
    aggregate,
)
from assay.scoring.training.codec import extract
from assay.scoring.training.refusal import DeltaRefused
from assay.scoring.training.shapes import Floats
from assay.training.state import TrainingState

PERCENT: Final = 100


@dataclass(frozen=True, slots=True, eq=False)
class OpenedMessage:
    """One peer's opened ``message``, and the whole ``weight`` with which it counts. The lineage
    names its ``hotkey``, and nobody for None: it may only be tried what a message does."""

    message: bytes
    weight: int
    hotkey: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """The next ``state``; for each uid what its values were multiplied by, in 2**-16; and why a
    message was left out, by uid."""

    state: TrainingState
    factors: dict[int, int]
    refused: dict[int, str]


def fold(
    state: TrainingState,
    manifest: Manifest,
    opened: Mapping[int, OpenedMessage],
    *,
    read: int,
) -> Folded:
    """Return what ``state`` becomes after a window that closed, counts ``opened`` by uid, and read
    so many sequences. A message that is not of the run's form is left out, for everybody; one that
    weighs nothing changes nothing."""
    policy = manifest.codec.policy
    contributions: list[Contribution] = []
    credited: dict[str, int] = {}
    refused: dict[int, str] = {}
    for uid, each in sorted(opened.items()):
        try:
            update = extract(each.message, state.shape, policy, state.past)
        except DeltaRefused as error:
            refused[uid] = str(error)
            continue
        if each.weight:
            contributions.append(Contribution(uid, each.weight, update))
            if each.hotkey is not None:
                credited[each.hotkey] = each.weight
    together = aggregate(contributions, aggregation_rule(manifest.outer))
    change = together.update.dense(state.shape)
    model, momentum = _step(state.model, state.momentum, change, manifest.outer)
    following = TrainingState(
        shape=state.shape,
        window=state.window + 1,
        cursor=state.cursor + read,
        model=model,
        momentum=momentum,
        past=state.past.after(state.shape, [each.update for each in contributions]),
        lineage=state.lineage.after(credited),
    )
    return Folded(following, together.factors, refused)


def skip(state: TrainingState) -> TrainingState:
    """Return what ``state`` becomes after a void window: the next window has the same one, and the
    same sequences to read."""
    return replace(state, window=state.window + 1, lineage=state.lineage.after(None))


def aggregation_rule(outer: Outer) -> AggregationRule:
    """Return the rule of ``outer``, whose parts it gives in whole per cent."""
    return AggregationRule(
        average=Average.SENDERS if outer.mean_of == "senders" else Average.ALL,
        norm_percent=round(PERCENT * outer.norm_max),
        trim_percent=round(PERCENT * outer.trim),
    )


def _step(model: Floats, momentum: Floats, change: Floats, outer: Outer) -> tuple[Floats, Floats]:
    """Take the outer step, by Nesterov's momentum if there is any:
    m' = mu m + c,  model' = model + rate (mu m' + c)."""
    rate, mu = np.float32(outer.rate), np.float32(outer.momentum)
    if not outer.momentum:
        return model + rate * change, momentum
    gathered = mu * momentum + change
    return model + rate * (mu * gathered + change), gathered
