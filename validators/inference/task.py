"""The inference validator: draw requests, replay answers, and say what each answer is worth.

In each turn every miner is asked once; out come verdicts with reasons. Each answer is examined on
its own by ``answers`` and paid by the tokens that came within a window
(``assay.scoring.inference.speed``). All are asked at the same moment, so that uids that share
a machine share its window. ``requests`` draws what is asked, ``speeds`` remembers who is how fast
and ``probation`` who is not paid yet. A turn leaves no other trace in this object.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from loguru import logger

from assay.errors import UserError
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
from assay.protocol.handing_on import (
    COMPLAIN,
    OFFER,
    SHOW,
    CallTaken,
    Judgement,
    Offer,
    ShownCall,
    Wanted,
)
from assay.protocol.inference import (
    NAME,
    STREAM,
    Complete,
    ModelCommitment,
    NumericPath,
    Piece,
    assemble,
)
from assay.scoring.inference.probation import Sentence
from assay.scoring.inference.speed import engine_time, speed_factors
from assay.types import Ss58
from assay.validators.inference.answers import Finding, Judge, unjudged
from assay.validators.inference.canaries import Canaries, Door
from assay.validators.inference.canary_requests import CanaryRequests
from assay.validators.inference.client_calls import judge_call, judge_receipt
from assay.validators.inference.client_desk import FILE as CONVICTIONS
from assay.validators.inference.client_desk import ClientDesk
from assay.validators.inference.gateway_client import GatewayClient, parse_gateway, read_keys
from assay.validators.inference.probation import FILE, Probation
from assay.validators.inference.replays import Replays
from assay.validators.inference.requests import Requests
from assay.validators.inference.settings import ValidatorSettings
from assay.validators.inference.speeds import Speeds
from assay.wire.interface import Membership

if TYPE_CHECKING:
    import random

    from assay.scoring.inference.precision import Precision, Tolerance

Given = Answer[Complete, Any]
METHOD: Final = Method(STREAM, Complete, Piece, stream=True)
PROMPT_S: Final = 3.0
"""Seconds within which an answer has to come for its miner to be waited for the next time. An
answer of 48 tokens is there in that time at sixteen tokens a second."""
PROMPT_SLACK: Final = 4.0
"""How many times longer than the last time a miner may take before a turn goes on without it: a
machine that is busy for a moment needs that. With ``PROMPT_S`` it bounds what a miner that suddenly
is silent costs all others, once."""
PACE_S: Final = 2.0
"""Between two turns. A turn draws for about two thirds of a second on all that a machine has; with
half the pause, the neurons of one machine (``assay up``) would keep its processors busy."""
SLOWEST_PER_S: Final = 1.0
"""Tokens a second of the slowest miner that can get in and be paid."""
PATIENCE_S_MAX: Final = 115.0
"""Below ``Limits.handler_s_max``, beyond which an axon refuses a request. An entrance of 96 tokens
at the slowest speed fits."""


NOT_REPLAYED: Final = "not replayed this time"
SPARED_MAX: Final = 4_096
"""Seeds that are kept of requests that nobody answered; beyond it all are replayed."""


def patience_s(tokens: int) -> float:
    """Return how long an answer of ``tokens`` tokens is waited for beside the turns."""
    return min(1.2 * tokens / SLOWEST_PER_S + 5.0, PATIENCE_S_MAX)


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
        self._spared: set[int] = set()
        """The seeds of open requests whose answers are not replayed."""
        self._prompt: dict[Ss58, float] = {}
        """The hotkeys whose last answer was there soon enough to be waited for, with its latency,
        in seconds."""

    async def start(self, context: TaskContext) -> None:
        settings = context.settings
        assert isinstance(settings, ValidatorSettings)
        self._settings = settings
        self._speeds = Speeds(settings.pay_rate)
        found = await find_model(settings.model)
        root = found.root
        for precision in settings.pay_precision:
            _tell_terms(settings, precision, found.tolerance(precision, settings.tolerance))
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
        """Ask each target for one text, and judge all answers that are there."""
        answers = await self._ask(turn)
        answers += [answer for answer in turn.late if answer.method == METHOD.name]
        organic = await self._organic_verdicts(turn)
        return organic + [
            Verdict(
                answer.target.hotkey,
                score.value,
                float(answer.turns_open),
                reasons=(*answer.failure_reasons, *score.reasons),
                latency_s=answer.latency_s,
                forfeits=score.forfeits,
            )
            for answer, score in zip(
                answers, await self.score(answers, epoch=turn.moment.epoch.index), strict=True
            )
        ]

    async def _organic_verdicts(self, turn: Turn) -> list[Verdict]:
        """Return a verdict for each client's answer that convicts. The others are not paid: a miner
        with a gateway of its own could make as many as it likes."""
        assert self._probation is not None, "start comes first"
        desk = self._desk
        if desk is not None and self._context is not None:
            own = turn.rng_of(self._context.hotkey)
            desk.begin_turn(own.randbytes(32))
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
        """Ask everybody at the same moment; return the answers of those that answered soon the last
        time. The others are newcomers, slow, or silent: a turn that waited for them would be theirs
        to end, so their answers come with a later turn and count for all turns in between."""
        assert self._requests is not None, "start comes first"
        tokens = self._requests.tokens_of_turn(turn.rng)
        now = []
        for target in turn.targets:
            if target.hotkey in turn.waiting:
                continue
            rng = turn.rng_of(target.hotkey)
            asked = self.request_for(target, rng, tokens=tokens)
            # Drawn behind the request, from what nobody knows until it is published.
            if rng.random() >= self._settings.audit_share and self._is_trusted(target.hotkey):
                if len(self._spared) >= SPARED_MAX:
                    self._spared.clear()
                self._spared.add(asked.seed)
            before_s = self._prompt.get(target.hotkey)
            if turn.post is None:
                now.append(Question(target, METHOD, asked))
            elif before_s is None:
                turn.post([Question(target, METHOD, asked)], patience_s(asked.max_tokens))
            else:
                within_s = PROMPT_SLACK * before_s + PROMPT_S
                now.append(Question(target, METHOD, asked, within_s))
        return await turn.ask(now)

    def request_for(self, target: Target, rng: random.Random, *, tokens: int) -> Complete:
        """Return a request for ``target``, drawn from ``rng``, for an answer of ``tokens`` tokens;
        a newcomer and a fast miner are asked for more."""
        assert self._requests is not None and self._probation is not None, "start comes first"
        commitment = ModelCommitment.parse(target.commitment)
        greedy = commitment is not None and commitment.path is NumericPath.ENGINE
        entrance = not self._probation.knows(target.hotkey)
        more = self._speeds.tokens_to_ask(target.hotkey, tokens)
        return self._requests.draw(
            rng, miner=target.hotkey, tokens=more, greedy=greedy, entrance=entrance
        )

    async def score(self, answers: Sequence[Given], *, epoch: int = 0) -> list[Score]:
        """Return one score for each of ``answers``, judged in this ``epoch``; remember who was
        verified and who was convicted."""
        assert self._probation is not None, "start comes first"
        findings = await asyncio.to_thread(lambda: [self._examine(answer) for answer in answers])
        verified = np.array([finding.verified for finding in findings], dtype=np.bool_)
        latencies = np.array([answer.latency_s for answer in answers], dtype=np.float64)
        network = np.array([answer.network_s for answer in answers], dtype=np.float64)
        rate = self._settings.pay_rate
        away_s = latencies - engine_time(latencies, network)
        self._note_latencies(answers)
        rates = np.zeros(len(answers))
        for number, (answer, finding) in enumerate(zip(answers, findings, strict=True)):
            if finding.verified and answer.origin is Origin.SYNTHETIC:
                self._speeds.note(answer, finding)
            rates[number] = self._speeds.rate(answer.target.hotkey)
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
            for took, away, steady in zip(latencies, away_s, rates, strict=True)
        ]
        return [
            _score(finding, float(factor), due, epoch, speed)
            for finding, factor, due, speed in zip(findings, factors, owed, speeds, strict=True)
        ]

    def _note_latencies(self, answers: Sequence[Given]) -> None:
        """Remember whose answer was there soon enough to be waited for the next time."""
        for answer in answers:
            soon = answer.reply is not None and answer.latency_s <= PROMPT_S
            if soon and answer.origin is Origin.SYNTHETIC:
                self._prompt[answer.target.hotkey] = answer.latency_s
            elif not soon:
                self._prompt.pop(answer.target.hotkey, None)

    def _is_trusted(self, hotkey: Ss58) -> bool:
        """Whether an answer may be paid unread: the miner was judged before, and owes nothing."""
        assert self._probation is not None, "start comes first"
        return self._probation.knows(hotkey) and self._probation.owed(hotkey).answers == 0

    def _examine(self, answer: Given) -> Finding:
        """Return what the judge finds about one answer, or about none that came."""
        assert self._judge is not None, "score comes after start"
        commitment = ModelCommitment.parse(answer.target.commitment)
        is_spared = answer.request.seed in self._spared
        self._spared.discard(answer.request.seed)
        objection = self._judge.objection(commitment)
        if answer.reply is None:
            return unjudged(objection if objection is not None else "no answer")
        try:
            reply = assemble(answer.frames) if answer.frames else answer.reply
        except ValueError as error:
            return unjudged(f"pieces of no answer: {error}")
        if is_spared and objection is None and answer.origin is Origin.SYNTHETIC:
            count = min(len(reply.tokens), answer.request.max_tokens)
            return Finding(True, False, (NOT_REPLAYED,), count)
        try:
            # Whoever asked for a client may have had no permit.
            own = answer.origin is Origin.SYNTHETIC
            return self._judge.examine(
                answer.request, reply, commitment, without_fingerprint="unpaid" if own else "passes"
            )
        except Exception as error:  # a miner's bytes must not end the validator of all others
            logger.error("uid {} could not be judged: {}", answer.target.uid, type(error).__name__)
            return unjudged(f"the judge failed ({type(error).__name__})")


def _tell_terms(settings: ValidatorSettings, precision: Precision, tolerance: Tolerance) -> None:
    """Say what decides whether a lie pays for answers in ``precision``; UserError if it pays."""
    try:
        terms = settings.checked_terms(precision, tolerance)
    except ValueError as error:
        raise UserError(f"This validator would pay lies: {error}.", "Change that option.") from None
    logger.info(
        "Paid in {}, within {:g} logits. An answer of a coarser precision gains at most {:g} "
        "answers' pay and loses {:.2g}: {:g} of the answers are replayed, {:.1%} of such answers "
        "convict, and a conviction costs {:g} answers or more",
        precision,
        tolerance.logits,
        terms.gain,
        terms.loss,
        terms.replayed,
        terms.found,
        terms.penalty,
    )


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
