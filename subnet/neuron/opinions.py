"""A validator's opinions of the subnet's hotkeys: how verdicts change them, and their weights.
Pure.

An opinion belongs to a hotkey, never to a uid: a uid that changes hands starts from nothing, and a
hotkey that left the subnet is forgotten. Verdicts and a metagraph come in, opinions go out; the
arithmetic of averages is ``assay.scoring``'s.

This module reads no clock, sends nothing and draws nothing at random.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import numpy as np

from assay.chain.interface import Metagraph
from assay.scoring.shared.averages import moving_average, proportional_weights
from assay.types import Ss58, Uid

REASONS_MAX: Final = 8
REASON_CHARS_MAX: Final = 200
CODE_CHARS_MAX: Final = 40
"""Reasons are kept for people, and a checkpoint of 4,096 uids stays below its size limit."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is what it is: ``code`` is for programs, ``text`` for a person."""

    code: str
    text: str

    @classmethod
    def of(cls, reason: Reason | str) -> Reason:
        """``reason`` itself, or a plain text under the code ``TOLD``; both cut to their limits,
        and without what no file can hold."""
        if isinstance(reason, str):
            return cls(TOLD, _storable(reason, REASON_CHARS_MAX))
        return cls(_storable(reason.code, CODE_CHARS_MAX), _storable(reason.text, REASON_CHARS_MAX))


def _storable(text: str, chars_max: int) -> str:
    """``text`` cut, and with a ``?`` for each half of a surrogate pair, which UTF-8 cannot
    write: names of files, and texts of a peer, may have some."""
    return text[:chars_max].encode("utf-8", "replace").decode()


TOLD: Final = "told"
"""The code of a reason that a task gave as a plain text."""
ABSENT: Final = Reason("no_address", "publishes no address")
"""Of a hotkey that was judged before and can no longer be asked."""


class Opinion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a validator thinks of one hotkey."""

    uid: Uid
    average: float
    """Moving average of the verdicts' values, in [0, 1]."""
    rounds: int
    """How many turns this average holds; 0 until the hotkey first did anything."""
    score: float
    """The value of the last turn's verdict, in [0, 1]."""
    latency_s: float
    reasons: tuple[Reason, ...] = ()


class AnyVerdict(Protocol):
    """The shape of ``assay.neuron.task.Verdict``."""

    @property
    def hotkey(self) -> Ss58: ...
    @property
    def value(self) -> float: ...
    @property
    def weight(self) -> float: ...
    @property
    def reasons(self) -> Sequence[Reason | str]: ...
    @property
    def latency_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class _Joined:
    """All verdicts on one hotkey in one turn, as one."""

    value: float
    weight: float
    reasons: tuple[Reason, ...]
    latency_s: float

    @classmethod
    def of(cls, verdicts: Sequence[AnyVerdict]) -> _Joined:
        """The mean of the values by weight; the weight of the heaviest, because a turn counts once
        however many answers it looked at."""
        total = sum(verdict.weight for verdict in verdicts)
        mean = sum(v.value * v.weight for v in verdicts) / total if total > 0.0 else 0.0
        reasons = dict.fromkeys(Reason.of(r) for verdict in verdicts for r in verdict.reasons)
        return cls(
            min(max(mean, 0.0), 1.0),
            max(verdict.weight for verdict in verdicts),
            tuple(reasons)[:REASONS_MAX],
            verdicts[-1].latency_s,
        )


def update(
    opinions: Mapping[Ss58, Opinion],
    verdicts: Iterable[AnyVerdict],
    metagraph: Metagraph,
    *,
    alpha: float,
    askable: Collection[Ss58],
    replied: Collection[Ss58],
) -> dict[Ss58, Opinion]:
    """The opinions after one turn, for hotkeys that are registered now, and for no others.

    A verdict is blended in with ``alpha``, a verdict of weight w as w such verdicts in a row. A
    hotkey without a verdict keeps its opinion while it is ``askable``; otherwise it counts as a
    zero, because silence must not preserve a good average. A hotkey that has neither ``replied``
    nor earned anything yet is noted and not counted: a miner that is still starting owes nothing,
    and is paid nothing either.
    """
    grouped: dict[Ss58, list[AnyVerdict]] = {}
    for verdict in verdicts:
        grouped.setdefault(verdict.hotkey, []).append(verdict)
    updated: dict[Ss58, Opinion] = {}
    for neuron in metagraph.neurons:
        hotkey = neuron.hotkey
        before = opinions.get(hotkey)
        if hotkey in grouped:
            joined = _Joined.of(grouped[hotkey])
        elif before is None:
            continue
        elif hotkey in askable:
            updated[hotkey] = msgspec.structs.replace(before, uid=neuron.uid)
            continue
        else:
            joined = _Joined(0.0, 1.0, (ABSENT,), 0.0)
        begun = (before is not None and before.rounds > 0) or hotkey in replied or joined.value > 0
        updated[hotkey] = _blended(before, neuron.uid, joined, alpha, counts=begun)
    return updated


def _blended(
    before: Opinion | None, uid: Uid, joined: _Joined, alpha: float, *, counts: bool
) -> Opinion:
    rounds = before.rounds if before else 0
    average = before.average if before else 0.0
    if counts and joined.weight > 0.0:
        # w verdicts in a row: 1 - (1 - alpha)^w; exactly alpha for the ordinary weight of 1.
        weight = alpha if joined.weight == 1.0 else 1.0 - (1.0 - alpha) ** joined.weight
        (average,) = moving_average(
            np.array([average]), np.array([joined.value]), weight, np.array([rounds])
        ).tolist()
        rounds += 1
    return Opinion(
        uid=uid,
        average=average if counts else 0.0,
        rounds=rounds,
        score=joined.value if counts else 0.0,
        latency_s=joined.latency_s,
        reasons=joined.reasons,
    )


def proportional(opinions: Mapping[Ss58, Opinion]) -> dict[Ss58, float]:
    """Weights in proportion to the averages, for the hotkeys that earned anything."""
    averages = np.array([opinion.average for opinion in opinions.values()], dtype=np.float64)
    shares = proportional_weights(averages)
    return {
        hotkey: float(share) for hotkey, share in zip(opinions, shares, strict=True) if share > 0.0
    }


def by_uid(weights: Mapping[Ss58, float], metagraph: Metagraph) -> dict[Uid, float]:
    """Those of ``weights`` that are above zero, by the uid that each hotkey holds in ``metagraph``;
    hotkeys without one are left out. Shares of the rest, so that they sum to one."""
    held = [
        (neuron.uid, weights[neuron.hotkey])
        for neuron in metagraph.neurons
        if weights.get(neuron.hotkey, 0.0) > 0.0
    ]
    total = sum(weight for _, weight in held)
    return {uid: weight / total for uid, weight in held}
