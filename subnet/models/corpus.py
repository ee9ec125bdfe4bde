"""The texts that prompts are cut from: a folder of code or prose, by default what Python brings.

In comes a random generator; out come pieces of files, from the beginning of a line to where a
person might stop typing. The standard library of the Python that runs this process is code, which a
model is meant to continue, and there without a download.

This module knows no model and no requests.
"""

from __future__ import annotations

import itertools
import os
import random
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from assay.errors import UserError

PROMPT_CHARS: Final = (60, 400)
"""Characters of a prompt, from a line to a paragraph. While a miner reads a prompt it draws no
tokens: a longer one takes much of the time that counts from a slow machine, and little from a fast
one."""
CHARS_LEFT: Final = 600
"""Characters of the file that must follow a cut. At a file's end the model rightly ends the text,
and an answer of one token tells nothing about who made it."""
FILE_BYTES: Final = (2_000, 400_000)
"""Sizes of files that are used. Smaller ones have no two places to cut at; larger ones are
generated tables."""
FILES_MAX: Final = 20_000
SUFFIXES: Final = frozenset({".py", ".txt", ".md", ".rst", ".c", ".h", ".rs", ".js", ".ts"})
SKIPPED: Final = frozenset(
    {"site-packages", "dist-packages", "__pycache__", "node_modules", ".git"}
)
TRIES_MAX: Final = 16
"""Pieces tried before the one that always fits: most files have letters enough."""


def _text_files(root: Path) -> Iterator[Path]:
    """Yield the files below ``root`` of the right kind and size, in the same order on every run."""
    low, high = FILE_BYTES
    for folder, inside, names in os.walk(root):
        # Pruned here, not filtered below: an installation's packages are a hundred thousand files.
        inside[:] = sorted(set(inside) - SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in SUFFIXES and path.is_file() and low <= path.stat().st_size <= high:
                yield path


class Corpus:
    """The files from which prompts are cut. Only names are kept; a cut reads one file."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    @classmethod
    def open(cls, folder: Path | None) -> Corpus:
        """Return the text files below ``folder``, by default the standard library's; UserError if
        there are none."""
        root = folder if folder is not None else Path(sysconfig.get_path("stdlib"))
        files = list(itertools.islice(_text_files(root), FILES_MAX))
        if not files:
            raise UserError(
                f"{root} holds no text files to cut prompts from.",
                "Give --corpus a folder with source code or text.",
            )
        return cls(files)

    def cut(self, rng: random.Random) -> str:
        """Return a piece of one file, from the beginning of a line to somewhere in a later line."""
        for _ in range(TRIES_MAX):
            path = self._files[rng.randrange(len(self._files))]
            try:
                text = path.read_bytes().decode("utf-8")
            except (OSError, UnicodeDecodeError):
                continue  # gone meanwhile, or in another encoding on purpose
            length = rng.randint(*PROMPT_CHARS)
            last = len(text) - length - CHARS_LEFT
            starts = [0] + [p + 1 for p, char in enumerate(text) if char == "\n" and p < last]
            start = starts[rng.randrange(len(starts))]
            piece = text[start : start + length]
            if len(piece) >= PROMPT_CHARS[0] and sum(map(str.isalpha, piece)) > len(piece) / 3:
                return piece
        return "import "
