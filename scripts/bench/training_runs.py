"""One run of one method, for ``scripts/bench/training``: four peers in one process.

Windows, messages and folds are those of the product (``assay.training``); dense DiLoCo and
synchronous data parallel training, which the product does not have, are written out here. All
methods start from the same numbers, which the run's owner has trained alone for a while, read the
same sequences in the same order, and are measured on the same held-out ones.

Bytes are those that one peer sends: messages, the 16 bytes of sealing, its seal, and the records on
chain with the extrinsics around them. What others fetch of a message, all methods multiply alike.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from assay.models.fresh import CONTEXT, make_model
from assay.models.language import quiet
from assay.models.layout import read_layout
from assay.models.source import resolve
from assay.models.tokens import Tokens
from assay.protocol.training.manifest import AuditTerms, Codec, Data, Inner, Manifest, Outer
from assay.protocol.training.records import PeerRecord
from assay.protocol.training.schedule import Schedule
from assay.protocol.training.seal import PeerSeal
from assay.scoring.training.codec import estimate
from assay.scoring.training.shapes import Floats, ModelShape
from assay.training.corpus import INDEX, TrainingCorpus, make_corpus
from assay.training.documents import STDLIB, read_documents
from assay.training.fold import OpenedMessage, fold
from assay.training.inner import Moments, run_window
from assay.training.measure import mean_loss
from assay.training.network import FlatNetwork
from assay.training.order import assigned
from assay.training.profile import this_machine
from assay.training.sealed import TAG_BYTES
from assay.training.state import TrainingState
from assay.training.stored import pack_carried
from assay.training.work import CarriedOver, WindowWork
from scripts.bench.training_cells import METHODS, PEERS, PUBLISHED_RATIO, TUNING_SEED, Cell, Scale

POINTS = 8  # of a curve: with more, held-out losses take a tenth of a run's time
HELD_SEQUENCES = 128
ROWS = 32  # sequences whose loss is computed at once
WARM_RATE = 3e-3
BOUNDARIES = 4
AUDIT_SHARE = 0.45
KNOWN = 0.82
"""What coded messages take of their estimate, which knows of no earlier ones: 0.78 in a run of 18
windows. With less than they take, measured ratios would lie below those that are asked for."""
EXTRINSIC_BYTES = 160  # a signed call around a record: signature, signer, era, nonce, fee, call
RECORDS = 2  # a window: sealed, and opened


def prepare(folder: Path, scale: Scale) -> None:
    """Make the corpus, and of each seed the first model and its warm numbers, where they lack."""
    quiet()
    corpus = _corpus(folder, scale.corpus_bytes)
    for seed in (*range(scale.seeds), TUNING_SEED) if scale.tuned else range(scale.seeds):
        _warm(folder, scale, seed, corpus)


def _corpus(folder: Path, corpus_bytes: int | None) -> TrainingCorpus:
    path = folder / f"corpus-{corpus_bytes or 'whole'}"
    if not (path / INDEX).exists():
        tokenizer = resolve("demo")
        tokens = Tokens.load(tokenizer)
        documents = read_documents(STDLIB, bytes_max=corpus_bytes)
        vocabulary = int(read_layout(tokenizer).config["vocab_size"])
        make_corpus(
            path, documents, tokens.encode_answer, end=min(tokens.ends), vocabulary=vocabulary
        )
    return TrainingCorpus.open(path)


def _model(folder: Path, size: str, seed: int) -> Path:
    path = folder / f"model-{size}-{seed}"
    if not path.exists():
        make_model(path, size, resolve("demo"), seed=seed, context=CONTEXT)
    return path


def _inner(optimiser: Any, steps: int, rate: float, warmup: int, boundaries: int = 0) -> Inner:
    return Inner(
        optimiser=optimiser, steps=steps, rate=rate, warmup=warmup, beta1=0.9, beta2=0.95,
        epsilon=1e-8, weight_decay=0.1, clip=1.0, boundaries=boundaries,
    )  # fmt: skip


def _warm(folder: Path, scale: Scale | Cell, seed: int, corpus: TrainingCorpus) -> Floats:
    """The numbers that all runs of ``seed`` start from: trained by one machine for a while."""
    name = f"warm-{scale.size}-{scale.warm_steps}-{scale.batch}-{scale.context}"
    path = folder / f"{name}-{scale.corpus_bytes or 'whole'}-{seed}.npy"
    if not path.exists():
        network = FlatNetwork.load(_model(folder, scale.size, seed))
        rng = np.random.default_rng([seed, 7])
        count, rows = corpus.sequences(scale.context), PEERS * scale.batch
        batches = (
            corpus.batch(rng.integers(0, count, rows), scale.context)
            for _ in range(scale.warm_steps)
        )
        done = run_window(
            network, _inner("adamw", scale.warm_steps, WARM_RATE, scale.warmup), this_machine(),
            network.take(), Moments.none(network.shape.size), batches,
        )  # fmt: skip
        beside = path.with_suffix(f".{os.getpid()}.tmp")
        with beside.open("wb") as file:
            np.save(file, done.end)
        os.replace(beside, path)
    warm: Floats = np.load(path)
    return warm


def sent_ppm(shape: ModelShape, codec: Codec, ratio: int) -> int:
    """How many values in a million make messages of a ``ratio``, everything counted."""
    known = KNOWN if codec.form == "coded" else 1.0
    low, high = 1, 1_000_000
    while low < high:
        middle = (low + high + 1) // 2
        policy = msgspec.structs.replace(codec, sent_ppm=middle).policy
        if known * estimate(shape, policy) + overhead_bytes() <= 4 * shape.size / ratio:
            low = middle
        else:
            high = middle - 1
    return low


def overhead_bytes() -> int:
    """What a peer sends in a window beside its message: seal, records, and what is around them."""
    one = b"\x01" * 32
    seal = PeerSeal(
        run=one, window=999, hotkey="5" * 48, state=one, cursor=2**30, steps=30, before=one,
        after=one, end=one, boundaries=[one] * BOUNDARIES, message=one, message_bytes=20_000,
        opened=one,
    )  # fmt: skip
    record = PeerRecord(1, one[:16], one)
    records = len(record.pack()) + len(record.revealed(one).pack())
    return TAG_BYTES + len(seal.pack()) + records + RECORDS * EXTRINSIC_BYTES


class Course(Protocol):
    """A method under way."""

    numbers: Floats
    audit_bytes: int  # that one audit of one peer's window fetches
    compute_s: float

    def advance(self) -> int:
        """Train until the next synchronisation; the bytes that one peer sent."""
        ...


class Setup:
    """What all methods of one cell share."""

    def __init__(self, folder: Path, cell: Cell) -> None:
        quiet()
        self.cell, self.method = cell, METHODS[cell.method]
        self.corpus = _corpus(folder, cell.corpus_bytes)
        self.network = FlatNetwork.load(_model(folder, cell.size, cell.seed))
        self.start = _warm(folder, cell, cell.seed, self.corpus)
        self.machine = this_machine()
        self.inner = _inner(
            self.method.optimiser, cell.steps, cell.setting.rate, cell.warmup, BOUNDARIES
        )

    def batches(self, cursor: int, place: int, count: int, rows: int) -> Iterator[Any]:
        """Batches of ``rows`` of ``count`` sequences, as the product gives them to peers."""
        numbers = assigned(
            seed=self.cell.seed,
            sequences=self.corpus.sequences(self.cell.context),
            cursor=cursor,
            place=place,
            count=count,
        )
        return (self.corpus.batch(part, self.cell.context) for part in numbers.reshape(-1, rows))

    def held_out(self, numbers: Floats) -> float:
        count = self.corpus.held_sequences(self.cell.context)
        taken = min(HELD_SEQUENCES, count)
        places = np.arange(taken) * count // taken
        batches = (
            self.corpus.held_batch(places[at : at + ROWS], self.cell.context)
            for at in range(0, taken, ROWS)
        )
        return mean_loss(self.network, self.machine, numbers, batches)


class Sparse:
    """The product's own windows, with its messages or with the published form of them."""

    def __init__(self, setup: Setup) -> None:
        cell, setting, shape = setup.cell, setup.cell.setting, setup.network.shape
        coded = setup.method.kind == "coded"
        codec = Codec(
            form="coded" if coded else "chunked",
            sent_ppm=1,
            levels=1 if coded else 2,
            feedback_decay=setting.decay,
        )
        published = not coded and cell.ratio == PUBLISHED_RATIO
        ppm = 15_625 if published else sent_ppm(shape, codec, cell.ratio)
        self._manifest = Manifest(
            version=2, name="bench", model=bytes(32),
            data=Data(setup.corpus.root, cell.context, cell.batch, cell.seed),
            inner=setup.inner,
            outer=Outer(
                rate=setting.outer_rate, momentum=setting.momentum, mean_of=setting.mean_of,
                trim=0.0, norm_max=2.0 if coded else 1e3,
            ),
            codec=msgspec.structs.replace(codec, sent_ppm=ppm),
            machine=setup.machine, audit=AuditTerms(AUDIT_SHARE, 0.0),
            schedule=Schedule(0, 10**6, 1, 1, 1, 1, 1, 1),
        )  # fmt: skip
        self._work = WindowWork(self._manifest, setup.network, setup.corpus)
        self._state = TrainingState.first(shape, setup.start)
        self._carried = [CarriedOver.none(shape.size)] * PEERS
        self.audit_bytes = len(pack_carried(self._carried[0]))
        self.numbers, self.compute_s = setup.start, 0.0

    def advance(self) -> int:
        began_s = time.process_time()
        done = [
            self._work.compute(self._state, carried, place)
            for place, carried in enumerate(self._carried)
        ]
        self.compute_s += time.process_time() - began_s
        opened = {uid: OpenedMessage(each.message, 1) for uid, each in enumerate(done)}
        folded = fold(self._state, self._manifest, opened, read=PEERS * self._work.read)
        self._state, self.numbers = folded.state, folded.state.model
        self._carried = [each.after for each in done]
        return sum(len(each.message) for each in done) // PEERS + overhead_bytes()


class Dense:
    """DiLoCo: every number of a window's change is sent, in fp32."""

    def __init__(self, setup: Setup) -> None:
        self._setup, size = setup, setup.network.shape.size
        self._moments = [Moments.none(size)] * PEERS
        self._momentum: Floats = np.zeros(size, np.float32)
        self._cursor = 0
        self.numbers, self.compute_s = setup.start, 0.0
        self.audit_bytes = 8 * size  # its moments

    def advance(self) -> int:
        setup, setting = self._setup, self._setup.cell.setting
        read = setup.cell.steps * setup.cell.batch
        began_s = time.process_time()
        done = [
            run_window(
                setup.network, setup.inner, setup.machine, self.numbers, moments,
                setup.batches(self._cursor, place, read, setup.cell.batch),
            )
            for place, moments in enumerate(self._moments)
        ]  # fmt: skip
        self.compute_s += time.process_time() - began_s
        change = np.mean([each.end - self.numbers for each in done], axis=0, dtype=np.float32)
        self._moments = [each.moments for each in done]
        self._momentum = np.float32(setting.momentum) * self._momentum + change
        ahead = np.float32(setting.momentum) * self._momentum + change
        self.numbers = self.numbers + np.float32(setting.outer_rate) * ahead
        self._cursor += PEERS * read
        return 4 * self.numbers.size + overhead_bytes()


class Parallel:
    """Synchronous data parallel training: each step's gradients are averaged, which is one step on
    all peers' sequences. A ring sends of each gradient 2 (n - 1) / n, in fp32."""

    def __init__(self, setup: Setup) -> None:
        self._setup, size = setup, setup.network.shape.size
        self._moments = Moments.none(size)
        self._cursor = 0
        self.numbers, self.compute_s = setup.start, 0.0
        self.audit_bytes = 0  # nobody audits it

    def advance(self) -> int:
        setup = self._setup
        rows = PEERS * setup.cell.batch
        began_s = time.process_time()
        done = run_window(
            setup.network, setup.inner, setup.machine, self.numbers, self._moments,
            setup.batches(self._cursor, 0, setup.cell.steps * rows, rows),
        )  # fmt: skip
        self.compute_s += time.process_time() - began_s
        self.numbers, self._moments = done.end, done.moments
        self._cursor += setup.cell.steps * rows
        return setup.cell.steps * 4 * self.numbers.size * 2 * (PEERS - 1) // PEERS


COURSES = {"ddp": Parallel, "dense": Dense, "chunked": Sparse, "coded": Sparse}


def run(folder: Path, cell: Cell) -> dict[str, Any]:
    """Run ``cell``; its curve of (tokens, loss), and what it sent. A run whose numbers stop being
    finite has no loss."""
    began_s = time.process_time()
    setup = Setup(folder, cell)
    course = COURSES[setup.method.kind](setup)
    window_tokens = PEERS * cell.steps * cell.batch * cell.context
    windows = math.ceil(cell.tokens / window_tokens)
    measured = {math.ceil(windows * point / POINTS) for point in range(1, POINTS + 1)}
    sent, curve = [], [(0, setup.held_out(course.numbers))]
    loss: float | None = None
    try:
        for window in range(1, windows + 1):
            sent.append(course.advance())
            if window in measured:
                curve.append((window * window_tokens, setup.held_out(course.numbers)))
        loss = curve[-1][1] if math.isfinite(curve[-1][1]) else None
    except (FloatingPointError, ValueError) as error:
        cost_s = time.process_time() - began_s
        return {"loss": None, "why": str(error), "curve": curve, "sent": sent, "cpu_s": cost_s}
    numbers = setup.network.shape.size
    per_sync = sent[-1] / cell.steps if setup.method.kind == "ddp" else max(sent)
    sync_s = course.compute_s / windows / PEERS / (cell.steps if setup.method.kind == "ddp" else 1)
    return {
        "loss": loss,
        "curve": curve,
        "numbers": numbers,
        "windows": windows,
        "bytes": sum(sent),
        "ratio": 4 * numbers * windows / sum(sent),
        "audit_bytes": AUDIT_SHARE * course.audit_bytes * windows,
        "sync_bytes": per_sync,
        "sync_s": sync_s,
        "cpu_s": time.process_time() - began_s,
    }
