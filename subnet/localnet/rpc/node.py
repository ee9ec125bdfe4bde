"""What a method sees of the node: one object, handed to every call.

Holds no logic of its own; it keeps the methods' files free of imports of each other and of the
server. ``methods`` is what ``rpc_methods`` answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from subnet.localnet.backend import Backend
from subnet.localnet.pool import Pool
from subnet.localnet.rpc.limits import RpcLimits
from subnet.localnet.rpc.subscriptions import Hub
from subnet.localnet.service import Service


@dataclass(frozen=True, slots=True)
class RpcNode:
    """The parts of a running node."""

    backend: Backend
    pool: Pool
    service: Service
    hub: Hub
    limits: RpcLimits
    methods: tuple[str, ...]
