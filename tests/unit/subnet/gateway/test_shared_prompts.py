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
    SHARED_BODY_BYTES_MAX,
    SHOWN_MAX,
    SharedRequests,
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


def test_a_conversation_is_shown_once_and_when_it_is_over() -> None:
    kept = shared()
    kept.note("k", mark(1), plain("a"), MINERS[:1], 100.0)
    kept.note("k", mark(1), plain("a and more"), MINERS[1:2], 130.0)
    assert kept.take(130.0 + SETTLED_S - 1.0) == []
    [found] = kept.take(130.0 + SETTLED_S)
    assert found.body["prompt"] == "a and more"
    assert found.seen_by == ["one", "two"], "whoever saw a part of it would know it again"
    assert found.pauses_s == [30.0]
    assert kept.take(1e9) == []


def test_one_key_cannot_fill_what_is_shown() -> None:
    kept = shared()
    for number in range(3):
        kept.note("other", mark(number), plain(str(number)), MINERS, 0.0)
    for number in range(10, 10 + 2 * PER_KEY_MAX):
        kept.note("greedy", mark(number), plain(str(number)), MINERS, 0.0)
    assert len(kept) == 3 + PER_KEY_MAX
    for number in range(10_000, 10_000 + 2 * ALL_MAX):
        kept.note(f"k{number}", mark(number), plain("x"), MINERS, 0.0)
    assert len(kept) == ALL_MAX
    assert len(kept.take(1e9, SHOWN_MAX)) == SHOWN_MAX


def test_what_is_too_long_is_not_shared() -> None:
    kept = shared()
    kept.note("k", mark(1), plain("short"), MINERS, 0.0)
    kept.note("k", mark(1), plain("x" * SHARED_BODY_BYTES_MAX), MINERS, 0.0)
    assert len(kept) == 0


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
        shown = msgspec.json.decode(data, type=SharedRequests).data
        assert [each.body for each in shown] == [{"prompt": "hello", "max_tokens": 2}] * agreed
        assert [each.seen_by for each in shown] == [[miner.hotkey]] * agreed
        for said in ("ada", record.id, asking):
            assert said.encode() not in data
