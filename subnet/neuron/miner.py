"""The miner: serve until told to stop, and do the task's own work beside it.

What the miner promises: callers are judged by the newest moment that could be read; the axon
answers before the chain says where the axon is; the chain is told again whenever it says something
else; and on ``stop`` the axon drains before the task closes. A chain that goes away is waited for
while the axon goes on serving.

The miner knows no task by name, no HTTP and no chain client: all are passed in.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

from loguru import logger

from assay.chain.view import ChainView
from assay.clock import Clock
from assay.neuron.server import NeuronServer, run_own_work
from assay.neuron.stopping import until_stopped
from assay.neuron.task import MinerTask

STOP_GRACE_S: Final = 1.0
"""What a look at the chain gets after a stop; draining the axon needs the rest of the time."""


class Miner:
    """One miner. ``run`` returns after ``stop`` was set and what was under way was answered."""

    def __init__(
        self,
        server: NeuronServer,
        *,
        view: ChainView,
        task: MinerTask,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._server = server
        self._view = view
        self._task = task
        self._clock = clock
        self._rng = rng
        self.stop = asyncio.Event()

    async def run(self, ready: Callable[[int], None] = lambda port: None) -> None:
        """Serve until ``stop``; ``ready`` is told the port. Raises what a person must mend."""
        self._server.own_row(self._view.now())
        try:
            await until_stopped(
                None,
                self._serve(ready),
                run_own_work(self._task, clock=self._clock, rng=self._rng),
                clock=self._clock,
                stop=self.stop,
                grace_s=STOP_GRACE_S,
            )
        finally:
            await self._server.close()
        logger.info("Stopped")

    async def _serve(self, ready: Callable[[int], None]) -> None:
        await self._server.replace_record()
        port = await self._server.open()
        ready(port or 0)
        await self._server.keep_up()
