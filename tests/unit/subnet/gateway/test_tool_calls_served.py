"""OpenAI's own client gets the calls of tools that a model writes, and hostile ones as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from assay.gateway.openai.meaning import chat_request
from assay.models.source import DEMO, resolve
from assay.models.tokens import Tokens
from tests.unit.subnet.gateway.desks import Desk, desk
from tests.unit.subnet.gateway.miners import FakeMiner, key

ASKED: Any = {
    "model": "demo",
    "messages": [{"role": "user", "content": "Is it warm in Bern, and in Zug?"}],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}],
    "max_tokens": 200,
}
TWO = (
    'I look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Bern"}}\n</tool_call>\n'
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Zug"}}\n</tool_call>'
)
BROKEN = '<tool_call>\n{"name": "rm", "arguments": {}}\n</tool_call>'


def client_of(at: Desk) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{at.url}/v1", api_key=at.key, max_retries=0)


async def test_calls_in_a_whole_reply(tmp_path: Path) -> None:
    miner = FakeMiner(key(1), says=TWO.encode())
    async with desk(tmp_path, miner) as at, client_of(at) as client:
        reply = await client.chat.completions.create(**ASKED, n=2)
    ids = set()
    for choice in reply.choices:
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", "I look.")
        calls = choice.message.tool_calls or []
        assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Bern", "Zug"]  # type: ignore[union-attr]
        assert {(call.type, call.function.name) for call in calls} == {("function", "weather")}  # type: ignore[union-attr]
        ids |= {call.id for call in calls}
    assert len(ids) == 4, "each is named by itself"


async def test_calls_in_a_stream(tmp_path: Path) -> None:
    """The client's own helper puts the parts together."""
    miner = FakeMiner(key(1), says=TWO.encode())
    async with (
        desk(tmp_path, miner) as at,
        client_of(at) as client,
        client.chat.completions.stream(**ASKED) as stream,
    ):
        text = "".join([
            event.delta async for event in stream if event.type == "content.delta"
        ])  # fmt: skip
        final = await stream.get_final_completion()
    [choice] = final.choices
    assert (text, choice.finish_reason) == ("I look.", "tool_calls")
    calls = choice.message.tool_calls or []
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Bern", "Zug"]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_no_call_is_the_answers_text(tmp_path: Path, stream: bool) -> None:
    async with (
        desk(tmp_path, FakeMiner(key(1), says=BROKEN.encode())) as at,
        client_of(at) as client,
    ):
        if stream:
            parts = await client.chat.completions.create(**ASKED, stream=True)
            said = [part.choices[0] async for part in parts]
            assert "".join(each.delta.content or "" for each in said) == BROKEN
            assert said[-1].finish_reason == "stop"
        else:
            reply = await client.chat.completions.create(**ASKED)
            assert reply.choices[0].message.content == BROKEN
            assert reply.choices[0].finish_reason == "stop"


async def test_who_offered_no_tools_gets_the_text(tmp_path: Path) -> None:
    asked = {name: value for name, value in ASKED.items() if name != "tools"}
    async with (
        desk(tmp_path, FakeMiner(key(1), says=TWO.encode())) as at,
        client_of(at) as client,
    ):
        for more in ({}, {"tools": ASKED["tools"], "tool_choice": "none"}):
            reply = await client.chat.completions.create(**asked, **more)
            assert reply.choices[0].message.content == TWO
            assert reply.choices[0].message.tool_calls is None


async def test_a_model_of_another_form_is_left_as_it_writes(tmp_path: Path) -> None:
    async with desk(tmp_path, FakeMiner(key(1), says=TWO.encode())) as at:
        at.spelling.writes_tool_calls = False
        async with client_of(at) as client:
            reply = await client.chat.completions.create(**ASKED)
    assert reply.choices[0].message.content == TWO


async def test_an_answer_that_is_cut_short_ends_by_its_length(tmp_path: Path) -> None:
    async with (
        desk(tmp_path, FakeMiner(key(1), says=TWO.encode())) as at,
        client_of(at) as client,
    ):
        reply = await client.chat.completions.create(**(ASKED | {"max_tokens": 110}))
    [choice] = reply.choices
    assert choice.finish_reason == "length"
    assert [call.function.name for call in choice.message.tool_calls or []] == ["weather"]  # type: ignore[union-attr]
    assert (choice.message.content or "").startswith("I look.\n<tool_call>")


def test_calls_of_earlier_answers_reach_the_template_as_objects() -> None:
    function = {"name": "weather", "arguments": '{"city": "Bern"}'}
    message = {
        "role": "assistant", "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": function},
            {"id": "b", "type": "function", "function": {"name": "f", "arguments": "rubbish"}},
        ],
    }  # fmt: skip
    body = json.dumps({"model": "demo", "messages": [message]}).encode()
    [made] = chat_request(body).messages
    first, second = (call["function"]["arguments"] for call in made["tool_calls"])
    assert (first, second) == ({"city": "Bern"}, "rubbish")


@pytest.mark.inference
def test_the_template_says_in_which_form_tools_are_called() -> None:
    tokens = Tokens.load(resolve(DEMO))
    assert not tokens.writes_tool_calls
    told = "{% if tools %}Put each call between <tool_call></tool_call>.{% endif %}"
    for template in (told, {"default": "", "tool_use": told}):
        tokens._tokenizer.chat_template = template
        assert tokens.writes_tool_calls
