"""Whether validators have named the state that a lineage leads to: what a newcomer checks on chain.

A lineage carries the proof that it is what its state says (``Lineage.check``). What is left is
whether the state is the run's, which the chain knows for as long as it knows the window that began
from it.
"""

from __future__ import annotations

from assay.chain.errors import UnknownBlock
from assay.protocol.training.records import STATE_BYTES
from assay.training.chain_records import ChainRecords
from assay.training.lineage import Lineage


async def is_named(records: ChainRecords, lineage: Lineage) -> bool | None:
    """Return whether validators of more than half of the stake name the state of ``lineage`` for
    the window that begins from it; None where the chain does not say: that window has not attested
    yet, was void, or is no longer known."""
    try:
        named = await records.named_state(lineage.windows)
    except (UnknownBlock, ValueError):  # a run's last state begins no window
        return None
    if named is None:
        return None
    return named == bytes.fromhex(lineage.state)[:STATE_BYTES]
