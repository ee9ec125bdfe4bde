"""Who keeps a connection to an axon when there are more than it may have. Pure.

In come connections as they are made and lost; out comes whether a new one is kept, and which old
one is dropped for it. Sources from which a good signature came lately (*proven* ones) have places
of their own; everybody else shares the rest, each source a small part. When the strangers' places
are full the oldest that nobody is working for goes: silence costs its holder the place, and never
the next caller's chance to show a signature.

This module knows no sockets: a connection is what has a source and can be dropped.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from assay.wire.admission import source_of
from assay.wire.limits import Limits

STRANGERS_SHARE: Final = 0.75
"""Of all places. The rest is for proven sources, who are few and come again and again."""
_LOOKS: Final = 64
"""Connections looked at for one that may go. Those that stay are looked at last the next time, so
a crowd of busy ones costs each new connection little."""


class HeldConnection(Protocol):
    """A connection, as far as its place is concerned."""

    source: str
    """The network address at its other end."""
    is_serving: bool
    """Whether a request with a good signature is being answered on it."""

    def drop(self) -> None:
        """Cut it now."""
        ...


class ConnectionTable:
    """The connections of one axon: at most ``places`` of them."""

    def __init__(self, limits: Limits, places: int, is_proven: Callable[[str], bool]) -> None:
        """``is_proven`` says whether a good signature came lately from an address."""
        self._limits = limits
        self._places = places
        self._strangers_places = math.ceil(places * STRANGERS_SHARE)
        self._is_proven = is_proven
        self._strangers: OrderedDict[HeldConnection, None] = OrderedDict()
        self._proven: OrderedDict[HeldConnection, None] = OrderedDict()
        self._by_source: dict[str, OrderedDict[HeldConnection, None]] = {}

    def __len__(self) -> int:
        return len(self._strangers) + len(self._proven)

    def add(self, connection: HeldConnection) -> bool:
        """Whether the new ``connection`` is kept; another may be dropped for it."""
        key = source_of(connection.source)
        own = len(self._by_source.get(key, ()))
        if own >= self._limits.connections_per_source_max:
            return False
        proven = self._is_proven(connection.source)
        if self._has_room() if proven else self._has_strangers_room():
            kept = True
        elif not proven and own >= self._limits.connections_per_stranger_max:
            kept = self._drop_idle_of(key)  # in a crowd a source pays with its own
        else:
            kept = self._drop_a_stranger() or self._drop_of_greediest(own)
        if kept:
            (self._proven if proven else self._strangers)[connection] = None
            self._by_source.setdefault(key, OrderedDict())[connection] = None
        return kept

    def remove(self, connection: HeldConnection) -> None:
        """Forget a connection that was lost; one that is not here is no matter."""
        key = source_of(connection.source)
        held = self._by_source.get(key)
        if held is None or connection not in held:
            return
        self._strangers.pop(connection, None)
        self._proven.pop(connection, None)
        del held[connection]
        if not held:
            del self._by_source[key]

    def _has_room(self) -> bool:
        return len(self) < self._places

    def _has_strangers_room(self) -> bool:
        return self._has_room() and len(self._strangers) < self._strangers_places

    def _drop_a_stranger(self) -> bool:
        """Whether there is room now: the oldest stranger's that nobody works for, or that of one
        that has proven itself since and takes another kind of place."""
        for _ in range(min(len(self._strangers), _LOOKS)):
            connection = next(iter(self._strangers))
            if self._is_proven(connection.source):
                del self._strangers[connection]
                self._proven[connection] = None
                if self._has_strangers_room():
                    return True
            elif connection.is_serving:
                self._strangers.move_to_end(connection)
            else:
                self._drop(connection)
                return True
        return False

    def _drop_of_greediest(self, own: int) -> bool:
        """Whether the source with the most connections, if those are two more than ``own``, had an
        idle one to give: good signatures, too, can be had by the hundred."""
        greediest = max(self._by_source, key=lambda key: len(self._by_source[key]), default=None)
        if greediest is None or len(self._by_source[greediest]) <= own + 1:
            return False
        return self._drop_idle_of(greediest)

    def _drop_idle_of(self, key: str) -> bool:
        """Whether a source had an idle connection to give; its oldest goes."""
        held = self._by_source[key]
        idle = next((connection for connection in held if not connection.is_serving), None)
        if idle is None:
            return False
        self._drop(idle)
        return True

    def _drop(self, connection: HeldConnection) -> None:
        self.remove(connection)
        connection.drop()
