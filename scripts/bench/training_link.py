"""What a window's other parts take, for ``scripts/bench/training``: messages are made, sent over a
link of a set speed, and read; states on the way are hashed.

The link is a real one, a pair of sockets whose sender keeps to a token bucket. Its speed is set
from the window's own computing time: a message of 1/146 of the model takes 5.8 % of it, as the
published run had it. Everything that is not a step counts against the peer. What is computed is
told in processor time, so that other work on the machine does not count.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from assay.protocol.training.manifest import Codec
from assay.scoring.training.aggregate import AggregationRule, Contribution, aggregate
from assay.scoring.training.codec import compress, extract
from assay.scoring.training.past import PublicPast
from assay.scoring.training.shapes import Floats, ModelShape, TensorRole, TensorShape
from assay.training.inner import Moments, run_window
from assay.training.sealed import seal, unseal
from assay.training.state import array_root
from scripts.bench import report
from scripts.bench.training_cells import (
    METHODS,
    OURS_RATIO,
    PEERS,
    PUBLISHED_RATIO,
    Scale,
    Setting,
    cell_of,
)
from scripts.bench.training_runs import BOUNDARIES, Setup, overhead_bytes, sent_ppm

LINK_SHARE = 0.058  # of the computing time, for a message of 1/146 of the model
UTILISATION_LEAST = 98.0
HASHING_MOST = 1.0
FEWER_RATIOS = (430, 600)  # of a link with 2 % and 1.4 % of the window for a message
CHUNK_BYTES = 256
MB = 1e6
LARGE = (1024, 4096)  # a table of 4.2 million numbers
REPEATS = 5


def paced(data: bytes, bytes_per_s: float) -> float:
    """Send ``data`` over a pair of sockets at ``bytes_per_s``; the seconds until it is there."""
    sender, receiver = socket.socketpair()
    got = bytearray()

    def receive() -> None:
        while chunk := receiver.recv(65_536):
            got.extend(chunk)

    thread = threading.Thread(target=receive)
    thread.start()
    began_s = time.monotonic()
    for start in range(0, len(data), CHUNK_BYTES):
        chunk = data[start : start + CHUNK_BYTES]
        due_s = began_s + (start + len(chunk)) / bytes_per_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        sender.sendall(chunk)
    sender.close()
    thread.join()
    receiver.close()
    if hashlib.sha256(got).digest() != hashlib.sha256(data).digest():
        raise SystemExit("the link lost bytes")
    return time.monotonic() - began_s


@dataclass(frozen=True)
class Window:
    """One window of one peer, and the processor time of its steps."""

    setup: Setup
    steps_s: float
    change: Floats

    @classmethod
    def compute(cls, folder: Path, scale: Scale, steps: int) -> Window:
        setting = Setting(4e-3, decay=0.5)
        setup = Setup(folder, cell_of(scale, METHODS["ours"], steps, OURS_RATIO, 0, setting))
        inner = msgspec.structs.replace(setup.inner, boundaries=0)
        batch = setup.cell.batch
        began_s = time.process_time()
        done = run_window(
            setup.network, inner, setup.machine, setup.start, Moments.none(setup.start.size),
            setup.batches(0, 0, steps * batch, batch),
        )  # fmt: skip
        return cls(setup, time.process_time() - began_s, done.end - setup.start)

    def utilisation(self, ratio: int) -> float:
        """The part of this window, in per cent, in which a peer takes steps: the rest is making a
        message of ``ratio``, sending it, and taking in everybody's."""
        shape = self.setup.network.shape
        bytes_per_s = 4 * shape.size / PUBLISHED_RATIO / (LINK_SHARE * self.steps_s)
        codec = Codec(form="coded", sent_ppm=1, levels=1, feedback_decay=0.5)
        policy = msgspec.structs.replace(codec, sent_ppm=sent_ppm(shape, codec, ratio)).policy
        past, zeros = PublicPast.none(shape), np.zeros(shape.size, np.float32)
        key = bytes(range(32))
        began_s = time.process_time()
        message, _ = compress(self.change, shape, policy, zeros, past)
        sealed = seal(message, key, run=bytes(32), window=1, hotkey="5Hot")
        coding_s = time.process_time() - began_s
        sent_s = paced(sealed + bytes(overhead_bytes()), bytes_per_s)
        began_s = time.process_time()
        updates = [
            extract(
                unseal(sealed, key, run=bytes(32), window=1, hotkey="5Hot"), shape, policy, past
            )
            for _ in range(PEERS)
        ]
        together = aggregate(
            [Contribution(uid, 1, update) for uid, update in enumerate(updates)], AggregationRule()
        )
        self.setup.start + together.update.dense(shape)
        past.after(shape, updates)
        coding_s += time.process_time() - began_s
        return 100 * self.steps_s / (self.steps_s + coding_s + sent_s)

    def hashing(self) -> float:
        """What hashing the states on the way takes, in per cent of the steps."""
        began_s = time.process_time()
        for _ in range(BOUNDARIES):
            array_root("model", self.setup.network.take())
        return 100 * (time.process_time() - began_s) / self.steps_s


def speeds() -> list[dict[str, Any]]:
    """Compress and extract, of a large model, in MB of fp32 a second of processor time."""
    shape = ModelShape((TensorShape("large", *LARGE, TensorRole.MATRIX),))
    policy = Codec(form="coded", sent_ppm=10_000, levels=1, feedback_decay=0.5).policy
    rng = np.random.default_rng(1)
    change = rng.standard_t(4, shape.size).astype(np.float32)
    past, zeros = PublicPast.none(shape), np.zeros(shape.size, np.float32)
    made, read, message = [], [], b""
    for _ in range(REPEATS):
        began_s = time.process_time()
        message, _ = compress(change, shape, policy, zeros, past)
        made.append(4 * shape.size / MB / (time.process_time() - began_s))
        began_s = time.process_time()
        extract(message, shape, policy, past)
        read.append(4 * shape.size / MB / (time.process_time() - began_s))
    return [report.row("compress", made, "MB/s"), report.row("extract", read, "MB/s")]


def rows(folder: Path, scale: Scale) -> list[dict[str, Any]]:
    """All figures of a window's other parts."""
    found = []
    for steps in scale.steps:
        window = Window.compute(folder, scale, steps)
        for ratio in (PUBLISHED_RATIO, OURS_RATIO, *FEWER_RATIOS):
            values = [window.utilisation(ratio) for _ in range(REPEATS)]
            name = f"utilisation with messages of {ratio}x, H {steps}"
            target = None if ratio == PUBLISHED_RATIO else UTILISATION_LEAST
            found.append(report.row(name, values, "%", target=target, least=True))
        name = f"hashing {BOUNDARIES} states on the way, of a window's steps, H {steps}"
        shares = [window.hashing() for _ in range(REPEATS)]
        found.append(report.row(name, shares, "%", target=HASHING_MOST))
    return [*found, *speeds()]
