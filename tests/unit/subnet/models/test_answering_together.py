"""The engine with the demo model: many answers at once, each what it is alone."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from assay.clock import ManualClock
from assay.models.drawing import Drawing
from assay.models.engine import (
    EngineAnswer,
    EnginePiece,
    EngineRequest,
    NotContinued,
    TooLong,
)
from assay.models.fair_queue import TOGETHER_MAX, Asker
from assay.models.slots import Span
from assay.models.source import DEMO, resolve
from assay.scoring.inference.agreement import TOLERANCE_FP32, compare
from assay.scoring.inference.fingerprint import PROJECTIONS, project
from assay.scoring.inference.sampling import Sampling
from tests.support.trials import remember_trials

pytestmark = pytest.mark.inference
torch = pytest.importorskip("torch")

from assay.models.language import LanguageModel  # noqa: E402  after the check for torch
from assay.models.local_engine import PIECE_S, LocalEngine  # noqa: E402
from assay.models.rows import Rows  # noqa: E402

TEXT = "def main(argv):\n    import os\n    for name in os.listdir(argv[1]):\n        print(name)\n"


@cache
def demo() -> LanguageModel:
    return LanguageModel.load(resolve(DEMO))


@pytest.fixture
async def engine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalEngine]:
    remember_trials(monkeypatch)
    made = LocalEngine(demo(), bytes(32), monotonic=time.monotonic)
    async with asyncio.timeout(120):
        yield made
        await made.close()


@pytest.fixture
async def slow_engine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalEngine]:
    """One by whose clock a second passes whenever it is looked at: each token is a piece."""
    remember_trials(monkeypatch)
    made = LocalEngine(demo(), bytes(32), monotonic=itertools.count().__next__)
    async with asyncio.timeout(120):
        yield made
        await made.close()


def ask(number: int, tokens: int = 24) -> EngineRequest:
    """Requests that differ in length, place, temperature and seed."""
    prompt = (TEXT * 4)[7 * number : 7 * number + 20 + 31 * number % 200]
    temperature = (0.0, 0.7, 1.0)[number % 3]
    sampling = Sampling(
        temperature=temperature, top_k=(0, 0, 40)[number % 3], frequency_penalty=number % 4 / 8
    )
    return EngineRequest(prompt, tokens, number, bytes([number]) * 16, sampling)


def asker(number: int) -> Asker:
    return Asker(f"caller {number % 5}", first=number % 5 != 4)


async def read(pieces: AsyncIterator[EnginePiece]) -> list[EnginePiece]:
    return [piece async for piece in pieces]


def said(answer: EngineAnswer) -> tuple[object, ...]:
    return answer.tokens, answer.text, answer.finish, answer.prompt_tokens


async def test_together_each_draws_what_it_draws_alone(engine: LocalEngine) -> None:
    alone = [await engine.complete(ask(n), asker(n)) for n in range(16)]
    together = await asyncio.gather(*(engine.complete(ask(n), asker(n)) for n in range(16)))
    assert [said(answer) for answer in together] == [said(answer) for answer in alone]
    for number, answer in enumerate(together):
        ids = demo().tokens.encode(ask(number).prompt)
        wanted = ask(number)
        agreement = compare(
            demo().replay(ids, answer.tokens),
            np.array(answer.tokens),
            wanted.sampling,
            wanted.key,
            prompt=ids,
        )
        assert agreement.worst <= TOLERANCE_FP32 / 10


@pytest.mark.parametrize("quick", [False, True])
async def test_a_stream_is_the_whole_answer_in_pieces(
    engine: LocalEngine, slow_engine: LocalEngine, *, quick: bool
) -> None:
    wanted = replace(ask(4), logprobs=2)
    whole = await engine.complete(wanted, asker(0))
    pieces = await read((engine if quick else slow_engine).stream(wanted, asker(0)))
    assert "".join(piece.text for piece in pieces) == whole.text
    assert tuple(drawn for piece in pieces for drawn in piece.drawn) == whole.drawn
    assert [piece.end is None for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert quick or len(pieces) == len(whole.tokens)
    assert len(pieces[0].tokens) == 1
    end = pieces[-1].end
    assert end is not None
    assert (end.finish, end.prompt_tokens) == (whole.finish, whole.prompt_tokens)
    assert 0 <= end.queued_s <= end.first_token_s <= end.total_s


async def test_an_answer_goes_on_where_another_engine_left_it(
    engine: LocalEngine, slow_engine: LocalEngine
) -> None:
    for number in (3, 4):
        wanted = ask(number)
        pieces = await read(slow_engine.stream(wanted, asker(0)))
        for cut in (1, 7, 23):
            begun = tuple(token for piece in pieces[:cut] for token in piece.tokens)
            going_on = replace(wanted, begun=begun, max_tokens=wanted.max_tokens - cut)
            rest = await engine.complete(going_on, asker(0))
            assert rest.tokens == tuple(t for piece in pieces[cut:] for t in piece.tokens)
            assert rest.text == "".join(piece.text for piece in pieces[cut:])
            assert rest.prompt_tokens == len(demo().tokens.encode(wanted.prompt))


async def test_a_stop_string_ends_the_answer_before_it(engine: LocalEngine) -> None:
    wanted = replace(ask(0, 40), prompt=TEXT)
    whole = await engine.complete(wanted, asker(0))
    stop = whole.text[12:15]
    stopped = await engine.complete(replace(wanted, stop=(stop, "never")), asker(0))
    assert stopped.finish == "stop"
    assert stopped.text == whole.text[: whole.text.index(stop)]
    assert stopped.tokens == whole.tokens[: len(stopped.tokens)]
    assert stop in demo().tokens.decode(stopped.tokens)
    assert stop not in demo().tokens.decode(stopped.tokens[:-1])
    pieces = await read(engine.stream(replace(wanted, stop=(stop, "never")), asker(0)))
    assert "".join(piece.text for piece in pieces) == stopped.text


async def test_probabilities_are_those_of_the_logits(engine: LocalEngine) -> None:
    made = await engine.complete(replace(ask(4), logprobs=3), asker(0))
    logits = demo().replay(demo().tokens.encode(ask(4).prompt), made.tokens)
    expected = torch.log_softmax(torch.tensor(logits).double(), dim=-1).numpy()
    assert len(made.logprobs) == len(made.tokens)
    for token, told, row in zip(made.tokens, made.logprobs, expected, strict=True):
        assert told.logprob == pytest.approx(row[token], abs=1e-3)
        best = np.argsort(-row)[:3]
        assert [id_ for id_, _ in told.top] == best.tolist()
        assert [value for _, value in told.top] == pytest.approx(row[best], abs=1e-3)
    assert all(drawn.projected is None for drawn in made.drawn)


async def test_what_is_kept_of_a_state_are_its_projections(engine: LocalEngine) -> None:
    """A state has kilobytes, and a slow reader of many answers leaves thousands of tokens here."""
    made = await engine.complete(replace(ask(4), projected=True), asker(0))
    kept = [drawn.projected for drawn in made.drawn if drawn.projected is not None]
    hidden = demo().replay_whole(demo().tokens.encode(ask(4).prompt), made.tokens).hidden
    assert hidden is not None
    np.testing.assert_allclose(np.stack(kept), project(hidden, engine.root), rtol=1e-3, atol=1e-3)
    held = kept[0].base if kept[0].base is not None else kept[0]
    assert held.nbytes == PROJECTIONS * 4  # and no pass


async def test_one_caller_has_as_many_answers_made_at_once_as_the_engine_gains_from(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine with several uids would have them made, and earn for it."""
    assert engine.together == TOGETHER_MAX
    widest = 0
    run = Rows.run

    def watched(self: Rows, spans: Sequence[Span]) -> list[Drawing]:
        nonlocal widest
        widest = max(widest, len(spans))
        return run(self, spans)

    monkeypatch.setattr(Rows, "run", watched)
    asks = [replace(ask(4, 4), key=bytes([n]) * 16) for n in range(engine.together)]
    one = Asker("gateway", first=True)
    await engine.complete(asks[0], one)  # the prompt is read, so that all begin together
    made = await asyncio.gather(*(engine.complete(each, one) for each in asks))
    assert widest == engine.together
    for number in (0, 17, 63):
        assert said(await engine.complete(asks[number], one)) == said(made[number])


async def test_pieces_are_rarer_where_many_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    remember_trials(monkeypatch)
    clock = ManualClock()
    run = Rows.run

    def timed(self: Rows, spans: Sequence[Span]) -> list[Drawing]:
        clock.advance(PIECE_S / 2)
        return run(self, spans)

    monkeypatch.setattr(Rows, "run", timed)
    engine = LocalEngine(demo(), bytes(32), monotonic=clock.monotonic)
    async with asyncio.timeout(120):
        alone = await read(engine.stream(ask(4), asker(0)))
        many = await asyncio.gather(*(read(engine.stream(ask(4), asker(0))) for _ in range(24)))
        await engine.close()
    assert len(alone) >= 8  # of 24 tokens, two or three in each
    assert all(len(told) < len(alone) * 0.7 for told in many)
    assert all(told[0].tokens == alone[0].tokens for told in many)  # the first leaves at once


async def test_whoever_gives_up_leaves_the_others_their_answers(engine: LocalEngine) -> None:
    alone = [await engine.complete(ask(n), asker(n)) for n in (1, 2)]
    async with contextlib.aclosing(engine.stream(ask(3, 300), asker(3))) as pieces:
        await anext(pieces)
        staying = [asyncio.create_task(engine.complete(ask(n), asker(n))) for n in (1, 2)]
        await anext(pieces)
    assert [said(await task) for task in staying] == [said(answer) for answer in alone]
    await engine.complete(ask(5, 1), asker(5))
    assert len(engine._queue) == 0


async def test_a_beginning_that_was_computed_is_not_computed_again(engine: LocalEngine) -> None:
    rows = engine._by_rows.result(timeout=60)
    assert rows is not None
    computed: list[int] = []
    run = rows.run
    rows.run = lambda spans: (computed.append(sum(len(s.tokens) for s in spans)), run(spans))[1]  # type: ignore[method-assign]
    wanted = replace(ask(4), prompt=TEXT * 4)
    first = await engine.complete(wanted, Asker("one"))
    once, computed[:] = sum(computed), []
    again = await engine.complete(wanted, Asker("one"))
    assert said(again) == said(first)
    assert sum(computed) == len(first.tokens)
    other = await engine.complete(wanted, Asker("other"))
    assert sum(computed) == len(first.tokens) + once
    assert said(other) == said(first)
    computed[:] = []
    client = await engine.complete(replace(wanted, cache=b"client"), Asker("one"))
    assert sum(computed) == once, "of another client of the same caller nothing is known"
    assert said(client) == said(first)
    await engine.complete(replace(wanted, cache=b"client"), Asker("one"))
    assert sum(computed) == once + len(first.tokens)


@pytest.mark.parametrize("failing", ["copy", "move", "reserve", "_empty"])
async def test_a_cache_that_could_not_be_filled_serves_nobody(
    engine: LocalEngine, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same caller's next answers would otherwise begin with whatever lay in the slot."""
    rows = engine._by_rows.result(timeout=60)
    assert rows is not None
    wanted = replace(ask(4), prompt=TEXT * 3)
    right = said(await engine.complete(wanted, Asker("other")))
    long = asyncio.create_task(engine.complete(replace(ask(7), max_tokens=60), Asker("one")))
    other = asyncio.create_task(engine.complete(wanted, Asker("one")))
    await other
    # A slot that moves what it kept, copies a beginning, and needs a larger cache.
    larger = replace(wanted, max_tokens=demo().context_tokens - len(demo().tokens.encode(TEXT * 3)))

    def fails(*arguments: object) -> None:
        raise MemoryError("once")

    with monkeypatch.context() as patch:
        patch.setattr(rows, failing, fails)
        refused = asyncio.create_task(engine.complete(larger, Asker("one")))
        await asyncio.wait([refused], timeout=0.5)  # one that needed none of it is answered
        refused.cancel()
        with contextlib.suppress(MemoryError, asyncio.CancelledError):
            await refused
    for _ in range(3):
        assert said(await engine.complete(wanted, Asker("one"))) == right
    assert said(await engine.complete(wanted, Asker("third"))) == right
    await long


async def test_what_cannot_be_answered_is_the_callers_mistake_alone(engine: LocalEngine) -> None:
    good = asyncio.create_task(engine.complete(ask(1), asker(1)))
    for times in (100, 10_000):  # the second is told by its length alone
        with pytest.raises(TooLong):
            await engine.complete(replace(ask(2), prompt=TEXT * times), asker(2))
    end = min(demo().ends)
    for begun in [(1, end), (demo().vocabulary,), (-1,)]:
        with pytest.raises(NotContinued):
            await engine.complete(replace(ask(2), begun=begun), asker(2))
    assert len((await good).tokens) == 24
