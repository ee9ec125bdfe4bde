"""The documents that a corpus is made of: from what a person names to names and texts.

In comes a source; out come a name and a text for each document, in the order of the names, so that
whoever reads the same source gets the same documents under the same names::

    stdlib             the Python sources of the standard library that runs this program
    a folder           its text files; of each *.jsonl in it, every line
    a .jsonl file      every line, a JSON object whose field ``text`` holds the text
    datasets:NAME      a data set of the library ``datasets``, where that is installed;
                       datasets:NAME:SPLIT for another part of it than ``train``

A file that is no UTF-8 is left out, and so is a generated table of the standard library. A wrong
line of a JSONL file is refused, with its number: nobody left it out on purpose. What the texts are
for, and how they are cut into tokens, is not known here.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import Unavailable, UserError
from assay.models.corpus import SKIPPED, SUFFIXES

STDLIB: Final = "stdlib"
DATASETS: Final = "datasets:"
LINES: Final = ".jsonl"
TEXT_BYTES_MAX: Final = 2**24
"""Of one document: a longer one is a dump, which takes memory as one piece."""
SOURCE_BYTES_MAX: Final = 400_000
"""Of a file of the standard library: larger ones are generated tables."""
SOURCE_CHARS_MIN: Final = 64
"""Likewise: an empty ``__init__.py`` teaches only that files are empty."""
LETTERS_MIN: Final = 0.55
"""Letters and spaces in a source, as a part of it: tables of code pages have fewer."""
DOCUMENTS_MAX: Final = 10**6
"""A corpus's index has room for so many."""
SHOWN_CHARS: Final = 200

Document = tuple[str, str]
Told = Callable[[int, int], None]


class _Line(msgspec.Struct):
    text: str


def read_documents(
    source: str, *, bytes_max: int | None = None, told: Told = lambda done, total: None
) -> list[Document]:
    """Return the documents of ``source``; with ``bytes_max`` a part of them, drawn by the hashes of
    their names, whose texts have at most so many bytes.

    ``told(done, total)`` is called with the bytes that are read, and the bytes there are; 0 where
    that is not known. UserError for a source that is not there, or holds no documents.
    """
    documents = sorted(_limited(_found(source, told), source))
    if not documents:
        raise UserError(
            f"{source[:SHOWN_CHARS]} holds no texts.",
            f"Give a folder with text files ({', '.join(sorted(SUFFIXES))}) or with *{LINES}.",
        )
    return documents if bytes_max is None else _part(documents, bytes_max)


def _found(source: str, told: Told) -> Iterable[Document]:
    if source == STDLIB:
        return _stdlib(told)
    if source.startswith(DATASETS):
        return _data_set(source.removeprefix(DATASETS), told)
    path = Path(source)
    if path.is_dir():
        return _folder(path, told)
    if path.is_file() and path.suffix == LINES:
        return _lines([(path.name, path)], told)
    what = "is not a *.jsonl file" if path.exists() else "is not there"
    raise UserError(
        f"The source {source[:SHOWN_CHARS]!r} {what}.",
        f"Give {STDLIB}, a folder, a *{LINES} file, or {DATASETS}NAME.",
    )


def _limited(documents: Iterable[Document], source: str) -> Iterator[Document]:
    for number, (name, text) in enumerate(documents):
        if number >= DOCUMENTS_MAX:
            raise UserError(
                f"{source[:SHOWN_CHARS]} holds more than {DOCUMENTS_MAX} documents.",
                "Give a part of it, or join short documents into longer ones.",
            )
        if text.strip():
            yield name, text


def _part(documents: list[Document], bytes_max: int) -> list[Document]:
    """Return those documents that come first by the hashes of their names and fit together."""
    left, kept = bytes_max, []
    for name, text in sorted(documents, key=lambda each: _rank(each[0])):
        left -= len(text.encode())
        if left < 0:
            break
        kept.append((name, text))
    if not kept:
        raise UserError(
            f"No document fits {bytes_max} bytes.", "Allow more of the source to be taken."
        )
    return sorted(kept)


def _rank(name: str) -> bytes:
    # Keyed apart from the hash that says what is held out: else a part would hold out all or none.
    return hashlib.blake2b(name.encode(), digest_size=8, person=b"part").digest()


def _stdlib(told: Told) -> Iterator[Document]:
    root = Path(sysconfig.get_path("stdlib"))
    for name, text in _texts(_files(root, {".py"}), told, SOURCE_BYTES_MAX):
        letters = sum(map(str.isalpha, text)) + text.count(" ")
        if len(text) >= SOURCE_CHARS_MIN and letters >= LETTERS_MIN * len(text):
            yield name, text


def _folder(root: Path, told: Told) -> Iterator[Document]:
    files = _files(root, SUFFIXES | {LINES})
    lined = [(name, path) for name, path in files if path.suffix == LINES]
    plain = [(name, path) for name, path in files if path.suffix != LINES]
    yield from _texts(plain, told, TEXT_BYTES_MAX)
    yield from _lines(lined, told)


def _files(root: Path, suffixes: Iterable[str]) -> list[tuple[str, Path]]:
    """Return the files below ``root`` with one of ``suffixes``, each with its name in there."""
    wanted, found = frozenset(suffixes), []
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(set(inside) - SKIPPED)
        found += [Path(folder, name) for name in names if Path(name).suffix in wanted]
    # A name that is no UTF-8 cannot stand in an index, which is JSON.
    named = [(path.relative_to(root).as_posix(), path) for path in found if path.is_file()]
    return sorted((name, path) for name, path in named if name.isprintable())


def _texts(files: list[tuple[str, Path]], told: Told, bytes_max: int) -> Iterator[Document]:
    total, done = sum(path.stat().st_size for _, path in files), 0
    for name, path in files:
        size = path.stat().st_size
        done += size
        told(done, total)
        if size > bytes_max:
            continue
        try:
            yield name, path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # not ours to read, or in another encoding on purpose


def _lines(files: list[tuple[str, Path]], told: Told) -> Iterator[Document]:
    total, done = sum(path.stat().st_size for _, path in files), 0
    decoder = msgspec.json.Decoder(_Line)
    for name, path in files:
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(TEXT_BYTES_MAX + 1):
                number += 1
                done += len(line)
                told(done, total)
                if line.strip():
                    yield f"{name}:{number:09}", _text_of(decoder, line, path, number)


def _text_of(decoder: msgspec.json.Decoder[_Line], line: bytes, path: Path, number: int) -> str:
    if len(line) > TEXT_BYTES_MAX:
        wrong = f"is longer than {TEXT_BYTES_MAX} bytes"
    else:
        try:
            return decoder.decode(line).text
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            wrong = f"is no document: {str(error)[:SHOWN_CHARS]}"
    raise UserError(
        f"Line {number} of {path} {wrong}.", 'Each line is a JSON object, {"text": "..."}.'
    )


def _data_set(reference: str, told: Told) -> Iterator[Document]:
    name, _, split = reference.partition(":")
    if importlib.util.find_spec("datasets") is None:
        raise UserError(
            "The library datasets is not installed.",
            "Install it with `pip install datasets`, or give a folder of text or JSONL files.",
        )
    rows = _rows(name, split or "train")
    for number, row in enumerate(rows):
        text = row.get("text") if isinstance(row, dict) else None
        if not isinstance(text, str):
            raise UserError(
                f"Row {number} of the data set {name} has no field text.",
                "Write its texts into a JSONL file, and give that.",
            )
        told(number, 0)
        yield f"{name}/{number:09}", text


def _rows(name: str, split: str) -> Iterable[Any]:
    module: Any = importlib.import_module("datasets")
    try:
        loaded: Iterable[Any] = module.load_dataset(name, split=split, streaming=True)
    except Exception as error:  # the library raises what its many readers raise
        raise Unavailable(
            f"The data set {name} could not be loaded ({type(error).__name__}:"
            f" {str(error)[:SHOWN_CHARS]}).",
            "Check its name and the connection, or give a folder of text or JSONL files.",
        ) from None
    return loaded
