"""A task's context for tests that run a task without a neuron around it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

from assay.chain.view import ChainView
from assay.clock import Clock
from assay.neuron import (
    Caller,
    MinerTask,
    Peers,
    Role,
    Synapse,
    TaskContext,
    TaskSettings,
)
from assay.types import Ss58
from assay.workers import Workers


def task_context(
    settings: TaskSettings,
    hotkey: Ss58,
    state_dir: Path,
    clock: Clock,
    *,
    published: list[bytes] | None = None,
    role: Role = Role.MINER,
) -> TaskContext:
    """A context whose ``publish`` adds to ``published``. It has no chain and no peers: a task that
    looks at them fails."""

    async def publish(data: bytes) -> None:
        if published is not None:
            published.append(data)

    nothing: Any = None
    return TaskContext(
        settings,
        hotkey,
        role,
        state_dir,
        clock,
        random.Random(0),
        cast(ChainView, nothing),
        publish,
        cast(Peers, nothing),
        submit=nothing,
        workers=Workers(state_dir / "workers", clock, random.Random(0)),
    )


def streamed(miner: MinerTask, name: str, request: Synapse, caller: Caller) -> AsyncIterator[Any]:
    """The frames of the streamed method ``name`` that ``miner`` serves."""
    method = next(method for method in miner.methods() if method.name == name)
    assert method.handler is not None
    assert method.stream
    frames: AsyncIterator[Any] = method.handler(request, caller)
    return frames
