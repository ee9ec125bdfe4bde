"""Audits: windows of peers, computed again in a process of their own.

A peer's window is audited from what the peer says it carried into it, which is fetched from the
peer. That what it carried in is what it carried out of its last counted window is compared first,
by roots, and costs nothing. An audit ends in one of these:

    right       every number is what the steps give, or every part's of the window (``disputes``)
    wrong       it is not, or the peer stands by while it hands over nothing: it is convicted
    away        the peer could not be reached for as long as the audit was open
    undecided   this validator could not do its part; nobody is to blame

Drawing whom to audit is one function of a generator that others can derive as well (``drawn``).
What follows for a peer's pay is not known here.
"""

from __future__ import annotations

import asyncio
import enum
import math
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loguru import logger

from assay.aio import bounded
from assay.clock import Clock
from assay.errors import UserError
from assay.neuron import Peers
from assay.objects.errors import NoHolder
from assay.protocol.training.seal import NOTHING, PeerSeal
from assay.training.chain_records import WindowPeer
from assay.training.exchange import Exchange, NotAccepted
from assay.training.messages import Checked, StateRef
from assay.training.trainer import Trainer
from assay.types import Ss58
from assay.validators.training.disputes import Disputed, Disputes, NotHandedOver
from assay.workers import WorkerError

FETCHES: Final = 3
"""What peers carry is fetched from so many at once; see ``mirror``."""
FETCH_S: Final = 10.0
"""For one try, beside the bytes. Between tries others take their turn."""
BYTES_PER_S: Final = 2**20
"""Beyond that, what a peer carries may take its bytes at 8 Mb/s: an audit must end within two
windows."""
PAUSE_S: Final = 1.0
PAUSE_S_MAX: Final = 30.0
"""After a failed try, doubled each time and up to half as long again."""


class AuditOutcome(enum.Enum):
    """What an audit came to; see the module."""

    OPEN = "open"
    RIGHT = "right"
    WRONG = "wrong"
    AWAY = "away"
    UNDECIDED = "undecided"


@dataclass(slots=True)
class PeerAudit:
    """One peer's audited window. ``why`` it is audited, for a person."""

    window: int
    peer: WindowPeer
    why: str
    outcome: AuditOutcome = AuditOutcome.OPEN
    reason: str = ""
    seconds: float = 0.0
    tries: int = 0
    waits: bool = False
    """Whether it waits for what others have to hand over."""

    def end(self, outcome: AuditOutcome, reason: str) -> None:
        """Note what the audit came to."""
        self.outcome, self.reason = outcome, reason


@dataclass(frozen=True, slots=True)
class AuditMaterial:
    """What an audit begins from: the window's ``state``, the peer's ``seal``, and its opened
    ``message``."""

    state: StateRef
    seal: PeerSeal
    message: Path


def drawn(rng: random.Random, hotkeys: Collection[Ss58], share: float) -> list[Ss58]:
    """Return those of ``hotkeys`` that are audited, each with probability ``share``, in the order
    in which they are. Who knows the generator finds the same."""
    chosen = [hotkey for hotkey in sorted(hotkeys) if rng.random() < share]
    rng.shuffle(chosen)
    return chosen


def breaks_off(seal: PeerSeal, carried: bytes | None) -> bool:
    """Return whether ``seal`` says that the peer carried something else into its window than it
    ``carried`` out of its last counted one; None: that is not known. Whoever carries nothing begins
    anew, as a newcomer."""
    return carried is not None and seal.before not in (NOTHING, carried)


class Auditor:
    """Does the audits, the fetches beside each other and one computation after the other."""

    def __init__(
        self,
        trainer: Trainer,
        exchange: Exchange,
        folder: Path,
        clock: Clock,
        rng: random.Random,
        peers: Peers,
    ) -> None:
        """``folder`` takes what peers carry while it is needed; ``rng`` spreads the tries."""
        self._trainer, self._exchange = trainer, exchange
        self._folder, self._clock, self._rng = folder, clock, rng
        self._fetching = asyncio.Semaphore(FETCHES)
        self._checking = asyncio.Lock()
        self._disputes = Disputes(trainer, exchange, peers, clock, self._checking)
        self._running: dict[tuple[int, Ss58], asyncio.Task[None]] = {}

    def begin(
        self,
        audit: PeerAudit,
        material: Callable[[], AuditMaterial | None],
        holders: Sequence[Ss58],
        ended: Callable[[PeerAudit], None],
    ) -> None:
        """Begin ``audit``; ``ended(audit)`` is called once it has an outcome.

        ``material()`` gives what is here of the peer's window, or None while something is missing.
        What the peer carries is fetched from ``holders``.
        """
        key = (audit.window, audit.peer.hotkey)
        if key not in self._running:
            task = asyncio.create_task(self._run(audit, material, holders, ended))
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))

    async def close(self) -> None:
        """Give up all audits that are open."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def give_up(self, audit: PeerAudit) -> None:
        """End the tries of ``audit``, which is not decided."""
        task = self._running.get((audit.window, audit.peer.hotkey))
        if task is not None:
            task.cancel()

    async def _run(
        self,
        audit: PeerAudit,
        material: Callable[[], AuditMaterial | None],
        holders: Sequence[Ss58],
        ended: Callable[[PeerAudit], None],
    ) -> None:
        pause_s = PAUSE_S
        folder = self._folder / f"{audit.window}-{audit.peer.uid}"
        while True:
            given = material()
            try:
                if given is not None:
                    await self._once(audit, given, holders, folder)
                    break
                audit.reason = "its message is not here"
            except NotAccepted as error:
                audit.end(AuditOutcome.WRONG, f"what it hands over is not what it says: {error}")
                break
            except (NoHolder, NotHandedOver, TimeoutError) as error:
                audit.tries += 1
                what = (
                    "states on its way" if isinstance(error, NotHandedOver) else "what it carried"
                )
                audit.reason = f"it has not handed over {what} ({audit.tries} tries)"
                logger.debug("uid {}: {}", audit.peer.uid, error)
            except (WorkerError, UserError) as error:
                audit.end(AuditOutcome.UNDECIDED, f"the audit failed here: {error}")
                logger.warning("An audit of uid {} failed: {}", audit.peer.uid, error)
                break
            finally:
                await asyncio.to_thread(_remove, folder)
            audit.waits = True
            await self._clock.sleep(pause_s * self._rng.uniform(1.0, 1.5))
            audit.waits = False
            pause_s = min(2 * pause_s, PAUSE_S_MAX)
        ended(audit)

    async def _once(
        self, audit: PeerAudit, given: AuditMaterial, holders: Sequence[Ss58], folder: Path
    ) -> None:
        seal, window = given.seal, audit.window
        carried: Path | None = None
        if seal.before != NOTHING:
            carried = await self._carried(seal.before, holders, window, folder / "before")

        async def from_on(begin: Path | None) -> Checked:
            """Check the steps behind ``begin``, the message, and what is carried on."""
            found = await self._check(audit, given, carried, None, begin)
            if not (found.right and found.needs_after):
                return found
            after = await self._carried(seal.after, holders, window, folder / "after")
            return await self._check(audit, given, carried, after, begin)

        found = await from_on(None)
        if not found.right and math.isfinite(found.distance):
            hotkey, place = audit.peer.hotkey, audit.peer.place
            disputed = Disputed(hotkey, place, given.state, seal, carried, folder)
            found = await self._disputes.settle(disputed, found, from_on)
        audit.end(AuditOutcome.RIGHT if found.right else AuditOutcome.WRONG, found.reason)

    async def _check(
        self,
        audit: PeerAudit,
        given: AuditMaterial,
        carried: Path | None,
        after: Path | None,
        begin: Path | None,
    ) -> Checked:
        async with self._checking:
            found = await self._trainer.check(
                Path(given.state.path), carried, audit.peer.place, given.message,
                after_root=given.seal.after, after=after, begin=begin, steps=given.seal.steps,
            )  # fmt: skip
        audit.seconds += found.seconds
        return found

    async def _carried(self, root: bytes, holders: Sequence[Ss58], window: int, into: Path) -> Path:
        await asyncio.to_thread(into.parent.mkdir, parents=True, exist_ok=True)
        most_s = FETCH_S + self._exchange.limits.carried_bytes / BYTES_PER_S
        async with self._fetching:
            fetching = self._exchange.carried(root, holders, window, into)
            await bounded(self._clock, most_s, fetching)
        return into


def _remove(folder: Path) -> None:
    for each in folder.glob("*"):
        each.unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()
