"""`assay model calibrate`: measure how much of a model's numbers is rounding, and what to tolerate.

The result stands beside the model, for the validators and miners that use it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from assay.cli import arguments, param_types
from assay.cli.command import Command
from assay.scoring.inference.precision import PRECISIONS, Precision

if TYPE_CHECKING:
    from assay.models.calibration import PathCalibration

ANSWERS: Final = 10_000
"""A miner's answers of two weeks. The largest difference of fewer is seen again too soon."""
PROMPTS: Final = 2_000
"""Drawn once; beyond that many they come again, with other noise."""
PROMPT_SEED: Final = 20_261_129
"""Any number: a run that goes on must have the prompts of the run before."""


@click.command("calibrate", cls=Command)
@click.argument("reference", metavar="MODEL", help="A model folder, a Hugging Face id, or demo.")
@click.option(
    "--precision", type=click.Choice(PRECISIONS), multiple=True, metavar="PRECISION",
    show_default="all", help="What to measure, fp32, bf16 or fp16; repeat it for more.",
)  # fmt: skip
@click.option(
    "--answers", type=click.IntRange(1, 10_000_000), default=ANSWERS, metavar="N",
    help="Honest answers in each precision, of all ways of computing together.",
)  # fmt: skip
@click.option(
    "--out", type=param_types.FILE, metavar="FILE", show_default="assay.calibration in the folder",
    help="Where to write the result; the journal FILE.part stands beside it until then.",
)  # fmt: skip
@click.option(
    "--corpus", type=param_types.FOLDER, metavar="FOLDER",
    show_default="Python's standard library", help="Text that prompts are cut from.",
)  # fmt: skip
@arguments.json
def calibrate(
    reference: str,
    precision: tuple[Precision, ...],
    answers: int,
    out: Path | None,
    corpus: Path | None,
    json: bool,
) -> None:
    """Measure how far honest computations of a model lie apart, and write its tolerances.

    Broken off, it goes on where it was when it is started again.
    """
    import asyncio
    import contextlib
    import random

    import msgspec

    from assay.cli import output
    from assay.cli.progress import bar
    from assay.errors import UserError
    from assay.models import calibration
    from assay.models.calibrate import Journal, measure
    from assay.models.corpus import Corpus
    from assay.models.opening import find_model

    found = asyncio.run(find_model(reference))
    path = out if out is not None else found.folder / calibration.FILE
    journal = Journal(path.with_name(f"{path.name}.part"), found.root)
    texts, chance = Corpus.open(corpus), random.Random(PROMPT_SEED)
    prompts = [texts.cut(chance) for _ in range(PROMPTS)]
    made: dict[Precision, PathCalibration] = {}
    for chosen in precision or PRECISIONS:
        run = measure(found.folder, found.root, chosen, prompts, answers, journal)
        with bar(f"Answers in {chosen}") as told:
            for _ in run:
                told(len(journal.measured[chosen]), answers)
        made[chosen] = calibration.calibrated(chosen, journal.measured[chosen])
    kept: dict[Precision, PathCalibration] = {}
    with contextlib.suppress(UserError):  # of other parameters: it is replaced
        kept |= calibration.read_calibration(path, found.root)
    calibration.write_calibration(path, found.root, kept | made)
    journal.remove()
    rows = [
        {
            "precision": chosen,
            "ways_computed": len(one.ways),
            "ways_differing_in_bits": calibration.differing(journal.measured[chosen]),
            "convicted": calibration.convicted(journal.measured[chosen], one.tolerance),
            **msgspec.to_builtins(one),
        }
        for chosen, one in made.items()
    ]
    if json:
        output.document({"root": found.root.hex(), "file": str(path), "paths": rows})
        return
    for chosen, one in made.items():
        _show(chosen, one)
    for row in rows:
        output.text(
            f"{row['precision']}: {row['ways_differing_in_bits']} of {row['ways_computed']} ways"
            f" differ in bits; {row['convicted']} of {row['all']['answers']} honest answers"
            " convicted."
        )
    output.text(f"Written to {path}.")


def _show(precision: Precision, one: PathCalibration) -> None:
    from assay.cli import output

    title = f"{precision}: {one.logits:g} logits and a distance of {one.distance:g} are tolerated"
    columns = ("answers", "logit", "margin", "distance", "way")
    seen = [*one.ways.items(), ("all", one.all)]
    output.table(
        title,
        columns,
        [
            (str(s.answers), f"{s.logits:.1e}", f"{s.margin:.1e}", f"{s.distance:.1e}", name)
            for name, s in seen
        ],
    )
