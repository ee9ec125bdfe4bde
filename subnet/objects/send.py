"""One object's way from the store to a receiver that takes it.

In come a root that the store holds whole, a receiver, and a dendrite; the receiver says which runs
of chunks it lacks, and gets them in ranges, several at once. A transfer that was interrupted goes
on where it was, because the receiver is asked anew. Whether it takes the object is its own policy.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from assay.clock import Clock
from assay.objects import messages
from assay.objects.errors import SendRefused, StoreDamaged, short
from assay.objects.folder import ObjectFolder
from assay.objects.limits import PAGE_CHUNKS, RANGE_CHUNKS_MAX, ObjectLimits
from assay.objects.threads import DiskThreads
from assay.wire.errors import CallError, PeerBusy, PeerRefused, ReplyMalformed
from assay.wire.interface import AnyDendrite, Peer
from assay.wire.synapse import Synapse

_Answer = TypeVar("_Answer", bound=Synapse)

_BUSY_S = 1.0  # where a busy receiver does not say for how long


class ObjectSend:
    """One transfer out."""

    def __init__(
        self,
        folder: ObjectFolder,
        receiver: Peer,
        dendrite: AnyDendrite,
        threads: DiskThreads,
        *,
        clock: Clock,
        rng: random.Random,
        limits: ObjectLimits,
        progress: Callable[[int, int], None],
    ) -> None:
        """``progress`` is told how many bytes were sent, and how many the object has."""
        self._folder = folder
        self._receiver = receiver
        self._dendrite = dendrite
        self._threads = threads
        self._clock = clock
        self._rng = rng
        self._limits = limits
        self._progress = progress
        self._sent_bytes = 0

    async def run(self) -> None:
        """Send until the receiver says that it has the object on its disk; SendRefused."""
        head = self._folder.head
        offer = messages.OfferObject(root=head.root, head=head.encoded)
        self._progress(0, head.shape.size_bytes)
        for _ in range(self._limits.offers_max):
            wanted = await self._call(messages.OFFER, offer, messages.ChunksWanted)
            if wanted.whole:
                self._progress(head.shape.size_bytes, head.shape.size_bytes)
                return
            await self._send(deque(self._checked(wanted.runs)))
        raise self._refused(f"still lacks parts after {self._limits.offers_max} offers")

    def _checked(self, wanted: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        chunks = self._folder.head.shape.chunks
        for first, count in wanted:
            if first + count > chunks:
                raise self._refused("asks for chunks that the object does not have")
            yield first, count

    async def _send(self, todo: deque[tuple[int, int]]) -> None:
        """Send all runs of chunks in ``todo``, several ranges at once."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._limits.per_holder_max):
                group.create_task(self._work(todo))

    async def _work(self, todo: deque[tuple[int, int]]) -> None:
        shape = self._folder.head.shape
        while todo:
            first, count = todo.popleft()
            many = min(count, RANGE_CHUNKS_MAX, PAGE_CHUNKS - first % PAGE_CHUNKS)
            if count > many:
                todo.appendleft((first + many, count - many))
            await self._put(first, many)
            self._sent_bytes += shape.range_bytes(first, many)
            self._progress(min(self._sent_bytes, shape.size_bytes), shape.size_bytes)

    async def _put(self, first: int, count: int) -> None:
        hashes, data = await self._threads.run(self._read, first, count)
        request = messages.PutChunks(
            root=self._folder.root, hashes=memoryview(hashes), first=first, data=data
        )
        await self._call(messages.PUT, request, messages.PutTaken)

    def _read(self, first: int, count: int) -> tuple[bytes, memoryview]:
        hashes = self._folder.page(first // PAGE_CHUNKS)
        data, right = self._folder.read(first, count)
        if hashes is None or right != (1 << count) - 1:
            raise StoreDamaged.of(self._folder.root)
        return hashes, data

    async def _call(self, name: str, request: Synapse, reply: type[_Answer]) -> _Answer:
        """The receiver's answer; tries again when the receiver is busy or away, within bounds."""
        limits = self._limits
        quiet_after_s = self._clock.monotonic() + limits.quiet_s_max
        failures = 0
        while True:
            try:
                answer = await self._dendrite.call(
                    self._receiver, name, request, reply, deadline_s=limits.request_s
                )
                return answer.message
            except PeerBusy as error:
                why = error.what
                said_s = _BUSY_S if error.retry_after_s is None else error.retry_after_s
                pause_s = min(said_s, limits.busy_s_max)
            except (PeerRefused, ReplyMalformed) as error:
                raise self._refused(error.what) from None
            except CallError as error:
                why = error.what
                failures += 1
                if failures >= limits.failures_max:
                    raise self._refused(why) from None
                pause_s = limits.retry_s * 2.0 ** (failures - 1)
            if self._clock.monotonic() + pause_s > quiet_after_s:
                raise self._refused(why)
            await self._clock.sleep(pause_s * (1.0 + self._rng.random() / 2.0))

    def _refused(self, why: str) -> SendRefused:
        return SendRefused(
            f"Object {short(self._folder.root)} was not taken: {self._receiver.address} "
            f"{why.rstrip('.')}.",
            "Send it again, or to another receiver; what was taken is not sent twice.",
        )
