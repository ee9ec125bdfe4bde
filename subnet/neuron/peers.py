"""Asking other neurons: one question, a stream of replies, or many questions at once.

``Peers`` finds a neuron's address in the chain's newest moment, calls it over a dendrite, and turns
every way that a call can end into an ``Answer``. Questions go out with bounded concurrency, each
with a deadline of its own.

This module does not know what a question means, what an answer is worth, or how bytes travel.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from loguru import logger

from assay.chain.view import Moment
from assay.neuron.opinions import Reason
from assay.neuron.record import Role, parse
from assay.types import Ss58, Uid
from assay.wire.errors import CallError, PeerUnreachable
from assay.wire.evidence import pack
from assay.wire.exchange import too_large
from assay.wire.interface import AnyDendrite, AnyStream, Method, Peer
from assay.wire.limits import DEFAULT
from assay.wire.methods import smaller
from assay.wire.synapse import MessageInvalid, Synapse, decode, encode

Req = TypeVar("Req", bound=Synapse)
Rep = TypeVar("Rep", bound=Synapse)

STREAM_BYTES_MAX: Final = DEFAULT.reply_bytes_max
"""Of all replies of one stream that is collected into an answer: as much as one unary reply. A peer
that streams without end would else fill this machine's memory until the deadline."""
STREAMS_BYTES_MAX: Final = DEFAULT.replies_bytes_max
"""Of all streams that are collected at one time."""
CONCURRENCY: Final = 64
"""Questions in flight. With more of them our own machine is what a latency measures."""


class Origin(enum.StrEnum):
    """Who asked the question of an answer."""

    SYNTHETIC = "synthetic"
    """The validator, to see what a miner does."""
    ORGANIC = "organic"
    """A client, who wanted the answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """A neuron that a request goes to; ``commitment`` is the task's part of what it last published
    on chain."""

    uid: Uid
    hotkey: Ss58
    commitment: bytes | None


@dataclass(frozen=True, slots=True)
class Question(Generic[Req, Rep]):
    """One message to one target. ``method`` needs no handler here."""

    target: Target
    method: Method[Req, Rep]
    message: Req
    deadline_s: float | None = None
    """For this question alone; None: as for all that are asked with it."""
    reply_bytes_max: int | None = None
    """Of all replies of a streamed method, where what is asked for needs fewer bytes than
    ``STREAM_BYTES_MAX``. As objects they take seven times as much memory."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[Req, Rep]):
    """One request and what came back. Exactly one of ``reply`` and ``failure`` is None.

    ``latency_s`` is the wire's (``assay.wire.interface.Reply``): from the moment the request was
    signed to the last byte of the reply; for a failure, until the failure was known. ``code`` names
    the failure for programs. ``frames`` are all replies of a streamed method, in order; ``reply``
    is the last of them.
    """

    target: Target
    request: Req
    reply: Rep | None
    failure: str | None
    latency_s: float
    code: str | None = None
    outcome: str = "reply"
    """What became of the request, as one of few words; ``code`` may be a peer's own word."""
    method: str = ""
    frames: tuple[Rep, ...] = ()
    frames_s: tuple[float, ...] = ()
    """The latency of each frame."""
    first_s: float | None = None
    """Of a streamed method: from signing the request to the first frame."""
    origin: Origin = Origin.SYNTHETIC
    evidence: bytes | None = None
    """What shows a third party who signed what (``assay.wire.evidence``), packed."""
    body: bytes | None = None
    """The reply as it was signed."""
    turns_open: int = 1
    """How many turns it took, of a question that was posted (``assay.neuron.background``)."""
    network_s: float = 0.0
    """The part of the latency that the network took, as far as the system knows it."""

    @property
    def failure_reasons(self) -> tuple[Reason, ...]:
        """Why no reply came, for a verdict; empty if one came."""
        return () if self.failure is None else (Reason(self.code or "failed", self.failure),)


class UnsendableMessage(ValueError):
    """A message that no peer could take. The mistake is the asker's: no peer is blamed for it."""


class Peers:
    """Every neuron of the subnet that publishes an address, and the ways to ask it."""

    def __init__(
        self,
        dendrite: AnyDendrite,
        *,
        task: str,
        own: Ss58,
        now: Callable[[], Moment],
        concurrency: int = CONCURRENCY,
    ) -> None:
        """``task`` is the name that wire paths begin with, ``own`` this neuron's hotkey, and
        ``now()`` the chain's newest moment."""
        self._dendrite = dendrite
        self._task = task
        self._own = own
        self._now = now
        self._places = asyncio.Semaphore(concurrency)
        self._streams_bytes = 0
        """Held by the streams that are collected now."""

    def find(self, hotkey: Ss58) -> Target | None:
        """The neuron of this hotkey as a target, or None if it publishes no address now."""
        return next((t for t, _ in addressed(self._now()) if t.hotkey == hotkey), None)

    def find_peer(self, hotkey: Ss58) -> Peer | None:
        """Where the neuron of this hotkey listens, as ``Objects`` wants it; None if the hotkey
        publishes no address now."""
        neuron = self._now().metagraph.by_hotkey(hotkey)
        if neuron is None or neuron.axon is None:
            return None
        return Peer(neuron.hotkey, neuron.axon.host, neuron.axon.port)

    def of_role(self, role: Role) -> list[Target]:
        """All neurons of a role that publish an address, by uid, this one left out."""
        return targets_of(self._now(), self._own, role)

    async def call(
        self, target: Target, method: Method[Req, Rep], message: Req, *, deadline_s: float
    ) -> Answer[Req, Rep]:
        """Ask one question. A failure is an answer too; nothing about the peer raises.
        UnsendableMessage for a message that no peer could take."""
        question = Question(target, method, message)
        self.check(question)
        async with self._places:
            return await self._call(question, deadline_s)

    def stream(
        self, target: Target, method: Method[Req, Rep], message: Req, *, deadline_s: float
    ) -> AbstractAsyncContextManager[AnyStream[Rep]]:
        """Ask a streamed method, and read its replies as they come. Raises a ``CallError`` where
        the wire does; ``PeerUnreachable`` for a target without an address, UnsendableMessage for a
        message that no peer could take."""
        self.check(Question(target, method, message))
        peer = self.find_peer(target.hotkey)
        if peer is None:
            raise PeerUnreachable(
                target.hotkey, "publishes no address.", "Ask it again once it does."
            )
        return self._dendrite.stream(
            peer, self.path(method), message, method.reply, deadline_s=deadline_s
        )

    async def fan_out(
        self,
        questions: Sequence[Question[Any, Any]],
        *,
        deadline_s: float,
        places: asyncio.Semaphore | None = None,
    ) -> list[Answer[Any, Any]]:
        """Ask all questions at once; the answers come in the questions' order.

        A question's own deadline counts before ``deadline_s``. ``places`` bounds how many are asked
        at a time, instead of what bounds all others.

        UnsendableMessage, before anything is sent, if there is a message that no peer could take.
        """
        for question in questions:
            self.check(question)

        async def ask(question: Question[Any, Any]) -> Answer[Any, Any]:
            async with places or self._places:
                return await self._call(question, question.deadline_s or deadline_s)

        return list(await asyncio.gather(*(ask(question) for question in questions)))

    def check(self, question: Question[Any, Any]) -> None:
        """UnsendableMessage unless the question's message is one that its method takes."""
        message, method = question.message, question.method
        what, path = f"a {type(message).__name__}", self.path(method)
        if not isinstance(message, method.request):
            raise UnsendableMessage(f"{what} is not the {method.request.__name__} of {path}")
        try:
            body = encode(message)
        except Exception as error:  # as many kinds as there are values that a field may hold
            why = f"{type(error).__name__}: {error}"
            raise UnsendableMessage(f"{what} cannot be written as bytes: {why}") from error
        most = smaller(method.request_bytes_max, DEFAULT.request_bytes_max)
        if len(body) > most:
            raise UnsendableMessage(
                f"{what} of {len(body)} bytes is larger than the {most} that {path} takes"
            )
        try:
            decode(method.request, body)  # as the peer will
        except MessageInvalid as error:
            raise UnsendableMessage(f"{what} breaks its own rules: {error}") from None

    def path(self, method: Method[Any, Any]) -> str:
        """Where a method of this task is served on the wire."""
        return wire_path(self._task, method.name)

    async def _call(self, question: Question[Any, Any], deadline_s: float) -> Answer[Any, Any]:
        target, method = question.target, question.method

        peer = self.find_peer(target.hotkey)
        if peer is None:
            return Answer(
                target,
                question.message,
                None,
                "publishes no address",
                0.0,
                code="no_address",
                outcome="no_address",
                method=method.name,
            )
        deadline_s = smaller(method.budget_s_max, deadline_s)
        try:
            if method.stream:
                return await self._collected(question, peer, deadline_s)
            reply = await self._dendrite.call(
                peer, self.path(method), question.message, method.reply, deadline_s=deadline_s
            )
        except CallError as error:
            logger.debug("uid {} did not answer: {}", target.uid, error)
            return failed(question, error)
        return Answer(
            target,
            question.message,
            reply.message,
            None,
            reply.latency_s,
            method=method.name,
            evidence=pack(reply.evidence),
            body=reply.body,
            network_s=reply.network_s,
        )

    async def _collected(
        self, question: Question[Any, Any], peer: Peer, deadline_s: float
    ) -> Answer[Any, Any]:
        """All frames of a streamed answer. A stream that is cut, or has more than it may, is a
        failure, with the frames that were signed and the evidence of them."""
        frames: list[Synapse] = []
        frames_s: list[float] = []
        counted = 0
        most = smaller(question.reply_bytes_max, STREAM_BYTES_MAX)
        async with self._dendrite.stream(
            peer,
            self.path(question.method),
            question.message,
            question.method.reply,
            deadline_s=deadline_s,
        ) as replies:
            try:
                async for frame in replies:
                    self._streams_bytes += replies.payload_bytes - counted
                    counted = replies.payload_bytes
                    if counted > most or self._streams_bytes > STREAMS_BYTES_MAX:
                        raise too_large(peer, most)
                    frames.append(frame)
                    frames_s.append(replies.latency_s)
            except CallError as error:
                logger.debug("uid {} broke its stream: {}", question.target.uid, error)
                answer = failed(question, error)
            else:
                answer = Answer(
                    question.target,
                    question.message,
                    frames[-1] if frames else None,
                    None if frames else "streamed nothing",
                    replies.latency_s,
                    code=None if frames else "empty_stream",
                    outcome="reply" if frames else "empty_stream",
                    method=question.method.name,
                )
            finally:
                self._streams_bytes -= counted
        evidence = replies.evidence
        return replace(
            answer,
            frames=tuple(frames),
            frames_s=tuple(frames_s),
            first_s=frames_s[0] if frames_s else None,
            network_s=replies.network_s,
            evidence=pack(evidence) if evidence is not None else answer.evidence,
        )


def failed(question: Question[Any, Any], error: CallError) -> Answer[Any, Any]:
    """The answer to a question that ended with ``error``."""
    shown = getattr(error, "evidence", None)
    return Answer(
        question.target,
        question.message,
        None,
        error.what.removesuffix("."),
        error.latency_s or 0.0,
        code=getattr(error, "code", "") or error.kind,
        outcome=error.kind,
        method=question.method.name,
        evidence=pack(shown) if shown is not None else None,
    )


def wire_path(task: str, method: str) -> str:
    """The path on the wire of a task's method: the task's name alone for the method ""."""
    return f"{task}.{method}" if method else task


def addressed(moment: Moment) -> list[tuple[Target, Role]]:
    """Every neuron that publishes an address, by uid, with the role that it has.

    A neuron has the role that its record declares. One that calls itself a validator counts as one
    only while it holds a permit. Without one it is a miner if it is paid as one: otherwise a miner
    could leave the validators' sight by a word and keep its pay for a while. A validator that waits
    for its permit is neither, as a client is: nobody asks it for work that it does not do.
    """
    found = []
    for neuron in moment.metagraph.neurons:
        if neuron.axon is None:
            continue
        committed = moment.commitments.get(neuron.hotkey)
        record = parse(committed.data if committed else None)
        role = record.role
        if role is Role.VALIDATOR and not neuron.validator_permit:
            role = Role.MINER if neuron.incentive else Role.CLIENT
        found.append((Target(neuron.uid, neuron.hotkey, record.data), role))
    return found


def targets_of(moment: Moment, own: Ss58, role: Role = Role.MINER) -> list[Target]:
    """Every neuron of a role that publishes an address, by uid, except the hotkey ``own``."""
    return [target for target, has in addressed(moment) if has is role and target.hotkey != own]
