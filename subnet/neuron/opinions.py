"""A validator's opinions of the subnet's hotkeys: how verdicts change them, and their weights.
Pure.

An opinion belongs to a hotkey, never to a uid: a uid that changes hands starts from nothing, and a
hotkey that left the subnet is forgotten. Verdicts and a metagraph come in, opinions go out; the
arithmetic of averages is ``assay.scoring``'s. A ``Window`` counts the turns since weights were last
set, over which scores are averaged; ``after_setting`` begins a new one.

This module reads no clock, sends nothing and draws nothing at random.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import numpy as np

from assay.chain.interface import Metagraph
from assay.scoring.shared.averages import epoch_average, proportional_weights
from assay.types import BlockNumber, Ss58, Uid

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
    """What the hotkey's weight is in proportion to, in [0, 1]: the mean of the verdicts' values
    since weights were last set, as ``assay.scoring.shared.averages`` has it."""
    rounds: int
    """Turns with a verdict that counted, in all; 0 until the hotkey first did anything."""
    score: float
    """The value of the last turn's verdict, in [0, 1]."""
    latency_s: float
    reasons: tuple[Reason, ...] = ()
    value_sum: float = 0.0
    """Of the verdicts since weights were last set, each value times its weight."""
    weight_sum: float = 0.0
    """Of the same verdicts, the weights."""
    seen: int = 0
    """Turns since weights were last set in which the hotkey took part, judged or not."""
    before: float = 0.0
    """The average when weights were last set."""

    @property
    def mean(self) -> float:
        """The mean of the values since weights were last set; while there are none, what it was
        before."""
        if self.weight_sum <= 0.0:
            return self.before
        return min(self.value_sum / self.weight_sum, 1.0)


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The turns since weights were last set."""

    turns: int = 0
    epoch_turns: int = 0
    """Turns of the window before, which lasted about an epoch; 0 while there was none."""
    since: BlockNumber | None = None
    """The block at which this window began; None before its first turn."""


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
    @property
    def forfeits(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Joined:
    """All verdicts on one hotkey in one turn, as one."""

    value: float
    weight: float
    reasons: tuple[Reason, ...]
    latency_s: float
    forfeits: bool = False

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
            any(verdict.forfeits for verdict in verdicts),
        )


def update(
    opinions: Mapping[Ss58, Opinion],
    verdicts: Iterable[AnyVerdict],
    metagraph: Metagraph,
    *,
    window: Window,
    askable: Collection[Ss58],
    replied: Collection[Ss58],
) -> dict[Ss58, Opinion]:
    """The opinions after one turn, for hotkeys that are registered now, and for no others.

    ``window`` counts this turn already. A verdict of weight w counts as w such verdicts, and one
    that ``forfeits`` takes what was earned since weights were last set. A hotkey without a verdict
    keeps its mean while it is ``askable``; otherwise it counts as a zero, because silence must not
    preserve a good average. A hotkey that has neither ``replied`` nor earned anything yet is noted
    and not counted: a miner that is still starting is paid nothing, and the turns before its first
    answer count as turns in which it was not there.
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
            seen = before.seen + (1 if before.rounds > 0 else 0)
            kept = msgspec.structs.replace(before, uid=neuron.uid, seen=seen)
            updated[hotkey] = _averaged(kept, window)
            continue
        else:
            joined = _Joined(0.0, 1.0, (ABSENT,), 0.0)
        begun = (before is not None and before.rounds > 0) or hotkey in replied or joined.value > 0
        updated[hotkey] = _judged(before, neuron.uid, joined, window, counts=begun)
    return updated


def _judged(
    before: Opinion | None, uid: Uid, joined: _Joined, window: Window, *, counts: bool
) -> Opinion:
    """The opinion after one verdict, which changes the average if it ``counts``."""
    known = before or Opinion(uid=uid, average=0.0, rounds=0, score=0.0, latency_s=0.0)
    told = msgspec.structs.replace(
        known,
        uid=uid,
        score=joined.value if counts else 0.0,
        latency_s=joined.latency_s,
        reasons=joined.reasons,
    )
    if not counts:
        return told
    if joined.forfeits:
        told = msgspec.structs.replace(told, value_sum=0.0, before=0.0)
    weighs = joined.weight > 0.0
    return _averaged(
        msgspec.structs.replace(
            told,
            rounds=told.rounds + (1 if weighs else 0),
            value_sum=told.value_sum + joined.value * joined.weight,
            weight_sum=told.weight_sum + joined.weight,
            seen=told.seen + (1 if weighs or told.rounds > 0 else 0),
        ),
        window,
    )


def _averaged(opinion: Opinion, window: Window) -> Opinion:
    (average,) = epoch_average(
        np.array([opinion.mean]),
        np.array([opinion.seen]),
        np.array([opinion.before]),
        turns=window.turns,
        epoch_turns=window.epoch_turns,
    ).tolist()
    return msgspec.structs.replace(opinion, average=average)


def after_setting(
    opinions: Mapping[Ss58, Opinion],
    window: Window,
    *,
    counted: Mapping[Ss58, Opinion],
    counted_window: Window,
    at: BlockNumber,
) -> tuple[dict[Ss58, Opinion], Window]:
    """The opinions and the window after weights were set at the block ``at`` by the opinions
    ``counted``. Turns that ended since, while the chain took the weights, belong to the new
    window."""
    begun = Window(
        turns=window.turns - counted_window.turns, epoch_turns=counted_window.turns, since=at
    )
    rolled: dict[Ss58, Opinion] = {}
    for hotkey, now in opinions.items():
        paid = counted.get(hotkey)
        if paid is not None:
            lost = now.value_sum < paid.value_sum  # forfeited meanwhile
            new = now.rounds > paid.rounds  # else the difference of two sums is rounding alone
            now = msgspec.structs.replace(
                now,
                value_sum=max(now.value_sum - paid.value_sum, 0.0) if new else 0.0,
                weight_sum=max(now.weight_sum - paid.weight_sum, 0.0) if new else 0.0,
                seen=max(now.seen - paid.seen, 0),
                before=0.0 if lost else paid.average,
            )
        rolled[hotkey] = _averaged(now, begun)
    return rolled, begun


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
