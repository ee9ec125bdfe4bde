"""The server's half of a call, the same on every transport.

Adds to signing, replay, admission and gate their order, which is the heart of the defence: each
check stands before every costlier one, and nothing is debited from anyone before it is certain
that they asked. In three steps, so that a transport reads a body only for who may send one::

    open(head, source)   budgets of the source; method, name, encoding, length; form of the claim;
                         receiver; freshness and known replays; standing.  No cryptography.
    answer(ticket, body) signature -> new nonce -> the hotkey's budget -> decoding -> a place to run
                         -> the handler within the caller's budget -> the signed reply
    refuse(head, no)     a signed refusal, or None where the budget for those is spent

It owns no socket. ``answer`` returns whatever happens, except on its own cancellation, which
reaches the handler: that is how a caller that hung up stops the work.
"""

from __future__ import annotations

import asyncio
import math
import re
import traceback
from hashlib import sha256
from typing import Any, Final, cast

import msgspec
from loguru import logger

from assay.aio import bounded
from assay.clock import Clock
from assay.errors import Unavailable
from assay.wire import signing
from assay.wire.admission import Admission
from assay.wire.errors import Code, RequestRefused
from assay.wire.gate import Gate
from assay.wire.interface import Caller, Membership, Method, Rep, Req, Signer, UnaryHandler
from assay.wire.limits import Limits
from assay.wire.methods import MethodTable, smaller
from assay.wire.replay import CeilingStore, MemoryCeiling, ReplayGuard
from assay.wire.synapse import (
    CONTENT_TYPE,
    METHOD,
    MessageInvalid,
    Refusal,
    Synapse,
    decode,
    encode,
)

_BUDGET: Final = re.compile(r"(?:^|&)budget_ms=([1-9][0-9]{0,8})(?:&|$)", re.ASCII)
_TIMER_SLACK_S: Final = 0.01
"""Loops fire timers up to some milliseconds early. A TimeoutError with more budget left than this
is the handler's own trouble."""
_WARN_EVERY_S: Final = 60.0  # a log line a minute is seen, and fills no disk
_LENGTH: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


class SignedReply(msgspec.Struct, frozen=True, gc=False):
    """What goes back: all of it is covered by the signature among the headers."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_unread: bool = False
    """The request's body may still be on its way: the connection cannot serve another request."""


class Ticket(msgspec.Struct, frozen=True, gc=False):
    """A request whose head was let in: its body may be read."""

    head: signing.RequestHead
    claim: signing.Claim
    method: Method[Any, Any]
    membership: Membership
    source: str
    opened_s: float
    budget_s: float


class Dispatcher:
    """The synapses of one axon and the way to them."""

    def __init__(
        self,
        signer: Signer,
        *,
        clock: Clock,
        limits: Limits,
        nonces: CeilingStore | None = None,
        admission: Admission | None = None,
    ) -> None:
        """``nonces`` None: a ceiling that dies with this object; ``admission`` None: anybody."""
        self._signer = signer
        self._clock = clock
        self._limits = limits
        self._nonces = ReplayGuard(nonces or MemoryCeiling(), now_ns=clock.now_ns(), limits=limits)
        self._admission = admission or Admission(limits=limits, now_s=clock.monotonic())
        self._gate = Gate(limits, clock)
        self._methods = MethodTable()
        self._reserving: asyncio.Task[None] | None = None
        self._answering = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self._warn_after_s = 0.0
        self._headers_full = (
            ("Content-Type", CONTENT_TYPE),
            (signing.H_REPLY_HOTKEY, signer.address),
            (signing.H_REPLY_SCOPE, signing.SCOPE_FULL),
        )

    @property
    def admission(self) -> Admission:
        """The budgets, for a transport that bounds connections by them."""
        return self._admission

    def attach(self, method: Method[Req, Rep]) -> None:
        """Serve ``method``; ValueError if it cannot be served, or its name is taken."""
        if method.stream:
            raise ValueError(f"the method {method.name!r} is a stream, which is not served yet")
        self._methods.add(method)

    # -- step one: the head

    def open(self, head: signing.RequestHead, source: str) -> Ticket:
        """Let a head in, or raise RequestRefused."""
        now_s = self._clock.monotonic()
        self._admission.knock(source, now_s)
        if self._draining:
            raise RequestRefused(Code.DRAINING, "this axon is stopping", retry_after_s=5.0)
        method, budget_s = self._route(head)
        self._check_framing(head, method)
        claim = signing.read_claim(
            head, self._signer.address, accept_unbound=self._admission.accept_unbound
        )
        self._check_nonce(claim)
        membership = self._admission.admit(claim.sender, method.admits)
        return Ticket(head, claim, method, membership, source, now_s, budget_s)

    def _check_nonce(self, claim: signing.Claim) -> None:
        now_ns = self._clock.now_ns()
        try:
            self._nonces.check(claim.public_key, claim.nonce_ns, now_ns)
        except RequestRefused:
            shut_s = self._nonces.shut_s(now_ns)
            now_s = self._clock.monotonic()
            if shut_s and now_s >= self._warn_after_s:
                self._warn_after_s = now_s + _WARN_EVERY_S
                logger.warning(
                    "this machine's clock stands {:.0f} s before requests that were already "
                    "accepted; everything is refused until it has caught up",
                    shut_s,
                )
            raise

    def _route(self, head: signing.RequestHead) -> tuple[Method[Any, Any], float]:
        path, _, query = head.target.partition("?")
        method = self._methods.at(path)
        if method is None:
            raise RequestRefused(Code.UNKNOWN_SYNAPSE, "nothing is served under this path")
        if head.method != METHOD:
            raise RequestRefused(Code.WRONG_METHOD, f"only {METHOD} is served")
        budget = _BUDGET.search(query)
        longest_s = smaller(method.budget_s_max, self._limits.handler_s_max)
        return method, min(int(budget[1]) / 1000, longest_s) if budget else longest_s

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

    async def answer(self, ticket: Ticket, body: bytes) -> SignedReply | None:
        """The signed reply to a whole request, a refusal included; None: cut the connection."""
        self._answering += 1
        self._idle.clear()
        body_hash = sha256(body).hexdigest()
        request_hash = signing.request_hash(ticket.head, body_hash)
        paid = False
        try:
            await self._accept(ticket, body_hash)
            paid = True
            encoded = await self._serve(ticket, body, request_hash)
        except RequestRefused as refusal:
            # A request that its hotkey did not pay for buys no signature out of the others' time.
            if not paid and not self._admission.may_refuse(self._clock.monotonic()):
                return None
            return self._sign_refusal(ticket.head, refusal, request_hash, signing.SCOPE_FULL)
        else:
            return self._sign(
                200,
                self._headers_full,
                encoded,
                request_hash,
                signing.SCOPE_FULL,
                ticket.claim.sender,
            )
        finally:
            self._answering -= 1
            if not self._answering:
                self._idle.set()

    async def _accept(self, ticket: Ticket, body_hash: str) -> None:
        """Signature, nonce and the hotkey's budget: afterwards the request counts as made."""
        claim = ticket.claim
        signing.verify_request(ticket.head, claim, body_hash)
        await self._secure(claim.nonce_ns)
        # From here to ``accept`` nothing awaits: two copies of a request cannot both pass.
        now_ns = self._clock.now_ns()
        self._nonces.check(claim.public_key, claim.nonce_ns, now_ns)
        self._admission.debit(claim.public_key, ticket.source, self._clock.monotonic())
        self._nonces.accept(claim.public_key, claim.nonce_ns, now_ns)

    async def _serve(self, ticket: Ticket, body: bytes, request_hash: bytes) -> bytes:
        claim = ticket.claim
        try:
            message = decode(ticket.method.request, body)
        except MessageInvalid as error:
            raise RequestRefused(Code.BAD_MESSAGE, str(error)) from None
        await self._gate.enter(claim.public_key, self._left_s(ticket))
        try:
            answer = await self._handle(ticket, message, request_hash)
        finally:
            self._gate.leave(claim.public_key)
        return self._encode(ticket.method, answer)

    async def _handle(self, ticket: Ticket, message: Synapse, request_hash: bytes) -> Synapse:
        budget_s = self._left_s(ticket)
        handler = cast("UnaryHandler[Any, Any]", ticket.method.handler)
        caller = Caller(
            ticket.claim.sender,
            ticket.claim.public_key,
            ticket.membership,
            ticket.source,
            ticket.claim.nonce_ns,
            request_hash,
            budget_s,
        )
        try:
            return await bounded(self._clock, budget_s, handler(message, caller))
        except RequestRefused:
            raise
        except Exception as error:
            left_s = ticket.opened_s + ticket.budget_s - self._clock.monotonic()
            if isinstance(error, TimeoutError) and left_s < _TIMER_SLACK_S:
                raise RequestRefused(
                    Code.OUT_OF_TIME, "the caller's budget ran out before the answer"
                ) from None
            # Where, not what: messages of exceptions may quote a prompt.
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.error(
                "synapse {} failed: {} at {}:{}",
                ticket.method.name,
                type(error).__name__,
                place.filename,
                place.lineno,
            )
            raise RequestRefused(Code.HANDLER_FAILED, "the handler failed") from None

    def _encode(self, method: Method[Any, Any], answer: Synapse) -> bytes:
        if not isinstance(answer, method.reply):
            logger.error("synapse {} answered a {}", method.name, type(answer).__name__)
            raise RequestRefused(Code.HANDLER_FAILED, "the handler answered another type")
        try:
            encoded = encode(answer)
        except (
            Exception
        ) as error:  # half of a surrogate pair, a number beyond 64 bits, a task's own
            logger.error(
                "synapse {} answered what cannot be sent: {}", method.name, type(error).__name__
            )
            raise RequestRefused(
                Code.HANDLER_FAILED, "the handler's answer cannot be sent"
            ) from None
        if len(encoded) > smaller(method.reply_bytes_max, self._limits.reply_bytes_max):
            logger.error("synapse {} answered {} bytes", method.name, len(encoded))
            raise RequestRefused(Code.HANDLER_FAILED, "the answer is larger than replies may be")
        return encoded

    def _left_s(self, ticket: Ticket) -> float:
        left_s = ticket.budget_s - (self._clock.monotonic() - ticket.opened_s)
        if left_s <= 0:
            raise RequestRefused(Code.OUT_OF_TIME, "the caller's budget was spent waiting")
        return left_s

    # -- the ceiling, saved aside

    async def _secure(self, nonce_ns: int) -> None:
        """Return when a ceiling above this nonce is on disk; renew an ageing one in passing."""
        if self._nonces.wanted(nonce_ns) is None:
            return
        while True:
            if self._reserving is None:
                wanted = self._nonces.wanted(nonce_ns)
                if wanted is not None:
                    self._reserving = asyncio.ensure_future(self._reserve(wanted))
            if nonce_ns <= self._nonces.ceiling or self._reserving is None:
                return
            try:
                await asyncio.shield(self._reserving)
            except Unavailable as error:
                logger.error("requests are refused: {}", error.cause)
                raise RequestRefused(
                    Code.OVERLOADED, "the memory of requests cannot be saved", retry_after_s=10.0
                ) from None

    async def _reserve(self, ceiling_ns: int) -> None:
        store = self._nonces.store
        try:
            if store.blocking:
                await asyncio.to_thread(store.save, ceiling_ns)
            else:
                store.save(ceiling_ns)
            self._nonces.reserved(ceiling_ns)
        finally:
            self._reserving = None

    # -- replies

    def refuse(self, head: signing.RequestHead, refusal: RequestRefused) -> SignedReply | None:
        """A refusal before the body was read; None: say nothing, cut the connection."""
        if not self._admission.may_refuse(self._clock.monotonic()):
            return None
        request_hash = signing.request_hash(head, signing.UNREAD_BODY)
        return self._sign_refusal(head, refusal, request_hash, signing.SCOPE_HEAD)

    def _sign_refusal(
        self, head: signing.RequestHead, refusal: RequestRefused, request_hash: bytes, scope: str
    ) -> SignedReply:
        retry_after_s = refusal.retry_after_s
        headers: tuple[tuple[str, str], ...] = (
            ("Content-Type", CONTENT_TYPE),
            (signing.H_REPLY_HOTKEY, self._signer.address),
            (signing.H_REPLY_SCOPE, scope),
        )
        if retry_after_s is not None:
            headers += (("Retry-After", str(max(1, math.ceil(retry_after_s)))),)
        body = msgspec.msgpack.encode(
            Refusal(code=refusal.code, detail=refusal.detail, retry_after_s=retry_after_s)
        )
        receiver = head.hotkey or signing.NO_RECEIVER
        return self._sign(refusal.status, headers, body, request_hash, scope, receiver)

    def _sign(
        self,
        status: int,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        request_hash: bytes,
        scope: str,
        receiver: str,
    ) -> SignedReply:
        payload = signing.reply_payload(
            scope=scope,
            request_hash=request_hash,
            status=status,
            headers=headers,
            body=body,
            sender=self._signer.address,
            receiver=receiver,
        )
        signature = "0x" + self._signer.sign(payload).hex()
        return SignedReply(
            status,
            (*headers, (signing.H_REPLY_SIGNATURE, signature)),
            body,
            scope == signing.SCOPE_HEAD,
        )

    # -- the end

    async def drain(self) -> None:
        """Let nobody in any more and wait, within the limit, until nothing runs."""
        self._draining = True
        try:
            await bounded(self._clock, self._limits.drain_s_max, self._idle.wait())
        except TimeoutError:
            logger.warning("{} requests did not finish in time", self._answering)
        if self._reserving is not None:
            await asyncio.gather(self._reserving, return_exceptions=True)

    def close(self) -> None:
        """After the last request: lower the ceiling to what was really accepted."""
        self._nonces.close()
