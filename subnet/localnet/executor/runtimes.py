"""Keeps one executor for each runtime that a chain has had lately, so that each compiles once.

An upgrade changes a chain's code, and a call at an old block runs the code of that block. An
executor is found by the identity of the code's object first (the head's state returns the same
object until an upgrade), then by the code's hash. For old blocks the store says which block last
wrote ``:code``, so that a megabyte need not be read and hashed for each call.
"""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from assay.localnet.errors import BadRuntime
from assay.localnet.executor.call import Executor
from assay.localnet.executor.machine.module_cache import ModuleCache
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.well_known_keys import CODE_KEY
from assay.localnet.state.view import State
from assay.localnet.time_limit import TimeLimit

_KEPT_MAX: Final = 3
"""Executors kept: the head's, and those of two old runtimes. Each holds some tens of megabytes."""


class CodeHistory(Protocol):
    """What the store knows of a key's changes."""

    def changed_at(self, key: bytes, block: int) -> int | None:
        """The last block up to ``block`` that changed ``key``; None if there is none."""
        ...


class Runtimes:
    """The executors of one chain, by the code that they run."""

    def __init__(
        self, limits: CoreLimits, cache: ModuleCache | None, *, time: TimeLimit | None = None
    ) -> None:
        self._limits = limits
        self._time = time
        self._cache = cache
        self._last: tuple[bytes, bytes, Executor] | None = None
        self._by_hash: dict[bytes, Executor] = {}
        self._hash_by_block: dict[int, bytes] = {}

    def of_code(self, code: bytes, written_at: int | None) -> Executor:
        """The executor of ``code``, compiled if need be.

        ``written_at`` is the block that wrote the code, for later calls of ``of_block``; None for
        the head's code.
        """
        if self._last is None or self._last[0] is not code:
            name = hashlib.blake2b(code, digest_size=32).digest()
            executor = self._by_hash.pop(name, None) or Executor(
                code, self._limits, self._cache, time=self._time
            )
            self._by_hash[name] = executor  # the newest stands last
            if written_at is None:
                self._last = code, name, executor
        else:
            _, name, executor = self._last
        if written_at is not None:
            self._hash_by_block[written_at] = name
        self._drop_oldest()
        return executor

    def _drop_oldest(self) -> None:
        head = None if self._last is None else self._last[1]
        for name in list(self._by_hash):
            if len(self._by_hash) <= _KEPT_MAX:
                return
            if name != head:
                self._by_hash.pop(name).close()

    def of_block(self, history: CodeHistory, state: State, number: int) -> Executor:
        """The executor of the runtime in force after block ``number``, which left ``state``."""
        written_at = history.changed_at(CODE_KEY, number)
        if written_at is not None:
            known = self._by_hash.get(self._hash_by_block.get(written_at, b""))
            if known is not None:
                return known
        code = state.get(CODE_KEY)
        if code is None or written_at is None:
            raise BadRuntime("The block's state holds no runtime.", "Ask for another block.")
        return self.of_code(code, written_at)

    def close(self) -> None:
        for executor in self._by_hash.values():
            executor.close()
        self._by_hash.clear()
        self._last = None
