"""A bucket as a holder of objects: S3, what speaks like it, a folder, or memory.

An object lies in a bucket as one file under its root's hexadecimal digits::

    head | all pages | the object's bytes

The parts are those of ``tree``, so that what comes out of a bucket is checked part by part as what
comes from a neuron is: whoever may write to the bucket can withhold an object and cannot change
one. A small object takes one request. Reading and writing is obstore's work; credentials come from
the environment (``AWS_ACCESS_KEY_ID`` and the others that obstore knows), never from an address.
This module does not know what an object means, or who else holds one.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from assay import needs
from assay.errors import Unavailable, UserError
from assay.objects import messages
from assay.objects.errors import StoreDamaged, short
from assay.objects.folder import ObjectFolder
from assay.objects.limits import (
    CHUNK_BYTES,
    HASH_BYTES,
    HEAD_BYTES_MAX,
    PAGE_BYTES_MAX,
    PAGE_CHUNKS,
    RANGE_CHUNKS_MAX,
)
from assay.objects.threads import DiskThreads
from assay.objects.tree import Root, Shape, TreeInvalid, head_length, root_of
from assay.wire.errors import PeerUnreachable
from assay.wire.synapse import Synapse

if TYPE_CHECKING:
    from obstore.store import ObjectStore as AnyBucket

SCHEMES: Final = ("s3", "gs", "az", "file", "memory")
_BEGINNINGS_KEPT: Final = 64
"""Beginnings of objects that were read for their heads, 64 KiB each. An object that fits into its
beginning is not asked for again."""
_BEGINNING_BYTES: Final = HEAD_BYTES_MAX
_SIZE_BYTES: Final = 8
_CONNECT_S: Final = timedelta(seconds=5)
_REQUEST_S: Final = timedelta(seconds=30)
"""As ``ObjectLimits.request_s``: what a neuron may take for the same part."""
_RETRIES: Final = 2
"""Within one request. Whoever fetches asks again by itself, and asks other holders meanwhile."""
_PART_BYTES: Final = 8 * 2**20
"""Of one part of an upload in parts: S3 allows 10,000 parts of at least 5 MiB, so 80 GB."""
_PARTS_AT_ONCE: Final = 2
"""Each is held in memory."""


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The first bytes of an object's file, and the object's shape."""

    data: bytes
    shape: Shape


class Bucket:
    """One bucket. Give it to ``Objects.get`` among the holders, and to ``Objects.send`` as the
    receiver."""

    def __init__(self, address: str, store: AnyBucket) -> None:
        """``store`` does the work; ``address`` names the bucket to people. See ``open``."""
        self.address = address
        self._store = store
        self._beginnings: OrderedDict[bytes, _Beginning] = OrderedDict()

    @classmethod
    def open(cls, address: str) -> Bucket:
        """Return the bucket at ``address``, such as ``s3://name/prefix`` or ``file:///folder``.

        Nothing is asked of it yet. UserError for an address that is none, for one with a password
        in it, and where obstore is not installed.
        """
        parts = urlsplit(address)
        if parts.scheme not in SCHEMES or (parts.scheme == "file" and parts.netloc):
            known = ", ".join(f"{each}://" for each in SCHEMES)
            raise UserError(
                f"{_without_secret(address)!r:.100} is no address of a bucket.",
                f"Give one that begins with {known}.",
            )
        if parts.username is not None or parts.query:
            raise UserError(
                f"The address of the bucket {_without_secret(address)!r:.100} holds a credential.",
                "Put credentials into the environment, such as AWS_ACCESS_KEY_ID.",
            )
        try:
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ImportError:
            raise UserError(
                "Buckets need obstore, which is not installed.", needs.cure(("obstore",))
            ) from None
        options: dict[str, Any] = {}
        if parts.scheme == "file":
            options["mkdir"] = True
        elif parts.scheme != "memory":
            options["client_options"] = {
                "connect_timeout": _CONNECT_S,
                "timeout": _REQUEST_S,
                # Obstore reads this from the environment too, but not beside other client options.
                "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true"),
            }
            options["retry_config"] = {"max_retries": _RETRIES, "retry_timeout": _REQUEST_S}
        try:
            return cls(address, from_url(address, **options))
        except (BaseError, ValueError, OSError) as error:
            raise UserError(
                f"The bucket {address!r:.100} cannot be opened: {_said(error)}.",
                "Check the address, and the credentials in the environment.",
            ) from None

    # -- as a holder

    async def answer(self, request: Synapse) -> Synapse:
        """Answer ``request`` as a holder's axon would; PeerUnreachable where the bucket cannot.

        What it says is unchecked, as any holder's word is.
        """
        if isinstance(request, messages.HasObject):
            return await self._has(request)
        if isinstance(request, messages.GetPage):
            return await self._page(request)
        if isinstance(request, messages.GetChunks):
            return await self._chunks(request)
        raise TypeError(f"a holder is not asked for {type(request).__name__}")

    async def _has(self, request: messages.HasObject) -> messages.ObjectHead:
        beginning = await self._beginning(request.root)
        if beginning is None:
            return messages.ObjectHead(head=b"")
        return messages.ObjectHead(head=beginning.data[: _head_bytes(beginning.shape)])

    async def _page(self, request: messages.GetPage) -> messages.PageHashes:
        beginning = await self._beginning(request.root)
        if beginning is None or request.page >= beginning.shape.pages:
            return messages.PageHashes(hashes=memoryview(b""))
        start = _head_bytes(beginning.shape) + request.page * PAGE_BYTES_MAX
        size = beginning.shape.page_chunks(request.page) * HASH_BYTES
        return messages.PageHashes(hashes=await self._read(request.root, beginning, start, size))

    async def _chunks(self, request: messages.GetChunks) -> messages.Chunks:
        beginning = await self._beginning(request.root)
        if beginning is None or not beginning.shape.has_range(request.first, request.count):
            return messages.Chunks(data=memoryview(b""))
        start = beginning.shape.tree_bytes + request.first * CHUNK_BYTES
        size = beginning.shape.range_bytes(request.first, request.count)
        return messages.Chunks(data=await self._read(request.root, beginning, start, size))

    async def _beginning(self, root: bytes) -> _Beginning | None:
        """Return the beginning of the object's file, read once; None if there is no such file."""
        kept = self._beginnings.get(root)
        if kept is not None:
            self._beginnings.move_to_end(root)
            return kept
        data = await self._get_range(root, 0, _BEGINNING_BYTES)
        if data is None:
            return None
        try:
            shape = Shape(int.from_bytes(data[:_SIZE_BYTES], "little"))
        except TreeInvalid as error:
            raise self._unreachable(f"holds another thing than an object: {error}") from None
        if len(data) < _head_bytes(shape):
            raise self._unreachable("holds the beginning of an object alone")
        found = _Beginning(data, shape)
        if root_of(data[: _head_bytes(shape)]) == root:  # what is wrong may be mended meanwhile
            self._beginnings[root] = found
            while len(self._beginnings) > _BEGINNINGS_KEPT:
                self._beginnings.popitem(last=False)
        return found

    async def _read(self, root: bytes, beginning: _Beginning, start: int, size: int) -> memoryview:
        if start + size <= len(beginning.data):
            return memoryview(beginning.data)[start : start + size]
        return memoryview(await self._get_range(root, start, size) or b"")

    async def _get_range(self, root: bytes, start: int, size: int) -> bytes | None:
        """Return up to ``size`` bytes of the object's file; None if there is no such file."""
        from obstore.exceptions import BaseError

        try:
            found = await self._store.get_range_async(root.hex(), start=start, length=size)
        except FileNotFoundError:
            return None
        except (BaseError, ValueError, OSError) as error:
            raise self._unreachable(f"gave no answer: {_said(error)}") from None
        return bytes(found)

    def _unreachable(self, why: str) -> PeerUnreachable:
        return PeerUnreachable(self.address, why, "Check the bucket, and who may read it.")

    # -- as a receiver

    async def put(
        self, folder: ObjectFolder, threads: DiskThreads, progress: Callable[[int, int], None]
    ) -> None:
        """Write the object in ``folder``, which is whole, unless the bucket has it already.

        Whoever reads sees the whole object or none of it. Unavailable if the bucket does not take
        it; StoreDamaged if our own disk lost a part.
        """
        from obstore.exceptions import BaseError

        shape, name = folder.head.shape, folder.root.hex()
        progress(0, shape.size_bytes)
        try:
            if await self._size_of(name) != shape.tree_bytes + shape.size_bytes:
                await self._store.put_async(
                    name,
                    _file(folder, threads, progress),
                    chunk_size=_PART_BYTES,
                    max_concurrency=_PARTS_AT_ONCE,
                )
        except StoreDamaged:
            raise
        except (BaseError, ValueError, OSError) as error:
            raise Unavailable(
                f"The bucket {self.address} did not take object {short(folder.root)}: "
                f"{_said(error)}.",
                "Check the bucket, the credentials, and who may write to it.",
            ) from None
        progress(shape.size_bytes, shape.size_bytes)

    async def _size_of(self, name: str) -> int | None:
        try:
            return int((await self._store.head_async(name))["size"])
        except FileNotFoundError:
            return None

    async def remove(self, root: Root) -> None:
        """Remove the object from the bucket, if it is there; Unavailable if that fails."""
        from obstore.exceptions import BaseError

        self._beginnings.pop(root, None)
        try:
            await self._store.delete_async(root.hex())
        except FileNotFoundError:
            return
        except (BaseError, ValueError, OSError) as error:
            raise Unavailable(
                f"The bucket {self.address} did not remove object {short(root)}: {_said(error)}.",
                "Check the credentials, and who may write to it.",
            ) from None


async def _file(
    folder: ObjectFolder, threads: DiskThreads, progress: Callable[[int, int], None]
) -> AsyncIterator[bytes]:
    """Yield an object's file, checked as it is read."""
    shape = folder.head.shape
    yield folder.head.encoded
    for page in range(shape.pages):
        hashes = await threads.run(folder.page, page)
        if hashes is None:
            raise StoreDamaged.of(folder.root)
        yield hashes
    for first in range(0, shape.chunks, RANGE_CHUNKS_MAX):
        count = min(RANGE_CHUNKS_MAX, shape.chunks - first)  # 32 divides a page's 2,048
        data, right = await threads.run(folder.read, first, count)
        if right != (1 << count) - 1:
            raise StoreDamaged.of(folder.root)
        yield bytes(data)
        progress(first * CHUNK_BYTES + len(data), shape.size_bytes)
        await asyncio.sleep(0)


def _head_bytes(shape: Shape) -> int:
    return head_length(shape.size_bytes.to_bytes(_SIZE_BYTES, "little"))


assert PAGE_CHUNKS % RANGE_CHUNKS_MAX == 0, "a range must not cross the end of a page"


def _said(error: Exception) -> str:
    """The first line of what obstore says: the others are its own source lines."""
    return str(error).strip().partition("\n")[0].rstrip(".")[:300] or type(error).__name__


def _without_secret(address: str) -> str:
    """``address`` without what stands before an @ or behind a question mark."""
    scheme, mark, rest = address.partition("://")
    place = rest.partition("?")[0].rpartition("@")[2]
    return f"{scheme}{mark}{place}" if mark else address.partition("?")[0]
