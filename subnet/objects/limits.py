"""Every number of the object store and its transfers, with its reason.

Adds nothing but bounds. ``CHUNK_BYTES``, ``PAGE_CHUNKS`` and ``PAGES_MAX`` are part of what a root
means: other values give the same file another root. All other numbers are fields of
``ObjectLimits``; tests lower them one at a time and operators may raise them. Times are in seconds,
sizes in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CHUNK_BYTES: Final = 2**16
"""What is checked alone, and so the most that one wrong chunk costs. Part of a root's definition.
Smaller chunks need more hashes: at 64 KiB the hashes are 0.05 % of the file."""
HASH_BYTES: Final = 32
"""A BLAKE3 digest. Part of a root's definition."""
PAGE_CHUNKS: Final = 2_048
"""Chunk hashes in one page: a full page has 64 KiB, the size of a chunk, so that nothing larger
than a chunk is held before a hash can be checked against it. Part of a root's definition."""
PAGES_MAX: Final = 2_048
"""Page hashes in a head: a full head has 64 KiB and 8 bytes. Part of a root's definition."""
PAGE_BYTES_MAX: Final = PAGE_CHUNKS * HASH_BYTES
HEAD_BYTES_MAX: Final = 8 + PAGES_MAX * HASH_BYTES
OBJECT_BYTES_MAX: Final = CHUNK_BYTES * PAGE_CHUNKS * PAGES_MAX
"""The largest object, 256 GiB: what the pages of one head can describe."""
RANGE_CHUNKS_MAX: Final = 32
"""Chunks in one call, 2 MiB. A call costs two signatures and two SHA-256 of its bytes, whatever its
size: at 256 KiB a call transfers run at half the speed. Requests may have 4 MiB on the wire
(``assay.wire.limits``), and every range in flight is held in memory at both ends."""
GET_BYTES_MAX: Final = 4 * 2**30
"""The largest object that ``Objects.get`` takes unless its caller says otherwise: the weights of a
model with two thousand million parameters in 16 bits. The size is known before any byte has come,
from the head; a root that a stranger names may stand for 256 GiB."""
GET_DEADLINE_S: Final = 3600.0
"""How long ``Objects.get`` takes unless its caller says otherwise: GET_BYTES_MAX at 10 Mb/s. What
came is kept, so that another call goes on from there."""
SYNC_BYTES: Final = 256 * 2**20
"""Written bytes after which a file is brought to the disk, so that the last write, after which an
object is whole and must be on the disk, never waits for gigabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLimits:
    """Bounds of one store and of its transfers. The defaults suit a neuron on a small machine."""

    # -- the store
    overhead_bytes: int = 16 * 2**10
    """Charged to each object beside its bytes and hashes: its folder and three files in blocks of
    4 KiB. Without, objects of one byte would fill the disk long before the store."""
    free_bytes_min: int = 64 * 2**20
    """What a store leaves free on its disk when it makes room: logs, checkpoints and the chain's
    memory share that disk, and a full disk stops them all."""
    idle_heads_max: int = 64
    """Objects of which only the head is here and on which nobody is at work. They are charged
    nothing, so that a head evicts nothing, and take 16 KiB of disk and at most 0.5 MiB of memory
    each; beyond this number the oldest are removed. With fewer, senders that offer at the same time
    remove each other's offers before the first chunk."""
    runs_max: int = 256
    """Missing runs of chunks named in one reply to an offer: 5 KB. The sender asks again when the
    named runs are sent."""
    offer_s: float = 5.0
    """How long one offer may look at what an earlier process has written: well below a caller's
    deadline. The sender offers again and the next offer goes on where this one stopped."""
    offers_max: int = 256
    """Offers of one transfer before a sender gives up on a receiver that always lacks something.
    With ``runs_max`` runs each they name every chunk of 4 GB that arrived full of holes."""

    # -- one transfer
    in_flight_bytes_max: int = 6 * 2**20
    """Bytes asked for and not yet written, over all holders. Three ranges keep one connection busy;
    a range stands in memory about twice while its reply is taken apart. With 8 MiB a holder that
    serves one transfer takes more than 64 MiB of memory, the interpreter's 43 MiB among them."""
    per_holder_max: int = 3
    """Calls at once to one holder. The wire allows 32 of a caller; three hide the round trip."""
    request_s: float = 30.0
    """One call's deadline: 2 MiB at 0.6 Mb/s. A holder that is slower is asked for fewer chunks."""
    quick_s: float = 1.0
    """A call answered within this time doubles the chunks of the holder's next one."""
    slow_s: float = 4.0
    """A call that took longer halves the chunks of the holder's next one."""
    late_s: float = 2.0
    """When nothing else is left to ask for, a call this old is sent to an idle holder as well. One
    stalled holder then delays an object's end by this time and not by ``request_s``."""
    failures_max: int = 3
    """Calls in a row that a holder may fail (unreachable, out of time, broken) before it is
    dropped. A holder that restarts is away for seconds: see ``retry_s``."""
    retry_s: float = 1.0
    """The pause after a holder's first failure; doubled for the next, with jitter of a half."""
    busy_s_max: float = 30.0
    """The longest that a holder's own "try again later" is heeded."""
    quiet_s_max: float = 60.0
    """A transfer ends when no byte of it was accepted for this long: twice a call's deadline."""
    pace_s: float = 120.0
    """Between two looks at a transfer's pace. Shorter, and a holder that restarts, or is busy for
    ``busy_s_max``, would end a transfer."""
    pace_bytes_min: int = 2 * 2**20
    """What must come within ``pace_s``, or the transfer ends: 0.14 Mb/s from all holders together,
    a quarter of what ``request_s`` expects of one. Without, a few holders that send a chunk now and
    then keep all ``transfers_max`` places for ever."""
    holders_max: int = 64
    """Holders of one transfer. More would only be asked for one chunk each."""
    transfers_max: int = 8
    """Transfers in at once, of different objects; each holds up to ``in_flight_bytes_max``. More
    wait for their turn."""

    # -- threads
    threads: int = 2
    """Worker threads for disk and hashing: one reads or writes while the other hashes. Each costs
    one range of memory."""


DEFAULT = ObjectLimits()
