"""The miner's loop: serve, say where, and keep up with who may ask.

What the loop promises: the axon answers before the chain says where it is; the chain is told again
whenever it says something else; callers are judged by the newest metagraph that could be read; and
on ``stop`` the axon drains before the task closes. A chain that goes away is waited for while the
axon goes on serving.

It knows no task by name, no HTTP and no chain client: all are passed in.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from loguru import logger

from assay.chain.errors import NotRegistered, RateLimited
from assay.chain.interface import Chain, Endpoint, Metagraph, Neuron, Signer
from assay.clock import Clock
from assay.errors import Unavailable
from assay.neuron.members import Members
from assay.neuron.patience import Patience
from assay.neuron.pause import finish_or_stop, pause
from assay.neuron.task import MinerTask
from assay.types import AlphaRao, NetUid
from assay.wire.interface import AnyAxon, Method

STOP_GRACE_S: Final = 1.0
"""What a look at the chain gets after a stop; draining the axon needs the rest of the time."""


@dataclass(frozen=True, slots=True)
class MinerConfig:
    """A miner's settings; the command line documents each."""

    netuid: NetUid
    host: str
    """The address that the chain is told; others must reach the axon there."""
    port: int | None = None
    """The port that the chain is told; None: the one that the axon listens on."""
    sync_interval_s: float = 4.0
    """How often the metagraph is read: a new validator waits this long to be let in."""
    chain_patience_s: float = 600.0
    """How long a silent chain is waited for before the miner gives up."""


class Miner:
    """One miner. ``run`` returns after ``stop`` was set and what was under way was answered."""

    def __init__(
        self,
        config: MinerConfig,
        *,
        chain: Chain,
        axon: AnyAxon,
        members: Members,
        task: MinerTask[Any, Any],
        hotkey: Signer,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._config = config
        self._chain = chain
        self._axon = axon
        self._members = members
        self._task = task
        self._hotkey = hotkey
        self._clock = clock
        self.stop = asyncio.Event()
        self._patient = Patience(
            clock=clock, rng=rng, limit_s=config.chain_patience_s, stop=self.stop
        )
        self._earned = AlphaRao(0)

    async def run(self, ready: Callable[[int], None] = lambda port: None) -> None:
        """Serve until ``stop``; ``ready`` is told the port. Raises what a person must mend."""
        self._own_row(await self._patient("metagraph", self._metagraph))
        task = self._task
        self._axon.attach(
            Method(name=task.name, request=task.request, reply=task.reply, handler=task.serve)
        )
        await self._axon.start()
        try:
            ready(self._axon.port)
            logger.info(
                "Serving {} on port {} as {}",
                self._task.name,
                self._axon.port,
                self._hotkey.address,
            )
            while not self.stop.is_set():
                try:
                    await finish_or_stop(
                        self._turn(), clock=self._clock, stop=self.stop, grace_s=STOP_GRACE_S
                    )
                except Unavailable:
                    if not self.stop.is_set():
                        raise
                await pause(self._clock, self._config.sync_interval_s, self.stop)
        finally:
            await self._axon.stop()
        logger.info("Stopped")

    async def _metagraph(self) -> Metagraph:
        return await self._chain.metagraph(self._config.netuid)

    def _own_row(self, metagraph: Metagraph) -> Neuron:
        """Judge callers by this metagraph from now on; NotRegistered if it lacks ourselves."""
        neuron = metagraph.by_hotkey(self._hotkey.address)
        if neuron is None:
            raise NotRegistered.of(self._hotkey.address, self._config.netuid)
        self._members.update(metagraph)
        return neuron

    async def _turn(self) -> None:
        neuron = self._own_row(await self._patient("metagraph", self._metagraph))
        if neuron.emission != self._earned:
            self._earned = neuron.emission
            logger.info("The last epoch paid {:.9f} alpha", self._earned / 1e9)
        own = Endpoint(self._config.host, self._config.port or self._axon.port)
        if neuron.axon != own:
            await self._publish(own)

    async def _publish(self, own: Endpoint) -> None:
        try:
            await self._chain.serve_axon(self._config.netuid, self._hotkey, own)
            logger.info("The chain says that this axon is at {}", own)
        except (RateLimited, Unavailable) as error:
            # The axon serves on meanwhile; the next turn sees whether the chain knows.
            logger.warning("The address is not published yet: {}", error.cause)
