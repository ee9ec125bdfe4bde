"""Disputes: a peer's window that was found wrong, looked at part by part.

The peer's seal names states on the way of its window. They are asked of the peer, and each part,
from one such state to the next, is computed by itself. On a machine of another profile than the
peer's, differences grow over a whole window; over one part they do not, so there all parts together
decide. On the same profile the window is wrong already, and the parts say where: the first wrong
part is halved, by states that the peer computes when asked, down to one step.

Nothing that a peer gives here is believed: a state is one that its seal names, or leads to a
contradiction with one. A chain of states, each of which is what the one before leads to, ends in
what an honest peer has, whoever computed it. Who is audited, and what follows, is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from assay.aio import bounded
from assay.clock import Clock
from assay.errors import Unavailable, UserError
from assay.neuron import Method, Peers
from assay.protocol.training.asking import STEP, StepHeld, WhichStep
from assay.protocol.training.seal import PeerSeal
from assay.training.exchange import Exchange, NotAccepted
from assay.training.messages import Checked, StateRef
from assay.training.trainer import Trainer
from assay.types import Ss58
from assay.workers import WorkerError

ASK_S: Final = 30.0
"""For one state: the peer may have to compute half of a part first."""
EXPLAIN_S: Final = 120.0
"""For all that only says where a window is wrong: a conviction must not wait for it longer."""
FETCH_S: Final = 10.0
BYTES_PER_S: Final = 2**20
"""For one state, as for what peers carry; see ``audits``."""
_METHOD: Final = Method(STEP, WhichStep, StepHeld)

LastPart = Callable[[Path | None], Awaitable[Checked]]
"""Checks the steps behind a state on the way (None: all), the message, and what is carried on."""


class NotHandedOver(Unavailable):
    """The peer gives no state on its way now; the next try may bring it."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """A window in dispute: from which ``state``, at which ``place``, with what ``carried`` into it
    the peer ``hotkey`` says to have computed it; ``folder`` takes its states meanwhile."""

    hotkey: Ss58
    place: int
    state: StateRef
    seal: PeerSeal
    carried: Path | None
    folder: Path


class Disputes:
    """Settles disputes, by one trainer's process that ``checking`` lets work on one thing at a
    time."""

    def __init__(
        self,
        trainer: Trainer,
        exchange: Exchange,
        peers: Peers,
        clock: Clock,
        checking: asyncio.Lock,
    ) -> None:
        self._trainer, self._exchange, self._peers = trainer, exchange, peers
        self._clock, self._checking = clock, checking
        self._inner = trainer.run.manifest.inner
        self._is_exact = trainer.run.manifest.audit.distance == 0.0

    async def settle(self, disputed: Disputed, found: Checked, last_part: LastPart) -> Checked:
        """Return what the window is after its parts were looked at, of which ``found`` says that
        the whole is wrong. Where equal bits are asked for it stays wrong, with a better reason if
        there is one. NotHandedOver if the peer does not give a state that decides."""
        if not self._is_exact:
            return await self._parts(disputed, last_part)
        try:
            explaining = self._parts(disputed, last_part)
            told = await bounded(self._clock, EXPLAIN_S, explaining)
        except (UserError, WorkerError, NotAccepted, TimeoutError) as error:
            logger.debug("The first wrong step stays unknown: {}", error)
            return self._by_roots(disputed, found)
        return found if told.right else told

    def _by_roots(self, disputed: Disputed, found: Checked) -> Checked:
        """Return ``found`` with the first part whose end the peer's seal names otherwise than it is
        here: on one machine profile, that needs nothing from the peer."""
        named = [root for _, root in self._named(disputed)]
        ends = (*(step for step, _ in self._named(disputed)), disputed.seal.steps)
        differ = [a != b for a, b in zip(named, found.boundaries, strict=False)]
        at = differ.index(True) if True in differ else len(named)
        if not found.boundaries:
            return found
        first = ends[at - 1] + 1 if at else 1
        reason = f"the first wrong step lies in {first} to {ends[at]}: {found.reason}"
        return msgspec.structs.replace(found, reason=reason)

    async def _parts(self, disputed: Disputed, last_part: LastPart) -> Checked:
        first, begin, worst, seconds = 0, None, 0.0, 0.0
        named = self._named(disputed)
        for step, root in named:
            end = await self._state(disputed, step)
            part = await self._check(disputed, begin, step, end, root)
            seconds += part.seconds
            if not part.right:
                return await self._narrowed(disputed, begin, first, step, end, part)
            if begin is not None:
                await asyncio.to_thread(begin.unlink)
            first, begin, worst = step, end, max(worst, part.distance)
        last = await last_part(begin)
        if not last.right:
            return await self._narrowed(disputed, begin, first, disputed.seal.steps, None, last)
        worst, count = max(worst, last.distance), len(named) + 1
        reason = (
            f"each of its {count} parts is what the state before leads to, {worst:.2g} off at most"
        )
        return msgspec.structs.replace(last, reason=reason, seconds=seconds + last.seconds)

    def _named(self, disputed: Disputed) -> list[tuple[int, bytes]]:
        """Return the states on the way that the peer's seal names, by step, without the end."""
        named = zip(self._inner.boundary_steps, disputed.seal.boundaries, strict=False)
        return [(step, root) for step, root in named if step < disputed.seal.steps]

    async def _narrowed(
        self,
        disputed: Disputed,
        begin: Path | None,
        first: int,
        last: int,
        end: Path | None,
        part: Checked,
    ) -> Checked:
        """Return ``part``, the finding on the wrong steps from ``first`` to ``last``, with the one
        step as its reason if the peer's own states show it. ``end`` is None where the part ends in
        the message."""
        plain = msgspec.structs.replace(
            part, reason=f"in steps {first + 1} to {last} {part.reason}"
        )
        try:
            narrowing = self._first_wrong(disputed, begin, first, last, end)
            step = await bounded(self._clock, EXPLAIN_S, narrowing)
        except (UserError, WorkerError, NotAccepted, TimeoutError) as error:
            logger.debug("The wrong step of {} to {} stays unknown: {}", first + 1, last, error)
            return plain
        if step is None:
            reason = f"its steps are right, and what it sends is not theirs: {part.reason}"
            return msgspec.structs.replace(part, reason=reason)
        number, found = step
        if found.right:  # what is wrong lies within the bound at each step
            return plain
        reason = f"step {number} of the window is not what the step before gives: {found.reason}"
        return msgspec.structs.replace(found, reason=reason)

    async def _first_wrong(
        self, disputed: Disputed, begin: Path | None, first: int, last: int, end: Path | None
    ) -> tuple[int, Checked] | None:
        """Return the first step that is not what the peer's own state before it gives, and the
        finding; None if all are."""
        if end is None:
            end = await self._state(disputed, last)
            if (await self._check(disputed, begin, last, end)).right:
                return None
        while last - first > 1:
            middle = (first + last) // 2
            state = await self._state(disputed, middle)
            if (await self._check(disputed, begin, middle, state)).right:
                first, begin = middle, state
            else:
                last, end = middle, state
        return last, await self._check(disputed, begin, last, end)

    async def _check(
        self,
        disputed: Disputed,
        begin: Path | None,
        last: int,
        end: Path,
        root: bytes | None = None,
    ) -> Checked:
        async with self._checking:
            return await self._trainer.check_steps(
                Path(disputed.state.path), disputed.carried, disputed.place, last, end,
                begin=begin, root=root,
            )  # fmt: skip

    async def _state(self, disputed: Disputed, step: int) -> Path:
        """Return a file with what the peer gives as its state after ``step``."""
        hotkey, window = disputed.hotkey, disputed.state.window
        target = self._peers.find(hotkey)
        answer = None
        if target is not None:
            message = WhichStep(window=window, step=step)
            answer = await self._peers.call(target, _METHOD, message, deadline_s=ASK_S)
        root = None if answer is None or answer.reply is None else answer.reply.root
        if root is None:
            raise NotHandedOver(
                f"The peer {hotkey} does not give its state after step {step}.",
                "It is asked again.",
            )
        into = disputed.folder / f"step-{step}"
        await asyncio.to_thread(into.parent.mkdir, parents=True, exist_ok=True)
        fetching = self._exchange.step_state(root, [hotkey], window, into)
        size = self._exchange.limits.carried_bytes
        await bounded(self._clock, FETCH_S + size / BYTES_PER_S, fetching)
        return into
