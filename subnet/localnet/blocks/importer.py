"""Executes a finished block again, as a node that received it would.

``Core_execute_block`` recomputes everything and panics where a root, an inherent or the digest
differs. In addition, the root of the changes is compared with the header here, which finds a
runtime that checks nothing. The chain of one process receives no blocks from others; ``verify``
uses this module to check a stored chain.
"""

from __future__ import annotations

from assay.localnet.errors import BlockRejected, RuntimeTrap
from assay.localnet.executor.call import Executor
from assay.localnet.primitives.header import Block, Header
from assay.localnet.state.overlay import Committed, Overlay, Result


def execute_block(executor: Executor, base: Committed, parent: Header, block: Block) -> Result:
    """Execute ``block`` on the state after ``parent``; BlockRejected if they do not agree."""
    header = block.header
    if header.parent != parent.hash or header.number != parent.number + 1:
        raise BlockRejected(f"block {header.number} does not follow block {parent.number}")
    overlay = Overlay(base)
    try:
        executor.call("Core_execute_block", block.encode(), overlay, executor.block_budget)
    except RuntimeTrap as trap:
        raise BlockRejected(f"block {header.number} is refused by the runtime: {trap}") from trap
    result = overlay.result(executor.version.state_version)
    if result.root_hash != header.state_root:
        raise BlockRejected(
            f"block {header.number} names the state root 0x{header.state_root.hex()}, "
            f"executing it gives 0x{result.root_hash.hex()}"
        )
    return result
