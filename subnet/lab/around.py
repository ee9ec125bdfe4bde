"""A miner's task with something put around it.

``Around`` passes everything on to the task inside, whatever methods that has. A subclass overrides
``answer`` to spoil unary replies, and ``frames`` to spoil streamed ones. The axon and the neuron
take it for the task itself.

This module looks at nothing but the Task interface, so that it works for every task.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from assay.neuron import Caller, Method, MinerTask, Synapse, TaskContext

AnyMethod = Method[Any, Any]
Serve = Callable[[Any], Awaitable[Any]]
"""The inner task's handler for one caller: from a request to its reply."""
Stream = Callable[[Any], AsyncIterator[Any]]


class Around(MinerTask):
    """Does what ``inner`` does."""

    def __init__(self, inner: MinerTask) -> None:
        self.inner = inner
        # On the instance: the class attributes of the interface belong to one task each.
        self.name, self.settings, self.preload = inner.name, inner.settings, inner.preload
        self.calls, self.objects_bytes_max = inner.calls, inner.objects_bytes_max

    def may_put(self, caller: Caller, size_bytes: int) -> str | None:
        return self.inner.may_put(caller, size_bytes)

    async def start(self, context: TaskContext) -> None:
        await self.inner.start(context)

    def methods(self) -> Sequence[AnyMethod]:
        """The inner task's methods, their handlers wrapped."""
        return [replace(method, handler=self._wrapped(method)) for method in self.inner.methods()]

    async def answer(
        self,
        method: AnyMethod,
        request: Synapse,
        serve: Serve,
    ) -> Synapse:
        """The reply to a request of a unary method."""
        reply: Synapse = await serve(request)
        return reply

    async def frames(
        self,
        method: AnyMethod,
        request: Synapse,
        stream: Stream,
    ) -> AsyncGenerator[Synapse, None]:
        """The replies to a request of a streamed method."""
        async for frame in stream(request):
            yield frame

    async def run(self) -> None:
        await self.inner.run()

    async def close(self) -> None:
        await self.inner.close()

    def _wrapped(self, method: AnyMethod) -> Callable[[Any, Caller], Any]:
        handler: Callable[[Any, Caller], Any] | None = method.handler
        assert handler is not None, "a miner's methods have handlers"

        async def unary(request: Synapse, caller: Caller) -> Synapse:
            return await self.answer(method, request, lambda asked: handler(asked, caller))

        async def streamed(request: Synapse, caller: Caller) -> AsyncGenerator[Synapse, None]:
            async for frame in self.frames(method, request, lambda asked: handler(asked, caller)):
                yield frame

        return streamed if method.stream else unary
