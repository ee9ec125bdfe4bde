"""A miner without a model: all of its answers grow by one token at each step, as in a batch.

    serve_paced.py FOLDER MODEL PORTS STEP_MS

Speaks with ``scripts/bench/served`` as ``serve_miners.py`` does, and is the product's own miner but
for its engine, which draws from a tokenizer's ids instead of computing. So what the processes
around a miner take of a processor can be measured without the model's share.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import uvloop
from load import say
from loguru import logger

from assay.chain.interface import Endpoint
from assay.miners.inference import InferenceMiner
from assay.miners.inference.settings import MinerSettings
from assay.models.engine import DrawnToken, EngineAnswer, EngineEnd, EnginePiece, EngineRequest
from assay.models.fair_queue import TOGETHER_MAX, Asker
from assay.models.root import model_root
from assay.models.source import resolve
from assay.models.tokens import Tokens
from assay.neuron import TaskContext
from assay.neuron.run import run_miner
from scripts.bench.served import miner_key, same_subnet

TEXT = "def walk(tree):\n    for node in tree.nodes:\n        yield node.name, node.value\n"


class PacedEngine:
    """Continues every prompt by the same words, a token at each step."""

    seeded = True
    together = TOGETHER_MAX

    def __init__(self, root: bytes, tokens: Tokens, step_s: float) -> None:
        self.root = root
        self._tokens = tokens
        self._ids = tokens.encode_answer(TEXT)
        self._step_s = step_s
        self._stepped = asyncio.Condition()
        self._steps = asyncio.create_task(self._step())

    async def _step(self) -> None:
        due_s = time.monotonic()
        while True:
            due_s = max(due_s + self._step_s, time.monotonic())
            await asyncio.sleep(due_s - time.monotonic())
            async with self._stepped:
                self._stepped.notify_all()

    async def stream(self, ask: EngineRequest, asker: Asker) -> AsyncGenerator[EnginePiece, None]:
        ids = itertools.islice(itertools.cycle(self._ids), ask.max_tokens)
        for count, token in enumerate(ids, 1):
            async with self._stepped:
                await self._stepped.wait()
            end = EngineEnd("length", 1, 0.0, 0.0, 0.0) if count == ask.max_tokens else None
            yield EnginePiece((DrawnToken(token),), self._tokens.decode([token]), end)

    async def complete(self, ask: EngineRequest, asker: Asker) -> EngineAnswer:
        raise NotImplementedError

    async def close(self) -> None:
        self._steps.cancel()


class PacedMiner(InferenceMiner):
    """The miner, with an engine that computes nothing."""

    def __init__(self, root: bytes, tokens: Tokens, step_s: float) -> None:
        super().__init__()
        self._loaded = (root, tokens, step_s)

    async def open_engine(self, context: TaskContext) -> PacedEngine:
        return PacedEngine(*self._loaded)


async def main(folder: Path, reference: str, ports: list[int], step_s: float) -> None:
    model = resolve(reference)
    root, tokens = model_root(model), Tokens.load(model)
    say({"event": "loaded"})
    number = int(await asyncio.to_thread(sys.stdin.readline))
    async with same_subnet(ports, root, folder) as subnet:
        serving = asyncio.create_task(run_miner(
            subnet,
            miner_key(number),
            PacedMiner(root, tokens, step_s),
            settings=MinerSettings(),
            bind=Endpoint("127.0.0.1", ports[number]),
            ready=lambda _: say({"miner": number, "pid": os.getpid()}),
        ))  # fmt: skip
        await asyncio.to_thread(sys.stdin.read)
        serving.cancel()


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="INFO")
    place, name, listed, step_ms = sys.argv[1:]
    uvloop.run(main(Path(place), name, json.loads(listed), float(step_ms) / 1000))
