"""Miners that begin at once: processes forked from this one, which has the model loaded.

    serve_miners.py FOLDER MODEL PORTS THREADS [PIECE_S]

A line with a number on standard input starts that miner, which is the product's own miner of
inference with an axon, an engine and a state folder of its own; ``{"miner", "pid"}`` is printed
when it serves. All end when standard input does. What takes seconds is done once, before the first
fork: the imports, the model's parameters, and the trial of its numbers of rows. ``PIECE_S`` is how
long an engine keeps tokens back for one piece; at 0 each token is one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import uvloop
from load import say
from loguru import logger

from assay.chain.interface import Endpoint
from assay.miners.inference import InferenceMiner
from assay.miners.inference.settings import MinerSettings
from assay.models.engine import Engine
from assay.models.language import LanguageModel
from assay.models.local_engine import PIECE_S, LocalEngine
from assay.models.root import model_root
from assay.models.source import resolve
from assay.neuron import TaskContext
from assay.neuron.run import run_miner
from scripts.bench.served import miner_key, same_subnet


class LoadedModel(LanguageModel):
    """A model whose rows were tried before the fork."""

    def by_rows(self):  # type: ignore[no-untyped-def]
        return self._tried

    def try_rows(self) -> None:
        self._tried = super().by_rows()


class Miner(InferenceMiner):
    """The miner, with a model that is loaded already."""

    def __init__(self, model: LanguageModel, root: bytes, piece_s: float) -> None:
        super().__init__()
        self.root = root
        self._loaded = (model, root)
        self._piece_s = piece_s

    async def open_engine(self, context: TaskContext) -> Engine:
        clock = context.clock
        return LocalEngine(*self._loaded, monotonic=clock.monotonic, piece_s=self._piece_s)


async def serve(number: int, ports: list[int], folder: Path, miner: Miner) -> None:
    async with same_subnet(ports, miner.root, folder) as subnet:
        await run_miner(
            subnet,
            miner_key(number),
            miner,
            settings=MinerSettings(),
            bind=Endpoint("127.0.0.1", ports[number]),
            ready=lambda _: say({"miner": number, "pid": os.getpid()}),
        )


def end_with(lifeline: int) -> None:
    """End this process when the other end of ``lifeline`` is closed."""
    os.read(lifeline, 1)
    os._exit(0)


def main(
    folder: Path, reference: str, ports: list[int], threads: int, piece_s: float = PIECE_S
) -> None:
    found = resolve(reference)
    model, root = LoadedModel.load(found, threads=threads), model_root(found)
    assert isinstance(model, LoadedModel)
    model.try_rows()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    read, write = os.pipe()
    say({"event": "loaded"})
    for line in sys.stdin:
        if os.fork():
            continue
        os.close(write)
        threading.Thread(target=end_with, args=(read,), daemon=True).start()
        uvloop.run(serve(int(line), ports, folder, Miner(model, root, piece_s)))


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="INFO")
    place, name, listed, count, *held = sys.argv[1:]
    main(Path(place), name, json.loads(listed), int(count), *map(float, held))
