"""A gateway on a real port before miners in memory, for tests by real clients."""

from __future__ import annotations

import contextlib
import random
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.clock import Clock, SystemClock
from assay.gateway.answers import Answering, Subject
from assay.gateway.http import HttpServer
from assay.gateway.keys import ClientKey, KeyFile
from assay.gateway.model import OfferedModel
from assay.gateway.quotas import Quotas
from assay.gateway.receipts import ReceiptStore
from assay.gateway.run import SEEDED
from assay.gateway.server import Gateway
from assay.gateway.shared_prompts import SharedPrompts
from assay.metrics import PrometheusMetrics
from assay.protocol.inference import NumericPath
from assay.types import NetUid
from tests.unit.subnet.gateway.miners import (
    GATEWAY,
    GENESIS,
    ROOT,
    ByteSpelling,
    FakeMiner,
    Subnet,
)

CONTEXT = 300


class ChatSpelling(ByteSpelling):
    """The tokenizer of a chat model: a line for each message."""

    has_chat = True
    writes_tool_calls = True

    def encode(self, prompt: str) -> list[int]:
        return list(prompt.encode())

    def least(self, prompt: str) -> int:
        return len(prompt)

    def render_chat(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None
    ) -> str:
        if messages[0]["role"] == "assistant":
            raise ValueError("the model's chat template does not take it")
        lines = [f"{message['role']}: {message['content']}" for message in messages]
        names = [tool["function"]["name"] for tool in tools or ()]
        return "\n".join([*(f"tool: {name}" for name in names), *lines, "assistant: "])


@dataclass
class Desk:
    """One gateway, and all that a test may look at."""

    subnet: Subnet
    keys: KeyFile
    key: str
    record: ClientKey
    quotas: Quotas
    receipts: ReceiptStore
    metrics: PrometheusMetrics
    gateway: Gateway
    server: HttpServer
    spelling: ChatSpelling
    shared: SharedPrompts

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


@contextlib.asynccontextmanager
async def desk(
    folder: Path,
    *miners: FakeMiner,
    permit: bool = True,
    has_chat: bool = True,
    quota: Mapping[str, int] | None = None,
    paths: frozenset[NumericPath] = SEEDED,
    clock: Clock | None = None,
    **limits: Any,
) -> AsyncIterator[Desk]:
    """A gateway that is open to the one key ``Desk.key``."""
    clock, metrics = clock or SystemClock(), PrometheusMetrics()
    shared = SharedPrompts(random.Random(3))
    spelling = ChatSpelling()
    spelling.has_chat = has_chat
    async with Subnet(*miners, permit=permit) as subnet:
        router = subnet.router(spelling=spelling, metrics=metrics, paths=paths)
        model = OfferedModel("demo", ROOT, spelling, CONTEXT)
        quotas, receipts = Quotas(), ReceiptStore(folder / "answers")
        keys = KeyFile(folder / "gateway" / "keys.json", clock=clock)
        key, record = keys.add("test", **(quota or {}))

        def new_id() -> str:
            return secrets.token_hex(16)

        answering = Answering(
            router,
            model,
            Subject(GENESIS, NetUid(1), GATEWAY.address),
            quotas=quotas,
            receipts=receipts,
            clock=clock,
            new_id=new_id,
            shared=shared,
            metrics=metrics,
        )
        gateway = Gateway(
            answering,
            model,
            keys=keys,
            quotas=quotas,
            receipts=receipts,
            clock=clock,
            new_id=new_id,
            shared=shared,
            metrics=metrics,
        )
        server = HttpServer(gateway.handle, clock=clock, **limits)
        await server.start("127.0.0.1", 0)
        try:
            yield Desk(
                subnet, keys, key, record, quotas, receipts, metrics, gateway, server, spelling,
                shared,
            )  # fmt: skip
        finally:
            await server.stop(1.0)
            model.close()
