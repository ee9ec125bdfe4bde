"""The bounds of an axon and of a dendrite: sizes, times, rates and counts, each with its reason.

A ``Limits`` goes into every axon and dendrite; nothing comes out but numbers. The text under each
field says what the field bounds, why the number is what it is, and what a larger or a smaller
number would break. Tests lower one number at a time; operators may raise them. Time is in seconds,
size in bytes, rates in requests a second. This module knows no socket, message or peer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from assay.types import HANDLER_S_MAX

SIGNED_HEADERS_BYTES_MAX: Final = 4 * 2**10
"""The signed headers of a reply, names and values together. Evidence of the reply holds these
headers, and a validator keeps evidence of every reply. Our own replies have 200 bytes; a larger
bound lets each miner fill a validator's disk that much faster. Part of the protocol, so no operator
changes it: evidence that one side accepts must be accepted by everybody."""
SIGNED_HEADERS_MAX: Final = 64
"""The same in headers: as many as ``Limits.headers_max`` lets through by default. An operator may
raise that number, and evidence must stay readable for everybody all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one axon or one dendrite. The defaults suit a miner on a public address."""

    # -- size
    request_bytes_max: int = 4 * 2**20
    """The largest body of a request. A prompt of 128,000 tokens takes 0.5 MB as text; larger things
    are sent as objects. A larger limit lets each caller hold more of the axon's memory."""
    reply_bytes_max: int = 16 * 2**20
    """The largest body of a reply: answers with logits or proofs have some megabytes. A dendrite
    stops reading at this size, so one call costs a validator at most this much memory, whatever the
    miner sends."""
    replies_bytes_max: int = 256 * 2**20
    """The bodies of all replies that a dendrite reads at the same time. When they are larger, a
    reply may still have ``replies_bytes_max / pool_max`` bytes (0.8 MiB). Without this bound a
    subnet of 256 hostile miners could make a validator hold 4 GiB."""
    overhead_bytes_max: int = 32 * 2**10
    """What a dendrite reads in one call beside the body: heads, and the heads of chunks. Our own
    replies need 600 bytes, a proxy adds some thousand. A peer that sends empty replies up to this
    bound costs its caller 10 ms and 4 MiB."""
    bodies_bytes_max: int = 256 * 2**20
    """The bodies of all requests that an axon holds at the same time: what a small machine can
    spare. When they are larger, a body may still have ``bodies_bytes_max / connections_max`` bytes
    (256 KiB, a long prompt)."""
    head_bytes_max: int = 8190
    """The longest request line, and the longest header. Ours have 600 bytes together; the number is
    aiohttp's default."""
    headers_max: int = 64
    """The most headers of a request or reply. Our requests have ten; a proxy adds a few."""

    # -- time
    max_age_s: float = 10.0
    """How old a request may be when its head arrives: the window that ``btauth/1`` defines. With a
    longer one the axon must remember more nonces; with a shorter one it refuses callers whose clock
    is slightly wrong."""
    skew_s: float = 2.0
    """How far in the future a request's nonce may lie: the number that ``btauth/1`` defines. No
    caller can raise the ceiling of nonces by more than this."""
    handler_s_max: float = HANDLER_S_MAX
    """The longest budget that a caller may ask for: longer than a validator waits in any round."""
    head_s_max: float = 10.0
    """How long a head may take to arrive, from its first byte or from the connection's start. An
    honest head fits into one packet."""
    body_s_max: float = 30.0
    """How long a body may take to arrive after its head: 4 MiB at 1.1 Mb/s."""
    reply_s_max: float = 60.0
    """How long a reply may wait to be read, until its last byte is in the kernel: 16 MiB at
    2.2 Mb/s. Without this bound a caller that does not read holds the reply in the axon's memory
    for as long as it likes."""
    idle_s_max: float = 75.0
    """How long an axon keeps an idle connection. It must be longer than ``reuse_s_max``: otherwise
    a dendrite may send a call on a connection that the axon is closing."""
    reuse_s_max: float = 45.0
    """How long a dendrite keeps an idle connection for its next call."""
    connect_s_max: float = 5.0
    """How long connecting may take: two lost packets (1 s + 2 s) and a round trip across the
    world."""
    drain_s_max: float = 10.0
    """How long running requests may go on after ``stop``. Supervisors kill a process after 15 to
    30 s."""

    # -- streams
    frame_bytes_max: int = 2**17
    """The largest message of a stream: a chunk of a file (64 KiB) with its proof. Each side keeps a
    few messages, so with larger ones a stream would take more than 1 MiB of memory."""
    frames_max: int = 2**20
    """The most messages of a stream: 64 GiB in chunks of 64 KiB. It bounds what one request can
    cost."""
    stream_s_max: float = 3_600.0
    """The longest budget of a stream: 10 GB at 23 Mb/s. A stream holds one of ``running_max``
    places for as long as it lasts, so streams may hold half of them (``concurrency``)."""
    stream_idle_s_max: float = 60.0
    """How long a stream's handler may take for its next message; then the axon ends the stream. A
    handler that hangs is found that way. Proxies cut silent connections not much later."""

    # -- connections
    connections_max: int = 1024
    """The most connections of an axon: the usual limit of file descriptors. An axon takes fewer
    where its process may open fewer. A quarter of them is kept for addresses from which a good
    signature came."""
    connections_per_source_max: int = 128
    """The most connections from one address. One validator needs about five, a gateway some
    hundred. A few addresses cannot hold all places."""
    connections_per_stranger_max: int = 32
    """How many connections an address without a recent good signature may keep while all places are
    taken; each further one then costs the address its oldest. The first calls of a dendrite to one
    peer need this many (``pool_per_peer_max``)."""
    pool_max: int = 320
    """The most calls that a dendrite has open at the same time: one for each uid of a full subnet,
    and a quarter more, so that a peer that never answers keeps nobody else from being asked."""
    pool_per_peer_max: int = 32
    """The most calls that a dendrite has open to one peer. Further calls wait within their
    deadlines."""

    # -- work
    running_max: int = 64
    """How many handlers run at the same time. The bound is for memory: a handler that computes
    should queue its own work."""
    waiting_max: int = 256
    """How many requests wait for a handler. With a longer queue most would run out of time in
    it."""
    per_caller_max: int = 32
    """How many requests of one hotkey run and wait: half of ``running_max``, so that no hotkey can
    take all places. Two can take three quarters; the last is for hotkeys that run few
    (``concurrency``)."""
    per_other_max: int = 8
    """How many requests of a hotkey without a permit run and wait, where the axon knows of permits.
    All hotkeys without a permit share half of the places, so four of them can fill that half, and
    validators are served all the same."""
    wait_s_max: float = 10.0
    """How long a request waits for a handler. After that the caller does better to ask another
    miner."""

    # -- rates, before cryptography (one signature check takes 36 µs)
    source_rate: float = 2_000.0
    """Requests a second of one source: an IPv4 address, or an IPv6 /64, which is what one customer
    gets."""
    source_burst: float = 4_000.0
    """Requests of one source at once: two seconds' worth, because the queries of an epoch leave
    together."""
    strangers_rate: float = 5_000.0
    """Requests a second of all sources without a recent good signature together. 5,000 checks of
    36 µs take less than a fifth of a core."""
    strangers_burst: float = 5_000.0
    """Requests of those sources at once."""
    proven_rate: float = 20_000.0
    """Requests a second of all sources with a recent good signature together: 72 % of a core in
    signature checks. Their bucket is separate, so that a flood from new addresses leaves room for
    known ones."""
    proven_burst: float = 20_000.0
    """Requests of those sources at once."""
    proven_s: float = 120.0
    """How long a good signature counts for its source: longer than an epoch of a local chain."""
    sources_max: int = 65_536
    """How many sources an axon remembers, in about 20 MB. It forgets the source that was seen
    longest ago."""

    # -- rates, after cryptography
    caller_rate: float = 500.0
    """Requests a second of one hotkey: two hundred times what a validator's round sends."""
    caller_burst: float = 1_000.0
    """Requests of one hotkey at once."""
    callers_max: int = 16_384
    """How many hotkeys an axon remembers: every uid of 64 full subnets."""

    # -- refusals
    refusals_rate: float = 2_000.0
    """Signed refusals a second, of 20 µs each: 4 % of a core. When they are used up, the axon
    closes connections without a word, so that a flood of requests buys no signatures."""
    refusals_burst: float = 2_000.0
    """Signed refusals at once."""

    # -- replay
    nonces_max: int = 262_144
    """How many nonces an axon remembers, in about 40 MB: 6,000 requests a second for the age that a
    nonce may have and the time that a body may take. Beyond this number the axon forgets the oldest
    second and refuses everything up to its end: slow bodies first, and above 22,000 requests a
    second late requests too."""
    reserve_s: float = 1.0
    """How far the ceiling on disk lies above the newest nonce. Each rise of the ceiling costs one
    fsync. After a crash callers are refused for at most this long and ``skew_s`` more."""


DEFAULT = Limits()
