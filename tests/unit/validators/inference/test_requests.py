"""What is asked: replayable from the generator, never the same twice, fitting any context."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from assay.errors import UserError
from assay.models.corpus import CHARS_LEFT, PROMPT_CHARS, Corpus
from assay.validators.inference.requests import (
    TOKENS_ASKED,
    TOKENS_OF_ENTRANCE,
    Complete,
    Requests,
)
from assay.wire.synapse import decode, encode

ROOT = bytes(range(32))
MINER = "5miner"


def requests(context: int = 512, corpus: Corpus | None = None) -> Requests:
    return Requests(
        corpus or Corpus.open(None),
        ROOT,
        count_tokens=lambda text: len(text) // 3 + 1,
        context_tokens=context,
    )


def test_the_same_generator_asks_the_same() -> None:
    first, second = (
        [
            drawer.draw(random.Random(f"turn {i}"), miner=MINER, tokens=32, greedy=False)
            for i in range(5)
        ]
        for drawer in (requests(), requests())
    )
    assert first == second


def test_no_two_requests_are_alike_and_all_fit_the_message() -> None:
    drawer, rng = requests(), random.Random(1)
    drawn = []
    for _ in range(60):
        drawn.append(drawer.draw(rng, miner=MINER, tokens=drawer.tokens_of_turn(rng), greedy=False))
    assert len({request.prompt for request in drawn}) > 55
    assert len({request.seed for request in drawn}) == 60
    for request in drawn:
        assert decode(Complete, encode(request)) == request
        assert PROMPT_CHARS[0] <= len(request.prompt) <= PROMPT_CHARS[1]
        assert request.model == ROOT


def test_a_turn_asks_everybody_for_as_much() -> None:
    drawer, rng = requests(), random.Random(2)
    asked = set()
    for _ in range(20):
        tokens = drawer.tokens_of_turn(rng)
        drawn = [drawer.draw(rng, miner=MINER, tokens=tokens, greedy=False) for _ in range(6)]
        assert {request.max_tokens for request in drawn} == {tokens}
        asked.add(tokens)
    assert asked == set(TOKENS_ASKED)


def test_what_is_drawn_depends_on_the_generator_alone() -> None:
    drawer = requests()
    alone = drawer.draw(random.Random(9), miner=MINER, tokens=24, greedy=False)
    for other in range(3):
        drawer.draw(random.Random(other), miner=MINER, tokens=48, greedy=True)
    assert drawer.draw(random.Random(9), miner=MINER, tokens=24, greedy=False) == alone


def test_a_newcomer_is_asked_for_more_and_warm() -> None:
    request = requests().draw(random.Random(3), miner=MINER, tokens=24, greedy=False, entrance=True)
    assert request.max_tokens == TOKENS_OF_ENTRANCE
    assert request.temperature == 1.0


def test_few_are_greedy_because_a_relays_greedy_answer_is_true() -> None:
    drawer, rng = requests(), random.Random(6)
    drawn = [drawer.draw(rng, miner=MINER, tokens=24, greedy=False) for _ in range(600)]
    share = sum(request.temperature == 0.0 for request in drawn) / len(drawn)
    assert 0.05 < share < 0.15


def test_greedy_is_at_temperature_zero() -> None:
    rng = random.Random(4)
    for entrance in (False, True):
        request = requests().draw(rng, miner=MINER, tokens=24, greedy=True, entrance=entrance)
        assert request.temperature == 0.0


@pytest.mark.parametrize("context", [16, 64, 200])
def test_prompts_fit_small_contexts(context: int) -> None:
    drawer, rng = requests(context), random.Random(5)
    for entrance in (False, True):
        request = drawer.draw(rng, miner=MINER, tokens=48, greedy=False, entrance=entrance)
        assert request.prompt
        assert len(request.prompt) // 3 + 1 + request.max_tokens <= context


def test_a_corpus_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("a line of plain words to be cut somewhere\n" * 100)
    (tmp_path / "small.md").write_text("too small")
    (tmp_path / "image.png").write_bytes(b"x" * 5000)
    corpus = Corpus.open(tmp_path)
    assert len(corpus) == 1
    assert corpus.cut(random.Random(6)).startswith("a line of plain words")


def test_no_prompt_is_cut_where_the_text_ends(tmp_path: Path) -> None:
    text = "".join(f"line number {number} of a text\n" for number in range(100))
    (tmp_path / "notes.md").write_text(text)
    corpus, rng = Corpus.open(tmp_path), random.Random(8)
    for _ in range(200):
        piece = corpus.cut(rng)
        assert text.index(piece) + len(piece) + CHARS_LEFT <= len(text)


def test_a_file_that_went_away_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text("word " * 1000)
    corpus = Corpus.open(tmp_path)
    (tmp_path / "gone.md").unlink()
    assert corpus.cut(random.Random(7))


def test_links_to_nowhere_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    (tmp_path / "here.py").write_text("import os\n" * 500)
    assert len(Corpus.open(tmp_path)) == 1


def test_a_corpus_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no text files"):
        Corpus.open(tmp_path)
