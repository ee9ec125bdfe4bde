"""The run beside which foreign clients act, and how they are started.

Adds to ``assay up`` a subnet that has already paid, TAO for whoever needs it, and an environment in
which a client finds no home folder but an empty one. A client is always a process of the foreign
clients' own environment (``make clients``); it knows nothing of this project's code.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.conformance.foreign.raw import RawChain, u16, vector
from tests.e2e.runs import ROOT, Run

CLIENTS_BIN: Final = ROOT / ".venv-clients" / "bin"
SDK10_BINS: Final = {line: ROOT / f".venv-clients-{line}" / "bin" for line in ("10.2", "10.5")}
"""Environments of the SDK's 10.x lines, each with a library of its own below it."""
CLIENTS: Final = Path(__file__).parent / "clients"
"""Scripts that run in the clients' environments."""
CLIENT_S_MAX: Final = 120.0
"""btcli alone takes two seconds to import; on a busy machine that is ten."""
NETUID: Final = 1
"""The subnet that `assay up` makes."""


@dataclass(frozen=True)
class Done:
    """How a client ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err or self.out
        return json.loads(self.out)


def environment(url: str, home: Path) -> dict[str, str]:
    """What a client of the chain at ``url`` finds: ``home`` and its wallets, and no other chain."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "BITTENSOR_RUNTIME_CACHE_DIR": str(home / "cache"),
        "BT_NETWORK": url,
        "BT_FALLBACK_ENDPOINTS": "none",
        "BT_ARCHIVE_ENDPOINTS": "none",
        "BT_WALLET_PATH": str(home / "wallets"),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


@dataclass(frozen=True)
class Btcli:
    """btcli for many commands: a process of ``clients/btcli.py``."""

    process: subprocess.Popen[str]

    @classmethod
    @contextmanager
    def on(cls, url: str, home: Path) -> Iterator[Btcli]:
        """For the chain at ``url`` with the wallets under ``home``, to the end of the context."""
        with subprocess.Popen(
            [str(CLIENTS_BIN / "python"), str(CLIENTS / "btcli.py")],
            cwd=home,
            env=environment(url, home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield cls(process)
            finally:
                process.kill()

    def __call__(self, *arguments: str) -> Done:
        """One command, to its end."""
        given, told = self.process.stdin, self.process.stdout
        assert given is not None
        assert told is not None
        given.write(json.dumps([*arguments, "--json"]) + "\n")
        given.flush()
        assert select.select([told], (), (), CLIENT_S_MAX)[0], f"no end of {arguments}"
        return Done(*json.loads(told.readline()))


@dataclass(frozen=True)
class World:
    """A run, its storage, and a home folder for clients."""

    run: Run
    chain: RawChain
    home: Path

    @property
    def wallets(self) -> Path:
        return self.home / "wallets"

    def client(self, program: str, *arguments: str, bin: Path = CLIENTS_BIN, **more: str) -> Done:
        """A program of a foreign clients' environment, to its end."""
        done = subprocess.run(
            [str(bin / program), *arguments],
            cwd=self.home,
            env={**environment(self.run.url, self.home), **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CLIENT_S_MAX,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def script(self, name: str, *arguments: str) -> Any:
        """One of the scripts in ``clients``, and the JSON that it printed."""
        path = CLIENTS / name
        return self.client("python", str(path), self.run.url, *arguments).json

    def sdk10(self, line: str, *arguments: str) -> Any:
        """The script of the SDK's 10.x lines under one of them; its answer is the last line."""
        path = CLIENTS / "sdk10.py"
        done = self.client("python", str(path), self.run.url, *arguments, bin=SDK10_BINS[line])
        assert done.code == 0, done.err or done.out
        return json.loads(done.out.splitlines()[-1])

    def btcli(self, *arguments: str) -> Done:
        return self.client("btcli", *arguments, "--json")

    def fund(self, address: str, tao: int) -> None:
        self.run.assay("fund", address, str(tao))

    def validator(self) -> str:
        """The hotkey of the run's first validator."""
        wallet = self.run.state_dir / "wallets" / "validator-1" / "hotkeys" / "defaultpub.txt"
        return str(json.loads(wallet.read_text())["ss58Address"])

    def has_paid(self) -> bool:
        """Whether the subnet's miners have incentive."""
        storage = self.chain.at(self.chain.height())
        return any(vector(storage.subtensor("Incentive", u16(NETUID)), 2))
