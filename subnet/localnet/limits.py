"""The limits of the node's core, each with its reason.

A limit bounds what a stranger can make the node do: memory, time, disk. The executor, the store and
the builder read theirs here; the pool and the RPC server have their own. This module is data only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreLimits:
    """What one backend may spend. The defaults suit a chain on one's own machine."""

    fuel_per_block_call: int = 60_000_000_000
    """Wasm instructions for a call that makes a block: about 11 seconds of pure computation. A
    block's weights hold it below; this only stops a runtime that loops."""

    fuel_per_query: int = 1_250_000_000
    """The same for runtime APIs, which strangers can call: a quarter of a second, since nobody else
    is answered meanwhile and no block is made. The dearest ordinary call, a metagraph of 256
    neurons, was measured at 33 million; with 32 lenders to each of its neurons, at 190 million.
    All metagraphs of a chain fit for some forty subnets of that size; beyond, they are asked for
    one by one. A client that asks much gets less of it (``rpc/call_budget.py``)."""

    host_calls_per_block_call: int = 50_000_000
    """Host functions are Python and burn no fuel, so they are counted: a minute of the cheapest."""

    host_calls_per_query: int = 250_000
    """A quarter of a second of the cheapest host functions. Dearer ones are stopped by the time
    limit of the question (``time_limit.py``)."""

    fuel_per_validation: int = 1_000_000_000
    """The same for the check of a transaction, 0.2 seconds. One of 4 MiB was measured at
    320 million (reading and hashing it), so the largest there may be takes half of this; a
    transfer, 0.2 million."""

    host_calls_per_validation: int = 100_000
    """A transfer's check makes a hundred."""

    historic_keys_max: int = 500_000
    """Keys of an old state that one question may look at: each is a read of the database of about
    four microseconds, so two seconds. In 100,000 blocks a chain has had some 100,000 keys."""

    memory_pages_max: int = 4_096
    """Wasm pages of 64 KiB: 256 MiB, twice what a Parity node gives by default."""

    argument_bytes_max: int = 16 * 2**20
    """An argument of a runtime call; the longest block, of 10 MiB, must fit with room to spare."""

    extrinsic_bytes_max: int = 6 * 2**20
    """A runtime upgrade is the largest extrinsic there is; the shipped runtime has 4.2 MB, and
    needs no packing to be set."""

    slot_ms_min: int = 2
    """Root may give a running chain other slots. Two blocks are at least half a slot apart, which
    must not be nothing."""

    slot_ms_max: int = 3_600_000
    """An hour, as for a new chain. The next block comes up to a slot later and its time is up to a
    slot ahead: a number in the wrong unit would stop the chain and move its clock for good."""

    skipped_extrinsics_max: int = 8
    """After so many extrinsics in a row that no longer fit, a block counts as full."""

    checkpoint_pages: int = 4_096
    """SQLite copies its log into the database, and syncs, once the log has so many pages (16 MiB):
    a pause of some milliseconds every few hundred blocks instead of every few dozen."""

    logs_per_call_max: int = 64
    """Log lines kept of one call for the error message of a trap."""

    log_line_chars_max: int = 2_000
    """A runtime may log megabytes; a panic's message with its location fits well into this."""

    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    """SQLite's ``synchronous``. In WAL mode both survive the death of the process at any moment:
    a committed block is in the kernel's hands. NORMAL syncs at checkpoints only, so a loss of
    power can take the last blocks (never the file's soundness); FULL syncs at each commit and
    survives it, for milliseconds a block. A chain on one's own machine takes NORMAL."""
