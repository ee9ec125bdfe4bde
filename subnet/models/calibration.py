"""How much of a model's numbers is rounding, as measured, in a file beside the model.

In comes a model's folder, or what honest ways of computing were seen to differ by; out comes the
tolerance of each precision. The file, called ``FILE``, is JSON. Its name keeps it out of the
model's root (``layout`` counts no such suffix), and the root stands in it: the calibration of other
parameters is refused. What it tolerates is bounded, because the file may be a stranger's, and
whether a lie pays under it is the reader's to compute.

This module computes nothing with the model and imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.errors import UserError
from assay.files import read_limited, write_atomic
from assay.scoring.inference.precision import Precision, Tolerance

FILE: Final = "assay.calibration"
BYTES_MAX: Final = 2**20
"""A calibration has a few kilobytes."""
QUANTILES: Final = (0.5, 0.9, 0.99, 0.999)
"""Of the tail that is kept: what most honest answers differ by, and what few do."""
FINE: Final = Tolerance(20.0, 10.0)
"""For fp32, how many times the largest difference seen is tolerated: ten times what a margin can
be, since another machine may differ by several times more, and no other precision is nearer."""
COARSE: Final = Tolerance(3.0, 1.5)
"""The same for bf16 and fp16: one and a half times. The rounding of states is the same on every
machine, and each step wider lets more of the coarser weights pass."""

Amount = Annotated[float, Meta(ge=0.0, le=1e6)]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one honest answer differed by from the judge's replay."""

    way: str
    number: int
    """Which of the requests it answers."""
    logits: Amount
    """The largest difference of any logit."""
    margin: Amount
    """The largest margin of its tokens, in logits."""
    distance: Amount
    """The largest relative distance of a fingerprint at any of its tokens."""
    bits: Count
    """How many logits differed in a bit."""
    digest: str
    """Of its first rows of logits: two ways with one digest have the same bits."""


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What some honest answers differed by, at most."""

    answers: Count
    logits: Amount
    margin: Amount
    distance: Amount
    bits: Count
    """Logits that differed in a bit, of all answers."""


class PathCalibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One precision of a model."""

    all: Seen
    ways: dict[str, Seen]
    tails: dict[str, list[Amount]]
    """For margin and distance, the values at ``QUANTILES`` of all answers."""
    logits: Annotated[float, Meta(gt=0.0, le=1.0)]
    distance: Annotated[float, Meta(gt=0.0, le=0.5)]
    """What is tolerated."""

    @property
    def tolerance(self) -> Tolerance:
        """How far an honest answer may lie from a replay."""
        return Tolerance(self.logits, self.distance)


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the model with this ``root``, in hex, each precision that was measured."""

    root: Annotated[str, Meta(min_length=64, max_length=64)]
    paths: dict[Precision, PathCalibration]


def read_calibration(path: Path, root: bytes) -> Mapping[Precision, PathCalibration]:
    """Return what the file ``path`` says of the model with this ``root``: nothing without a file.
    UserError for a file that is damaged, or of other parameters."""
    raw = read_limited(path, BYTES_MAX)
    if raw is None and not path.exists():
        return {}
    try:
        found = msgspec.json.decode(raw or b"", type=Calibration)
    except (msgspec.MsgspecError, RecursionError):
        raise UserError(
            f"{path} is no calibration.", "Remove it, or make it again: assay model calibrate."
        ) from None
    if found.root != root.hex():
        raise UserError(
            f"{path} is the calibration of other parameters.",
            "Remove it, or make it again: assay model calibrate.",
        )
    return found.paths


def write_calibration(path: Path, root: bytes, paths: Mapping[Precision, PathCalibration]) -> None:
    """Write what was measured to ``path``; UserError if the disk does not take it."""
    document = msgspec.json.encode(Calibration(root.hex(), dict(paths)), order="sorted")
    write_atomic(path, msgspec.json.format(document, indent=1) + b"\n", mode=0o644)


def calibrated(precision: Precision, answers: Iterable[Measured]) -> PathCalibration:
    """Return the calibration of ``precision`` over ``answers``. ValueError without answers."""
    listed = list(answers)
    if not listed:
        raise ValueError("nothing was measured")
    ways: dict[str, list[Measured]] = {}
    for answer in listed:
        ways.setdefault(answer.way, []).append(answer)
    seen, slack = _seen(listed), FINE if precision == "fp32" else COARSE
    return PathCalibration(
        all=seen,
        ways={way: _seen(answers) for way, answers in ways.items()},
        tails={
            "margin": _tail([answer.margin for answer in listed]),
            "distance": _tail([answer.distance for answer in listed]),
        },
        logits=_rounded(slack.logits * seen.logits),
        distance=_rounded(slack.distance * seen.distance),
    )


def differing(answers: Iterable[Measured]) -> int:
    """Return how many ways of computing differ from each other in their bits: of two ways, at more
    than a tenth of the requests that both have answered."""
    by_way: dict[str, dict[int, str]] = {}
    for answer in answers:
        by_way.setdefault(answer.way, {})[answer.number] = answer.digest
    classes: list[dict[int, str]] = []
    for digests in by_way.values():
        if all(_differ(digests, other) for other in classes):
            classes.append(digests)
    return len(classes)


def _differ(one: Mapping[int, str], other: Mapping[int, str]) -> bool:
    common = one.keys() & other.keys()
    return sum(one[number] != other[number] for number in common) > len(common) / 10


def convicted(answers: Iterable[Measured], tolerance: Tolerance) -> int:
    """Return how many of ``answers`` a judge with this ``tolerance`` would convict."""
    return sum(
        answer.margin > tolerance.logits or answer.distance > tolerance.distance
        for answer in answers
    )


def _seen(answers: list[Measured]) -> Seen:
    return Seen(
        len(answers),
        logits=max(answer.logits for answer in answers),
        margin=max(answer.margin for answer in answers),
        distance=max(answer.distance for answer in answers),
        bits=sum(answer.bits for answer in answers),
    )


def _tail(values: list[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in QUANTILES]


def _rounded(value: float) -> float:
    """``value`` to two digits: more would look as if they were known."""
    return float(f"{max(value, 1e-9):.1e}")
