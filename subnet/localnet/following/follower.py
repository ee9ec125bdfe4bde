"""Takes another node's blocks, one after the other, and hands on what clients submit here.

``check`` refuses a node of another chain before anything is served. ``run`` asks for final blocks
above the head and has the service take each; while the other node is away it waits, and the RPC
goes on answering from what is here. A block that does not execute to the root that it names ends
the node: either its host or ours is wrong, and nothing that comes after it could be trusted.

An extrinsic that this node's pool took is sent on, in the order of arrival. What the other node
refuses leaves the pool here, so that its watcher is told; what it may have forgotten over a restart
is sent again. This module opens no socket and knows no JSON.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn

from loguru import logger

from assay.aio import first
from assay.clock import Clock
from assay.errors import UserError
from assay.localnet.backend import Backend
from assay.localnet.following.source import Followed
from assay.localnet.rpc_client import NodeGone, NodeRefused
from assay.localnet.service import Service

AT_ONCE: Final = 16
"""Blocks that are asked for together while catching up: the answers' ways overlap, and a few
megabytes of bodies at most wait here."""
LOOKS_A_BLOCK: Final = 4
"""How often in a block time a new head is looked for: a block is seen a quarter late at most."""
LOOK_S_MIN: Final = 0.05
"""However fast the chain: twenty questions a second are enough for either node."""
AWAY_S: Final = 1.0
"""Between two attempts at a node that does not answer."""


class BlockFollower:
    """Keeps one chain in step with that of a ``Followed``."""

    def __init__(
        self,
        source: Followed,
        backend: Backend,
        service: Service,
        pending: Callable[[], list[bytes]],
        clock: Clock,
    ) -> None:
        """``pending`` names the extrinsics that wait in this node's pool."""
        self._source = source
        self._backend = backend
        self._service = service
        self._pending = pending
        self._clock = clock
        self._unsent: deque[bytes] = deque()
        self._something_to_send = asyncio.Event()
        self._away = False
        service.on_submitted(self._send_on)

    async def check(self) -> None:
        """UserError unless the other node's chain is this one, as far as both have come."""
        if await self._source.hash_of(0) != self._backend.genesis_hash:
            raise UserError(
                "The node that is followed is of another chain: its genesis is another one than"
                f" 0x{self._backend.genesis_hash.hex()}.",
                "Begin here with the spec that it began with (--spec FILE.json).",
            )
        head = self._backend.head
        there = await self._source.hash_of(head.number)
        if there is not None and there != head.hash:
            raise UserError(
                f"Block {head.number} of the node that is followed is another one than here: its"
                " chain was begun anew.",
                "Follow it from an empty folder.",
            )

    async def run(self) -> NoReturn:
        """Follow until cancelled. BlockRejected or RuntimeTrap at a block that does not hold."""
        await first(self._take_blocks(), self._send())
        raise AssertionError("neither ends")

    async def _take_blocks(self) -> NoReturn:
        while True:
            try:
                await self._catch_up()
            except NodeGone as error:
                if not self._away:
                    logger.warning("{}", error.cause)
                self._away = True
                await self._clock.sleep(AWAY_S)
                continue
            if self._away:
                self._away = False
                logger.info("the node that is followed answers again")
                self._unsent = deque(self._pending())  # it may have forgotten what it had
                self._something_to_send.set()
            await self._clock.sleep(
                max(self._backend.slot_duration_ms() / 1_000 / LOOKS_A_BLOCK, LOOK_S_MIN)
            )

    async def _catch_up(self) -> None:
        final = await self._source.finalized()
        while (here := self._backend.head.number) < final:
            numbers = range(here + 1, min(here + AT_ONCE, final) + 1)
            hashes = await asyncio.gather(*map(self._source.hash_of, numbers))
            known = [each for each in hashes if each is not None]
            if len(known) < len(hashes):
                raise NodeGone(
                    f"The node that is followed does not keep block {numbers[len(known)]}.",
                    "Follow one that keeps all blocks.",
                )
            for block in await asyncio.gather(*map(self._source.block, known)):
                self._service.take(block)
                await asyncio.sleep(0)  # clients are answered between two blocks

    # -- what clients submit here

    def _send_on(self, extrinsic: bytes) -> None:
        self._unsent.append(extrinsic)
        self._something_to_send.set()

    async def _send(self) -> NoReturn:
        while True:
            await self._something_to_send.wait()
            if not self._unsent:
                self._something_to_send.clear()
                continue
            extrinsic = self._unsent[0]
            try:
                await self._source.submit(extrinsic)
            except NodeGone:
                await self._clock.sleep(AWAY_S)
                continue
            except NodeRefused as refusal:
                logger.info("the node that is followed refuses an extrinsic: {}", refusal)
                self._service.expel(extrinsic)
            if self._unsent and self._unsent[0] is extrinsic:
                self._unsent.popleft()
