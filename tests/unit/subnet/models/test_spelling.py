"""Text as it grows: only what stays, whole in the end, and never a stop string."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from assay.models.spelling import CertainText


class Bytes:
    """A decoder whose tokens are bytes, with one special token that spells nothing."""

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(token for token in tokens if token < 256).decode("utf-8", "replace")


class Words:
    """One that, as SentencePiece does, drops the space before the first word."""

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(f" w{token}" for token in tokens)[1:]


def spell(tokens: Sequence[int], stops: Sequence[str], decoder: object = None) -> list[str]:
    """The pieces told, up to the token with which the answer ends."""
    spelling = CertainText(decoder or Bytes(), stops)  # type: ignore[arg-type]
    pieces = []
    for token in tokens:
        pieces.append(spelling.add([token]))
        if spelling.stopped:
            break
    return [*pieces, spelling.finish()]


def test_a_character_is_told_when_it_is_whole() -> None:
    assert spell("aé€".encode(), ()) == ["a", "", "é", "", "", "€", ""]


def test_bytes_that_never_become_a_character_are_told_at_the_end_or_with_the_next() -> None:
    assert spell(b"a\xe2\x82", ()) == ["a", "", "", "\ufffd"]
    assert spell(b"\xe2\x82a", ()) == ["", "", "\ufffda", ""]


def test_what_may_become_a_stop_string_is_held_back() -> None:
    assert spell(b"a\n\nb", ["\n\n"]) == ["a", "", "", ""]
    assert spell(b"a\nb\n", ["\n\n"]) == ["a", "", "\nb", "", "\n"]
    assert spell(b"xabab", ["abac"]) == ["x", "", "", "", "ab", "ab"]


def test_of_several_stop_strings_the_one_that_begins_first_ends_the_text() -> None:
    assert "".join(spell(b"abcde", ["bcd", "cd"])) == "a"
    assert "".join(spell(b"abcde", ["cde", "bc"])) == "a"


def test_a_space_that_the_first_word_lacks_is_told_with_the_others() -> None:
    assert spell([1, 2, 3], (), Words()) == ["w1", " w2", " w3", ""]


def test_a_stop_string_of_which_another_continues_is_found() -> None:
    assert "".join(spell(b"ab", ["a", "ab"])) == ""


@pytest.mark.parametrize("decoder", [Bytes(), Words()])
def test_the_pieces_are_the_text_up_to_the_first_stop_string(decoder: Bytes | Words) -> None:
    chance = random.Random(3)
    alphabet = [*b"ab\n", *"é€🙂".encode(), 0xFF, 300]
    for _ in range(3_000):
        tokens = [chance.choice(alphabet) for _ in range(chance.randrange(1, 14))]
        stops = ["".join(chance.choices("ab\né€", k=chance.randrange(1, 4))) for _ in range(2)]
        stops = stops[: chance.randrange(3)]
        made = spell(tokens, stops, decoder)
        used = tokens[: len(made) - 1]
        text = decoder.decode(used)
        cuts = [at for stop in stops if (at := text.find(stop)) >= 0]
        assert "".join(made) == text[: min(cuts, default=None)]
        if not cuts:
            assert used == tokens
        # With one token less, nothing would have ended it.
        assert not any(stop in decoder.decode(used[:-1]) for stop in stops)
        assert all(not any(stop in piece for stop in stops) for piece in made)


def test_many_tokens_at_once_spell_what_one_by_one_spell() -> None:
    tokens = "def f():\n    return '🙂'\n".encode()
    for stops in ((), ("return",)):
        spelling = CertainText(Bytes(), stops)
        joined = spelling.add(tokens) + spelling.finish()
        assert joined == "".join(spell(tokens, stops))


def test_what_goes_on_from_others_tokens_is_the_text_after_theirs() -> None:
    chance = random.Random(4)
    alphabet = [*b"ab", *"é€🙂".encode(), 0xFF, 300]
    for _ in range(2_000):
        tokens = [chance.choice(alphabet) for _ in range(chance.randrange(2, 14))]
        cut = chance.randrange(1, len(tokens))
        stops = ["".join(chance.choices("abé", k=chance.randrange(2, 4)))][: chance.randrange(2)]
        begun = Bytes().decode(tokens[:cut])
        spelling = CertainText(Bytes(), stops, tokens[:cut])
        assert spelling.stopped == any(stop in begun for stop in stops)
        if spelling.stopped:
            continue
        made, used = "", cut
        while used < len(tokens) and not spelling.stopped:
            made += spelling.add(tokens[used : used + 1])
            used += 1
        made += spelling.finish()
        whole = Bytes().decode(tokens[:used])
        cuts = [at for stop in stops if (at := whole.find(stop)) >= 0]
        # Half a character of the beginning belongs to what follows; a stop string may begin there.
        assert made == whole[len(begun.rstrip("\ufffd")) : min(cuts, default=None)]
