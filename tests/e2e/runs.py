"""Real runs of `assay up` for end-to-end tests: started, waited for, stopped, always cleaned up.

Adds to ``subprocess`` what every such test needs: a port range of its own, a state folder of its
own, deadlines on everything, and the log in the failure's message. Nothing here reaches into the
processes; tests talk to them as any client would.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ASSAY = Path(sys.executable).with_name("assay")
STOP_DEADLINE_S = 40.0
EXPORTS_DIR = "ASSAY_EXPORTS_DIR"
"""Names a folder into which every run's chain is exported at its end, for ``scripts/judge``."""
REPLAY_S_MAX = 600.0
PORTS = range(21_000, 32_000)
"""Above those that people choose, below those that systems give to outgoing connections."""
CHAIN_END_S_MAX = 20.0
"""A chain whose supervisor was killed ends by itself, within seconds."""


def script(name: str) -> ModuleType:
    """A program of ``scripts/`` as a module; its name has no ending that Python would find."""
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / "scripts" / name))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _band() -> range:
    """The ports of this process: tests run side by side, and between the look at a port and its use
    another one must not have it."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = len(PORTS) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return PORTS[worker * size : (worker + 1) * size]


_handed_out = os.getpid() * 37
"""Where in the band the next look begins: after what was handed out, and elsewhere in each run."""


def free_ports(count: int) -> int:
    """The first of ``count`` free ports in a row."""
    global _handed_out
    band = _band()
    for _ in range(0, len(band), count):
        at = _handed_out % (len(band) - count)
        _handed_out = at + count
        with contextlib.ExitStack() as held:
            try:
                for port in band[at : at + count]:
                    probe = held.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return band[at]
    raise AssertionError("no free ports")


def assay(*argv: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    command = [str(ASSAY), *argv]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
    )


@dataclass
class Run:
    """One `assay up` in the background."""

    process: subprocess.Popen[str]
    state_dir: Path
    base_port: int
    chain: str | None = None
    """The chain that somebody else runs, if the run is on one."""

    @property
    def url(self) -> str:
        return self.chain or f"ws://127.0.0.1:{self.base_port}"

    @property
    def options(self) -> list[str]:
        """What another command needs to join this run."""
        return ["--chain", self.url, "--state-dir", str(self.state_dir)]

    def assay(self, *argv: str, timeout_s: float = 120.0) -> Any:
        """A command beside the run, its JSON result; AssertionError with its stderr if it fails."""
        done = assay(*argv, *self.options, "--json", timeout_s=timeout_s)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def pids(self) -> dict[str, int]:
        data: dict[str, int] = json.loads((self.state_dir / "processes.json").read_text())
        return data

    def wait(self, condition: Callable[[], Any], what: str, timeout_s: float = 90.0) -> Any:
        """The first true value of ``condition()``; it may fail while things come up."""
        deadline = time.monotonic() + timeout_s
        trouble: Exception | None = None
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the run ended: {self.log()}"
            try:
                value = condition()
            except (OSError, ValueError, AssertionError, KeyError) as error:
                trouble = error
            else:
                if value:
                    return value
            time.sleep(0.25)
        raise AssertionError(f"not within {timeout_s} s: {what} ({trouble})\n{self.log()}")

    def log(self) -> str:
        with contextlib.suppress(OSError):
            return (self.state_dir / "up.log").read_text()[-4000:]
        return ""

    def stop(self) -> tuple[int, str]:
        """Ctrl-C; the exit code and what it printed on stdout."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=STOP_DEADLINE_S)
        return self.process.returncode, out


@contextlib.contextmanager
def up(
    state_dir: Path, *argv: str, ports: int = 16, judged: bool = True, chain: str | None = None
) -> Iterator[Run]:
    """`assay up ARGV` while the block runs; everything is stopped at its end, come what may. There
    is no small subnet beside it unless it is asked for with ``--training``.

    ``judged`` False: the run leaves no chain that could be executed again. ``chain``: the address
    of a chain that somebody else runs.
    """
    base = free_ports(ports)
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "up.log").open("w") as log:
        process = subprocess.Popen(
            [
                *(str(ASSAY), "up", "--base-port", str(base), "--state-dir", str(state_dir)),
                *(() if chain is None else ("--chain", chain)),
                *("--no-training", *argv),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
        )
    run = Run(process, state_dir, base, chain)
    try:
        yield run
    finally:
        _end(process)
    if judged:
        keep_for_the_judge(state_dir)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=STOP_DEADLINE_S)
    if process.poll() is None:
        process.kill()
        process.communicate(timeout=STOP_DEADLINE_S)


def keep_for_the_judge(state_dir: Path) -> None:
    """Execute the run's chain again in our own host, and export it, if that is asked for."""
    exports, chain = os.environ.get(EXPORTS_DIR), state_dir / "chain"
    if not exports or not chain.is_dir():
        return
    until = time.monotonic() + CHAIN_END_S_MAX
    verify = ("chain", "verify", "--state-dir", str(chain), "--json")
    while (verified := assay(*verify, timeout_s=REPLAY_S_MAX)).returncode:
        assert "open in another" in verified.stderr.replace("\n", " "), verified.stderr
        assert time.monotonic() < until, verified.stderr
        time.sleep(0.5)
    folder = Path(exports) / f"{state_dir.parent.name}-{uuid.uuid4().hex[:6]}"
    done = assay("chain", "export-blocks", str(folder), "--state-dir", str(chain), "--json")
    assert done.returncode == 0, done.stderr
    (folder / "verified.json").write_text(verified.stdout)


def until_first_reward(state_dir: Path, *argv: str, timeout_s: float = 400.0) -> dict[str, Any]:
    """One whole run; the document that it prints on stdout, which must be all that it prints."""
    base = free_ports(16)
    done = assay(
        "up",
        "--until-first-reward",
        "--json",
        "--base-port",
        str(base),
        "--state-dir",
        str(state_dir),
        *argv,
        timeout_s=timeout_s,
    )
    logs = "\n".join(
        f"--- {path.name}\n{path.read_text()[-1500:]}"
        for path in (state_dir / "logs").glob("*.log")
    )
    assert done.returncode == 0, f"{done.stderr}\n{logs}"
    keep_for_the_judge(state_dir)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def of_role(document: dict[str, Any], role: str, *behaviours: str) -> Sequence[dict[str, Any]]:
    """The rows of one role, and of these behaviours if any are named."""
    return [
        row
        for row in document["neurons"]
        if row["role"] == role and (not behaviours or row["behaviour"] in behaviours)
    ]
