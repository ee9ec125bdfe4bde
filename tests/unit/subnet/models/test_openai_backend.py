"""The client of foreign engines against a real server on loopback, its bad days included."""

from __future__ import annotations

import asyncio
import base64
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache

import pytest
from aiohttp import web

from assay.errors import Unavailable, UserError
from assay.models.engine import Closed, EngineFailed, EngineRequest, NotTaken
from assay.models.fair_queue import OPEN_MAX, Asker, Busy
from assay.models.source import DEMO, resolve
from assay.scoring.inference.sampling import GREEDY

pytestmark = pytest.mark.inference
pytest.importorskip("transformers")

from assay.models import openai_backend  # noqa: E402  after the check for transformers
from assay.models.openai_backend import OpenAIEngine  # noqa: E402
from assay.models.tokens import Tokens  # noqa: E402

ASK = EngineRequest(prompt="def f(", max_tokens=8, seed=2**62 + 5, key=bytes(16), sampling=GREEDY)
ASKER = Asker("caller")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@cache
def tokens() -> Tokens:
    return Tokens.load(resolve(DEMO))


@asynccontextmanager
async def engine(
    handler: Handler, api_key: str | None = None, address: Callable[[str], str] = str
) -> AsyncIterator[OpenAIEngine]:
    app = web.Application()
    app.router.add_post("/v1/completions", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    client = OpenAIEngine(
        address(f"http://127.0.0.1:{port}/v1/"),
        "served",
        tokens(),
        bytes(32),
        monotonic=time.monotonic,
        api_key=api_key,
    )
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


def says(text: str, finish: str = "length") -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"choices": [{"text": text, "finish_reason": finish}]})

    return handler


async def test_an_answer_is_cut_into_the_models_tokens() -> None:
    async with engine(says("self, name):\n")) as client:
        made = await client.complete(ASK, ASKER)
    assert made.text == "self, name):\n"
    assert tokens().decode(made.tokens) == made.text
    assert made.finish == "length"
    assert made.total_s > 0
    assert not client.seeded


async def test_a_stop_ends_with_the_end_of_text() -> None:
    async with engine(says("", "stop")) as client:
        made = await client.complete(ASK, ASKER)
    assert made.finish == "stop"
    assert set(made.tokens) == set(tokens().ends)


async def test_what_is_asked_is_what_openais_interface_takes() -> None:
    seen: dict[str, object] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(await request.json())
        seen["key"] = request.headers.get("Authorization")
        return web.json_response({"choices": [{"text": "x", "unknown": 1}], "usage": {}})

    async with engine(handler, api_key="secret") as client:
        await client.complete(ASK, ASKER)
    assert seen == {
        "model": "served",
        "prompt": "def f(",
        "max_tokens": 8,
        "temperature": 0.0,
        "seed": 5,
        "stream": False,
        "key": "Bearer secret",
    }


def body(raw: bytes, status: int = 200) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=raw, status=status)

    return handler


@pytest.mark.parametrize(
    "handler",
    [
        body(b"not json"),
        body(b"{}"),
        body(b'{"choices": []}'),
        body(b'{"choices": [{"text": 5}]}'),
        body(b"\xff\xfe"),
        says(""),
    ],
)
async def test_whatever_else_comes_back_is_an_engine_that_is_down(handler: Handler) -> None:
    async with engine(handler) as client:
        with pytest.raises(Unavailable, match="answered with"):
            await client.complete(ASK, ASKER)


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_backend, "ANSWER_BYTES_MAX", 10_000)
    async with engine(says("x" * 20_000)) as client:
        with pytest.raises(Unavailable, match="more than 10000 bytes"):
            await client.complete(ASK, ASKER)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (500, "answers with status 500"),
        (401, "does not accept this miner's key"),
        (404, "knows no model 'served'"),
        (429, "no more requests for now"),
        (307, "does not take what is asked"),
    ],
)
async def test_a_failing_engine_is_told_as_what_it_is(status: int, cause: str) -> None:
    async with engine(body(b"oh no", status)) as client:
        with pytest.raises(EngineFailed, match=cause) as told:
            await client.complete(ASK, ASKER)
    assert "oh no" not in str(told.value)


async def test_a_request_that_the_engine_refuses_is_the_callers_mistake() -> None:
    async with engine(body(b'{"error": {"type": "exceed_context_size_error"}}', 400)) as client:
        with pytest.raises(NotTaken, match="exceed_context_size_error"):
            await client.complete(ASK, ASKER)


async def test_what_is_secret_in_an_address_is_sent_and_never_shown() -> None:
    seen: list[tuple[str, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.path_qs, request.headers.get("Authorization")))
        return web.Response(status=503)

    def secret(address: str) -> str:
        return address.replace("http://", "http://user:pass-word@") + "?token=to-ken"

    async with engine(handler, address=secret) as client:
        with pytest.raises(EngineFailed) as told:
            await client.complete(ASK, ASKER)
    basic = "Basic " + base64.b64encode(b"user:pass-word").decode()
    assert seen == [("/v1/completions?token=to-ken", basic)]
    shown = "".join(traceback.format_exception(told.value))
    assert "127.0.0.1" in shown
    for part in ("pass-word", "to-ken", "user:"):
        assert part not in shown


@pytest.mark.parametrize(
    "url", ["http://user:pass-word@h:port/v1", "ftp://user:pass-word@h/v1?token=to-ken"]
)
async def test_not_even_a_wrong_address_is_repeated(url: str) -> None:
    with pytest.raises(UserError, match="is not an http address") as told:
        OpenAIEngine(url, "m", tokens(), bytes(32), monotonic=time.monotonic)
    shown = "".join(traceback.format_exception(told.value, chain=True))
    assert "pass-word" not in str(told.value) and "to-ken" not in str(told.value)
    assert "pass-word" not in shown.replace(url, "")


async def test_a_user_and_a_key_are_one_too_many() -> None:
    with pytest.raises(UserError, match="only one can be sent"):
        OpenAIEngine(
            "http://u:p@h/v1", "m", tokens(), bytes(32), monotonic=time.monotonic, api_key="k"
        )


async def test_nobody_there() -> None:
    client = OpenAIEngine(
        "http://127.0.0.1:9/v1", "m", tokens(), bytes(32), monotonic=time.monotonic
    )
    try:
        with pytest.raises(Unavailable, match="Connect"):
            await client.complete(ASK, ASKER)
    finally:
        await client.close()


async def test_nobody_is_asked_once_it_was_closed() -> None:
    async with engine(says("late")) as client:
        await client.close()
        with pytest.raises(Closed):
            await client.complete(ASK, ASKER)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "ftp://host/v1", "", "http://", "http://[::1/v1", "http://h:99999/v1"]
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="is not an http address"):
        OpenAIEngine(url, "m", tokens(), bytes(32), monotonic=time.monotonic)


async def test_one_caller_has_a_bounded_number_of_answers_open_at_the_server() -> None:
    asked, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        asked.release()
        await go_on.wait()
        return web.json_response({"choices": [{"text": "os", "finish_reason": "length"}]})

    async with engine(slow) as client, asyncio.TaskGroup() as group, asyncio.timeout(20):
        for _ in range(OPEN_MAX):
            group.create_task(client.complete(ASK, ASKER))
        for _ in range(OPEN_MAX):
            await asked.acquire()
        with pytest.raises(Busy):
            await client.complete(ASK, ASKER)
        other = group.create_task(client.complete(ASK, Asker("another")))
        await asked.acquire()
        # A validator measures what the accelerator behind the server draws.
        for _ in range(client.together):
            group.create_task(client.complete(ASK, Asker("validator", first=True)))
        for _ in range(client.together):
            await asked.acquire()
        with pytest.raises(Busy):
            await client.complete(ASK, Asker("validator", first=True))
        go_on.set()
        assert (await other).text == "os"
