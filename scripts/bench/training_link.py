"""What a window's other parts take, for ``scripts/bench/training``: messages are made, sent over a
link of a set speed, and read; states on the way are hashed.

The link is a real one, a pair of sockets whose sender keeps to a token bucket. Its speed is set
from the window's own computing time, as the issue's peer had it: a message of 1/146 of the model
takes 5.8 % of it. Everything that is not computing counts against the peer.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from assay.protocol.training.manifest import Codec
from assay.scoring.training.codec import compress, extract
from assay.scoring.training.past import PublicPast
from assay.scoring.training.shapes import ModelShape, TensorRole, TensorShape
from assay.training.inner import Moments, run_window
from assay.training.sealed import seal, unseal
from assay.training.state import array_root
from scripts.bench import report
from scripts.bench.training_cells import (
    METHODS,
    OURS_RATIO,
    PEERS,
    PUBLISHED_RATIO,
    Cell,
    Scale,
    Setting,
    cell_of,
)
from scripts.bench.training_runs import BOUNDARIES, Setup, overhead_bytes, sent_ppm

LINK_SHARE = 0.058  # of the computing time, for a message of 1/146 of the model
UTILISATION_LEAST = 98.0
HASHING_MOST = 1.0
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


def utilisation(folder: Path, scale: Scale, steps: int, ratio: int) -> float:
    """The part of a window, in per cent, in which a peer computes."""
    setup = Setup(folder, _cell(scale, steps, ratio))
    shape, cell = setup.network.shape, setup.cell
    began_s = time.monotonic()
    done = run_window(
        setup.network, setup.inner, setup.machine, setup.start, Moments.none(shape.size),
        setup.batches(0, 0, steps * cell.batch, cell.batch),
    )  # fmt: skip
    compute_s = time.monotonic() - began_s
    bytes_per_s = 4 * shape.size / PUBLISHED_RATIO / (LINK_SHARE * compute_s)
    codec = Codec(form="coded", sent_ppm=1, levels=1, feedback_decay=0.9)
    policy = msgspec.structs.replace(codec, sent_ppm=sent_ppm(shape, codec, ratio)).policy
    past, zeros = PublicPast.none(shape), np.zeros(shape.size, np.float32)
    began_s = time.monotonic()
    message, _ = compress(done.end - setup.start, shape, policy, zeros, past)
    key = bytes(range(32))
    sealed = seal(message, key, run=bytes(32), window=1, hotkey="5Hot")
    encode_s = time.monotonic() - began_s
    sent_s = paced(sealed + bytes(overhead_bytes()), bytes_per_s)
    began_s = time.monotonic()
    for _ in range(PEERS):
        opened = unseal(sealed, key, run=bytes(32), window=1, hotkey="5Hot")
        extract(opened, shape, policy, past)
    decode_s = time.monotonic() - began_s
    return 100 * compute_s / (compute_s + encode_s + sent_s + decode_s)


def _cell(scale: Scale, steps: int, ratio: int) -> Cell:
    return cell_of(scale, METHODS["ours"], steps, ratio, 0, Setting(4e-3, decay=0.9))


def speeds() -> list[dict[str, Any]]:
    """Compress and extract, of a large model, in MB of fp32 a second."""
    shape = ModelShape((TensorShape("large", *LARGE, TensorRole.MATRIX),))
    policy = Codec(form="coded", sent_ppm=10_000, levels=1, feedback_decay=0.9).policy
    rng = np.random.default_rng(1)
    change = rng.standard_t(4, shape.size).astype(np.float32)
    past, zeros = PublicPast.none(shape), np.zeros(shape.size, np.float32)
    made, read, message = [], [], b""
    for _ in range(REPEATS):
        began_s = time.perf_counter()
        message, _ = compress(change, shape, policy, zeros, past)
        made.append(4 * shape.size / MB / (time.perf_counter() - began_s))
        began_s = time.perf_counter()
        extract(message, shape, policy, past)
        read.append(4 * shape.size / MB / (time.perf_counter() - began_s))
    return [report.row("compress", made, "MB/s"), report.row("extract", read, "MB/s")]


def hashing(folder: Path, scale: Scale, steps: int) -> dict[str, Any]:
    """The part that hashing the states on the way has of a window's steps, in per cent."""
    setup = Setup(folder, _cell(scale, steps, OURS_RATIO))
    size, cell = setup.network.shape.size, setup.cell
    inner = msgspec.structs.replace(setup.inner, boundaries=0)
    parts = []
    for turn in range(REPEATS):
        began_s = time.process_time()
        run_window(
            setup.network, inner, setup.machine, setup.start, Moments.none(size),
            setup.batches(turn, 0, steps * cell.batch, cell.batch),
        )  # fmt: skip
        steps_s = time.process_time() - began_s
        began_s = time.process_time()
        for _ in range(BOUNDARIES):
            array_root("model", setup.network.take())
        parts.append(100 * (time.process_time() - began_s) / steps_s)
    name = f"hashing {BOUNDARIES} states on the way, of a window's steps, H {steps}"
    return report.row(name, parts, "%", target=HASHING_MOST)


def rows(folder: Path, scale: Scale) -> list[dict[str, Any]]:
    """All figures of a window's other parts."""
    found = []
    for steps in scale.steps:
        for ratio in (PUBLISHED_RATIO, OURS_RATIO, 600):
            values = [utilisation(folder, scale, steps, ratio) for _ in range(REPEATS)]
            name = f"utilisation with messages of {ratio}x, H {steps}"
            target = None if ratio == PUBLISHED_RATIO else UTILISATION_LEAST
            found.append(report.row(name, values, "%", target=target, least=True))
        found.append(hashing(folder, scale, steps))
    return [*found, *speeds()]
