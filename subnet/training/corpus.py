"""A tokenised corpus in a folder: made once, named by a hash, and read a sequence at a time.

In come documents (a name and a text each) and a tokenizer; out comes a folder with three files::

    train.bin   the tokens of all training documents, an end token after each, u32 little-endian
    held.bin    the same of the documents that are never trained on
    index.json  {"version": 1, "vocabulary": ..., "train": [[name, first, count], ...], "held": ...}

One document in sixteen is held out, by the hash of its name, so that whoever makes the corpus of
the same documents holds out the same. A training document that shares passages with a held-out one
is left out, and so is one that is there twice. A sequence is cut from ``train.bin`` alone.

Who reads which sequence is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from assay.errors import UserError
from assay.files import read_limited, write_atomic
from assay.models.root import root_of

Tokens = NDArray[np.uint32]

HELD_OUT: Final = 16
"""One document in so many is held out. The demo model's recipe holds out the same part."""
PASSAGE_LINES: Final = 5
"""Lines in a row that make a passage; blank ones and indentation do not count."""
PASSAGES_SHARED_MAX: Final = 5
"""A training document may share so many passages with held-out documents: licences and imports are
alike everywhere, and more is a copy."""
INDEX_BYTES_MAX: Final = 2**28
"""A million documents take a hundred bytes each."""
TRAIN, HELD, INDEX = "train.bin", "held.bin", "index.json"
_WORD: Final = np.dtype("<u4")

Document = tuple[Annotated[str, Meta(max_length=4096)], int, int]


class CorpusIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What lies where. A document is a name, its first token's place, and how many it has."""

    version: Literal[1]
    vocabulary: Annotated[int, Meta(ge=1, le=2**24)]
    train: list[Document]
    held: list[Document]


@dataclass(frozen=True, slots=True)
class TrainingCorpus:
    """A corpus that is there. ``train`` and ``held`` are read from the disk as they are needed."""

    root: bytes
    vocabulary: int
    train: Tokens
    held: Tokens
    index: CorpusIndex

    @classmethod
    def open(cls, folder: Path) -> TrainingCorpus:
        """Return the corpus in ``folder``; UserError for a folder that holds none, or a damaged
        one. All tokens are read once."""
        try:
            raw = read_limited(folder / INDEX, INDEX_BYTES_MAX)
            if raw is None:
                raise UserError(
                    f"There is no corpus in {folder}.", "Give the folder that a corpus was made in."
                )
            index = msgspec.json.decode(raw, type=CorpusIndex)
            streams = {
                name: np.memmap(folder / name, dtype=_WORD, mode="r")
                if (folder / name).stat().st_size
                else np.zeros(0, _WORD)
                for name in (TRAIN, HELD)
            }
            root = root_of([folder / name for name in sorted((TRAIN, HELD, INDEX))])
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise _damaged(folder, str(error)) from None
        for documents, stream in ((index.train, streams[TRAIN]), (index.held, streams[HELD])):
            if sum(count for _, _, count in documents) != len(stream):
                raise _damaged(folder, "its index lists another number of tokens than there are")
            if len(stream) and int(stream.max()) >= index.vocabulary:
                raise _damaged(folder, "it holds tokens beyond its vocabulary")
        return cls(root, index.vocabulary, streams[TRAIN], streams[HELD], index)

    def sequences(self, context: int) -> int:
        """Return how many sequences of ``context`` tokens there are to train on."""
        return max(0, (len(self.train) - 1) // context)

    def batch(self, numbers: Iterable[int], context: int) -> NDArray[np.int64]:
        """Return the training sequences with these ``numbers``, each with the token after it, as
        rows."""
        return _rows(self.train, numbers, context)

    def held_sequences(self, context: int) -> int:
        """Return how many sequences of ``context`` tokens are held out."""
        return max(0, (len(self.held) - 1) // context)

    def held_batch(self, numbers: Iterable[int], context: int) -> NDArray[np.int64]:
        """Return the held-out sequences with these ``numbers``, likewise."""
        return _rows(self.held, numbers, context)


def _rows(stream: Tokens, numbers: Iterable[int], context: int) -> NDArray[np.int64]:
    rows = [stream[at * context : at * context + context + 1] for at in numbers]
    return np.stack(rows).astype(np.int64)


def _damaged(folder: Path, how: str) -> UserError:
    return UserError(
        f"The corpus in {folder} is damaged: {how}.", "Make or fetch the corpus again."
    )


def make_corpus(
    folder: Path,
    documents: Iterable[tuple[str, str]],
    encode: Callable[[str], Sequence[int]],
    *,
    end: int,
    vocabulary: int,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingCorpus:
    """Write the corpus of ``documents`` into ``folder``, with the token ``end`` after each, and
    return it. ``told`` is called with how many documents are tokenised, and of how many.

    The index is written last: a folder without one is no corpus. UserError if there is nothing to
    train on, or nothing to hold out.
    """
    kept = list(_apart(documents))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    listed: dict[str, list[Document]] = {TRAIN: [], HELD: []}
    done = 0
    for name, held in ((TRAIN, False), (HELD, True)):
        tokens: list[NDArray[np.uint32]] = []
        first = 0
        for title, text, is_held in kept:
            if is_held is not held:
                continue
            ids = np.array([*encode(text), end], dtype=_WORD)
            listed[name].append((title, first, len(ids)))
            tokens.append(ids)
            first += len(ids)
            done += 1
            told(done, len(kept))
        if not tokens:
            raise UserError(
                f"Of {len(kept)} documents none is left to {'hold out' if held else 'train on'}.",
                f"Give more documents: one in {HELD_OUT} is held out.",
            )
        write_atomic(folder / name, np.concatenate(tokens).tobytes(), mode=0o644)
    index = CorpusIndex(1, vocabulary, listed[TRAIN], listed[HELD])
    write_atomic(folder / INDEX, msgspec.json.encode(index), mode=0o644)
    return TrainingCorpus.open(folder)


def is_held_out(name: str) -> bool:
    """Return whether the document ``name`` is never trained on."""
    return hashlib.blake2b(name.encode(), digest_size=8).digest()[0] % HELD_OUT == 0


def _apart(documents: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, bool]]:
    """Yield each document that is kept, by name, with whether it is held out."""
    by_name = sorted(documents)
    seen: set[bytes] = set()
    held: set[bytes] = set()
    for name, text in by_name:
        if is_held_out(name):
            held |= _passages(text)
    for name, text in by_name:
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        if digest in seen or not text.strip():
            continue
        seen.add(digest)
        if is_held_out(name):
            yield name, text, True
        elif len(_passages(text) & held) <= PASSAGES_SHARED_MAX:
            yield name, text, False


def _passages(text: str) -> set[bytes]:
    lines = [stripped for line in text.splitlines() if (stripped := line.strip())]
    return {
        hashlib.blake2b("\n".join(lines[at : at + PASSAGE_LINES]).encode(), digest_size=8).digest()
        for at in range(len(lines) - PASSAGE_LINES + 1)
    }
