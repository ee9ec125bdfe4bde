"""From a frame's bytes to what is sent back for it: each call in its turn, and paid for.

Each call of a frame waits for its turn in the fair queue by its estimated price, is made without a
pause, and is charged what it took. In come the bytes of a frame and the connection that sent
them; out go a reply, and notifications to send after the reply. It knows no socket and no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.clock import Clock
from assay.localnet.rpc.connections import ClientConnection
from assay.localnet.rpc.dispatch import CallResult, PreparedCall, RpcDispatcher
from assay.localnet.rpc.envelope import failure, id_of, read_frame
from assay.localnet.rpc.errors import RpcError, batch_reply_too_big
from assay.localnet.rpc.fair_queue import FairQueue
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.prices import FRAME_BYTE_S, REQUEST_BYTE_S
from assay.localnet.rpc.subscriptions import Subscriber


@dataclass(frozen=True, slots=True)
class RpcCaller:
    """The connection that asks. ``is_gone`` tells whether nobody is left to hear the answer."""

    connection: ClientConnection
    is_gone: Callable[[], bool]
    subscriber: Subscriber | None = None


class FrameAnswerer:
    """Answers frames for one server. ``on_fatal`` hears of a failure that must end the node."""

    def __init__(
        self,
        dispatcher: RpcDispatcher,
        queue: FairQueue,
        limits: RpcLimits,
        clock: Clock,
        *,
        on_fatal: Callable[[Exception], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._queue = queue
        self._limits = limits
        self._clock = clock
        self._on_fatal = on_fatal

    def now_s(self) -> float:
        """The time by which calls are charged."""
        return self._clock.monotonic()

    async def answer(self, data: bytes, caller: RpcCaller) -> CallResult:
        """Answer all calls of a frame.

        A batch ends early where nobody is left to hear of it, or where its answers are too long.
        """
        try:
            await self._queue.turn(caller.connection.account, len(data) * FRAME_BYTE_S)
        except RpcError as error:
            self._dispatcher.count("", str(error.code))
            return CallResult(failure(id_of(data), error))
        began_s = self._clock.monotonic()
        try:
            frame = read_frame(
                data,
                batch_calls_max=self._limits.batch_calls_max,
                values_max=self._limits.frame_values_max,
            )
        except RpcError as error:
            self._dispatcher.count("", str(error.code))
            return CallResult(failure(None, error))
        finally:
            self._charge(caller, began_s)
        if not frame.batch:
            return await self._call(frame.calls[0], caller)
        replies: list[bytes] = []
        then: list[bytes] = []
        size_bytes = 0
        for call in frame.calls:
            if caller.is_gone():
                return CallResult(None)
            result = await self._call(call, caller)
            then += result.then
            size_bytes += sum(map(len, result.then))
            if result.reply is not None:
                replies.append(result.reply)
                size_bytes += len(result.reply) + 1
            if size_bytes > self._limits.reply_bytes_max:
                too_big = batch_reply_too_big(self._limits.reply_bytes_max)
                return CallResult(failure(None, too_big), then)
        return CallResult(b"[" + b",".join(replies) + b"]" if replies else None, then)

    async def _call(self, call: bytes, caller: RpcCaller) -> CallResult:
        """Decode one call in a turn of its own; make it in the same turn if it is cheap."""
        try:
            await self._queue.turn(caller.connection.account, len(call) * REQUEST_BYTE_S)
        except RpcError as error:
            self._dispatcher.count("", str(error.code))
            return CallResult(failure(id_of(call), error))
        if caller.is_gone():
            return CallResult(None)
        began_s = self._clock.monotonic()
        try:
            prepared = self._dispatcher.prepare(call, caller.subscriber)
            if isinstance(prepared, CallResult):
                return prepared
            if prepared.price_s <= self._limits.cheap_s:
                return self._run(prepared, caller)
        finally:
            self._charge(caller, began_s)
        try:
            await self._queue.turn(caller.connection.account, prepared.price_s)
        except RpcError as error:
            self._dispatcher.count(prepared.method, str(error.code))
            return CallResult(None if prepared.silent else failure(prepared.id, error))
        if caller.is_gone():
            return CallResult(None)
        began_s = self._clock.monotonic()
        try:
            return self._run(prepared, caller)
        finally:
            self._charge(caller, began_s)

    def _run(self, prepared: PreparedCall, caller: RpcCaller) -> CallResult:
        try:
            return self._dispatcher.run(prepared, caller.connection.source)
        except Exception as error:  # what a client can cause was answered
            self._on_fatal(error)
            raise

    def _charge(self, caller: RpcCaller, began_s: float) -> None:
        """Charge ``caller`` the time since ``began_s``."""
        ended_s = self._clock.monotonic()
        connection = caller.connection
        connection.source.charge(connection.account, ended_s, ended_s - began_s)
