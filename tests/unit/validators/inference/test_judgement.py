"""Honest and dishonest miners before the judge, on the demo model and through the real wrappers.

The honest compute in every way that changes bits and are never convicted; each cheat is caught in
every round and ends with nothing; a slow miner is paid for what it makes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from aiohttp import web

from assay.chain.interface import BlockNumber, BlockRef
from assay.clock import SystemClock
from assay.lab.around import AnyMethod, Around, Stream
from assay.lab.cheats import CHEATS, wrap_cheat
from assay.lab.faults import wrap_slow
from assay.miners.inference import InferenceMiner
from assay.miners.inference.settings import MinerSettings
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.neuron import Answer, Caller, Origin, Question, Role, Synapse, Target, Turn
from assay.protocol.inference import (
    Complete,
    Completion,
    Ending,
    ModelCommitment,
    NumericPath,
    Piece,
    noise_key,
)
from assay.scoring.inference.agreement import TOLERANCE_FP32, compare
from assay.scoring.inference.fingerprint import pack, project
from assay.scoring.inference.precision import Precision
from assay.scoring.inference.probation import AFTER_CONVICTION, EPOCHS, Sentence
from assay.scoring.inference.sampling import GREEDY, Sampling, choose
from assay.types import Ss58, Uid
from assay.validators.inference import InferenceValidator
from assay.validators.inference.answers import Finding, Judge
from assay.validators.inference.settings import ValidatorSettings
from assay.validators.inference.task import NOT_REPLAYED
from assay.wire.interface import Membership
from tests.support.contexts import streamed, task_context
from tests.support.trials import remember_trials
from tests.unit.validators.inference.judges import judge_of

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

from assay.models import honest_ways  # noqa: E402  after the check for torch
from assay.models.language import LanguageModel  # noqa: E402

ROOT = model_root(resolve(DEMO))
SEEDED = ModelCommitment(ROOT, NumericPath.SEEDED_FP32)
ENGINE = ModelCommitment(ROOT, NumericPath.ENGINE)
MINER = "5miner"
CALLER = Caller(Ss58("5v"), bytes(32), Membership.PERMIT, "127.0.0.1", 1, bytes(32), 60.0)
PROMPTS = (
    "import ",
    "class Reader:\n    def __init__(self, path):\n        self.",
    "x = [1, 2]\n" * 25,
)


@pytest.fixture(autouse=True)
def _tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    remember_trials(monkeypatch)


@cache
def demo() -> LanguageModel:
    return LanguageModel.load(resolve(DEMO))


@cache
def judge(accept_engines: bool = False) -> Judge:
    return judge_of(demo(), ROOT, accept_engines=accept_engines)


def asked(prompt: str = PROMPTS[1], tokens: int = 12, temperature: float = 1.0) -> Complete:
    return Complete(
        model=ROOT, prompt=prompt, max_tokens=tokens, seed=11, temperature=temperature, miner=MINER
    )


def completion(
    tokens: Sequence[int], finish: Any = "length", text: str | None = None
) -> Completion:
    return Completion(
        text=demo().tokens.decode(tokens) if text is None else text,
        tokens=list(tokens),
        finish=finish,
        queued_s=0.0,
        first_token_s=0.0,
        total_s=0.0,
    )


def one_piece(reply: Completion) -> Piece:
    end = Ending(finish=reply.finish, queued_s=0.0, first_token_s=0.0, total_s=0.0,
                 fingerprint=reply.fingerprint)  # fmt: skip
    return Piece(tokens=reply.tokens, text=reply.text, end=end)


def honest(request: Complete) -> Completion:
    made = demo().generate(
        demo().tokens.encode(request.prompt),
        request.max_tokens,
        request.sampling(),
        noise_key(request.seed, ROOT, MINER),
    )
    return completion(made.tokens, made.finish)


def vouched(request: Complete, reply: Completion) -> Completion:
    """The reply with the fingerprint that one true pass over its text gives, so that what is judged
    is the rest."""
    ids, tokens = demo().tokens.encode(request.prompt), reply.tokens
    if not all(token < demo().vocabulary for token in (*request.begun, *tokens)):
        return reply
    hidden = demo().replay_whole(ids, [*request.begun, *tokens]).hidden
    assert hidden is not None
    rows = project(hidden[len(request.begun) :], request.model)
    key = noise_key(request.seed, request.model, request.miner)
    return msgspec.structs.replace(reply, fingerprint=pack(rows, tokens, key))


def examine(request: Complete, reply: Completion) -> Finding:
    return judge().examine(request, vouched(request, reply), SEEDED)


@pytest.mark.parametrize("prompt", PROMPTS, ids=["short", "middle", "long"])
@pytest.mark.parametrize("variant", honest_ways.VARIANTS)
def test_no_honest_way_of_computing_is_convicted(variant: str, prompt: str) -> None:
    # Two threads on a busy machine wait for each other for a second a token.
    count = 3 if variant == "two threads" else 10
    ids = demo().tokens.encode(prompt)
    for temperature in (0.0, 1.0):
        request = asked(prompt, count, temperature)
        with honest_ways.computing(demo(), variant) as following:
            drawn = honest_ways.draw(
                following, ids, count, Sampling(temperature), noise_key(11, ROOT, MINER)
            )
        seen = honest_ways.spread(demo(), ids, drawn)
        # Honest margins stay below twice the spread, and the tolerance is four times that.
        assert 2 * seen.logits_max <= TOLERANCE_FP32 / 4
        if not any(demo().tokens.ends & {token} for token in drawn.tokens):
            assert examine(request, completion(drawn.tokens)).verified


def test_the_variants_do_change_bits() -> None:
    ids = demo().tokens.encode(PROMPTS[2])
    for variant in honest_ways.VARIANTS:
        with honest_ways.computing(demo(), variant) as following:
            drawn = honest_ways.draw(following, ids, 2, Sampling(), bytes(16))
        assert honest_ways.spread(demo(), ids, drawn).differing > 0, variant


def test_true_tokens_without_the_states_behind_them_convict() -> None:
    """Another precision mostly draws the same tokens; what its states are, it cannot say."""
    reply = honest(asked())
    assert "hidden states inf apart" in judge().examine(asked(), reply, SEEDED).reasons[1]
    good = vouched(asked(), reply)
    numbers = np.frombuffer(good.fingerprint, dtype="<f4")
    for factor, verified in ((1 + 1e-6, True), (1 + 2.5e-4, False)):
        near = (numbers * factor).astype("<f4").tobytes()
        changed = msgspec.structs.replace(good, fingerprint=near)
        assert judge().examine(asked(), changed, SEEDED).verified == verified


def test_an_honest_answer_is_verified_with_its_reason() -> None:
    finding = examine(asked(), honest(asked()))
    assert finding == Finding(True, False, ("12/12 tokens agree",), 12)


@pytest.mark.parametrize("place", [0, 5, 11])
def test_one_exchanged_token_convicts(place: int) -> None:
    tokens = list(honest(asked()).tokens)
    tokens[place] = (tokens[place] + 1) % demo().vocabulary
    finding = examine(asked(), completion(tuple(tokens)))
    assert finding.convicted
    assert "tokens agree" in finding.reasons[0]


@pytest.mark.parametrize("count", [1, 5, 11])
def test_an_answer_that_another_miner_goes_on_with_is_one_answer(count: int) -> None:
    whole = honest(asked())
    request = msgspec.structs.replace(
        asked(), begun=whole.tokens[:count], max_tokens=len(whole.tokens) - count
    )
    decode = demo().tokens.decode
    before = len(decode(whole.tokens[:count]).rstrip("\ufffd"))
    rest = completion(tuple(whole.tokens[count:]), whole.finish, text=whole.text[before:])
    assert examine(request, rest).verified
    other = msgspec.structs.replace(request, miner="5other")
    assert examine(other, rest).convicted


def test_sampling_of_every_kind_is_replayed() -> None:
    kinds: list[dict[str, Any]] = [
        {"top_k": 3},
        {"top_p": 0.6},
        {"min_p": 0.2},
        {"repetition_penalty": 1.4},
        {"presence_penalty": 1.5, "frequency_penalty": 0.5},
        {"bias": {5: 8.0, 9: -50.0}},
    ]
    for kind in kinds:
        request = msgspec.structs.replace(asked(tokens=24), **kind)
        assert examine(request, honest(request)).verified, kind
        assert examine(asked(tokens=24), honest(request)).convicted, kind


def test_another_seed_prompt_or_temperature_convicts() -> None:
    request = asked(tokens=24)
    for change in ({"seed": 12}, {"prompt": PROMPTS[0]}, {"temperature": 0.0}):
        other = msgspec.structs.replace(request, **change)
        assert examine(request, honest(other)).convicted, change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text": "something else"}, "not what its tokens spell"),
        ({"tokens": [1] * 13}, "only 12 were asked for"),
        ({"tokens": [1] * 5}, "stops after 5 of 12"),
        ({"tokens": [2**20] * 12}, "does not have"),
        ({"finish": "stop"}, "says otherwise"),
        ({"tokens": [0, 1]}, "goes on after the end"),
    ],
)
def test_an_answer_that_contradicts_itself_convicts(change: dict[str, Any], reason: str) -> None:
    finding = examine(asked(), msgspec.structs.replace(honest(asked()), **change))
    assert finding.convicted
    assert reason in finding.reasons[0]


def test_an_early_end_must_be_the_models_own() -> None:
    tokens = (*honest(asked()).tokens[:4], next(iter(demo().tokens.ends)))
    assert examine(asked(), completion(tokens, "stop")).convicted


@pytest.mark.parametrize(
    ("commitment", "reason"),
    [
        (None, "has committed no model"),
        (ModelCommitment(bytes(32), NumericPath.SEEDED_FP32), "has committed the model 0000"),
        (ENGINE, "does not accept"),
    ],
)
def test_what_cannot_be_judged_is_neither_paid_nor_convicted(
    commitment: ModelCommitment | None, reason: str
) -> None:
    finding = judge().examine(asked(), honest(asked()), commitment)
    assert not finding.verified
    assert not finding.convicted
    assert reason in finding.reasons[0]


def test_an_engine_is_plausible_or_not() -> None:
    request = asked(tokens=24, temperature=0.0)
    reply = honest(request)
    assert judge(True).examine(request, reply, ENGINE).verified
    # Its own tokens do not count, only the text that was sold.
    finding = judge(True).examine(request, msgspec.structs.replace(reply, tokens=[5]), ENGINE)
    assert finding.verified
    assert finding.tokens == judge(True).examine(request, reply, ENGINE).tokens
    # Nor does its word that the text ends after one token, however many it says there are.
    first = demo().tokens.decode(reply.tokens[:1])
    early = completion(reply.tokens, "stop", text=first)
    finding = judge(True).examine(request, early, ENGINE)
    assert finding.convicted
    assert "where the model goes on" in finding.reasons[0]
    for text in ("", "It was a dark and stormy night; the rain fell in torrents, except", "def"):
        assert judge(True).examine(request, completion((1,), text=text), ENGINE).convicted


# -- whole rounds


@dataclass
class Subnet:
    validator: InferenceValidator
    miners: dict[str, Any]
    commitments: dict[str, bytes]

    async def play(self, number: int) -> dict[str, tuple[float, tuple[str, ...]]]:
        """One turn: each miner's value and reasons."""
        targets = [
            Target(Uid(uid), Ss58(name), self.commitments[name])
            for uid, name in enumerate(self.miners)
        ]
        at = BlockRef(BlockNumber(number), "0x" + "ab" * 32)
        moment: Any = SimpleNamespace(epoch=SimpleNamespace(index=0), at=at)
        verdicts = await self.validator.turn(
            Turn(
                number,
                moment,
                targets,
                random.Random(f"round {number}"),
                lambda hotkey: random.Random(f"round {number} {hotkey}"),
                self._ask,
            )
        )
        assert [verdict.hotkey for verdict in verdicts] == [target.hotkey for target in targets]
        return {
            verdict.hotkey: (verdict.value, tuple(map(str, verdict.reasons)))
            for verdict in verdicts
        }

    async def _ask(self, questions: Sequence[Question[Any, Any]]) -> list[Answer[Any, Any]]:
        return [await self._answer(question) for question in questions]

    async def _answer(self, question: Question[Any, Any]) -> Answer[Any, Any]:
        """One after the other: a miner has the machine for itself."""
        now = asyncio.get_running_loop().time
        frames, times, begun = [], [], now()
        async for frame in streamed(
            self.miners[question.target.hotkey], question.method.name, question.message, CALLER
        ):
            frames.append(frame)
            times.append(now() - begun)
        return Answer(
            question.target,
            question.message,
            frames[-1],
            None,
            times[-1],
            frames=tuple(frames),
            frames_s=tuple(times),
        )


@asynccontextmanager
async def subnet(
    tmp_path: Path,
    miners: dict[str, Any],
    *,
    settings: dict[str, MinerSettings] | None = None,
    validator_settings: ValidatorSettings | None = None,
) -> AsyncIterator[Subnet]:
    published: dict[str, list[bytes]] = {}
    clock = SystemClock()
    for name, miner in miners.items():
        published[name] = []
        folder = tmp_path / name
        folder.mkdir()
        own = (settings or {}).get(name, miner.settings())
        await miner.start(task_context(own, Ss58(name), folder, clock, published=published[name]))
    validator = InferenceValidator()
    folder = tmp_path / "validator"
    folder.mkdir()
    judging = validator_settings or ValidatorSettings()
    await validator.start(task_context(judging, Ss58("v"), folder, clock, role=Role.VALIDATOR))
    commitments = {name: records[-1] for name, records in published.items() if records}
    try:
        yield Subnet(validator, miners, commitments)
    finally:
        for miner in miners.values():
            await miner.close()
        await validator.close()


@asynccontextmanager
async def engine() -> AsyncIterator[str]:
    """An OpenAI-compatible server over the demo model; yields its base URL."""

    async def complete(request: web.Request) -> web.Response:
        wanted = await request.json()
        assert wanted["temperature"] == 0
        made = demo().generate(
            demo().tokens.encode(wanted["prompt"]), wanted["max_tokens"], GREEDY, bytes(16)
        )
        text = demo().tokens.decode(made.tokens)
        return web.json_response({"choices": [{"text": text, "finish_reason": made.finish}]})

    app = web.Application()
    app.router.add_post("/v1/completions", complete)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_miner_behind_an_engine_is_paid_where_engines_are_accepted(
    accepted: bool, tmp_path: Path
) -> None:
    async with (
        engine() as url,
        subnet(
            tmp_path,
            {"own": InferenceMiner(), "engine": InferenceMiner()},
            settings={"engine": MinerSettings(backend="openai", base_url=url)},
            validator_settings=ValidatorSettings(accept_engines=accepted),
        ) as run,
    ):
        assert run.commitments["engine"] == ENGINE.pack()
        scores = await run.play(0)
        assert scores["own"][0] > 0.0
        value, reasons = scores["engine"]
        assert (value > 0.0) == accepted
        assert ("tokens plausible" if accepted else "does not accept") in reasons[0]


async def test_each_declared_precision_that_is_paid_is_paid(tmp_path: Path) -> None:
    """By one validator, each replayed in its own; what it does not pay costs nobody anything."""
    precisions: tuple[Precision, ...] = ("fp32", "bf16", "fp16")
    async with subnet(
        tmp_path,
        {precision: InferenceMiner() for precision in precisions},
        settings={precision: MinerSettings(precision=precision) for precision in precisions},
        validator_settings=ValidatorSettings(pay_precision=("fp32", "fp16")),
    ) as run:
        for number in range(2):
            scores = await run.play(number)
            for paid in ("fp32", "fp16"):
                assert scores[paid][0] > 0.0, (paid, scores[paid])
            assert scores["bf16"][0] == 0.0
            assert "computes in bf16" in scores["bf16"][1][0]
        probation = run.validator._probation
        assert probation is not None
        assert probation.owed(Ss58("bf16")) == Sentence()


async def test_every_cheat_is_caught_and_honest_miners_are_paid(tmp_path: Path) -> None:
    miners: dict[str, Any] = {"a": InferenceMiner(), "b": InferenceMiner(), "c": InferenceMiner()}
    cheats = {name: wrap_cheat(name, InferenceMiner()) for name in CHEATS if name != "two-faced"}
    # Two faces are honest to a validator's own requests: clients' answers convict them.
    async with subnet(tmp_path, {**miners, **cheats}) as run:
        assert set(run.commitments.values()) == {SEEDED.pack()}
        for number in range(4):
            scores = await run.play(number)
            for name in miners:
                value, reasons = scores[name]
                assert value > 0.0, (name, reasons)
                assert "tokens agree" in reasons[0]
                assert "latency" in reasons[1]
            for name in cheats:
                assert scores[name][0] == 0.0, (name, scores[name])
        owed = run.validator._probation
        assert owed is not None
        assert owed.owed(Ss58("a")) == Sentence()
        assert owed.owed(Ss58("garbage")).answers == AFTER_CONVICTION


async def test_a_convicted_miner_works_off_its_probation_unpaid(tmp_path: Path) -> None:
    async with subnet(tmp_path, {"a": InferenceMiner(), "b": InferenceMiner()}) as run:
        await run.play(0)
        probation = run.validator._probation
        assert probation is not None
        probation.record([(Ss58("b"), False, True)], epoch=-1 - EPOCHS)
        for _ in range(AFTER_CONVICTION - 1):
            probation.record([(Ss58("b"), True, False)], epoch=0)
        value, reasons = (await run.play(1))["b"]
        assert value == 0.0
        assert "on probation: 1 clean answer unpaid" in reasons[-1]
        assert (await run.play(2))["b"][0] > 0.0


async def test_a_stored_answer_of_the_right_length_is_caught_by_its_content(
    tmp_path: Path,
) -> None:
    async with subnet(tmp_path, {"a": InferenceMiner(), "b": InferenceMiner()}) as run:
        cached = wrap_cheat("cached", run.miners["b"])
        run.miners["b"] = cached
        for number in range(4):
            scores = await run.play(number)
            assert scores["a"][0] > 0.0
            assert scores["b"][0] == 0.0
            assert "tokens agree" in scores["b"][1][0], "not by its length or its form"


async def test_a_slow_miner_is_paid_less(tmp_path: Path) -> None:
    miners = {"a": InferenceMiner(), "slow": wrap_slow(4.0, InferenceMiner())}
    async with subnet(tmp_path, miners) as run:
        totals = dict.fromkeys(miners, 0.0)
        for number in range(6):
            for name, (value, _) in (await run.play(number)).items():
                totals[name] += value
        # About a quarter. How much exactly is shown where no time is measured: ``test_speeds``.
        assert 0.0 < totals["slow"] < totals["a"]


class Marked(Around):
    """Its answers can be told from others by the time that they say they took."""

    async def frames(
        self, method: AnyMethod, request: Synapse, stream: Stream
    ) -> AsyncGenerator[Synapse, None]:
        async for frame in super().frames(method, request, stream):
            assert isinstance(frame, Piece)
            end = frame.end and msgspec.structs.replace(frame.end, total_s=13.0)
            yield msgspec.structs.replace(frame, end=end)


async def test_an_answer_that_breaks_the_judge_costs_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examine = Judge.examine

    def breaking(
        judge: Judge, request: Complete, reply: Completion, by: Any, **how: Any
    ) -> Finding:
        if reply.total_s == 13.0:
            raise TypeError("a token that no tokenizer knows")
        return examine(judge, request, reply, by, **how)

    monkeypatch.setattr(Judge, "examine", breaking)
    miners = {"a": InferenceMiner(), "hostile": Marked(InferenceMiner())}
    async with subnet(tmp_path, miners) as run:
        scores = await run.play(1)
        assert scores["a"][0] > 0.0
        assert scores["hostile"] == (0.0, ("the judge failed (TypeError)",))
        probation = run.validator._probation
        assert probation is not None
        assert not probation.knows(Ss58("hostile"))


async def test_a_right_answer_without_a_fingerprint_is_not_paid_and_convicts_nobody(
    tmp_path: Path,
) -> None:
    """An honest miner gives none to a validator that it has not seen with a permit."""
    async with subnet(tmp_path, {"a": InferenceMiner()}) as run:
        target = Target(Uid(1), Ss58("a"), run.commitments["a"])
        request = run.validator.request_for(target, random.Random(1), tokens=32)
        made = demo().generate(
            demo().tokens.encode(request.prompt),
            request.max_tokens,
            request.sampling(),
            noise_key(request.seed, request.model, request.miner),
        )
        right = completion(made.tokens, made.finish)
        tokens = [*made.tokens[:5], (made.tokens[5] + 1) % 4096, *made.tokens[6:]]
        wrong = completion(tokens, made.finish)
        scores = await run.validator.score(
            [
                Answer(target, request, reply, None, 1.0, origin=origin)
                for reply in (right, wrong)
                for origin in (Origin.SYNTHETIC, Origin.ORGANIC)
            ]
        )
        assert [score.forfeits for score in scores] == [False, False, True, True]
        assert scores[0].value == 0.0
        assert scores[0].reasons[-1] == "no fingerprint"


async def test_what_is_not_replayed_has_what_would_convict_it_all_the_same(tmp_path: Path) -> None:
    """Else weights of eight bits under bf16 were paid for all that is not replayed, and for the
    rest only left unpaid."""
    async with subnet(tmp_path, {"a": InferenceMiner()}) as run:
        assert (await run.play(1))["a"][0] > 0.0, "and the judge has seen the model's states"
        target = Target(Uid(1), Ss58("a"), run.commitments["a"])
        scores = []
        for fingerprint in (b"", bytes(128)):
            request = run.validator.request_for(target, random.Random(2), tokens=32)
            run.validator._replayed[request.seed] = frozenset()
            reply = msgspec.structs.replace(completion([5] * 32, "length"), fingerprint=fingerprint)
            pieces = (one_piece(reply),)
            answer = Answer(target, request, reply, None, 1.0, frames=pieces, frames_s=(1.0,))
            scores += await run.validator.score([answer])
        assert [score.reasons[0] for score in scores] == ["no fingerprint", NOT_REPLAYED]
        assert [score.value > 0.0 for score in scores] == [False, True]
        assert not any(score.forfeits for score in scores)


async def test_silence_is_no_conviction(tmp_path: Path) -> None:
    async with subnet(tmp_path, {"a": InferenceMiner()}) as run:
        target = Target(Uid(1), Ss58("a"), run.commitments["a"])
        request = run.validator.request_for(target, random.Random(1), tokens=32)
        [score] = await run.validator.score([Answer(target, request, None, "timed out", 9.0)])
        assert score.value == 0.0
        assert score.reasons == ("no answer",)
        assert run.validator._probation is not None
        assert not run.validator._probation.knows(Ss58("a"))
        assert await run.validator.score([]) == []


def test_margins_of_the_perturbed_lie_far_beyond_the_tolerance() -> None:
    # The gap is what the gate stands on: honest below a tenth of it, a changed model above it.
    generator = np.random.default_rng(0)
    ids = demo().tokens.encode(PROMPTS[1])
    logits = demo().replay(ids, honest(asked(tokens=96)).tokens)
    noisy = logits + generator.normal(0, 0.3, logits.shape).astype(np.float32)
    tokens = np.array(
        [choose(row, Sampling(), bytes(16), place) for place, row in enumerate(noisy)]
    )
    assert compare(logits, tokens, Sampling(), bytes(16)).worst > 10 * TOLERANCE_FP32
