"""What a method sees of the node: one object, handed to every call.

It keeps the methods' files free of imports of each other and of the server. Its only logic is that
of ``call``: runtime calls of clients go through it, because they are rationed. ``methods`` is what
``rpc_methods`` answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from assay.clock import Clock
from assay.localnet.backend import Backend
from assay.localnet.errors import BudgetSpent
from assay.localnet.pool import TransactionPool
from assay.localnet.rpc.errors import busy
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.ration import Ration
from assay.localnet.rpc.subscriptions import Hub
from assay.localnet.service import Service


@dataclass(frozen=True, slots=True)
class RpcNode:
    """The parts of a running node."""

    backend: Backend
    pool: TransactionPool
    service: Service
    hub: Hub
    limits: RpcLimits
    methods: tuple[str, ...]
    clock: Clock
    ration: Ration

    def call(self, method: str, args: bytes, at: bytes | None = None) -> bytes:
        """A runtime call for a client, within what the last ones left. RpcError: it needs more."""
        started_s = self.clock.monotonic()
        share = self.ration.share(started_s)
        try:
            return self.backend.call(method, args, at, share=share)
        except BudgetSpent as error:
            if share < 1.0:
                raise busy(share) from error
            raise
        finally:
            ended_s = self.clock.monotonic()
            self.ration.charge(ended_s, ended_s - started_s)
