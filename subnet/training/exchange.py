"""What peers and validators of a run hand each other: seals, sealed messages, what is carried,
states; as objects, each under the limit that the run's own model sets.

In go files and bytes, which get roots; in come roots that the chain or a seal names, and the
hotkeys of those who should hold them; out come files that are what they should be. With a bucket
(``assay.objects.bucket``), what is put goes there too, and what is fetched may come from there.
What an object holds is checked here as far as one object tells (``check_seal``, ``open_message``).
What was put or fetched for a window is spared from eviction until that window is forgotten, also
over restarts.

Two kinds of failure differ for whoever must agree with others. ``NotAccepted``: the object's bytes
are wrong, and everybody who has them finds so. ``NoHolder``: the object did not come; another try,
or another neuron, may get it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from assay.errors import Unavailable, UserError
from assay.files import read_limited, write_atomic
from assay.objects import Bucket, Objects, Root
from assay.objects.errors import ObjectMissing, ObjectTooLarge
from assay.protocol.training.seal import SEAL_BYTES_MAX, PeerSeal
from assay.training.messages import RunFacts
from assay.training.sealed import TAG_BYTES, NotOpened, message_hash, unseal
from assay.types import Ss58
from assay.wire.interface import Peer

FOREVER: Final = 2**62
"""The window of objects that are spared as long as the run goes on."""
SMALL_S: Final = 20.0
"""In which a seal or a message of some kilobytes comes from one of its holders, one that answers
late included. On a public chain the phase reveal takes longer; on a local one each try is short,
and another follows."""
LARGE_S: Final = 600.0
"""The same for states, for what a peer carries, and for messages of whole gigabytes."""
SMALL_BYTES: Final = 2**20
LEDGER_BYTES_MAX: Final = 2**24
"""Objects that are spared: 256 peers with three objects, in some windows, take 0.3 MB."""

FindPeer = Callable[[Ss58], Peer | None]
"""Where the neuron of a hotkey listens: ``Peers.find_peer``."""


class NotAccepted(ValueError):
    """An object holds something else than it should; the text is one sentence of why."""


@dataclass(frozen=True, slots=True)
class ExchangeLimits:
    """The largest objects of each kind, in bytes."""

    message_bytes: int
    carried_bytes: int
    state_bytes: int

    @classmethod
    def of(cls, facts: RunFacts) -> ExchangeLimits:
        """Return the limits of a run with these ``facts``."""
        return cls(
            message_bytes=facts.message_bytes_max + TAG_BYTES,
            carried_bytes=facts.carried_bytes_max,
            state_bytes=facts.state_bytes_max,
        )


@dataclass(frozen=True, slots=True)
class WindowTerms:
    """What every seal of one window must say. ``steps`` are those of a whole window: a peer that
    ran out of time has taken fewer, and says so."""

    run: bytes
    window: int
    state: bytes
    cursor: int
    steps: int
    boundary_steps: tuple[int, ...]
    """After which steps a seal names a state on the way, if so many were taken."""


def check_seal(seal: PeerSeal, terms: WindowTerms, hotkey: Ss58, limits: ExchangeLimits) -> None:
    """Return for a ``seal`` of ``hotkey`` that fits ``terms``; NotAccepted says what does not."""
    for what, said, should in (
        ("run", seal.run, terms.run),
        ("window", seal.window, terms.window),
        ("hotkey", seal.hotkey, hotkey),
        ("state", seal.state, terms.state),
        ("cursor", seal.cursor, terms.cursor),
    ):
        if said != should:
            raise NotAccepted(f"the seal names another {what}")
    if seal.steps > terms.steps:
        raise NotAccepted(f"the seal names {seal.steps} steps of at most {terms.steps}")
    named = sum(step <= seal.steps for step in terms.boundary_steps)
    if len(seal.boundaries) != named:
        raise NotAccepted(
            f"the seal names {len(seal.boundaries)} states on the way, and not {named}"
        )
    if not TAG_BYTES < seal.message_bytes <= limits.message_bytes:
        raise NotAccepted(
            f"the seal names a message of {seal.message_bytes} bytes, and the run's have at most"
            f" {limits.message_bytes}"
        )


def open_message(sealed: bytes, key: bytes, seal: PeerSeal) -> bytes:
    """Return the message that ``key`` opens ``sealed`` to; NotAccepted if it opens to nothing, or
    to another message than ``seal`` names."""
    if len(sealed) != seal.message_bytes:
        raise NotAccepted("the sealed message is not as long as the seal says")
    try:
        message = unseal(sealed, key, run=seal.run, window=seal.window, hotkey=seal.hotkey)
    except NotOpened as error:
        raise NotAccepted(str(error)) from None
    if message_hash(message) != seal.opened:
        raise NotAccepted("the message is not the one that the seal names")
    return message


class Exchange:
    """One neuron's way to the objects of a run."""

    def __init__(
        self,
        objects: Objects,
        find_peer: FindPeer,
        limits: ExchangeLimits,
        ledger: Path,
        bucket: Bucket | None = None,
    ) -> None:
        """``ledger`` is the file that says for which window which object is spared; ``bucket`` is
        one more holder, for a neuron that others reach badly."""
        self.limits = limits
        self._objects, self._find_peer = objects, find_peer
        self._bucket = bucket
        self._in_bucket: set[Root] = set()
        self._ledger = ledger
        self._kept: dict[Root, int] = {}
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """Read what was spared before a restart, and let go of what no window needs. A ledger that
        cannot be read spares nothing."""
        raw = await asyncio.to_thread(read_limited, self._ledger, LEDGER_BYTES_MAX)
        try:
            kept = msgspec.json.decode(raw or b"[]", type=list[tuple[str, int]])
            self._kept = {Root(bytes.fromhex(root)): window for root, window in kept}
        except (msgspec.MsgspecError, ValueError):
            self._kept = {}
        for stored in await self._objects.stored():
            if stored.pinned and stored.root not in self._kept:
                await self._objects.unpin(stored.root)

    # -- what is put

    async def put(self, source: Path | bytes, window: int) -> Root:
        """Keep the object with these bytes, for ``window``, and return its root."""
        root = await self._objects.put(source, pin=True)
        await self._spare(root, window)
        await self._send(root)
        return root

    async def put_seal(self, seal: PeerSeal) -> Root:
        """Keep ``seal`` and return the root that a peer's record names."""
        return await self.put(seal.pack(), seal.window)

    async def forget(self, before: int) -> None:
        """Let go of the objects of windows earlier than ``before``: they may be evicted."""
        gone = [root for root, window in self._kept.items() if window < before]
        for root in gone:
            del self._kept[root]
            with contextlib.suppress(ObjectMissing):
                await self._objects.unpin(root)
            await self._withdraw(root)
        if gone:
            await self._write()

    async def has(self, root: bytes) -> bool:
        """Return whether the whole object is here."""
        return await self._objects.has(Root(root))

    # -- what is fetched

    async def seal(self, root: bytes, holders: Collection[Ss58], window: int) -> PeerSeal:
        """Return the seal in the object ``root``, and keep it for ``window``; NotAccepted for an
        object that holds none."""
        size = await self._get(root, holders, window, SEAL_BYTES_MAX, SMALL_S)
        try:
            return PeerSeal.parse(await self._objects.read(Root(root), 0, size))
        except ValueError as error:
            raise NotAccepted(str(error)) from None

    async def sealed_message(self, seal: PeerSeal, holders: Collection[Ss58]) -> None:
        """Bring the sealed message that ``seal`` names here, and keep it for the seal's window;
        NotAccepted if it is not as long as the seal says."""
        most = min(seal.message_bytes, self.limits.message_bytes)
        size = await self._get(seal.message, holders, seal.window, most, _deadline_s(most))
        if size != seal.message_bytes:
            raise NotAccepted("the sealed message is not as long as the seal says")

    async def opened(self, seal: PeerSeal, key: bytes) -> bytes:
        """Return the message that ``key`` opens; ObjectMissing unless the sealed one is here,
        NotAccepted if it opens to nothing, or to something else than the seal says."""
        async with self._objects.hold(Root(seal.message)) as path:
            sealed = await asyncio.to_thread(path.read_bytes)
        return open_message(sealed, key, seal)

    async def carried(
        self, root: bytes, holders: Collection[Ss58], window: int, into: Path
    ) -> None:
        """Write the object ``root``, which holds what a peer carried, to ``into``."""
        most = self.limits.carried_bytes
        await self._get(root, holders, window, most, LARGE_S, into=into)

    async def step_state(
        self, root: bytes, holders: Collection[Ss58], window: int, into: Path
    ) -> None:
        """Write the object ``root``, which is to hold a state on a window's way, to ``into``; it
        has as many numbers as what a peer carries."""
        await self.carried(root, holders, window, into)

    async def state(self, root: bytes, holders: Collection[Ss58], window: int, into: Path) -> None:
        """Write the object ``root``, which is to hold a state, to ``into``."""
        most = self.limits.state_bytes
        await self._get(root, holders, window, most, LARGE_S, into=into)

    # -- inside

    async def _get(
        self,
        root: bytes,
        holders: Collection[Ss58],
        window: int,
        bytes_max: int,
        deadline_s: float,
        into: Path | None = None,
    ) -> int:
        """Return the size of the object, which is here and spared for ``window``."""
        try:
            report = await self._objects.get(
                Root(root), self._listening(holders), into=into, pin=True,
                size_bytes_max=bytes_max, deadline_s=deadline_s,
            )  # fmt: skip
        except ObjectTooLarge as error:
            raise NotAccepted(error.cause) from None
        await self._spare(report.root, window)
        return report.size_bytes

    def _listening(self, holders: Collection[Ss58]) -> Sequence[Peer | Bucket]:
        found = (*map(self._find_peer, holders), self._bucket)
        return [holder for holder in found if holder is not None]

    async def _send(self, root: Root) -> None:
        """Send the object to the bucket; a bucket in trouble is told of, and stops nothing."""
        if self._bucket is None:
            return
        try:
            await self._objects.send(root, self._bucket)
            self._in_bucket.add(root)
        except Unavailable as error:
            logger.warning("{} {} This neuron serves the object by itself", error.cause, error.cure)

    async def _withdraw(self, root: Root) -> None:
        """Remove the object from the bucket if this process sent it there."""
        if self._bucket is None or root not in self._in_bucket:
            return
        self._in_bucket.discard(root)
        try:
            await self._bucket.remove(root)
        except Unavailable as error:
            logger.warning("{} {}", error.cause, error.cure)

    async def _spare(self, root: Root, window: int) -> None:
        if self._kept.get(root, -1) < window:
            self._kept[root] = window
            await self._write()

    async def _write(self) -> None:
        async with self._writing:
            kept = [(root.hex(), window) for root, window in self._kept.items()]
            try:
                await asyncio.to_thread(write_atomic, self._ledger, msgspec.json.encode(kept))
            except UserError:
                # The objects stay spared in this process; what a restart lets go is fetched again.
                return


def _deadline_s(size_bytes: int) -> float:
    return SMALL_S if size_bytes <= SMALL_BYTES else LARGE_S
