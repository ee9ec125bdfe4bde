"""Measuring a model's rounding: honest ways of computing beside a judge's replay.

In come a model's folder, prompts, and how many answers are wanted; out comes a ``Measured`` for
each answer, as it is made. Ways are computed in child processes (``honest_worker``), one after the
other, and each answer is replayed here as a judge does it. What was measured is in a journal, a
line of JSON an answer, so that a run that is broken off goes on where it was.

This module prints nothing and decides no tolerance.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.errors import UserError
from assay.models.calibration import Measured
from assay.models.drawing import Drawing
from assay.models.honest_ways import ENVIRONMENTS, WAYS
from assay.models.honest_worker import HonestAnswer, HonestAsk
from assay.models.language import LanguageModel
from assay.scoring.inference.agreement import compare
from assay.scoring.inference.fingerprint import project
from assay.scoring.inference.precision import Precision
from assay.scoring.inference.sampling import Sampling

TOKENS: Final = 12
"""Of an answer: rounding does not grow with its length, and short answers are many."""
TEMPERATURES: Final = (0.0, 0.7, 1.0)
ROWS_COMPARED: Final = 4
"""Rows of logits by which two ways are told apart: the first is that of the prompt alone."""
TURN: Final = 200
"""Answers of one way before the next one's turn, so that a run that is broken off has seen all. A
process that starts takes as long as a dozen answers."""
JOURNAL_BYTES_MAX: Final = 2**30
"""A million answers take a fifth of it."""

Asking = Callable[[HonestAsk], tuple[HonestAnswer, Drawing]]


class JournalLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the journal."""

    root: str
    precision: Precision
    measured: Measured


class Journal:
    """The answers measured of the model ``root``, in the file ``path``, which is made if needed.
    Lines of other models, what two runs at once have both measured, and a last line that was cut
    off, are left out."""

    def __init__(self, path: Path, root: bytes) -> None:
        self._path, self._root = path, root.hex()
        self.measured: dict[Precision, list[Measured]] = {}
        seen: set[tuple[Precision, str, int]] = set()
        with path.open("a+b") as stream:
            stream.seek(0)
            for raw in stream.read(JOURNAL_BYTES_MAX).splitlines():
                try:
                    line = msgspec.json.decode(raw, type=JournalLine)
                except msgspec.MsgspecError:
                    continue
                whose = (line.precision, line.measured.way, line.measured.number)
                if line.root == self._root and whose not in seen:
                    seen.add(whose)
                    self.measured.setdefault(line.precision, []).append(line.measured)
            self._torn = stream.tell() > 0 and not _ends_whole(stream)

    def add(self, precision: Precision, measured: Measured) -> None:
        """Note one more answer."""
        line = msgspec.json.encode(JournalLine(self._root, precision, measured)) + b"\n"
        with self._path.open("ab") as stream:
            stream.write(b"\n" + line if self._torn else line)
        self._torn = False
        self.measured.setdefault(precision, []).append(measured)

    def remove(self) -> None:
        """Remove the file, once its answers are in a calibration."""
        self._path.unlink(missing_ok=True)


def _ends_whole(stream: IO[bytes]) -> bool:
    stream.seek(-1, os.SEEK_END)
    return stream.read(1) == b"\n"


def measure(
    folder: Path,
    root: bytes,
    precision: Precision,
    prompts: Sequence[str],
    answers: int,
    journal: Journal,
) -> Iterator[Measured]:
    """Yield each answer in ``precision`` as it is measured and noted, until there are ``answers``
    of all ways together; ``prompts`` are taken in turn. UserError for a way that fails."""
    model = LanguageModel.load(folder, precision=precision)
    done = {(each.way, each.number) for each in journal.measured.get(precision, [])}
    each_way = -(-answers // len(WAYS))
    for first, way in itertools.product(range(0, each_way, TURN), WAYS):
        numbers = range(first, min(first + TURN, each_way))
        missing = [number for number in numbers if (way, number) not in done]
        if not missing:
            continue
        with _computing(folder, precision, way) as ask:
            for number in missing:
                wanted = _wanted(model, prompts[number % len(prompts)], root, number)
                made, drawing = ask(wanted)
                measured = _measured(model, root, way, number, wanted, made, drawing)
                journal.add(precision, measured)
                yield measured


def _wanted(model: LanguageModel, prompt: str, root: bytes, number: int) -> HonestAsk:
    ids = model.tokens.encode(prompt)[: model.context_tokens - TOKENS] or [0]
    key = hashlib.blake2b(root + number.to_bytes(8, "little"), digest_size=16).digest()
    count = min(TOKENS, model.context_tokens - len(ids))
    return HonestAsk(ids, count, TEMPERATURES[number % len(TEMPERATURES)], key)


@contextmanager
def _computing(folder: Path, precision: Precision, way: str) -> Iterator[Asking]:
    """A child process that answers in ``way``; UserError if it fails."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "assay.models.honest_worker", str(folder), precision, way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **ENVIRONMENTS.get(way, {})},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    given, told = child.stdin, child.stdout

    def ask(wanted: HonestAsk) -> tuple[HonestAnswer, Drawing]:
        try:
            given.write(msgspec.json.encode(wanted) + b"\n")
            given.flush()
            made = msgspec.json.decode(told.readline(), type=HonestAnswer)
            count = len(made.tokens)
            logits = _rows(told, count, made.vocabulary)
            return made, Drawing(logits, _rows(told, count, made.width))
        except (OSError, ValueError, msgspec.MsgspecError):
            raise UserError(
                f"The model could not be computed in the way {way!r} in {precision}.",
                "Try another --precision; what was measured until now is kept.",
            ) from None

    try:
        yield ask
    finally:
        child.kill()
        child.wait()
        given.close()
        told.close()


def _rows(stream: IO[bytes], count: int, width: int) -> NDArray[np.float32]:
    raw = stream.read(4 * count * width)
    return np.frombuffer(raw, dtype="<f4").reshape(count, width)


def _measured(
    model: LanguageModel,
    root: bytes,
    way: str,
    number: int,
    wanted: HonestAsk,
    made: HonestAnswer,
    drawing: Drawing,
) -> Measured:
    """Compare an answer with this process's replay of it."""
    own = model.replay_whole(wanted.prompt, made.tokens)
    difference = np.abs(own.logits - drawing.logits)
    margins = compare(
        own.logits, np.array(made.tokens), Sampling(wanted.temperature), wanted.key
    ).margins
    distance = 0.0
    if own.hidden is not None and drawing.hidden is not None and drawing.hidden.shape[1]:
        ours = project(own.hidden, root).astype(np.float64)
        theirs = project(drawing.hidden, root).astype(np.float64)
        apart = np.linalg.norm(theirs - ours, axis=1) / np.linalg.norm(ours, axis=1)
        distance = float(apart.max())
    return Measured(
        way,
        number,
        logits=float(difference.max()),
        margin=float(margins.max()),
        distance=distance,
        bits=int(np.count_nonzero(difference)),
        digest=hashlib.blake2b(drawing.logits[:ROWS_COMPARED].tobytes(), digest_size=8).hexdigest(),
    )
