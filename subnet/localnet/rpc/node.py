"""``RpcNode``: what a method sees of the node. Every call gets the same object.

Because of it, the methods' files import neither each other nor the server. It also limits the call
in progress, of which there is one at a time, to the time that the call's source has left.
``methods`` is what ``rpc_methods`` answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from assay.clock import Clock
from assay.localnet.backend import Backend
from assay.localnet.pool import TransactionPool
from assay.localnet.rpc.call_budget import Source
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.subscriptions import Hub
from assay.localnet.service import Service

_BEAT_SHARE: Final = 0.8
"""Of the block time, what one call may take where blocks are made at a beat: a block that waits for
the longest call is then made before the next one is due. Ordinary calls fit into the least share,
so that is granted even where blocks are made faster than every 80 ms."""


@dataclass(slots=True)
class RpcNode:
    """The parts of a running node, and the share of a query's budget for the call in progress."""

    backend: Backend
    pool: TransactionPool
    service: Service
    hub: Hub
    limits: RpcLimits
    methods: tuple[str, ...]
    clock: Clock
    share: float = 1.0

    def begin(self, source: Source) -> float:
        """Start a call for ``source`` and limit its time.

        Returns the share of a call's budget that earlier long calls left to the source.
        """
        left = source.long_calls.share(self.clock.monotonic())
        limit_s = self.limits.call_s_max
        beat_s = self.service.beat_s
        if beat_s is not None:
            limit_s = min(limit_s, _BEAT_SHARE * beat_s)
        least = self.limits.query_least_share
        self.share = max(left * limit_s / self.limits.call_s_max, least)
        self.backend.time_limit.begin(self.share * self.limits.call_s_max)
        return left

    def end(self) -> None:
        """End the call that ``begin`` started: what follows has no time limit."""
        self.backend.time_limit.end()
        self.share = 1.0

    def call(self, method: str, args: bytes, at: bytes | None = None) -> bytes:
        """Call a runtime API for a client, within what the call in progress may take."""
        return self.backend.call(method, args, at, share=self.share)

    def check_time(self) -> None:
        """Raise TimeSpent if the call in progress has used up its time."""
        self.backend.time_limit.check()
