"""The client's half of one streamed reply: from the bytes of a connection to typed replies.

In come bytes from a ``ByteSource``, which a ``FrameReader`` checks; out come replies, each of which
the peer has signed for. Two time limits hold: one for the whole stream, one for each wait for more
bytes. The time that the caller spends on a reply counts for the first limit only.

This module knows no sockets, and not how a call is sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Generic, Protocol

from assay.aio import IdleTimer
from assay.clock import Clock
from assay.text import printable
from assay.wire.errors import (
    DETAIL_CHARS_MAX,
    CallError,
    ReplyForged,
    ReplyMalformed,
    StreamCut,
)
from assay.wire.evidence import Evidence
from assay.wire.exchange import Sent, refusal, silent, stream_evidence, too_late
from assay.wire.interface import RepCo
from assay.wire.stream import FrameError, FrameReader, SealBroken, StreamState
from assay.wire.synapse import MessageInvalid, decode

IDLE_S: Final = 30.0
"""How long a caller waits for more of a stream unless it says otherwise. Half of what an axon
grants its handlers (``Limits.stream_idle_s_max``), a few times a slow model's pause."""


class ByteSource(Protocol):
    """The body of a reply as it comes."""

    async def read(self) -> bytes:
        """The next bytes; ``b""`` when the sender has ended the body. OSError if it was cut."""
        ...

    async def aclose(self) -> None:
        """Tell the sender that no more is read. May be called twice."""
        ...


class ReplyStream(Generic[RepCo]):
    """An ``AnyStream`` over a ``ByteSource``."""

    def __init__(
        self,
        source: ByteSource,
        reader: FrameReader,
        sent: Sent,
        reply_type: type[Any],
        *,
        clock: Clock,
        signed_s: float,
        deadline_s: float,
        left_s: float,
        idle_s: float,
        network_s: float = 0.0,
    ) -> None:
        """``left_s`` is what was left of ``deadline_s`` at ``signed_s``."""
        self._source = source
        self._reader = reader
        self._sent = sent
        self._reply_type = reply_type
        self._clock = clock
        self._signed_s = signed_s
        self._deadline_s = deadline_s
        self._ends_s = signed_s + left_s
        self._idle_s = idle_s
        self._timer = IdleTimer(clock)
        self._ready: deque[bytes] = deque()
        self._is_over = False
        self.latency_s = clock.monotonic() - signed_s
        self.network_s = network_s
        self.payload_bytes = 0
        self.signed: Sequence[bytes] = ()

    @property
    def request_hash(self) -> bytes:
        return self._sent.hash_full

    @property
    def frames(self) -> int:
        seal = self._reader.sealed
        return seal.frames if seal is not None else 0

    @property
    def evidence(self) -> Evidence | None:
        return stream_evidence(self._sent, self._reader)

    def __aiter__(self) -> ReplyStream[RepCo]:
        return self

    async def __anext__(self) -> RepCo:
        try:
            while not self._ready:
                if self._is_over:
                    raise StopAsyncIteration
                if not self._take():
                    await self._more()
            return self._decoded(self._ready.popleft())
        except CallError as error:
            self._is_over = True
            self._ready.clear()
            error.latency_s = self.latency_s
            raise

    async def aclose(self) -> None:
        """End the call: the peer's handler is cancelled if it still runs."""
        self._is_over = True
        self._ready.clear()
        self._timer.close()
        await self._source.aclose()

    async def _more(self) -> None:
        """Read once, or find that the stream is over."""
        if self._reader.state is not StreamState.ENDED:
            data = await self._read()
            self.latency_s = self._clock.monotonic() - self._signed_s
            if data:
                self._reader.feed(data)
                return
        self._end()

    def _take(self) -> bool:
        """Whether more replies are signed for."""
        address = self._sent.peer.address
        reader, before = self._reader, self._reader.sealed
        try:
            taken = reader.take()
        except SealBroken as error:
            raise ReplyForged(
                address,
                f"sent a stream that is not what it signed: {error}.",
                "Somebody between changed it, or the peer is not honest.",
            ) from None
        except FrameError as error:
            raise ReplyMalformed(
                address, f"sent no stream as it must be: {error}.", "Call another peer."
            ) from None
        self._ready += taken
        if reader.sealed is not before:
            self.signed = taken if reader.failure is None else [*taken, reader.failure]
        return bool(self._ready)

    async def _read(self) -> bytes:
        """The next bytes within both limits; ``b""`` after the last, also where it was cut."""
        peer = self._sent.peer
        left_s = self._ends_s - self._clock.monotonic()
        try:
            return await self._timer.bounded(min(left_s, self._idle_s), self._source.read())
        except TimeoutError:
            if left_s <= self._idle_s:
                raise too_late(peer, self._deadline_s) from None
            raise silent(peer, self._idle_s) from None
        except OSError:
            return b""

    def _end(self) -> None:
        """The bytes have ended: rightly, after a signed end; with a signed failure; or too soon."""
        self._is_over = True
        reader, address = self._reader, self._sent.peer.address
        if reader.state is not StreamState.ENDED:
            raise StreamCut(
                address,
                f"broke a stream off after {self.frames} signed frames.",
                "Call it again, or another peer.",
            )
        if reader.failure is not None and (evidence := self.evidence) is not None:
            raise refusal(address, None, reader.failure, evidence)

    def _decoded(self, payload: bytes) -> RepCo:
        self.payload_bytes += len(payload)
        try:
            reply: RepCo = decode(self._reply_type, payload)
        except MessageInvalid as error:
            raise ReplyMalformed(
                self._sent.peer.address,
                f"streamed no {self._reply_type.__name__}: "
                f"{printable(str(error)[:DETAIL_CHARS_MAX])}.",
                "Call another peer.",
            ) from None
        return reply
