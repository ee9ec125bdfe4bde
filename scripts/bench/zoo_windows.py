"""The windows that ``scripts/bench/training_zoo`` judges: honest peers of one run, and cheats.

Honest peers train one small model; every cheat does the part of one more peer in the same windows,
at a place among theirs that the seed draws, and is not folded in, as a peer that earns nothing is
not. So what honest peers do is computed once a seed and kept, and each cheat is a cell of its own
beside it. Computing, audits, worth and copies are those of the product, in this process. Out comes,
by window, what was measured of each message; what follows from that is not known here.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.lab.cheats.training.computing import CheatingProcess
from assay.models.fresh import make_model
from assay.models.language import quiet
from assay.models.layout import read_layout
from assay.models.source import resolve
from assay.models.tokens import Tokens
from assay.objects.tree import object_root
from assay.protocol.training.manifest import AuditTerms, Codec, Data, Inner, Manifest, Outer
from assay.protocol.training.schedule import Schedule
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

HONEST = 4
CORPUS_BYTES = 1_000_000
PEERS = HONEST + 1
SEQUENCES = 32  # of each kind, for worth: a validator's usual number
AUDITED = 5  # of a cheat's windows, the first ones: as many as it is to be found in


class Call:
    """What a trainer's process sees of a call that nobody gives up."""

    def check(self) -> None:
        """Nothing."""

    def progress(self, value: object) -> None:
        """Nothing."""


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
        version=2, name="zoo", model=bytes(32),
        data=Data(corpus=bytes(32), context=64, batch=batch, seed=seed),
        inner=Inner(
            optimiser="adamw", steps=steps, rate=3e-3, warmup=steps, beta1=0.9, beta2=0.95,
            epsilon=1e-8, weight_decay=0.1, clip=1.0, boundaries=boundaries,
        ),
        outer=Outer(rate=1.0, momentum=0.0, mean_of="senders", trim=0.0, norm_max=2.0),
        codec=Codec(form="coded", sent_ppm=10_000, levels=1, feedback_decay=0.5),
        machine=this_machine(), audit=AuditTerms(share=0.4508, distance=distance),
        schedule=Schedule(
            start=1, windows=1_000, train=20, upload=6, reveal=6, attest=6, evaluate=1, advance=1
        ),
    )  # fmt: skip
    return RunFolder.create(folder / "run", terms, folder / "model", folder / "corpus")


@dataclass(frozen=True)
class ZooScale:
    """How much is computed of each seed."""

    windows: int
    steps: int
    batch: int

    @property
    def name(self) -> str:
        return f"{self.windows}w-{self.steps}s-{self.batch}b"


class ZooRun:
    """What honest peers do in the run of one seed, and what each cheat does beside them.

    ``folder`` keeps all of it: whatever is there is not computed again.
    """

    def __init__(self, folder: Path, scale: ZooScale, seed: int) -> None:
        self._folder, self._scale, self._seed = folder / f"{scale.name}-{seed}", scale, seed
        self._place = random.Random(seed).randrange(PEERS)
        self._places = [place for place in range(PEERS) if place != self._place]
        self._process: TrainerProcess | None = None
        self._run: RunFolder | None = None

    def honest(self) -> dict[str, Any]:
        """Return what was measured of the honest peers, by window and peer."""
        return self._cell("honest", self._play_honest)

    def cheat(self, name: str) -> dict[str, Any]:
        """Return what was measured of the cheat called ``name``, by window."""
        self.honest()
        return self._cell(name, lambda: self._play_cheat(name))

    def _cell(self, name: str, play: Any) -> dict[str, Any]:
        path = self._folder / f"{name}.json"
        if not path.is_file():
            beside = path.with_suffix(f".{os.getpid()}.tmp")
            found = play()
            beside.write_text(json.dumps(found, indent=1))
            beside.replace(path)
        return dict(json.loads(path.read_bytes()))

    def _open(self) -> TrainerProcess:
        if self._process is None:
            folder = self._folder / "run"
            if not (folder / "whole").is_file():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                terms = self._scale
                make_run(folder, steps=terms.steps, batch=terms.batch, seed=self._seed)
                (folder / "whole").touch()
            self._run = RunFolder.open(folder / "run")
            self._process = TrainerProcess(self._run)
        return self._process

    def _state(self, window: int) -> str:
        return str(self._folder / "states" / str(window))

    def _message(self, window: int, place: int) -> Path:
        return self._folder / "messages" / f"{window}-{place}"

    def _play_honest(self) -> dict[str, Any]:
        process = self._open()
        _do(process, MakeFirst(self._state(0)))
        carried: dict[int, str | None] = {}
        windows = []
        for window in range(self._scale.windows):
            peers, counted = [], []
            for place in self._places:
                into = self._folder / "honest" / f"{window}-{place}"
                audits = window < AUDITED
                done = _peer(process, process, place, self._state(window), carried, into, audits)
                kept = self._message(window, place)
                kept.parent.mkdir(exist_ok=True)
                shutil.copyfile(done["message"], kept)
                peers.append({**done, "message": None, **self._weigh(window, place, kept)})
                counted.append(Counted(place, str(kept), 1, f"5Honest{place}"))
            read = PEERS * process._work.read
            _do(process, FoldWindow(self._state(window), counted, read, self._state(window + 1)))
            windows.append(peers)
        shutil.rmtree(self._folder / "honest")
        return {"places": self._places, "windows": windows}

    def _play_cheat(self, name: str) -> dict[str, Any]:
        honest = self._open()
        assert self._run is not None, "it was opened"
        process = CheatingProcess(self._run, name)
        carried: dict[int, str | None] = {}
        windows = []
        folder = self._folder / f"at-{name}"
        for window in range(self._scale.windows):
            into = folder / str(window)
            audits = window < AUDITED
            done = _peer(process, honest, self._place, self._state(window), carried, into, audits)
            files = [*self._files(window), OpenedFile(self._place, done["message"])]
            found = _do(honest, CompareMessages(self._state(window), files, window))
            windows.append({
                **done, "message": None,
                **self._weigh(window, self._place, Path(done["message"])),
                "copied": any(each.later == self._place for each in found),
                "honest_copied": sum(each.later != self._place for each in found),
            })  # fmt: skip
        shutil.rmtree(folder)
        return {"place": self._place, "windows": windows}

    def _files(self, window: int) -> list[OpenedFile]:
        return [OpenedFile(at, str(self._message(window, at))) for at in self._places]

    def _weigh(self, window: int, place: int, message: Path) -> dict[str, Any]:
        """What the message lowers the loss by: on held out data, on its own peer's, and on those of
        another peer, which is drawn."""
        others = [other for other in range(PEERS) if other != place]
        other = random.Random(f"{self._seed} {window} {place}").choice(others)
        asked = [Weighed(place, str(message), place, other)]
        request = WeighMessages(self._state(window), asked, SEQUENCES, window)
        (found,) = _do(self._open(), request)
        return {
            "held": found.held, "held_error": found.held_error,
            "own": found.own - found.other, "own_error": found.own_error,
        }  # fmt: skip


def _peer(
    process: TrainerProcess,
    auditor: TrainerProcess,
    place: int,
    state: str,
    carried: dict[int, str | None],
    into: Path,
    audits: bool,
) -> dict[str, Any]:
    """Return where the message of the peer at ``place`` lies, and what an audit finds of it."""
    before = carried.get(place)
    done = _do(process, ComputeWindow(state, before, place, str(into)))
    carried[place] = done.carried
    found = {"message": done.message, "wrong": None, "audit_s": None}
    if audits:
        root = object_root(Path(done.carried).read_bytes())
        checked = _do(auditor, CheckWindow(state, before, place, done.message, root))
        found |= {"wrong": not checked.right, "audit_s": checked.seconds}
    if before is not None:
        shutil.rmtree(Path(before).parent)
    return found


def _do(process: TrainerProcess, request: Any) -> Any:
    return process(request, Call())
