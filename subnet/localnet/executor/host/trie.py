"""``ext_trie_*``: Merkle roots of lists that the runtime hands over (its extrinsics).

Each answers the address of a 32-byte root. Version 1 has no state version and means 0. Proof checks
and Keccak tries are not offered; a runtime that asks for them gets an error that names the
function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from assay.localnet.executor.host.context import HostContext
from assay.localnet.primitives.scale import Reader
from assay.localnet.state.trie import ordered_root, root_of

_ITEM_COST: Final = 5
"""Host calls charged for each item of a trie: it takes three to five microseconds."""


def trie_functions(context: HostContext) -> Mapping[str, Callable[..., Any]]:
    """The table of this file's functions."""
    read, give_address = context.memory.read, context.memory.give_address

    def count(reader: Reader, size_min: int) -> int:
        """How many items follow, each charged before any is read: an argument can name millions."""
        items = reader.items(size_min)
        context.charge(items * _ITEM_COST)
        return items

    def root(data: int, version: int = 0) -> int:
        reader = Reader(read(data))
        pairs = [(reader.bytes(), reader.bytes()) for _ in range(count(reader, 2))]
        return give_address(root_of(pairs, version))

    def ordered(data: int, version: int = 0) -> int:
        reader = Reader(read(data))
        values = [reader.bytes() for _ in range(count(reader, 1))]
        return give_address(ordered_root(values, version))

    return {
        "ext_trie_blake2_256_root_version_1": root,
        "ext_trie_blake2_256_root_version_2": root,
        "ext_trie_blake2_256_ordered_root_version_1": ordered,
        "ext_trie_blake2_256_ordered_root_version_2": ordered,
    }
