"""The server's half of one streamed reply: from a handler's replies to batches of signed frames.

In comes a handler's iterator; out come batches of signed frames, for a transport to send. An
asyncio task runs the handler and puts encoded replies into a small buffer; ``read`` takes them out.
A handler that is faster than its reader waits. Each batch ends with a signature, so no frame waits
for its signature: not for 250 ms, and not for the handler's next reply.

This module knows no sockets, and not what a handler's exceptions mean: ``explain`` says that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from assay.aio import bounded
from assay.clock import Clock
from assay.wire.errors import Code, RequestRefused
from assay.wire.faults import HandlerCancelled, UnsendableAnswer
from assay.wire.replies import Headers, encode_refusal
from assay.wire.stream import UNSEALED_FRAMES_MAX, FrameWriter

_AHEAD_BYTES_MAX: Final = 2**16
"""Bytes that a handler may be ahead of its reader, and one frame more. With a batch that is being
sent (as large) and the kernel's buffers of both sides, which axon and dendrite keep small, all of a
stream that is on its way stays below 1 MiB."""
_AHEAD_FRAMES_MAX: Final = 512
"""The same in frames: an empty one costs 33 bytes here, too."""
_FIRST_TURN_S: Final = 0.000_2
"""A handler that never waits may add frames to its first for this long, then they leave under one
signature. Longer, and the first frame comes late beside a unary answer (0.46 ms); shorter, and
short streams need one signature more. A first frame that itself took longer leaves at once."""
_FIRST_TURN_FRAMES: Final = 40
"""The same in frames, a tenth of a millisecond's work. With the next 64 a stream of up to 104 needs
two signatures; fewer first ones would begin it sooner and cost it a third."""
_TURN_S: Final = 0.005
"""Later such a handler lets others run after this long, and its own frames leave. Longer holds up
every other call of the process; shorter makes many small batches."""
_TURN_FRAMES: Final = UNSEALED_FRAMES_MAX
"""The same in frames: as many as stand under one signature."""
TIMER_SLACK_S: Final = 0.01
"""Event loops fire timers up to some milliseconds early. A TimeoutError with more budget left than
this was raised by the handler itself."""


class StreamedReply:
    """A reply whose frames are still being made.

    Call ``begin`` once, then ``read`` until it returns ``b""``, and always ``aclose``. Status and
    headers are known from the start; the signatures among the frames cover them too.
    """

    status: Final = 200

    def __init__(
        self,
        replies: AsyncIterator[Any],
        writer: FrameWriter,
        *,
        headers: Headers,
        encode: Callable[[Any], bytes],
        explain: Callable[[Exception], RequestRefused],
        clock: Clock,
        budget_s: float,
        idle_s: float,
        frames_max: int,
        on_close: Callable[[], None],
    ) -> None:
        self.headers = headers
        self._replies = replies
        self._writer = writer
        self._encode = encode
        self._explain = explain
        self._clock = clock
        self._budget_s = budget_s
        self._idle_s = idle_s
        self._frames_max = frames_max
        self._on_close = on_close
        self._buffer: list[bytes] = []
        self._buffered_bytes = 0
        self._made = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._refusal: RequestRefused | None = None
        self._is_made = False
        self.is_over = False
        """Whether ``read`` has given the last bytes."""
        self._asked_s: float | None = None
        """Since when the handler is asked for its next reply."""
        self._working: asyncio.Task[None] | None = None
        self._is_cancelled = False
        """Whether ``stop`` or ``end_work`` has cancelled the handler."""

    async def begin(self) -> None:
        """Run the handler until its first reply or its end; RequestRefused if it fails before."""
        self._working = asyncio.ensure_future(self._work())
        try:
            await bounded(self._clock, self._idle_s, self._something())
        except TimeoutError:
            raise self._silence() from None
        if self._refusal is not None and not self._buffer:
            raise self._refusal

    async def read(self) -> bytes:
        """Return the next bytes to send, which end with a signature; ``b""`` after the last."""
        if self.is_over:
            return b""
        if not self._buffer and not self._is_made:
            await self._more()
        pieces = [self._writer.data(payload) for payload in self._buffer]
        self._buffer.clear()
        self._buffered_bytes = 0
        self._room.set()
        self._changed.clear()
        if not self._is_made:
            pieces.append(self._writer.seal())
        elif self._refusal is not None:
            pieces.append(self._writer.fail(encode_refusal(self._refusal)))
        else:
            pieces.append(self._writer.end())
        self.is_over = self._is_made
        return b"".join(pieces)

    async def aclose(self) -> None:
        """End the handler if it still runs, and call ``on_close``. May be called twice."""
        on_close, self._on_close = self._on_close, _nothing
        try:
            await self.end_work()
        finally:
            on_close()

    def stop(self, refusal: RequestRefused) -> None:
        """End the handler; the stream then ends with ``refusal``."""
        if not self._is_made and self._working is not None:
            self._refusal = refusal
            self._cancel(self._working)

    async def end_work(self) -> None:
        """End the handler if it still runs, and wait until it has ended."""
        if self._working is not None:
            self._cancel(self._working)
            await asyncio.wait([self._working])

    def _cancel(self, working: asyncio.Task[None]) -> None:
        self._is_cancelled = True
        working.cancel()

    async def _more(self) -> None:
        """Wait for the handler's next reply or its end. End a handler that has yielded nothing for
        ``idle_s``. A handler that waits for its reader is not silent, and needs no timer."""
        left_s = self._idle_s
        if self._asked_s is not None:
            left_s -= self._clock.monotonic() - self._asked_s
        try:
            await bounded(self._clock, max(left_s, 0.0), self._something())
        except TimeoutError:
            self.stop(self._silence())
            await self._something()

    async def _something(self) -> None:
        while not self._buffer and not self._is_made:
            self._changed.clear()
            await self._changed.wait()

    async def _work(self) -> None:
        """Run the handler to its end; never raises but for its own cancellation.

        A handler that ends with another CancelledError has failed: its stream is not whole.
        """
        try:
            await bounded(self._clock, self._budget_s, self._make())
        except asyncio.CancelledError as cancelled:
            if self._is_cancelled:
                raise
            self._refusal = self._explain(HandlerCancelled(cancelled))
        except Exception as error:
            self._refusal = self._explain(error)
        finally:
            self._is_made = True
            self._changed.set()

    async def _make(self) -> None:
        monotonic = self._clock.monotonic
        self._asked_s = turn_s = monotonic()
        turn_s_max, turn_frames_max, in_turn = _FIRST_TURN_S, _FIRST_TURN_FRAMES, 0
        is_first = True
        async with contextlib.aclosing(self._replies) as replies:  # type: ignore[type-var]
            async for reply in replies:
                self._put(self._encode(reply))
                in_turn += 1
                now_s = monotonic()
                is_over = in_turn >= turn_frames_max or now_s - turn_s >= turn_s_max
                if is_over or self._is_full():
                    self._asked_s = None
                    await self._pause(until_read=is_first or self._is_full())
                    now_s = turn_s = monotonic()
                    turn_s_max, turn_frames_max, in_turn = _TURN_S, _TURN_FRAMES, 0
                    is_first = False
                self._asked_s = now_s

    async def _pause(self, *, until_read: bool) -> None:
        """Let others run; with ``until_read`` until the reader has taken what is there."""
        if until_read:
            self._room.clear()
            await self._room.wait()
        else:
            await asyncio.sleep(0)

    def _silence(self) -> RequestRefused:
        return RequestRefused(Code.OUT_OF_TIME, f"no reply came for {self._idle_s:g} s")

    def _put(self, payload: bytes) -> None:
        """Keep ``payload`` until it is read."""
        if self._made >= self._frames_max:
            raise UnsendableAnswer(
                "the stream is longer than streams may be",
                f"it yielded more than {self._frames_max} replies",
            )
        self._made += 1
        self._buffer.append(payload)
        self._buffered_bytes += len(payload)
        self._changed.set()

    def _is_full(self) -> bool:
        """Whether the handler is so far ahead that it must wait for its reader."""
        return self._buffered_bytes >= _AHEAD_BYTES_MAX or len(self._buffer) >= _AHEAD_FRAMES_MAX


def _nothing() -> None:
    """There is nothing left to give back."""
