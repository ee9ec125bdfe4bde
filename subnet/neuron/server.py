"""The serving half of a neuron, miner or validator: its methods, its record and its address.

``NeuronServer`` attaches the task's methods to an axon, judges callers by the chain's newest
moment, and keeps what the chain shows of the neuron as it should be. ``run_own_work`` runs the work
that a task does without being asked.

This module knows no task by name, no HTTP and no chain client: all are passed in.
"""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, replace
from typing import Final

from loguru import logger

from assay.aio import first
from assay.chain.errors import NotRegistered
from assay.chain.interface import Endpoint, Neuron
from assay.chain.view import ChainView, Moment
from assay.clock import Clock
from assay.metrics import NO_METRICS, Metrics
from assay.neuron.callers import Callers
from assay.neuron.faults import BrokenTask, TaskFaults
from assay.neuron.peers import wire_path
from assay.neuron.presence import Presence
from assay.neuron.task import MinerTask, ValidatorTask
from assay.objects import Objects
from assay.types import U16_MAX, AlphaRao, NetUid, Signer
from assay.wire.interface import AnyAxon

AGAIN_S: Final = (1.0, 60.0)
"""The first and the longest pause before a task's ``run`` is begun again after a fault: a second is
no hot loop, and a minute is what a disk or a peer needs to come back."""


@dataclass(frozen=True, slots=True)
class ServingConfig:
    """How a neuron serves."""

    netuid: NetUid
    host: str
    """The address that the chain is told; others must reach the axon there."""
    port: int | None = None
    """The port that the chain is told; None: the one that the axon listens on."""


class NeuronServer:
    """The serving half of any neuron: its methods on an axon, its record and address on chain."""

    def __init__(
        self,
        config: ServingConfig,
        *,
        view: ChainView,
        axon: AnyAxon | None,
        callers: Callers,
        presence: Presence,
        task: MinerTask | ValidatorTask,
        hotkey: Signer,
        objects: Objects | None = None,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """``axon`` None: this neuron serves nothing. ``objects`` are served beside the task's
        methods, under names of their own."""
        self._config = config
        self._view = view
        self._axon = axon
        self._callers = callers
        self._presence = presence
        self._task = task
        self._hotkey = hotkey
        self._objects = objects
        self._earned = AlphaRao(0)
        self._bound = False
        self._metrics = metrics

    def own_row(self, moment: Moment) -> Neuron:
        """This neuron's row; NotRegistered if there is none. Callers are judged by this moment from
        now on."""
        neuron = moment.metagraph.by_hotkey(self._hotkey.address)
        if neuron is None:
            raise NotRegistered.of(self._hotkey.address, self._config.netuid)
        self._callers.update(moment.metagraph)
        return neuron

    async def bind(self) -> None:
        """Listen already, without serving anything yet: shows that the port is free."""
        if self._axon is not None and not self._bound:
            await self._axon.start()
            self._bound = True

    async def replace_record(self) -> None:
        """Wait until the chain shows no older record of this neuron: whoever asks believes what the
        chain says is served here, and judges the answers by it."""
        if not self._presence.shows_another_record(self._view.now()):
            return
        logger.info("Serving once the chain shows what is served now, and no longer what was")
        async with contextlib.aclosing(self._view.blocks()) as moments:
            async for moment in moments:
                self.own_row(moment)
                await self._presence.keep(moment)
                if not self._presence.shows_another_record(moment):
                    return

    async def open(self) -> int | None:
        """Serve the task's methods and objects; the port, or None if the task has neither."""
        methods = self._task.methods()
        if self._axon is None or not (methods or self._objects):
            return None
        for method in self._objects.methods() if self._objects else ():
            self._axon.attach(method)
        for method in methods:
            try:
                self._axon.attach(replace(method, name=wire_path(self._task.name, method.name)))
            except ValueError as error:
                raise BrokenTask(
                    f"The task {self._task.name} cannot serve what it offers: {error}.",
                    "Mend the method that its methods() returns.",
                ) from None
        await self.bind()
        port = self._axon.port
        self._presence.endpoint = Endpoint(self._config.host, self._config.port or port)
        logger.info("Serving {} on port {} as {}", self._task.name, port, self._hotkey.address)
        return port

    async def keep_up(self) -> None:
        """Follow the chain block by block, until cancelled; what the task publishes meanwhile goes
        to the chain at once, so that the next block may have it."""
        await first(self._follow(), self._send_at_once())

    async def _send_at_once(self) -> None:
        while True:
            await self._presence.changed()
            await self._presence.keep(self._view.now())

    async def _follow(self) -> None:
        async with contextlib.aclosing(self._view.blocks()) as moments:
            async for moment in moments:
                neuron = self.own_row(moment)
                self._metrics.show("assay_chain_block", moment.at.number)
                self._metrics.show("assay_alpha_paid", neuron.emission)
                if neuron.emission != self._earned:
                    self._earned = neuron.emission
                    logger.info(
                        "The last epoch paid {:.9f} alpha (incentive {:.1%}, dividends {:.1%})",
                        self._earned / 1e9,
                        neuron.incentive / U16_MAX,
                        neuron.dividends / U16_MAX,
                    )
                await self._presence.keep(moment)

    async def close(self) -> None:
        """Take no more requests, let the running ones finish, and close the axon."""
        if self._axon is not None and self._bound:
            self._bound = False
            await self._axon.stop()


async def run_own_work(
    task: MinerTask | ValidatorTask, *, clock: Clock, rng: random.Random
) -> None:
    """The task's ``run``, begun again after a fault with growing, jittered pauses.

    BrokenTask once a fault will not go away.
    """
    faults = TaskFaults(task)
    pause_s, longest_s = AGAIN_S
    while True:
        try:
            await task.run()
        except Exception as error:  # whatever a builder's code may raise
            broken = faults.note(error, "run")
            if broken is not None:
                raise broken from error
        else:
            return
        await clock.sleep(rng.uniform(pause_s / 2, pause_s))
        pause_s = min(pause_s * 2, longest_s)
