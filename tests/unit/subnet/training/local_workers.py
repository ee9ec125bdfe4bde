"""A trainer's process without the process: the same function, in a thread of the test's own.

Torch takes seconds to load and 300 MB of memory; a test with four peers has one of it. All trainers
take turns, as processes on one core would.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from assay.errors import UserError
from assay.training.messages import TrainerRequest
from assay.workers import WorkerFailed, WorkerSpec
from assay.workers.host import CallCancelled

_TURNS = threading.Lock()


class LocalCall:
    """What a trainer sees of one call."""

    def __init__(self, told: Callable[[Any], None]) -> None:
        self.cancelled = threading.Event()
        self._told = told

    def check(self) -> None:
        if self.cancelled.is_set():
            raise CallCancelled

    def progress(self, value: Any) -> None:
        self.check()
        self._told(value)


class LocalWorker:
    """Answers calls in a thread."""

    def __init__(self, answer: Callable[[Any, Any], object]) -> None:
        self._answer = answer

    async def call(
        self, message: Any, reply: Any, *, deadline_s: float,
        progress: Callable[[Any], None] | None = None, progress_type: Any = Any,
    ) -> Any:  # fmt: skip
        loop = asyncio.get_running_loop()
        call = LocalCall(lambda value: progress and loop.call_soon_threadsafe(progress, value))
        asked = msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=TrainerRequest)

        def work() -> object:
            with _TURNS:
                try:
                    return self._answer(asked, call)
                except CallCancelled:
                    return None

        try:
            found = await asyncio.to_thread(work)
        except asyncio.CancelledError:
            call.cancelled.set()
            raise
        except UserError as error:
            raise WorkerFailed(error.cause, error.cure) from error
        except ValueError as error:
            raise WorkerFailed(f"{type(error).__name__}: {error}", "Look.") from error
        return msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=reply)


class LocalWorkers:
    """Starts trainers."""

    def __init__(self) -> None:
        self.started = 0

    async def start(self, spec: WorkerSpec) -> Any:
        module, name = spec.reference.split(":")
        opened = getattr(importlib.import_module(module), name)
        self.started += 1
        return LocalWorker(await asyncio.to_thread(opened, spec.settings))
