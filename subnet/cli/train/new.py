"""`assay train new`: a run's folder, out of a model, a corpus and terms, and what the run costs.

What is not given is made: a new model of a size, and a corpus of a source. The folder is whole when
the command ends, or is not there.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments, param_types
from assay.cli.command import Command
from assay.cli.train.corpus import megabytes_option, write_corpus
from assay.cli.train.terms import TermOptions, term_options
from assay.errors import UserError

if TYPE_CHECKING:
    from assay.protocol.training.manifest import Manifest
    from assay.training.run_folder import RunFolder

SIZES: Final = ("0.2M", "1M", "9M", "100M")
"""Of a new model; ``assay.models.fresh`` has their dimensions."""
VALIDATORS: Final = 2
"""For which the cost of audits is told."""
NUMBER_BYTES: Final = 4


@click.command("new", cls=Command)
@click.argument("run", type=param_types.FOLDER, metavar="RUN", help="A new folder.")
@click.option(
    "--name", default="run", metavar="NAME", help="The run's name: small letters, digits, dashes."
)
@click.option(
    "--model", metavar="MODEL", show_default="a new one, of --size",
    help="What the run starts from: a model folder, a Hugging Face id, or demo.",
)  # fmt: skip
@click.option(
    "--size", type=click.Choice(SIZES), default="1M", metavar="SIZE",
    help=f"Of a new model, in numbers: {', '.join(SIZES)}. Its tokenizer is the demo model's.",
)  # fmt: skip
@click.option(
    "--corpus", type=param_types.FOLDER, metavar="FOLDER", show_default="a new one, of --source",
    help="A corpus that `assay train corpus` has made with the model's tokenizer.",
)  # fmt: skip
@click.option(
    "--source", default="stdlib", metavar="SOURCE",
    help="Of a new corpus: stdlib, a folder, a *.jsonl file, or datasets:NAME.",
)  # fmt: skip
@megabytes_option
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, metavar="N",
    help="Draws a new model's numbers, and the order of the data.",
)  # fmt: skip
@term_options
@arguments.json
def new(
    run: Path,
    name: str,
    model: str | None,
    size: str,
    corpus: Path | None,
    source: str,
    megabytes: float | None,
    seed: int,
    json: bool,
    **terms: Any,
) -> None:
    """Make a run: its model, its corpus, and the manifest that all peers follow.

    The run's root names all of it. Give the root, or the folder, to whoever takes part.
    """
    from assay.cli import output
    from assay.training.run_folder import RunFolder

    if os.path.lexists(run) and not (run.is_dir() and not any(run.iterdir())):
        raise UserError(f"{run} is there already.", "Name a new folder, or remove it.")
    wanted = _terms(name, seed, TermOptions(**terms))  # before what takes minutes
    with ExitStack() as stack:

        def beside() -> Path:
            run.parent.mkdir(parents=True, exist_ok=True)
            prefix = f".{run.name}."
            made = tempfile.TemporaryDirectory(dir=run.parent, prefix=prefix, suffix=".tmp")
            return Path(stack.enter_context(made))

        folder = _model(model, size, seed, beside)
        if corpus is None:
            corpus = beside() / "corpus"
            write_corpus(source, corpus, str(folder), megabytes)
        made = RunFolder.create(run, wanted, folder, corpus)
    facts = _facts(made)
    if json:
        output.document(facts)
    else:
        _show(made, facts)


def _model(reference: str | None, size: str, seed: int, beside: Any) -> Path:
    from assay.models.source import DEMO, resolve

    if reference is not None:
        return resolve(reference)
    from assay.models.fresh import make_model

    return make_model(beside() / "model", size, resolve(DEMO), seed=seed)


def _terms(name: str, seed: int, options: TermOptions) -> Manifest:
    """The manifest, without roots; UserError for terms that contradict each other, and for a
    machine that cannot compute so."""
    from assay.protocol.training.manifest import Manifest
    from assay.training.profile import this_machine

    try:
        machine = this_machine(
            threads=options.threads,
            processes=options.nproc,
            device=options.device,
            dtype=options.dtype,
        )
    except (RuntimeError, AssertionError) as error:  # what torch raises where there is no GPU
        raise UserError(
            f"torch cannot compute on {options.device} here ({str(error).splitlines()[0]}).",
            "Make the run on a machine like those that will train it, or give --device cpu.",
        ) from None
    made = options.manifest(name, seed, machine)
    try:
        return Manifest.parse(made.pack())
    except ValueError as error:
        raise UserError(
            f"This run cannot be: {error}.", "See assay train new --help for what may be given."
        ) from None


def _facts(run: RunFolder) -> dict[str, Any]:
    """What a run is and costs, for programs."""
    from assay.models.language import quiet
    from assay.scoring.training.codec import estimate
    from assay.scoring.training.payment import AuditOdds, joint_share
    from assay.training.network import FlatNetwork

    quiet()
    manifest = run.manifest
    shape = FlatNetwork.load(run.model).shape
    message = estimate(shape, manifest.codec.policy)
    odds = AuditOdds(joint_share(manifest.audit.share, VALIDATORS))
    steps, data = manifest.inner.steps, manifest.data
    return {
        "folder": str(run.path),
        "root": run.root.hex(),
        "name": manifest.name,
        "numbers": shape.size,
        "corpus_tokens": len(run.corpus.train),
        "tokens_a_window": steps * data.batch * data.context,
        "window_blocks": manifest.schedule.window_blocks,
        "start_block": manifest.schedule.start,
        "windows": manifest.schedule.windows,
        "message_bytes": message,
        "ratio": NUMBER_BYTES * shape.size / message,
        "audit": {
            "share": manifest.audit.share,
            "validators": VALIDATORS,
            "joint_share": odds.audited,
            "carried_bytes": 3 * NUMBER_BYTES * shape.size,
            "caught_within_5_windows": odds.caught_within(),
            "cheat_loses": odds.loss,
            "cheat_gains": odds.gain,
            "cheat_income": odds.cheat_income,
        },
    }


def _show(run: RunFolder, facts: dict[str, Any]) -> None:
    from assay.cli import output
    from assay.scoring.training.payment import CAUGHT_SURELY

    schedule, machine, audit = run.manifest.schedule, run.manifest.machine, facts["audit"]
    window = (
        f"{schedule.window_blocks} blocks: {schedule.train} to compute, {schedule.upload} to"
        f" upload, {schedule.reveal} to show keys, {schedule.attest} to attest,"
        f" {schedule.evaluate} to evaluate, {schedule.advance} to advance"
    )
    rows = [
        ("model", f"{facts['numbers']:,} numbers"),
        ("corpus", f"{facts['corpus_tokens']:,} tokens"),
        ("window", window),
        ("a peer computes", f"{facts['tokens_a_window']:,} tokens in a window"),
        ("a peer sends", f"about {facts['message_bytes']:,} bytes, {facts['ratio']:.0f} times"
                         " less than the model"),
        ("begins", f"with block {schedule.start}, for {schedule.windows:,} windows"),
        ("computed on", f"torch {machine.torch}, {machine.device} {machine.instructions},"
                        f" {machine.threads} thread{'s' * (machine.threads > 1)}, {machine.dtype}"),
        ("audits", f"a validator computes {audit['share']:.0%} of all windows again, and fetches"
                   f" {audit['carried_bytes'] / 1e6:,.1f} MB for each"),
        ("honesty", f"with {VALIDATORS} validators a cheat loses {audit['cheat_loses']:.1f}"
                    f" windows' pay by a window, and gains {audit['cheat_gains']:g}; it is caught"
                    f" within 5 windows in {audit['caught_within_5_windows']:.1%} of cases, and"
                    f" earns at most {audit['cheat_income']:.1%}"),
    ]  # fmt: skip
    output.table(f"Run {facts['name']}", ("", ""), rows)
    output.text(f"root {facts['root']}")
    output.text(facts["folder"])
    if audit["caught_within_5_windows"] < CAUGHT_SURELY:
        output.warn(
            f"With {VALIDATORS} validators a cheat may go on for more than 5 windows:"
            " give --audit-share more, or have more validators."
        )
