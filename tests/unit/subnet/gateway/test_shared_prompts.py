"""What clients share: with their consent, once, when it is over, and not who they are."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.clock import SystemClock
from assay.gateway.openai.meaning import chat_request, completion_request
from assay.gateway.shared_prompts import (
    ALL_MAX,
    PER_KEY_MAX,
    SETTLED_S,
    SharedPrompts,
    body_of,
)
from assay.protocol.shared_prompts import (
    PATH,
    PAUSE_S_MAX,
    REQUESTS_MAX,
    SESSION_BYTES_MAX,
    SHOWN_MAX,
    SharedSessions,
)
from assay.types import Ss58
from tests.unit.subnet.gateway.desks import desk
from tests.unit.subnet.gateway.miners import FakeMiner, key

MINERS = [Ss58("one"), Ss58("two"), Ss58("three")]


def plain(prompt: str, **more: Any) -> Any:
    return completion_request(json.dumps({"model": "m", "prompt": prompt, **more}).encode())


def shared() -> SharedPrompts:
    return SharedPrompts(random.Random(1))


def mark(number: int) -> bytes:
    return number.to_bytes(16, "little")


def note(
    kept: SharedPrompts, who: str, number: int, prompt: str, at_s: float, *miners: Ss58
) -> None:
    kept.note(who, mark(number), plain(prompt), miners or MINERS, at_s, at_s + 2.0)


def test_a_session_is_shown_once_and_when_it_is_over() -> None:
    kept = shared()
    note(kept, "k", 1, "a", 100.0, MINERS[0])
    note(kept, "k", 1, "a and more", 132.0, MINERS[1])
    note(kept, "k", 2, "b", 137.0, MINERS[1])
    note(kept, "other", 3, "c", 0.0)
    assert kept.take(139.0 + SETTLED_S - 1.0, 1)[0].requests[0].body["prompt"] == "c"
    assert kept.take(139.0 + SETTLED_S - 1.0) == []
    [found] = kept.take(139.0 + SETTLED_S)
    assert [each.body["prompt"] for each in found.requests] == ["a", "a and more", "b"]
    assert [each.pause_s for each in found.requests] == [0.0, 30.0, 3.0]
    assert found.seen_by == ["one", "two"], "whoever saw a part of it would know it again"
    assert kept.take(1e9) == []


def test_whoever_saw_how_it_begins_in_another_session_has_seen_it() -> None:
    kept = shared()
    note(kept, "k", 1, "a", 0.0, MINERS[2])
    note(kept, "k", 1, "a again", PAUSE_S_MAX + 3.0, MINERS[0])
    both = kept.take(1e9)
    assert len(both) == 2, "after a long pause it is another session"
    assert all(each.seen_by == ["one", "three"] for each in both)


def test_a_session_has_an_end() -> None:
    kept = shared()
    for number in range(REQUESTS_MAX + 1):
        note(kept, "k", number, "x", 3.0 * number)
    large = "x" * (SESSION_BYTES_MAX // 2)
    for number in range(2):
        note(kept, "large", 100 + number, large, 3.0 * number)
    note(kept, "too large", 200, "x" * SESSION_BYTES_MAX, 0.0)
    counts = sorted(len(each.requests) for each in kept.take(1e9))
    assert counts == [1, 1, 1, REQUESTS_MAX]


def test_one_key_cannot_fill_what_is_shown() -> None:
    kept = shared()
    for number in range(3):
        note(kept, "other", number, str(number), 1e4 * number)
    for number in range(10, 10 + 2 * PER_KEY_MAX):
        note(kept, "greedy", number, str(number), 1e4 * number)
    assert len(kept) == 3 + PER_KEY_MAX
    for number in range(10_000, 10_000 + 2 * ALL_MAX):
        note(kept, f"k{number}", number, "x", 0.0)
    assert len(kept) == ALL_MAX
    assert len(kept.take(1e9, SHOWN_MAX)) == SHOWN_MAX


def test_who_has_said_a_message_is_not_shared_and_a_tools_name_is() -> None:
    messages = [
        {"role": "user", "name": "Ada", "content": "why?"},
        {"role": "tool", "name": "weather", "content": "rain", "tool_call_id": "c1"},
    ]
    wanted = chat_request(json.dumps({"model": "m", "messages": messages}).encode())
    asked, told = body_of(wanted)["messages"]
    assert asked == {"role": "user", "content": "why?"}
    assert told["name"] == "weather"


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
COMMON: dict[str, Any] = {
    "max_tokens": st.integers(1, 99),
    "seed": st.integers(0, 2**62),
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0.01, 1),
    "top_k": st.integers(0, 99),
    "presence_penalty": st.floats(-2, 2),
    "logit_bias": st.dictionaries(st.integers(0, 99).map(str), st.floats(-9, 9), max_size=3),
    "stop": st.lists(TEXT, min_size=1, max_size=4),
    "n": st.integers(1, 3),
}


@given(st.fixed_dictionaries({"prompt": TEXT}, optional={**COMMON, "logprobs": st.integers(0, 20)}))
def test_a_plain_request_means_the_same_when_it_is_asked_again(given_: dict[str, Any]) -> None:
    body = json.dumps(given_ | {"model": "m", "user": "ada", "stream": True}).encode()
    wanted = completion_request(body)
    again = body_of(wanted)
    assert completion_request(json.dumps(again | {"model": "m"}).encode()) == wanted
    assert "user" not in again


@given(
    st.fixed_dictionaries(
        {"messages": st.lists(TEXT, min_size=1, max_size=4)},
        optional={**COMMON, "top_logprobs": st.integers(0, 20)},
    )
)
def test_a_chat_means_the_same_when_it_is_asked_again(given_: dict[str, Any]) -> None:
    roles = ("user", "assistant")
    messages = [
        {"role": roles[place % 2], "content": text} for place, text in enumerate(given_["messages"])
    ]
    logprobs = {"logprobs": True} if "top_logprobs" in given_ else {}
    options = {"stream": True, "stream_options": {"include_usage": True}}
    body = given_ | {"model": "m", "messages": messages} | logprobs | options
    wanted = chat_request(json.dumps(body).encode())
    assert chat_request(json.dumps(body_of(wanted) | {"model": "m"}).encode()) == wanted


class LateClock(SystemClock):
    """The system's clock, whose monotonic time can be moved on."""

    late_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.late_s


@pytest.mark.parametrize("agreed", [False, True])
async def test_only_who_agreed_is_shown_and_only_to_who_may_read(
    tmp_path: Path, agreed: bool
) -> None:
    miner, clock = FakeMiner(key(1)), LateClock()
    async with desk(tmp_path, miner, clock=clock) as at, aiohttp.ClientSession(at.url) as http:
        asking, record = at.keys.add("ada-lovelace", shares_prompts=agreed)
        reading, _ = at.keys.add("validator", reads_shared_prompts=True)

        def headers(whose: str) -> dict[str, str]:
            return {"Authorization": f"Bearer {whose}"}

        body = {"model": "demo", "prompt": "hello", "max_tokens": 2, "user": "ada@example.org"}
        async with http.post("/v1/completions", json=body, headers=headers(asking)) as reply:
            assert reply.status == 200
            await reply.read()
        clock.late_s = SETTLED_S + 1.0
        for whose in (asking, at.key):
            async with http.get(PATH, headers=headers(whose)) as reply:
                assert reply.status == 403
        async with http.get(PATH, headers=headers(reading)) as reply:
            assert reply.status == 200
            data = await reply.read()
        shown = msgspec.json.decode(data, type=SharedSessions).data
        bodies = [each.body for session in shown for each in session.requests]
        assert bodies == [{"prompt": "hello", "max_tokens": 2}] * agreed
        assert [each.seen_by for each in shown] == [[miner.hotkey]] * agreed
        for said in ("ada", record.id, asking):
            assert said.encode() not in data
