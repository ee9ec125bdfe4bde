"""Subscriptions: who listens to what, and one bounded outbox for each connection.

The **hub** is told of each block and of each event in the pool. It encodes each once and gives the
text to every subscriber that asked. A **subscriber** is one connection: its outbox and its
subscriptions. This module knows no socket: the server takes messages out of the outbox at the
client's pace.

The policy for slow clients: a reply waits for room (the server reads no further request until
then), but the chain never waits. A notification that does not fit means that the client would miss
a block without knowing, so the subscriber is *lost* instead: the server closes its connection with
code 1013 (try again later), and a client that reconnects starts from the head. The same happens to
one that wants more than its share while all outboxes together hold too much. Up to that share
everybody is served, whatever the others leave unread.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from assay.localnet.backend import Backend, BuiltBlock
from assay.localnet.pool import Event, Status
from assay.localnet.rpc.encoding import header_json, hex_of, runtime_version_json
from assay.localnet.rpc.envelope import encode, notification
from assay.localnet.rpc.errors import TOO_MANY_SUBSCRIPTIONS, RpcError
from assay.localnet.rpc.limits import RpcLimits

_LAST_STATUSES = frozenset({Status.USURPED, Status.DROPPED, Status.INVALID})
"""After these nothing more will be said of a transaction."""

_TOO_SLOW: Final = "it reads too slowly"
_TOO_MUCH_UNREAD: Final = "all clients together leave too much unread"

_WATCHED_KEY_BYTES: Final = 512
"""What a key that is watched takes in the tables beside its own bytes."""


@dataclass(slots=True)
class Shared:
    """What all outboxes of a server hold together, with the replies that HTTP clients leave."""

    size_bytes: int = 0

    def admits(self, added_bytes: int, held_bytes: int, limits: RpcLimits) -> bool:
        """Whether a holder of ``held_bytes`` may hold ``added_bytes`` more."""
        return (
            self.size_bytes + added_bytes <= limits.outboxes_bytes_max
            or held_bytes + added_bytes <= limits.outbox_unmetered_bytes
        )


class Outbox:
    """Messages that wait for a client to read, bounded in number and bytes."""

    def __init__(self, limits: RpcLimits, shared: Shared) -> None:
        self._limits = limits
        self._shared = shared
        self._messages: deque[bytes] = deque()
        self._size_bytes = 0
        self._sending_bytes = 0
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.closed = False

    def __len__(self) -> int:
        return len(self._messages)

    def offer(self, message: bytes) -> bool:
        """Add ``message`` if there is room; whether there was."""
        if (
            self.closed
            or not self.holds(message)
            or not self._shared.admits(len(message), self._size_bytes, self._limits)
        ):
            return False
        self._messages.append(message)
        self._count(len(message))
        self._filled.set()
        if self._half_full():
            self._drained.clear()
        return True

    def holds(self, message: bytes) -> bool:
        """Whether this outbox's own limits have room for ``message``, whatever others hold."""
        limits = self._limits
        return (
            len(self._messages) < limits.outbox_messages_max
            and self._size_bytes + len(message) <= limits.outbox_bytes_max
        )

    def _count(self, size_bytes: int) -> None:
        self._size_bytes += size_bytes
        self._shared.size_bytes += size_bytes

    def _half_full(self) -> bool:
        limits = self._limits
        return (
            2 * len(self._messages) >= limits.outbox_messages_max
            or 2 * self._size_bytes >= limits.outbox_bytes_max
        )

    async def room(self) -> None:
        """Wait until the outbox is less than half full, so that any reply fits, or is closed."""
        await self._drained.wait()

    async def take(self) -> bytes | None:
        """Wait for the next message and take it out; None once the outbox is closed and empty.

        The message's bytes count until ``sent`` is called, because the socket's buffer may hold the
        message for as long as the client does not read it.
        """
        while not self._messages:
            if self.closed:
                return None
            self._filled.clear()
            await self._filled.wait()
        message = self._messages.popleft()
        self._sending_bytes = len(message)
        if not self._half_full():
            self._drained.set()
        return message

    def sent(self) -> None:
        """Release the bytes of the message that was taken: the kernel has all of it."""
        self._count(-self._sending_bytes)
        self._sending_bytes = 0
        if not self._half_full():
            self._drained.set()

    def abandon(self) -> None:
        """Close the outbox and drop its messages, which nobody will read."""
        self.close()
        self._messages.clear()
        self._count(-self._size_bytes)
        self._sending_bytes = 0

    def close(self) -> None:
        """Take no more messages; whoever waits for this outbox wakes up."""
        self.closed = True
        self._filled.set()
        self._drained.set()


@dataclass(slots=True, eq=False)
class Subscription:
    """What one connection asked to be told of. ``method`` is that of its notifications."""

    id: str
    method: str
    subscriber: Subscriber
    storage_keys: frozenset[bytes] = frozenset()
    transaction: bytes | None = None


@dataclass(slots=True)
class Opened:
    """A subscription that was just made; ``first`` is sent right after the reply."""

    id: str
    first: list[bytes] = field(default_factory=list)


class Subscriber:
    """One connection that can be notified. ``on_lost`` is called once, with why it is given up."""

    def __init__(
        self, limits: RpcLimits, shared: Shared, *, on_lost: Callable[[str], None]
    ) -> None:
        self.outbox = Outbox(limits, shared)
        self.subscriptions: dict[str, Subscription] = {}
        self._on_lost = on_lost

    def notify(self, message: bytes) -> None:
        """Put ``message`` into the outbox; give the connection up if there is no room."""
        outbox = self.outbox
        if not outbox.offer(message) and not outbox.closed:
            outbox.close()
            self._on_lost(_TOO_MUCH_UNREAD if outbox.holds(message) else _TOO_SLOW)


class Hub:
    """All subscriptions of a node, by what they listen to."""

    def __init__(self, backend: Backend, limits: RpcLimits) -> None:
        self._backend = backend
        self._limits = limits
        self._shared = Shared()
        self._watched_bytes = 0
        self._ids = itertools.count(1)
        self._count = 0
        self._heads: dict[str, Subscription] = {}
        self._runtimes: dict[str, Subscription] = {}
        self._storage: dict[str, Subscription] = {}
        self._by_key: dict[bytes, dict[str, Subscription]] = {}
        self._watches: dict[bytes, dict[str, Subscription]] = {}

    def __len__(self) -> int:
        return self._count

    def join(self, *, on_lost: Callable[[str], None]) -> Subscriber:
        """A subscriber for a connection that was just made. ``on_lost`` is told why it is lost."""
        return Subscriber(self._limits, self._shared, on_lost=on_lost)

    @property
    def unread(self) -> Shared:
        """The count of what all clients together have not read yet."""
        return self._shared

    # -- opening and closing -----------------------------------------------------------------

    def check_room(self, subscriber: Subscriber) -> None:
        """RpcError if the subscriber may not open one more."""
        limits = self._limits
        if len(subscriber.subscriptions) >= limits.subscriptions_max:
            raise _too_many(f"{limits.subscriptions_max}")
        if self._count >= limits.subscriptions_of_all_max:
            raise _too_many(f"{limits.subscriptions_of_all_max} on all connections")

    def _open(self, subscriber: Subscriber, method: str) -> Subscription:
        self.check_room(subscriber)
        self._count += 1
        subscription = Subscription(f"assay{next(self._ids):011d}", method, subscriber)
        subscriber.subscriptions[subscription.id] = subscription
        return subscription

    def heads(self, subscriber: Subscriber, method: str) -> Opened:
        """Subscribe to new heads. Without forks all heads are finalized, so one list serves all."""
        subscription = self._open(subscriber, method)
        self._heads[subscription.id] = subscription
        head = encode(header_json(self._backend.head.header))
        return Opened(subscription.id, [notification(method, subscription.id, head)])

    def runtime_version(self, subscriber: Subscriber, method: str) -> Opened:
        """Subscribe to changes of the runtime's version."""
        subscription = self._open(subscriber, method)
        self._runtimes[subscription.id] = subscription
        version = encode(runtime_version_json(self._backend.runtime_version()))
        return Opened(subscription.id, [notification(method, subscription.id, version)])

    def storage(self, subscriber: Subscriber, method: str, keys: Sequence[bytes]) -> Opened:
        """Subscribe to changes of the values at ``keys``. RpcError if that is too much to watch."""
        state = self._backend.state()
        current_keys = frozenset(keys)
        current = _changes_json(self._backend.head.hash, {key: state.get(key) for key in keys})
        limits, size_bytes = self._limits, _watched_bytes(current_keys)
        watched = sum(len(other.storage_keys) for other in subscriber.subscriptions.values())
        if watched + len(current_keys) > limits.watched_keys_max:
            raise _too_many(f"{limits.watched_keys_max} keys")
        if self._watched_bytes + size_bytes > limits.watched_of_all_bytes_max:
            raise _too_many(f"{limits.watched_of_all_bytes_max} bytes of keys on all connections")
        subscription = self._open(subscriber, method)
        subscription.storage_keys = current_keys
        self._watched_bytes += size_bytes
        self._storage[subscription.id] = subscription
        for key in current_keys:
            self._by_key.setdefault(key, {})[subscription.id] = subscription
        return Opened(subscription.id, [notification(method, subscription.id, current)])

    def watch(
        self, subscriber: Subscriber, method: str, events: Sequence[Event], watched: bytes
    ) -> Opened:
        """Follow a transaction that was just submitted; ``events`` are those of its arrival."""
        subscription = self._open(subscriber, method)
        subscription.transaction = watched
        self._watches.setdefault(watched, {})[subscription.id] = subscription
        first = [
            notification(method, subscription.id, _event_json(event))
            for event in events
            if event.hash == watched
        ]
        return Opened(subscription.id, first)

    def close(self, subscriber: Subscriber, subscription_id: str) -> bool:
        """End one of the subscriber's own subscriptions. False if it has none of that id."""
        subscription = subscriber.subscriptions.pop(subscription_id, None)
        if subscription is None:
            return False
        self._count -= 1
        self._watched_bytes -= _watched_bytes(subscription.storage_keys)
        for table in (self._heads, self._runtimes, self._storage):
            table.pop(subscription_id, None)
        for key in subscription.storage_keys:
            _remove(self._by_key, key, subscription_id)
        if subscription.transaction is not None:
            _remove(self._watches, subscription.transaction, subscription_id)
        return True

    def leave(self, subscriber: Subscriber) -> None:
        """End all subscriptions of ``subscriber``, whose connection is gone."""
        subscriber.outbox.abandon()
        for subscription_id in list(subscriber.subscriptions):
            self.close(subscriber, subscription_id)

    # -- telling -----------------------------------------------------------------------------

    def tell_block(self, built: BuiltBlock) -> None:
        """Tell subscribers of ``built``, which was committed: it is the best block, and final."""
        if self._heads:
            head = encode(header_json(built.block.header))
            self._send(self._heads, head)
        if self._runtimes and built.runtime_changed:
            self._send(
                self._runtimes, encode(runtime_version_json(self._backend.runtime_version()))
            )
        if self._storage:
            self._tell_storage(built)
        if self._watches:
            self._tell_included(built)

    def _send(self, table: Mapping[str, Subscription], result: bytes) -> None:
        for subscription in list(table.values()):
            subscription.subscriber.notify(
                notification(subscription.method, subscription.id, result)
            )

    def _tell_storage(self, built: BuiltBlock) -> None:
        changed: dict[Subscription, dict[bytes, bytes | None]] = {}
        for key in built.changes.keys() & self._by_key.keys():
            for subscription in self._by_key[key].values():
                changed.setdefault(subscription, {})[key] = built.changes[key]
        for subscription, changes in changed.items():
            message = _changes_json(built.block.hash, changes)
            subscription.subscriber.notify(
                notification(subscription.method, subscription.id, message)
            )

    def _tell_included(self, built: BuiltBlock) -> None:
        told = hex_of(built.block.hash)
        in_block, finalized = encode({"inBlock": told}), encode({"finalized": told})
        for transaction in (*built.included, *(other.hash for other in built.unsealed)):
            watchers = self._watches.get(transaction)
            if watchers:
                self._send(watchers, in_block)
                self._send(watchers, finalized)
                self._end(watchers)

    def tell_events(self, events: Sequence[Event]) -> None:
        """Tell those who watch a transaction of ``events``, its changes in the pool."""
        if not self._watches:
            return
        for event in events:
            watchers = self._watches.get(event.hash)
            if watchers:
                self._send(watchers, _event_json(event))
                if event.status in _LAST_STATUSES:
                    self._end(watchers)

    def _end(self, watchers: Mapping[str, Subscription]) -> None:
        for subscription in list(watchers.values()):
            self.close(subscription.subscriber, subscription.id)


def _too_many(limit: str) -> RpcError:
    return RpcError(
        TOO_MANY_SUBSCRIPTIONS,
        "Too many subscriptions on the connection",
        f"Exceeded max limit of {limit}",
    )


def _watched_bytes(keys: Iterable[bytes]) -> int:
    return sum(len(key) + _WATCHED_KEY_BYTES for key in keys)


def _remove(index: dict[bytes, dict[str, Subscription]], key: bytes, subscription: str) -> None:
    """Take a subscription out of an index, and its key with the last one."""
    listeners = index.get(key, {})
    listeners.pop(subscription, None)
    if not listeners:
        index.pop(key, None)


def _event_json(event: Event) -> bytes:
    if event.other is not None:
        return encode({event.status.value: hex_of(event.other)})
    return encode(event.status.value)


def _changes_json(block_hash: bytes, changes: Mapping[bytes, bytes | None]) -> bytes:
    pairs: list[list[Any]] = [
        [hex_of(key), None if value is None else hex_of(value)] for key, value in changes.items()
    ]
    return encode({"block": hex_of(block_hash), "changes": pairs})
