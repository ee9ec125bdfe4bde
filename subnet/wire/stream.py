"""A streamed reply as bytes: its frames, the running hash that binds them, and their order. Pure.

``FrameWriter`` turns payloads into frames and signs them; ``FrameReader`` turns the bytes of a
connection into payloads, in whatever pieces they come, and hands out none that is not signed for.
Neither knows sockets, clocks or message types.

A frame is ``kind`` (1 byte), ``number`` (4, big-endian), ``length`` (4, big-endian), payload:

====  ===========  ==========================================  =================================
kind  meaning      number                                      payload
====  ===========  ==========================================  =================================
d     data         its place, from 1                           one message
f     failure      its place                                   a refusal: why no more data comes
s     seal         how many ``d`` and ``f`` went before        64 bytes: a signature over these
e     end          the same                                    the same; nothing may follow
====  ===========  ==========================================  =================================

The running hash is the SHA-256 of the request's hash and all ``d`` and ``f`` so far, one behind
the other. A seal or an end signs the request's hash, the headers, the number and the running hash,
so it holds for exactly those frames, in that order, in reply to that request. Whoever cuts a stream
cannot make an end; the number tells at once, before any signature, a frame that is missing, comes
twice or stands in another's place.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from assay.wire import keys, signing

DATA: Final = b"d"
FAILURE: Final = b"f"
SEAL: Final = b"s"
END: Final = b"e"
HEAD: Final = struct.Struct(">cII")
"""A frame's first nine bytes."""

CONTENT_TYPE: Final = "application/vnd.assay.stream"
PART: Final = "part"
WHOLE: Final = "whole"
FAILED: Final = "failed"
"""The word in the signed bytes: of a seal; of an end; of an end behind a failure."""

UNSEALED_FRAMES_MAX: Final = 64
"""Frames under one signature: 64 share its 56 µs (signed and checked). With more a reader would
wait longer for the first of them; the protocol's constant, so both sides must have the same."""
UNSEALED_BYTES_MAX: Final = 2**18
"""Payloads under one signature. A reader must keep them until it comes, so this bounds its memory:
with a frame that is still arriving (128 KiB) and its connection's buffers (256 KiB) it stays below
1 MiB. The protocol's constant too."""


class StreamState(enum.IntEnum):
    """Where a stream stands, on either side. Numbers, because a number is the fastest key."""

    OPEN = enum.auto()
    FAILING = enum.auto()
    """A failure was said; only the end may follow."""
    ENDED = enum.auto()
    BROKEN = enum.auto()
    """Something came that may not: nothing after it is looked at."""


NEXT: Final[dict[StreamState, dict[bytes, StreamState]]] = {
    StreamState.OPEN: {
        DATA: StreamState.OPEN,
        SEAL: StreamState.OPEN,
        FAILURE: StreamState.FAILING,
        END: StreamState.ENDED,
    },
    StreamState.FAILING: {END: StreamState.ENDED},
    StreamState.ENDED: {},
    StreamState.BROKEN: {},
}
"""Which kinds of frames may come in a state, and the state that follows. All of it."""


class StreamBinding(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a stream replies to, and between whom: every one of its signatures covers this."""

    request_hash: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    sender: str
    receiver: str

    def payload(self, word: str, frames: int, running_hash: bytes) -> bytes:
        """The signed bytes of a seal or an end."""
        return signing.stream_payload(
            word=word,
            request_hash=self.request_hash,
            status=self.status,
            headers=self.headers,
            frames=frames,
            running_hash=running_hash,
            sender=self.sender,
            receiver=self.receiver,
        )


class Seal(msgspec.Struct, frozen=True, gc=False):
    """A signature over the first ``frames`` frames of a stream."""

    word: str
    frames: int
    running_hash: bytes
    signature: bytes


class _Arrived(NamedTuple):
    """A seal that nobody has checked, and the payloads that it is the first to cover."""

    seal: Seal
    payloads: list[bytes]


class FrameError(Exception):
    """The bytes are no stream as it must be. ``args[0]`` is one sentence that says why."""


class SealBroken(FrameError):
    """A signature does not hold: the frames, or the headers, are not what the sender signed."""


class FrameWriter:
    """The sender's half of one stream. Each method returns the bytes to send."""

    def __init__(
        self,
        binding: StreamBinding,
        sign: Callable[[bytes], bytes],
        *,
        frame_bytes_max: int,
        frames_max: int,
    ) -> None:
        self._binding = binding
        self._sign = sign
        self._frame_bytes_max = frame_bytes_max
        self._frames_max = frames_max
        self._hash = sha256(binding.request_hash)
        self._unsealed: list[bytes] = []
        self._unsealed_bytes = 0
        self.frames = 0
        self.state = StreamState.OPEN

    def data(self, payload: bytes) -> bytes:
        """``payload`` as a frame, behind a seal over the frames before it where one is due."""
        size = len(payload)
        if size > self._frame_bytes_max:
            raise FrameError(f"a frame has at most {self._frame_bytes_max} bytes")
        if self.frames >= self._frames_max:
            raise FrameError(f"a stream has at most {self._frames_max} frames")
        if (
            self._unsealed_bytes + size > UNSEALED_BYTES_MAX
            or len(self._unsealed) >= UNSEALED_FRAMES_MAX
        ):
            return self.seal() + self._chained(DATA, payload)
        return self._chained(DATA, payload)

    def seal(self) -> bytes:
        """A signature over all frames so far; nothing if there is no new one."""
        return self._signed(SEAL, PART) if self._unsealed else b""

    def end(self) -> bytes:
        """The last frame of a whole stream."""
        return self._signed(END, WHOLE)

    def fail(self, refusal: bytes) -> bytes:
        """The last two frames of a stream that ends before it is whole."""
        return self._chained(FAILURE, refusal) + self._signed(END, FAILED)

    def _chained(self, kind: bytes, payload: bytes) -> bytes:
        self._step(kind)
        self.frames += 1
        frame = HEAD.pack(kind, self.frames, len(payload)) + payload
        self._unsealed.append(frame)
        self._unsealed_bytes += len(payload)
        return frame

    def _signed(self, kind: bytes, word: str) -> bytes:
        self._step(kind)
        # Once for all: a call for each frame costs more than its bytes.
        self._hash.update(b"".join(self._unsealed))
        self._unsealed.clear()
        self._unsealed_bytes = 0
        signature = self._sign(self._binding.payload(word, self.frames, self._hash.digest()))
        return HEAD.pack(kind, self.frames, len(signature)) + signature

    def _step(self, kind: bytes) -> None:
        following = NEXT[self.state].get(kind)
        if following is None:
            raise FrameError(f"no {kind.decode()} frame may be sent any more")
        self.state = following


class FrameReader:
    """The receiver's half of one stream: ``feed`` takes bytes, ``take`` hands out payloads."""

    def __init__(
        self,
        binding: StreamBinding,
        public_key: bytes,
        *,
        frame_bytes_max: int,
        frames_max: int,
    ) -> None:
        self.binding = binding
        self._public_key = public_key
        self._frame_bytes_max = frame_bytes_max
        self._frames_max = frames_max
        self._hash = sha256(binding.request_hash)
        self._arriving = bytearray()
        self._unsealed: list[bytes] = []
        self._unsealed_bytes = 0
        self._said_no: bytes | None = None
        self._error: FrameError | None = None
        self.frames = 0
        self.state = StreamState.OPEN
        self.failure: bytes | None = None
        """The refusal with which the stream ended, once that is signed for."""
        self.sealed: Seal | None = None
        """The newest signature that holds."""

    def feed(self, data: bytes) -> None:
        """Keep what arrived until ``take`` looks at it."""
        if self.state is not StreamState.BROKEN:
            self._arriving += data

    def take(self) -> list[bytes]:
        """The payloads under all signatures that have arrived, in order; none if more must arrive.

        A signature covers all frames before it, so of several that have arrived only the newest is
        checked: a reader that lags behind catches up at the price of one. If it does not hold, one
        that does is looked for by halves, with one that does not behind it. FrameError where the
        stream is broken, after everything before that was taken.
        """
        if self._error is None:
            seals, error = self._parse()
            ready, unsigned = self._covered(seals)
            self._error = unsigned or error
            if self._error is not None:
                self.state = StreamState.BROKEN
                self._arriving.clear()
                self._unsealed.clear()
                self._unsealed_bytes = 0
            if ready:
                return ready
        if self._error is not None:
            raise self._error
        return []

    @property
    def held_bytes(self) -> int:
        """What is kept here: bytes that nobody has looked at, and payloads not yet signed for."""
        return len(self._arriving) + self._unsealed_bytes

    def _parse(self) -> tuple[list[_Arrived], FrameError | None]:
        """Read the frames that have arrived: the signatures among them, which nobody has checked
        yet, and why the frames behind them cannot be read, if they cannot."""
        place = start = 0  # of the frame that is looked at, and of what is not hashed yet
        seals: list[_Arrived] = []
        error: FrameError | None = None
        with memoryview(self._arriving) as arriving:
            arrived = len(arriving)
            while (begin := place + HEAD.size) <= arrived:
                kind, number, length = HEAD.unpack_from(arriving, place)
                try:
                    following = self._check(kind, number, length)
                except FrameError as found:
                    error = found
                    break
                end = begin + length
                if arrived < end:
                    break
                payload = bytes(arriving[begin:end])
                if kind == DATA:
                    self.frames = number
                    self._unsealed.append(payload)
                    self._unsealed_bytes += length
                elif kind == FAILURE:
                    self.frames = number
                    self._said_no = payload
                else:
                    self._hash.update(arriving[start:place])
                    seals.append(self._arrived(kind, payload))
                    start = end
                place = end
                self.state = following
            self._hash.update(arriving[start:place])
        del self._arriving[:place]
        if self.state is StreamState.ENDED and self._arriving and error is None:
            error = FrameError("more came after the end")
        return seals, error

    def _arrived(self, kind: bytes, signature: bytes) -> _Arrived:
        """A signature that has come, with the payloads that none before it covers."""
        failing = self.state is StreamState.FAILING
        word = PART if kind == SEAL else FAILED if failing else WHOLE
        payloads, self._unsealed = self._unsealed, []
        self._unsealed_bytes = 0
        return _Arrived(Seal(word, self.frames, self._hash.digest(), signature), payloads)

    def _covered(self, seals: list[_Arrived]) -> tuple[list[bytes], SealBroken | None]:
        """The payloads under ``seals`` that the sender has signed, and the error of a seal behind
        them that does not hold. A sender may have thousands arrive at once, so not each is
        checked: what is handed out lies under one that holds."""
        if not seals:
            return [], None
        if self._holds(seals[-1].seal):
            return self._signed_by(seals), None
        holds, broken = -1, len(seals) - 1
        while broken - holds > 1:
            middle = (holds + broken) // 2
            if self._holds(seals[middle].seal):
                holds = middle
            else:
                broken = middle
        error = SealBroken(
            f"the signature over its first {seals[broken].seal.frames} frames does not hold for"
            " this call"
        )
        return self._signed_by(seals[:broken]), error

    def _signed_by(self, seals: list[_Arrived]) -> list[bytes]:
        """Note the newest of ``seals``, which holds; the payloads under all of them."""
        if seals:
            self.sealed = seals[-1].seal
            if self.sealed.word == FAILED:
                self.failure = self._said_no
        return [payload for _, payloads in seals for payload in payloads]

    def _check(self, kind: bytes, number: int, length: int) -> StreamState:
        """The state behind a frame with this head; FrameError unless such a frame may come now."""
        following = NEXT[self.state].get(kind)
        if following is None:
            raise FrameError(_out_of_turn(kind, self.state))
        if kind in (SEAL, END):
            if number != self.frames:
                raise FrameError(_out_of_place(number, self.frames, signed=True))
            if length != keys.SIGNATURE_BYTES:
                raise FrameError(f"a signature of {length} bytes came")
            if kind == SEAL and not self._unsealed:
                raise FrameError("a signature over no new frames came")
            return following
        if number != self.frames + 1:
            raise FrameError(_out_of_place(number, self.frames + 1, signed=False))
        if length > self._frame_bytes_max:
            raise FrameError(f"a frame of more than {self._frame_bytes_max} bytes came")
        if kind == FAILURE:  # may always follow what is full; it is the last
            return following
        if number > self._frames_max:
            raise FrameError(f"more than {self._frames_max} frames came")
        if (
            len(self._unsealed) >= UNSEALED_FRAMES_MAX
            or self._unsealed_bytes + length > UNSEALED_BYTES_MAX
        ):
            raise FrameError(
                f"more than {UNSEALED_FRAMES_MAX} frames or {UNSEALED_BYTES_MAX} bytes came"
                " without a signature"
            )
        return following

    def _holds(self, seal: Seal) -> bool:
        """Whether the sender has made ``seal``."""
        payload = self.binding.payload(seal.word, seal.frames, seal.running_hash)
        return keys.verify(seal.signature, payload, self._public_key)


def running_hash(request_hash: bytes, payloads: Sequence[bytes], *, failed: bool) -> bytes:
    """The running hash of a stream with these ``payloads``, of which the last is a failure's if it
    ``failed``."""
    running = sha256(request_hash)
    for number, payload in enumerate(payloads, 1):
        kind = FAILURE if failed and number == len(payloads) else DATA
        running.update(HEAD.pack(kind, number, len(payload)) + payload)
    return running.digest()


def _out_of_turn(kind: bytes, state: StreamState) -> str:
    if kind not in NEXT[StreamState.OPEN]:
        return "a frame of an unknown kind came"
    return f"more came after the {'end' if state is StreamState.ENDED else 'failure'}"


def _out_of_place(number: int, due: int, *, signed: bool) -> str:
    if signed:
        return f"a signature over {number} frames came after {due}"
    if number < due:
        return f"frame {number} came twice" if number else "a frame without a number came"
    missing = str(due) if number == due + 1 else f"{due} to {number - 1}"
    return f"frame {number} came where frame {missing} is missing"
