"""Calls of tools are read out of a text in any pieces; what is none stays the text that it was."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gateway.openai.tool_calls import CALL_CHARS_MAX, CALLS_MAX, ToolCall, ToolCallReader

TOOLS = ("weather", "time_in")
BERN = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bern"}}\n</tool_call>'
ZUG = '<tool_call>{"arguments":{"z":[1, 2.50]},"name":"time_in"}</tool_call>'
IN_BERN = ToolCall("weather", '{"city": "Bern"}')
IN_ZUG = ToolCall("time_in", '{"z":[1, 2.50]}')

Parts = list[str | ToolCall]


def read(*pieces: str) -> Parts:
    """All parts of a text that comes in ``pieces``, neighbouring texts joined."""
    reader = ToolCallReader(TOOLS)
    found = [part for piece in pieces for part in reader.add(piece)] + reader.end()
    joined: Parts = []
    for part in found:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (BERN, [IN_BERN]),
        (f"\n\n{BERN}\n{ZUG}\n", [IN_BERN, IN_ZUG]),
        (f"I look.\n{BERN}", ["I look.", IN_BERN]),
        (f"{BERN} and then {ZUG}", [IN_BERN, " and then", IN_ZUG]),
        (BERN.removesuffix("</tool_call>"), [IN_BERN]),
        ("no call < at <tool all", ["no call < at <tool all"]),
        ("  a text \n", ["  a text \n"]),
        ("", []),
    ],
)
def test_what_models_write(text: str, parts: Parts) -> None:
    assert read(text) == parts
    assert read(*text) == parts


TAG = "<tool_call>"
HOSTILE = [
    f"{TAG}{{}}</tool_call>",
    f'{TAG}{{"name": "weather"}}</tool_call>',
    f'{TAG}{{"name": "weather", "arguments": "Bern"}}</tool_call>',
    f'{TAG}{{"name": "weather", "arguments": null}}</tool_call>',
    f'{TAG}{{"name": "weather", "arguments": {{"city": }}}}</tool_call>',
    f'{TAG}{{"name": "weather", "arguments": {{}}, "id": 1}}</tool_call>',
    f'{TAG}{{"name": "rm", "arguments": {{}}}}</tool_call>',
    f'{TAG}{{"name": 7, "arguments": {{}}}}</tool_call>',
    f'{TAG}[{{"name": "weather", "arguments": {{}}}}]</tool_call>',
    f'{TAG}{{"name": "weather", "arguments": {{"a": {"[" * 5_000}',
    f'{TAG}{{"name": "weather", "arguments": {{"a": {"[" * 5_000}{"]" * 5_000}}}}}</tool_call>',
    f'{TAG}{{"name": "weather", "arguments": {{"a": "\\ud800"}}}}</tool_call>',
    f'{TAG}{{"name": "weather", "arguments": {{"a": "{"x" * CALL_CHARS_MAX}"}}}}</tool_call>',
    f"{TAG}{'x' * 2 * CALL_CHARS_MAX}",
    TAG * 100,
    f"{TAG}{TAG}</tool_call></tool_call>",
    "</tool_call>",
    "<tool_call >{}</tool_call>",
    TAG[:-1],
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_call_stays_text(text: str) -> None:
    assert read(f"before {text} behind") == [f"before {text} behind"]
    halves = len(text) // 2
    assert read(text[:halves], text[halves:]) == [text]


def test_a_call_behind_what_is_none_is_found() -> None:
    assert read(f"{TAG}rubbish {BERN}") == [f"{TAG}rubbish", IN_BERN]


def test_there_is_an_end_to_calls() -> None:
    parts = read(ZUG * (CALLS_MAX + 3))
    assert parts == [IN_ZUG] * CALLS_MAX + [ZUG * 3]


def test_text_is_not_held_back_for_longer_than_it_may_be_a_tag() -> None:
    reader = ToolCallReader(TOOLS)
    assert reader.add("a <") == ["a"]
    assert reader.add("b") == [" <b"]
    assert reader.add(f"{TAG}{'x' * CALL_CHARS_MAX}") != []


def test_an_endless_call_token_by_token_takes_no_time_to_speak_of() -> None:
    reader, began_s = ToolCallReader(TOOLS), time.process_time()
    reader.add(TAG)
    for _ in range(4_096):
        reader.add('{"a": [')
    reader.end()
    assert time.process_time() - began_s < 2.0


PIECES = st.lists(
    st.sampled_from([BERN, ZUG, TAG, "</tool_call>", "a", " ", "\n", "<", "{", "x" * 50])
    | st.text(max_size=5),
    max_size=8,
)


@given(PIECES, st.lists(st.integers(0, 200), max_size=8))
def test_how_the_text_is_cut_into_pieces_changes_nothing(words: list[str], cuts: list[int]) -> None:
    text = "".join(words)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    assert read(*pieces) == read(text)


@given(st.text(alphabet=st.sampled_from('<>/tool_ca {}\n"x'), max_size=60))
def test_a_text_without_a_call_is_handed_on_letter_by_letter(text: str) -> None:
    assert "".join(str(part) for part in read(text)) == text


def test_arguments_are_json_as_it_was_written() -> None:
    [call] = read(BERN)
    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments) == {"city": "Bern"}
