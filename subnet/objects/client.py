"""``Objects``: what a task does with large files that are named by their roots.

In come paths, bytes, roots and peers; out come roots and paths. A task puts a file and sends the
root in a message; whoever has the root gets the file from any holders, checked against the root
part by part. A holder is a neuron, or a bucket. The transport to neurons is the wire's dendrite, or
its twin in memory; disk and hashing run in worker threads. It knows nothing of tasks or chains: who
holds what is the caller's to say.
"""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loguru import logger

from assay.aio import bounded
from assay.clock import Clock, SystemClock
from assay.objects import messages
from assay.objects.bucket import Bucket
from assay.objects.copying import export, ingest, read_checked
from assay.objects.errors import NoHolder, ObjectMissing, StoreDamaged, short
from assay.objects.fetch import FetchReport, Holder, ObjectFetch, ask_holder
from assay.objects.folder import DATA
from assay.objects.limits import (
    CHUNK_BYTES,
    DEFAULT,
    GET_BYTES_MAX,
    GET_DEADLINE_S,
    RANGE_CHUNKS_MAX,
    ObjectLimits,
)
from assay.objects.send import ObjectSend
from assay.objects.serve import ObjectServer, PutPolicy, nobody_may_put
from assay.objects.store import ObjectStore, StoredObject
from assay.objects.threads import DiskThreads
from assay.objects.tree import Head, Root, TreeInvalid
from assay.wire.errors import CallError
from assay.wire.interface import AnyDendrite, Method, Peer

_MENDS_MAX: Final = 2  # a disk that damages the same object three times in a row is broken

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and of how many. Called in the event loop; it must be quick."""


class Objects:
    """One neuron's objects: its store, and the transfers in and out."""

    def __init__(
        self,
        store: ObjectStore,
        dendrite: AnyDendrite,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        limits: ObjectLimits = DEFAULT,
        may_put: PutPolicy = nobody_may_put,
    ) -> None:
        """``may_put`` says which callers may put objects here; ``rng`` draws the jitter of pauses.

        ``close`` closes the store too, and leaves the dendrite open.
        """
        self._store = store
        self._dendrite = dendrite
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()
        self._limits = limits
        self._threads = DiskThreads(limits.threads)
        self._places = asyncio.Semaphore(limits.transfers_max)
        self._running: dict[Root, _Shared] = {}
        self._server = ObjectServer(
            store, self._threads, clock=self._clock, limits=limits, may_put=may_put
        )

    def methods(self) -> tuple[Method[Any, Any], ...]:
        """The methods to attach to an axon, so that others can get objects from this store."""
        return self._server.methods()

    # -- this store

    async def put(
        self, source: Path | bytes, *, pin: bool = False, progress: Progress | None = None
    ) -> Root:
        """Take a file, or bytes, into the store and return its root; ``pin`` spares the object.

        ``progress`` counts every byte twice: when it is hashed, and when it is copied.
        """
        told = _told(progress)
        steps = self._threads.steps(ingest(self._store, source, pin=pin))
        async with aclosing(steps):
            async for step in steps:
                told(step.done_bytes, step.total_bytes)
        assert step.root is not None, "the last step has the root"
        return step.root

    async def has(self, root: Root) -> bool:
        """Whether the store holds all of the object."""
        found = await self._threads.run(self._store.find, root)
        return found is not None and found.whole

    async def stored(self) -> list[StoredObject]:
        """All objects in the store, the one used longest ago first."""
        return await self._threads.run(self._store.all)

    async def pin(self, root: Root) -> None:
        """Spare the object from eviction until ``unpin``, also after a restart."""
        await self._threads.run(self._store.pin, root)

    async def unpin(self, root: Root) -> None:
        """Let the object be evicted again."""
        await self._threads.run(self._store.unpin, root)

    async def remove(self, root: Root) -> None:
        """Remove the object from the store; ObjectInUse if it is pinned or in use."""
        await self._threads.run(self._store.remove, root)

    @asynccontextmanager
    async def hold(self, root: Root) -> AsyncIterator[Path]:
        """The path of the object's bytes, to be read and never written; spared from eviction.

        ObjectMissing unless the store holds all of the object. What is read from the path is not
        checked: ``read`` checks, and so does ``get`` with ``into``.
        """
        async with self._threads.holding(self._store.using(root)) as folder:
            if not folder.whole:
                raise ObjectMissing(f"Object {short(root)} is not whole.")
            yield folder.path / DATA

    async def read(self, root: Root, offset: int, size: int) -> bytes:
        """``size`` bytes of the object from ``offset``, checked; fewer at its end.

        ``size`` is at most RANGE_CHUNKS_MAX chunks less one. StoreDamaged if a chunk does not match
        any more: get the object again, which mends it.
        """
        if offset < 0 or not 0 <= size <= (RANGE_CHUNKS_MAX - 1) * CHUNK_BYTES:
            raise ValueError("an offset is not negative, and a read is shorter than a range")
        async with self._threads.holding(self._store.using(root)) as folder:
            return await self._threads.run(read_checked, folder, offset, size)

    # -- others' stores

    async def get(
        self,
        root: Root,
        holders: Sequence[Holder],
        *,
        into: Path | None = None,
        pin: bool = False,
        progress: Progress | None = None,
        size_bytes_max: int = GET_BYTES_MAX,
        deadline_s: float = GET_DEADLINE_S,
    ) -> FetchReport:
        """Bring the object into the store from ``holders``, and write it to ``into`` if given.

        What the store has already is not fetched, and several calls for one object share one
        transfer. NoHolder names every holder and why it was given up; NoHolder too if the object
        has more than ``size_bytes_max`` bytes, which is known before any of them came, if it comes
        too slowly (``ObjectLimits.pace_bytes_min``), and after ``deadline_s`` from now, of which
        the wait for other transfers is a part. A file at ``into`` is replaced once the new one is
        whole; a chunk of the store that turns out to be damaged on the way is fetched again.
        """
        getting = self._get(
            root, holders, into=into, pin=pin, progress=progress, size_bytes_max=size_bytes_max
        )
        try:
            return await bounded(self._clock, deadline_s, getting)
        except TimeoutError:
            raise NoHolder(
                f"Object {short(root)} did not come within {deadline_s:g} s.",
                "Get it again, which goes on from what came, or allow more time with deadline_s.",
            ) from None

    async def _get(
        self,
        root: Root,
        holders: Sequence[Holder],
        *,
        into: Path | None,
        pin: bool,
        progress: Progress | None,
        size_bytes_max: int,
    ) -> FetchReport:
        for attempt in range(_MENDS_MAX + 1):
            found = await self._threads.run(self._store.find, root)
            if found is not None and found.size_bytes > size_bytes_max:
                raise NoHolder.too_large(root, found.size_bytes, size_bytes_max)
            if found is None or not found.whole:
                report = await self._shared_fetch(
                    root, holders, pin=pin, progress=progress, size_bytes_max=size_bytes_max
                )
            else:
                report = FetchReport(root, found.size_bytes, {}, (), {})
                if pin:
                    await self.pin(root)
            if into is None:
                break
            try:
                await self._export(root, into)
                break
            except StoreDamaged:
                if attempt == _MENDS_MAX:
                    raise
        return report

    async def holders_of(self, root: Root, holders: Sequence[Holder]) -> tuple[Holder, ...]:
        """Those of ``holders`` that have the object, or a part of it, and can prove its size.

        A holder that refuses, fails, or answers what does not match the root is left out.
        """
        places = asyncio.Semaphore(self._limits.holders_max)

        async def ask(holder: Holder) -> bool:
            request = messages.HasObject(root=root)
            async with places:
                try:
                    reply = await ask_holder(
                        holder, self._dendrite, self._clock,
                        messages.HAS, request, messages.ObjectHead,
                        deadline_s=self._limits.request_s,
                    )  # fmt: skip
                    Head.parse(root, reply.head)
                except (CallError, TreeInvalid):
                    return False
            return True

        found = await asyncio.gather(*(ask(holder) for holder in holders))
        return tuple(holder for holder, has in zip(holders, found, strict=True) if has)

    async def send(
        self, root: Root, receiver: Peer | Bucket, *, progress: Progress | None = None
    ) -> None:
        """Put the object into the store of ``receiver``; SendRefused says why a neuron did not take
        it, Unavailable why a bucket did not."""
        async with self._threads.holding(self._store.using(root)) as folder:
            if not folder.whole:
                raise ObjectMissing(f"Object {short(root)} is not whole.")
            if isinstance(receiver, Bucket):
                await receiver.put(folder, self._threads, _told(progress))
                return
            await ObjectSend(
                folder, receiver, self._dendrite, self._threads,
                clock=self._clock, rng=self._rng, limits=self._limits, progress=_told(progress),
            ).run()  # fmt: skip

    async def close(self) -> None:
        """End all transfers, keep what they have brought, and close the store."""
        for shared in list(self._running.values()):
            await _end(shared.task)
        await asyncio.to_thread(self._threads.close)
        self._store.close()

    # -- inside

    async def _export(self, root: Root, into: Path) -> None:
        async with self._threads.holding(self._store.using(root)) as folder:
            steps = self._threads.steps(export(folder, into))
            async with aclosing(steps):
                async for _ in steps:
                    pass

    async def _shared_fetch(
        self,
        root: Root,
        holders: Sequence[Holder],
        *,
        pin: bool,
        progress: Progress | None,
        size_bytes_max: int,
    ) -> FetchReport:
        """Wait for the object's one transfer, which ends when nobody waits for it any more."""
        shared = self._running.get(root)
        if shared is None:
            shared = self._running[root] = self._start(root)
        shared.fetch.join(holders, pin=pin, size_bytes_max=size_bytes_max)
        told = _told(progress)
        shared.watchers.append(told)
        size = shared.fetch.size_bytes
        try:
            await asyncio.wait((shared.task, size), return_when=asyncio.FIRST_COMPLETED)
            if size.done() and size.result() > size_bytes_max:  # others may take more
                raise NoHolder.too_large(root, size.result(), size_bytes_max)
            return await asyncio.shield(shared.task)
        finally:
            shared.watchers.remove(told)
            if not shared.watchers and not shared.task.done():
                self._forget(root, shared)
                await _end(shared.task)

    def _start(self, root: Root) -> _Shared:
        watchers: list[Progress] = []

        def tell(done_bytes: int, total_bytes: int) -> None:
            for watcher in watchers:
                watcher(done_bytes, total_bytes)

        fetch = ObjectFetch(
            root, self._store, self._dendrite, self._threads,
            clock=self._clock, rng=self._rng, limits=self._limits, progress=tell,
        )  # fmt: skip

        async def run() -> FetchReport:
            async with self._places:
                return await fetch.run()

        shared = _Shared(fetch, asyncio.ensure_future(run()), watchers)
        shared.task.add_done_callback(lambda _: self._forget(root, shared))
        return shared

    def _forget(self, root: Root, shared: _Shared) -> None:
        if self._running.get(root) is shared:
            del self._running[root]


@dataclass(eq=False, slots=True)
class _Shared:
    """One transfer and who waits for it."""

    fetch: ObjectFetch
    task: asyncio.Future[FetchReport]
    watchers: list[Progress]


async def _end(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # whoever waited was told; nobody waits any more


def _told(progress: Progress | None) -> Progress:
    """``progress`` guarded: what it raises is logged, once, and a transfer goes on."""
    silent = progress is None

    def tell(done_bytes: int, total_bytes: int) -> None:
        nonlocal silent
        if silent or progress is None:
            return
        try:
            progress(done_bytes, total_bytes)
        except Exception as error:
            silent = True
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.error(
                "the progress of a transfer is told no more: {} at {}:{}",
                type(error).__name__, place.filename, place.lineno,
            )  # fmt: skip

    return tell
