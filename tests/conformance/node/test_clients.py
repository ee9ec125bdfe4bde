"""Clients that others wrote, unmodified, against a real node; what they saw equals raw storage.

The SDK runs in this environment, substrate-interface in the foreign clients' own (``make
clients``). Each is a process of its own, and so is the node.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.localnet.rpc.methods import registry
from assay.localnet.testing import NodeProcess, node_process

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

CLIENTS = Path(__file__).parent / "clients"
ROOT = Path(__file__).resolve().parents[3]
FOREIGN_PYTHON = ROOT / ".venv-clients" / "bin" / "python"
CLIENT_S_MAX = 90


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    with node_process("--in-memory", "--log-level", "WARNING") as started:
        yield started


def run(python: Path | str, client: str, node: NodeProcess) -> dict[str, Any]:
    command = [str(python), str(CLIENTS / client), node.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_S_MAX)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def ask(node: NodeProcess, method: str, *params: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(
        node.url.replace("ws", "http", 1), body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)["result"]


def accounts(node: NodeProcess) -> int:
    # twox128("System") ‖ twox128("Account")
    prefix = "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"
    return len(ask(node, "state_getKeysPaged", prefix, 1_000))


def test_the_sdk_reads_transfers_and_follows_heads(node: NodeProcess) -> None:
    seen = run(sys.executable, "sdk.py", node)
    assert seen["slot_ms"] == node.ready["block_time_ms"]
    assert seen["genesis"] == node.ready["genesis_hash"]
    assert seen["success"] is True
    assert seen["received"] == 777
    assert {"Transfer", "TransactionFeePaid", "ExtrinsicSuccess"} <= set(seen["events"])
    assert seen["accounts"] == accounts(node)
    assert seen["heads"] == list(range(seen["heads"][0], seen["heads"][0] + 3))
    assert ask(node, "chain_getBlock", seen["block_hash"])["block"]["extrinsics"][1:]


@pytest.mark.foreign
def test_substrate_interface_reads_transfers_and_reads_events(node: NodeProcess) -> None:
    if not FOREIGN_PYTHON.exists():
        pytest.skip("the foreign clients' environment is not made: make clients")
    seen = run(FOREIGN_PYTHON, "substrate_interface.py", node)
    assert (seen["chain"], seen["ss58"]) == (node.ready["chain"], 42)
    assert seen["token"] == ["TAO", 9]
    assert seen["methods"] == list(registry(dev_methods=False).names)
    assert 0 < seen["fee"] <= seen["fee_paid"]
    assert seen["finalized"] is True
    assert seen["received"] == 2 * 12_345
    assert {"Transfer", "TransactionFeePaid", "ExtrinsicSuccess"} <= set(seen["events"])
    assert seen["accounts"] == accounts(node)
    assert seen["heads"] == list(range(seen["heads"][0], seen["heads"][0] + 3))
    assert seen["stale"]["code"] == seen["poor"]["code"] == 1010
    assert seen["stale"]["data"] == "Transaction is outdated"
    assert seen["poor"]["data"].startswith("Inability to pay some fees")
    header = ask(node, "chain_getHeader", seen["included_in"])
    assert int(header["number"], 16) == seen["block"]
