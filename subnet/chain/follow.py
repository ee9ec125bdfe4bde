"""One subnet of one chain, followed block by block and read once a block for a whole process.

``Follower`` is a ``ChainView``. It listens to finalized heads and reads one moment at the newest of
them, in three requests whatever the number of neurons; any number of readers take that moment
without another question to the chain. A process opens one ``Follower`` a subnet::

    async with Follower(chain, netuid, clock=clock, rng=rng) as view:
        async with contextlib.aclosing(view.blocks()) as moments:
            async for moment in moments: ...

A chain that is away is dialled again and again, with growing and jittered pauses. Meanwhile
``now()`` keeps the last moment, and ``blocks()`` waits for a while before it raises.

A ``Chain`` comes in and moments go out. This module does not know scores, tasks, keys or the SDK.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator
from typing import Final, Self

from loguru import logger

from assay.aio import bounded, first, until
from assay.chain.deadlines import READ_DEADLINE_S, WRITE_DEADLINE_S
from assay.chain.errors import (
    WAIT_CURE,
    ChainRefused,
    ChainUnavailable,
    OtherChain,
    UnknownBlock,
    UnknownSubnet,
)
from assay.chain.interface import (
    BlockRef,
    Chain,
    Moment,
)
from assay.clock import Clock
from assay.types import BlockNumber

PATIENCE_S: Final = 600.0
"""How long a silent chain is waited for: a node's restart or upgrade fits, a wrong address ends."""
PAUSE_FIRST_S: Final = 0.1
"""A local chain restarts in less than a second; its first block should not be missed."""
PAUSE_MAX_S: Final = 5.0
"""A public chain that is down should not be asked more than every few seconds."""
HASHES_KEPT: Final = 4_096
"""Hashes of blocks that are kept, 100 bytes each: 14 hours of a public chain's blocks."""
MOMENTS_KEPT: Final = 16
"""Older moments that are kept, some 100 kB each: what four windows of a run are read at."""
_LASTING: Final = (UnknownSubnet, OtherChain)
"""Refusals that no waiting ends."""


class Follower:
    """Follows one subnet of ``chain``; a ``ChainView`` between ``async with`` and its end.

    ``patience_s``: for how long ``blocks()`` waits for a new block before it raises. ``start_s``:
    within what time the first moment must be there; ``async with`` raises after it.
    """

    def __init__(
        self,
        chain: Chain,
        netuid: int,
        *,
        clock: Clock,
        rng: random.Random,
        patience_s: float = PATIENCE_S,
        start_s: float = READ_DEADLINE_S,
    ) -> None:
        self._chain = chain
        self._netuid = netuid
        self._clock = clock
        self._rng = rng
        self._patience_s = patience_s
        self._start_s = start_s
        self._head: BlockRef | None = None
        self._heard = asyncio.Event()
        self._moment: Moment | None = None
        self._changed = asyncio.Event()
        """Set once there is a newer moment, or an end; replaced each time."""
        self._trouble: ChainRefused | ChainUnavailable | None = None
        """Why there has been no newer moment, where the chain said it."""
        self._end: Exception | None = None
        self._running: asyncio.Task[None] | None = None
        self._hashes: OrderedDict[int, bytes] = OrderedDict()
        self._moments: OrderedDict[int, Moment] = OrderedDict()
        """Those that were asked for by their number, the latest last."""
        self._asking = asyncio.Lock()
        """So that many readers who want one older moment ask the chain once."""

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        try:
            await bounded(self._clock, self._start_s, self._first_moment())
        except TimeoutError:
            await self._stop()
            raise self._silence(self._start_s) from None
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    def now(self) -> Moment:
        """As ``ChainView.now``."""
        if self._moment is None:
            raise RuntimeError("this view was not entered")
        return self._moment

    async def blocks(self) -> AsyncGenerator[Moment, None]:
        """As ``ChainView.blocks``. A refusal that no waiting ends is raised as it is."""
        seen = -1
        while True:
            changed, moment = self._changed, self.now()
            if moment.at.number > seen:
                seen = moment.at.number
                yield moment
            elif self._end is not None:
                raise self._end
            elif not await until(changed, self._clock, self._patience_s):
                raise self._silence(self._patience_s)

    async def block_hash(self, number: int) -> bytes:
        """As ``ChainView.block_hash``. Asks the chain nothing for a block that was seen."""
        final = self.now().at.number
        if not 0 <= number <= final:
            raise UnknownBlock.of(number, final)
        if number not in self._hashes:
            self._keep(number, await self._chain.block_hash(number))
        return self._hashes[number]

    async def moment_at(self, number: int) -> Moment:
        """As ``ChainView.moment_at``. Asks the chain nothing for the newest moment, and for one
        that was asked for lately."""
        async with self._asking:
            newest = self.now()
            if number == newest.at.number:
                moment = newest
            elif (found := self._moments.get(number)) is not None:
                moment = found
            else:
                hash_ = await self.block_hash(number)
                at = BlockRef(BlockNumber(number), f"0x{hash_.hex()}")
                moment = await self._chain.moment(self._netuid, at)
            self._moments[number] = moment
            self._moments.move_to_end(number)
            if len(self._moments) > MOMENTS_KEPT:
                self._moments.popitem(last=False)
            return moment

    async def read(self, item: str, *keys: object, at: BlockRef | None = None) -> object:
        """As ``ChainView.read``."""
        return await self._chain.read(item, *keys, at=at or self.now().at)

    # The work behind it

    async def _run(self) -> None:
        try:
            await first(self._listen(), self._read_moments())
        except Exception as error:  # told to every reader
            self._end = error
            self._tell()

    async def _stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if self._end is None:
            self._end = RuntimeError("this view was left")
        self._tell()

    async def _first_moment(self) -> None:
        while self._moment is None:
            if self._end is not None:
                raise self._end
            await self._changed.wait()

    async def _listen(self) -> None:
        """Keep ``_head`` at the newest finalized block."""
        attempt = 0
        while True:
            try:
                # Half of the wait at most, so that a connection that hangs is replaced within it.
                silence_s = min(self._patience_s / 2, WRITE_DEADLINE_S)
                heads = self._chain.heads(finalized=True, silence_s=silence_s)
                async with contextlib.aclosing(heads):
                    async for ref in heads:
                        attempt = 0
                        self._head = ref
                        self._heard.set()
            except (ChainRefused, ChainUnavailable) as error:
                self._note(error)
            await self._pause(attempt)
            attempt += 1

    async def _read_moments(self) -> None:
        """Read a moment at the newest head, whenever there is a newer one."""
        attempt = 0
        while True:
            await self._heard.wait()
            self._heard.clear()
            ref = self._head
            if ref is None or (self._moment is not None and ref.number <= self._moment.at.number):
                continue
            try:
                self._publish(await self._chain.moment(self._netuid, ref))
                attempt = 0
            except (ChainRefused, ChainUnavailable) as error:
                self._note(error)
                await self._pause(attempt)
                attempt += 1
                self._heard.set()  # the same head again, or the newest by now

    def _note(self, error: ChainRefused | ChainUnavailable) -> None:
        """Remember why the chain gave no answer; raise what no waiting ends."""
        if isinstance(error, _LASTING):
            raise error
        self._trouble = error
        logger.debug("subnet {}: {}", self._netuid, error.cause)

    def _publish(self, moment: Moment) -> None:
        self._trouble = None
        self._moment = moment
        self._keep(moment.at.number, bytes.fromhex(moment.at.hash.removeprefix("0x")))
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _keep(self, number: int, hash_: bytes) -> None:
        self._hashes[number] = hash_
        if len(self._hashes) > HASHES_KEPT:
            self._hashes.popitem(last=False)

    def _silence(self, waited_s: float) -> ChainRefused | ChainUnavailable:
        """What to raise once nothing new came for ``waited_s``."""
        if isinstance(self._trouble, ChainRefused):
            return self._trouble
        why = f": {self._trouble.cause}" if self._trouble is not None else "."
        cure = self._trouble.cure if self._trouble is not None else WAIT_CURE
        return ChainUnavailable(
            f"Subnet {self._netuid} has had no new block for {waited_s:g} s{why}", cure
        )

    async def _pause(self, attempt: int) -> None:
        """Wait before attempt ``attempt`` + 1: doubling, with jitter."""
        ceiling_s = min(PAUSE_FIRST_S * 2.0 ** min(attempt, 8), PAUSE_MAX_S)
        await self._clock.sleep(self._rng.uniform(ceiling_s / 2, ceiling_s))
