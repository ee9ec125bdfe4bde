"""Garbage: replies of the right type and size that hold nothing.

It hopes that a validator pays for being answered, and fast. It works for every task: the shape is
that of one honest reply, each letter and each number replaced by a random one.
"""

from __future__ import annotations

import random
import string
from collections.abc import AsyncGenerator
from typing import Any, Final, TypeVar

import msgspec

from assay.lab.around import AnyMethod, Around, Serve, Stream
from assay.neuron import MinerTask, Synapse

Struct = TypeVar("Struct", bound=msgspec.Struct)

LETTERS: Final = string.ascii_letters + "    \n"
"""Looks like text from afar."""


class Garbage(Around):
    """Answers everything with random letters and numbers."""

    def __init__(self, inner: MinerTask, rng: random.Random | None = None) -> None:
        super().__init__(inner)
        self._rng = rng if rng is not None else random.Random(0)
        self._shapes: dict[str, list[Synapse]] = {}
        """One honest reply of each method, or all frames of one."""

    async def answer(self, method: AnyMethod, request: Synapse, serve: Serve) -> Synapse:
        if method.name not in self._shapes:
            self._shapes[method.name] = [await serve(request)]
        return self._like(self._shapes[method.name][0])

    async def frames(
        self, method: AnyMethod, request: Synapse, stream: Stream
    ) -> AsyncGenerator[Synapse, None]:
        if method.name not in self._shapes:
            self._shapes[method.name] = [frame async for frame in stream(request)]
        for frame in self._shapes[method.name]:
            yield self._like(frame)

    def _like(self, reply: Struct) -> Struct:
        fields = msgspec.structs.fields(reply)
        return msgspec.structs.replace(
            reply,
            **{field.name: self._scrambled(getattr(reply, field.name)) for field in fields},
        )

    def _scrambled(self, value: Any) -> Any:
        """Something of the same type, size and range. Other types stay as they are."""
        match value:
            case str() if len(value) > len("length"):  # shorter ones are words of the protocol
                return "".join(self._rng.choices(LETTERS, k=len(value)))
            case bytes():
                return self._rng.randbytes(len(value))
            case list() if value and all(isinstance(item, int) for item in value):
                return self._rng.choices(range(max(value) + 1), k=len(value))
            case list():
                return [self._scrambled(item) for item in value]
            case msgspec.Struct():
                return self._like(value)
            case _:
                return value
