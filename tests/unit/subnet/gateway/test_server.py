"""OpenAI's own client, unmodified, against a gateway on a real port."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from assay.protocol.client_receipts import parse_receipt, receipt_fault
from assay.protocol.inference import Complete, NumericPath
from assay.wire.errors import RequestRefused
from assay.wire.synapse import decode
from tests.unit.subnet.gateway.desks import CONTEXT, Desk, desk
from tests.unit.subnet.gateway.miners import ROOT, ByteSpelling, FakeMiner, key, whole

HELLO: Any = [{"role": "user", "content": "hello"}]


@contextlib.asynccontextmanager
async def served(
    folder: Path, *miners: FakeMiner, **options: Any
) -> AsyncIterator[tuple[Desk, AsyncOpenAI]]:
    async with (
        desk(folder, *miners, **options) as at,
        AsyncOpenAI(base_url=f"{at.url}/v1", api_key=at.key, max_retries=0) as client,
    ):
        yield at, client


def plain_seed(miner: FakeMiner) -> int:
    """A seed with which the first token of ``miner`` is a whole character."""
    asks = (
        Complete(
            model=ROOT, prompt="", max_tokens=1, seed=seed, temperature=1.0, miner=miner.hotkey
        )
        for seed in range(100)
    )
    return next(ask.seed for ask in asks if whole(ask, miner.hotkey, 1)[0] < 128)


def expected(ask: Complete, miner: FakeMiner, count: int) -> str:
    return ByteSpelling().decode(whole(ask, miner.hotkey, count))


async def test_a_chat(tmp_path: Path) -> None:
    miner = FakeMiner(key(1))
    async with served(tmp_path, miner) as (at, client):
        reply = await client.chat.completions.create(
            model="demo", messages=HELLO, max_tokens=20, seed=7
        )
        [ask] = miner.asked
        assert (ask.prompt, ask.seed, ask.temperature) == ("user: hello\nassistant: ", 7, 1.0)
        [choice] = reply.choices
        assert choice.message.content == expected(ask, miner, 20)
        assert (choice.message.role, choice.finish_reason) == ("assistant", "length")
        assert reply.usage is not None
        assert reply.usage.prompt_tokens == len(ask.prompt)
        assert reply.usage.completion_tokens == 20
        assert reply.system_fingerprint == f"{ROOT.hex()}/seeded_fp32"
        assert reply._request_id is not None
        assert at.quotas.used() == {at.record.id: len(ask.prompt) + 20}


async def test_a_streamed_chat_with_usage_and_logprobs(tmp_path: Path) -> None:
    miner = FakeMiner(key(1), ends_at=12)
    async with served(tmp_path, miner) as (_, client):
        stream = await client.chat.completions.create(
            model="demo", messages=HELLO, stream=True, stream_options={"include_usage": True},
            logprobs=True, top_logprobs=2,
        )  # fmt: skip
        chunks = [chunk async for chunk in stream]
    [ask] = miner.asked
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == expected(ask, miner, 12)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 13
    shown = [
        each
        for c in chunks
        if c.choices and c.choices[0].logprobs
        for each in c.choices[0].logprobs.content or ()
    ]
    assert b"".join(bytes(each.bytes or ()) for each in shown).decode(errors="replace") == text
    assert all(len(each.top_logprobs) == 2 for each in shown)


async def test_the_first_token_comes_as_soon_as_it_is_drawn(tmp_path: Path) -> None:
    gate = asyncio.Event()
    miner = FakeMiner(key(1))

    async def held(ask: Complete, caller: Any) -> AsyncIterator[Any]:
        async for piece in FakeMiner.stream(miner, ask, caller):
            yield piece
            if len(miner.asked) == 1 and not gate.is_set():
                await gate.wait()

    miner.stream = held  # type: ignore[method-assign]
    async with served(tmp_path, miner) as (_, client):
        stream = await client.completions.create(
            model="demo", prompt="x", stream=True, max_tokens=30, seed=plain_seed(miner)
        )
        first = await anext(stream)
        assert first.choices[0].text
        gate.set()
        rest = [chunk async for chunk in stream]
    assert rest[-1].choices[0].finish_reason == "length"


async def test_plain_completions_of_several_prompts_and_answers(tmp_path: Path) -> None:
    miners = FakeMiner(key(1)), FakeMiner(key(2))
    async with served(tmp_path, *miners) as (_, client):
        reply = await client.completions.create(
            model="demo", prompt=["one", "two"], n=2, max_tokens=9, seed=5, logprobs=1
        )
        asked = {ask.seed: (ask, miner) for miner in miners for ask in miner.asked}
        assert sorted(asked) == [5, 6, 7, 8]
        for choice in reply.choices:
            ask, miner = asked[5 + choice.index]
            assert ask.prompt == ("one", "one", "two", "two")[choice.index]
            assert choice.text == expected(ask, miner, 9)
            assert choice.logprobs is not None
            assert choice.logprobs.tokens is not None
            assert len(choice.logprobs.tokens) == 9
        assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]
        stream = await client.completions.create(
            model="demo", prompt="one", n=3, max_tokens=9, stream=True
        )
        texts = ["", "", ""]
        async for chunk in stream:
            texts[chunk.choices[0].index] += chunk.choices[0].text
        assert len(set(texts)) == 3


async def test_sampling_reaches_the_miner_as_it_was_asked_for(tmp_path: Path) -> None:
    miner = FakeMiner(key(1))
    async with served(tmp_path, miner) as (_, client):
        await client.chat.completions.create(
            model="demo", messages=HELLO, max_completion_tokens=3, temperature=0.5, top_p=0.9,
            presence_penalty=0.1, frequency_penalty=0.2, logit_bias={"7": -5}, stop="x",
            extra_body={"top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1},
        )  # fmt: skip
    [ask] = miner.asked
    assert (ask.temperature, ask.top_p, ask.top_k, ask.min_p) == (0.5, 0.9, 40, 0.05)
    assert (ask.presence_penalty, ask.frequency_penalty) == (0.1, 0.2)
    assert (ask.repetition_penalty, ask.bias, ask.stop) == (1.1, {7: -5.0}, ["x"])


async def test_models_and_embeddings(tmp_path: Path) -> None:
    async with served(tmp_path, FakeMiner(key(1))) as (_, client):
        assert [model.id for model in (await client.models.list()).data] == ["demo"]
        assert (await client.models.retrieve("demo")).id == "demo"
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            await client.models.retrieve("gpt-5")
        with pytest.raises(openai.BadRequestError, match="embeddings"):
            await client.embeddings.create(model="demo", input="x")
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            await client.embeddings.create(model="other", input="x")


async def test_errors_are_openais_own(tmp_path: Path) -> None:
    async with served(tmp_path, FakeMiner(key(1))) as (at, client):
        ask = client.chat.completions.create
        with pytest.raises(openai.NotFoundError) as missing:
            await ask(model="gpt-5", messages=HELLO)
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError) as hot:
            await ask(model="demo", messages=HELLO, temperature=3)
        assert (hot.value.param, hot.value.code) == ("temperature", "decimal_above_max_value")
        with pytest.raises(openai.BadRequestError) as long:
            await ask(model="demo", messages=[{"role": "user", "content": "x" * CONTEXT}])
        assert long.value.code == "context_length_exceeded"
        with pytest.raises(openai.BadRequestError, match="chat template"):
            await ask(model="demo", messages=[{"role": "assistant", "content": "x"}])
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
            await client.with_options(api_key=at.key[:-1] + "_").models.list()
        at.keys.revoke("test")
        with pytest.raises(openai.AuthenticationError) as revoked:
            await ask(model="demo", messages=HELLO)
        assert revoked.value.code == "invalid_api_key"
        assert revoked.value.response.headers["WWW-Authenticate"] == "Bearer"


async def test_quotas_are_rate_limits_with_a_time(tmp_path: Path) -> None:
    miner = FakeMiner(key(1))
    quota = {"requests_per_minute": 3, "tokens_per_day": 60}
    async with served(tmp_path, miner, quota=quota) as (_, client):
        ask = client.completions.create
        await ask(model="demo", prompt="x" * 9, max_tokens=20)
        with pytest.raises(openai.RateLimitError) as tokens:
            await ask(model="demo", prompt="x" * 9, max_tokens=40)
        assert tokens.value.type == "tokens"
        assert int(tokens.value.response.headers["Retry-After"]) > 1
        await ask(model="demo", prompt="x" * 9, max_tokens=20)
        with pytest.raises(openai.RateLimitError) as requests:
            await ask(model="demo", prompt="x", max_tokens=1)
        assert (requests.value.type, requests.value.code) == ("requests", "rate_limit_exceeded")
        assert 1 <= int(requests.value.response.headers["Retry-After"]) <= 20
        assert [model.id for model in (await client.models.list()).data] == ["demo"]


async def test_a_client_that_leaves_is_billed_for_what_was_made(tmp_path: Path) -> None:
    gate = asyncio.Event()
    miner = FakeMiner(key(1))

    async def held(ask: Complete, caller: Any) -> AsyncIterator[Any]:
        async for piece in FakeMiner.stream(miner, ask, caller):
            yield piece
            if piece.tokens and len(miner.asked) == 1:
                await gate.wait()

    miner.stream = held  # type: ignore[method-assign]
    async with served(tmp_path, miner) as (at, client):
        stream = await client.completions.create(
            model="demo", prompt="abc", stream=True, max_tokens=200, seed=plain_seed(miner)
        )
        await anext(stream)
        await stream.close()
        async with asyncio.timeout(5):
            # The server hears of it from the kernel, and gives the place back behind the receipt.
            while at.gateway._open.total():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert at.quotas.used() == {at.record.id: 4}
    assert miner.cancelled == 1


async def test_a_stream_that_cannot_go_on_ends_with_one_error(tmp_path: Path) -> None:
    miner = FakeMiner(key(1), dies_at=5)
    async with served(tmp_path, miner) as (_, client):
        stream = await client.completions.create(
            model="demo", prompt="abc", stream=True, max_tokens=50
        )
        said = ""

        async def read() -> None:
            nonlocal said
            async for chunk in stream:
                said += chunk.choices[0].text

        with pytest.raises(openai.APIError, match="No miner could answer"):
            await read()
        [ask] = miner.asked
        assert said == expected(ask, miner, 5).rstrip("\ufffd")
        with pytest.raises(openai.InternalServerError) as failed:
            await client.completions.create(model="demo", prompt="abc", max_tokens=50)
        assert failed.value.status_code == 503
        assert failed.value.response.headers["Retry-After"] == "1"


async def test_a_receipt_is_of_this_reply_and_for_this_key_alone(tmp_path: Path) -> None:
    first, second = FakeMiner(key(1), incentive=9000, dies_at=6), FakeMiner(key(2), incentive=0)
    async with served(tmp_path, first, second) as (at, client):
        raw = await client.chat.completions.with_raw_response.create(
            model="demo", messages=HELLO, max_tokens=20
        )
        text = raw.parse().choices[0].message.content
        id_ = raw.headers["x-assay-receipt"]
        assert raw.headers["x-assay-miner"] == first.hotkey
        assert raw.headers["x-assay-verified"] == "yes"
        shown = await client.get(f"/receipts/{id_}", cast_to=object)
        receipt = parse_receipt(json.dumps(shown).encode())
        assert receipt is not None
        assert receipt_fault(receipt) is None
        assert [(c.miner, c.verified) for c in receipt.calls] == [
            (first.hotkey, True),
            (second.hotkey, False),
        ]
        asked = decode(Complete, receipt.calls[0].request)
        assert text == expected(asked, first, 20)
        other, _ = at.keys.add("other")
        for wrong in (
            id_[:-1] + ("0" if id_[-1] != "0" else "1"),
            "rcpt-x",
            "../keys",
            id_ + "/..",
        ):
            with pytest.raises(openai.NotFoundError):
                await client.get(f"/receipts/{wrong}", cast_to=object)
        with pytest.raises(openai.NotFoundError) as hidden:
            await client.with_options(api_key=other).get(f"/receipts/{id_}", cast_to=object)
        assert hidden.value.code == "receipt_not_found"


async def test_a_model_without_a_template_goes_on_with_the_texts(tmp_path: Path) -> None:
    miner = FakeMiner(key(1))
    async with served(tmp_path, miner, has_chat=False) as (_, client):
        messages: Any = [{"role": "system", "content": "import os"}, *HELLO]
        await client.chat.completions.create(model="demo", messages=messages, max_tokens=2)
        assert miner.asked[0].prompt == "import os\n\nhello"
        tool: Any = {"type": "function", "function": {"name": "f", "parameters": {}}}
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model="demo", messages=HELLO, tools=[tool])
        assert refused.value.param == "tools"


async def test_tools_reach_the_template(tmp_path: Path) -> None:
    miner = FakeMiner(key(1))
    async with served(tmp_path, miner) as (_, client):
        tool: Any = {"type": "function", "function": {"name": "f", "parameters": {}}}
        await client.chat.completions.create(
            model="demo", messages=HELLO, tools=[tool], max_tokens=2
        )
    assert miner.asked[0].prompt == "tool: f\nuser: hello\nassistant: "


async def test_two_miners_that_refuse_make_it_the_clients_mistake(tmp_path: Path) -> None:
    refusal = RequestRefused("SECRET")
    miners = [FakeMiner(key(n), refuses=refusal) for n in (1, 2)]
    async with served(tmp_path, *miners) as (_, client):
        with pytest.raises(openai.BadRequestError) as refused:
            await client.completions.create(model="demo", prompt="x")
        assert "SECRET" not in str(refused.value)


async def test_numbers_of_all_that_was_served(tmp_path: Path) -> None:
    async with served(tmp_path, FakeMiner(key(1))) as (at, client):
        await client.completions.create(model="demo", prompt="abc", max_tokens=5)
        with pytest.raises(openai.NotFoundError):
            await client.get("/anything", cast_to=object)
        text = at.metrics.text()
    assert 'assay_gateway_requests_total{route="/v1/completions",status="200"} 1.0' in text
    assert 'assay_gateway_requests_total{route="other",status="404"} 1.0' in text
    assert 'assay_gateway_tokens_total{kind="completion"} 5.0' in text
    assert "assay_gateway_open_requests 0.0" in text
    assert "abc" not in text


async def test_the_pages_program_runs_as_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[4] / "docs" / "gateway.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    miner = FakeMiner(key(1), ends_at=20)
    async with served(tmp_path, miner) as (at, _):
        for shown, here in (("http://127.0.0.1:8000", at.url), ("sk-assay-...", at.key)):
            assert shown in code
            code = code.replace(shown, here)
        program = compile(code + "\nclient.close()\n", "gateway.md", "exec")
        await asyncio.to_thread(exec, program, {})
    [ask] = miner.asked
    assert capsys.readouterr().out == expected(ask, miner, 20)


async def test_a_client_names_the_miner_and_has_the_same_answer_twice(tmp_path: Path) -> None:
    """Of two miners, each time the one that is named, also where the other would be asked."""
    best, named = FakeMiner(key(1), incentive=60_000), FakeMiner(key(2), incentive=1)
    said = []
    async with served(tmp_path, best, named) as (_, client):
        for hotkey in (named.hotkey, best.hotkey, named.hotkey):
            raw = await client.completions.with_raw_response.create(
                model="demo", prompt="say", max_tokens=20, seed=7, n=2,
                extra_headers={"x-assay-miner": hotkey},
            )  # fmt: skip
            assert raw.headers["x-assay-miner"] == hotkey
            said.append([choice.text for choice in raw.parse().choices])
    assert said[0] == said[2] != said[1]
    assert len(named.asked) == 4


async def test_a_named_miner_that_breaks_off_is_gone_on_for(tmp_path: Path) -> None:
    named, other = FakeMiner(key(1), dies_at=9), FakeMiner(key(2), incentive=60_000)
    async with served(tmp_path, named, other) as (_, client):
        reply = await client.completions.create(
            model="demo", prompt="say", max_tokens=20, seed=7,
            extra_headers={"x-assay-miner": named.hotkey},
        )  # fmt: skip
    assert reply.choices[0].text == expected(named.asked[0], named, 20)
    assert [len(ask.begun) for ask in other.asked] == [9]


@pytest.mark.parametrize("named", ["uid 3", key(9).address, "5" * 4000])
async def test_a_miner_that_is_not_there_cannot_be_named(tmp_path: Path, named: str) -> None:
    async with served(tmp_path, FakeMiner(key(1))) as (_, client):
        with pytest.raises(openai.BadRequestError) as caught:
            await client.completions.create(
                model="demo", prompt="say", extra_headers={"x-assay-miner": named}
            )
    assert caught.value.code == "miner_not_found"
    assert caught.value.param == "x-assay-miner"


async def test_a_foreign_engine_cannot_be_named_for_what_it_is_not_asked(tmp_path: Path) -> None:
    engine = FakeMiner(key(1), path=NumericPath.ENGINE)
    async with served(tmp_path, engine, FakeMiner(key(2)), paths=frozenset(NumericPath)) as (
        _,
        client,
    ):
        with pytest.raises(openai.BadRequestError, match="foreign one"):
            await client.completions.create(
                model="demo", prompt="say", extra_headers={"x-assay-miner": engine.hotkey}
            )


async def test_a_quota_is_asked_before_any_prompt_is_cut(tmp_path: Path) -> None:
    async with served(tmp_path, FakeMiner(key(1)), quota={"tokens_per_day": 9}) as (at, client):
        at.gateway._model.spelling.encode = pytest.fail  # type: ignore[method-assign]
        with pytest.raises(openai.RateLimitError):
            await client.completions.create(model="demo", prompt="123456", max_tokens=4)
        with pytest.raises(openai.RateLimitError):
            await client.completions.create(model="demo", prompt="1", max_tokens=3, n=3)


async def test_miners_caches_tell_clients_nothing_of_each_other(tmp_path: Path) -> None:
    miner = FakeMiner(key(1))
    caches = []
    for folder in ("before", "after"):
        async with served(tmp_path / folder, miner) as (at, client):
            other, _ = at.keys.add("other")
            for asking in (client, client, client.with_options(api_key=other)):
                await asking.completions.create(model="demo", prompt="x", max_tokens=1)
            caches.append([ask.cache for ask in miner.asked])
            miner.asked.clear()
    (one, same, two), later = caches
    assert len(one) == 16
    assert one == same
    assert len({one, two, *later}) == 4, "another one for each key and each start"


async def test_miners_cannot_tell_which_conversations_are_of_one_key(tmp_path: Path) -> None:
    miner = FakeMiner(key(1))
    async with served(tmp_path, miner) as (_, client):
        long = "a question that is long enough to be known again. " * 6
        for prompt in (long[:200], long[:280], long[:280] + "and what came of it", "another"):
            await client.completions.create(model="demo", prompt=prompt, max_tokens=1)
    short, first, second, other = [ask.cache for ask in miner.asked]
    assert first == second, "what a conversation goes on from is read from the cache"
    assert len({short, first, other}) == 3
