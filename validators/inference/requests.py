"""What an inference validator asks: pieces of real text, cut where a person might stop typing.

Adds to the message a source of prompts that miners cannot foresee and cannot tell from a client's.
The corpus is a folder of text, by default the standard library of the Python that runs this
process: code, which the model is meant to continue, and there without a download. File, place,
length, temperature and seed come from the round's generator, which only the validator knows; from
some ten million beginnings no miner can prepare answers.

All requests of one round ask for the same number of tokens, so that speeds compare; a newcomer's
first asks for more. It knows no model: how many tokens a text takes, it is told.
"""

from __future__ import annotations

import itertools
import os
import random
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from assay.errors import UserError
from assay.protocol.inference import SEED_MAX, Complete

TOKENS_ASKED: Final = (24, 32, 40, 48)
"""Long enough that one wrong model shows in a single answer, short enough for many rounds."""
TOKENS_OF_ENTRANCE: Final = 96
"""The first answer of a miner that is not known yet. Three times the usual length, so that a model
changed by a few percent does not slip through even once, and the first pay needs no waiting."""
TEMPERATURES: Final = (0.0, 0.7, 0.7, 1.0, 1.0, 1.0)
"""What clients use. Warm ones come more often: there each token depends on the logits finely, so
that a small change of the weights changes the answer; at 0 only near ties do."""
PROMPT_CHARS: Final = (60, 900)
"""From a line to a page. Longer prompts cost a miner more than they tell about it."""
CHARS_LEFT: Final = 600
"""Of the file after a cut. At its end the model rightly ends the text, and an answer of one token
tells nothing about who made it."""
FILE_BYTES: Final = (2_000, 400_000)
"""Smaller files have no two places to cut at; larger ones are generated tables."""
FILES_MAX: Final = 20_000
SUFFIXES: Final = frozenset({".py", ".txt", ".md", ".rst", ".c", ".h", ".rs", ".js", ".ts"})
SKIPPED: Final = frozenset(
    {"site-packages", "dist-packages", "__pycache__", "node_modules", ".git"}
)
TRIES_MAX: Final = 16
"""Cuts tried before a prompt is shortened by force. One in a hundred pages is too dense to fit."""


def _text_files(root: Path) -> Iterator[Path]:
    """Files of the right kind and size, in an order that is the same on every run."""
    low, high = FILE_BYTES
    for folder, inside, names in os.walk(root):
        # Pruned here, not filtered below: an installation's packages are a hundred thousand files.
        inside[:] = sorted(set(inside) - SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in SUFFIXES and path.is_file() and low <= path.stat().st_size <= high:
                yield path


class Corpus:
    """The files that prompts are cut from. Only names are kept; a cut reads one file."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    @classmethod
    def open(cls, folder: Path | None) -> Corpus:
        """The text files below ``folder``, by default the standard library's; UserError if none."""
        root = folder if folder is not None else Path(sysconfig.get_path("stdlib"))
        files = list(itertools.islice(_text_files(root), FILES_MAX))
        if not files:
            raise UserError(
                f"{root} holds no text files to cut prompts from.",
                "Give --corpus a folder with source code or text.",
            )
        return cls(files)

    def cut(self, rng: random.Random) -> str:
        """A piece of one file, from the beginning of a line to somewhere in a later one."""
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


class Requests:
    """Draws requests; holds what the requests of one round share."""

    def __init__(
        self,
        corpus: Corpus,
        root: bytes,
        *,
        count_tokens: Callable[[str], int],
        context_tokens: int,
    ) -> None:
        self._corpus = corpus
        self._root = root
        self._count = count_tokens
        self._context = context_tokens
        self._tokens_asked: int | None = None

    def draw(self, rng: random.Random, *, greedy: bool, entrance: bool = False) -> Complete:
        """One request.

        ``greedy``: at temperature 0, for a miner that can answer nothing else. ``entrance``: the
        first one to a newcomer, long and warm.
        """
        if self._tokens_asked is None:
            self._tokens_asked = rng.choice(TOKENS_ASKED)
        wanted = TOKENS_OF_ENTRANCE if entrance else self._tokens_asked
        max_tokens = min(wanted, self._context // 2)
        prompt = self._fitting(rng, max_tokens)
        temperature = max(TEMPERATURES) if entrance else rng.choice(TEMPERATURES)
        return Complete(
            model=self._root,
            prompt=prompt,
            max_tokens=max_tokens,
            seed=rng.randint(0, SEED_MAX),
            temperature=0.0 if greedy else temperature,
        )

    def end_round(self) -> None:
        """The next request begins a round of its own."""
        self._tokens_asked = None

    def _fitting(self, rng: random.Random, tokens_asked: int) -> str:
        room = self._context - tokens_asked
        for _ in range(TRIES_MAX):
            prompt = self._corpus.cut(rng)
            if self._count(prompt) <= room:
                return prompt
        while len(prompt) > 1 and self._count(prompt) > room:
            prompt = prompt[: len(prompt) // 2]
        return prompt
