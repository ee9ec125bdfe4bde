"""One websocket to a chain, and its replacement when it breaks.

Adds to the SDK's transport what a neuron that runs for months needs: every call has a deadline, a
broken connection is replaced with growing, jittered pauses, and a chain of another genesis at the
same address is noticed instead of being read as if it were the old one.

The SDK would reconnect by itself, but would keep its caches (nonces, block hashes, metadata) over
the break, and hides the break from callers that must know of it (a submission in flight). So each
of its sessions gets one connection and no second: ``_Wire`` counts, ``Sessions`` opens the next.

Invariants: a session belongs to one genesis; whoever sees ``Lost`` may repeat a read but not a
write. It knows the SDK's transport and nothing of pallets.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from bittensor.result import (
    BittensorError,
    ConnectionNotReady,
    RpcConnectionError,
    RpcPolicyError,
)
from loguru import logger

from assay.chain.address import STRANGER_CURE, absence_cure, shown
from assay.chain.errors import (
    BadAnswer,
    ChainRefused,
    ChainUnavailable,
    OtherChain,
)
from assay.chain.outage import Outage
from assay.chain.sdk_block import Codecs
from assay.chain.sdk_errors import STRANGER, is_busy, refusal_of, sentence, unopened
from assay.chain.sdk_private import (
    RpcSubstrate,
    RuntimeCodec,
    StorageFunctionNotFound,
    SubstrateConnection,
    codec_after,
    dial,
    forget_head_runtime,
    head_codec,
    prepare_process,
)
from assay.clock import Clock
from assay.errors import AssayError
from assay.metrics import NO_METRICS, Metrics
from assay.types import SS58_PREFIX

T = TypeVar("T")

PAUSE_FIRST_S: Final = 0.1
"""A local chain restarts in 0.3 s; the first retries should catch it."""
PAUSE_MAX_S: Final = 5.0
"""A public chain that is down should not see more than a dial every few seconds."""
CLOSE_DEADLINE_S: Final = 2.0
"""A close handshake with a hung node is not worth waiting for."""


UNWIND_S: Final = 0.2
"""How long a cancelled call may tidy up after itself before it is left behind."""


_SLOT_DURATION: Final = "AuraApi_slot_duration"
"""The runtime API of every chain with Aura; the public chain has it too. It answers a u64."""
_U64_BYTES: Final = 8
_REQUESTED: Final = re.compile(r'"method": ?"(\w+)"', re.ASCII)
"""In a frame that is sent: within a JSON string the quotes would be escaped."""


class Lost(Exception):
    """A call has no answer: its connection broke, or the node is busy and keeps the connection."""


class _Wire:
    """The websocket, watched: sets ``lost`` when it breaks from outside, and counts requests."""

    def __init__(self, inner: Any, lost: asyncio.Event, metrics: Metrics) -> None:
        self._inner = inner
        self._lost = lost
        self._metrics = metrics

    async def send(self, message: str) -> None:
        for method in _REQUESTED.findall(message):
            self._metrics.count("assay_chain_requests_total", method=method)
        try:
            await self._inner.send(message)
        except Exception:
            self._lost.set()
            raise

    async def recv(self) -> str | bytes:
        try:
            frame: str | bytes = await self._inner.recv()
        except Exception:
            self._lost.set()
            raise
        return frame

    async def close(self) -> None:
        await self._inner.close()


def _swallow(work: asyncio.Future[Any]) -> None:
    """Whoever wanted this result is gone."""
    if not work.cancelled():
        work.exception()


class SdkSession(RpcSubstrate):  # type: ignore[misc]  # the SDK is untyped here
    """The SDK's chain access over exactly one connection."""

    def __init__(self, url: str, metrics: Metrics = NO_METRICS) -> None:
        super().__init__(url, fallback_endpoints=[], archive_endpoints=[])
        self._metrics = metrics
        self.lost = asyncio.Event()
        self.genesis = ""
        self._dialled = False
        self._made: SubstrateConnection | None = None
        self._codec: RuntimeCodec | None = None
        self._met = -1

    def _interface(self, endpoint: str, fallbacks: list[str]) -> SubstrateConnection:
        self._made = SubstrateConnection(
            endpoint, ss58_format=SS58_PREFIX, connect_factory=self._dial_once
        )
        return self._made

    async def _dial_once(self, url: str) -> _Wire:
        # The SDK's task that reads the connection dials it. Where a node says goodbye under a
        # request that task fails, and nobody awaits it; the loss itself is told by ``lost``.
        reader = asyncio.current_task()
        if reader is not None:
            reader.add_done_callback(_swallow)
        if self._dialled:
            self.lost.set()
            raise ConnectionError("this session's one connection is gone")
        self._dialled = True
        return _Wire(await dial(url), self.lost, self._metrics)

    async def block_time(self) -> float:
        """Seconds per block, as the runtime has them now.

        The SDK would keep the constant ``Aura.SlotDuration`` until the runtime is replaced, but
        root may change the slots of a local chain at any time.
        """
        told = await self.request("state_call", [_SLOT_DURATION, "0x"])
        try:
            encoded = bytes.fromhex(str(told).removeprefix("0x"))
        except ValueError:
            encoded = b""
        duration_ms = int.from_bytes(encoded, "little")
        if len(encoded) != _U64_BYTES or not duration_ms:
            raise BadAnswer.to(_SLOT_DURATION, f"{str(told)[:66]!r} is no duration")
        return duration_ms / 1_000

    # As a ``StateSource``: what ``sdk_block`` reads through

    async def request(self, method: str, params: list[Any]) -> Any:
        """The result of one JSON-RPC request."""
        return await self._read(lambda raw: raw.rpc_request(method, params))

    async def presumed(self) -> Codecs:
        """The runtime that was met at the newest block so far."""
        if self._codec is None:
            self._codec = await self._read(head_codec)
        return Codecs(self._codec, self._codec)

    async def codecs_of(self, block_hash: str) -> Codecs:
        """The runtimes of a block. A block is executed by the runtime in force after its parent."""
        header = await self.request("chain_getHeader", [block_hash])
        parent = header.get("parentHash") if isinstance(header, dict) else None
        if not isinstance(parent, str):
            raise BadAnswer.to("chain_getHeader", f"there is no block {block_hash:.66}")
        first = int(parent, 16) == 0
        storage = await self._read(lambda raw: codec_after(raw, block_hash if first else parent))
        return Codecs(storage, await self._read(lambda raw: codec_after(raw, block_hash)))

    def met(self, number: int, codec: RuntimeCodec) -> None:
        """Presume from now on the runtime in force after block ``number``, if no newer was met."""
        if number >= self._met:
            self._met, self._codec = number, codec

    # What ``sdk_submit`` writes through

    async def decode_call(self, call: Any) -> Any:
        """The names and arguments that the bytes of a composed call stand for."""
        return await self._read(lambda raw: raw.decode_call(call.data))

    def forget_runtime(self) -> None:
        """Ask for the head's runtime before the next signature, whatever was known of it."""
        forget_head_runtime(self.raw)

    async def account_next_index(self, address: str) -> int:
        """Asked of the node each time: the SDK would count on from what it gave out last, also
        where that was never used because the next request found the node busy."""
        return int(
            await self._read(lambda raw: raw.get_account_next_index(address, use_cache=False))
        )

    async def head_hash(self, *, finalized: bool) -> str:
        if finalized:
            return str(await self._read(lambda raw: raw.get_chain_finalised_head()))
        return str(await self.block_hash(None))

    async def number_of(self, block_hash: str) -> int:
        return int(await self._read(lambda raw: raw.get_block_number(block_hash)))

    async def run(self, op: Callable[[SdkSession], Awaitable[T]]) -> T:
        """Run ``op``; ``Lost`` as soon as the connection breaks under it, or the node is busy."""
        work = asyncio.ensure_future(op(self))
        alarm = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({work, alarm}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Lost("the connection broke")
            try:
                return work.result()
            except AssayError:
                raise
            except (RpcConnectionError, ConnectionNotReady, OSError) as error:
                raise Lost(sentence(error)) from error
            except BittensorError as error:
                if self.lost.is_set() or is_busy(error):
                    raise Lost(sentence(error)) from error
                raise
        finally:
            work.cancel()
            alarm.cancel()
            # A cancelled submission still wants to unsubscribe; a node that hangs will not answer.
            await asyncio.wait({work, alarm}, timeout=UNWIND_S)
            work.add_done_callback(_swallow)

    async def let_go(self) -> None:
        """Close the connection, also one that was given up while it was being made."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self.close()
                if self._made is not None:
                    await self._made.close()


class Sessions:
    """The current session of one client, opened when needed and replaced when broken."""

    def __init__(
        self,
        url: str,
        cache_dir: Path,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self.url = url
        self._metrics = metrics
        self.name = shown(url)
        self._cache_dir = cache_dir
        self._clock = clock
        self._rng = rng
        self._current: SdkSession | None = None
        self._opening = asyncio.Lock()
        self._genesis: str | None = None
        self._first: str | None = None
        """The hash of block 1, once a node has told it."""
        self._closed = False
        self._outage = Outage(self.name, clock)

    async def close(self) -> None:
        self._closed = True
        await self._drop(self._current)

    async def current(self) -> SdkSession:
        """A live session. ``Lost`` if none can be opened now; ``OtherChain`` if it is another."""
        if self._closed:
            raise RuntimeError("this chain client was closed")
        async with self._opening:
            session = self._current
            if session is not None and not session.lost.is_set():
                return session
            await self._drop(session)
            self._current = await self._open()
            return self._current

    async def _open(self) -> SdkSession:
        prepare_process(self._cache_dir)
        session = SdkSession(self.url, self._metrics)
        try:
            await session.connect()
            session.genesis = str(await session.block_hash(0))
        except RpcPolicyError as error:
            await session.let_go()
            raise ChainRefused(
                f"The chain at {self.name} refuses this client: {sentence(error)}",
                "Wait, or name another endpoint with --chain.",
                "EndpointPolicy",
            ) from error
        except (BittensorError, OSError, TimeoutError) as error:
            await session.let_go()
            raise Lost(unopened(error)) from error
        except BaseException:
            await session.let_go()
            raise
        if self._genesis is None:
            self._genesis = session.genesis
        elif self._genesis != session.genesis:
            await session.let_go()
            raise OtherChain(
                f"The chain at {self.name} is another one than before.",
                "Stop this process, remove its state, and register on the new chain.",
                "OtherGenesis",
            )
        return session

    async def recognise(self, session: SdkSession) -> None:
        """``OtherChain`` if the chain was begun anew since an earlier session, with the same
        genesis: block 1 is another one then, and its number is all that the two have in common."""
        told = await session.request("chain_getBlockHash", [1])
        if told is None:  # a node need not keep it
            return
        if self._first not in (None, told):
            raise OtherChain(
                f"The chain at {self.name} was begun anew from the same genesis.",
                "Start this process again, and register anew what was registered there.",
                "BegunAnew",
            )
        self._first = told

    async def _drop(self, session: SdkSession | None) -> None:
        if session is not None:
            session.lost.set()
            await session.let_go()
            if self._current is session:
                self._current = None

    async def hang_up(self) -> None:
        """Leave the current connection: its node hangs. The next call opens another."""
        await self._drop(self._current)

    def missed(self, reason: object) -> None:
        """Note that a subscription broke, or found no chain, for ``reason``."""
        self._outage.missed(self._clock.monotonic(), sentence(reason))

    def met(self) -> None:
        """Note that a subscription has heard from the chain."""
        self._outage.met()

    async def pause(self, attempt: int) -> None:
        """Wait before attempt ``attempt`` + 1: doubling, with full jitter."""
        ceiling = min(PAUSE_FIRST_S * 2.0 ** min(attempt, 8), PAUSE_MAX_S)
        await self._clock.sleep(self._rng.uniform(ceiling / 2, ceiling))

    async def call(
        self, op: Callable[[SdkSession], Awaitable[T]], *, timeout_s: float, what: str
    ) -> T:
        """A read, repeated over broken connections and a busy node until the deadline.

        Refusals by name come out as ``ChainRefused``; no answer as ``ChainUnavailable``.
        """
        session: SdkSession | None = None
        reason = "it does not answer"
        began_s = self._clock.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                for attempt in range(1 << 30):
                    try:
                        session = await self.current()
                        answer = await session.run(op)
                        self._outage.met()
                        self._count("answered")
                        took_s = self._clock.monotonic() - began_s
                        self._metrics.observe("assay_chain_read_seconds", took_s)
                        return answer
                    except Lost as error:
                        reason = str(error)
                        self._count("lost")
                        self._outage.missed(began_s, sentence(reason))
                        logger.debug("chain {}: {} ({})", self.name, what, reason)
                        await self.pause(attempt)
        except TimeoutError:
            self._count("unavailable")
            await self._drop(session)  # a node that hangs gets a new connection next time
            self._outage.missed(began_s, sentence(reason))
            raise ChainUnavailable(
                f"The chain at {self.name} did not {what} within {timeout_s:g} s:"
                f" {sentence(reason)}",
                STRANGER_CURE if reason == STRANGER else absence_cure(self.url),
            ) from None
        except BittensorError as error:
            self._count("refused")
            raise refusal_of(error, what) from error
        except StorageFunctionNotFound as error:
            self._count("refused")
            raise BadAnswer.to(f"the request to {what}", str(error)) from error
        raise AssertionError("unreachable: the deadline ends the loop")

    def _count(self, outcome: str) -> None:
        self._metrics.count("assay_chain_reads_total", outcome=outcome)
