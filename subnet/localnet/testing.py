"""A node for tests: in the test's own loop, or as a process of its own. Shipped, not mocked.

``running_node`` is a whole node on a free port in the calling event loop, in memory unless told
otherwise; with ``SealingMode.MANUAL`` the test decides when a block is made, by
``node.service.seal()``, and with a ``ManualClock`` what time it is. ``node_process`` is ``assay
chain start`` with a port that answers, for tests of crashes and of foreign clients.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.clock import Clock, SystemClock
from assay.errors import Unavailable
from assay.localnet.backend import Genesis
from assay.localnet.node import (
    Node,
    NodeOptions,
    default_module_cache,
    genesis_of,
    read_runtime,
    running,
)
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.sealing import SealingMode

START_S_MAX: Final = 30.0
"""A node starts in half a second; on a busy machine that compiles the runtime, in some seconds."""

_READY_BYTES_MAX: Final = 65_536


@asynccontextmanager
async def running_node(
    *,
    genesis: Genesis | None = None,
    preset: str = "local",
    block_time_ms: int | None = None,
    state_dir: Path | None = None,
    sealing: SealingMode = SealingMode.TRANSACTION,
    clock: Clock | None = None,
    rpc_limits: RpcLimits | None = None,
    history_blocks: int | None = None,
    beacon: bool = False,
) -> AsyncIterator[Node]:
    """A node in this loop, with the development methods, stopped when the block ends."""
    if genesis is None:
        genesis = genesis_of(code=read_runtime(), preset=preset, block_time_ms=block_time_ms)
    options = NodeOptions(
        genesis=genesis,
        state_dir=state_dir,
        sealing=sealing,
        dev_methods=True,
        module_cache=default_module_cache(),
        rpc_limits=rpc_limits,
        history_blocks=history_blocks,
        beacon=beacon,
    )
    async with running(options, clock or SystemClock()) as node:
        yield node


@dataclass(slots=True)
class NodeProcess:
    """``assay chain start`` in a process of its own. ``ready`` is the line it printed."""

    process: subprocess.Popen[bytes]
    ready: dict[str, Any]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def port(self) -> int:
        return int(self.ready["port"])

    def kill(self) -> None:
        """Kill it at once (-9), as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = 10.0) -> int:
        """End it as Ctrl-C would, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)


def start_process(*arguments: str, timeout_s: float = START_S_MAX) -> NodeProcess:
    """Start ``assay chain start --json`` with more arguments and wait until it listens.

    Unavailable, with what it said, if it ends or stays silent. Its log goes to this process's
    stderr.
    """
    command = [sys.executable, "-P", "-m", "assay.cli.main", "chain", "start", "--json", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        line = _read_line(process.stdout.fileno(), time.monotonic() + timeout_s)
        ready = json.loads(line) if line else None
    except BaseException:
        process.kill()
        process.wait()
        process.stdout.close()
        raise
    if not isinstance(ready, dict) or "error" in ready:
        process.kill()
        code = process.wait()
        process.stdout.close()
        why = ready["error"]["cause"] if ready else f"within {timeout_s:.0f} s (exit code {code})."
        raise Unavailable(f"The chain did not start: {why}", "Read what it said on stderr.")
    return NodeProcess(process, ready)


def _read_line(descriptor: int, deadline_s: float) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < _READY_BYTES_MAX:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
            return b""
        chunk = os.read(descriptor, 4_096)
        if not chunk:
            return b""
        line += chunk
    return line


@contextmanager
def node_process(*arguments: str, timeout_s: float = START_S_MAX) -> Iterator[NodeProcess]:
    """A node's process for as long as the block lasts; on a free port unless one is named."""
    if "--port" not in arguments:
        arguments = (*arguments, "--port", "0")
    node = start_process(*arguments, timeout_s=timeout_s)
    try:
        yield node
    finally:
        if node.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                node.stop()
        if node.process.poll() is None:
            node.kill()
        if node.process.stdout is not None:
            node.process.stdout.close()
