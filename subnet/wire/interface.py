"""What neurons see of the wire, whatever carries it.

Adds names and shapes only: who signs, whom one calls, who called, what came back, and the two
halves that every transport offers (``AnyAxon``, ``AnyDendrite``). No sockets, no cryptography.
``Axon``/``Dendrite`` (HTTP) and ``MemoryAxon``/``MemoryDendrite`` have this shape, and one
conformance suite runs on both.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from assay.types import Ss58
from assay.wire.evidence import Evidence
from assay.wire.synapse import Synapse

Req = TypeVar("Req", bound=Synapse)
Rep = TypeVar("Rep", bound=Synapse)
RepCo = TypeVar("RepCo", bound=Synapse, covariant=True)


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to call: a hotkey and where it listens. The reply must be signed by ``address``."""

    address: Ss58
    host: str
    port: int


class Reach(enum.Enum):
    """Where a dendrite calls. What a chain says about an axon's address is a stranger's word."""

    ANYWHERE = enum.auto()
    """Addresses, and names as well: for who chose its peers."""
    HERE_AND_PUBLIC = enum.auto()
    """This machine, for a chain that runs on it, and what PUBLIC allows."""
    LAN_AND_PUBLIC = enum.auto()
    """Private networks, for a chain that stands in one, and what PUBLIC allows; never this machine,
    which such a chain's other users do not mean when they say 127.0.0.1."""
    PUBLIC = enum.auto()
    """Public addresses: none in this machine's own networks, however wrapped."""


class Membership(enum.IntEnum):
    """What a hotkey is on the subnet, from least to most."""

    UNKNOWN = 0
    REGISTERED = 1
    PERMIT = 2


Resolver = Callable[[Ss58], Membership]
"""Says who a caller is, from what is already known (a metagraph in memory): no I/O, no waiting."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, after every check."""

    address: Ss58
    public_key: bytes
    membership: Membership
    source: str
    """The network address the request came from."""
    nonce_ns: int
    request_hash: bytes
    """Names this request in the signed reply (and later in receipts)."""
    budget_s: float
    """How long the caller will still wait."""


@dataclass(frozen=True, slots=True)
class Reply(Generic[RepCo]):
    """A reply whose signature was checked, with what a third party needs to check it again."""

    message: RepCo
    latency_s: float
    """From the moment the request was signed to the last byte of the reply: the time a caller
    waited for the peer. Waiting for a free connection to the peer comes before and is not in it;
    encoding, connecting, sending and the peer's own work are. The one definition: failures carry
    the same (``CallError.latency_s``), and so do streams (``ReplyStream.latency_s``)."""
    peer: Peer
    request_hash: bytes
    """Names the request; the peer's handler saw the same in ``Caller``."""
    body: bytes
    evidence: Evidence
    network_s: float = 0.0
    """The part of the latency that the network took, as far as the system knows it
    (``assay.wire.round_trip``)."""


UnaryHandler = Callable[[Req, Caller], Awaitable[Rep]]
StreamHandler = Callable[[Req, Caller], AsyncIterator[Rep]]


@dataclass(frozen=True, slots=True)
class Method(Generic[Req, Rep]):
    """One message pair that a neuron serves, and the coroutine function that answers it.

    A limit that is None is the axon's own. A limit that is given holds below the axon's: the
    smaller of the two counts.
    """

    name: str
    """The last part of the wire path: ``<task>`` or ``<task>.<name>``."""
    request: type[Req]
    reply: type[Rep]
    handler: UnaryHandler[Req, Rep] | StreamHandler[Req, Rep] | None = None
    """``async def`` with ``return`` for one reply; ``async def`` with ``yield`` for a stream. None
    for who only calls the method; such a method cannot be attached."""
    stream: bool = False
    """Whether the handler yields many replies for one request."""
    request_bytes_max: int | None = None
    reply_bytes_max: int | None = None
    """For a stream: the size of one frame."""
    large: bool = False
    """Whether replies have megabytes: their bodies are then hashed with BLAKE3, in a quarter of the
    time, and the callers need a BLAKE3 library. Streams are not affected."""
    budget_s_max: float | None = None
    """The longest time that a caller may ask this method to work."""
    admits: Membership | None = None
    """The least that a caller must be. None: what the axon demands of everybody. A value given
    here takes the place of the axon's, so a method may be open to more callers, or to fewer."""


class AnyStream(Protocol[RepCo]):
    """The replies of one stream, in order, none of which is unsigned.

    Iteration ends where the peer has signed the end. StreamCut if the stream breaks off before;
    the error of the refusal if the peer signed one; ReplyForged or ReplyMalformed for frames that
    are not what the peer signed.
    """

    @property
    def request_hash(self) -> bytes:
        """Names the request."""
        ...

    @property
    def frames(self) -> int:
        """How many frames the peer has signed so far."""
        ...

    @property
    def payload_bytes(self) -> int:
        """The size of all replies that were handed over, as the peer sent them."""
        ...

    @property
    def signed(self) -> Sequence[bytes]:
        """What the newest of the peer's signatures added to the stream, in order: replies as they
        were signed, of which some may not be handed over yet, and a failure as the last."""
        ...

    @property
    def latency_s(self) -> float:
        """From the moment the request was signed to the last byte that was read."""
        ...

    @property
    def network_s(self) -> float:
        """As of a ``Reply``: the part of each latency that the network took."""
        ...

    @property
    def evidence(self) -> Evidence | None:
        """What the peer has signed so far: after the end all of it, None before the first."""
        ...

    def __aiter__(self) -> AsyncIterator[RepCo]: ...

    async def __anext__(self) -> RepCo: ...


class AnyAxon(Protocol):
    """A neuron's server."""

    def attach(self, method: Method[Req, Rep]) -> None:
        """Serve ``method``; before or after start. ValueError names a method that cannot be."""
        ...

    async def start(self) -> None: ...

    @property
    def port(self) -> int:
        """Where it listens; known after ``start`` (port 0 asks for a free one)."""
        ...

    async def stop(self) -> None:
        """Take no more requests, let the running ones finish within the drain limit, close."""
        ...


class AnyDendrite(Protocol):
    """A neuron's client."""

    async def call(
        self,
        peer: Peer,
        name: str,
        request: Synapse,
        reply_type: type[Rep],
        *,
        deadline_s: float,
    ) -> Reply[Rep]:
        """One signed call; raises a ``CallError`` within ``deadline_s``."""
        ...

    def stream(
        self,
        peer: Peer,
        name: str,
        request: Synapse,
        reply_type: type[Rep],
        *,
        deadline_s: float,
        idle_s: float = ...,
    ) -> AbstractAsyncContextManager[AnyStream[Rep]]:
        """One signed call that is answered by a stream of replies::

            async with dendrite.stream(peer, "count", request, Number, deadline_s=60) as replies:
                async for number in replies:
                    ...

        The call is sent on entering; what refuses it is raised there. ``deadline_s`` bounds the
        whole stream, ``idle_s`` the wait for each part of it. Leaving the block ends the call:
        the peer's handler is cancelled if it still runs.
        """
        ...

    async def close(self) -> None: ...
