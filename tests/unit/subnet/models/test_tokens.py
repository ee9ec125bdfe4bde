"""A tokenizer as engines and gateways use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.models.layout import TOKENIZER
from assay.models.source import DEMO, resolve
from tests.unit.subnet.models.folders import demo_copy, edit

pytestmark = pytest.mark.inference
pytest.importorskip("transformers")

from assay.models.tokens import Tokens  # noqa: E402  after the check for transformers

demo = Tokens.load(resolve(DEMO))
longest = max(demo._tokenizer.get_vocab(), key=len)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300) | st.sampled_from([" ", "\n", "\t", "é", "漢"]).map(lambda c: c * 999))
def test_no_text_has_fewer_tokens_than_told(text: str) -> None:
    assert demo.least(text) <= len(demo.encode(text))


def test_the_bound_is_the_longest_token() -> None:
    assert demo.least("x" * 10 * len(longest)) == 10
    assert demo.least("") == 0


def normalized(rules: dict[str, Any]) -> None:
    rules["normalizer"] = {"type": "Replace", "pattern": {"String": "x"}, "content": ""}


def stripping(rules: dict[str, Any]) -> None:
    rules["added_tokens"][0]["rstrip"] = True


def cut(rules: dict[str, Any]) -> None:
    rules["truncation"] = {
        "max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"
    }  # fmt: skip


@pytest.mark.parametrize("change", [normalized, stripping, cut])
def test_where_characters_may_be_left_out_nothing_is_told(
    change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    folder = demo_copy(tmp_path / "m")
    edit(folder / TOKENIZER, change)
    assert json.loads((folder / TOKENIZER).read_text("utf-8"))
    assert Tokens.load(folder).least("x" * 10_000) == 0
