"""The shipped runtime on Parity's own node: same genesis, a subnet that is paid, a kill, two nodes.

Needs the node, which takes 40 minutes to build: `make test-stock` builds it. Nothing of it runs in
CI.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.localnet.testing import node_process
from tests.e2e.runs import assay, until_first_reward, up
from tests.e2e.stock_node import StockNode
from tests.e2e.test_first_reward import check_justice, check_shape
from tests.e2e.test_kills import header_hash
from tests.e2e.test_training import strangers_train
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.stock, pytest.mark.timeout(900)]

REVERSE = ("--task", "examples/reverse.py")
BLOCKS = 20
WAIT_S = 240.0


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[StockNode]:
    node = StockNode(tmp_path)
    try:
        yield node
    finally:
        node.kill()


def head(url: str) -> dict[str, Any]:
    """The finalized block of the node at ``url``: its number and its hash."""
    final = told(url, "chain_getHeader", told(url, "chain_getFinalizedHead"))
    return {"number": int(final["number"], 16), "hash": header_hash(final)}


def told(url: str, method: str, *params: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(
        url.replace("ws://", "http://"), body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.loads(reply.read())["result"]


@pytest.mark.parametrize("form", ["plain", "raw"])
@pytest.mark.parametrize("preset", ["local", "fast-localnet", "upstream"])
def test_a_spec_begins_the_same_chain_on_both(tmp_path: Path, preset: str, form: str) -> None:
    spec = tmp_path / "spec.json"
    raw = ("--raw",) if form == "raw" else ()
    done = assay("chain", "export-spec", str(spec), "--preset", preset, *raw, "--json")
    assert done.returncode == 0, done.stderr
    genesis = json.loads(done.stdout)["genesis_hash"]
    node = StockNode(tmp_path, spec=spec)
    try:
        assert node.ask("chain_getBlockHash", 0) == genesis
        with node_process("--in-memory", "--spec", str(spec)) as ours:
            assert ours.ready["genesis_hash"] == genesis
    finally:
        node.kill()


def test_the_node_has_nothing_to_say_of_the_runtime(stock: StockNode) -> None:
    eventually(lambda: stock.head() >= BLOCKS, "blocks are made", WAIT_S)
    lines = [line for line in stock.log.splitlines() if "ffchain" in line or "ERROR" in line]
    assert lines == []


def test_a_subnet_is_paid_and_goes_on_over_a_kill(tmp_path: Path, stock: StockNode) -> None:
    state = tmp_path / "state"
    document = until_first_reward(state, *REVERSE, "--chain", stock.url)
    check_shape(document)
    check_justice(document)
    with up(state, *REVERSE, chain=stock.url, judged=False) as run:
        before = run.wait(lambda: run.assay("status", "--netuid", "1"), "the run is there")
        run.wait(lambda: "Every miner serves" in run.log(), "the miners serve")
        final = stock.head()
        stock.kill()
        stock.start("restart")
        assert stock.head() >= final - 1, "what was final may lack the block that was being made"

        def goes_on() -> bool:
            now = run.assay("status", "--netuid", "1")
            return bool(now["epoch"] >= before["epoch"] + 3)

        run.wait(goes_on, "epochs go on", WAIT_S)
        rows = run.assay("status", "--netuid", "1")["neurons"]
        assert sum(row["incentive"] > 0 for row in rows) >= 3


def test_two_nodes_are_in_step(tmp_path: Path, stock: StockNode) -> None:
    """Parity's node makes the blocks; our host executes each and comes to the same root. Either is
    killed and comes back; what is submitted at ours is in a block of Parity's."""
    options = (
        *("--state-dir", str(tmp_path / "second"), "--spec", str(stock.spec)),
        *("--follow", stock.url, "--log-level", "WARNING"),
    )

    def in_step(url: str, number: int) -> bool:
        here = head(url)
        there = told(stock.url, "chain_getBlockHash", here["number"])
        assert here["hash"] == there
        return bool(here["number"] >= number)

    with node_process(*options) as second:
        eventually(lambda: in_step(second.url, BLOCKS), "twenty blocks agree", WAIT_S)
        wallet = ("--state-dir", str(tmp_path / "wallets"), "--json")
        assert assay("wallet", "create", "w", "--no-password", *wallet).returncode == 0
        funded = assay("fund", "w", "5", "--chain", second.url, *wallet)
        assert json.loads(funded.stdout)["balance_rao"] == 5 * 10**9, funded.stderr
        shown = assay("wallet", "show", "w", "--chain", stock.url, *wallet)
        assert "5000000000" in shown.stdout
        second.kill()
    final = stock.head()
    stock.kill()
    stock.start()
    with node_process(*options) as second:
        eventually(lambda: in_step(second.url, final + BLOCKS), "both went on", WAIT_S)


@pytest.mark.inference
def test_strangers_train_on_it(tmp_path: Path, stock: StockNode) -> None:
    strangers_train(tmp_path, chain=stock.url)
