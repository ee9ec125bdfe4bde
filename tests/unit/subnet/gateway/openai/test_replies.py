"""Replies are what OpenAI's own client reads: its types take them, and find nothing unknown."""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

import pytest
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel

from assay.gateway.openai.errors import ApiError, too_many, unknown_model
from assay.gateway.openai.replies import (
    DONE,
    Chance,
    Choice,
    Delta,
    Rendering,
    Usage,
    failed,
    models,
)

Read = TypeVar("Read", bound=BaseModel)
CHANCES = (Chance(b"hi", -0.25, ((b"hi", -0.25), (b"ho", -1.5))), Chance(b"\xe2\x82", -math.inf))


def rendering(**changes: Any) -> Rendering:
    fields: dict[str, Any] = {
        "id": "chatcmpl-1",
        "created": 1_700_000_000,
        "model": "demo",
        "fingerprint": "fp_abc",
        "is_chat": True,
        "with_logprobs": True,
        "with_usage": False,
    }
    return Rendering(**(fields | changes))


def strictly(kind: type[Read], document: Any) -> Read:
    """``document`` as OpenAI's type; fails for a wrong value, and for a field that it lacks."""
    found = kind.model_validate(document, strict=True)

    def check(model: BaseModel) -> None:
        assert not model.model_extra, model.model_extra
        for value in dict(model).values():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, BaseModel):
                    check(each)

    check(found)
    return found


def events(data: bytes) -> list[Any]:
    found = []
    for event in data.split(b"\n\n"):
        if event:
            assert event.startswith(b"data: ")
            assert b"\n" not in event
            found.append(json.loads(event[6:]) if event != b"data: [DONE]" else None)
    return found


def test_a_whole_chat_reply() -> None:
    choice = Choice(1)
    choice.add(Delta(1, "hi", CHANCES))
    choice.add(Delta(1, "!", (), "stop"))
    body = json.loads(rendering().whole([choice], Usage(3, 2)))
    read = strictly(ChatCompletion, body)
    assert (read.id, read.object, read.system_fingerprint) == (
        "chatcmpl-1", "chat.completion", "fp_abc",
    )  # fmt: skip
    [found] = read.choices
    assert (found.index, found.message.content, found.finish_reason) == (1, "hi!", "stop")
    assert read.usage is not None
    assert read.usage.total_tokens == 5
    assert found.logprobs is not None
    assert found.logprobs.content is not None
    first, second = found.logprobs.content
    assert (first.token, first.logprob, first.bytes) == ("hi", -0.25, [104, 105])
    assert [(top.token, top.logprob) for top in first.top_logprobs] == [("hi", -0.25), ("ho", -1.5)]
    assert (second.token, second.logprob) == ("bytes:\\xe2\\x82", -9999.0)


def test_a_whole_plain_reply() -> None:
    choice = Choice(0)
    choice.add(Delta(0, "hiho", (CHANCES[0], Chance(b"ho", -1.0)), "length"))
    body = rendering(is_chat=False).whole([choice], Usage(3, 2))
    read = strictly(Completion, json.loads(body))
    [found] = read.choices
    assert (found.text, found.finish_reason) == ("hiho", "length")
    assert found.logprobs is not None
    assert found.logprobs.tokens == ["hi", "ho"]
    assert found.logprobs.token_logprobs == [-0.25, -1.0]
    assert found.logprobs.text_offset == [0, 2]
    assert found.logprobs.top_logprobs == [{"hi": -0.25, "ho": -1.5}, {}]


def test_a_streamed_chat_reply() -> None:
    show = rendering(with_usage=True)
    data = (
        show.first(0)
        + show.grown(Delta(0, "hi", CHANCES[:1]), 0)
        + show.grown(Delta(0, "!", (), "length"), 2)
        + show.last(Usage(3, 2))
    )
    *parts, done = events(data)
    assert done is None
    assert data.endswith(DONE)
    chunks = [strictly(ChatCompletionChunk, part) for part in parts]
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert [delta.role for delta in deltas] == ["assistant", None, None, None]
    assert [delta.content for delta in deltas] == ["", "hi", "!", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None, None, None, "length"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 2
    assert all("usage" in part and part["usage"] is None for part in parts[:-1])


def test_a_streamed_plain_reply() -> None:
    show = rendering(is_chat=False)
    data = show.first(0) + show.grown(Delta(0, "hi", CHANCES[:1], "stop"), 7)
    [part] = events(data + show.last(Usage(1, 1)))[:-1]
    [found] = strictly(Completion, part).choices
    assert (found.text, found.finish_reason) == ("hi", "stop")
    assert found.logprobs is not None
    assert found.logprobs.text_offset == [7]
    assert "usage" not in part


def test_without_logprobs_none_are_shown() -> None:
    show = rendering(with_logprobs=False)
    choice = Choice(0, "x", list(CHANCES), "stop")
    assert json.loads(show.whole([choice], Usage(1, 1)))["choices"][0]["logprobs"] is None
    assert events(show.grown(Delta(0, "x", CHANCES), 0))[0]["choices"][0]["logprobs"] is None


@pytest.mark.parametrize("logprob", [math.nan, -math.inf, math.inf, 0.5])
def test_logprobs_are_numbers_that_json_has(logprob: float) -> None:
    choice = Choice(0, "x", [Chance(b"x", logprob, ((b"x", logprob),))], "stop")
    body = json.loads(rendering().whole([choice], Usage(1, 1)))
    shown = body["choices"][0]["logprobs"]["content"][0]["logprob"]
    assert -9999.0 <= shown <= 0.0


def test_the_models() -> None:
    listed = json.loads(models(["demo"], 17))
    assert listed["object"] == "list"
    [model] = (strictly(Model, each) for each in listed["data"])
    assert (model.id, model.created, model.owned_by) == ("demo", 17, "assay")


def test_an_error_is_in_openais_shape() -> None:
    error = json.loads(unknown_model("x" * 999 + "\n").body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == "model_not_found"
    assert len(error["message"]) < 250
    limited = too_many("tokens", 9, "day", 61.4)
    assert (limited.status, limited.kind, limited.retry_after_s) == (429, "tokens", 61.4)
    [event] = events(failed(ApiError(503, "no")))
    assert event == {
        "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": None}
    }
