"""Calls of miners to clients, truly signed, for tests of who is convicted by them.

``ask_miners`` lets a gateway's own router ask miners that serve the demo model.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from assay.clock import ManualClock, SystemClock
from assay.gateway.openai.meaning import AnswerOptions
from assay.gateway.router import TextWish, Trail
from assay.miners.inference import InferenceMiner
from assay.miners.inference.settings import MinerSettings
from assay.models.engine import Engine
from assay.models.language import LanguageModel
from assay.models.local_engine import LocalEngine
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.neuron import Caller, TaskContext
from assay.protocol.client_receipts import CallRecord
from assay.protocol.inference import (
    Complete,
    Ending,
    ModelCommitment,
    NumericPath,
    Piece,
)
from assay.types import Ss58
from assay.validators.inference.answers import Judge
from assay.wire.interface import Membership
from assay.wire.keys import SeedSigner
from tests.support.contexts import task_context
from tests.unit.subnet.gateway.miners import Subnet, key
from tests.unit.validators.inference.judges import judge_of

ROOT = model_root(resolve(DEMO))
SEEDED = ModelCommitment(ROOT, NumericPath.SEEDED_FP32)
ENGINE = ModelCommitment(ROOT, NumericPath.ENGINE)
PROMPT = "import os\n\n\ndef walk("


@cache
def demo() -> LanguageModel:
    return LanguageModel.load(resolve(DEMO))


@cache
def judge(accept_engines: bool = False) -> Judge:
    return judge_of(demo(), ROOT, accept_engines=accept_engines)


@cache
def engine() -> LocalEngine:
    """One for all miners: two would see each other's passes."""
    return LocalEngine(demo(), ROOT, monotonic=SystemClock().monotonic)


class DemoMiner(InferenceMiner):
    """The inference miner on the engine that all tests share."""

    async def open_engine(self, context: TaskContext) -> Engine:
        return engine()

    async def close(self) -> None:
        """Leave the engine to the others."""


@dataclass
class ServingMiner:
    """A miner of the demo model in a memory network; what it changes is set from outside."""

    signer: SeedSigner
    incentive: int = 1000
    changes: Callable[[int, Piece], Piece] = lambda number, piece: piece
    """From a piece's number and the piece to what is sent."""
    dies_at: int | None = None
    """How many tokens it signs before it fails."""
    path: NumericPath = NumericPath.SEEDED_FP32
    root: bytes = ROOT
    port: int = 0
    task: DemoMiner = field(default_factory=DemoMiner)

    @property
    def hotkey(self) -> str:
        return self.signer.address

    async def stream(self, ask: Complete, caller: Caller) -> AsyncIterator[Piece]:
        permitted = Caller(
            caller.address,
            caller.public_key,
            Membership.PERMIT,
            caller.source,
            caller.nonce_ns,
            caller.request_hash,
            caller.budget_s,
        )
        number = made = 0
        async for piece in self.task.stream(ask, permitted):
            made += len(piece.tokens)
            if self.dies_at is not None and made >= self.dies_at:
                count = len(piece.tokens) - (made - self.dies_at)
                yield self.changes(number, Piece(tokens=piece.tokens[:count], text=""))
                raise RuntimeError("killed")
            yield self.changes(number, piece)
            number += 1


async def ask_miners(
    folder: Path, *miners: ServingMiner, options: AnswerOptions | None = None, tokens: int = 12
) -> list[CallRecord]:
    """What miners sign when a gateway asks them for one answer. Its clock stands still, so that it
    asks nobody for an answer that another is late with."""
    trail, clock = Trail(), ManualClock()
    wish = TextWish(PROMPT, tokens, 5, options or AnswerOptions())
    async with contextlib.AsyncExitStack() as stack:
        for miner in miners:
            context = task_context(
                MinerSettings(), Ss58(miner.hotkey), folder / miner.hotkey, SystemClock()
            )
            await miner.task.start(context)
            stack.push_async_callback(miner.task.close)
        subnet: Any = Subnet(*miners, clock=clock)  # type: ignore[arg-type]  # all is there
        await stack.enter_async_context(subnet)
        router = subnet.router(root=ROOT, spelling=demo().tokens)
        async for _ in router.answer(wish, trail):
            pass
    return trail.records


def request(**changes: Any) -> Complete:
    fields: dict[str, Any] = {
        "model": ROOT,
        "prompt": PROMPT,
        "max_tokens": 4,
        "seed": 5,
        "temperature": 1.0,
        "miner": key(1).address,
    }
    return Complete(**(fields | changes))


def pieces(tokens: Sequence[int], finish: Any = "length", text: str | None = None) -> list[Piece]:
    """An answer in one piece."""
    ending = Ending(finish=finish, queued_s=0.0, first_token_s=0.0, total_s=0.0)
    spelt = demo().tokens.decode(tokens) if text is None else text
    return [Piece(tokens=list(tokens), text=spelt, end=ending)]
