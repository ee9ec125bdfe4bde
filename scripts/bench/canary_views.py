"""What a miner may look at of the requests that it receives, as columns of numbers.

In come requests as their miner received them (``Seen``), in their order; out come the features of
each: its headers, its lengths, its parameters, and, by what came before (``History``), its moment
and what it repeats. Which requests are canaries is noted in ``Seen`` and looked at by none of
these.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from assay.protocol.inference import Complete
from assay.wire.memory import RawRequest

SHINGLE = 24  # characters by which a text is known again


@dataclass
class Seen:
    """One request, as its miner received it."""

    miner: int
    at_s: float
    raw: RawRequest
    ask: Complete
    is_canary: bool = False


class History:
    """What one miner, or several that are one operator, received so far."""

    def __init__(self) -> None:
        self._marks_of: dict[int, bytes] = {}
        """By a hash of some characters: the mark they came with, or b"*" for several."""
        self._marks: dict[bytes, list[float]] = defaultdict(list)
        self._times: list[float] = []

    def timing(self, each: Seen) -> list[float]:
        times = self._times
        gap = each.at_s - times[-1] if times else 1e4
        recent = [sum(t > each.at_s - back for t in times[-400:]) for back in (10, 60, 600)]
        same = self._marks.get(each.ask.cache)
        since = each.at_s - same[-1] if same else 1e4
        return [math.log(gap + 1e-2), *map(float, recent), math.log(since + 1e-2), each.at_s]

    def repetition(self, each: Seen) -> list[float]:
        shingles = _shingles(each.ask.prompt)
        known = [self._marks_of.get(code) for code in shingles]
        some = max(1, len(known))
        same = self._marks.get(each.ask.cache, ())
        first = next((n for n, mark in enumerate(known) if mark is None), len(known))
        return [
            float(len(same)),
            sum(mark is not None for mark in known) / some,
            sum(mark == each.ask.cache for mark in known) / some,
            sum(mark not in (None, each.ask.cache, b"*") for mark in known) / some,
            first / some,
        ]

    def add(self, each: Seen) -> None:
        self._times.append(each.at_s)
        self._marks[each.ask.cache].append(each.at_s)
        for code in _shingles(each.ask.prompt):
            mark = self._marks_of.setdefault(code, each.ask.cache)
            if mark != each.ask.cache:
                self._marks_of[code] = b"*"


def _shingles(prompt: str) -> list[int]:
    return [hash(prompt[at : at + SHINGLE]) for at in range(0, len(prompt) - SHINGLE + 1, 2)]


def headers(each: Seen, values: dict[str, int]) -> list[float]:
    """Which headers there are, how long each is, those whose value is a usual one, and the target's
    numbers."""
    numbers = [
        float(part.partition("=")[2]) for part in each.raw.target.partition("?")[2].split("&")
    ]
    row = [math.log1p(abs(numbers[0] - 600_000.0)), numbers[-1], float(len(numbers))]
    row += [float(len(each.raw.headers)), float(len(each.raw.target))]
    for name, value in each.raw.headers:
        row += [float(len(value)), float(values.get(f"{name!r}={value!r}", 0))]
    return row[:40] + [0.0] * (40 - len(row))


def lengths(each: Seen) -> list[float]:
    prompt = each.ask.prompt
    return [
        float(len(prompt)), float(len(prompt.encode())), float(len(prompt.split())),
        float(prompt.count("\n")), float(prompt.count("\n\n")), float(each.ask.max_tokens),
        float(len(each.raw.body)), float(len(prompt) - len(prompt.rstrip())),
    ]  # fmt: skip


def parameters(each: Seen) -> list[float]:
    ask = each.ask
    return [
        ask.temperature, ask.top_p, float(ask.top_k), ask.min_p, ask.repetition_penalty,
        ask.presence_penalty, ask.frequency_penalty, float(len(ask.bias)), float(len(ask.stop)),
        float(sum(map(len, ask.stop))), -1.0 if ask.logprobs is None else float(ask.logprobs),
        math.log1p(ask.seed), float(len(ask.begun)), float(len(ask.cache)), float(ask.max_tokens),
    ]  # fmt: skip
