"""Garbage: replies of the right type and size that hold nothing.

It hopes that a validator pays for being answered, and fast. It works for every task: the shape is
that of one honest reply, each letter and each number replaced by a random one.
"""

from __future__ import annotations

import asyncio
import random
import string
from typing import Any, Final

import msgspec

from assay.lab.around import AnyMiner, Around
from assay.neuron import Caller, Synapse

LETTERS: Final = string.ascii_letters + "    \n"
"""Looks like text from afar."""


class Garbage(Around):
    """Answers everything with random letters and numbers."""

    def __init__(self, inner: AnyMiner, rng: random.Random | None = None) -> None:
        super().__init__(inner)
        self._rng = rng if rng is not None else random.Random(0)
        self._shape: Synapse | None = None
        self._making = asyncio.Lock()

    async def serve(self, request: Synapse, caller: Caller) -> Synapse:
        async with self._making:
            if self._shape is None:
                self._shape = await self.inner.serve(request, caller)
        fields = msgspec.structs.fields(self._shape)
        return msgspec.structs.replace(
            self._shape,
            **{field.name: self._scrambled(getattr(self._shape, field.name)) for field in fields},
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
            case _:
                return value
