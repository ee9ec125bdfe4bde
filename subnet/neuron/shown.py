"""What a chain showed of a validator's receipts lately.

A validator's record has a new receipts' root every epoch, so an exported receipt leads to a root
that was shown when it was exported and is another one soon. ``shown_root`` looks for it in the
blocks before, as far as the chain keeps their state. This module knows no receipts.
"""

from __future__ import annotations

from typing import Final

from assay.chain.errors import ChainRefused
from assay.chain.interface import BlockRef, Chain
from assay.neuron.record import parse
from assay.types import BlockNumber, NetUid, Ss58

LOOKS_MAX: Final = 100
"""Blocks that are looked at, four an epoch: 25 epochs, a minute's work on a distant chain. A public
node keeps the states of about 300 blocks, which is one epoch."""
LOOKS_AN_EPOCH: Final = 4
"""A root stands for about an epoch, and not from its first block on."""


async def shown_root(chain: Chain, netuid: NetUid, validator: Ss58, root: bytes) -> bool:
    """Whether the chain shows ``root`` as the receipts' root of ``validator``, or did so lately.

    False also where it was longer ago than the chain keeps states.
    """
    newest = await chain.finalized()
    tempo = (await chain.metagraph(netuid, newest)).settings.tempo
    step = max(1, tempo // LOOKS_AN_EPOCH)
    for number in range(newest.number, max(newest.number - step * LOOKS_MAX, 0), -step):
        try:
            at = BlockRef(BlockNumber(number), "0x" + (await chain.block_hash(number)).hex())
            published = (await chain.commitments(netuid, at)).get(validator)
        except ChainRefused:  # the state of that block is gone, and of all before it
            return False
        if parse(published.data if published else None).receipts_root == root:
            return True
    return False
