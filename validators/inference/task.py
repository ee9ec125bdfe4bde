"""The inference validator: draw requests, replay answers, and say what each answer is worth.

In each turn every miner is asked once; out come verdicts with reasons. Each answer is examined on
its own by ``answers``. All are asked at the same moment, so that uids that share a machine share
what it draws in the window that is paid (``assay.scoring.inference.speed``); in some turns for
several answers at once (``bursts``), which is where speed is measured. A turn lasts no longer than
a burst should: what comes later is judged in a later one. ``requests`` draws what is asked,
``speeds`` remembers who is how fast and ``probation`` who is not paid yet.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from loguru import logger

from assay.models.corpus import Corpus
from assay.models.opening import find_model
from assay.neuron import (
    Answer,
    JudgedCall,
    Method,
    Origin,
    Pace,
    Question,
    Score,
    Target,
    TaskContext,
    TaskSettings,
    Turn,
    ValidatorTask,
    Verdict,
)
from assay.protocol.bursts import BURST, Burst, BurstFrame
from assay.protocol.handing_on import (
    COMPLAIN,
    OFFER,
    SHOW,
    CallTaken,
    DrawnIn,
    Judgement,
    Offer,
    ShownCall,
    Wanted,
)
from assay.protocol.inference import (
    NAME,
    STREAM,
    Complete,
    Completion,
    ModelCommitment,
    NumericPath,
    Piece,
    assemble,
)
from assay.scoring.inference.probation import Sentence
from assay.scoring.inference.speed import (
    NETWORK_S_MAX,
    WINDOW_S,
    engine_time,
    speed_factors,
)
from assay.types import Ss58
from assay.validators.inference.answers import Finding, Judge, Without, unjudged
from assay.validators.inference.bursts import (
    BURST_SHARE,
    BurstShape,
    drawn_numbers,
    examine_burst,
    least_tokens,
    reply_bytes_max,
    tokens_asked,
)
from assay.validators.inference.canaries import Canaries, Door
from assay.validators.inference.canary_requests import CanaryRequests
from assay.validators.inference.client_calls import judge_call, judge_receipt
from assay.validators.inference.client_desk import FILE as CONVICTIONS
from assay.validators.inference.client_desk import ClientDesk
from assay.validators.inference.gateway_client import GatewayClient, parse_gateway, read_keys
from assay.validators.inference.probation import FILE, Probation
from assay.validators.inference.replays import Replays
from assay.validators.inference.requests import Requests
from assay.validators.inference.settings import ValidatorSettings, tell_terms
from assay.validators.inference.speeds import LATENCY_S_MIN, Speeds
from assay.wire.interface import Membership

if TYPE_CHECKING:
    import random

Given = Answer[Any, Any]
"""To a ``Complete`` or to a ``Burst``."""
METHOD: Final = Method(STREAM, Complete, Piece, stream=True)
IN_BURST: Final = Method(BURST, Burst, BurstFrame, stream=True)
OWN: Final = frozenset({METHOD.name, IN_BURST.name})
"""The methods by which a turn asks."""
SETTLE_S: Final = 4 / 3 * WINDOW_S + NETWORK_S_MAX + 0.4
"""How long a turn lasts at most: what a burst takes from as far away as may be, and 0.4 s to read a
prompt, which a busy machine needs. All uids of a machine are then free when the next turn asks.
Nobody is waited for who took longer the last time, so a slow miner takes no time from others."""
PACE_S: Final = 2.0
"""Between two turns. A burst draws for more than a second on all that a machine has; with half the
pause, the neurons of one machine (``assay up``) would keep its processors busy."""
SLOWEST_PER_S: Final = 1.0
"""Tokens a second of the slowest miner that can get in and be paid."""
PATIENCE: Final = 1.5
"""Times what the slowest miner takes for its tokens: it reads the prompt before, and varies by a
tenth. With 1.2 it lost one answer in twenty; with more, calls that nobody answers stay open."""
PATIENCE_S_MAX: Final = 115.0
"""Below ``Limits.handler_s_max``, beyond which an axon refuses a request. An entrance of 96 tokens
at the slowest speed fits."""


NOT_REPLAYED: Final = "not replayed this time"
SEEDS_MAX: Final = 4_096
"""Seeds that are kept of requests that nobody answered; beyond it all are replayed."""


def patience_s(tokens: int) -> float:
    """Return how long an answer of ``tokens`` tokens is waited for beside the turns."""
    return min(PATIENCE * tokens / SLOWEST_PER_S + 5.0, PATIENCE_S_MAX)


class InferenceValidator(ValidatorTask):
    """Judges miners against one model."""

    name = NAME
    settings = ValidatorSettings
    pace = Pace.seconds(PACE_S)
    preload = ("torch", "transformers", "transformers.models.llama.modeling_llama", "tokenizers")

    def __init__(self) -> None:
        self._requests: Requests | None = None
        self._judge: Judge | None = None
        self._probation: Probation | None = None
        self._desk: ClientDesk | None = None
        self._canaries: Canaries | None = None
        self._doors: Sequence[Door] = ()
        self._context: TaskContext | None = None
        self._settings = ValidatorSettings()
        self._speeds = Speeds(self._settings.pay_rate)
        self._soon: set[Ss58] = set()
        """Whoever answered its last question within ``SETTLE_S``: a turn waits for these alone."""
        self._replayed: dict[int, frozenset[int]] = {}
        """By the seed of an open request, the numbers of its answers that are replayed, where that
        is not all of them."""

    async def start(self, context: TaskContext) -> None:
        settings = context.settings
        assert isinstance(settings, ValidatorSettings)
        self._settings = settings
        self._speeds = Speeds(settings.pay_rate)
        found = await find_model(settings.model)
        root = found.root
        for precision in settings.pay_precision:
            tell_terms(settings, precision, found.tolerance(precision, settings.tolerance))
        replays = Replays.of(found, settings)
        model = (await asyncio.to_thread(lambda: replays.first)).model
        corpus = await asyncio.to_thread(Corpus.open, settings.corpus)
        self._requests = Requests(
            corpus,
            root,
            count_tokens=lambda text: len(model.tokens.encode(text)),
            context_tokens=model.context_tokens,
        )
        self._judge = Judge(replays, root, accept_engines=settings.accept_engines)
        self._probation = Probation(context.state_dir / FILE, answers=settings.probation)
        self._context = context
        if settings.client_answers:
            self._desk = ClientDesk(
                partial(judge_call, self._judge),
                root,
                share=settings.client_share,
                now=lambda: context.chain.now(),
                clock=context.clock,
                path=context.state_dir / CONVICTIONS,
            )
            self._canaries = self._open_doors(settings, root, corpus, context)
        logger.info("Judging by the model {}; prompts from {} files", root.hex()[:16], len(corpus))

    def _open_doors(
        self, settings: ValidatorSettings, root: bytes, corpus: Corpus, context: TaskContext
    ) -> Canaries | None:
        """What asks through gateways, if there is one to ask through; UserError for keys that
        cannot be read."""
        desk = self._desk
        if not settings.canary_gateway or desk is None:
            return None
        pairs = zip(settings.canary_gateway, settings.canary_key_file, strict=True)
        known = [(parse_gateway(address), read_keys(path)) for address, path in pairs]
        self._doors = [
            Door(GatewayClient(address, context.clock), keys, CanaryRequests(corpus))
            for address, keys in known
        ]
        return Canaries(
            self._doors,
            model=root.hex(),
            per_hour=settings.canaries_per_hour,
            take=desk.take_own,
            clock=context.clock,
        )

    def methods(self) -> Sequence[Method[Any, Any]]:
        """What gateways and clients reach of a validator that takes clients' answers."""
        desk = self._desk
        if desk is None:
            return ()
        by_permit = Membership.PERMIT
        return (
            Method(OFFER, Offer, Wanted, desk.offer, admits=by_permit),
            Method(SHOW, ShownCall, CallTaken, desk.show, admits=by_permit),
            Method(COMPLAIN, ShownCall, Judgement, desk.complain, admits=Membership.REGISTERED),
        )

    async def run(self) -> None:
        """Judge clients' answers beside the turns, by what the chain showed when they were made."""
        desk, context = self._desk, self._context
        if desk is None or context is None:
            return

        async def follow() -> None:
            async with contextlib.aclosing(context.chain.blocks()) as moments:
                async for moment in moments:
                    desk.history.note(moment, context.clock.now_ns())

        async with asyncio.TaskGroup() as group:
            group.create_task(follow())
            group.create_task(desk.judge_all())
            if self._canaries is not None:
                group.create_task(self._canaries.run())

    async def close(self) -> None:
        for door in self._doors:
            await door.client.close()

    def organic(self) -> Sequence[Given]:
        return () if self._desk is None else self._desk.take()

    async def judge_receipt(self, receipt: bytes, settings: TaskSettings) -> list[JudgedCall]:
        assert isinstance(settings, ValidatorSettings)
        return await judge_receipt(receipt, settings)

    async def turn(self, turn: Turn) -> list[Verdict]:
        """Judge what came since the last turn, ask each target that has no question open, and judge
        what comes soon."""
        organic = await self._organic_verdicts(turn)
        late = [answer for answer in turn.late if answer.method in OWN]
        verdicts = await self._verdicts(late, turn)
        # After the replays, which would take processor time from the miners of this machine.
        return organic + verdicts + await self._verdicts(await self._ask(turn), turn)

    async def _verdicts(self, answers: Sequence[Given], turn: Turn) -> list[Verdict]:
        scores = await self.score(answers, epoch=turn.moment.epoch.index)
        return [
            Verdict(
                answer.target.hotkey,
                score.value,
                float(answer.turns_open),
                reasons=(*answer.failure_reasons, *score.reasons),
                latency_s=answer.latency_s,
                forfeits=score.forfeits,
            )
            for answer, score in zip(answers, scores, strict=True)
        ]

    async def _organic_verdicts(self, turn: Turn) -> list[Verdict]:
        """Return a verdict for each client's answer that convicts. The others are not paid: a miner
        with a gateway of its own could make as many as it likes."""
        assert self._probation is not None, "start comes first"
        desk = self._desk
        if desk is not None and self._context is not None:
            own = turn.rng_of(self._context.hotkey)
            at = turn.moment.at
            seen = DrawnIn(turn.number, at.number, bytes.fromhex(at.hash.removeprefix("0x")))
            desk.begin_turn(own.randbytes(32), seen)
            if self._canaries is not None:
                self._canaries.begin_turn(own.randbytes(32), self._serving(turn.targets))
        found = [
            (answer.target.hotkey, await asyncio.to_thread(self._organic_finding, answer))
            for answer in turn.organic
        ]
        wrong = {hotkey: each for hotkey, each in found if each.convicted}
        if wrong:
            epoch = turn.moment.epoch.index
            await asyncio.to_thread(
                self._probation.record, [(hotkey, False, True) for hotkey in wrong], epoch=epoch
            )
            if desk is not None:
                await asyncio.to_thread(desk.convicted, list(wrong))
        return [
            Verdict(hotkey, 0.0, reasons=("wrong to a client", *each.reasons), forfeits=True)
            for hotkey, each in wrong.items()
        ]

    def _serving(self, targets: Sequence[Target]) -> list[Ss58]:
        """Those of ``targets`` whose answers are judged here."""
        assert self._judge is not None, "start comes first"
        parse = ModelCommitment.parse
        return [t.hotkey for t in targets if self._judge.objection(parse(t.commitment)) is None]

    def _organic_finding(self, answer: Given) -> Finding:
        """What was found about a client's answer beside the turns, or is found now, of one that an
        embedder has handed over."""
        if self._desk is not None and (found := self._desk.finding(answer)) is not None:
            return found
        return self._examine(answer)

    async def _ask(self, turn: Turn) -> list[Given]:
        """Ask everybody who has no question open at the same moment; return the answers that are
        there soon. A turn that waited for all of them would be its slowest target's to end."""
        assert self._requests is not None, "start comes first"
        tokens = self._requests.tokens_of_turn(turn.rng)
        is_burst = turn.rng.random() < BURST_SHARE
        questions = [
            self._question(target, turn.rng_of(target.hotkey), tokens, is_burst)
            for target in turn.targets
            if target.hotkey not in turn.waiting
        ]
        if turn.post is None or turn.settle is None:
            return await turn.ask(questions)
        self._soon &= {target.hotkey for target in turn.targets}
        for question in questions:
            turn.post([question], patience_s(tokens_asked(question.message)))
        came = await turn.settle(SETTLE_S, self._soon)
        return [answer for answer in came if answer.method in OWN]

    def _question(
        self, target: Target, rng: random.Random, tokens: int, is_burst: bool
    ) -> Question[Any, Any]:
        """The question to ``target``, drawn from ``rng``, in a turn whose ordinary answers have
        ``tokens`` tokens; and, drawn behind it from what nobody knows until it is published, which
        of its answers are replayed."""
        asked = self.request_for(target, rng, tokens=tokens, is_burst=is_burst)
        if self._is_trusted(target.hotkey):
            replayed = None
            if isinstance(asked, Burst):
                shape = BurstShape(asked.answers, asked.max_tokens)
                replayed = drawn_numbers(rng, shape, tokens)
            if rng.random() >= self._settings.audit_share:
                replayed = frozenset()
            if replayed is not None:
                if len(self._replayed) >= SEEDS_MAX:
                    self._replayed.clear()
                self._replayed[asked.seed] = replayed
        method = IN_BURST if isinstance(asked, Burst) else METHOD
        return Question(target, method, asked, reply_bytes_max=reply_bytes_max(tokens_asked(asked)))

    def request_for(
        self, target: Target, rng: random.Random, *, tokens: int, is_burst: bool = False
    ) -> Complete | Burst:
        """Return a request for ``target``, drawn from ``rng``, for an answer of ``tokens`` tokens,
        or for a burst. A newcomer is asked for one long answer."""
        assert self._requests is not None and self._probation is not None, "start comes first"
        commitment = ModelCommitment.parse(target.commitment)
        greedy = commitment is not None and commitment.path is NumericPath.ENGINE
        hotkey, entrance = target.hotkey, not self._probation.knows(target.hotkey)
        if is_burst and not entrance:
            least = least_tokens(tokens)
            # All of a convict's is replayed: of a fast machine's, longer than a turn lasts.
            trusted = self._is_trusted(hotkey)
            more = self._speeds.tokens_to_ask(hotkey, least) if trusted else least
            shape = BurstShape.of(more, self._settings.burst)
            return self._requests.draw_burst(rng, miner=hotkey, shape=shape, greedy=greedy)
        return self._requests.draw(
            rng, miner=hotkey, tokens=tokens, greedy=greedy, entrance=entrance
        )

    async def score(self, answers: Sequence[Given], *, epoch: int = 0) -> list[Score]:
        """Return one score for each of ``answers``, judged in this ``epoch``; remember who was
        verified and who was convicted."""
        assert self._probation is not None, "start comes first"
        findings = await asyncio.to_thread(lambda: [self._examine(answer) for answer in answers])
        verified = np.array([finding.verified for finding in findings], dtype=np.bool_)
        latencies = np.array([answer.latency_s for answer in answers], dtype=np.float64)
        away = [self._speeds.network_s(answer) for answer in answers]
        network = np.array(away, dtype=np.float64)
        rate = self._settings.pay_rate
        taken_s = engine_time(latencies, network)
        self._note_latencies(answers)
        self._speeds.look()
        rates = np.zeros(len(answers))
        for number, (answer, finding) in enumerate(zip(answers, findings, strict=True)):
            hotkey = answer.target.hotkey
            if answer.origin is not Origin.SYNTHETIC or self._is_probe(answer):
                pass
            elif finding.verified:
                self._speeds.note(answer, finding)
            else:
                self._speeds.missed(answer)
            rates[number] = self._speeds.paid(
                hotkey,
                own=finding.tokens / max(float(taken_s[number]), LATENCY_S_MIN),
                turns=answer.turns_open,
            )
        factors = speed_factors(rates, verified & (rates > 0.0), most=rate)
        owed = [self._probation.owed(answer.target.hotkey) for answer in answers]
        await asyncio.to_thread(
            self._probation.record,
            [
                (answer.target.hotkey, finding.verified, finding.convicted)
                for answer, finding in zip(answers, findings, strict=True)
            ],
            epoch=epoch,
        )
        speeds = [
            (
                f"latency {took:.2f} s, {away:.2f} s of it the network",
                f"{steady:.0f} tokens/s (most pay at {rate:g})",
            )
            for took, away, steady in zip(latencies, latencies - taken_s, rates, strict=True)
        ]
        return [
            _score(finding, float(factor), due, epoch, speed)
            for finding, factor, due, speed in zip(findings, factors, owed, speeds, strict=True)
        ]

    def _note_latencies(self, answers: Sequence[Given]) -> None:
        """Remember whose answer was there soon enough to be waited for the next time."""
        for answer in answers:
            if answer.reply is not None and answer.latency_s <= SETTLE_S:
                self._soon.add(answer.target.hotkey)
            else:
                self._soon.discard(answer.target.hotkey)

    def _is_trusted(self, hotkey: Ss58) -> bool:
        """Whether an answer may be paid unread: the miner was judged before, and owes nothing."""
        assert self._probation is not None, "start comes first"
        return self._probation.knows(hotkey) and self._probation.owed(hotkey).answers == 0

    def _is_probe(self, answer: Given) -> bool:
        """Whether ``answer`` is to a convict's burst, which is too small to tell its speed."""
        return isinstance(answer.request, Burst) and not self._is_trusted(answer.target.hotkey)

    def _examine(self, answer: Given) -> Finding:
        """Return what the judge finds about one answer, or about none that came."""
        assert self._judge is not None, "score comes after start"
        commitment = ModelCommitment.parse(answer.target.commitment)
        numbers = self._replayed.pop(answer.request.seed, None)
        objection = self._judge.objection(commitment)
        if objection is not None or answer.reply is None:
            return unjudged(objection or "no answer")
        # Whoever asked for a client may have had no permit.
        own = answer.origin is Origin.SYNTHETIC
        judge = self._judge
        without: Without = "unpaid" if own else "passes"

        def examine(request: Complete, reply: Completion) -> Finding:
            return judge.examine(request, reply, commitment, without_fingerprint=without)

        def unread(reply: Completion) -> str | None:
            return judge.unread(reply, commitment)

        try:
            if isinstance(answer.request, Burst):
                return examine_burst(answer.request, answer.frames, numbers, examine, unread)
            return self._examine_one(answer, numbers if own else None, examine, unread)
        except Exception as error:  # a miner's bytes must not end the validator of all others
            logger.error("uid {} could not be judged: {}", answer.target.uid, type(error).__name__)
            return unjudged(f"the judge failed ({type(error).__name__})")

    def _examine_one(
        self,
        answer: Given,
        numbers: frozenset[int] | None,
        examine: Callable[[Complete, Completion], Finding],
        unread: Callable[[Completion], str | None],
    ) -> Finding:
        """Return the finding about an ordinary answer, which is paid unread where ``numbers`` names
        none to be replayed."""
        try:
            reply: Any = assemble(answer.frames) if answer.frames else answer.reply
        except ValueError as error:
            return unjudged(f"pieces of no answer: {error}")
        if numbers is not None:
            if (objection := unread(reply)) is not None:
                return unjudged(objection)
            count = min(len(reply.tokens), answer.request.max_tokens)
            return Finding(True, False, (NOT_REPLAYED,), count)
        return examine(answer.request, reply)


def _score(
    finding: Finding, factor: float, owed: Sentence, epoch: int, speed: tuple[str, ...]
) -> Score:
    """Return the score for one finding in this ``epoch``: ``factor`` if its miner owes nothing. A
    clean answer that is owed is not paid, and a conviction takes what was earned before."""
    if not finding.verified:
        return Score(0.0, finding.reasons, forfeits=finding.convicted)
    reasons = (*finding.reasons, *speed)
    if owed.served(epoch):
        return Score(factor, reasons)
    more = "answer" if owed.answers == 1 else "answers"
    told = f"on probation: {owed.answers} clean {more} unpaid, this one included"
    if epoch < owed.until_epoch:
        told += f", and all until epoch {owed.until_epoch}"
    return Score(0.0, (*reasons, told))
