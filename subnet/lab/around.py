"""A miner's task with something put around it.

Adds to ``MinerTask`` plain delegation: a subclass overrides what it wants to spoil and passes the
rest on. It works for every task, because it looks at nothing but the interface.
"""

from __future__ import annotations

from typing import Any

from assay.neuron import Caller, MinerContext, MinerTask, Synapse

AnyMiner = MinerTask[Any, Any]


class Around(MinerTask[Synapse, Synapse]):
    """Does what ``inner`` does. The axon and the loop take it for the task itself."""

    def __init__(self, inner: AnyMiner) -> None:
        self.inner = inner
        # Set on the instance: the class attributes of the interface belong to one task each.
        self.__dict__.update(
            {word: getattr(inner, word) for word in ("name", "request", "reply", "settings")}
        )

    async def start(self, context: MinerContext) -> None:
        await self.inner.start(context)

    async def serve(self, request: Synapse, caller: Caller) -> Synapse:
        reply: Synapse = await self.inner.serve(request, caller)
        return reply

    async def close(self) -> None:
        await self.inner.close()
