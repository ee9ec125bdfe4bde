"""The ways in which ``scripts/bench/serve`` has prompts continued, each asked by several clients.

A way takes prompts, has all of them continued at once by equally many tokens, and says how many
tokens came and how long each first one took. ``OverHttp`` is a client of OpenAI's interface, of our
gateway or of another server; ``OverWire`` asks a miner without a gateway between; ``Transformers``
computes here, and so does ``EngineAlone``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import torch
from transformers import ContinuousBatchingConfig

from assay.gateway.calls import PATH
from assay.models.engine import EngineRequest
from assay.models.fair_queue import Asker
from assay.models.language import LanguageModel
from assay.models.local_engine import LocalEngine
from assay.protocol.inference import Complete, Piece
from assay.scoring.inference.sampling import Sampling
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Peer, Reach
from scripts.bench.served import GATEWAY, miner_key

SERIAL: Final = 3  # of the prompts: one after the other, more would only take longer
TOGETHER: Final = 16
ANSWER_S_MAX: Final = 600.0
NEVER: Final = -100.0
"""The bias of a token that ends the text: all ways make the same number of tokens."""

Ids = list[int]


@dataclass(frozen=True, slots=True)
class Made:
    """What one turn of a way gave."""

    tokens: int
    first_s: list[float]
    """From each client's request to its first token; empty where that cannot be seen."""


def endless(folder: Path, threads: int) -> LanguageModel:
    """The model, which never ends a text."""
    model = LanguageModel.load(folder, threads=threads)
    model.ends = frozenset()
    return model


class Transformers:
    """transformers' own ways to generate."""

    def __init__(self, model: LanguageModel, tokens: int) -> None:
        self._network = model.network
        self._how = {"do_sample": True, "temperature": 1.0, "top_k": 0, "pad_token_id": 0}
        self._tokens = tokens

    def batch(self, prompts: Sequence[Ids]) -> Made:
        ids = torch.tensor(prompts)
        made = self._network.generate(
            ids, attention_mask=torch.ones_like(ids), min_new_tokens=self._tokens,
            max_new_tokens=self._tokens, **self._how,
        )  # fmt: skip
        return Made(int(made.numel() - ids.numel()), [])

    def serial(self, prompts: Sequence[Ids]) -> Made:
        return Made(sum(self.batch([prompt]).tokens for prompt in prompts[:SERIAL]), [])

    def continuous(self, prompts: Sequence[Ids]) -> Made:
        config = self._network.generation_config
        settings = type(config)(**self._how, eos_token_id=-1, max_new_tokens=self._tokens)
        made = self._network.generate_batch(
            inputs=list(prompts),
            generation_config=settings,
            # Memory for these prompts; else it takes most of the machine's, for half a minute.
            continuous_batching_config=ContinuousBatchingConfig(
                num_blocks=4 * TOGETHER, max_batch_tokens=512
            ),
            persistent_manager=True,
        )
        return Made(sum(len(one.generated_tokens) for one in made.values()), [])


class EngineAlone:
    """Our engine in this process, without wire and gateway: the most that can be served here."""

    def __init__(self, model: LanguageModel, tokens: int) -> None:
        self._engine = LocalEngine(model, bytes(32), monotonic=time.monotonic)
        self._model, self._tokens = model, tokens
        self._asked = 0

    async def ask(self, prompts: Sequence[Ids]) -> Made:
        made = await asyncio.gather(*(self._one(each) for each in prompts))
        return Made(self._tokens * len(prompts), list(made))

    async def _one(self, prompt: Ids) -> float:
        self._asked += 1
        key = self._asked.to_bytes(16, "little")
        ask = EngineRequest(self._model.tokens.decode(prompt), self._tokens, 0, key, Sampling())
        made = await self._engine.complete(ask, Asker("bench", first=True))
        assert len(made.tokens) == self._tokens
        return made.first_token_s


class OverHttp:
    """Clients of a server of OpenAI's plain completions, who read their answers as they grow."""

    def __init__(
        self, url: str, key: str, model: LanguageModel, tokens: int, more: Mapping[str, Any]
    ) -> None:
        """``more`` are the fields with which this server makes all of ``tokens``."""
        self._url, self._model = f"{url}/completions", model
        self._headers = {"Authorization": f"Bearer {key}"}
        self._fields = {
            "model": "demo", "max_tokens": tokens, "temperature": 1.0, "stream": True,
            "stream_options": {"include_usage": True}, **more,
        }  # fmt: skip

    async def ask(self, prompts: Sequence[Ids]) -> Made:
        connector = aiohttp.TCPConnector(limit=0)
        limit = aiohttp.ClientTimeout(total=ANSWER_S_MAX)
        async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
            answers = await asyncio.gather(*(self._one(session, each) for each in prompts))
        return Made(sum(count for count, _ in answers), [first_s for _, first_s in answers])

    async def _one(self, session: aiohttp.ClientSession, prompt: Ids) -> tuple[int, float]:
        body = self._fields | {"prompt": self._model.tokens.decode(prompt)}
        begun_s, first_s, count = time.perf_counter(), None, 0
        async with session.post(self._url, json=body, headers=self._headers) as reply:
            if reply.status != 200:
                raise SystemExit(f"{self._url}: {reply.status} {await reply.text()}")
            async for line in reply.content:
                if not line.startswith(b"data: {"):
                    continue
                if first_s is None:
                    first_s = time.perf_counter() - begun_s
                if b'"usage":{' in line:
                    count = json.loads(line[6:])["usage"]["completion_tokens"]
        assert first_s is not None and count == self._fields["max_tokens"], (first_s, count)
        return count, first_s


class OverWire:
    """Callers of one miner, who sign as a gateway does and read its stream."""

    def __init__(self, port: int, root: bytes, model: LanguageModel, tokens: int) -> None:
        self._peer = Peer(miner_key(0).address, "127.0.0.1", port)
        self._root, self._model, self._tokens = root, model, tokens
        self._bias = dict.fromkeys(model.tokens.ends, NEVER)
        self._asked = 0

    async def ask(self, prompts: Sequence[Ids]) -> Made:
        dendrite = Dendrite(GATEWAY, reach=Reach.HERE_AND_PUBLIC)
        try:
            answers = await asyncio.gather(*(self._one(dendrite, each) for each in prompts))
        finally:
            await dendrite.close()
        return Made(sum(count for count, _ in answers), [first_s for _, first_s in answers])

    async def _one(self, dendrite: Dendrite, prompt: Ids) -> tuple[int, float]:
        self._asked += 1
        ask = Complete(
            model=self._root, prompt=self._model.tokens.decode(prompt), max_tokens=self._tokens,
            seed=self._asked, temperature=1.0, miner=self._peer.address, bias=self._bias,
        )  # fmt: skip
        begun_s, first_s, count = time.perf_counter(), None, 0
        async with dendrite.stream(
            self._peer, PATH, ask, Piece, deadline_s=ANSWER_S_MAX, idle_s=ANSWER_S_MAX
        ) as pieces:
            async for piece in pieces:
                if first_s is None:
                    first_s = time.perf_counter() - begun_s
                count += len(piece.tokens)
        assert first_s is not None and count == self._tokens
        return count, first_s
