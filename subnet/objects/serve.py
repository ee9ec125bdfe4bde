"""What a holder answers: the five methods of objects, over one store.

In come messages that the wire has checked for who sent them; out go parts of objects that match
their roots. A part that the disk no longer gives back right is not sent: the reply is shorter, and
the part counts as missing. Who may put objects here is decided by a policy that is passed in; by
default nobody may. Requests name roots and numbers, never paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from loguru import logger

from assay.clock import Clock
from assay.errors import Unavailable
from assay.objects import messages
from assay.objects.errors import ObjectMissing, StoreFull
from assay.objects.folder import ObjectFolder
from assay.objects.limits import (
    CHUNK_BYTES,
    HEAD_BYTES_MAX,
    PAGE_BYTES_MAX,
    PAGE_CHUNKS,
    RANGE_CHUNKS_MAX,
    ObjectLimits,
)
from assay.objects.store import ObjectStore
from assay.objects.threads import DiskThreads
from assay.objects.tree import Head, Root, TreeInvalid, runs
from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import Caller, Method

PutPolicy = Callable[[Caller, int], str | None]
"""Whether a caller may put an object of so many bytes: None, or a sentence that says why not."""

_ENVELOPE_BYTES = 1_024  # of MessagePack and the small fields around the large one
_ASK_BYTES_MAX = 4_096  # a request for a part: a root and two numbers
_REPLY_BYTES_MAX = RANGE_CHUNKS_MAX * CHUNK_BYTES + _ENVELOPE_BYTES
_NO_DISK = "the store's disk has trouble"
_RETRY_S = 10.0  # a full disk is not emptied in a second


def nobody_may_put(_caller: Caller, _size_bytes: int) -> str | None:
    """The default policy: a store of one's own."""
    return "nobody may put objects here"


class ObjectServer:
    """The methods of one store; attach each of ``methods()`` to an axon."""

    def __init__(
        self,
        store: ObjectStore,
        threads: DiskThreads,
        *,
        clock: Clock,
        limits: ObjectLimits,
        may_put: PutPolicy = nobody_may_put,
    ) -> None:
        self._store = store
        self._threads = threads
        self._clock = clock
        self._limits = limits
        self._may_put = may_put

    def methods(self) -> tuple[Method[Any, Any], ...]:
        """The wire methods that this server answers."""
        return (
            Method(
                messages.HAS, messages.HasObject, messages.ObjectHead, self._has,
                request_bytes_max=_ASK_BYTES_MAX,
                reply_bytes_max=HEAD_BYTES_MAX + _ENVELOPE_BYTES,
            ),
            Method(
                messages.PAGE, messages.GetPage, messages.PageHashes, self._page,
                request_bytes_max=_ASK_BYTES_MAX,
                reply_bytes_max=PAGE_BYTES_MAX + _ENVELOPE_BYTES,
            ),
            Method(
                messages.GET, messages.GetChunks, messages.Chunks, self._get,
                request_bytes_max=_ASK_BYTES_MAX,
                reply_bytes_max=_REPLY_BYTES_MAX,
                large=True,
            ),
            Method(
                messages.OFFER, messages.OfferObject, messages.ChunksWanted, self._offer,
                request_bytes_max=HEAD_BYTES_MAX + _ENVELOPE_BYTES,
            ),
            Method(
                messages.PUT, messages.PutChunks, messages.PutTaken, self._put,
                request_bytes_max=_REPLY_BYTES_MAX + PAGE_BYTES_MAX,
            ),
        )  # fmt: skip

    # -- what a holder gives

    async def _has(self, request: messages.HasObject, _: Caller) -> messages.ObjectHead:
        return messages.ObjectHead(head=await self._threads.run(self._head_of, Root(request.root)))

    def _head_of(self, root: Root) -> bytes:
        try:
            with self._store.using(root) as folder:
                return folder.head.encoded
        except ObjectMissing:
            return b""

    async def _page(self, request: messages.GetPage, _: Caller) -> messages.PageHashes:
        hashes = await self._threads.run(self._page_of, Root(request.root), request.page)
        return messages.PageHashes(hashes=memoryview(hashes))

    def _page_of(self, root: Root, page: int) -> bytes:
        with _disk_refusals(), self._using(root) as folder:
            if page >= folder.head.shape.pages:
                raise _refuse("the object has fewer pages")
            return folder.page(page) or b""

    async def _get(self, request: messages.GetChunks, _: Caller) -> messages.Chunks:
        data = await self._threads.run(
            self._chunks_of, Root(request.root), request.first, request.count
        )
        return messages.Chunks(data=data)

    def _chunks_of(self, root: Root, first: int, count: int) -> memoryview:
        with _disk_refusals(), self._using(root) as folder:
            shape = folder.head.shape
            if not shape.has_range(first, count):
                raise _refuse("the object has no such range of chunks in one page")
            data, right = folder.read(first, count)
            in_a_row = (~right & (right + 1)).bit_length() - 1
            return data[: shape.range_bytes(first, in_a_row) if in_a_row else 0]

    # -- what a receiver takes

    async def _offer(self, request: messages.OfferObject, caller: Caller) -> messages.ChunksWanted:
        try:
            head = Head.parse(Root(request.root), request.head)
        except TreeInvalid as error:
            raise _refuse(str(error)) from None
        self._check_may_put(caller, head)
        return await self._threads.run(self._wanted, head)

    def _wanted(self, head: Head) -> messages.ChunksWanted:
        until_s = self._clock.monotonic() + self._limits.offer_s
        wanted: list[tuple[int, int]] = []
        with _disk_refusals(), self._store.begin(head) as folder:
            for page in range(head.shape.pages):
                missing = folder.open_page(page)
                absent = head.shape.page_mask(page) if missing is None else missing
                wanted += [(page * PAGE_CHUNKS + first, count) for first, count in runs(absent)]
                if len(wanted) >= self._limits.runs_max or self._clock.monotonic() > until_s:
                    break
            return messages.ChunksWanted(
                whole=folder.whole, runs=tuple(wanted[: self._limits.runs_max])
            )

    async def _put(self, request: messages.PutChunks, caller: Caller) -> messages.PutTaken:
        return await self._threads.run(self._take, request, caller)

    def _take(self, request: messages.PutChunks, caller: Caller) -> messages.PutTaken:
        with _disk_refusals(), self._using(Root(request.root)) as folder:
            self._check_may_put(caller, folder.head)
            shape = folder.head.shape
            first, data = request.first, request.data
            count = -(-len(data) // CHUNK_BYTES)
            if not shape.has_range(first, count) or len(data) != shape.range_bytes(first, count):
                raise _refuse("the object has no such range of chunks in one page")
            written = folder.write(first, data)
            if written is None:
                if not folder.put_page(first // PAGE_CHUNKS, request.hashes):
                    raise _refuse(f"the hashes of page {first // PAGE_CHUNKS} are wrong")
                written = folder.write(first, data)
            if written is None:
                raise RequestRefused(Code.OVERLOADED, _NO_DISK, retry_after_s=_RETRY_S)
            wrong = ((1 << count) - 1) & ~written[0]
            if wrong:
                number = first + next(runs(wrong))[0]
                raise _refuse(f"chunk {number} does not match the root")
            return messages.PutTaken(whole=folder.whole)

    def _check_may_put(self, caller: Caller, head: Head) -> None:
        why = self._may_put(caller, head.shape.size_bytes)
        if why is not None:
            raise _refuse(why)

    @contextmanager
    def _using(self, root: Root) -> Iterator[ObjectFolder]:
        try:
            with self._store.using(root) as folder:
                yield folder
        except ObjectMissing:
            raise _refuse("the object is not held here") from None


@contextmanager
def _disk_refusals() -> Iterator[None]:
    """Our disk's trouble, for a stranger: no path and no size of ours."""
    try:
        yield
    except StoreFull as error:
        logger.warning("an offered object was refused: {}", error.cause)
        raise _refuse("the store has no room for it") from None
    except Unavailable as error:
        logger.error("the store's disk has trouble: {}", error.cause)
        raise RequestRefused(Code.OVERLOADED, _NO_DISK, retry_after_s=_RETRY_S) from None


def _refuse(why: str) -> RequestRefused:
    return RequestRefused(Code.REFUSED_BY_TASK, why)
