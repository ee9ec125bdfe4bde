"""An axon killed with -9 and started again on its folder serves nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assay.wire.errors import Code
from assay.wire.memory import RawRequest
from tests.unit.subnet.wire.world import CLOCK, Question, http_send, refusal_in, signed

pytestmark = pytest.mark.e2e

PROGRAM = """
import asyncio, sys
from pathlib import Path
from assay.wire.axon import Axon
from assay.wire.interface import Method
from assay.wire.nonce_file import CeilingFile
from tests.unit.subnet.wire.world import BOB, Answered, Question, echo

async def main():
    axon = Axon(BOB, nonces=CeilingFile(Path(sys.argv[1]) / "nonces"))
    axon.attach(Method(name="echo", request=Question, reply=Answered, handler=echo))
    await axon.start()
    print(axon.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await axon.stop()

asyncio.run(main())
"""


class Process:
    def __init__(self, folder: Path) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.child.stdout is not None
        self.port = int(self.child.stdout.readline())

    def kill(self) -> None:
        os.kill(self.child.pid, signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        assert self.child.stdin is not None
        self.child.stdin.close()
        return self._reap()

    def _reap(self) -> int:
        code = self.child.wait(20)
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                pipe.close()
        return code


async def test_replays_stay_refused_over_kills_under_load(tmp_path: Path) -> None:
    served: list[RawRequest] = []
    for _ in range(3):
        process = Process(tmp_path)
        await replay(process.port, served)
        # An honest caller waits out the reserve at most.
        for _ in range(50):
            fresh = signed(nonce_ns=CLOCK.now_ns())
            if (await http_send(process.port, fresh)).status == 200:
                served.append(fresh)
                break
            await asyncio.sleep(0.1)
        else:
            pytest.fail("an honest caller was not let in again within five seconds")
        served += await load(process.port)
        process.kill()
    process = Process(tmp_path)
    await replay(process.port, served)
    assert process.stop() == 0
    assert len(served) > 40


async def replay(port: int, served: list[RawRequest]) -> None:
    """Everything ever served, once more. On a slow machine the oldest may be refused for age."""
    for request in served:
        old = CLOCK.now_ns() - nonce_of(request) > 10**10
        reply = await http_send(port, request)
        code = refusal_in(reply, request).code
        assert code in (Code.BEFORE_RESTART, Code.REPLAYED) or (old and code == Code.STALE)


def nonce_of(request: RawRequest) -> int:
    return int(dict(request.headers)[b"X-Bittensor-Nonce"])


async def load(port: int) -> list[RawRequest]:
    """Concurrent requests, and the ones among them that were served."""
    requests = [
        signed(nonce_ns=CLOCK.now_ns() + n, message=Question(text=str(n))) for n in range(16)
    ]
    replies = await asyncio.gather(*(http_send(port, request) for request in requests))
    return [r for r, reply in zip(requests, replies, strict=True) if reply.status == 200]
