"""Writes a stored chain out, for another implementation to judge.

The export is a folder of three files: ``runtime.wasm`` (block 0's ``:code``), ``genesis.json`` (the
merged configuration that the GenesisBuilder API was given) and ``blocks.txt`` (blocks 1 to the
head, one a line, hexadecimal SCALE: the header, then the extrinsics). ``runtime/oracle`` replays it
under Parity's own executor and trie, where every block must give the root that its header names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.files import raise_disk_error
from assay.localnet.blocks.genesis import canonical_json, is_raw
from assay.localnet.errors import ChainDamaged
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.well_known_keys import CODE_KEY
from assay.localnet.state.store import ChainStore

BLOCKS_NAME: Final = "blocks.txt"
GENESIS_NAME: Final = "genesis.json"
RUNTIME_NAME: Final = "runtime.wasm"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    folder: Path
    blocks: int
    genesis_hash: bytes
    head_hash: bytes
    head_state_root: bytes


def export_blocks(chain: Path, folder: Path) -> Exported:
    """Export the chain stored in ``chain`` into ``folder``, which is made if it is absent.

    The chain must not be open in another process. Each file appears whole or not at all.
    """
    store = ChainStore(chain, CoreLimits(), create=False)
    try:
        return write_export(store, folder)
    finally:
        store.close()


def write_export(store: ChainStore, folder: Path) -> Exported:
    """Export an open store."""
    config, code, head_number = store.genesis_config(), store.value_at(CODE_KEY, 0), store.head()
    if code is None or store.oldest_state > 0:
        raise ChainDamaged(
            "The chain no longer keeps its first state, so it cannot be replayed from the start.",
            "Export a chain that was run without a limit on its history.",
        )
    if is_raw(config):
        raise ChainDamaged(
            "The chain began with a raw chain spec; the judge builds a first state of none.",
            "Export a chain that began with a preset or with a plain chain spec.",
        )
    genesis_hash, head = store.hash_of(0), store.block(head_number)
    if genesis_hash is None or head is None:
        raise ChainDamaged("The database lacks its first or its last block.", "Start a new chain.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / RUNTIME_NAME, iter((code,)))
        _write(folder / GENESIS_NAME, iter((canonical_json(config),)))
        _write(folder / BLOCKS_NAME, _lines(store, head_number))
    except OSError as error:
        raise_disk_error(error, folder)
    return Exported(folder, head_number, genesis_hash, head.hash, head.header.state_root)


def _lines(store: ChainStore, last: int) -> Iterator[bytes]:
    for number in range(1, last + 1):
        block = store.block(number)
        if block is None:
            raise ChainDamaged(f"Block {number} is missing.", "Start a new chain.")
        yield block.encode().hex().encode() + b"\n"


def _write(path: Path, parts: Iterator[bytes]) -> None:
    """A whole file or none: written beside, synced, renamed."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
