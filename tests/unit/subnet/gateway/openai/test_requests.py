"""What a client's body means, and what it is told where it means nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import completion_create_params, embedding_create_params
from openai.types.chat import completion_create_params as chat_create_params

from assay.gateway.openai.errors import ApiError
from assay.gateway.openai.meaning import (
    ClientRequest,
    chat_request,
    completion_request,
    embedding_model,
)
from assay.gateway.openai.schemas import ChatBody, CompletionBody, EmbeddingBody

HELLO = [{"role": "user", "content": "hello"}]


def chat(**fields: Any) -> ClientRequest:
    return chat_request(json.dumps({"model": "m", "messages": HELLO} | fields).encode())


def plain(**fields: Any) -> ClientRequest:
    return completion_request(json.dumps({"model": "m", "prompt": "hello"} | fields).encode())


def refusal(ask: Any, **fields: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        ask(**fields)
    return caught.value


def status(parse: Callable[[bytes], object], data: bytes) -> int:
    """200 for a request that means something; whatever else ``parse`` raises goes through."""
    try:
        parse(data)
    except ApiError as error:
        return error.status
    return 200


def test_every_field_of_openais_own_client_is_known() -> None:
    """A field that the client can send and the schema lacks would be refused as misspelt."""
    streaming = {"stream"}
    for body, params in (
        (ChatBody, chat_create_params.CompletionCreateParamsBase),
        (CompletionBody, completion_create_params.CompletionCreateParamsBase),
        (EmbeddingBody, embedding_create_params.EmbeddingCreateParams),
    ):
        theirs = set(params.__annotations__) | (streaming if body is not EmbeddingBody else set())
        assert theirs <= set(body.__struct_fields__)


def test_defaults_are_openais() -> None:
    wanted = chat()
    assert (wanted.n, wanted.stream, wanted.include_usage, wanted.tools) == (1, False, False, None)
    assert wanted.messages == HELLO
    options = wanted.options
    assert (options.temperature, options.top_p, options.max_tokens) == (1.0, 1.0, None)
    assert (options.seed, options.stop, options.logprobs, options.bias) == (None, (), None, None)
    assert plain().options.max_tokens == 16
    assert completion_request(b'{"model": "m"}').prompts == ("",)


def test_all_that_draws_a_token_is_taken() -> None:
    options = chat(
        max_completion_tokens=7, max_tokens=9, seed=5, temperature=0.5, top_p=0.9, top_k=40,
        min_p=0.1, repetition_penalty=1.1, presence_penalty=0.2, frequency_penalty=-0.3,
        logit_bias={"17": -100}, stop=["a", "b"], logprobs=True, top_logprobs=3,
    ).options  # fmt: skip
    assert options.max_tokens == 7
    assert (options.seed, options.temperature, options.top_p) == (5, 0.5, 0.9)
    assert (options.top_k, options.min_p, options.repetition_penalty) == (40, 0.1, 1.1)
    assert (options.presence_penalty, options.frequency_penalty) == (0.2, -0.3)
    assert (options.bias, options.stop, options.logprobs) == ({17: -100.0}, ("a", "b"), 3)
    assert chat(logprobs=True).options.logprobs == 0
    assert plain(logprobs=2).options.logprobs == 2
    assert chat(stop="end").options.stop == ("end",)


def test_a_negative_seed_is_one_on_the_wire() -> None:
    assert chat(seed=-1).options.seed == 2**63 - 1
    assert chat(seed=-(2**63)).options.seed == 0


def test_top_p_zero_leaves_the_likeliest_token() -> None:
    assert 0.0 < chat(top_p=0).options.top_p < 1e-5


def test_parts_of_a_message_are_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    wanted = chat(messages=[{"role": "user", "content": parts}])
    assert wanted.messages == [{"role": "user", "content": "ab"}]


def test_tools_go_to_the_template() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "42", "tool_call_id": "1"},
    ]
    wanted = chat(tools=tools, messages=messages)
    assert wanted.tools == tools
    as_object = call | {"function": {"name": "f", "arguments": {}}}  # templates want no text
    assert wanted.messages[1] == {"role": "assistant", "content": "", "tool_calls": [as_object]}
    assert wanted.messages[2]["tool_call_id"] == "1"
    assert chat(tools=tools, tool_choice="none").tools is None


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"temperature": 3}, "temperature", "decimal_above_max_value"),
        ({"temperature": -1}, "temperature", "decimal_below_min_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"n": 0}, "n", "integer_below_min_value"),
        ({"n": 17}, "n", "integer_above_max_value"),
        ({"n": True}, "n", "invalid_type"),
        ({"logit_bias": {"a": 1}}, "logit_bias", "invalid_type"),
        ({"logit_bias": {"1.0": 1}}, "logit_bias", "invalid_type"),
        ({"logit_bias": {"-1": 1}}, "logit_bias", "integer_below_min_value"),
        ({"logit_bias": {"16777217": 1}}, "logit_bias", "integer_above_max_value"),
        ({"logit_bias": {"1": 101}}, "logit_bias[...]", "decimal_above_max_value"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": 10**30}, "max_tokens", "integer_above_max_value"),
        ({"seed": 2**63}, "seed", "integer_above_max_value"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs", "integer_above_max_value"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"messages": []}, "messages", "array_below_min_length"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "invalid_value"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content", "invalid_type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
            "invalid_value",
        ),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
        ({"stop": ""}, "stop", "string_below_min_length"),
        ({"temprature": 1}, "temprature", "unknown_parameter"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter"),
        ({"modalities": ["audio"]}, "modalities", "unsupported_parameter"),
        ({"audio": {"voice": "x"}}, "audio", "unsupported_parameter"),
        ({"functions": []}, "functions", "unsupported_parameter"),
        ({"tool_choice": "required"}, "tool_choice", "unsupported_parameter"),
        ({"web_search_options": {}}, "web_search_options", "unsupported_parameter"),
    ],
)
def test_what_a_chat_cannot_have(fields: dict[str, Any], param: str, code: str) -> None:
    error = refusal(chat, **fields)
    assert (error.status, error.kind) == (400, "invalid_request_error")
    assert (error.param, error.code) == (param, code)
    assert error.message.endswith(".")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"echo": True}, "echo"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"prompt": [1, 2, 3]}, "prompt"),
        ({"prompt": [["a"]]}, "prompt"),
        ({"prompt": ["a"] * 17}, "prompt"),
        ({"prompt": ["a"] * 5, "n": 4}, "n"),
        ({"prompt": "x" * 65_537}, "prompt"),
    ],
)
def test_what_a_plain_completion_cannot_have(fields: dict[str, Any], param: str) -> None:
    assert refusal(plain, **fields).param == param


def test_what_clients_send_for_openai_alone_changes_nothing() -> None:
    assert chat(user="me", store=True, metadata={"a": "b"}, service_tier="auto") == chat()
    assert chat(response_format={"type": "text"}, tool_choice="auto", modalities=["text"]) == chat()
    assert plain(best_of=2, n=2) == plain(n=2)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b'{"model":"\\ud800"}', b'{"user":' + b"[" * 50_000, b'{"user":NaN}'],
)
def test_what_is_not_json_is_told_in_one_way(data: bytes) -> None:
    with pytest.raises(ApiError, match="could not parse the JSON body"):
        chat_request(data)


@pytest.mark.parametrize("data", [b"[]", b"null", b'"x"'])
def test_what_is_no_object_is_told(data: bytes) -> None:
    with pytest.raises(ApiError, match="must be a JSON object"):
        completion_request(data)


def test_no_error_repeats_what_was_said() -> None:
    for said in ({"messages": [{"role": "SECRET", "content": "SECRET"}]}, {"stop": "SECRET" * 999}):
        assert "SECRET" not in refusal(chat, **said).message


def test_a_name_in_an_error_is_one_short_line() -> None:
    error = refusal(chat, **{"a\n" * 500: 1})
    assert "\n" not in error.message
    assert len(error.message) < 200


@given(st.binary(max_size=200))
def test_any_bytes_give_a_request_or_an_error(data: bytes) -> None:
    for parse in (chat_request, completion_request, embedding_model):
        assert status(parse, data) in (200, 400)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(ChatBody.__struct_fields__)), json_values))
def test_any_values_give_a_request_or_an_error(fields: dict[str, Any]) -> None:
    body = json.dumps({"model": "m", "messages": HELLO} | fields).encode()
    assert status(chat_request, body) in (200, 400)
