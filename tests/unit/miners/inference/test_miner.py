"""The inference miner: what it lets in, what it answers, and what it publishes."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from assay.clock import SystemClock
from assay.errors import UserError
from assay.miners.inference import InferenceMiner
from assay.miners.inference.requests import admit
from assay.miners.inference.settings import MinerSettings
from assay.models.answer import GrowingAnswer
from assay.models.drawing import Drawing
from assay.models.engine import DrawnToken
from assay.models.fair_queue import OPEN_MAX
from assay.models.local_engine import LocalEngine
from assay.models.root import model_root
from assay.models.slots import Span
from assay.models.source import DEMO, resolve
from assay.neuron import Caller
from assay.protocol.inference import Complete, ModelCommitment, NumericPath, noise_key
from assay.scoring.inference.precision import PRECISIONS
from assay.types import Ss58
from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import Membership
from tests.support.contexts import task_context
from tests.support.trials import remember_trials
from tests.unit.subnet.models.folders import demo_copy, edit

ROOT = bytes(range(32))
MINER = "5miner"
CALLER = Caller(Ss58("5caller"), bytes(32), Membership.PERMIT, "127.0.0.1", 1, bytes(32), 10.0)
RIVAL = dataclasses.replace(CALLER, address=Ss58("5rival"), membership=Membership.REGISTERED)


@pytest.fixture(autouse=True)
def _tried_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("inference"):
        pytest.importorskip("torch")
        remember_trials(monkeypatch)


def asked(root: bytes = ROOT, **changes: object) -> Complete:
    fields = {
        "prompt": "import ",
        "max_tokens": 8,
        "seed": 3,
        "temperature": 1.0,
        "miner": MINER,
        **changes,
    }
    return Complete(model=root, **fields)  # type: ignore[arg-type]


def test_a_request_becomes_an_order() -> None:
    ask = admit(asked(), ROOT, miner=MINER, permit=False, seeded=True)
    assert (ask.prompt, ask.max_tokens, ask.sampling.temperature, ask.seed) == (
        "import ",
        8,
        1.0,
        3,
    )
    assert ask.key == noise_key(3, ROOT, MINER)


def test_another_model_is_refused_by_name() -> None:
    with pytest.raises(RequestRefused, match="serves the model 00010203") as caught:
        admit(asked(bytes(32)), ROOT, miner=MINER, permit=False, seeded=True)
    assert caught.value.code is Code.REFUSED_BY_TASK


def test_a_request_that_names_another_miner_is_refused() -> None:
    """Its noise is the other's: a relay that asks here gets nothing that it can hand on."""
    for begun in ([], [4]):
        with pytest.raises(RequestRefused) as caught:
            admit(asked(miner="5other", begun=begun), ROOT, miner=MINER, permit=False, seeded=True)
        assert caught.value.code is (Code.NO_PERMIT if begun else Code.REFUSED_BY_TASK)


def test_a_fingerprint_is_made_for_validators_alone() -> None:
    """A relay without a model would get it here, together with each token that it asks for."""
    for permit, seeded in ((False, True), (True, True), (True, False)):
        ask = admit(asked(temperature=0.0), ROOT, miner=MINER, permit=permit, seeded=seeded)
        assert ask.projected == (permit and seeded)


def test_a_validator_may_have_anothers_answer_continued() -> None:
    request = asked(miner="5other", begun=[4, 5])
    ask = admit(request, ROOT, miner=MINER, permit=True, seeded=True)
    assert (ask.begun, ask.key) == ((4, 5), noise_key(3, ROOT, "5other"))
    with pytest.raises(RequestRefused, match="names another miner"):
        admit(asked(miner="5other"), ROOT, miner=MINER, permit=True, seeded=True)


@pytest.mark.parametrize(
    "changes",
    [{"presence_penalty": 0.5}, {"bias": {3: 1.0}}, {"stop": ["x"]}, {"logprobs": 0},
     {"begun": [3]}, {"repetition_penalty": 1.1}, {"frequency_penalty": -0.1}],
)  # fmt: skip
def test_a_foreign_engine_is_not_asked_for_what_nobody_can_check(changes: dict[str, Any]) -> None:
    request = asked(temperature=0.0, **changes)
    with pytest.raises(RequestRefused, match="takes no penalties"):
        admit(request, ROOT, miner=MINER, permit=True, seeded=False)


def test_a_foreign_engine_answers_greedily_only() -> None:
    admit(asked(temperature=0.0), ROOT, miner=MINER, permit=False, seeded=False)
    with pytest.raises(RequestRefused, match="temperature 0 only"):
        admit(asked(), ROOT, miner=MINER, permit=False, seeded=False)


async def started(
    tmp_path: Path,
    settings: MinerSettings | None = None,
    published: list[bytes] | None = None,
) -> tuple[InferenceMiner, list[bytes]]:
    published = [] if published is None else published

    miner = InferenceMiner()
    context = task_context(
        settings or MinerSettings(),
        Ss58(MINER),
        tmp_path,
        SystemClock(),
        published=published,
    )
    await miner.start(context)
    return miner, published


@pytest.mark.inference
async def test_it_commits_to_its_precision_and_computes_in_it(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    published: list[bytes] = []
    fingerprints = set()
    for precision in PRECISIONS:
        miner, published = await started(tmp_path, MinerSettings(precision=precision))
        try:
            root = model_root(resolve(DEMO))
            assert published == [ModelCommitment(root, NumericPath.of(precision)).pack()]
            fingerprints.add((await miner.serve(asked(root), CALLER)).fingerprint)
        finally:
            await miner.close()
    assert len(fingerprints) == len(PRECISIONS)


async def test_no_precision_is_promised_for_an_engine_elsewhere(tmp_path: Path) -> None:
    settings = MinerSettings(backend="openai", base_url="http://127.0.0.1:1/v1", precision="bf16")
    with pytest.raises(UserError, match="cannot be promised"):
        await started(tmp_path, settings)


@pytest.mark.inference
async def test_it_commits_its_model_and_answers(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    miner, published = await started(tmp_path)
    try:
        root = model_root(resolve(DEMO))
        assert published == [ModelCommitment(root, NumericPath.SEEDED_FP32).pack()]
        replies = await asyncio.gather(*(miner.serve(asked(root), CALLER) for _ in range(3)))
        assert len({reply.text for reply in replies}) == 1
        assert len(replies[0].tokens) == 8
        assert 0 <= replies[0].queued_s <= replies[0].first_token_s <= replies[0].total_s
        # Computed together: the last one begins before the first one ends.
        assert replies[2].queued_s < replies[0].total_s
        with pytest.raises(RequestRefused, match="exceed the model's context of 512"):
            await miner.serve(asked(root, prompt="x = 1\n" * 400), CALLER)
    finally:
        await miner.close()


@pytest.mark.inference
async def test_a_model_that_fails_its_trial_is_published_nowhere(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    folder = demo_copy(tmp_path / "m")
    rope = {"rope_type": "default", "rope_theta": 0.0}
    edit(folder / "config.json", lambda fields: fields.update(rope_parameters=rope))
    published: list[bytes] = []
    with pytest.raises(UserError, match="not finite"):
        await started(tmp_path, MinerSettings(model=str(folder)), published)
    assert not published


class Watched:
    """Notes, for each step of a miner's own engine, how many tokens the requests asked for of whose
    answers one is drawn."""

    def __init__(self, miner: InferenceMiner, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(miner._engine, LocalEngine)
        rows = miner._engine._by_rows.result(60)
        assert rows is not None
        self.steps: list[list[int]] = []
        self._began = threading.Event()
        run, draw = rows.run, GrowingAnswer.draw

        def step(spans: Sequence[Span]) -> list[Drawing]:
            self.steps.append([])
            return run(spans)

        def drawn(answer: GrowingAnswer, drawing: Drawing) -> DrawnToken:
            self.steps[-1].append(answer.ask.max_tokens)
            self._began.set()
            return draw(answer, drawing)

        monkeypatch.setattr(rows, "run", step)
        monkeypatch.setattr(GrowingAnswer, "draw", drawn)

    async def begins(self) -> None:
        """Return once a token was drawn."""
        assert await asyncio.to_thread(self._began.wait, 60)


@pytest.mark.inference
async def test_a_caller_that_gives_up_frees_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    miner, _ = await started(tmp_path)
    watched = Watched(miner, monkeypatch)
    try:
        root = model_root(resolve(DEMO))
        long = asyncio.create_task(miner.serve(asked(root, max_tokens=480), CALLER))
        await watched.begins()
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        before = len(watched.steps)
        await asyncio.wait_for(miner.serve(asked(root, max_tokens=1), CALLER), 60)
        # The abandoned answer was left after the step in hand.
        assert watched.steps[-1] == [1]
        assert len(watched.steps) <= before + 2
    finally:
        await miner.close()


@pytest.mark.inference
async def test_a_caller_with_too_many_answers_open_is_told_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    miner, _ = await started(tmp_path)
    watched = Watched(miner, monkeypatch)
    try:
        root = model_root(resolve(DEMO))
        long = [
            asyncio.create_task(miner.serve(asked(root, max_tokens=480), RIVAL))
            for _ in range(OPEN_MAX)
        ]
        await watched.begins()
        with pytest.raises(RequestRefused) as caught:
            await miner.serve(asked(root), RIVAL)
        assert caught.value.status == 429
        assert caught.value.retry_after_s
        before = len(watched.steps)
        await miner.serve(asked(root), CALLER)
        mine = [at for at, asked_for in enumerate(watched.steps) if 8 in asked_for]
        # One step was in the making, and one more may have been begun meanwhile; then each step
        # draws one of the validator's tokens.
        assert mine[0] <= before + 2
        assert mine == [*range(mine[0], mine[0] + 8)]
        assert not any(task.done() for task in long)
        for task in long:
            task.cancel()
        await asyncio.gather(*long, return_exceptions=True)
    finally:
        await miner.close()


@pytest.mark.inference
async def test_it_serves_through_an_engine(tmp_path: Path) -> None:
    pytest.importorskip("transformers")

    async def complete(request: web.Request) -> web.Response:
        assert (await request.json())["model"] == "big"
        return web.json_response({"choices": [{"text": "os\n", "finish_reason": "length"}]})

    async with server(complete) as port, asyncio.timeout(30):
        settings = MinerSettings(
            backend="openai", base_url=f"http://127.0.0.1:{port}/v1", served_name="big"
        )
        miner, published = await started(tmp_path, settings)
        try:
            root = model_root(resolve(DEMO))
            assert published == [ModelCommitment(root, NumericPath.ENGINE).pack()]
            assert (await miner.serve(asked(root, temperature=0.0), CALLER)).text == "os\n"
        finally:
            await miner.close()


@pytest.mark.inference
async def test_an_engine_that_is_down_is_a_signed_try_later(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    settings = MinerSettings(backend="openai", base_url="http://127.0.0.1:9/v1")
    miner, _ = await started(tmp_path, settings)
    try:
        with pytest.raises(RequestRefused, match="engine does not answer") as caught:
            await miner.serve(asked(model_root(resolve(DEMO)), temperature=0.0), CALLER)
        assert caught.value.status == 503
        assert caught.value.retry_after_s
        assert "127.0.0.1" not in str(caught.value)
    finally:
        await miner.close()


class server:  # noqa: N801  reads as what it is in an async with
    """A server on a free port of loopback."""

    def __init__(self, handler: Callable[[web.Request], Awaitable[web.Response]]) -> None:
        app = web.Application()
        app.router.add_post("/v1/completions", handler)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> int:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port: int = self._runner.addresses[0][1]
        return port

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"model": "./nowhere"}, "There is no model folder"),
        ({"backend": "openai"}, "needs an address"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "needs --backend openai"),
        (
            {"backend": "openai", "base_url": "http://h/v1", "api_key_file": Path("/no/such")},
            "cannot be read",
        ),
    ],
)
async def test_wrong_settings_are_one_sentence(
    settings: dict[str, object], cause: str, tmp_path: Path
) -> None:
    if "api_key_file" in settings:
        pytest.importorskip("transformers")
    with pytest.raises(UserError, match=cause):
        await started(tmp_path, MinerSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"  \n", b"two\nlines", b"x" * 5000, b"\xff\xfe"])
async def test_a_file_that_holds_no_key(content: bytes, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "key").write_bytes(content)
    settings = MinerSettings(
        backend="openai", base_url="http://127.0.0.1:9/v1", api_key_file=tmp_path / "key"
    )
    with pytest.raises(UserError, match="does not hold an API key"):
        await started(tmp_path, settings)


def test_what_keeps_caches_apart_reaches_the_engine() -> None:
    ask = admit(asked(cache=b"ada"), ROOT, miner=MINER, permit=False, seeded=True)
    assert ask.cache == b"ada"
