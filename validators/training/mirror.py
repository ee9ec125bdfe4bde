"""A validator's own copies of one window's seals and messages: what it can attest, and audit.

In come the chain's moments; each peer's seal and sealed message are fetched as soon as its record
shows them, from the peer itself, and the message is opened as soon as the key is shown. Out comes
whose messages are held, whole and opened, as the records at the deadlines have them. A peer that
answers late, or not at all, delays nobody but itself: whoever was served from before has places of
its own. What a peer's work is worth is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from loguru import logger

from assay.aio import bounded
from assay.chain.view import Moment
from assay.clock import Clock
from assay.errors import UserError
from assay.files import write_atomic
from assay.protocol.training.records import PeerRecord
from assay.protocol.training.seal import PeerSeal
from assay.training.chain_records import CountedPeer, WindowPeer, WindowPeers, records_in
from assay.training.exchange import Exchange, NotAccepted, WindowTerms, check_seal
from assay.types import Ss58

KNOWN_PLACES: Final = 4
"""Fetches at once from peers whose last fetch succeeded."""
NEW_PLACES: Final = 2
"""Fetches at once from all others. Together with audits (``audits``) they leave one of a store's
transfers free, so that strangers that answer nothing stop neither."""
TRY_S: Final = 10.0
"""For one small object: a few round trips. A peer that is slower is tried again."""
BYTES_PER_S: Final = 2**18
"""Beyond that, a message may take its bytes at 2 Mb/s."""
PAUSE_BLOCKS_MAX: Final = 4
"""Between two tries; a phase has few blocks."""


@dataclass(slots=True)
class MirroredPeer:
    """What is here of one peer's window."""

    peer: WindowPeer
    record: PeerRecord
    seal: PeerSeal | None = None
    has_sealed: bool = False
    was_served: bool = False
    """Whether the peer itself has handed it over."""
    message: Path | None = None
    """The opened message."""
    wrong: str | None = None
    """Why nobody can accept what the peer has put there."""
    failures: int = 0
    again_at_block: int = 0
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to fetch or open, unless the chain shows more."""
        waits = self.has_sealed and self.record.key is None
        return self.wrong is not None or self.message is not None or waits


class WindowMirror:
    """The copies of one window."""

    def __init__(
        self,
        exchange: Exchange,
        peers: WindowPeers,
        terms: WindowTerms,
        folder: Path,
        clock: Clock,
        lanes: FetchLanes,
    ) -> None:
        """``folder`` takes the opened messages; ``lanes`` are shared with the windows before."""
        self.peers, self.terms = peers, terms
        self._exchange, self._folder, self._clock = exchange, folder, clock
        self._lanes = lanes
        self._by_uid: dict[int, MirroredPeer] = {}

    def see(self, moment: Moment) -> None:
        """Take in what ``moment`` shows, and fetch what is missing beside it."""
        self.take(records_in(moment, self.peers), moment.at.number)

    def take(self, records: Mapping[int, PeerRecord], block: int) -> None:
        """Take in ``records`` by uid, and fetch what is missing beside it."""
        for uid, record in records.items():
            mirrored = self._by_uid.get(uid)
            if mirrored is None or mirrored.record.seal != record.seal:
                if mirrored is not None and mirrored.task is not None:
                    mirrored.task.cancel()
                mirrored = MirroredPeer(self.peers.by_uid[uid], record)
                self._by_uid[uid] = mirrored
            if mirrored.record.key != record.key:
                mirrored.record, mirrored.message, mirrored.wrong = record, None, None
        for mirrored in self._by_uid.values():
            running = mirrored.task is not None and not mirrored.task.done()
            if not running and not mirrored.is_done and block >= mirrored.again_at_block:
                mirrored.task = asyncio.create_task(self._bring(mirrored, block))

    @property
    def is_busy(self) -> bool:
        """Whether anything is being fetched."""
        tasks = [each.task for each in self._by_uid.values()]
        return any(task is not None and not task.done() for task in tasks)

    def of(self, uid: int, record: PeerRecord) -> MirroredPeer | None:
        """Return what is here of ``uid``, if it is what ``record`` names."""
        found = self._by_uid.get(uid)
        return found if found is not None and found.record == record else None

    def held(self, opened: Mapping[int, PeerRecord]) -> frozenset[int]:
        """Return the uids whose messages are here, whole and opened, of those that the chain shows
        ``opened`` in time."""
        found = {uid: self.of(uid, record) for uid, record in opened.items()}
        return frozenset(
            uid for uid, each in found.items() if each is not None and each.message is not None
        )

    def wrong(self, opened: Mapping[int, PeerRecord]) -> dict[int, str]:
        """Return why what a peer has put there is nothing, by uid."""
        found = {uid: self.of(uid, record) for uid, record in opened.items()}
        return {uid: each.wrong for uid, each in found.items() if each and each.wrong}

    def seals(self, opened: Mapping[int, PeerRecord]) -> dict[int, PeerSeal]:
        """Return the seals that are here, and fit the window, of what the chain shows ``opened``,
        by uid."""
        found = {uid: self.of(uid, record) for uid, record in opened.items()}
        return {uid: each.seal for uid, each in found.items() if each and each.seal}

    def was_served_by(self, hotkey: Ss58) -> bool:
        """Return whether ``hotkey`` itself has handed over its sealed message."""
        return any(each.was_served for each in self._by_uid.values() if each.peer.hotkey == hotkey)

    async def complete(self, uid: int, counted: CountedPeer) -> MirroredPeer | None:
        """Return what is here of a ``counted`` peer, after what is missing was fetched from whoever
        holds it; None where it cannot be had now."""
        held = self.of(uid, counted.record)
        if held is not None and (held.message is not None or held.wrong is not None):
            return held
        mirrored = MirroredPeer(counted.peer, counted.record)
        await self._bring(mirrored, 0, counted.holders)
        if mirrored.message is None:
            return None
        self._by_uid[uid] = mirrored
        return mirrored

    async def close(self) -> None:
        """Give up what is still being fetched."""
        tasks = [each.task for each in self._by_uid.values() if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _bring(
        self, mirrored: MirroredPeer, block: int, holders: Collection[Ss58] = ()
    ) -> None:
        """Fetch and open what is missing, from the peer itself unless ``holders`` are named."""
        hotkey = mirrored.peer.hotkey
        try:
            async with self._lanes.place(hotkey):
                if mirrored.seal is None:
                    mirrored.seal = await self._seal(mirrored, holders or [hotkey])
                if not mirrored.has_sealed:
                    size = mirrored.seal.message_bytes
                    await bounded(
                        self._clock,
                        TRY_S + size / BYTES_PER_S,
                        self._exchange.sealed_message(mirrored.seal, holders or [hotkey]),
                    )
                    mirrored.has_sealed = True
            if not holders:
                self._lanes.served(hotkey)
                mirrored.was_served = True
            if mirrored.record.key is not None:
                opened = await self._exchange.opened(mirrored.seal, mirrored.record.key)
                path = self._folder / str(mirrored.peer.uid)
                await asyncio.to_thread(write_atomic, path, opened, make_folders=True)
                mirrored.message = path
        except NotAccepted as error:
            mirrored.wrong = str(error)
            logger.info("uid {}: {}", mirrored.peer.uid, error)
        except (UserError, TimeoutError) as error:
            self._lanes.failed(hotkey)
            mirrored.failures += 1
            pause = min(1 << (mirrored.failures - 1), PAUSE_BLOCKS_MAX)
            mirrored.again_at_block = block + pause
            logger.debug("uid {} is tried again: {}", mirrored.peer.uid, error)

    async def _seal(self, mirrored: MirroredPeer, holders: Collection[Ss58]) -> PeerSeal:
        hotkey, window = mirrored.peer.hotkey, self.terms.window
        fetching = self._exchange.seal(mirrored.record.seal, holders, window)
        seal = await bounded(self._clock, TRY_S, fetching)
        check_seal(seal, self.terms, hotkey, self._exchange.limits)
        return seal


class FetchLanes:
    """Places for fetches: some for peers that were served from before, some for all others."""

    def __init__(self) -> None:
        self._known: set[Ss58] = set()
        self._lanes = {
            True: asyncio.Semaphore(KNOWN_PLACES),
            False: asyncio.Semaphore(NEW_PLACES),
        }

    def place(self, hotkey: Ss58) -> asyncio.Semaphore:
        """Return where a fetch from ``hotkey`` waits for its place."""
        return self._lanes[hotkey in self._known]

    def served(self, hotkey: Ss58) -> None:
        """Note that a fetch from ``hotkey`` has succeeded."""
        self._known.add(hotkey)

    def failed(self, hotkey: Ss58) -> None:
        """Note that one has failed."""
        self._known.discard(hotkey)
