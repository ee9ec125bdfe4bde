"""A run on the disk: its manifest, the model that it starts from, and its corpus.

    RUN/manifest   the manifest's bytes; the root of the object that holds them is the run's name
    RUN/model/     the model folder, tokenizer included
    RUN/corpus/    the corpus, as ``corpus`` makes it

``create`` makes one of its parts, whole or not at all; ``open`` checks that everything is what the
manifest names, so that a run of which a file is damaged or missing never starts. Where a run came
from is not known here; no torch is imported.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from assay.errors import UserError
from assay.files import new_folder, read_limited
from assay.models.layout import read_layout
from assay.models.root import model_root
from assay.objects.tree import Root, object_root
from assay.protocol.training.manifest import MANIFEST_BYTES_MAX, Manifest
from assay.training.corpus import HELD, INDEX, TRAIN, TrainingCorpus

MANIFEST: Final = "manifest"
MODEL: Final = "model"
CORPUS: Final = "corpus"


@dataclass(frozen=True, slots=True, eq=False)
class RunFolder:
    """A run whose parts are whole and fit together."""

    path: Path
    root: Root
    """Of the object that holds the manifest's bytes: the run's name."""
    manifest: Manifest
    corpus: TrainingCorpus

    @property
    def model(self) -> Path:
        """The folder of the model that the run starts from."""
        return self.path / MODEL

    @property
    def files(self) -> list[Path]:
        """All files of the run, the manifest last: what a newcomer needs."""
        corpus = [self.path / CORPUS / name for name in sorted((TRAIN, HELD, INDEX))]
        return [*read_layout(self.model).files, *corpus, self.path / MANIFEST]

    @classmethod
    def open(cls, path: Path, root: bytes | None = None) -> RunFolder:
        """Return the run in the folder ``path``, all of which is read once; UserError if something
        is missing or damaged, or if it is not the run that ``root`` names."""
        raw = read_limited(path / MANIFEST, MANIFEST_BYTES_MAX)
        if raw is None:
            raise UserError(
                f"There is no run in {path}: it holds no file {MANIFEST!r}.",
                "Give a run's folder, or make one with `assay train new`.",
            )
        try:
            manifest = Manifest.parse(raw)
        except ValueError as error:
            raise _wrong(path, f"its manifest cannot be used ({error})") from None
        found = manifest_root(raw)
        if root is not None and found != root:
            raise UserError(
                f"{path} holds the run {found.hex()}, not {root.hex()}.",
                "Give the folder of the run that is wanted, or fetch that run again.",
            )
        if model_root(path / MODEL) != manifest.model:
            raise _wrong(path, "its model is not the one that its manifest names")
        corpus = TrainingCorpus.open(path / CORPUS)
        if corpus.root != manifest.data.corpus:
            raise _wrong(path, "its corpus is not the one that its manifest names")
        _check_fit(manifest, corpus, path / MODEL)
        return cls(path, found, manifest, corpus)

    @classmethod
    def create(cls, path: Path, terms: Manifest, model: Path, corpus: Path) -> RunFolder:
        """Copy the folders ``model`` and ``corpus`` into the folder ``path``, with a manifest of
        ``terms`` in which the roots of both are filled in, and return the run.

        UserError for parts that do not fit together, and for a ``path`` that is there already.
        """
        layout = read_layout(model)
        if layout.scheme is not None:
            raise UserError(
                f"The model in {model} is quantised, and cannot be trained.",
                "Give the model that it was made of.",
            )
        whole = TrainingCorpus.open(corpus)
        manifest = msgspec.structs.replace(
            terms,
            model=model_root(model),
            data=msgspec.structs.replace(terms.data, corpus=whole.root),
        )
        raw = manifest.pack()
        try:
            Manifest.parse(raw)
        except ValueError as error:
            raise UserError(f"This run cannot be: {error}.", "Change its terms.") from None
        _check_fit(manifest, whole, model)
        with new_folder(path) as partial:
            _copy(layout.files, partial / MODEL)
            _copy([corpus / name for name in (TRAIN, HELD, INDEX)], partial / CORPUS)
            (partial / MANIFEST).write_bytes(raw)
        return cls.open(path, manifest_root(raw))


def manifest_root(data: bytes) -> Root:
    """Return the root of the object that holds the manifest ``data``; ValueError for bytes that are
    no manifest."""
    if len(data) > MANIFEST_BYTES_MAX:
        raise ValueError(f"a manifest has {MANIFEST_BYTES_MAX} bytes at most")
    return object_root(data)


def _check_fit(manifest: Manifest, corpus: TrainingCorpus, model: Path) -> None:
    config = read_layout(model).config
    tokens = config.get("vocab_size")
    if isinstance(tokens, int) and corpus.vocabulary > tokens:
        raise UserError(
            f"The corpus has {corpus.vocabulary} kinds of tokens, the model {tokens}.",
            "Make the corpus with the model's own tokenizer.",
        )
    longest = config.get("max_position_embeddings")
    if isinstance(longest, int) and manifest.data.context > longest:
        raise UserError(
            f"Sequences of {manifest.data.context} tokens do not fit into the model, which takes"
            f" {longest}.",
            "Choose a shorter context.",
        )
    if corpus.sequences(manifest.data.context) < manifest.data.batch:
        raise UserError(
            f"The corpus has {len(corpus.train)} tokens to train on, fewer than one step reads.",
            "Give more documents, or choose a smaller batch.",
        )
    if not corpus.held_sequences(manifest.data.context):
        raise UserError(
            f"The corpus holds out {len(corpus.held)} tokens, fewer than one sequence.",
            "Give more documents, or choose a shorter context.",
        )


def _copy(files: list[Path], into: Path) -> None:
    into.mkdir()
    for file in files:
        shutil.copyfile(file, into / file.name)


def _wrong(path: Path, what: str) -> UserError:
    return UserError(f"The run in {path} is damaged: {what}.", "Make or fetch the run again.")
