"""Which connections a server has, and whose place is given up when all places are taken.

While places are free everybody gets one. When none is, each source has a fair share: the places
divided by the number of sources. A newcomer whose source is below its share takes a place from the
source with the most: an idle connection if that has one, else its youngest. A newcomer whose source
has its share already takes the place of an idle connection of that source, or is refused.

A connection is idle if it neither waits for an answer nor has a subscription. Of several idle
connections, those go first that never asked for anything. In come addresses and times. This module
knows no socket: each connection's ``evict`` closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from assay.localnet.rpc.call_budget import Account, Source, Sources
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.subscriptions import Subscriber

_GRACE_S: Final = 1.0
"""A connection this young is not idle yet: its first request is on its way."""

_IDLE_S: Final = 5.0
"""Nor is one that asked this short a time ago: the SDK's clients ask at least every block."""


class ClientConnection:
    """One open connection of a client."""

    __slots__ = ("account", "asked_s", "evict", "in_progress", "opened_s", "source", "subscriber")

    def __init__(
        self, source: Source, limits: RpcLimits, now_s: float, evict: Callable[[], None]
    ) -> None:
        self.source = source
        self.account = Account(limits.connection_terms, source.account)
        self.evict = evict
        """Closes the connection, whose place somebody else gets."""
        self.opened_s = now_s
        self.asked_s: float | None = None
        """When it last asked for something."""
        self.in_progress = 0
        """Requests that are not answered yet."""
        self.subscriber: Subscriber | None = None

    @contextmanager
    def asking(self, now_s: float) -> Iterator[None]:
        """A context in which a request that came at ``now_s`` is being answered."""
        self.asked_s = now_s
        self.in_progress += 1
        try:
            yield
        finally:
            self.in_progress -= 1

    def is_idle(self, now_s: float) -> bool:
        """Whether nobody would miss the connection at ``now_s``."""
        if self.in_progress or (self.subscriber is not None and self.subscriber.subscriptions):
            return False
        if self.asked_s is None:
            return now_s - self.opened_s >= _GRACE_S
        return now_s - self.asked_s >= _IDLE_S


class Connections:
    """The connections of one server."""

    def __init__(self, limits: RpcLimits) -> None:
        self._limits = limits
        self._sources = Sources(limits)
        self._open: dict[ClientConnection, None] = {}  # in the order of opening

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def source_of(self, address: str | None) -> Source:
        """The source that connections from ``address`` belong to."""
        return self._sources.of(address)

    def admit(
        self, address: str | None, now_s: float, evict: Callable[[], None]
    ) -> ClientConnection | None:
        """Give a connection from ``address`` a place; None if it can have none.

        ``evict`` closes that connection, should its place be given to another later.
        """
        source = self._sources.of(address)
        if len(self._open) >= self._limits.connections_max:
            victim = self._victim_for(source, now_s)
            if victim is None:
                return None
            self.leave(victim)
            victim.evict()
        made = ClientConnection(source, self._limits, now_s, evict)
        self._open[made] = None
        source.connections += 1
        return made

    def leave(self, connection: ClientConnection) -> None:
        """Free the place of a connection that is gone. May be called twice."""
        if connection in self._open:
            del self._open[connection]
            connection.source.connections -= 1

    def _victim_for(self, newcomer: Source, now_s: float) -> ClientConnection | None:
        sources = {connection.source: None for connection in self._open} | {newcomer: None}
        share = self._limits.connections_max // len(sources)
        if newcomer.connections >= max(share, 1):
            return self._idle(newcomer, now_s)
        largest = max(sources, key=lambda source: source.connections)
        own = [each for each in self._open if each.source is largest]
        return self._idle(largest, now_s) or (own[-1] if own else None)

    def _idle(self, source: Source, now_s: float) -> ClientConnection | None:
        """The idle connection of ``source`` that is missed least."""
        idle = [each for each in self._open if each.source is source and each.is_idle(now_s)]
        if not idle:
            return None
        return min(idle, key=lambda each: (each.asked_s is not None, each.asked_s or each.opened_s))
