"""`assay up` on a chain that somebody else runs, and a second node of that chain.

The chain here is our own host's, in a process that the run does not know; the same on Parity's node
is in ``test_stock_node``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.localnet.testing import node_process
from tests.e2e.runs import assay, free_ports, until_first_reward, up
from tests.e2e.test_first_reward import check_justice, check_shape

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

REVERSE = ("--task", "examples/reverse.py")


def refused(state: Path, *argv: str) -> str:
    """What `assay up` says and leaves no run behind, in one line."""
    done = assay(
        "up", "--state-dir", str(state), "--base-port", str(free_ports(8)), *REVERSE, *argv
    )
    assert done.returncode in (2, 4), done.stderr
    assert done.stdout == ""
    return " ".join(done.stderr.split())


@pytest.mark.slow
def test_a_run_is_paid_there_and_taken_up_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with node_process("--in-memory", "--log-level", "WARNING") as chain:
        document = until_first_reward(state, *REVERSE, "--chain", chain.url)
        check_shape(document)
        check_justice(document)
        assert not (state / "chain").exists()
        again = until_first_reward(state, *REVERSE, "--chain", chain.url)
        assert again["netuid"] == document["netuid"]
        told = assay("status", "--netuid", "1", "--state-dir", str(state), "--json")
        assert json.loads(told.stdout)["netuid"] == 1, "it finds the run's chain by itself"
        assert "its own" in refused(state)
    assert "did not answer" in refused(state, "--chain", chain.url)
    with node_process("--in-memory", "--block-time", "300") as other:
        assert "was on the chain" in refused(state, "--chain", other.url)


@pytest.mark.slow
def test_chains_on_which_no_run_can_be_are_told_from_others(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with node_process("--in-memory", "--preset", "upstream", "--block-time", "250") as public:
        assert "loopback address" in refused(state, "--chain", public.url)
    bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
    with node_process("--in-memory", "--sudo", bob) as poor:
        assert "10400 TAO" in refused(state, "--chain", poor.url, "--fresh")
    assert not (state / "chain").exists()


@pytest.mark.slow
def test_a_run_on_a_node_that_follows(tmp_path: Path) -> None:
    """Neurons at the one node, blocks made by the other."""
    with (
        node_process("--in-memory", "--log-level", "WARNING") as leader,
        node_process("--in-memory", "--log-level", "WARNING", "--follow", leader.url) as follower,
    ):
        assert follower.ready["follows"] == leader.url
        document = until_first_reward(tmp_path / "state", *REVERSE, "--chain", follower.url)
        check_shape(document)
        check_justice(document)
        with up(tmp_path / "state", *REVERSE, chain=leader.url) as run:
            run.wait(lambda: "Every miner serves" in run.log(), "the miners serve")


def test_a_node_that_follows_makes_no_blocks() -> None:
    told = assay("chain", "start", "--follow", "local", "--sealing", "manual", "--in-memory")
    assert told.returncode == 2
    assert "makes no blocks" in told.stderr
