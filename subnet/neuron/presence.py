"""What the chain shows of a neuron, kept as the neuron wants it: its record and its address.

``Presence.keep`` compares a moment with what is wanted and sends what differs. The record goes
before the address, so that whoever finds the address also finds what is served there. A write that
is refused is tried again after a growing number of blocks, and told once while its cause stays the
same: the neuron serves on meanwhile.

An address that stood on chain and was then replaced means that another process uses the same
hotkey. That is named, and answered ever more slowly, because each answer costs a fee.

This module does not know what a record says, or what is served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from loguru import logger

from assay.chain.errors import RateLimited, TooLittleBalance
from assay.chain.interface import Chain, Endpoint, Receipt
from assay.chain.view import Moment
from assay.errors import UserError
from assay.metrics import NO_METRICS, Metrics
from assay.types import NetUid, Signer

BACKOFF_BLOCKS_MAX: Final = 360
"""An epoch of a public subnet: a neuron that cannot publish for an hour still tries once in it."""


class _Write:
    """One thing to publish: when it may be tried again, and what was told about it."""

    def __init__(self, what: str, metrics: Metrics) -> None:
        self._what = what
        self._metrics = metrics
        self._failures = 0
        self._due_at_block = 0
        self._told: str | None = None

    def due(self, block: int) -> bool:
        return block >= self._due_at_block

    def stood_for(self, blocks: int) -> None:
        """Forget earlier failures once it has stood for longer than the longest wait."""
        if blocks > BACKOFF_BLOCKS_MAX:
            self._failures = 0

    def put_off(self, block: int, at_least: int = 1) -> int:
        """Wait for twice as many blocks as the last time; returns for how many."""
        self._failures += 1
        wait = max(at_least, min(1 << (self._failures - 1), BACKOFF_BLOCKS_MAX))
        self._due_at_block = block + wait
        return wait

    async def send(self, moment: Moment, write: Callable[[], Awaitable[Receipt | None]]) -> bool:
        """Send it; True once the chain took it. A refusal is told once and tried again later."""
        try:
            receipt = await write()
        except UserError as error:
            self._count("failed")
            at_least = error.retry_after_blocks if isinstance(error, RateLimited) else None
            wait = self.put_off(moment.at.number, at_least or 1)
            # A balance and a fee may differ by a rao each time, and it is the same want of TAO.
            topic = error.reason if isinstance(error, TooLittleBalance) else error.cause
            if self._told != topic:
                self._told = topic
                logger.warning(
                    "{} is not published yet: {} {} It is tried again in {} blocks, and so on.",
                    self._what,
                    error.cause,
                    error.cure,
                    wait,
                )
            return False
        self._told = None
        self._count("stood")
        # The next moment may be older than the block that holds the write.
        self._due_at_block = (receipt.block.number if receipt else moment.at.number) + 1
        return True

    def _count(self, outcome: str) -> None:
        what = self._what.removeprefix("The ")
        self._metrics.count("assay_published_total", what=what, outcome=outcome)


class Presence:
    """One neuron's record and address on one subnet."""

    def __init__(
        self, chain: Chain, netuid: NetUid, hotkey: Signer, metrics: Metrics = NO_METRICS
    ) -> None:
        self._chain = chain
        self._netuid = netuid
        self._hotkey = hotkey
        self._record = _Write("The record", metrics)
        self._axon = _Write("The address", metrics)
        self._stood_since: int | None = None
        self._told_rival: Endpoint | None = None
        self._wanted: bytes | None = None
        self._changed = asyncio.Event()
        self._keeping = asyncio.Lock()
        self.endpoint: Endpoint | None = None
        """Where the chain should say that the axon is; None: nothing is served."""

    @property
    def record(self) -> bytes | None:
        """What the chain should show under the hotkey; None: whatever it shows."""
        return self._wanted

    @record.setter
    def record(self, record: bytes | None) -> None:
        if record != self._wanted:
            self._wanted = record
            self._changed.set()

    async def changed(self) -> None:
        """Wait until another record is wanted than when this was last waited for."""
        await self._changed.wait()
        self._changed.clear()

    def shows_record(self, moment: Moment) -> bool:
        """Whether the chain shows the wanted record in this moment."""
        shown = moment.commitments.get(self._hotkey.address)
        return self.record is None or (shown is not None and shown.data == self.record)

    def shows_another_record(self, moment: Moment) -> bool:
        """Whether the chain shows a record of this neuron in this moment that is not the wanted
        one, such as that of an earlier start with other settings."""
        return self._hotkey.address in moment.commitments and not self.shows_record(moment)

    async def keep(self, moment: Moment) -> None:
        """Send what the chain shows otherwise than wanted. Raises for nothing that a chain says;
        of several calls one sends after the other."""
        async with self._keeping:
            record, due = self.record, self._record.due(moment.at.number)
            if record is not None and due and not self.shows_record(moment):
                await self._record.send(
                    moment, lambda: self._chain.set_commitment(self._netuid, self._hotkey, record)
                )
            await self._keep_axon(moment)

    async def _keep_axon(self, moment: Moment) -> None:
        own, neuron = self.endpoint, moment.metagraph.by_hotkey(self._hotkey.address)
        if own is None or neuron is None:
            return
        if neuron.axon == own:
            self._stood_since = self._stood_since or moment.at.number
            self._axon.stood_for(moment.at.number - self._stood_since)
            return
        if not self._axon.due(moment.at.number):
            return
        if self._stood_since is not None and neuron.axon is not None:
            self._stood_since = None
            wait = self._axon.put_off(moment.at.number)
            if self._told_rival != neuron.axon:
                self._told_rival = neuron.axon
                logger.warning(
                    "Another process publishes {} for this hotkey. Stop one of the two: each pays "
                    "a fee for every change. The next try is in {} blocks, and ever later.",
                    neuron.axon,
                    wait,
                )
            return
        if await self._axon.send(
            moment, lambda: self._chain.serve_axon(self._netuid, self._hotkey, own)
        ):
            logger.info("The chain says that this axon is at {}", own)
