"""Parity's own node for a test, as `scripts/stock_node.sh` builds and runs it."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.runs import ROOT, free_ports
from tests.support.waiting import eventually

SCRIPT = ROOT / "scripts" / "stock_node.sh"
START_S = 120.0
"""It takes 4 s on an idle machine, of which the compilation of the runtime is most."""
STOP_S = 30.0


class StockNode:
    """One node with a folder and a port of its own, which come back with it."""

    def __init__(
        self, folder: Path, *, block_ms: int | None = None, spec: Path | None = None
    ) -> None:
        """Skip the test where no node is built. ``block_ms`` and ``spec``: what a new chain begins
        with."""
        built = sorted(ROOT.glob(".cache/stock_node/*/bin/polkadot-omni-node"))
        named = os.environ.get("ASSAY_STOCK_NODE")
        if named is None and not built:
            pytest.skip("Parity's node is not built: scripts/stock_node.sh build")
        self._program = named or str(built[-1])
        self._port = free_ports(2)
        self._folder = folder / "stock"
        self._options = [
            *("--dir", str(self._folder)),
            *("--port", str(self._port), "--peers-port", str(self._port + 1)),
            *(() if block_ms is None else ("--block-time", str(block_ms))),
            *(() if spec is None else ("--spec", str(spec))),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    @property
    def spec(self) -> Path:
        """What its chain began with."""
        return self._folder / "spec.json"

    @property
    def facts(self) -> dict[str, Any]:
        """What was told of that spec."""
        told: dict[str, Any] = json.loads((self._folder / "facts.json").read_text())
        return told

    @property
    def log(self) -> str:
        return self._folder.with_suffix(".log").read_text()

    def start(self, order: str = "run") -> None:
        """Run it, unless it runs, and wait until it answers."""
        if self._process is not None:
            return
        with self._folder.with_suffix(".log").open("a") as log:
            self._process = subprocess.Popen(
                [str(SCRIPT), order, *self._options],
                env={**os.environ, "ASSAY_STOCK_NODE": self._program},
                stdout=log, stderr=log,
            )  # fmt: skip
        eventually(self._answers, "the node answers", START_S)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.fail(f"the node ended: {self.log[-4000:]}")
        return bool(self.ask("system_health"))

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one call."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(
            self.url.replace("ws://", "http://"), body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            answer = json.loads(reply.read())
        assert "error" not in answer, answer
        return answer["result"]

    def head(self) -> int:
        """The number of its newest final block."""
        return int(self.ask("chain_getHeader", self.ask("chain_getFinalizedHead"))["number"], 16)

    def kill(self) -> None:
        """End it at once (-9), as a crash would."""
        self._end(kill=True)

    def stop(self) -> None:
        """End it as Ctrl-C would."""
        self._end(kill=False)

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            if kill:
                self._process.kill()
            else:
                self._process.terminate()
            self._process.wait(STOP_S)
            self._process = None
