"""A child process that answers in one honest way: what ``assay model calibrate`` compares.

In come the model's folder, the precision and the way as arguments, and requests as lines of JSON on
standard input; out comes, for each, a line of JSON and then the logits and hidden states that its
tokens were drawn from, as little-endian fp32. A way may be a matter of the process (which
instructions its libraries may use), so that each has a process of its own.

The child runs this file as a program, and ends with its standard input.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO, get_args

import msgspec
import numpy as np

from assay.scoring.inference.precision import Precision
from assay.scoring.inference.sampling import Sampling


class HonestAsk(msgspec.Struct, frozen=True):
    """One answer that is wanted."""

    prompt: list[int]
    count: int
    temperature: float
    key: bytes


class HonestAnswer(msgspec.Struct, frozen=True):
    """Its tokens, and how wide the rows behind them are."""

    tokens: list[int]
    vocabulary: int
    width: int


def answer_all(folder: Path, precision: Precision, way: str, asks: BinaryIO, out: BinaryIO) -> None:
    """Answer each line of ``asks`` on ``out``, computing in ``way``."""
    # Here, not above: they bring torch, which the parent's import of the messages does not need.
    from assay.models.honest_ways import computing, draw
    from assay.models.language import LanguageModel

    model = LanguageModel.load(folder, precision=precision)
    with computing(model, way) as step:
        for line in asks:
            ask = msgspec.json.decode(line, type=HonestAsk)
            drawn = draw(step, ask.prompt, ask.count, Sampling(ask.temperature), ask.key)
            made = HonestAnswer(list(drawn.tokens), drawn.logits.shape[1], drawn.hidden.shape[1])
            out.write(msgspec.json.encode(made) + b"\n")
            for rows in (drawn.logits, drawn.hidden):
                out.write(np.ascontiguousarray(rows, dtype="<f4").tobytes())
            out.flush()


if __name__ == "__main__":
    told = next(known for known in get_args(Precision) if known == sys.argv[2])
    answer_all(Path(sys.argv[1]), told, sys.argv[3], sys.stdin.buffer, sys.stdout.buffer)
