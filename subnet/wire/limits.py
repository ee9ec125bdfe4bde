"""Every number of the wire, with its reason.

Adds nothing but bounds: sizes, times, rates and counts. Each field says why it has its value and
what a larger or smaller one would break. Tests lower them one at a time; operators may raise them.
Time is in seconds, size in bytes, rates in requests a second.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one axon or dendrite. The defaults suit a miner on a public address."""

    # -- size
    request_bytes_max: int = 4 * 2**20
    """A prompt of 128k tokens as text takes 0.5 MB; larger things travel by reference."""
    reply_bytes_max: int = 16 * 2**20
    """Answers carry logits or proofs and may be larger. The dendrite stops reading beyond it, so a
    hostile miner costs a validator at most this much memory a call."""
    replies_bytes_max: int = 256 * 2**20
    """Replies that a dendrite reads at once. Beyond it a reply may still take its share, this over
    ``pool_max``: 1 MiB. Without, a subnet full of hostile miners costs a validator 4 GiB."""
    overhead_bytes_max: int = 32 * 2**10
    """What a dendrite takes beside one reply's body: heads of ours take 600 bytes, a proxy's some
    thousand. Empty replies that fill it cost a caller 10 ms and 4 MiB."""
    bodies_bytes_max: int = 256 * 2**20
    """Bodies an axon holds at once, over all connections: what a small machine can spare. Beyond it
    a body may still take its share, this over ``connections_max``: 256 KiB, a long prompt."""
    head_bytes_max: int = 8190
    """Request line and each header. Ours take 600 bytes; this is aiohttp's own default."""
    headers_max: int = 64
    """Ours are ten, a proxy adds a few."""

    # -- time
    max_age_s: float = 10.0
    """How old a request may be when its head comes: btauth/1's own window. Wider keeps more nonces,
    narrower refuses callers whose clocks are a little off."""
    skew_s: float = 2.0
    """How far in the future: btauth/1's own. It is also the most a caller can raise the ceiling."""
    handler_s_max: float = 120.0
    """The longest budget a caller may ask for. Above any answer a round waits for."""
    head_s_max: float = 10.0
    """From a head's first byte, or from connecting, to its last. It fits one packet; only an
    attacker dribbles, or connects and is silent."""
    body_s_max: float = 30.0
    """From a body's head to its last byte: 4 MiB at 1.1 Mb/s."""
    reply_s_max: float = 60.0
    """From a reply's first byte to when the last has left for the kernel: 16 MiB at 2.2 Mb/s. A
    caller that does not read would else hold it in memory for as long as it likes."""
    idle_s_max: float = 75.0
    """How long an axon keeps an idle connection. Must exceed the dendrite's, else a call may meet
    a connection that is just being closed."""
    reuse_s_max: float = 45.0
    """How long a dendrite keeps an idle connection."""
    connect_s_max: float = 5.0
    """Two lost SYNs (1 s + 2 s) and a round trip across the world."""
    drain_s_max: float = 10.0
    """What running requests get to finish in after ``stop``. Supervisors kill after 15 to 30 s."""

    # -- streams
    frame_bytes_max: int = 2**17
    """One message of a stream: a chunk of a file (64 KiB) with its proof. Both sides keep a few of
    them, so larger ones would take a stream beyond 1 MiB."""
    frames_max: int = 2**20
    """Messages in a stream: 64 GiB in chunks of 64 KiB. It bounds what one request can cost."""
    stream_s_max: float = 3_600.0
    """The longest budget of a stream. A file of 10 GB at 23 Mb/s; it holds its place meanwhile."""
    stream_idle_s_max: float = 60.0
    """How long a stream's handler may yield nothing: a handler that hangs is told from a slow one.
    Below the time that gateways and proxies keep a silent connection."""

    # -- connections
    connections_max: int = 1024
    """The common limit of descriptors; the axon takes fewer where the process may have fewer, and
    closes the newest beyond. The last quarter is for sources that have shown a good signature."""
    connections_per_source_max: int = 128
    """One validator behind an address needs a handful, a gateway some hundred. A fraction of all,
    so that a few addresses cannot hold them all."""
    connections_per_stranger_max: int = 32
    """How many an address from which no good signature came lately may keep in a crowd, before each
    new one costs it an old one: what a dendrite's first burst to one peer needs
    (``pool_per_peer_max``)."""
    pool_max: int = 256
    """Connections a dendrite holds, over all peers: one for each uid of a full subnet."""
    pool_per_peer_max: int = 32
    """Calls at once to one peer; more wait for a free connection within their deadline."""

    # -- work
    running_max: int = 64
    """Handlers at once. A handler that computes serialises itself; this bounds memory."""
    waiting_max: int = 256
    """Requests that wait for a handler. More would only grow old."""
    per_caller_max: int = 32
    """Running and waiting of one hotkey: half the places to run in, so that no caller can take them
    all, nor the queue."""
    per_other_max: int = 8
    """The same for a hotkey without a permit, where the axon knows of permits. All such hotkeys
    together get half of the places, so it takes four of them to fill that half, and validators are
    served whatever they do."""
    wait_s_max: float = 10.0
    """A request that waited longer is better tried elsewhere."""

    # -- rates, before cryptography (one signature check takes 36 µs)
    source_rate: float = 2_000.0
    """A source: an IPv4 address or an IPv6 /64, which is what one customer gets."""
    source_burst: float = 4_000.0
    """Two seconds' worth: an epoch's queries leave in one burst."""
    strangers_rate: float = 5_000.0
    """All sources together that have not yet shown a good signature: 5,000 × 36 µs is under a
    fifth of a core, whatever arrives."""
    strangers_burst: float = 5_000.0
    proven_rate: float = 20_000.0
    """All sources that have: 72 % of a core in signature checks at most. Kept apart from the
    strangers' bucket, so that a flood from new addresses does not shut out known ones."""
    proven_burst: float = 20_000.0
    proven_s: float = 120.0
    """How long one good signature counts. Longer than an epoch of a local chain."""
    sources_max: int = 65_536
    """Sources remembered, about 20 MB at most; the one seen longest ago is forgotten first."""

    # -- rates, after cryptography
    caller_rate: float = 500.0
    """A hotkey. Two hundred times what a validator's round sends."""
    caller_burst: float = 1_000.0
    callers_max: int = 16_384
    """Hotkeys remembered: every uid of 64 full subnets."""

    # -- refusals
    refusals_rate: float = 2_000.0
    """Signed refusals a second (20 µs each, 4 % of a core). Beyond it connections are cut unsigned,
    so that a flood cannot buy signatures."""
    refusals_burst: float = 2_000.0

    # -- replay
    nonces_max: int = 262_144
    """Nonces remembered, about 40 MB: 6,000 requests/s over the age that a nonce may have and the
    time that a body may take. Beyond it the oldest second is given up and everything up to it
    refused: slow bodies first, and above 22,000 requests/s late requests, too."""
    reserve_s: float = 1.0
    """How far the persisted ceiling runs ahead of the newest nonce. Each step costs one fsync and
    a crash costs the callers at most this plus ``skew_s`` of refusals."""


DEFAULT = Limits()
