"""The messages of objects on the wire, and the names they are sent under.

Five unary methods. ``has``, ``page`` and ``get`` are asked of a holder; ``offer`` and ``put`` are
said to a receiver. A head, a page and chunks are checked against the root by whoever gets them
(``tree``), so that a reply that does not match is a wrong one, and its signature names its sender.
Bytes are decoded in place, without a copy: the message then keeps the whole body alive.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from assay.objects.limits import (
    CHUNK_BYTES,
    HASH_BYTES,
    HEAD_BYTES_MAX,
    PAGE_BYTES_MAX,
    PAGE_CHUNKS,
    PAGES_MAX,
    RANGE_CHUNKS_MAX,
)
from assay.wire.synapse import Synapse

HAS: Final = "objects.has"
PAGE: Final = "objects.page"
GET: Final = "objects.get"
OFFER: Final = "objects.offer"
PUT: Final = "objects.put"

_Root = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
_Chunk = Annotated[int, Meta(ge=0, lt=PAGES_MAX * PAGE_CHUNKS)]
_Head = Annotated[bytes, Meta(max_length=HEAD_BYTES_MAX)]
_Hashes = Annotated[memoryview, Meta(max_length=PAGE_BYTES_MAX)]
_Data = Annotated[memoryview, Meta(max_length=RANGE_CHUNKS_MAX * CHUNK_BYTES)]


class HasObject(Synapse, frozen=True):
    """Does the holder have any of this object?"""

    root: _Root


class ObjectHead(Synapse, frozen=True):
    """The head of the object; empty if the holder has nothing of the object."""

    head: _Head


class GetPage(Synapse, frozen=True):
    """Which hashes are in this page?"""

    root: _Root
    page: Annotated[int, Meta(ge=0, lt=PAGES_MAX)]


class PageHashes(Synapse, frozen=True):
    """The hashes of one page; empty if the holder does not have the page."""

    hashes: _Hashes


class GetChunks(Synapse, frozen=True):
    """Send ``count`` chunks from chunk number ``first``, all of one page."""

    root: _Root
    first: _Chunk
    count: Annotated[int, Meta(ge=1, le=RANGE_CHUNKS_MAX)]


class Chunks(Synapse, frozen=True):
    """The chunks asked for, one after another: the first of them that the holder has in a row.

    Fewer than asked for where the holder lacks one; none where it lacks the first.
    """

    data: _Data


class OfferObject(Synapse, frozen=True):
    """Will the receiver take this object? What does it lack?"""

    root: _Root
    head: _Head


class ChunksWanted(Synapse, frozen=True):
    """Some of the runs of chunks that the receiver lacks, as (first, count).

    ``whole``: the receiver has the object. Otherwise the sender sends these and offers again.
    """

    whole: bool
    runs: Annotated[tuple[tuple[_Chunk, Annotated[int, Meta(ge=1)]], ...], Meta(max_length=4_096)]


class PutChunks(Synapse, frozen=True):
    """Chunks of an offered object, from ``first`` on, all of one page, with that page's hashes."""

    root: _Root
    hashes: _Hashes
    first: _Chunk
    data: _Data


class PutTaken(Synapse, frozen=True):
    """Every chunk matched and is kept. ``whole``: the receiver now has the object, on its disk."""

    whole: bool
