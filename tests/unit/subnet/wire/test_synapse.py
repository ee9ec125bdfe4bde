"""Messages: strict both ways, and silent about what they held."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from assay.wire.synapse import NAME, MessageInvalid, Synapse, decode, encode


class Sample(Synapse):
    text: str
    tokens: tuple[int, ...] = ()
    raw: bytes = b""
    share: float = 0.0


class Loose(Synapse):
    anything: Any


def test_there_and_back() -> None:
    sample = Sample(text="ä", tokens=(1, 2**40), raw=b"\0\xff", share=0.1)
    assert decode(Sample, encode(sample)) == sample


def test_a_message_is_a_value() -> None:
    sample = Sample(text="a")
    with pytest.raises(AttributeError):
        sample.text = "b"  # type: ignore[misc]
    assert msgspec.structs.replace(sample, text="b").text == "b"


@pytest.mark.parametrize(
    "value",
    [{}, {"text": 1}, {"text": "a", "x": 1}, {"text": "a", "tokens": ["1"]}, ["a"], None, 5,
     {"text": "a", "tokens": [1.5]}, {"text": "a", "share": "0.5"}, {1: 2}],
)  # fmt: skip
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(MessageInvalid):
        decode(Sample, msgspec.msgpack.encode(value))


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x81", b"\xa5abc", b"\x81\xa4text\xa1\xff", b"{}"]
)
def test_what_is_not_messagepack_is_refused(body: bytes) -> None:
    with pytest.raises(MessageInvalid):
        decode(Sample, body)


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(MessageInvalid):
        decode(Sample, encode(Sample(text="a")) + b"\0")


def test_depth_is_no_crash() -> None:
    deep = b"\x81" + msgspec.msgpack.encode("anything") + b"\x91" * 1_000_000 + b"\xc0"
    with pytest.raises(MessageInvalid, match="deep"):
        decode(Loose, deep)


def test_the_error_does_not_quote_the_message() -> None:
    with pytest.raises(MessageInvalid) as caught:
        decode(Sample, msgspec.msgpack.encode({"text": "a", "tokens": ["my secret"]}))
    assert "secret" not in str(caught.value)


class Chosen(Synapse, frozen=True):
    word: Literal["yes", "no"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"word": 5}, "Expected `str`, got `int` - at `$.word`"),
        ({"word": "\x1b[31msecret"}, "Invalid enum value - at `$.word`"),
        ({"word": "yes", "\x1b[31msecret - at `$`": 1}, "Object contains an unknown field"),
    ],
)
def test_the_error_holds_no_word_of_a_stranger(value: dict[str, object], said: str) -> None:
    with pytest.raises(MessageInvalid) as caught:
        decode(Chosen, msgspec.msgpack.encode(value))
    assert str(caught.value) == said


@pytest.mark.parametrize("name", ["echo", "Generate", "a.b-c_1", "x" * 64])
def test_names(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "a/b", "a?b", "ä", ".a", "a b", "x" * 65, "a\n"])
def test_no_names(name: str) -> None:
    assert not NAME.fullmatch(name)


class Ratio(Synapse, frozen=True):
    part: int
    whole: int

    def __post_init__(self) -> None:
        self.part / self.whole


class Several(Synapse, frozen=True):
    names: set[str]


@pytest.mark.parametrize(
    ("kind", "fields"), [(Ratio, {"part": 1, "whole": 0}), (Several, {"names": [{}]})]
)
def test_a_message_that_its_own_class_will_not_have_is_invalid(
    kind: type[Synapse], fields: dict[str, object]
) -> None:
    with pytest.raises(MessageInvalid):
        decode(kind, msgspec.msgpack.encode(fields))
