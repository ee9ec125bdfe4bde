"""A training miner's life, block by block: what the chain shows, and what is done about it.

``assay.protocol.training.peer`` is the table of states and events; here every state has the work
that leads out of it. The work runs beside the blocks, so that a block is never late for it, and
ends where the chain has moved on: as long before the deadline as sending takes, a peer sends the
steps that it has taken until then, so that one that was slow, stopped or begun again loses only the
others.
What fails is told once, with its reason, and tried again after a growing number of blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from loguru import logger

from assay.chain.view import ChainView, Moment
from assay.errors import UserError
from assay.miners.training.sending import SendingTime
from assay.miners.training.work import PeerWork
from assay.neuron.record import parse
from assay.protocol.training.peer import ChainEvent, Event, PeerState, WorkEvent, after
from assay.protocol.training.records import PeerRecord
from assay.protocol.training.schedule import PHASES, Phase, Place, Schedule
from assay.training.follower import RunFollower, windows_decided
from assay.types import Ss58

PAUSE_BLOCKS_MAX: Final = 16
"""Between two tries of what keeps failing: three minutes of a public chain."""

FINISH_BLOCKS: Final = 3
"""So many blocks, or half of the phase ``upload`` where that is more, are kept for sending what
there is, and more where that took longer (``sending``): in the first the step under way ends and
the message is made, the next one has the seal, and one is to spare."""

_SHOWN_BY: Final = {
    Phase.TRAIN: ChainEvent.BEGUN,
    Phase.REVEAL: ChainEvent.CLOSED_TO_SEALS,
    Phase.ATTEST: ChainEvent.CLOSED_TO_KEYS,
    Phase.EVALUATE: ChainEvent.COUNTED,
}
Work = Callable[[], Awaitable[WorkEvent | None]]
"""What leads out of a state; None where the chain will show what came of it."""
_SENDING: Final = (PeerState.TRAINING, PeerState.UPLOADING)
_FOLLOWING: Final = (PeerState.BEHIND, PeerState.FOLDING)
"""Both are left by the newest state; the work under way goes on from the one to the other."""


class TrainingPeer:
    """One peer of one run."""

    def __init__(
        self,
        work: PeerWork,
        follower: RunFollower,
        schedule: Schedule,
        view: ChainView,
        hotkey: Ss58,
    ) -> None:
        self._work, self._follower = work, follower
        self._schedule, self._view, self._hotkey = schedule, view, hotkey
        self.state = PeerState.BEHIND
        self.block = -1
        """The newest block that was taken in."""
        self._told: tuple[int, int] = (-1, 0)
        """The window and the phase whose event was told last."""
        self._job: asyncio.Task[None] | None = None
        self._failures = 0
        self._again_at_block = 0
        self._reason: str | None = None
        upload, train = schedule.upload, schedule.train
        least = min(upload, max(FINISH_BLOCKS, upload // 2 + 1))
        self._sending = SendingTime(least, upload + train // 2)
        self._jobs: dict[PeerState, Work] = {
            PeerState.BEHIND: self._catch_up,
            PeerState.FOLDING: self._fold,
            PeerState.TRAINING: self._train,
            PeerState.UPLOADING: self._show_seal,
            PeerState.OPENING: self._show_key,
        }

    async def run(self) -> None:
        """Follow the chain until cancelled."""
        self._restore(self._view.now())
        try:
            async with contextlib.aclosing(self._view.blocks()) as moments:
                async for moment in moments:
                    self.see(moment)
        finally:
            await self._end_job()

    def see(self, moment: Moment) -> None:
        """Take in a newer block: what it shows of this peer, then how far the run is."""
        self.block = moment.at.number
        place = self._schedule.place(self.block)
        self._look_for_own(moment)
        for event in self._events(place):
            self._go(event)
        if self.state is PeerState.WAITING:
            self._begin(place)
        if self.state is PeerState.TRAINING and self._must_finish(place):
            self._sending.ended(self.block)
            self._work.finish(place.window)
        self._ensure_job(self.block)

    @property
    def is_busy(self) -> bool:
        """Whether work of the present state runs."""
        return self._job is not None

    # -- what the chain shows

    def _restore(self, moment: Moment) -> None:
        """Go on with a window that was sealed before a restart."""
        place = self._schedule.place(moment.at.number)
        sealed = self._work.sealed
        if sealed is None or sealed.window != place.window or place.phase not in PHASES[:3]:
            return
        logger.info("Going on with window {}, which was sealed before", place.window)
        self._told = (place.window, 0)
        if self._shows(moment, sealed.opened, Phase.REVEAL):
            self.state, self._told = PeerState.OPENED, (place.window, PHASES.index(Phase.REVEAL))
        elif self._shows(moment, sealed.record, Phase.UPLOAD):
            self.state = PeerState.SEALED
        else:
            self.state = PeerState.UPLOADING

    def _events(self, place: Place) -> list[ChainEvent]:
        """Return what a block at ``place`` shows beyond what was told."""
        if place.phase not in PHASES:
            if place.phase is Phase.DONE and self._told[0] == place.window - 1:
                place = Place(place.window - 1, PHASES[-1], 1)  # the last window's end
            else:
                return []
        window, at = self._told
        first = at + 1 if window == place.window else 0
        reached = PHASES.index(place.phase)
        self._told = (place.window, reached)
        return [_SHOWN_BY[p] for p in PHASES[first : reached + 1] if p in _SHOWN_BY]

    def _begin(self, place: Place) -> None:
        """Begin with a window that is under way, if its state is held: after a restart, or where
        the fold took longer than the phases for it."""
        held = self._follower.newest
        if place.phase is Phase.TRAIN and held is not None and held.window == place.window:
            self._go(ChainEvent.BEGUN)

    def _must_finish(self, place: Place) -> bool:
        """Whether steps that are not taken by now would come too late."""
        if place.phase not in PHASES:
            return False
        deadline = self._schedule.deadline(place.window, Phase.UPLOAD)
        return 0 <= deadline - self.block < self._sending.kept

    def _look_for_own(self, moment: Moment) -> None:
        """See whether the chain shows the seal, or the key, that is being published, in time."""
        sealed = self._work.sealed
        if sealed is None:
            return
        if self.state is PeerState.UPLOADING and self._shows(moment, sealed.record, Phase.UPLOAD):
            self._go(WorkEvent.SEALED)
        if self.state is PeerState.OPENING and self._shows(moment, sealed.opened, Phase.REVEAL):
            self._go(WorkEvent.OPENED)

    def _shows(self, moment: Moment, record: PeerRecord, until: Phase) -> bool:
        """Return whether ``moment`` shows ``record``, and has since the end of a phase or before;
        the record may have come to the chain later than this peer wanted."""
        committed = moment.commitments.get(self._hotkey)
        if committed is None or parse(committed.data).data != record.pack():
            return False
        return committed.block <= self._schedule.deadline(record.window, until)

    # -- from state to state

    def _go(self, event: Event) -> None:
        before, self.state = self.state, after(self.state, event)
        if self.state is before:
            return
        logger.debug("{}: {} -> {}", event.name.lower(), before.value, self.state.value)
        self._measure(before, event)
        if self.state is PeerState.MISSED and event is not WorkEvent.FAILED:
            logger.warning("Too late for this window: it was still {}", before.value)
        if event is not WorkEvent.FAILED:
            self._failures, self._again_at_block = 0, 0
        if not (before in _FOLLOWING and self.state in _FOLLOWING):
            self._give_up_job()

    def _measure(self, before: PeerState, event: Event) -> None:
        """Take in how long sending takes."""
        if event is ChainEvent.BEGUN:
            self._sending.begun()
        elif event is WorkEvent.TRAINED:
            self._sending.ended(self.block)
        elif event is WorkEvent.SEALED:
            self._sending.sealed(self.block)
        elif self.state is PeerState.MISSED and before in _SENDING:
            self._sending.missed()

    def _ensure_job(self, block: int) -> None:
        """Start the work of the present state, unless it runs, or has to pause."""
        if self._job is not None:
            if self._job.done():
                self._job.result()  # a mistake of ours: it ends this run of the task, by name
            return
        work = self._jobs.get(self.state)
        if work is not None and block >= self._again_at_block:
            self._job = asyncio.create_task(self._do(work))

    async def _do(self, work: Work) -> None:
        try:
            event = await work()
        except UserError as error:
            self._note(error)
            event = WorkEvent.FAILED
        else:
            self._reason = None if event is not None else self._reason
        self._job = None
        if event is not None:
            self._go(self._as_now(event))
            number = self._view.now().at.number
            if self.state is PeerState.WAITING:
                self._begin(self._schedule.place(number))
            self._ensure_job(number)

    def _as_now(self, event: WorkEvent) -> WorkEvent:
        """The newest state was reached from where the peer is by now."""
        if event is WorkEvent.FOLDED and self.state is PeerState.BEHIND:
            return WorkEvent.CAUGHT_UP
        if event is WorkEvent.CAUGHT_UP and self.state is PeerState.FOLDING:
            return WorkEvent.FOLDED
        return event

    def _note(self, error: UserError) -> None:
        self._failures += 1
        pause = min(1 << (self._failures - 1), PAUSE_BLOCKS_MAX)
        self._again_at_block = self._view.now().at.number + pause
        if error.cause != self._reason:
            self._reason = error.cause
            logger.warning("While {}: {} {}", self.state.value, error.cause, error.cure)

    def _give_up_job(self) -> None:
        if self._job is not None and self._job is not asyncio.current_task():
            self._job.cancel()
        self._job = None

    async def _end_job(self) -> None:
        if self._job is not None:
            self._job.cancel()
            await asyncio.wait({self._job})

    # -- the work of each state

    async def _catch_up(self) -> WorkEvent:
        await self._advance()
        return WorkEvent.CAUGHT_UP

    async def _fold(self) -> WorkEvent:
        await self._advance()
        return WorkEvent.FOLDED

    async def _advance(self) -> None:
        """Hold the newest state; the chain may decide another window meanwhile."""
        while True:
            block = self._view.now().at.number
            held = await self._follower.advance(block)
            if held.window >= windows_decided(self._schedule, self._view.now().at.number):
                return

    async def _train(self) -> WorkEvent:
        state = self._follower.newest
        assert state is not None, "whoever trains holds the state"
        await self._work.seal(state)
        return WorkEvent.TRAINED

    async def _show_seal(self) -> None:
        """Whether the chain shows it in time is seen block by block."""
        assert self._work.sealed is not None, "whoever uploads has sealed"
        await self._work.show_seal(self._work.sealed)

    async def _show_key(self) -> None:
        assert self._work.sealed is not None, "whoever opens has sealed"
        await self._work.show_key(self._work.sealed)
