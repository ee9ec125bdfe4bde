"""`assay train corpus`: texts, cut into tokens once, in a folder that a run is made with.

The folder is whole when the command ends: it is made beside the target and renamed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from assay.cli import arguments, param_types
from assay.cli.command import Command
from assay.errors import UserError

MEGABYTE: Final = 10**6
MEGABYTES_MAX: Final = 65_536.0
"""Of text that is held in memory while it is sorted."""

megabytes_option: Final = click.option(
    "--megabytes", type=param_types.Number(0.001, MEGABYTES_MAX), metavar="N",
    show_default="all of it", help="Take a part of the source, drawn by the documents' names.",
)  # fmt: skip


@click.command("corpus", cls=Command)
@click.argument(
    "source", metavar="SOURCE",
    help="stdlib (Python's standard library), a folder of text or *.jsonl files, a *.jsonl file,"
    " or datasets:NAME for a data set of that library.",
)  # fmt: skip
@click.argument("into", type=param_types.FOLDER, metavar="INTO", help="A new folder.")
@click.option(
    "--tokenizer", default="demo", metavar="MODEL",
    help="Whose tokens: a model folder, a Hugging Face id, or demo. The run's model has the same.",
)  # fmt: skip
@megabytes_option
@arguments.json
def corpus(source: str, into: Path, tokenizer: str, megabytes: float | None, json: bool) -> None:
    """Cut texts into tokens that a run trains on.

    One document in 16, by its name, is never trained on; whatever shares passages with one of
    these is left out.
    """
    from assay.cli import output

    facts = write_corpus(source, into, tokenizer, megabytes)
    if json:
        output.document(facts)
        return
    rows = [
        ("train", *(f"{facts[part]['train']:,}" for part in ("documents", "tokens"))),
        ("held out", *(f"{facts[part]['held_out']:,}" for part in ("documents", "tokens"))),
    ]
    output.table(f"Corpus of {source}", ("", "documents", "tokens"), rows)
    output.text(f"root {facts['root']}")
    output.text(facts["folder"])


def write_corpus(
    source: str, into: Path, tokenizer: str, megabytes: float | None = None
) -> dict[str, Any]:
    """Make the corpus of ``source`` in the new folder ``into``, with bars on the screen, and return
    what it holds. UserError if ``into`` is there, or if the source or the tokenizer is none."""
    from assay.cli.progress import bar
    from assay.files import new_folder
    from assay.models.source import resolve
    from assay.training.corpus import TrainingCorpus, make_corpus
    from assay.training.documents import read_documents

    folder = resolve(tokenizer)
    limit = None if megabytes is None else round(megabytes * MEGABYTE)
    with new_folder(into) as partial:
        with bar("Reading, MB") as told:
            documents = read_documents(
                source,
                bytes_max=limit,
                told=lambda done, total: told(done // MEGABYTE, total // MEGABYTE),
            )
        tokens, end, vocabulary = _tokenizer(folder)
        with bar("Cutting into tokens") as told:
            make_corpus(
                partial, documents, tokens.encode_answer,
                end=end, vocabulary=vocabulary, told=told,
            )  # fmt: skip
    made = TrainingCorpus.open(into)
    return {
        "folder": str(into),
        "root": made.root.hex(),
        "source": source,
        "vocabulary": made.vocabulary,
        "documents": {"train": len(made.index.train), "held_out": len(made.index.held)},
        "tokens": {"train": len(made.train), "held_out": len(made.held)},
    }


def _tokenizer(folder: Path) -> tuple[Any, int, int]:
    """The tokenizer of the model in ``folder``, its end of a text, and how many tokens the model
    knows; UserError for one that ends no texts."""
    from assay.models.layout import read_layout
    from assay.models.tokens import Tokens

    tokens = Tokens.load(folder)
    size = read_layout(folder).config.get("vocab_size")
    if not tokens.ends or not isinstance(size, int):
        what = "the end of a text" if isinstance(size, int) else "how many tokens there are"
        raise UserError(
            f"The model in {folder} does not say {what}.",
            "Give a --tokenizer whose configuration says so (eos_token, vocab_size).",
        )
    return tokens, min(tokens.ends), size
