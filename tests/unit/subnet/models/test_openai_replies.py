"""Whose fault a refusal is and why an answer ended, for what servers in use really send."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping

import pytest

from assay.models.engine import EngineFailed, NotTaken, Trouble
from assay.models.openai_replies import (
    OPERATOR_RETRY_AFTER_S,
    RETRY_AFTER_S,
    RETRY_AFTER_S_MAX,
    failure,
    parse_answer,
)

SERVER = "http://h:1"
SECRET = "prompt and key that nobody may read"
# As the servers' sources form them; the sentences are ours.
VLLM = {"error": {"message": "maximum context length is 8, " + SECRET, "type": "BadRequestError"}}
VLLM_OLD = {"object": "error", "message": "context length is 8", "type": "BadRequestError"}
VLLM_NAME = {"error": {"message": SECRET, "type": "NotFoundError", "code": 404}}
LLAMA = {"error": {"code": 400, "message": SECRET, "type": "exceed_context_size_error"}}
LLAMA_LOADS = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
LLAMA_KEY = {"error": {"code": 401, "message": SECRET, "type": "authentication_error"}}
TGI = {"error": "Input validation error: too long; " + SECRET, "error_type": "validation"}
TGI_FULL = {"error": "Model is overloaded", "error_type": "overloaded"}
HOSTED = {"error": {"message": SECRET, "type": "tokens", "code": "context_length_exceeded"}}
FASTAPI = {"detail": [{"loc": ["body", "seed"], "msg": SECRET, "input": SECRET}]}


def refused(
    status: int, body: object, headers: Mapping[str, str] | None = None
) -> EngineFailed | NotTaken:
    return failure(status, headers or {}, json.dumps(body).encode(), SERVER, "served")


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, VLLM, "too long for the engine"),
        (400, VLLM_OLD, "too long for the engine"),
        (400, LLAMA, "too long for the engine"),
        (422, TGI, "too long for the engine"),
        (400, HOSTED, "too long for the engine"),
        (413, "", "refuses this request"),
        (422, FASTAPI, "refuses this request"),
        (400, [1, 2], "refuses this request"),
    ],
)
def test_what_the_caller_asked_wrongly(status: int, body: object, told: str) -> None:
    error = refused(status, body)
    assert isinstance(error, NotTaken)
    assert told in error.told
    assert SERVER in error.cause and str(status) in error.cause


@pytest.mark.parametrize(
    ("status", "body", "trouble", "cause", "retry_after_s"),
    [
        (401, LLAMA_KEY, Trouble.KEY, "key .401, authentication_error", OPERATOR_RETRY_AFTER_S),
        (403, {}, Trouble.KEY, "key", OPERATOR_RETRY_AFTER_S),
        (402, {}, Trouble.KEY, "key", OPERATOR_RETRY_AFTER_S),
        (404, VLLM_NAME, Trouble.NAME, "'served'.*404, NotFoundError", OPERATOR_RETRY_AFTER_S),
        (404, "<html>", Trouble.NAME, "or not this path .404.", OPERATOR_RETRY_AFTER_S),
        (429, TGI_FULL, Trouble.BUSY, "no more requests for now .429, overloaded", RETRY_AFTER_S),
        (301, "", Trouble.ADDRESS, "does not take", OPERATOR_RETRY_AFTER_S),
        (405, "", Trouble.ADDRESS, "does not take", OPERATOR_RETRY_AFTER_S),
        (418, "", Trouble.ADDRESS, "does not take", OPERATOR_RETRY_AFTER_S),
        (408, "", Trouble.AWAY, "status 408", RETRY_AFTER_S),
        (424, {"error_type": "generation"}, Trouble.AWAY, "status 424", RETRY_AFTER_S),
        (500, "", Trouble.AWAY, "status 500", RETRY_AFTER_S),
        (503, LLAMA_LOADS, Trouble.AWAY, "status 503", RETRY_AFTER_S),
        (204, "", Trouble.AWAY, "status 204", RETRY_AFTER_S),
    ],
)
def test_what_the_miners_operator_must_know(
    status: int, body: object, trouble: Trouble, cause: str, retry_after_s: float
) -> None:
    error = refused(status, body)
    assert isinstance(error, EngineFailed)
    assert (error.trouble, error.retry_after_s) == (trouble, retry_after_s)
    with pytest.raises(EngineFailed, match=cause):
        raise error
    assert error.told and SERVER not in error.told


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
@pytest.mark.parametrize(
    "body", [VLLM, LLAMA, TGI, HOSTED, FASTAPI, {"error": {"type": SECRET}}, {"error": SECRET}]
)
def test_a_servers_own_words_are_never_passed_on(status: int, body: object) -> None:
    error = refused(status, body)
    assert SECRET not in f"{error}{error.told}{error.cause}{error.cure}{error.args}"


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"[" * 100_000, b"null", b'{"error": 5}'])
def test_a_refusal_may_have_any_body(body: bytes) -> None:
    assert isinstance(failure(400, {}, body, SERVER, "m"), NotTaken)
    assert isinstance(failure(500, {}, body, SERVER, "m"), EngineFailed)


DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "86400"}, RETRY_AFTER_S_MAX),
        ({"Retry-After": "Sun, 06 Nov 1994 08:50:07 GMT", "Date": DATE}, 30.0),
        ({"Retry-After": DATE, "Date": "Sun, 06 Nov 1994 08:50:07 GMT"}, 0.0),
        ({"Retry-After": DATE}, RETRY_AFTER_S),
        ({"Retry-After": "soon", "Date": DATE}, RETRY_AFTER_S),
        ({"Retry-After": "-1"}, RETRY_AFTER_S),
        ({"Retry-After": "nan"}, RETRY_AFTER_S),
        ({"Retry-After": "9" * 400}, RETRY_AFTER_S),
        ({}, RETRY_AFTER_S),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_engines_own_time_is_passed_on(
    headers: dict[str, str], seconds: float, status: int
) -> None:
    error = refused(status, {}, headers)
    assert isinstance(error, EngineFailed)
    assert error.retry_after_s == seconds


def ended(word: object, made: object = None, asked: int = 8) -> str:
    usage = {} if made is None else {"usage": {"completion_tokens": made, "prompt_tokens": 3}}
    body = {"choices": [{"text": "x", "finish_reason": word}], **usage}
    return parse_answer(json.dumps(body).encode(), SERVER).finish(asked, SERVER)


@pytest.mark.parametrize(
    "word", ["stop", "STOP", "eos_token", "end_turn", "stop_sequence", "eos", "complete"]
)
def test_words_for_an_end(word: str) -> None:
    assert ended(word) == "stop"
    assert ended(word, made=8) == "stop"


@pytest.mark.parametrize("word", ["length", "max_tokens", "MAX_TOKENS", "model_length"])
def test_words_for_as_long_as_was_asked_for(word: str) -> None:
    assert ended(word) == "length"
    assert ended(word, made=3) == "length"


@pytest.mark.parametrize("word", [None, "", "new word"])
def test_an_unknown_word_is_told_by_the_tokens_made(word: str | None) -> None:
    assert ended(word, made=7) == "stop"
    assert ended(word, made=8) == "length"
    assert ended(word) == "length"


@pytest.mark.parametrize("word", ["content_filter", "abort", "error", "tool_calls", "repetition"])
def test_an_answer_that_was_broken_off_is_none(word: str) -> None:
    with pytest.raises(EngineFailed, match=rf"broken off \({word}\)") as told:
        ended(word)
    assert told.value.trouble is Trouble.ANSWER


@pytest.mark.parametrize("error", [refused(429, TGI_FULL, {"Retry-After": "9"}), refused(400, {})])
def test_an_error_survives_the_way_between_processes(error: EngineFailed | NotTaken) -> None:
    again = copy.copy(error)
    assert (str(again), again.told) == (str(error), error.told)
    assert getattr(again, "retry_after_s", None) == getattr(error, "retry_after_s", None)
