"""The validator's loop: look at the chain, ask, judge, remember, and set weights each epoch.

One turn reads top to bottom in ``_turn``. What the loop promises: a score never passes to a new
owner of a uid (``standings.py`` keeps them by hotkey, and a uid that changed hands while weights
were on their way has them set anew); after ``kill -9`` the averages are those of the last finished
round (``checkpoint.py``); weights are set once an epoch and count only when they were read back
from a finalized block; a chain that goes away is waited for, not fatal.

What an average remembers is measured in epochs, because weights are set once an epoch and at a time
that everybody knows: with a memory of a few rounds a miner that works for the last minute of an
epoch would be paid for all of it. And weights stand until others replace them, so when a whole
epoch passes in which nobody earned anything, the last row is withdrawn.

It knows no task by name, no sockets and no chain client: all three are passed in.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from loguru import logger

from assay.chain.errors import NotRegistered
from assay.chain.interface import (
    BlockRef,
    Chain,
    Metagraph,
    Signer,
    WeightsCommitted,
    WeightsRefused,
    WeightsSet,
)
from assay.clock import Clock
from assay.errors import Unavailable
from assay.neuron import standings as standing
from assay.neuron.checkpoint import Checkpoint, CheckpointFile, Standing
from assay.neuron.patience import Patience
from assay.neuron.pause import finish_or_stop, pause
from assay.neuron.rounds import play, targets_of
from assay.neuron.task import ValidatorTask
from assay.scoring.averages import newest_weight
from assay.types import NetUid, Ss58, Uid
from assay.wire.interface import AnyDendrite

STOP_GRACE_S: Final = 5.0
"""What a turn under way gets after a stop: a usual round fits; supervisors kill after 10 s."""
_ELAPSED_S_MIN: Final = 0.001
"""Two rounds are never closer in earnest; simulated time may stand still between them."""


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
    score_deadline_s: float = 600.0
    """How long a task may judge one round. Beyond it no weights would be set, and nobody told."""
    half_life_epochs: float = 0.5
    """An average forgets half of its past in this many epochs: three quarters of a weight are work
    of the epoch that just ended, wherever in it."""
    alpha: float = 0.3
    """The most that one round weighs in an average of many, however long the pause before it."""
    chain_patience_s: float = 600.0
    """How long a silent chain is waited for before the validator gives up."""


class Validator:
    """One validator. ``run`` returns after ``stop``: the turn under way gets a grace, and leaves no
    trace if it is cut off before its round was remembered."""

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
        self._block_time_s = 0.0
        self._judged_s: float | None = None
        """When the last round was judged; None before the first of this process."""
        self._weights_due_at_block = 0
        self._idle = False

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
                await finish_or_stop(
                    self._turn(), clock=self._clock, stop=self.stop, grace_s=STOP_GRACE_S
                )
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
        if not self._block_time_s:
            self._block_time_s = await self._patient("block time", self._chain.block_time_s)
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
            score_deadline_s=self._config.score_deadline_s,
        )
        weight = self._newest_weight(metagraph)
        updated = standing.update(self._memory.standings, judged, metagraph, alpha=weight)
        self._remember(
            round=number,
            block=metagraph.at.number,
            standings=updated,
            newest_weight=weight,
            earned=self._memory.earned or any(item.score.value > 0.0 for item in judged),
        )
        self._tell(number, updated)

    def _tell(self, number: int, scores: Mapping[Ss58, Standing]) -> None:
        """One line a round; one in all while there is nobody to ask."""
        if scores:
            told = (f"uid {s.uid} {s.score:.3f} ({s.average:.3f})" for s in scores.values())
            logger.info("Round {}: {}", number, ", ".join(told))
        elif not self._idle:
            logger.info("Round {}: nobody publishes an address yet", number)
        self._idle = not scores

    def _newest_weight(self, metagraph: Metagraph) -> float:
        now_s = self._clock.monotonic()
        before_s, self._judged_s = self._judged_s, now_s
        # After a restart the time of the round before is not known: take the shortest it can be.
        elapsed_s = now_s - before_s if before_s is not None else self._config.round_interval_s
        epoch_s = max(metagraph.epoch.tempo, 1) * self._block_time_s
        return newest_weight(
            max(elapsed_s, _ELAPSED_S_MIN),
            self._config.half_life_epochs * epoch_s,
            self._config.alpha,
        )

    async def _set_weights(self, metagraph: Metagraph) -> None:
        """Once an epoch, and again when a refusal that waiting mends has waited."""
        epoch = metagraph.epoch.index
        if self._memory.weights_epoch == epoch or metagraph.at.number < self._weights_due_at_block:
            return
        # The round took its time: whose uid is whose must be as of now.
        metagraph = await self._patient(
            "metagraph", lambda: self._chain.metagraph(self._config.netuid)
        )
        wanted = self._wanted(metagraph)
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
            case WeightsSet(receipt=receipt, read_at=read_at):
                if await self._changed_hands(wanted, metagraph, read_at):
                    logger.warning("A uid changed hands meanwhile; weights are set again.")
                    return
                logger.info("Weights of epoch {} stand since block {}", epoch, receipt.block.number)
                self._remember(weights_epoch=epoch, earned=False)
            case WeightsCommitted(reveal_round=reveal):
                logger.info("Weights of epoch {} are sealed until beacon round {}", epoch, reveal)
                self._remember(weights_epoch=epoch, earned=False)
            case WeightsRefused(cause=cause, cure=cure, retry_after_blocks=wait):
                logger.warning("Weights were refused: {} {}", cause, cure)
                self._weights_due_at_block = metagraph.at.number + (wait or 1)

    def _wanted(self, metagraph: Metagraph) -> Mapping[Uid, float]:
        """The weights to set now. A row on ourselves alone counts for nobody: it withdraws."""
        if self._memory.earned or self._memory.weights_epoch is None:
            return standing.weights(self._memory.standings, metagraph)
        own = metagraph.by_hotkey(self._hotkey.address)
        logger.warning("Nobody earned anything for a whole epoch: the last weights are withdrawn.")
        return {own.uid: 1.0} if own is not None else {}

    async def _changed_hands(
        self, wanted: Mapping[Uid, float], believed: Metagraph, at: BlockRef
    ) -> bool:
        """Whether any uid that was given a weight had another owner when the weights stood."""
        now = await self._patient(
            "metagraph", lambda: self._chain.metagraph(self._config.netuid, at)
        )
        return any(
            uid >= now.n or now.neurons[uid].hotkey != believed.neurons[uid].hotkey
            for uid in wanted
        )

    def _remember(self, **changes: object) -> None:
        memory = msgspec.structs.replace(self._memory, **changes)
        self._checkpoints.save(memory)
        self._memory = memory
