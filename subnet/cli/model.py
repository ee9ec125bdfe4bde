"""`assay model`: what is done with a model's folder before it is served.

``pull`` gets the model of a training run and ``calibrate`` measures the rounding of a model; both
are in files of their own. ``quantise`` writes a folder anew with its weights as small integers, and
measures what that costs.
"""

from __future__ import annotations

import itertools
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments, param_types
from assay.cli.command import Command, LazyGroup
from assay.errors import UserError

if TYPE_CHECKING:
    from assay.models.quantise import Written
    from assay.models.quantised import Scheme

TEXTS: Final = 40
"""Texts that are measured. With the demo model they are 30,000 tokens, which two runs agree on to
a thousandth of a bit, and take some seconds."""
TEXT_CHARS: Final = 8_000
TEXT_BYTES_MAX: Final = 2**20
"""A longer file is no text that people wrote."""
TOKENS: Final = 64
"""Tokens that are written to measure the speed."""
GROUP_SIZE: Final = 32
"""Of 4-bit weights by default. With the demo model 32 cost half as many bits per byte as a scale
for each row, for a twentieth more bytes."""


MEMBERS: Final = {
    "pull": ("assay.cli.train.pull:pull", "Get the newest model of a training run."),
    "calibrate": ("assay.cli.calibrate:calibrate", "Measure what of its numbers is rounding."),
}


@click.group(cls=LazyGroup, members=MEMBERS)
def model() -> None:
    """A model's folder: get a run's, measure its rounding, quantise it for small machines."""


@model.command("quantise", cls=Command)
@click.argument("source", metavar="MODEL", help="A folder, a Hugging Face id, or demo.")
@click.argument("target", type=click.Path(path_type=Path), metavar="TARGET", help="A new folder.")
@click.option(
    "--bits", type=click.Choice(["4", "8"]), default="8", metavar="BITS",
    help="Of each weight: 4 or 8.",
)  # fmt: skip
@click.option(
    "--group-size", type=click.IntRange(0), metavar="N", show_default="32 for 4 bits, else 0",
    help="Weights of a row that share a scale; 0: all of the row.",
)  # fmt: skip
@click.option(
    "--text", type=param_types.FOLDER, metavar="FOLDER", show_default="Python's standard library",
    help="A folder of texts on which the loss is measured.",
)  # fmt: skip
@click.option(
    "--measure/--no-measure", default=True, help="Measure loss and speed, before and after."
)
@arguments.json
def quantise_(
    source: str,
    target: Path,
    bits: str,
    group_size: int | None,
    text: Path | None,
    measure: bool,
    json: bool,
) -> None:
    """Write a model anew with the weights of its linear layers as integers of 4 or 8 bits.

    The result is a folder in the Hugging Face layout (compressed-tensors, pack-quantized), a model
    with a root of its own: miners serve it and validators judge by it like any other.
    """
    from assay.cli import output
    from assay.cli.progress import bar
    from assay.models.quantise import quantise
    from assay.models.root import model_root
    from assay.models.source import resolve

    scheme = _scheme(int(bits), group_size)
    texts = _texts(text) if measure else []
    folder = resolve(source)
    with bar("Quantising") as progress:
        written = quantise(folder, target, scheme, progress=progress)
    facts: dict[str, Any] = {
        "folder": str(written.folder),
        "root": model_root(written.folder).hex(),
        "scheme": str(scheme),
        "layers": written.layers,
        "quantised_numbers": written.numbers,
        "kept_numbers": written.kept,
        "bytes": [written.bytes_before, written.bytes_after],
    }
    if measure:
        facts |= _measured(folder, written.folder, texts)
    if json:
        output.document(facts)
    else:
        _show(written, facts)


def _scheme(bits: int, group_size: int | None) -> Scheme:
    from assay.models.quantised import GROUP_MAX, GROUP_MIN, Scheme

    group = (GROUP_SIZE if bits == 4 else 0) if group_size is None else group_size
    if group and (not GROUP_MIN <= group <= GROUP_MAX or group % 2):
        raise UserError(
            f"Groups have an even number of weights from {GROUP_MIN} to {GROUP_MAX}, not {group}.",
            "Choose another --group-size, or 0 for a scale for each row.",
        )
    return Scheme(bits, group or None)


def _texts(folder: Path | None) -> Sequence[str]:
    """The beginnings of some text files below ``folder``, evenly spread; UserError if there are
    none."""
    root = folder if folder is not None else Path(sysconfig.get_path("stdlib"))
    found = (path for path in sorted(root.rglob("*")) if path.suffix in (".py", ".txt", ".md"))
    files = list(itertools.islice(found, 10_000))
    texts = []
    for path in files[:: max(1, len(files) // TEXTS)]:
        try:
            if path.stat().st_size <= TEXT_BYTES_MAX:
                texts.append(path.read_text("utf-8")[:TEXT_CHARS])
        except (OSError, UnicodeDecodeError):
            continue  # written in another encoding on purpose, or not ours to read
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise UserError(
            f"{root} holds no texts (*.py, *.txt, *.md) to measure on.",
            "Give --text another folder, or --no-measure.",
        )
    return texts


def _measured(before: Path, after: Path, texts: Sequence[str]) -> dict[str, Any]:
    """The loss and the speed of both models, each loaded in turn."""
    from assay.cli.progress import bar
    from assay.clock import SystemClock
    from assay.models.language import LanguageModel
    from assay.models.measure import bits_per_byte, tokens_per_s

    losses, speeds = [], []
    for folder, what in ((before, "Measuring the model"), (after, "Measuring the result")):
        loaded = LanguageModel.load(folder)
        with bar(what) as progress:
            losses.append(bits_per_byte(loaded, texts, progress=progress))
        speeds.append(tokens_per_s(loaded, texts[0], TOKENS, SystemClock().monotonic))
        del loaded
    return {"bits_per_byte": losses, "tokens_per_s": speeds}


def _show(written: Written, facts: dict[str, Any]) -> None:
    from assay.cli import output

    rows = [("size", *(f"{size / 1e6:.1f} MB" for size in facts["bytes"]))]
    if "bits_per_byte" in facts:
        rows.append(("bits per byte", *(f"{loss:.4f}" for loss in facts["bits_per_byte"])))
        rows.append(("tokens/s, one at a time", *(f"{s:.0f}" for s in facts["tokens_per_s"])))
    output.table(
        f"{written.layers} linear layers: {facts['scheme']}", ("", "before", "after"), rows
    )
    output.text(f"root {facts['root']}")
    output.text(str(written.folder))
