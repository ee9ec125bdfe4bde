"""One object's way from its holders into the store.

In come a root, holders, a store and a dendrite; out comes a report, or an error that names every
holder and what was wrong with it. ``schedule`` decides what is asked of whom; this module carries
asks to neurons and buckets, has every part checked and written by a worker thread, and tells the
schedule.
What was written stays when a transfer fails or its process is killed: the next transfer goes on.

It asks nobody but the given holders, and holds at most ``in_flight_bytes_max`` of an object.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

from loguru import logger

from assay.aio import bounded, until
from assay.clock import Clock
from assay.objects import messages
from assay.objects.bucket import Bucket
from assay.objects.errors import NoHolder, StoreDamaged, short
from assay.objects.folder import ObjectFolder
from assay.objects.limits import CHUNK_BYTES, PAGE_CHUNKS, ObjectLimits
from assay.objects.schedule import FetchAsk, FetchSchedule, Part
from assay.objects.store import ObjectStore
from assay.objects.threads import DiskThreads
from assay.objects.tree import Head, Root, TreeInvalid, runs
from assay.wire.errors import (
    CallError,
    DeadlineExceeded,
    PeerBusy,
    PeerRefused,
    ReplyMalformed,
)
from assay.wire.interface import AnyDendrite, Peer
from assay.wire.synapse import Synapse

_BUSY_S = 1.0  # where a busy holder does not say for how long
_REASONS_SHOWN = 5  # of holders in one sentence; an error's ``reasons`` has all

_Answer = TypeVar("_Answer", bound=Synapse)

Holder = Peer | Bucket
"""Who can be asked for parts of an object: a neuron over the wire, or a bucket."""


async def ask_holder(
    holder: Holder,
    dendrite: AnyDendrite,
    clock: Clock,
    name: str,
    request: Synapse,
    reply: type[_Answer],
    *,
    deadline_s: float,
) -> _Answer:
    """Return what ``holder`` answers to ``request``; CallError within ``deadline_s``."""
    if not isinstance(holder, Bucket):
        answer = await dendrite.call(holder, name, request, reply, deadline_s=deadline_s)
        return answer.message
    try:
        found = await bounded(clock, deadline_s, holder.answer(request))
    except TimeoutError:
        raise DeadlineExceeded(
            holder.address, f"gave no answer within {deadline_s:g} s", "Ask another holder."
        ) from None
    assert isinstance(found, reply)
    return found


@dataclass(frozen=True, slots=True)
class WrongPart:
    """A holder sent what does not match the root: a head, a page or a chunk."""

    holder: str
    part: str
    number: int


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What a transfer did. Bytes are those of chunks; heads and pages are not counted."""

    root: Root
    size_bytes: int
    accepted_bytes: dict[str, int]
    """Right chunks by holder, also those that another holder had sent already."""
    wrong: tuple[WrongPart, ...]
    reasons: dict[str, str]
    """Why holders were asked for nothing more, by holder's address."""


class ObjectFetch:
    """One transfer, which several callers may wait for."""

    def __init__(
        self,
        root: Root,
        store: ObjectStore,
        dendrite: AnyDendrite,
        threads: DiskThreads,
        *,
        clock: Clock,
        rng: random.Random,
        limits: ObjectLimits,
        progress: Callable[[int, int], None],
    ) -> None:
        """``progress`` is told how many bytes are here, and how many the object has."""
        self.size_bytes: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The object's size, once it is known and before any of the object is fetched."""
        self._root = root
        self._store = store
        self._dendrite = dendrite
        self._threads = threads
        self._clock = clock
        self._limits = limits
        self._progress = progress
        self._schedule = FetchSchedule(limits, rng.random, clock.monotonic())
        self._pin = False
        self._size_bytes_max = 0
        self._holders: dict[str, Holder] = {}
        self._folder: ObjectFolder | None = None
        self._beginning = asyncio.Lock()
        self._held_bytes = 0
        self._accepted: dict[str, int] = {}
        self._wrong: list[WrongPart] = []
        self._stack = AsyncExitStack()
        self._changed = asyncio.Event()
        self._fault: Exception | None = None

    def join(self, holders: Iterable[Holder], *, size_bytes_max: int, pin: bool = False) -> None:
        """Ask these ``holders`` as well; ``pin``: the object is pinned when it is whole.

        The largest ``size_bytes_max`` of all who join bounds the transfer.
        """
        self._pin |= pin
        self._size_bytes_max = max(self._size_bytes_max, size_bytes_max)
        for holder in holders:
            if self._schedule.join(holder.address):
                self._holders[holder.address] = holder
        self._changed.set()

    async def run(self) -> FetchReport:
        """Fetch until the object is whole and on the disk; NoHolder, or what the disk refused."""
        running: set[asyncio.Task[None]] = set()
        self._schedule.start(self._clock.monotonic())
        async with self._stack:
            if (found := self._store.find(self._root)) is not None:
                self._check_size(found.size_bytes)
                await self._use(self._store.using(self._root, to_fill=True))
            try:
                await self._loop(running)
            finally:
                for task in running:
                    task.cancel()
                if running:
                    await asyncio.wait(running)
            if self._pin:
                await self._threads.run(self._store.pin, self._root)
        assert self._folder is not None
        if not self._folder.whole:  # a reader found damage in what was whole a moment ago
            raise StoreDamaged.of(self._root)
        return FetchReport(
            self._root,
            self._folder.head.shape.size_bytes,
            self._accepted,
            tuple(self._wrong),
            self._schedule.reasons,
        )

    async def _loop(self, running: set[asyncio.Task[None]]) -> None:
        schedule = self._schedule
        while not schedule.finished:
            self._changed.clear()
            while (ask := schedule.next(self._clock.monotonic())) is not None:
                task = asyncio.ensure_future(self._carry(ask))
                running.add(task)
                task.add_done_callback(running.discard)
            self._check_hope(bool(running))
            await until(self._changed, self._clock, schedule.wake_s(self._clock.monotonic()))
            if self._fault is not None:
                raise self._fault

    def _check_hope(self, is_busy: bool) -> None:
        now_s = self._clock.monotonic()
        schedule = self._schedule
        if schedule.is_quiet(now_s):
            why = f"nothing came for {self._limits.quiet_s_max:g} s"
        elif schedule.is_slow(now_s):
            least = f"{self._limits.pace_bytes_min:,} bytes in {self._limits.pace_s:g} s"
            why = f"it came at less than the least pace, {least}"
        elif not is_busy and schedule.is_stuck(now_s):
            why = "no holder has what is missing" if schedule.alive else "no holder is left"
        else:
            return
        reasons = schedule.reasons
        told = [f"{holder} {reason}" for holder, reason in reasons.items()]
        if len(told) > _REASONS_SHOWN:
            told[_REASONS_SHOWN:] = [f"and {len(told) - _REASONS_SHOWN} more"]
        raise NoHolder(
            f"Object {short(self._root)} could not be fetched: {'; '.join([why, *told])}.",
            "Name other holders; what was fetched is kept, and the next transfer goes on from it.",
            reasons,
        )

    def _check_size(self, size_bytes: int) -> None:
        """Tell the object's size; NoHolder if it is more than anybody who waits takes."""
        if not self.size_bytes.done():
            self.size_bytes.set_result(size_bytes)
        if size_bytes > self._size_bytes_max:
            raise NoHolder.too_large(self._root, size_bytes, self._size_bytes_max)

    async def _use(self, holding: AbstractContextManager[ObjectFolder]) -> None:
        self._folder = await self._stack.enter_async_context(self._threads.holding(holding))
        self._schedule.begin(self._folder.head.shape)

    # -- one ask

    async def _carry(self, ask: FetchAsk) -> None:
        """Carry out ``ask`` and tell the schedule; a fault of our own ends the transfer."""
        do = {
            Part.HEAD: self._head,
            Part.OPEN: self._open,
            Part.PAGE: self._page,
            Part.CHUNKS: self._chunks,
        }[ask.part]
        try:
            await do(ask)
        except CallError as error:
            self._call_failed(ask, error)
        except Exception as error:
            self._fault = error
        finally:
            self._changed.set()

    def _call_failed(self, ask: FetchAsk, error: CallError) -> None:
        now_s = self._clock.monotonic()
        why = error.what.rstrip(".")
        if isinstance(error, PeerBusy):
            wait_s = _BUSY_S if error.retry_after_s is None else error.retry_after_s
            self._schedule.busy(ask, wait_s, now_s)
        elif isinstance(error, PeerRefused | ReplyMalformed):
            self._schedule.reject(ask, why)
        else:
            self._schedule.failed(ask, why, now_s)

    async def _head(self, ask: FetchAsk) -> None:
        answer = await self._call(
            ask, messages.HAS, messages.HasObject(root=self._root), messages.ObjectHead
        )
        if not answer.head:
            self._schedule.reject(ask, "does not hold the object")
            return
        try:
            head = Head.parse(self._root, answer.head)
        except TreeInvalid:
            self._tell_wrong(ask, "head", 0)
            return
        async with self._beginning:
            if self._folder is None:
                self._check_size(head.shape.size_bytes)
                await self._use(self._store.begin(head))
        self._schedule.took_head(ask, self._clock.monotonic())

    async def _open(self, ask: FetchAsk) -> None:
        folder = self._folder
        assert folder is not None
        missing = await self._threads.run(folder.open_page, ask.first)
        shape = folder.head.shape
        absent = shape.page_mask(ask.first) if missing is None else missing
        held = shape.page_mask(ask.first) & ~absent
        self._held_bytes += shape.mask_bytes(ask.first * PAGE_CHUNKS, held)
        self._schedule.opened(ask, missing, self._clock.monotonic())
        self._progress(self._held_bytes, shape.size_bytes)

    async def _page(self, ask: FetchAsk) -> None:
        folder = self._folder
        assert folder is not None
        answer = await self._call(
            ask,
            messages.PAGE,
            messages.GetPage(root=self._root, page=ask.first),
            messages.PageHashes,
        )
        if not len(answer.hashes):
            self._schedule.lacked_page(ask)
        elif await self._threads.run(folder.put_page, ask.first, answer.hashes):
            self._schedule.took_page(ask, folder.missing(ask.first), self._clock.monotonic())
        else:
            self._tell_wrong(ask, "page", ask.first)

    async def _chunks(self, ask: FetchAsk) -> None:
        folder = self._folder
        assert folder is not None
        request = messages.GetChunks(root=self._root, first=ask.first, count=ask.count)
        answer = await self._call(ask, messages.GET, request, messages.Chunks)
        data = answer.data
        shape = folder.head.shape
        sent = -(-len(data) // CHUNK_BYTES)
        if sent > ask.count or (sent and len(data) != shape.range_bytes(ask.first, sent)):
            self._tell_wrong(ask, "length of chunk", ask.first)
            return
        written = await self._threads.run(folder.write, ask.first, data)
        if written is None:
            self._schedule.lost_page(ask)
            return
        right, new = written
        wrong = (1 << sent) - 1 & ~right
        took_bytes = shape.mask_bytes(ask.first, right)
        self._accepted[ask.holder] = self._accepted.get(ask.holder, 0) + took_bytes
        self._held_bytes += shape.mask_bytes(ask.first, new)
        for start, count in runs(wrong):
            for number in range(ask.first + start, ask.first + start + count):
                self._note_wrong(ask.holder, "chunk", number)
        self._schedule.took_chunks(ask, right, wrong, self._clock.monotonic())
        self._progress(self._held_bytes, shape.size_bytes)

    def _tell_wrong(self, ask: FetchAsk, part: str, number: int) -> None:
        self._note_wrong(ask.holder, part, number)
        self._schedule.reject(ask, f"sent a wrong {part} (number {number})")

    def _note_wrong(self, holder: str, part: str, number: int) -> None:
        logger.warning(
            "holder {} sent a wrong {} of object {} (number {}); it is asked for no more of it",
            holder, part, short(self._root), number,
        )  # fmt: skip
        self._wrong.append(WrongPart(holder, part, number))

    async def _call(
        self, ask: FetchAsk, name: str, request: Synapse, reply: type[_Answer]
    ) -> _Answer:
        return await ask_holder(
            self._holders[ask.holder], self._dendrite, self._clock, name, request, reply,
            deadline_s=self._limits.request_s,
        )  # fmt: skip
