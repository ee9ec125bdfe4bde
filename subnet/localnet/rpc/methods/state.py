"""``state_*``: storage, metadata, runtime calls, at the head or at any block whose state is kept.

These methods only read. The backend raises an error for a block that it does not know, and for a
state that it no longer keeps; ``rpc/errors.py`` gives these errors Substrate's words. Long answers
are paged or refused, never cut.
"""

from __future__ import annotations

from typing import Any

from assay.localnet.primitives.hashing import blake2_256
from assay.localnet.primitives.scale import Reader
from assay.localnet.rpc.encoding import hex_of, hex_or_none, runtime_version_json
from assay.localnet.rpc.errors import (
    INVALID_BLOCK_RANGE,
    INVALID_COUNT,
    RpcError,
    client_error,
    invalid_params,
)
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.params import Hash, Hex
from assay.localnet.rpc.prices import ARGUMENT_BYTE_S, KEY_S, READ_S, RUNTIME_CALL_S
from assay.localnet.rpc.registry import Methods
from assay.localnet.rpc.reply_room import ReplyRoom
from assay.localnet.rpc.subscriptions import Opened, Subscriber

methods = Methods("state")

_METHOD_CHARS_MAX = 256  # a runtime API's name; the longest that exists has about 70


@methods.call("state_getRuntimeVersion", "chain_getRuntimeVersion")
def get_runtime_version(node: RpcNode, at: Hash | None = None) -> Any:
    return runtime_version_json(node.backend.runtime_version(at))


def _metadata_price(node: RpcNode, at: bytes | None) -> float:
    return RUNTIME_CALL_S


@methods.call("state_getMetadata", price=_metadata_price)
def get_metadata(node: RpcNode, at: Hash | None = None) -> str:
    """The runtime's metadata, without the length that ``Metadata_metadata`` puts before it."""
    return hex_of(Reader(node.call("Metadata_metadata", b"", at)).bytes())


def _call_price(node: RpcNode, method: str, data: bytes, at: bytes | None) -> float:
    return RUNTIME_CALL_S + len(data) * ARGUMENT_BYTE_S


@methods.call("state_call", "state_callAt", price=_call_price)
def call(node: RpcNode, method: str, data: Hex, at: Hash | None = None) -> str:
    if len(method) > _METHOD_CHARS_MAX:
        raise invalid_params(f"a method's name has at most {_METHOD_CHARS_MAX} characters")
    return hex_of(node.call(method, data, at))


@methods.call("state_getStorage", "state_getStorageAt")
def get_storage(node: RpcNode, key: Hex, at: Hash | None = None) -> str | None:
    return hex_or_none(node.backend.state(at).get(key))


@methods.call("state_getStorageHash", "state_getStorageHashAt")
def get_storage_hash(node: RpcNode, key: Hex, at: Hash | None = None) -> str | None:
    value = node.backend.state(at).get(key)
    return None if value is None else hex_of(blake2_256(value))


@methods.call("state_getStorageSize", "state_getStorageSizeAt")
def get_storage_size(node: RpcNode, key: Hex, at: Hash | None = None) -> int | None:
    value = node.backend.state(at).get(key)
    return None if value is None else len(value)


@methods.call("state_getKeysPaged", "state_getKeysPagedAt")
def get_keys_paged(
    node: RpcNode,
    prefix: Hex | None = None,
    count: int = 1_000,
    start_key: Hex | None = None,
    at: Hash | None = None,
) -> list[str]:
    limit = node.limits.keys_page_max
    if not 0 <= count <= limit:
        raise RpcError(INVALID_COUNT, f"count exceeds maximum value. value: {count}, max: {limit}")
    keys = node.backend.state(at).keys(prefix or b"", start_key or None, count)
    return [hex_of(key) for key in keys]


def _unpaged(node: RpcNode, prefix: bytes, at: bytes | None) -> list[bytes]:
    limit = node.limits.keys_unpaged_max
    keys = node.backend.state(at).keys(prefix, None, limit + 1)
    if len(keys) > limit:
        raise client_error(f"more than {limit} keys; ask for them by state_getKeysPaged")
    return keys


def _unpaged_price(node: RpcNode, prefix: bytes, at: bytes | None) -> float:
    """The price of the largest answer, because the number of keys is not known beforehand."""
    return node.limits.keys_unpaged_max * KEY_S


@methods.call("state_getKeys", price=_unpaged_price)
def get_keys(node: RpcNode, prefix: Hex, at: Hash | None = None) -> list[str]:
    room = ReplyRoom(node)
    return [room.hex(key) for key in _unpaged(node, prefix, at)]


@methods.call("state_getPairs", price=_unpaged_price)
def get_pairs(node: RpcNode, prefix: Hex, at: Hash | None = None) -> list[list[str | None]]:
    state, room = node.backend.state(at), ReplyRoom(node)
    return [room.pair(key, state.get(key)) for key in _unpaged(node, prefix, at)]


def _bounded(node: RpcNode, keys: list[Hex]) -> list[Hex]:
    """``keys`` without repetitions: a short question could repeat the key of a long value."""
    if len(keys) > node.limits.storage_keys_max:
        raise invalid_params(f"at most {node.limits.storage_keys_max} keys")
    return list(dict.fromkeys(keys))


def _keys_price(node: RpcNode, keys: list[Hex], at: bytes | None) -> float:
    return len(keys) * READ_S


def _range_price(node: RpcNode, keys: list[Hex], start: bytes, end: bytes | None) -> float:
    first, last = node.backend.block(start), node.backend.head
    if end is not None:
        last = node.backend.block(end) or last
    blocks = 1 if first is None else max(last.number - first.number + 1, 1)
    return min(len(keys) * blocks, node.limits.range_reads_max) * READ_S


@methods.call("state_queryStorageAt", price=_keys_price)
def query_storage_at(node: RpcNode, keys: list[Hex], at: Hash | None = None) -> Any:
    state, room = node.backend.state(at), ReplyRoom(node)
    changes = [room.pair(key, state.get(key)) for key in _bounded(node, keys)]
    return [{"block": hex_of(at or node.backend.head.hash), "changes": changes}]


@methods.call("state_queryStorage", price=_range_price)
def query_storage(node: RpcNode, keys: list[Hex], start: Hash, end: Hash | None = None) -> Any:
    """The values at ``keys`` after the block ``start``, then each change up to ``end``."""
    backend = node.backend
    first = backend.block(start)
    last = backend.head if end is None else backend.block(end)
    if first is None or last is None or last.number < first.number:
        raise RpcError(
            INVALID_BLOCK_RANGE, "Cannot resolve a block range: unknown, or not in order"
        )
    if last.number - first.number >= node.limits.block_range_max:
        raise client_error(f"a range has at most {node.limits.block_range_max} blocks")
    wanted, room = _bounded(node, keys), ReplyRoom(node)
    reads = len(wanted) * (last.number - first.number + 1)
    if reads > node.limits.range_reads_max:
        raise client_error(f"{reads} values to read, at most {node.limits.range_reads_max}")
    known: dict[Hex, bytes | None] = {}
    found, read_bytes = [], 0
    for number in range(first.number, last.number + 1):
        block_hash = backend.block_hash(number)
        state = backend.state(block_hash)
        node.check_time()
        now = {key: state.get(key) for key in wanted}
        read_bytes += sum(len(value or b"") for value in now.values())
        if read_bytes > node.limits.range_bytes_max:
            raise client_error("the values are too long for so many blocks; ask for fewer")
        changes = [room.pair(k, v) for k, v in now.items() if k not in known or known[k] != v]
        known = now
        if changes and block_hash is not None:
            found.append({"block": hex_of(block_hash), "changes": changes})
    return found


def _watch_price(node: RpcNode, keys: list[Hex] | None) -> float:
    return len(keys or ()) * READ_S


@methods.subscription(
    "state_subscribeStorage",
    notification="state_storage",
    unsubscribe=("state_unsubscribeStorage",),
    price=_watch_price,
)
def subscribe_storage(
    node: RpcNode, subscriber: Subscriber, notification: str, keys: list[Hex] | None = None
) -> Opened:
    if keys is None:
        raise invalid_params("name the keys: a subscription to all of storage is not offered")
    if max(map(len, keys), default=0) > node.limits.watched_key_bytes_max:
        raise invalid_params(f"a key has at most {node.limits.watched_key_bytes_max} bytes")
    return node.hub.storage(subscriber, notification, _bounded(node, keys))


@methods.subscription(
    "state_subscribeRuntimeVersion",
    "chain_subscribeRuntimeVersion",
    notification="state_runtimeVersion",
    unsubscribe=("state_unsubscribeRuntimeVersion", "chain_unsubscribeRuntimeVersion"),
)
def subscribe_runtime_version(node: RpcNode, subscriber: Subscriber, notification: str) -> Opened:
    return node.hub.runtime_version(subscriber, notification)
