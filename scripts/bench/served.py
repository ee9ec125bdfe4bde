"""A gateway and miners, each a process, on a chain that each process makes for itself.

The real gateway and the real miners of inference are put together by the neurons' own run
functions and talk over real sockets. The chain is the one that ships for tests, in memory, and
every process makes the same: the same blocks' hashes, uids, addresses and commitments. So nothing
but serving takes time, and processes can be killed and started again at once.

``same_subnet`` is that chain for one process; ``nursery`` starts the processes and ends them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.fake_state import FakeState
from assay.chain.interface import Endpoint
from assay.clock import SystemClock
from assay.neuron.run import OpenSubnet, use_subnet
from assay.protocol.inference import ModelCommitment, NumericPath
from assay.types import NetUid, Rao
from assay.wire.interface import Reach
from assay.wire.keys import SeedSigner

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "scripts" / "bench" / "peers"
BLOCK_S: Final = 5.0
"""Nothing happens on this chain; each block costs every process some milliseconds."""
START_S: Final = 300.0
"""For a process to import torch, to load the model and to listen, on a busy machine."""


def signer(name: str) -> SeedSigner:
    """The key called ``name``: the same in every process, and of no value."""
    return SeedSigner(sha256(name.encode()).digest())


def miner_key(number: int) -> SeedSigner:
    return signer(f"miner {number}")


GATEWAY: Final = signer("gateway")


@contextlib.asynccontextmanager
async def same_subnet(
    ports: Sequence[int], root: bytes, state_dir: Path, *, permit: bool = True
) -> AsyncIterator[OpenSubnet]:
    """A subnet whose miner ``n`` listens at ``ports[n]`` and serves the model ``root``. ``permit``
    says whether the gateway's hotkey has one."""
    clock = SystemClock()
    owner, coldkey = signer("owner"), signer("cold")
    hotkeys = [GATEWAY, *(miner_key(number) for number in range(len(ports)))]
    money = {key.address: Rao(10**15) for key in (coldkey, *hotkeys)}
    ledger = FakeLedger(clock, balances=money, block_time_s=BLOCK_S)
    chain = FakeChain(ledger)
    netuid = (await chain.create_subnet(coldkey, owner.address)).netuid
    await chain.start_subnet(netuid, coldkey)
    for hotkey in hotkeys:
        await chain.register(netuid, hotkey, hotkey.address)
    for hotkey, port in zip(hotkeys[1:], ports, strict=True):
        await chain.serve_axon(netuid, hotkey, Endpoint("127.0.0.1", port))
        commitment = ModelCommitment(root, NumericPath.SEEDED_FP32)
        await chain.set_commitment(netuid, hotkey, commitment.pack())
    if permit:
        await chain.add_stake(netuid, GATEWAY, GATEWAY.address, Rao(10**11))
        ledger.edit(lambda state: _with_permit(state, netuid))
    sealing = asyncio.create_task(ledger.run())
    try:
        async with use_subnet(
            chain, netuid, state_dir=state_dir, clock=clock, reach=Reach.HERE_AND_PUBLIC
        ) as subnet:
            yield subnet
    finally:
        sealing.cancel()


def _with_permit(state: FakeState, netuid: NetUid) -> FakeState:
    """``state`` as the next epoch makes it, because the gateway holds stake."""
    subnet = state.subnet(netuid)
    uid = subnet.need_uid(GATEWAY.address)
    return state.with_subnet(subnet.with_slot(uid, replace(subnet.slots[uid], permit=True)))


class Program:
    """A process of one of ``peers``' programs, which says a line of JSON when it is ready."""

    def __init__(self, name: str, *words: str, log: Path) -> None:
        variables = os.environ | {
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "TOKENIZERS_PARALLELISM": "false",
        }
        self._log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAMS / name), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,  # what has come can be waited for
                env=variables,
            )

    @property
    def said(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def tell(self, line: str) -> None:
        """Give the process one line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def line(self) -> dict[str, int | str]:
        """The next line that the process says; SystemExit with its log if none comes."""
        came, _, _ = select.select([self.said], [], [], START_S)
        told = self.said.readline() if came else b""
        if not told:
            raise SystemExit(f"a process is not ready:\n{self._log.read_text()[-4000:]}")
        return dict(json.loads(told))

    def end(self) -> None:
        """Let the process end, and wait for it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said.close()


@dataclass(frozen=True)
class Door:
    """A gateway that serves: where, and with which key."""

    url: str
    key: str
    pid: int


class Nursery:
    """Miners of one model, which are started one by one, and as often as they are killed."""

    def __init__(
        self,
        folder: Path,
        model: str,
        miners: int,
        *,
        threads: int = 1,
        program: str = "serve_miners.py",
        more: Sequence[str] = (),
    ) -> None:
        self.ports = free_ports(miners)
        self._folder, self._model = folder, model
        words = (str(folder), model, json.dumps(self.ports), str(threads), *more)
        self._program = Program(program, *words, log=folder / "miners.log")
        self.pids: dict[int, int] = {}
        """The process of each miner that was started, by the miner's number."""

    def loaded(self) -> None:
        """Wait until the model is loaded."""
        assert self._program.line() == {"event": "loaded"}

    def start(self, miner: int) -> None:
        """Start a miner that is not at work, and wait until it serves."""
        assert miner not in self.pids
        self._program.tell(str(miner))
        told = self._program.line()
        assert told["miner"] == miner
        self.pids[miner] = int(told["pid"])

    def kill(self, miner: int) -> None:
        """End a miner as a machine does that loses its power."""
        os.kill(self.pids.pop(miner), signal.SIGKILL)

    @contextlib.contextmanager
    def gateway(self, name: str = "gateway", *, permit: bool = True) -> Iterator[Door]:
        """A gateway before the miners, with a folder called ``name``, while the block runs."""
        folder = self._folder / name
        folder.mkdir()
        words = (str(folder), self._model, json.dumps(self.ports), str(int(permit)))
        program = Program("serve_gateway.py", *words, log=folder / "log")
        try:
            told = program.line()
            url = f"http://127.0.0.1:{told['port']}/v1"
            yield Door(url, str(told["key"]), program.process.pid)
        finally:
            program.end()

    def end(self) -> None:
        """End all miners."""
        self._program.end()


@contextlib.contextmanager
def nursery(
    folder: Path,
    model: str,
    miners: int,
    *,
    threads: int = 1,
    program: str = "serve_miners.py",
    more: Sequence[str] = (),
) -> Iterator[Nursery]:
    """A nursery with all its miners started, while the block runs. ``program`` is what serves them;
    it takes ``threads`` and ``more`` as its last words."""
    found = Nursery(folder, model, miners, threads=threads, program=program, more=more)
    try:
        found.loaded()
        for miner in range(miners):
            found.start(miner)
        yield found
    finally:
        found.end()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
