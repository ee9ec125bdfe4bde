"""A run as one neuron holds it: the newest state, carried on window by window as the chain closed
them, and caught up with from others after an absence.

In come the chain's records, objects, and a trainer; out comes the state that the next window begins
from, as a file, the same for all who follow the run. Each step is taken by the chain's word:

    void window         the state's next number; nothing is fetched
    closed window       the counted messages are fetched, opened with the keys, and folded
    another state       validators name another state than the one held here: what is held is wrong,
                        and a state that they name is fetched instead
    long absence        likewise, because messages are kept for two windows alone

A state that is fetched is the one whose hash more than half of validator stake names; who hands
over another one is passed by. A state is a file that is written atomically and checked by its hash
when it is read, so that after ``kill -9`` the run goes on from the newest whole one.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from assay.chain.errors import UnknownBlock
from assay.errors import Unavailable
from assay.files import write_atomic
from assay.neuron.peers import Peers, Question
from assay.neuron.record import Role
from assay.objects import Root
from assay.objects.errors import NoHolder
from assay.protocol.training.asking import STATE, StateHeld, WhichState
from assay.protocol.training.records import STATE_BYTES
from assay.protocol.training.schedule import Phase, Schedule
from assay.scoring.training.windows import weights_by_steps
from assay.training.chain_records import ChainRecords, CountedPeer, WindowClosing
from assay.training.exchange import Exchange, NotAccepted, WindowTerms, check_seal
from assay.training.messages import Counted, FoldedRef, StateRef
from assay.training.trainer import Trainer
from assay.types import Ss58
from assay.wire.interface import Method
from assay.workers import WorkerFailed

STATES_KEPT: Final = 3
"""The state that the next window begins from, and those of the two windows before, which audits and
disputes begin from."""
WINDOWS_KEPT: Final = 2
"""Windows whose objects are spared after they closed: as long as disputes about them may open."""
STEPS_MAX: Final = WINDOWS_KEPT
"""An absence of so many windows is made good message by message; after a longer one a state is
fetched, since the messages may be gone."""
LOOK_BACK_MAX: Final = 64
"""Windows that are looked through for a named state. A run that was void for longer has stood still
for hours; its neurons go on by themselves."""
JUMPS_MAX: Final = 3
"""States that are tried in one go, the newest first."""
ASK_S: Final = 30.0
"""For the question who holds a state: whoever holds it may first have to put it into its store."""
FETCHES: Final = 16
"""Messages that are fetched at once."""


class NotCaughtUp(Unavailable):
    """The newest state cannot be reached now; the cause says why. The next try may succeed."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause, "It is tried again with the next block.")


@dataclass(frozen=True, slots=True)
class WindowFolded:
    """What folding a window came to, for those who judge or show it: why a counted peer's message
    was left out, by uid, and what the others' values were multiplied by, in 2**-16."""

    closing: WindowClosing
    refused: dict[int, str]
    factors: dict[int, int]


def windows_decided(schedule: Schedule, block: int) -> int:
    """Return how many windows are decided once ``block`` is final: the number of the window whose
    first state the chain determines."""
    place = schedule.place(block)
    if place.phase in (Phase.EVALUATE, Phase.ADVANCE):
        return place.window + 1
    return place.window + (place.phase is Phase.ATTEST and place.blocks_left == 1)


class RunFollower:
    """Holds the newest state of one run."""

    def __init__(
        self,
        trainer: Trainer,
        exchange: Exchange,
        records: ChainRecords,
        peers: Peers,
        folder: Path,
    ) -> None:
        """``folder`` is the neuron's own; states and opened messages lie there."""
        self._trainer, self._exchange = trainer, exchange
        self._records, self._peers = records, peers
        self._run, self._schedule = trainer.run, trainer.run.manifest.schedule
        self._states_folder, self._messages = folder / "states", folder / "messages"
        self._states: dict[int, StateRef] = {}
        self._shared: dict[bytes, Root] = {}
        """The objects of states that somebody asked for, by the state's hash."""
        self._folded: OrderedDict[int, WindowFolded] = OrderedDict()
        self._advancing, self._sharing = asyncio.Lock(), asyncio.Lock()

    @property
    def newest(self) -> StateRef | None:
        """The newest state that is held here."""
        return self._states[max(self._states)] if self._states else None

    def state_of(self, window: int) -> StateRef | None:
        """Return the state that ``window`` begins from, while it is held."""
        return self._states.get(window)

    def folded(self, window: int) -> WindowFolded | None:
        """Return what folding ``window`` came to; None if it was not folded here, or long ago."""
        return self._folded.get(window)

    def message_path(self, window: int, uid: int) -> Path:
        """Where the opened message of a peer lies after ``window`` was folded."""
        return self._messages / str(window) / str(uid)

    async def open(self) -> None:
        """Read what states a run before this one has left, the newest ones first. A file that is
        no state of this run is removed."""
        await asyncio.to_thread(self._states_folder.mkdir, parents=True, exist_ok=True)
        for path in await asyncio.to_thread(_newest_first, self._states_folder):
            if len(self._states) == STATES_KEPT:
                await asyncio.to_thread(path.unlink)
                continue
            try:
                state = await self._trainer.read_state(path)
            except WorkerFailed as error:
                logger.warning("{} is damaged and not used: {}", path, error.cause)
                await asyncio.to_thread(path.unlink, missing_ok=True)
                continue
            self._states[state.window] = state

    async def advance(self, block: int) -> StateRef:
        """Return the newest state that the chain determines once ``block`` is final, and hold it.

        NotCaughtUp, with the reason, where that cannot be reached now: what was reached is held,
        and the next call goes on from there. May be called by several; the first one works.
        """
        target = windows_decided(self._schedule, block)
        async with self._advancing:
            held = self.newest
            if held is None or target - held.window > STEPS_MAX:
                await self._jump(-1 if held is None else held.window, target)
            if self.newest is None:
                self._take(await self._trainer.first(self._state_path(0)))
            while (held := self.newest) is not None and held.window < target:
                await self._step(held, target)
            assert held is not None, "a run has a first state"
            await self._forget(held.window - WINDOWS_KEPT)
            return held

    async def which(self, request: WhichState) -> StateHeld:
        """Return which object holds the state that somebody asks for: a task serves this as the
        method ``STATE``."""
        for state in self._states.values():
            if state.root[:STATE_BYTES] == request.state:
                return StateHeld(root=await self._share(state))
        return StateHeld(root=None)

    # -- a window on

    async def _step(self, held: StateRef, target: int) -> None:
        """Hold the next state, or a later one."""
        try:
            closing = await self._records.closing(held.window)
            if closing.state is not None and closing.state != held.root[:STATE_BYTES]:
                logger.warning(
                    "Validators name another state for window {} than this neuron holds; it is"
                    " fetched anew", held.window,
                )  # fmt: skip
                self._drop(held)
                if await self._jump(held.window - 1, target):
                    return
                raise NotCaughtUp(f"The state of window {held.window} is held by nobody in reach.")
            await self._fold(held, closing)
        except (NoHolder, UnknownBlock) as error:
            if not await self._jump(held.window, target):
                raise NotCaughtUp(
                    f"Window {held.window} cannot be folded: {error.cause}"
                ) from error

    async def _fold(self, held: StateRef, closing: WindowClosing) -> None:
        into, state = self._state_path(held.window + 1), Path(held.path)
        refused = dict.fromkeys(closing.without_message, "no key for a seal in time")
        if closing.is_void:
            self._take(await self._trainer.skip(state, into))
            self._note(WindowFolded(closing, refused, {}))
            logger.info("Window {} is void: its data are read again", held.window)
            return
        terms = self.terms(held)
        places = asyncio.Semaphore(FETCHES)
        weighty = [each for each in closing.counted.values() if each.weight]

        steps: dict[int, int] = {}

        async def fetch(counted: CountedPeer) -> Counted | None:
            uid = counted.peer.uid
            async with places:
                try:
                    steps[uid] = await self._bring(counted, terms)
                except NotAccepted as error:
                    refused[uid] = str(error)
                    return None
            path = str(self.message_path(terms.window, uid))
            return Counted(uid, path, counted.weight, counted.peer.hotkey)

        found = await asyncio.gather(*(fetch(each) for each in weighty), return_exceptions=True)
        if failures := [each for each in found if isinstance(each, BaseException)]:
            raise failures[0]
        came = [each for each in found if isinstance(each, Counted)]
        weights = weights_by_steps({c.uid: c.weight for c in came}, steps, terms.steps)
        messages = [msgspec.structs.replace(c, weight=weights[c.uid]) for c in came]
        read = len(closing.peers.by_uid) * self._trainer.facts.read
        folded: FoldedRef = await self._trainer.fold(state, messages, read, into)
        self._take(folded.state)
        self._note(WindowFolded(closing, {**refused, **folded.refused}, folded.factors))
        logger.info(
            "Window {} counted {} of {} peers: state {}", held.window, len(closing.counted),
            len(closing.peers.by_uid), folded.state.root.hex()[:16],
        )  # fmt: skip

    def terms(self, state: StateRef) -> WindowTerms:
        """Return what the seals of the window that begins from ``state`` must say."""
        inner = self._run.manifest.inner
        return WindowTerms(
            self._run.root,
            state.window,
            state.root,
            state.cursor,
            inner.steps,
            inner.boundary_steps,
        )

    async def _bring(self, counted: CountedPeer, terms: WindowTerms) -> int:
        """Bring the opened message of a counted peer to its path, and return its steps."""
        path = self.message_path(terms.window, counted.peer.uid)
        seal = await self._exchange.seal(counted.record.seal, counted.holders, terms.window)
        check_seal(seal, terms, counted.peer.hotkey, self._exchange.limits)
        await self._exchange.sealed_message(seal, counted.holders)
        message = await self._exchange.opened(seal, counted.key)
        await asyncio.to_thread(write_atomic, path, message, make_folders=True)
        return seal.steps

    # -- many windows on

    async def _jump(self, after: int, target: int) -> bool:
        """Hold a state of a window beyond ``after`` that validators name, the newest that can be
        had; False if there is none."""
        tried = 0
        for window in range(target - 1, max(after, target - 1 - LOOK_BACK_MAX), -1):
            if window == 0:
                return False  # the first state is made here
            try:
                named = await self._records.named_state(window)
            except UnknownBlock:
                return False
            if named is None:
                continue
            if (state := await self._fetched(named, window)) is not None:
                logger.info("Caught up with the state of window {} from others", window)
                self._take(state)
                return True
            tried += 1
            if tried == JUMPS_MAX:
                return False
        return False

    async def _fetched(self, named: bytes, window: int) -> StateRef | None:
        """Return the state whose hash begins with ``named``, from whoever has it."""
        for root, holders in (await self._who_has(named)).items():
            path = self._states_folder / "fetched"
            try:
                await self._exchange.state(root, holders, window, path)
                state = await self._trainer.read_state(path)
            except (NoHolder, NotAccepted, WorkerFailed) as error:
                logger.warning("A state of window {} was not taken: {}", window, error)
                continue
            if state.root[:STATE_BYTES] == named and state.window == window:
                into = self._state_path(window)
                await asyncio.to_thread(path.replace, into)
                self._shared[state.root] = root
                return StateRef(str(into), state.root, state.window, state.cursor)
            logger.warning("{} handed over another state than window {} has", holders, window)
        return None

    async def _who_has(self, named: bytes) -> dict[Root, list[Ss58]]:
        """Return the objects that are said to hold the state, each with those who say so; what most
        say comes first."""
        method = Method(STATE, WhichState, StateHeld)
        targets = [*self._peers.of_role(Role.VALIDATOR), *self._peers.of_role(Role.MINER)]
        answers = await self._peers.fan_out(
            [Question(target, method, WhichState(state=named)) for target in targets],
            deadline_s=ASK_S,
        )
        said: dict[Root, list[Ss58]] = {}
        for answer in answers:
            if answer.reply is not None and answer.reply.root is not None:
                said.setdefault(Root(answer.reply.root), []).append(answer.target.hotkey)
        return dict(sorted(said.items(), key=lambda each: -len(each[1])))

    async def _share(self, state: StateRef) -> Root:
        """Return the object that holds ``state``; the first who asks has it put."""
        async with self._sharing:
            if state.root not in self._shared:
                root = await self._exchange.put(Path(state.path), state.window)
                self._shared[state.root] = root
            return self._shared[state.root]

    # -- what is held

    def _state_path(self, window: int) -> Path:
        return self._states_folder / f"{window}.safetensors"

    def _take(self, state: StateRef) -> None:
        self._states[state.window] = state
        for window in sorted(self._states)[:-STATES_KEPT]:
            self._drop(self._states[window])

    def _drop(self, state: StateRef) -> None:
        del self._states[state.window]
        self._shared.pop(state.root, None)
        Path(state.path).unlink(missing_ok=True)

    async def _forget(self, before: int) -> None:
        """Let go of the objects and messages of windows earlier than ``before``."""
        await self._exchange.forget(before)
        await asyncio.to_thread(_remove_numbered, self._messages, before)

    def _note(self, folded: WindowFolded) -> None:
        self._folded[folded.closing.window] = folded
        while len(self._folded) > STATES_KEPT:
            self._folded.popitem(last=False)


def _newest_first(folder: Path) -> list[Path]:
    named = [path for path in folder.glob("*.safetensors") if path.stem.isdigit()]
    return sorted(named, key=lambda path: -int(path.stem))


def _remove_numbered(folder: Path, before: int) -> None:
    """Remove the folders in ``folder`` that are named by a number below ``before``."""
    if folder.is_dir():
        for each in folder.iterdir():
            if each.name.isdigit() and int(each.name) < before:
                shutil.rmtree(each, ignore_errors=True)
