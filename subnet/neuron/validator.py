"""The validator's loop: look at the chain, ask, judge, remember, and set weights each epoch.

One turn reads top to bottom in ``_turn``. What the loop promises: a score never passes to a new
owner of a uid (``standings.py`` keeps them by hotkey); after ``kill -9`` the averages are those of
the last finished round (``checkpoint.py``); weights are set once an epoch and count only when they
were read back from a finalized block; a chain that goes away is waited for, not fatal.

It knows no task by name, no sockets and no chain client: all three are passed in.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import msgspec
from loguru import logger

from subnet.chain.errors import NotRegistered
from subnet.chain.interface import (
    Chain,
    Metagraph,
    Signer,
    WeightsCommitted,
    WeightsRefused,
    WeightsSet,
)
from subnet.clock import Clock
from subnet.errors import Unavailable
from subnet.neuron import standings as standing
from subnet.neuron.checkpoint import Checkpoint, CheckpointFile
from subnet.neuron.patience import Patience
from subnet.neuron.pause import pause
from subnet.neuron.rounds import play, targets_of
from subnet.neuron.task import ValidatorTask
from subnet.types import NetUid
from subnet.wire.interface import AnyDendrite


@dataclass(frozen=True, slots=True)
class ValidatorConfig:
    """A validator's settings; the command line documents each."""

    netuid: NetUid
    seed: str
    """Challenges are drawn from it: unguessable in earnest, fixed only in a laboratory."""
    round_interval_s: float = 1.0
    """Pause between two rounds. Shorter costs miners more work; longer learns more slowly."""
    answer_deadline_s: float = 12.0
    """One block of a public chain. A miner that needs longer has not served its client."""
    concurrency: int = 64
    """Requests in flight. More than this and our own machine is what is measured."""
    alpha: float = 0.3
    """Weight of the newest score: half of an average is renewed in two rounds."""
    chain_patience_s: float = 600.0
    """How long a silent chain is waited for before the validator gives up."""


class Validator:
    """One validator. ``run`` returns after ``stop`` was set and the turn under way was finished."""

    def __init__(
        self,
        config: ValidatorConfig,
        *,
        chain: Chain,
        dendrite: AnyDendrite,
        task: ValidatorTask[Any, Any],
        hotkey: Signer,
        checkpoints: CheckpointFile,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._config = config
        self._chain = chain
        self._dendrite = dendrite
        self._task = task
        self._hotkey = hotkey
        self._checkpoints = checkpoints
        self._clock = clock
        self.stop = asyncio.Event()
        self._patient = Patience(
            clock=clock, rng=rng, limit_s=config.chain_patience_s, stop=self.stop
        )
        self._memory = checkpoints.load(config.netuid, hotkey.address)
        self._weights_due_at_block = 0

    @property
    def memory(self) -> Checkpoint:
        """What this validator remembers now; equal to what is on disk between two turns."""
        return self._memory

    async def run(self) -> None:
        """Turn after turn until ``stop``. Raises what a person must mend."""
        logger.info(
            "Validating subnet {} as {}, round {} next",
            self._config.netuid,
            self._hotkey.address,
            self._memory.round + 1,
        )
        while not self.stop.is_set():
            try:
                await self._turn()
            except Unavailable:
                if not self.stop.is_set():
                    raise
            await pause(self._clock, self._config.round_interval_s, self.stop)
        logger.info("Stopped after round {}", self._memory.round)

    async def _turn(self) -> None:
        netuid = self._config.netuid
        metagraph = await self._patient("metagraph", lambda: self._chain.metagraph(netuid))
        if metagraph.by_hotkey(self._hotkey.address) is None:
            raise NotRegistered.of(self._hotkey.address, netuid)
        await self._play_round(metagraph)
        await self._set_weights(metagraph)

    async def _play_round(self, metagraph: Metagraph) -> None:
        number = self._memory.round + 1
        commitments = await self._patient(
            "commitments", lambda: self._chain.commitments(self._config.netuid)
        )
        judged = await play(
            self._task,
            self._dendrite,
            targets_of(metagraph, commitments, self._hotkey.address),
            rng=random.Random(f"{self._config.seed}/{self._hotkey.address}/{number}"),
            clock=self._clock,
            deadline_s=self._config.answer_deadline_s,
            concurrency=self._config.concurrency,
        )
        updated = standing.update(
            self._memory.standings, judged, metagraph, alpha=self._config.alpha
        )
        self._remember(round=number, standings=updated)
        logger.info(
            "Round {}: {}",
            number,
            ", ".join(f"uid {s.uid} {s.score:.3f} ({s.average:.3f})" for s in updated.values()),
        )

    async def _set_weights(self, metagraph: Metagraph) -> None:
        """Once an epoch, and again when a refusal that waiting mends has waited."""
        epoch = metagraph.epoch.index
        if self._memory.weights_epoch == epoch or metagraph.at.number < self._weights_due_at_block:
            return
        wanted = standing.weights(self._memory.standings, metagraph)
        if not wanted:
            return  # nobody earned anything yet: silence, not equal shares
        try:
            outcome = await self._chain.set_weights(
                self._config.netuid,
                self._hotkey,
                wanted,
                version_key=metagraph.settings.weights_version,
            )
        except Unavailable as error:
            logger.warning(
                "Weights were not set: {} Trying again after the next round.", error.cause
            )
            return
        match outcome:
            case WeightsSet(receipt=receipt):
                logger.info("Weights of epoch {} stand since block {}", epoch, receipt.block.number)
                self._remember(weights_epoch=epoch)
            case WeightsCommitted(reveal_round=reveal):
                logger.info("Weights of epoch {} are sealed until beacon round {}", epoch, reveal)
                self._remember(weights_epoch=epoch)
            case WeightsRefused(cause=cause, cure=cure, retry_after_blocks=wait):
                logger.warning("Weights were refused: {} {}", cause, cure)
                self._weights_due_at_block = metagraph.at.number + (wait or 1)

    def _remember(self, **changes: object) -> None:
        self._memory = msgspec.structs.replace(self._memory, **changes)
        self._checkpoints.save(self._memory)
