"""From one wish for text to its tokens, whichever miners it takes.

``Router.answer`` asks the best miner first. If no first token comes within a multiple of the usual
time, a second miner is asked as well, and whoever is first goes on (a hedge). If a miner breaks off
in the middle, another one goes on where it stopped: it is told the tokens so far (``begun``) and
the first miner's hotkey, which keys the sampler's noise, so the text goes on without a seam. Miners
take such requests from permit holders only; a gateway without a permit ends the answer with an
error instead.

Each miner that breaks off, or sends what was not asked for, is told to ``Health``. All randomness
and time are passed in. This module knows no HTTP and no keys.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, NamedTuple

from loguru import logger

from assay.aio import first
from assay.chain.view import Moment
from assay.clock import Clock
from assay.gateway.calls import MinerCall, PiecesInvalid
from assay.gateway.candidates import Candidate, candidates, ranked
from assay.gateway.health import Health
from assay.gateway.openai.errors import SERVER, ApiError, overloaded
from assay.gateway.openai.meaning import AnswerOptions
from assay.gateway.text import AnswerText, Spelling
from assay.gateway.waiting import WaitingLine
from assay.metrics import NO_METRICS, Metrics
from assay.protocol.client_receipts import CallRecord
from assay.protocol.inference import SEED_MAX, Complete, NumericPath, TokenLogprob
from assay.types import Ss58
from assay.wire.errors import CallError, PeerBusy, PeerRefused
from assay.wire.interface import AnyDendrite

ANSWER_S_MAX: Final = 600.0
"""The longest answer: what OpenAI's own client waits for by default."""
MINERS_MAX: Final = 6
"""Miners that one answer may take. An answer that kills six of them should not reach a seventh."""
REFUSALS_MAX: Final = 2
"""Miners that must refuse a request before the client is told that the request is wrong."""
HEDGE_FACTOR: Final = 3.0
"""A second miner is asked after so many times the usual first token: of honest answers about one
in a hundred takes longer."""
HEDGE_S_MIN: Final = 0.25
"""Below that a hedge costs more work than the waiting that it saves."""
HEDGE_S_MAX: Final = 10.0
HEDGES_SHARE: Final = 0.1
"""Hedges per answer, over many answers: when all miners are slow, asking twice makes it worse."""
HEDGES_SAVED: Final = 10.0
"""Hedges that may come at once after a quiet time."""
PLACE_S_MAX: Final = 20.0
"""How long a request waits for a place at a miner while all are busy, in all, and then is told to
come again: well before a proxy or a client takes a silent connection for dead."""
BUSY_MAX: Final = 16
"""How often miners may send one answer away as busy. Miners that have shown how many they take are
not asked for more, so that an honest subnet does it once or twice."""
USUAL_TOKENS, USUAL_NEWEST = 64.0, 0.05
"""The length of an answer before any was made, and the share of the newest one in the average: the
last forty or so count. Miners are ranked by the time that an answer of this length takes; a wish
for 4,096 tokens usually ends long before."""
LOOK_S: Final = 2.0
"""All requests that wait look again at these moments: a rest that a miner begins meanwhile wakes
nobody when it ends. Seldom enough that five hundred which wait cost a hundredth of a core."""
NOBODY_S: Final = 12.0
"""When to try again if the chain shows no miner of the model: a block of a public chain."""


@dataclass(frozen=True, slots=True)
class TextWish:
    """One answer that is wanted: the continuation of ``prompt``."""

    prompt: str
    max_tokens: int
    seed: int
    options: AnswerOptions
    choice: int = 0
    miner: Ss58 | None = None
    """The miner that has to begin the answer, if the client named one."""
    avoid: frozenset[Ss58] = frozenset()
    """Miners that are not asked."""
    cache: bytes = b""
    """Keeps what miners remember of this conversation apart from others."""
    whose: str = ""
    """The client, by which requests that wait for a miner's place take turns."""


@dataclass(slots=True)
class Growth:
    """What an answer has grown by, and whose it is."""

    text: str
    """What is certain to be the answer's text."""
    tokens: list[int]
    logprobs: list[TokenLogprob]
    finish: Literal["length", "stop"] | None
    """In the last growth, and in no other."""
    candidate: Candidate


@dataclass(slots=True)
class Trail:
    """What has become of one answer: grows while the answer is made."""

    records: list[CallRecord] = field(default_factory=list)
    """What each miner has signed, in the order in which the miners took part."""
    tokens: list[int] = field(default_factory=list)
    first: Ss58 | None = None
    """The miner that began: its hotkey keys the noise of the whole answer."""
    path: NumericPath | None = None
    """How that miner computes: on another path the answer would go on otherwise."""
    tried: set[Ss58] = field(default_factory=set)
    asked: set[Ss58] = field(default_factory=set)
    """All miners that have seen the prompt; of those that were busy ``tried`` forgets."""
    refusals: int = 0
    busy: int = 0
    """How often miners have said that they are busy."""


class _Needs(NamedTuple):
    """What a miner must be to take an answer, or to go on with it."""

    named: Ss58 | None
    path: NumericPath | None
    """None: any, also that of foreign engines if the answer is ``simple``."""
    simple: bool
    tried: frozenset[Ss58]
    """Miners that have been asked already, or are not to be."""

    def met_by(self, candidate: Candidate) -> bool:
        """Whether ``candidate`` is such a miner."""
        return (
            candidate.hotkey not in self.tried
            and self.named in (None, candidate.hotkey)
            and (self.simple or candidate.path is not NumericPath.ENGINE)
            and self.path in (None, candidate.path)
        )


def _needs(wish: TextWish, trail: Trail) -> _Needs:
    """What a miner must be to take ``wish``, or to go on with its answer of ``trail``."""
    tried = wish.avoid | trail.tried
    if trail.tokens:
        # Whoever goes on with an answer draws with the noise of the miner that began.
        return _Needs(None, trail.path, False, tried)
    return _Needs(wish.miner, None, wish.options.is_simple, tried)


class Router:
    """Finds miners for answers, and goes on with others where they fail."""

    def __init__(
        self,
        dendrite: AnyDendrite,
        *,
        spelling: Spelling,
        root: bytes,
        paths: Collection[NumericPath],
        own: Ss58,
        now: Callable[[], Moment],
        clock: Clock,
        rng: random.Random,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """``spelling`` is the model's tokenizer and ``root`` its name; ``paths`` are the ways of
        computing that are accepted, ``own`` is this gateway's hotkey, and ``now()`` gives the
        chain's newest moment."""
        self._dendrite = dendrite
        self._spelling = spelling
        self._root = root
        self._paths = frozenset(paths)
        self._own = own
        self._now = now
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self.health = Health()
        self._hedges = HEDGES_SAVED
        self._waiting = WaitingLine[Candidate](self._not_asked)
        self._looked_s = -math.inf
        """When a place was last looked for, for all who wait."""
        self._usual_tokens = USUAL_TOKENS
        """Of an answer: a moving average."""
        self._seen: tuple[Moment, list[Candidate]] | None = None
        """The newest moment, and the miners that it shows: reading them takes long."""

    def candidates(self) -> list[Candidate]:
        """Every miner of the model that the chain shows now, by uid."""
        moment = self._now()
        if self._seen is None or self._seen[0] is not moment:
            self._seen = (moment, candidates(moment, self._root, self._paths, self._own))
        return self._seen[1]

    def draw_seed(self) -> int:
        """A seed for a request that gives none, so that its answer can be continued."""
        return self._rng.randrange(SEED_MAX + 1)

    async def answer(self, wish: TextWish, trail: Trail) -> AsyncGenerator[Growth, None]:
        """What one answer grows by, until its end. ``trail`` is told who took part. ApiError where
        no miner can begin the answer, or none can go on."""
        self._check_named(wish)
        self._hedges = min(HEDGES_SAVED, self._hedges + HEDGES_SHARE)
        ends_s = self._clock.monotonic() + ANSWER_S_MAX
        text = AnswerText(self._spelling, wish.options.stop, wish.max_tokens)
        while not text.is_over():
            call = await self._begun(wish, trail, ends_s)
            try:
                async with contextlib.aclosing(self._grown(call, text, trail)) as grown:
                    async for growth in grown:
                        yield growth
            except (CallError, PiecesInvalid) as error:
                self._blame(call.candidate, error, trail)
                self._check_may_go_on(trail)
                self._metrics.count("assay_gateway_failovers_total")
            finally:
                await self._close(call, trail)
        self._usual_tokens += USUAL_NEWEST * (len(trail.tokens) - self._usual_tokens)
        self._count("served")

    async def _grown(
        self, call: MinerCall, text: AnswerText, trail: Trail
    ) -> AsyncGenerator[Growth, None]:
        """What ``text`` grows by out of one call, until the answer is over; or the failure."""
        while not text.is_over():
            pieces = await call.next()
            if not pieces:
                raise PiecesInvalid("it ended without saying how")
            if not trail.tokens:
                trail.first, trail.path = call.candidate.hotkey, call.candidate.path
            grown = Growth("", [], [], None, call.candidate)
            for piece in pieces:
                trail.tokens += piece.tokens
                grown.text += text.add(piece.tokens)
                grown.tokens += piece.tokens
                grown.logprobs += piece.logprobs
                if piece.end is not None and not text.is_over():
                    grown.text += text.end(piece.end.finish)
                if text.is_over():
                    await call.finished(piece)
                    self.health.served(call.candidate.hotkey)
                    break
            grown.finish = text.finish
            self._note_pace(call, whole=False)
            yield grown

    def _check_named(self, wish: TextWish) -> None:
        """ApiError if ``wish`` names a miner that is not there or cannot be asked for this."""
        if wish.miner is None or self._able(wish, Trail()):
            return
        known = any(candidate.hotkey == wish.miner for candidate in self.candidates())
        raise ApiError(
            400,
            "The miner that 'x-assay-miner' names cannot answer this request: its engine is a "
            "foreign one, which is asked for greedy answers without logprobs and stop texts alone."
            if known
            else "'x-assay-miner' names no miner of this model. It takes the hotkey of one, as the "
            "same header of a reply shows it.",
            param="x-assay-miner",
            code="miner_not_found",
        )

    def _check_may_go_on(self, trail: Trail) -> None:
        """ApiError if no other miner can take over the answer of ``trail``."""
        if not trail.tokens:
            return
        neuron = self._now().metagraph.by_hotkey(self._own)
        if neuron is None or not neuron.validator_permit:
            raise ApiError(
                502,
                "The miner that made this answer broke off, and this gateway has no permit with "
                "which another one could go on. Please ask again.",
                kind=SERVER,
                code="miner_failed",
            )

    async def _begun(self, wish: TextWish, trail: Trail, ends_s: float) -> MinerCall:
        """A call that has its first piece. The calls that lost against it are over."""
        calls: list[MinerCall] = []
        may_hedge = True
        waits_until_s = self._clock.monotonic() + PLACE_S_MAX
        try:
            while True:
                if not calls:
                    found = await self._place(wish, trail, waits_until_s)
                    calls.append(self._call(found, wish, trail, ends_s))
                hedge_s = self._hedge_s(calls[0]) if may_hedge and len(calls) == 1 else None
                ready = await self._first_ready(calls, hedge_s)
                if ready is None:
                    may_hedge = False
                    calls += self._hedge(wish, trail, ends_s)
                elif ready.failure is not None and ready.first_s is None:
                    calls.remove(ready)
                    self._blame(ready.candidate, ready.failure, trail)
                    await self._close(ready, trail)
                else:
                    calls.remove(ready)
                    self._first_token(ready, calls)
                    return ready
        finally:
            for call in calls:
                await self._close(call, trail)

    async def _first_ready(self, calls: list[MinerCall], hedge_s: float | None) -> MinerCall | None:
        """Whichever of ``calls`` has a piece or a failure first; None after ``hedge_s``."""

        async def ready(call: MinerCall) -> MinerCall | None:
            await call.ready.wait()
            return call

        async def late(seconds: float) -> MinerCall | None:
            await self._clock.sleep(seconds)
            return None

        timers = [] if hedge_s is None else [late(hedge_s)]
        return await first(*map(ready, calls), *timers)

    def _hedge_s(self, call: MinerCall) -> float:
        """How much longer to wait for the first piece of ``call`` before another miner is asked."""
        wait_s = min(max(HEDGE_FACTOR * self.health.usual_s(), HEDGE_S_MIN), HEDGE_S_MAX)
        return max(0.0, wait_s - call.age_s)

    def _hedge(self, wish: TextWish, trail: Trail, ends_s: float) -> list[MinerCall]:
        """A call of a second miner, if there is one and hedges are not used up."""
        taken = self._take(wish, trail) if self._hedges >= 1.0 else None
        if taken is None:
            return []
        self._hedges -= 1.0
        self._metrics.count("assay_gateway_hedges_total")
        return [self._call(taken, wish, trail, ends_s)]

    def _first_token(self, won: MinerCall, lost: list[MinerCall]) -> None:
        """Note how long first tokens took, and of who lost that it takes at least so long."""
        now_s = self._clock.monotonic()
        seconds = won.first_s if won.first_s is not None else won.age_s
        self.health.first_token(won.candidate.hotkey, seconds, now_s)
        self._metrics.observe("assay_gateway_miner_first_token_seconds", seconds)
        for call in lost:
            self.health.first_token(call.candidate.hotkey, call.age_s, now_s)

    def _call(self, candidate: Candidate, wish: TextWish, trail: Trail, ends_s: float) -> MinerCall:
        """Ask a miner whose place was taken."""
        trail.tried.add(candidate.hotkey)
        trail.asked.add(candidate.hotkey)
        return MinerCall(
            candidate,
            self._message(candidate, wish, trail),
            wish.choice,
            self._dendrite,
            self._clock,
            deadline_s=max(0.0, ends_s - self._clock.monotonic()),
        )

    def _message(self, candidate: Candidate, wish: TextWish, trail: Trail) -> Complete:
        options = wish.options
        fields: dict[str, Any] = {"bias": dict(options.bias)} if options.bias else {}
        return Complete(
            model=self._root,
            prompt=wish.prompt,
            max_tokens=wish.max_tokens - len(trail.tokens),
            seed=wish.seed,
            temperature=options.temperature,
            miner=trail.first if trail.first and trail.tokens else candidate.hotkey,
            top_k=options.top_k,
            top_p=options.top_p,
            min_p=options.min_p,
            repetition_penalty=options.repetition_penalty,
            presence_penalty=options.presence_penalty,
            frequency_penalty=options.frequency_penalty,
            stop=list(options.stop),
            logprobs=options.logprobs,
            begun=list(trail.tokens),
            cache=wish.cache,
            **fields,
        )

    async def _close(self, call: MinerCall, trail: Trail) -> None:
        """End a call, and keep what its miner has signed."""
        await call.close()
        self._note_pace(call, whole=True)
        self._not_asked(call.candidate)
        self._waiting.hand_out()
        record = call.record
        if record is not None:
            trail.records.append(record)

    def _note_pace(self, call: MinerCall, *, whole: bool) -> None:
        """Remember how fast the miner of ``call`` goes on, once there is enough of it."""
        if (pace := call.pace.taken(whole=whole)) is not None:
            self.health.went_on(call.candidate.hotkey, *pace, self._clock.monotonic())

    def _ranked(self, wish: TextWish, trail: Trail) -> list[Candidate]:
        tokens = min(wish.max_tokens, max(self._usual_tokens, len(trail.tokens) + 1.0))
        left = tokens - len(trail.tokens)
        return ranked(self._able(wish, trail), self.health, left, self._clock.monotonic())

    def _take(self, wish: TextWish, trail: Trail) -> Candidate | None:
        """The best miner that has a place for ``wish``, which is taken; None if none has."""
        found = next(iter(self._ranked(wish, trail)), None)
        if found is not None:
            self.health.began(found.hotkey, self._clock.monotonic())
        return found

    def _not_asked(self, candidate: Candidate) -> None:
        """Give back the place of a miner that is not asked, or not any more."""
        self.health.ended(candidate.hotkey)

    def _able(self, wish: TextWish, trail: Trail) -> list[Candidate]:
        """The miners that could take ``wish``, or go on with its answer, and have not been asked
        for it."""
        needs = _needs(wish, trail)
        return [candidate for candidate in self.candidates() if needs.met_by(candidate)]

    async def _place(self, wish: TextWish, trail: Trail, ends_s: float) -> Candidate:
        """The miner to ask next, waited for until ``ends_s`` while all are busy; ApiError if nobody
        is left. Its place is taken."""
        with self._waiting.joined(
            wish.whose, _needs(wish, trail), partial(self._take, wish, trail)
        ) as waiter:
            due_s = math.inf
            while True:
                able = self._able(wish, trail)
                self._check_left(trail, able)
                now_s = self._clock.monotonic()
                # Many wake at one moment, and one look is for all.
                look = self._looked_s < due_s
                if look:
                    self._looked_s = now_s
                if (found := waiter.collect(look=look)) is not None:
                    return found
                # Until when each miner rests that could take this and is left alone.
                ends = (self.health.asks_from_s(each.hotkey) for each in able)
                rests = [until_s for until_s in ends if until_s > now_s]
                again_s = min(rests, default=ends_s)
                # A call that ends may free the others.
                all_rest = len(rests) == len(able)
                if now_s >= ends_s or trail.busy >= BUSY_MAX or (all_rest and again_s > ends_s):
                    self._count("nobody")
                    raise overloaded(max(1.0, again_s - now_s))
                due_s = min(again_s, ends_s, (now_s // LOOK_S + 1.0) * LOOK_S)
                await waiter.until(self._clock, due_s - now_s)

    def _check_left(self, trail: Trail, able: Sequence[Candidate]) -> None:
        """ApiError if nobody is left to be asked; ``able`` are those who could be."""
        if trail.refusals >= REFUSALS_MAX:
            raise ApiError(
                400,
                "The miners of this model refuse this request: it may be longer than their "
                "context, or ask for what they do not offer.",
                code="refused_by_miners",
            )
        if len(trail.tried) >= MINERS_MAX:
            raise self._nobody_answers()
        if able:
            return
        if trail.tried:
            raise self._nobody_answers()
        self._count("nobody")
        raise overloaded(NOBODY_S)

    def _nobody_answers(self) -> ApiError:
        self._count("failed")
        return ApiError(
            503,
            "No miner could answer this request. Please try again in a moment.",
            kind=SERVER,
            code="miners_failed",
            retry_after_s=1.0,
        )

    def _blame(self, candidate: Candidate, error: CallError | PiecesInvalid, trail: Trail) -> None:
        """Remember of ``candidate`` how its call has failed."""
        now_s = self._clock.monotonic()
        if isinstance(error, PeerBusy):
            self.health.busy(candidate.hotkey, error.retry_after_s or 1.0, now_s)
            trail.tried.discard(candidate.hotkey)  # it may be asked again once it has a place
            trail.busy += 1
            kind = "busy"
        else:
            self.health.failed(candidate.hotkey, now_s)
            trail.refusals += isinstance(error, PeerRefused)
            kind = error.kind if isinstance(error, CallError) else "pieces_invalid"
        # A miner's own words stay out: it may repeat a prompt.
        logger.debug("uid {} failed a client: {}", candidate.uid, kind)
        self._metrics.count("assay_gateway_miner_failures_total", outcome=kind)

    def _count(self, outcome: str) -> None:
        self._metrics.count("assay_gateway_answers_total", outcome=outcome)
