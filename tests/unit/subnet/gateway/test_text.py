"""Text is shown once it is certain, the same in whatever pieces its tokens come."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gateway.text import AnswerText

END = 256


class Bytes:
    """A tokenizer whose tokens are bytes, and one that ends the text."""

    ends = frozenset({END})

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(token for token in tokens if token < END).decode(errors="replace")


def grown(
    text: bytes, cut: Sequence[int] = (), stops: Sequence[str] = (), most: int = 10_000
) -> tuple[list[str], AnswerText]:
    answer = AnswerText(Bytes(), stops, most)
    tokens, at, pieces = list(text), 0, []
    for place in [*sorted(cut), len(tokens)]:
        pieces.append(answer.add(tokens[at:place]))
        at = max(at, place)
    return pieces, answer


def test_half_a_character_waits_for_its_other_half() -> None:
    pieces, answer = grown("aé€b".encode(), cut=(2, 4, 5))
    assert pieces == ["a", "é", "", "€b"]
    assert answer.finish is None


def test_bytes_of_no_character_do_not_hold_back_for_ever() -> None:
    pieces, _ = grown(b"\xff" * 20 + b"abc", cut=range(1, 20))
    assert "".join(pieces).endswith("abc")
    assert sum(1 for piece in pieces if piece) > 2


def test_the_rest_comes_at_the_end() -> None:
    pieces, answer = grown(b"a\xe2\x82")
    assert pieces == ["a"]
    assert answer.end("stop") == "\ufffd"
    assert answer.finish == "stop"


def test_a_stop_text_is_never_shown_and_ends_the_answer() -> None:
    pieces, answer = grown(b"one STOP two", cut=range(12), stops=["STOP", "never"])
    assert "".join(pieces) == "one "
    assert answer.finish == "stop"


def test_what_was_held_for_a_stop_text_comes_when_it_is_none() -> None:
    pieces, answer = grown(b"ab ST", stops=["STOP"])
    assert pieces == ["ab "]
    assert answer.add(b"AY") == "STAY"
    assert answer.add(b"ST") == ""
    assert answer.end("length") == "ST"
    assert answer.finish == "length"


def test_the_first_of_several_stop_texts_counts() -> None:
    pieces, _ = grown(b"a\nb#c", stops=["#", "\n"])
    assert pieces == ["a"]


def test_an_end_token_ends_it() -> None:
    answer = AnswerText(Bytes(), [], 10)
    assert answer.add([97, END, 98]) == "a"
    assert answer.finish == "stop"


def test_so_do_as_many_tokens_as_were_asked_for() -> None:
    answer = AnswerText(Bytes(), [], 3)
    assert answer.add(b"ab\xe2\x82") == "ab\ufffd"
    assert answer.finish == "length"


@pytest.mark.parametrize("most", [1, 2, 5, 100])
def test_an_end_at_the_last_token_is_told_by_the_token(most: int) -> None:
    answer = AnswerText(Bytes(), [], most)
    answer.add([*([97] * (most - 1)), END])
    assert answer.finish == "stop"


@given(
    st.text(alphabet="ab€é\n", max_size=30),
    st.lists(st.integers(0, 60), max_size=10),
    st.lists(st.text(alphabet="ab€\n", min_size=1, max_size=4), max_size=3),
)
def test_pieces_do_not_change_the_text(text: str, cut: list[int], stops: list[str]) -> None:
    pieces, answer = grown(text.encode(), cut, stops)
    shown = "".join(pieces) + answer.end("length")
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    ends = [place + len(stop) for stop in stops if (place := text.find(stop)) >= 0]
    if not places:
        assert shown == text
        assert answer.finish == "length"
    else:
        # The answer ends with the first token that completes a stop text, before that text.
        first = min(ends)
        begins = [p for stop in stops if (p := text[:first].find(stop)) >= 0]
        assert shown == text[: min(begins)]
        assert answer.finish == "stop"
