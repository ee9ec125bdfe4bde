"""What goes wrong in a chaos run: one fault at a time on one peer, drawn by a seed (``planned``).

A peer's process group is killed, its trainer alone is killed, it is stopped, its link is cut, what
it sends is changed on the way, or it is killed and a file that it needs is damaged meanwhile. The
link is a proxy in front of the peer's port. ``apply`` returns for how many seconds the peer was
kept from working by the fault itself; what the peer needs to come back counts against the peer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

KINDS: Final = ("kill", "kill-trainer", "stop", "cut", "corrupt", "damage")
OUTAGE_S: Final = (1.0, 5.0)
"""For how long a fault lasts."""
BETWEEN_S: Final = (10.0, 30.0)
"""From one fault to the next. A fault has ended when the next one comes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the peer with the number ``peer``, so long after the fault before it."""

    after_s: float
    kind: str
    peer: int


def planned(rng: random.Random, seconds: float, peers: range) -> list[Fault]:
    """Return the faults of so many ``seconds``, to ``peers``. Kinds come in rounds, each round in
    an order of its own: so each is drawn once in six faults, three times in nine minutes at the
    latest. No peer is hit twice in a row."""
    found: list[Fault] = []
    kinds: list[str] = []
    passed_s, last = 0.0, -1
    while True:
        after_s = rng.uniform(*BETWEEN_S)
        passed_s += after_s
        if passed_s > seconds:
            return found
        if not kinds:
            kinds = rng.sample(KINDS, len(KINDS))
        last = rng.choice([peer for peer in peers if peer != last])
        found.append(Fault(after_s, kinds.pop(), last))


class ChaosPeer(Protocol):
    """What a fault does something to."""

    link: Link
    state: Path

    def pids(self) -> tuple[int, list[int]]:
        """The neuron's process, and its workers'."""
        ...

    def kill(self) -> None: ...

    def start(self) -> None: ...


@dataclass(slots=True)
class Link:
    """A proxy from ``outside`` to ``inside``, which can be cut, and can flip bytes."""

    inside: int
    outside: int = 0
    is_cut: bool = False
    is_noisy: bool = False
    server: asyncio.Server | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.outside = self.server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break what is open, and take nothing until ``is_cut`` is False again."""
        self.is_cut = True
        for writer in list(self.writers):
            writer.transport.abort()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.inside)
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, far_writer}
        try:
            await asyncio.gather(
                self._pass(reader, far_writer, lambda data: data),
                self._pass(far_reader, writer, self._changed),
            )
        finally:
            self.writers -= {writer, far_writer}

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        change: Callable[[bytes], bytes],
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(change(data))
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    def _changed(self, data: bytes) -> bytes:
        if not self.is_noisy:
            return data
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 0x5A]) + data[middle + 1 :]


async def apply(kind: str, peer: ChaosPeer, rng: random.Random) -> float:
    """Let ``kind`` happen to ``peer``; returns the seconds that it was away through the fault."""
    outage_s = rng.uniform(*OUTAGE_S)
    neuron, workers = peer.pids()
    if kind in ("kill", "damage"):
        peer.kill()
        if kind == "damage":
            _damage(peer.state, rng)
        await asyncio.sleep(outage_s)
        peer.start()
        return outage_s
    if kind == "kill-trainer":
        for pid in workers:
            _signal(pid, signal.SIGKILL)
        return 0.0
    if kind == "stop":
        for pid in (neuron, *workers):
            _signal(pid, signal.SIGSTOP)
        await asyncio.sleep(outage_s)
        for pid in (neuron, *workers):
            _signal(pid, signal.SIGCONT)
        return outage_s
    if kind == "cut":
        peer.link.cut()
        await asyncio.sleep(outage_s)
        peer.link.is_cut = False
        return outage_s
    peer.link.is_noisy = True
    await asyncio.sleep(outage_s)
    peer.link.is_noisy = False
    return 0.0


def _damage(state: Path, rng: random.Random) -> None:
    """Spoil the newest state, or what the peer remembers of its work, of a peer that is dead."""
    files = [*state.glob("**/states/*.safetensors"), *state.glob("**/task/*/peer")]
    files.sort(key=lambda path: path.stat().st_mtime)
    if files:
        path = rng.choice(files[-2:])
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
