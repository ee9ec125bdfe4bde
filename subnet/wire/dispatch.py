"""The server's half of a call, the same on every transport.

The order of its checks is the heart of the defence: each check stands before every costlier one,
and nothing is debited from anyone before it is certain that they asked. In three steps, so that a
transport reads a body only for who may send one::

    open(head, source)   budgets of the source; method, name, encoding, length; form of the claim;
                         receiver; freshness and known replays; membership.  No cryptography.
    answer(ticket, body) signature -> new nonce -> the hotkey's budget -> decoding -> a place to run
                         -> the handler within the caller's budget -> the signed reply, or the
                         first of a stream's frames
    refuse(head, no)     a signed refusal, or None where the budget for those is spent

It owns no socket. ``answer`` returns whatever happens, except on its own cancellation, which
reaches the handler: that is how a caller that hung up stops the work.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, cast

import msgspec
from loguru import logger

from assay.aio import bounded, until
from assay.clock import Clock
from assay.metrics import NO_METRICS, Metrics
from assay.types import Signer
from assay.wire import signing
from assay.wire.admission import Admission
from assay.wire.concurrency import ConcurrencyLimit, HandlerPlace
from assay.wire.errors import Code, RequestRefused
from assay.wire.faults import Faults, HandlerCancelled, OnFault, UnsendableAnswer
from assay.wire.interface import Caller, Membership, Method, Rep, Req, StreamHandler, UnaryHandler
from assay.wire.limits import Limits
from assay.wire.methods import MethodTable, smaller
from assay.wire.replay import CeilingStore, MemoryCeiling, ReplayGuard
from assay.wire.replies import ReplySigner, SignedReply
from assay.wire.reservation import Reservation
from assay.wire.stream_server import TIMER_SLACK_S, StreamedReply
from assay.wire.synapse import CONTENT_TYPE, METHOD, MessageInvalid, Synapse, decode, encode

_BUDGET: Final = re.compile(r"(?:^|&)budget_ms=([1-9][0-9]{0,8})(?:&|$)", re.ASCII)
_IDLE: Final = re.compile(r"(?:^|&)idle_ms=([1-9][0-9]{0,8})(?:&|$)", re.ASCII)
_WARN_EVERY_S: Final = 60.0  # a log line a minute is seen, and fills no disk
_STOPPING: Final = (Code.DRAINING, "this axon is stopping")
_LAST_WORDS_S: Final = 0.5  # for streams to say that they end; a reader that is there takes 1 ms
_LENGTH: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


class Ticket(msgspec.Struct, frozen=True, gc=False):
    """A request whose head was let in: its body may be read."""

    head: signing.RequestHead
    claim: signing.Claim
    method: Method[Any, Any]
    membership: Membership
    source: str
    opened_s: float
    opened_ns: int
    budget_s: float


class Dispatcher:
    """The methods of one axon and the way to them."""

    def __init__(
        self,
        signer: Signer,
        *,
        clock: Clock,
        limits: Limits,
        nonces: CeilingStore | None = None,
        admission: Admission | None = None,
        on_fault: OnFault | None = None,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """``nonces`` None: a ceiling that dies with this object; ``admission`` None: anybody;
        ``on_fault`` is told what handlers raise."""
        self._replies = ReplySigner(signer)
        self._clock = clock
        self._metrics = metrics
        self._limits = limits
        self._nonces = ReplayGuard(nonces or MemoryCeiling(), now_ns=clock.now_ns(), limits=limits)
        self._reservation = Reservation(self._nonces)
        self._admission = admission or Admission(limits=limits, now_s=clock.monotonic())
        self._places = ConcurrencyLimit(limits, clock, ranked=self._admission.knows_permits)
        self._methods = MethodTable()
        self._faults = Faults(clock, on_fault)
        self._answering = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._streams: set[StreamedReply] = set()
        self._draining = False
        self._warn_after_s = float("-inf")
        self._warn_if_shut(clock.now_ns())

    @property
    def admission(self) -> Admission:
        """The budgets, for a transport that bounds connections by them."""
        return self._admission

    def attach(self, method: Method[Req, Rep]) -> None:
        """Serve ``method``; ValueError if it cannot be served, or its name is taken."""
        self._methods.add(method)

    # -- step one: the head

    def open(self, head: signing.RequestHead, source: str) -> Ticket:
        """Let a head in, or raise RequestRefused."""
        now_s = self._clock.monotonic()
        self._admission.knock(source, now_s)
        if self._draining:
            raise RequestRefused(*_STOPPING, retry_after_s=5.0)
        method, budget_s = self._route(head)
        self._check_framing(head, method)
        claim = signing.read_claim(
            head, self._replies.address, accept_unbound=self._admission.accept_unbound
        )
        now_ns = self._clock.now_ns()
        self._check_nonce(claim, now_ns)
        membership = self._admission.admit(claim.sender, method.admits)
        return Ticket(head, claim, method, membership, source, now_s, now_ns, budget_s)

    def _check_nonce(self, claim: signing.Claim, now_ns: int) -> None:
        try:
            self._nonces.check(claim.public_key, claim.nonce_ns, now_ns)
        except RequestRefused:
            self._warn_if_shut(now_ns)
            raise

    def _warn_if_shut(self, now_ns: int) -> None:
        """Say why everything is refused, if everything is, and what to do."""
        shut_s = self._nonces.shut_s(now_ns)
        now_s = self._clock.monotonic()
        if shut_s and now_s >= self._warn_after_s:
            self._warn_after_s = now_s + _WARN_EVERY_S
            place = self._nonces.store.place
            logger.warning(
                "Every request is refused for {:.0f} s: this machine's clock stands {:.0f} s before"
                " requests that were already accepted, says {}. If the clock is behind, set it. If"
                " it was ahead before and is right now, stop this neuron, delete {} and start it"
                " again; requests that were signed by clocks as far ahead could then come twice.",
                shut_s,
                shut_s,
                place,
                place,
            )

    def _route(self, head: signing.RequestHead) -> tuple[Method[Any, Any], float]:
        path, _, query = head.target.partition("?")
        method = self._methods.at(path)
        if method is None:
            raise RequestRefused(Code.UNKNOWN_SYNAPSE, "nothing is served under this path")
        if head.method != METHOD:
            raise RequestRefused(Code.WRONG_METHOD, f"only {METHOD} is served")
        common_s = self._limits.stream_s_max if method.stream else self._limits.handler_s_max
        longest_s = smaller(method.budget_s_max, common_s)
        return method, min(_asked_s(_BUDGET, query, longest_s), longest_s)

    def _check_framing(self, head: signing.RequestHead, method: Method[Any, Any]) -> None:
        if head.upgrade is not None:
            raise RequestRefused(Code.MALFORMED_REQUEST, "no upgrade is offered")
        if head.content_encoding is not None:
            raise RequestRefused(Code.WRONG_ENCODING, "bodies are taken as they are, unencoded")
        if head.content_type != CONTENT_TYPE:
            raise RequestRefused(Code.WRONG_CONTENT_TYPE, f"the content type is {CONTENT_TYPE}")
        length = head.content_length
        if length is not None:
            if _LENGTH.fullmatch(length) is None:
                raise RequestRefused(Code.MALFORMED_REQUEST, "the content length is no number")
            self._check_size(int(length), method)

    def check_size(self, size: int, ticket: Ticket) -> None:
        """Refuse a body of ``size`` bytes; transports call it for each chunk."""
        self._check_size(size, ticket.method)

    def _check_size(self, size: int, method: Method[Any, Any]) -> None:
        size_max = smaller(method.request_bytes_max, self._limits.request_bytes_max)
        if size > size_max:
            raise RequestRefused(Code.TOO_LARGE, f"a body has at most {size_max} bytes")

    # -- step two: the whole request

    async def answer(self, ticket: Ticket, body: bytes) -> SignedReply | StreamedReply | None:
        """The signed reply to a whole request, a refusal included; None: cut the connection.

        A ``StreamedReply`` has begun; the transport reads it to its end and closes it.
        """
        self._enter()
        leave = self._leave
        body_hash = sha256(body).hexdigest()
        request_hash = signing.request_hash(ticket.head, body_hash)
        paid = False
        try:
            await self._accept(ticket, body_hash)
            paid = True
            message = self._decode(ticket.method, body)
            place = await self._places.enter(
                ticket.claim.public_key,
                self._left_s(ticket),
                first=ticket.membership >= Membership.PERMIT,
                stream=ticket.method.stream,
            )
            leave = self._leave_both(place)
            if ticket.method.stream:
                streamed = await self._stream(ticket, message, request_hash, leave)
                leave = _stay
                self._count("stream")
                return streamed
            encoded = await self._handle(ticket, message, request_hash)
        except RequestRefused as refusal:
            self._count(refusal.code)
            # A request that its hotkey did not pay for buys no signature out of the others' time.
            if not paid and not self._admission.may_refuse(self._clock.monotonic()):
                return None
            return self._replies.refusal(ticket.head, refusal, request_hash)
        else:
            self._count("reply")
            took_s = self._clock.monotonic() - ticket.opened_s
            self._metrics.observe("assay_axon_answer_seconds", took_s)
            return self._replies.answer(
                encoded, request_hash, ticket.claim.sender, large=ticket.method.large
            )
        finally:
            leave()

    def _count(self, outcome: str) -> None:
        self._metrics.count("assay_axon_requests_total", outcome=outcome)

    def _enter(self) -> None:
        self._answering += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._answering -= 1
        if not self._answering:
            self._idle.set()

    def _leave_both(self, place: HandlerPlace) -> Callable[[], None]:
        def leave() -> None:
            self._places.leave(place)
            self._leave()

        return leave

    async def _accept(self, ticket: Ticket, body_hash: str) -> None:
        """Signature, nonce and the hotkey's budget: afterwards the request counts as made."""
        claim = ticket.claim
        signing.verify_request(ticket.head, claim, body_hash)
        await self._reservation.secure(claim.nonce_ns)
        now_s = self._clock.monotonic()
        self._nonces.accept(
            claim.public_key,
            claim.nonce_ns,
            self._clock.now_ns(),
            arrived_ns=ticket.opened_ns,
            pay=lambda: self._admission.debit(claim.public_key, ticket.source, now_s),
        )

    def _decode(self, method: Method[Any, Any], body: bytes) -> Synapse:
        try:
            message: Synapse = decode(method.request, body)
        except MessageInvalid as error:
            raise RequestRefused(Code.BAD_MESSAGE, str(error)) from None
        return message

    async def _handle(self, ticket: Ticket, message: Synapse, request_hash: bytes) -> bytes:
        method = ticket.method
        handler = cast("UnaryHandler[Any, Any]", method.handler)
        caller = self._caller(ticket, request_hash)
        size_max = smaller(method.reply_bytes_max, self._limits.reply_bytes_max)
        try:
            answer = await bounded(self._clock, caller.budget_s, handler(message, caller))
            return _encode(method, answer, size_max)
        except asyncio.CancelledError as cancelled:
            if _is_being_cancelled():  # the caller has left, or the axon ends
                raise
            raise self._explain(ticket, HandlerCancelled(cancelled)) from None
        except Exception as error:
            raise self._explain(ticket, error) from None

    async def _stream(
        self, ticket: Ticket, message: Synapse, request_hash: bytes, leave: Callable[[], None]
    ) -> StreamedReply:
        """A stream that has begun; whoever closes it calls ``leave``."""
        method, limits = ticket.method, self._limits
        handler = cast("StreamHandler[Any, Any]", method.handler)
        caller = self._caller(ticket, request_hash)
        idle_s = _asked_s(_IDLE, ticket.head.target.partition("?")[2], limits.stream_idle_s_max)
        size_max = smaller(method.reply_bytes_max, limits.frame_bytes_max)
        streamed = StreamedReply(
            handler(message, caller),
            self._replies.stream(
                request_hash,
                ticket.claim.sender,
                frame_bytes_max=limits.frame_bytes_max,
                frames_max=limits.frames_max,
            ),
            headers=self._replies.stream_headers,
            encode=lambda reply: _encode(method, reply, size_max),
            explain=lambda error: self._explain(ticket, error),
            clock=self._clock,
            budget_s=caller.budget_s,
            idle_s=min(idle_s, limits.stream_idle_s_max),
            frames_max=limits.frames_max,
            on_close=lambda: self._close_stream(streamed, leave),
        )
        try:
            await streamed.begin()
        except BaseException:
            await streamed.end_work()
            raise
        self._streams.add(streamed)
        return streamed

    def _close_stream(self, streamed: StreamedReply, leave: Callable[[], None]) -> None:
        self._streams.discard(streamed)
        leave()

    def _caller(self, ticket: Ticket, request_hash: bytes) -> Caller:
        return Caller(
            ticket.claim.sender,
            ticket.claim.public_key,
            ticket.membership,
            ticket.source,
            ticket.claim.nonce_ns,
            request_hash,
            self._left_s(ticket),
        )

    def _explain(self, ticket: Ticket, error: Exception) -> RequestRefused:
        """What a caller is told of an exception that came out of a handler."""
        if isinstance(error, RequestRefused):
            self._faults.note_refusal(ticket.method, error)
            return error
        left_s = ticket.opened_s + ticket.budget_s - self._clock.monotonic()
        if isinstance(error, TimeoutError) and left_s < TIMER_SLACK_S:
            return RequestRefused(Code.OUT_OF_TIME, "the caller's budget ran out before the answer")
        self._faults.report(ticket.method, error)
        told = error.told if isinstance(error, UnsendableAnswer) else "the handler failed"
        return RequestRefused(Code.HANDLER_FAILED, told)

    def _left_s(self, ticket: Ticket) -> float:
        left_s = ticket.budget_s - (self._clock.monotonic() - ticket.opened_s)
        if left_s <= 0:
            raise RequestRefused(Code.OUT_OF_TIME, "the caller's budget was spent waiting")
        return left_s

    # -- refusals before the body was read

    def refuse(self, head: signing.RequestHead, refusal: RequestRefused) -> SignedReply | None:
        """A refusal before the body was read; None: say nothing, cut the connection."""
        self._count(refusal.code)
        if not self._admission.may_refuse(self._clock.monotonic()):
            return None
        request_hash = signing.request_hash(head, signing.UNREAD_BODY)
        return self._replies.refusal(head, refusal, request_hash, signing.SCOPE_HEAD)

    # -- the end

    async def drain(self) -> None:
        """Let nobody in any more and wait, within the limit, until nothing runs.

        Streams that are still open then end with a signed refusal.
        """
        self._draining = True
        if not await until(self._idle, self._clock, self._limits.drain_s_max):
            for streamed in self._streams:
                streamed.stop(RequestRefused(*_STOPPING, retry_after_s=5.0))
            if not self._streams or not await until(self._idle, self._clock, _LAST_WORDS_S):
                logger.warning("{} requests did not finish in time", self._answering)
        await self._reservation.finish()

    def close(self) -> None:
        """After the last request: lower the ceiling to what was really accepted."""
        self._nonces.close()


def _stay() -> None:
    """Somebody else leaves."""


def _is_being_cancelled() -> bool:
    """Whether somebody has asked for the end of the task that runs now."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _asked_s(pattern: re.Pattern[str], query: str, default_s: float) -> float:
    """The seconds that a request's query asks for."""
    asked = pattern.search(query)
    return int(asked[1]) / 1000 if asked else default_s


def _encode(method: Method[Any, Any], answer: Synapse, size_max: int) -> bytes:
    """The bytes of a handler's ``answer``; UnsendableAnswer if it is none that may be sent."""
    if not isinstance(answer, method.reply):
        raise UnsendableAnswer(
            "the handler answered another type",
            f"it answered a {type(answer).__name__} in place of a {method.reply.__name__}",
        )
    try:
        encoded = encode(answer)
    except Exception as error:  # half of a surrogate pair, a number beyond 64 bits, a task's own
        raise UnsendableAnswer(
            "the handler's answer cannot be sent",
            f"its answer cannot be encoded: {type(error).__name__}",
        ) from error
    if len(encoded) > size_max:
        raise UnsendableAnswer(
            "the answer is larger than replies may be",
            f"its answer has {len(encoded)} bytes; at most {size_max} are sent",
        )
    return encoded
