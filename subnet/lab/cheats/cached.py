"""Cached answers: the work is done once, for nobody, and handed to everybody.

It hopes that a validator looks whether an answer is good, not whether it answers the question. It
works for every task: the stored answer is the inner task's own, to another question of the same
kind. One is kept for each method and each shape of question (how long an answer it asks for, say),
so that nothing but the content gives it away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from assay.lab.around import AnyMethod, Around, Serve, Stream
from assay.neuron import MinerTask, Synapse

STORED_MAX: Final = 256

_Key = tuple[object, ...]


class Cached(Around):
    """Answers every question of one shape with one stored reply."""

    def __init__(self, inner: MinerTask) -> None:
        super().__init__(inner)
        self._replies: dict[_Key, Synapse] = {}
        self._frames: dict[_Key, list[Synapse]] = {}
        self._making = asyncio.Lock()

    async def answer(self, method: AnyMethod, request: Synapse, serve: Serve) -> Synapse:
        async with self._making:
            key = _shape(method, request)
            if key not in self._replies:
                if len(self._replies) >= STORED_MAX:
                    self._replies.clear()
                self._replies[key] = await serve(_other(request))
            return self._replies[key]

    async def frames(
        self, method: AnyMethod, request: Synapse, stream: Stream
    ) -> AsyncGenerator[Synapse, None]:
        async with self._making:
            key = _shape(method, request)
            if key not in self._frames:
                if len(self._frames) >= STORED_MAX:
                    self._frames.clear()
                self._frames[key] = [frame async for frame in stream(_other(request))]
        for frame in self._frames[key]:
            yield frame


def _shape(method: AnyMethod, request: Synapse) -> _Key:
    """What tells two questions apart besides their content.

    Where a question holds a text, bytes or a list, that is the content, and its numbers say how an
    answer is wanted. In a question without any the numbers are the content: all are one shape.
    """
    values = [getattr(request, field.name) for field in msgspec.structs.fields(request)]
    if not any(value for value in values if not isinstance(value, int | float)):
        return (method.name,)
    numbers = (value for value in values if isinstance(value, int | float))
    return (method.name, *(value for value in numbers if value < NUMBER_MAX))


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and any(value) and all(isinstance(v, str) for v in value)


NUMBER_MAX: Final = 2**16
"""Numbers below it say how something is wanted; larger ones are seeds and the like."""


def _other(request: Synapse) -> Synapse:
    """Another question of the same kind: the longest text, or each of the longest texts, cut to
    half of it, for shorter ones are names; and if there is no text, each number halved."""
    fields = {f.name: getattr(request, f.name) for f in msgspec.structs.fields(request)}
    changed: dict[str, object] = {}
    texts = {name: [value] for name, value in fields.items() if isinstance(value, str) and value}
    several = {name: value for name, value in fields.items() if _are_texts(value)}
    if texts or several:
        held = texts | several
        longest = max(held, key=lambda name: sum(map(len, held[name])))
        halved = [text[: len(text) // 2] for text in held[longest]]
        changed = {longest: halved if longest in several else halved[0]}
    else:
        changed = {
            name: value // 2
            for name, value in fields.items()
            if isinstance(value, int) and not isinstance(value, bool)
        }
    return msgspec.structs.replace(request, **changed)
