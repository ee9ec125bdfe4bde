"""``ext_storage_*``: the runtime's window on its state.

Every function works on the overlay of the running call. Results are SCALE: ``Option`` of bytes for
reads, ``KillStorageResult`` for a cleared prefix. Names and versions are those of ``sp-io``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from assay.localnet.executor.host.context import HostContext
from assay.localnet.primitives.scale import Reader, compact, encode_bytes

_NONE: Final = b"\x00"
_SOME: Final = b"\x01"
_MASK_32: Final = 0xFFFF_FFFF

_SOME_OF_LENGTH: Final = tuple(_SOME + compact(length) for length in range(1_024))
"""How an ``Option`` of so many bytes begins: values are short, and reads are most of a block."""

_ROOT_COST: Final = 200
"""Host calls charged for a root over a few changed keys: it takes 0.2 milliseconds."""
_ROOT_KEY_COST: Final = 5
"""And for each key that was written: it takes four to five microseconds."""

STATE_VERSION_OF_OLD_ROOT: Final = 0
"""``ext_storage_root_version_1`` has no parameter: it means state version 0."""


def storage_functions(context: HostContext) -> Mapping[str, Callable[..., Any]]:
    """The table of this file's functions."""
    return {**_reading(context), **_writing(context), **_root_and_transactions(context)}


def _reading(context: HostContext) -> Mapping[str, Callable[..., Any]]:
    memory = context.memory
    read, give = memory.read, memory.give

    def get(key: int) -> int:
        value = context.overlay.get(read(key))
        if value is None:
            return give(_NONE)
        length = len(value)
        if length < len(_SOME_OF_LENGTH):
            return give(_SOME_OF_LENGTH[length] + value)
        return give(_SOME + compact(length) + value)

    def read_part(key: int, out: int, offset: int) -> int:
        """Copies from ``offset`` on into ``out`` as much as fits; tells how much there was."""
        value = context.overlay.get(read(key))
        if value is None:
            return give(_NONE)
        rest = value[offset:]
        memory.write_at(out & _MASK_32, rest[: out >> 32])
        return give(_SOME + len(rest).to_bytes(4, "little"))

    def exists(key: int) -> int:
        return int(context.overlay.get(read(key)) is not None)

    def next_key(key: int) -> int:
        found = context.overlay.next_key(read(key))
        return give(_NONE if found is None else _SOME + encode_bytes(found))

    return {
        "ext_storage_get_version_1": get,
        "ext_storage_read_version_1": read_part,
        "ext_storage_exists_version_1": exists,
        "ext_storage_next_key_version_1": next_key,
    }


def _writing(context: HostContext) -> Mapping[str, Callable[..., Any]]:
    read, give = context.memory.read, context.memory.give

    def set_value(key: int, value: int) -> None:
        context.overlay.put(read(key), read(value))

    def clear(key: int) -> None:
        context.overlay.put(read(key), None)

    def append(key: int, value: int) -> None:
        context.overlay.append(read(key), read(value))

    def clear_prefix(prefix: int) -> None:
        context.charge(context.overlay.clear_prefix(read(prefix))[1])

    def clear_prefix_limited(prefix: int, limit: int) -> int:
        reader = Reader(read(limit))
        limit_keys = reader.uint(4) if reader.option() else None
        some_remain, visited = context.overlay.clear_prefix(read(prefix), limit_keys)
        context.charge(visited)
        return give(bytes((some_remain,)) + visited.to_bytes(4, "little"))

    return {
        "ext_storage_set_version_1": set_value,
        "ext_storage_clear_version_1": clear,
        "ext_storage_append_version_1": append,
        "ext_storage_clear_prefix_version_1": clear_prefix,
        "ext_storage_clear_prefix_version_2": clear_prefix_limited,
    }


def _root_and_transactions(context: HostContext) -> Mapping[str, Callable[..., Any]]:
    give = context.memory.give

    def root(version: int) -> int:
        context.charge(_ROOT_COST + _ROOT_KEY_COST * context.overlay.written)
        return give(context.overlay.root(version))

    def root_old() -> int:
        return root(STATE_VERSION_OF_OLD_ROOT)

    def changes_root(_parent: int) -> int:
        """Changes tries are gone from Substrate; the function answers None for ever."""
        return give(_NONE)

    def start() -> None:
        context.overlay.start()

    def commit() -> None:
        context.close_transaction().commit()

    def rollback() -> None:
        context.close_transaction().rollback()

    return {
        "ext_storage_root_version_1": root_old,
        "ext_storage_root_version_2": root,
        "ext_storage_changes_root_version_1": changes_root,
        "ext_storage_start_transaction_version_1": start,
        "ext_storage_commit_transaction_version_1": commit,
        "ext_storage_rollback_transaction_version_1": rollback,
    }
