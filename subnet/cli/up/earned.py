"""What the epochs of a run have paid each hotkey.

``Earned.count`` is given the metagraph now and then and adds what each new epoch paid. Epochs that
ran between two metagraphs are read from the chain's history, so that none is left out. What
somebody bought or sold is no part of it: a balance is read for the owner alone, whose cut no
neuron's emission holds, and only from the block before an epoch to the epoch's own.

This module knows hotkeys, and neither names nor files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from assay.chain.errors import ChainRefused
from assay.chain.interface import BlockRef, Chain, Metagraph
from assay.types import AlphaRao, BlockNumber, NetUid, Ss58

EPOCHS_MAX: Final = 64
"""How many epochs one count reads back: five minutes of a local chain's; a look comes twice a
second. A chain that nobody looked at for longer would hold the table up."""


@dataclass
class Earned:
    """Counts on ``chain`` what subnet ``netuid`` pays; its ``owner`` is a hotkey and the coldkey
    that the owner's cut belongs to."""

    chain: Chain
    netuid: NetUid
    owner: tuple[Ss58, Ss58]
    paid: dict[str, AlphaRao] = field(default_factory=dict)
    """By the hotkey of everybody who was seen; 0 for who was paid nothing."""
    epoch: int | None = None
    """The last epoch that was counted; None before the first count, which counts none."""

    async def count(self, metagraph: Metagraph) -> None:
        """Add what the epochs until ``metagraph`` paid. What was counted stays as it is where the
        chain gives no answer."""
        pay = [
            gain for graph in await self._new_epochs(metagraph) for gain in await self._of(graph)
        ]
        for hotkey, alpha in pay:
            self.paid[hotkey] = AlphaRao(self.paid.get(hotkey, 0) + alpha)
        for neuron in metagraph.neurons:
            self.paid.setdefault(neuron.hotkey, AlphaRao(0))
        self.epoch = metagraph.epoch.index

    async def _new_epochs(self, metagraph: Metagraph) -> list[Metagraph]:
        """A metagraph of each epoch that was not counted yet, the newest first."""
        if self.epoch is None or metagraph.epoch.index <= self.epoch:
            return []
        found = [metagraph]
        while found[-1].epoch.index > self.epoch + 1 and len(found) < EPOCHS_MAX:
            try:
                before = await self._block(found[-1].epoch.last_block - 1)
                found.append(await self.chain.metagraph(self.netuid, before))
            except ChainRefused:  # a chain that was told to keep little history
                break
        return found

    async def _of(self, metagraph: Metagraph) -> list[tuple[Ss58, AlphaRao]]:
        """What the newest epoch in ``metagraph`` paid, by hotkey."""
        ran = metagraph.epoch.last_block
        # A uid that changed hands since then still shows what its last holder was paid.
        gains = [
            (neuron.hotkey, neuron.emission)
            for neuron in metagraph.neurons
            if neuron.block_at_registration < ran and neuron.hotkey != self.owner[0]
        ]
        try:
            before, after = [
                await self.chain.stake(*self.owner, self.netuid, at=await self._block(number))
                for number in (ran - 1, ran)
            ]
        except ChainRefused:
            return gains
        return [*gains, (self.owner[0], AlphaRao(max(after - before, 0)))]

    async def _block(self, number: int) -> BlockRef:
        hash_ = await self.chain.block_hash(number)
        return BlockRef(BlockNumber(number), f"0x{hash_.hex()}")
