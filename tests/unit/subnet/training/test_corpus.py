"""A corpus: complete, named by its bytes, and nothing that is held out is ever trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.errors import UserError
from assay.training.corpus import (
    INDEX,
    PASSAGES_SHARED_MAX,
    TRAIN,
    TrainingCorpus,
    is_held_out,
    make_corpus,
)

END = 256


def text_of(number: int, lines: int = 40) -> str:
    return "\n".join(f"line {line} of document {number}" for line in range(lines))


def documents(count: int = 64) -> list[tuple[str, str]]:
    return [(f"file-{number}.py", text_of(number)) for number in range(count)]


def made(folder: Path, texts: list[tuple[str, str]] | None = None) -> TrainingCorpus:
    return make_corpus(
        folder, documents() if texts is None else texts, lambda text: list(text.encode()),
        end=END, vocabulary=257,
    )  # fmt: skip


def pieces(tokens: np.ndarray) -> list[str]:
    """The documents in ``tokens``."""
    ends = np.flatnonzero(tokens == END)
    return [
        bytes(part[part != END].astype(np.uint8)).decode() for part in np.split(tokens, ends)[:-1]
    ]


def test_every_document_is_in_one_part_whole(tmp_path: Path) -> None:
    corpus = made(tmp_path)
    held = {text for name, text in documents() if is_held_out(name)}
    assert set(pieces(corpus.held)) == held
    assert set(pieces(corpus.train)) == {text for _, text in documents()} - held
    assert 1 <= len(held) <= 12


def test_the_same_documents_make_the_same_corpus_in_any_order(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2", documents()[::-1])
    other = made(tmp_path / "3", [*documents(), ("more.py", text_of(999))])
    assert one.root == two.root != other.root


def test_no_copy_of_what_is_held_out_is_trained_on(tmp_path: Path) -> None:
    held = next(text for name, text in documents() if is_held_out(name))
    names = (f"copy-{number}.py" for number in range(10**6))
    copy, indented, part, little = [name for name in names if not is_held_out(name)][:4]
    corpus = made(
        tmp_path,
        [
            *documents(),
            (copy, held),
            (indented, "\n\n".join(f"    {line}" for line in held.splitlines())),
            (part, text_of(1000) + "\n" + "\n".join(held.splitlines()[:12])),
            (little, text_of(1001) + "\n" + "\n".join(held.splitlines()[:PASSAGES_SHARED_MAX])),
        ],
    )
    trained = "\n".join(pieces(corpus.train))
    assert "of document 1000" not in trained
    assert "of document 1001" in trained, "a few shared lines are no copy"
    assert trained.count(held.splitlines()[10]) == 0


def test_what_is_there_twice_is_read_once(tmp_path: Path) -> None:
    again = [(f"again-{name}", text) for name, text in documents() if not is_held_out(name)]
    assert len(pieces(made(tmp_path, [*documents(), *again]).train)) <= 64


def test_sequences_follow_one_another_with_the_token_after(tmp_path: Path) -> None:
    corpus = made(tmp_path)
    count = corpus.sequences(100)
    batch = corpus.batch([0, 1, count - 1], 100)
    assert batch.shape == (3, 101)
    assert batch.dtype == np.int64
    assert batch[0, -1] == batch[1, 0]
    assert (batch[2] == corpus.train[(count - 1) * 100 : count * 100 + 1]).all()


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda folder: (folder / INDEX).unlink(), "no corpus"),
        (lambda folder: (folder / TRAIN).unlink(), "damaged"),
        (lambda folder: (folder / TRAIN).write_bytes(b"\x00" * 8), "number of tokens"),
        (lambda folder: (folder / TRAIN).write_bytes(b"\xff" * (folder / TRAIN).stat().st_size),
         "beyond its vocabulary"),
        (lambda folder: (folder / INDEX).write_bytes(b"{"), "damaged"),
    ],
)  # fmt: skip
def test_a_damaged_corpus_is_refused_with_one_sentence(tmp_path: Path, harm, word: str) -> None:  # type: ignore[no-untyped-def]
    made(tmp_path)
    harm(tmp_path)
    with pytest.raises(UserError, match=word):
        TrainingCorpus.open(tmp_path)


def test_too_few_documents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="hold out"):
        made(tmp_path, [("a.py", text_of(1))] if not is_held_out("a.py") else [("b.py", "x")])
