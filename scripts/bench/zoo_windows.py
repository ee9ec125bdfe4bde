"""The windows that ``scripts/bench/training_zoo`` judges: honest peers of one run, and cheats.

Honest peers train one small model; every cheat does the part of one more peer in the same windows,
and is not folded in, as a peer that earns nothing is not. Computing, audits, worth and copies are
those of the product, in this process. Out comes, by cheat and window, what an audit finds, whether
the message is a copy, and how the peer then stands.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.lab.cheats.training import IN_THE_TRAINER
from assay.lab.cheats.training.computing import CheatingProcess
from assay.models.fresh import make_model
from assay.models.language import quiet
from assay.models.layout import read_layout
from assay.models.source import resolve
from assay.models.tokens import Tokens
from assay.objects.tree import object_root
from assay.protocol.training.manifest import AuditTerms, Codec, Data, Inner, Manifest, Outer
from assay.protocol.training.schedule import Schedule
from assay.scoring.training.ranks import PeerRating, rated, standing
from assay.training.corpus import make_corpus
from assay.training.documents import STDLIB, read_documents
from assay.training.messages import (
    CheckWindow,
    CompareMessages,
    ComputeWindow,
    Counted,
    FoldWindow,
    MakeFirst,
    OpenedFile,
    Weighed,
    WeighMessages,
)
from assay.training.profile import this_machine
from assay.training.run_folder import RunFolder
from assay.training.worker import TrainerProcess
from scripts.bench import report

HONEST = 4
CORPUS_BYTES = 1_000_000
SEQUENCES = 16  # of each kind, for worth


class Call:
    """What a trainer's process sees of a call that nobody gives up."""

    def check(self) -> None:
        """Nothing."""

    def progress(self, value: object) -> None:
        """Nothing."""


@dataclass
class Seen:
    """What was found of one peer, window by window."""

    wrong: list[bool] = field(default_factory=list)
    copied: list[bool] = field(default_factory=list)
    stands: list[float] = field(default_factory=list)


def make_run(
    folder: Path,
    *,
    steps: int,
    batch: int,
    seed: int = 1,
    boundaries: int = 0,
    distance: float = 0.0,
) -> RunFolder:
    """Return a run of a small model on a part of the standard library's source, whose first numbers
    and order of data follow from ``seed``."""
    quiet()
    tokenizer = resolve("demo")
    tokens = Tokens.load(tokenizer)
    make_corpus(
        folder / "corpus", read_documents(STDLIB, bytes_max=CORPUS_BYTES), tokens.encode_answer,
        end=min(tokens.ends), vocabulary=int(read_layout(tokenizer).config["vocab_size"]),
    )  # fmt: skip
    make_model(folder / "model", "0.2M", tokenizer, seed=seed)
    terms = Manifest(
        version=1, name="zoo", model=bytes(32),
        data=Data(corpus=bytes(32), context=64, batch=batch, seed=seed),
        inner=Inner(
            optimiser="adamw", steps=steps, rate=3e-3, warmup=steps, beta1=0.9, beta2=0.95,
            epsilon=1e-8, weight_decay=0.1, clip=1.0, boundaries=boundaries,
        ),
        outer=Outer(rate=1.0, momentum=0.0, mean_of="senders", trim=0.0, norm_max=2.0),
        codec=Codec(form="coded", sent_ppm=10_000, levels=1, feedback_decay=0.9),
        machine=this_machine(), audit=AuditTerms(share=0.4508, distance=distance),
        schedule=Schedule(
            start=1, windows=1_000, train=20, upload=6, reveal=6, attest=6, evaluate=1, advance=1
        ),
    )  # fmt: skip
    return RunFolder.create(folder / "run", terms, folder / "model", folder / "corpus")


class Zoo:
    """One run with its honest peers and its cheats."""

    def __init__(self, folder: Path, *, windows: int, steps: int, batch: int) -> None:
        self._folder, self._windows = folder, windows
        run = make_run(folder, steps=steps, batch=batch)
        self._honest = TrainerProcess(run)
        self._cheats = {name: CheatingProcess(run, name) for name in IN_THE_TRAINER}
        self._carried: dict[str, str | None] = {}
        self._ratings: dict[str, dict[str, PeerRating]] = {name: {} for name in self._cheats}
        self.seen = {name: Seen() for name in self._cheats}
        self.honest = Seen()
        self.audit_s: list[float] = []

    def play(self) -> None:
        """Go through all windows."""
        state = self._do(self._honest, MakeFirst(str(self._folder / "state-0"))).path
        for window in range(self._windows):
            state = self._window(window, state)
            report.tell(f"window {window + 1} of {self._windows}")

    def _window(self, window: int, state: str) -> str:
        folder = self._folder / f"window-{window}"
        messages = {}
        honest = [f"honest-{place}" for place in range(HONEST)]
        for place, name in enumerate(honest):
            messages[name], wrong = self._peer(self._honest, name, place, state, folder)
            self.honest.wrong.append(wrong)
        for name, process in self._cheats.items():
            messages[name], wrong = self._peer(process, name, HONEST, state, folder)
            self.seen[name].wrong.append(wrong)
        self._weigh(messages, honest, state, window)
        for name in self._cheats:
            self._compare(name, messages, honest, state, window)
        counted = [Counted(uid, messages[name], 1) for uid, name in enumerate(honest)]
        into = str(self._folder / f"state-{window + 1}")
        read = HONEST * self._honest._work.read
        folded = self._do(self._honest, FoldWindow(state, counted, read, into))
        shutil.rmtree(self._folder / f"window-{window - 1}", ignore_errors=True)
        return str(folded.state.path)

    def _peer(
        self, process: Any, name: str, place: int, state: str, folder: Path
    ) -> tuple[str, bool]:
        """Return the peer's message, and whether an audit finds it wrong."""
        before = self._carried.get(name)
        request = ComputeWindow(state, before, place, str(folder / name))
        done = self._do(process, request)
        root = object_root(Path(done.carried).read_bytes())
        check = CheckWindow(state, before, place, done.message, root)
        found = self._do(self._honest, check)
        self.audit_s.append(found.seconds)
        self._carried[name] = done.carried
        return done.message, not found.right

    def _weigh(self, messages: dict[str, str], honest: list[str], state: str, window: int) -> None:
        names = list(messages)
        asked = [
            Weighed(uid, messages[name], min(uid, HONEST), (min(uid, HONEST) + 1) % HONEST)
            for uid, name in enumerate(names)
        ]
        found = self._do(self._honest, WeighMessages(state, asked, SEQUENCES, window))
        held = {name: each.held for name, each in zip(names, found, strict=True)}
        for cheat in self._cheats:
            scores = {name: held[name] for name in (*honest, cheat)}
            self._ratings[cheat] = rated(self._ratings[cheat], scores)
            self.seen[cheat].stands.append(standing(self._ratings[cheat], cheat))
        stood = [standing(self._ratings[cheat], name) for cheat in self._cheats for name in honest]
        self.honest.stands.append(min(stood))

    def _compare(
        self, cheat: str, messages: dict[str, str], honest: list[str], state: str, window: int
    ) -> None:
        files = [OpenedFile(uid, messages[name]) for uid, name in enumerate((*honest, cheat))]
        found = self._do(self._honest, CompareMessages(state, files, window))
        self.seen[cheat].copied.append(any(each.later == HONEST for each in found))
        self.honest.copied.append(any(each.later < HONEST for each in found))

    def _do(self, process: Any, request: Any) -> Any:
        return process(request, Call())
