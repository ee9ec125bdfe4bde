"""The validator: take turns at the task's pace, remember, and set weights each epoch.

What the validator promises: a verdict never passes to a new owner of a uid (``opinions`` are kept
by hotkey); after ``kill -9`` the averages are those of the last finished turn (``checkpoint``);
averages that a long absence made meaningless pay nobody; a turn can be rechecked by anybody once
its link of the hash chain is published (``seeds``); weights are set once an epoch and count only
when they were read back (``weighing``); a chain that goes away is waited for, not fatal.

Weights are set once an epoch, at a time that everybody knows. An average is therefore the plain
mean over the turns since weights were last set: with a memory that fades, a miner that works for
the last minute of an epoch would be paid for more than it did.

The validator knows no task by name, no sockets and no chain client: all are passed in.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from loguru import logger

from assay.chain.interface import Chain
from assay.chain.view import ChainView, Moment
from assay.clock import Clock
from assay.metrics import NO_METRICS, Metrics
from assay.neuron import opinions as opinion
from assay.neuron.asking import Played, TaskHangs, checked_weights, play
from assay.neuron.background import Asked, Background
from assay.neuron.checkpoint import Checkpoint, CheckpointFile, ValidatorMemory
from assay.neuron.faults import BrokenTask, TaskFaults
from assay.neuron.opinions import Opinion, Window
from assay.neuron.peers import Answer, Peers
from assay.neuron.presence import Presence
from assay.neuron.receipts import Receipts, record_of
from assay.neuron.record import NeuronRecord, Role, parse
from assay.neuron.retry import Retry
from assay.neuron.seeds import Seeds
from assay.neuron.server import NeuronServer, run_own_work
from assay.neuron.stopping import pause, until_stopped
from assay.neuron.task import Looked, Pace, ValidatorTask, Verdict
from assay.neuron.weighing import WeightSetter
from assay.types import NetUid, Signer, Ss58

STOP_GRACE_S: Final = 5.0
"""What a turn under way gets after a stop: a usual one fits; supervisors kill after 10 s."""
STALE_EPOCHS: Final = 4
"""Averages older than this pay nobody: nothing of them would be left, had the validator gone on,
and some of the miners that earned them are gone."""
REUNION_S: Final = 30.0
"""For so long after its start a validator does not count it against a miner that nobody could be
reached: machines that start together, and a network that comes back, need that time."""
ANSWER_DEADLINE_S: Final = 12.0
"""One block of a public chain. A miner that needs longer has not served its client."""
SEED_WAIT_BLOCKS: Final = 8
"""How many blocks a turn waits for the hash chain's link to stand on chain. On a chain that does
not take the record, turns go on without proof, and the log says so."""


@dataclass(frozen=True, slots=True)
class ValidatorConfig:
    """A validator's settings; the command line documents each."""

    netuid: NetUid
    pace: Pace | None = None
    """How often a turn is taken; None: as the task says."""
    answer_deadline_s: float = ANSWER_DEADLINE_S
    turn_deadline_s: float = 600.0
    """How long a task may take for one turn. Beyond it no weights would be set, and nobody told."""
    chain_patience_s: float = 600.0
    """How long a silent chain is waited for before the validator gives up."""


class Validator:
    """One validator. ``run`` returns after ``stop``: the turn under way gets a grace, and leaves no
    trace if it is cut off before its verdicts were remembered."""

    def __init__(
        self,
        config: ValidatorConfig,
        *,
        chain: Chain,
        view: ChainView,
        genesis: str,
        server: NeuronServer,
        presence: Presence,
        peers: Peers,
        task: ValidatorTask,
        hotkey: Signer,
        checkpoints: CheckpointFile,
        seeds: Seeds,
        receipts: Receipts,
        clock: Clock,
        rng: random.Random,
        organic: Callable[[], Sequence[Answer[Any, Any]]] = tuple,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """``organic()`` gives what miners answered to clients since it was last called."""
        self._config = config
        self._pace = config.pace or task.pace
        self._chain = chain
        self._view = view
        self._server = server
        self._presence = presence
        self._peers = peers
        self._task = task
        self._hotkey = hotkey
        self._seeds = seeds
        self._receipts = receipts
        self._clock = clock
        self._rng = rng
        self._organic = organic
        self._metrics = metrics
        self.stop = asyncio.Event()
        self._memory = ValidatorMemory(
            checkpoints, checkpoints.load(genesis, config.netuid, hotkey.address)
        )
        retry = Retry(clock=clock, rng=rng, limit_s=config.chain_patience_s, stop=self.stop)
        self._retry = retry
        self._setter = WeightSetter(
            chain,
            config.netuid,
            hotkey,
            self._memory,
            weights=self._weights,
            retry=retry,
            rng=random.SystemRandom(),  # salts are secrets; ``rng`` shows in what is sent
            metrics=metrics,
        )
        self._background = Background(peers)
        self._faults = TaskFaults(task)
        self._block_time_s = 1.0
        self._started_s = 0.0
        self._judged = False
        """Whether this process has judged a turn."""
        self._looked: int | None = None
        """The number of the last turn that judged nobody."""
        self._reached: set[Ss58] = set()
        """The hotkeys that replied to this process at least once."""
        self._data: bytes | None = None
        self._idle = False
        self._proof_due_at_block = 0
        """From then on turns go on, whether the record stands on chain or not."""
        self._told_unproven = False

    @property
    def memory(self) -> Checkpoint:
        """What this validator remembers now; equal to what is on disk between two turns."""
        return self._memory.now

    def publish(self, data: bytes | None) -> None:
        """Put the task's bytes into this validator's record; ValueError if they are too long."""
        NeuronRecord(Role.VALIDATOR, data, bytes(32), bytes(32)).pack()
        self._data = data
        self._publish_record()

    async def run(self, ready: Callable[[int | None], None] = lambda port: None) -> None:
        """Turn after turn until ``stop``; ``ready`` is told the port, if the task serves methods.
        Raises what a person must mend."""
        moment = self._view.now()
        self._server.own_row(moment)
        own = moment.commitments.get(self._hotkey.address)
        self._seeds.catch_up(parse(own.data if own else None).seed_tip)
        await self._read_block_time()
        self._forget_stale(moment)
        self._started_s = self._clock.monotonic()
        logger.info(
            "Validating subnet {} as {}, round {} next",
            self._config.netuid,
            self._hotkey.address,
            self.memory.round + 1,
        )
        try:
            ready(await self._server.open())
            await until_stopped(
                self._turns(),
                self._server.keep_up(),
                self._weigh(),
                run_own_work(self._task, clock=self._clock, rng=self._rng),
                clock=self._clock,
                stop=self.stop,
                grace_s=STOP_GRACE_S,
            )
        finally:
            await self._background.close()
            await self._server.close()
        logger.info("Stopped after round {}", self.memory.round)

    async def _read_block_time(self) -> None:
        """Once an epoch: the chain's owner may give it another pace."""
        self._block_time_s = await self._retry("block time", self._chain.block_time_s)

    def _forget_stale(self, moment: Moment) -> None:
        block, tempo = self.memory.block, max(moment.epoch.tempo, 1)
        if block is None or 0 <= moment.at.number - block <= STALE_EPOCHS * tempo:
            return
        logger.warning(
            "The averages are of block {} and the chain is at block {}: too far apart to pay "
            "anybody by. Scores begin anew.",
            block,
            moment.at.number,
        )
        self._memory.remember(opinions={}, earned=None, window=Window(), block=None)

    async def _weigh(self) -> None:
        """Set weights whenever an epoch has none yet and this process has judged somebody."""
        async with contextlib.aclosing(self._view.blocks()) as moments:
            async for moment in moments:
                if self._judged:
                    await self._setter.keep(moment, awaiting=self._awaits_newcomers())

    def _awaits_newcomers(self) -> bool:
        """Whether a question is open to somebody who has not answered yet."""
        known = self.memory.opinions
        return any(
            hotkey not in known or not known[hotkey].rounds for hotkey in self._background.waiting
        )

    def _weights(self, moment: Moment) -> Mapping[Ss58, float]:
        """The task's weights; none where the task fails. BrokenTask once that will not go away, and
        for what is no weights."""
        try:
            weights = self._task.weights(self.memory.opinions, moment)
        except Exception as error:  # whatever a builder's code may raise
            broken = self._faults.note(error, "weights")
            if broken is not None:
                raise broken from error
            return {}
        return checked_weights(self._task, weights)

    # -- turns

    async def _turns(self) -> None:
        async with contextlib.aclosing(self._view.blocks()) as moments:
            async for moment in moments:
                if self.stop.is_set():
                    return
                if not await self._proof_stands(moment):
                    continue
                if self._pace.unit == "seconds":
                    # Several turns may fit into one block.
                    while not self.stop.is_set():
                        await self._turn(self._view.now(), self.memory.round + 1)
                        await pause(self._clock, self._pace.length, self.stop)
                        if self._view.now().at != moment.at:
                            break
                else:
                    number = self._pace.number(moment)
                    if number is not None and number not in (self.memory.turn, self._looked):
                        await self._turn(moment, number)

    async def _proof_stands(self, moment: Moment) -> bool:
        """Whether a turn may begin: its link of the hash chain stands on chain, or the chain does
        not take it. Gives out the next link once an epoch, between two turns."""
        is_due = self.memory.seed_epoch != moment.epoch.index or self._seeds.period == 0
        if is_due or self._presence.record is None:
            if is_due:
                # Remembered first: after a crash the link counts as given out.
                self._memory.remember(seed_epoch=moment.epoch.index)
                self._seeds.advance()
                self._close_periods()
                await self._read_block_time()
            self._publish_record()
            self._proof_due_at_block = moment.at.number + SEED_WAIT_BLOCKS
        if self._presence.shows_record(moment):
            self._seeds.seen(moment.at.number)
        if self._seeds.ready(moment.at.number):
            return True
        if moment.at.number < self._proof_due_at_block:
            return False
        if not self._told_unproven:
            self._told_unproven = True
            logger.warning(
                "The chain does not show this validator's record: its challenges cannot be "
                "rechecked by others until it does."
            )
        return True

    def _close_periods(self) -> None:
        """Close the receipts of every period whose link was given out: usually one, after a crash
        perhaps the one before."""
        for period in self._receipts.open_periods():
            if self._seeds.has_period(period):
                tip, link = self._seeds.of_period(period)
                self._receipts.close_period(period, tip=tip, link=link)

    def _publish_record(self) -> None:
        record = NeuronRecord(Role.VALIDATOR, self._data, self._seeds.tip, self._receipts.root)
        self._presence.record = record.pack()

    async def _turn(self, moment: Moment, number: int) -> None:
        count, begun_s = self.memory.round + 1, self._clock.monotonic()
        asked = Asked(turn=number, count=count, period=self._seeds.period, at=moment.at)
        try:
            played = await play(
                self._task,
                self._peers,
                moment,
                asked=asked,
                background=self._background,
                seed=self._seeds.turn_seed(bytes.fromhex(moment.at.hash[2:]), number),
                organic=(*self._organic(), *self._task.organic()),
                clock=self._clock,
                deadline_s=self._config.answer_deadline_s,
                turn_deadline_s=self._config.turn_deadline_s,
            )
        except (BrokenTask, TaskHangs):
            raise
        except Exception as error:  # whatever a builder's code may raise
            self._metrics.count("assay_turns_total", outcome="failed")
            broken = self._faults.note(error, f"turn {number}")
            if broken is not None:
                raise broken from error
            return
        self._metrics.count("assay_turns_total", outcome="finished")
        self._metrics.observe("assay_turn_seconds", self._clock.monotonic() - begun_s)
        self._keep(asked, played)
        if isinstance(played.verdicts, Looked):
            self._looked = number
        else:
            self._judge(moment, number, count, played, played.verdicts)

    def _keep(self, asked: Asked, played: Played) -> None:
        """Write down what was asked and answered, before anything is made of it. A late answer
        belongs to the turn that asked; it is not kept if that turn's period is closed."""
        both = [(answer, asked) for answer in played.answers]
        both += [(late.answer, late.asked) for late in played.late]
        for answer, drawn in both:
            self._metrics.count(
                "assay_answers_total", outcome=answer.outcome, origin=answer.origin.value
            )
            if answer.reply is not None:
                self._metrics.observe("assay_answer_latency_seconds", answer.latency_s)
            if drawn.period == self._seeds.period:
                self._receipts.append(
                    record_of(answer, period=drawn.period, turn=drawn.turn, at=drawn.at)
                )

    def _judge(
        self,
        moment: Moment,
        number: int,
        count: int,
        played: Played,
        given: Sequence[Verdict],
    ) -> None:
        self._judged = True
        window = msgspec.structs.replace(
            self.memory.window,
            turns=self.memory.window.turns + 1,
            since=self.memory.window.since or moment.at.number,
        )
        self._reached |= played.replied
        verdicts = self._lenient(played, given)
        updated = opinion.update(
            self.memory.opinions,
            verdicts,
            moment.metagraph,
            window=window,
            askable={target.hotkey for target in self._peers.of_role(Role.MINER)},
            replied=played.replied,
        )
        self._memory.remember(
            round=count,
            turn=number,
            block=moment.at.number,
            opinions=updated,
            window=window,
            earned=bool(self.memory.earned) or any(v.value * v.weight > 0.0 for v in verdicts),
        )
        for each in updated.values():
            self._metrics.show("assay_opinion", each.average, uid=str(each.uid))
        self._tell(count, updated)

    def _lenient(self, played: Played, verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
        """The ``verdicts``; soon after the start, those on miners that were not reached yet without
        their weight."""
        if self._clock.monotonic() - self._started_s > REUNION_S:
            return verdicts
        spared = played.unreached - self._reached
        return [
            replace(v, weight=0.0) if v.hotkey in spared and v.value == 0.0 else v for v in verdicts
        ]

    def _tell(self, number: int, opinions: Mapping[Ss58, Opinion]) -> None:
        """One line a turn; one in all while there is nobody to ask."""
        if opinions:
            told = (
                f"uid {o.uid} {o.score:.3f} (average {o.average:.3f})" for o in opinions.values()
            )
            logger.info("Round {}: {}", number, ", ".join(told))
            for each in opinions.values():
                if each.score < each.average / 2 and each.reasons:
                    logger.info("uid {}: {}", each.uid, "; ".join(r.text for r in each.reasons))
        elif not self._idle:
            logger.info("Round {}: nobody publishes an address yet", number)
        self._idle = not opinions
