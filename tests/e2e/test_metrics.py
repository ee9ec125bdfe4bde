"""What a running subnet tells an operator: metrics at ports, logs as JSON; a taken port is told."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.e2e.runs import assay, free_ports, up
from tests.support.scraping import scraped

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

REVERSE = ("--task", "examples/reverse.py")
SMALL = ("--validators", "1", "--miners", "2", "--cheat", "none")


def test_every_process_of_a_run_offers_what_it_measures(tmp_path: Path) -> None:
    first = free_ports(4)
    asked = (*REVERSE, *SMALL, "--metrics-port", str(first), "--log-format", "json")
    with up(tmp_path / "state", *asked) as run:
        chain, validator, miner = first, first + 1, first + 2

        def answered() -> bool:
            return scraped(validator).get(("assay_weights_total", "set"), 0) > 0

        run.wait(answered, "the validator sets weights")
        node = scraped(chain)
        assert node["assay_blocks_total", "made"] >= node["assay_block_seconds_count",] > 10
        assert node["assay_finalized_block",] > 10
        assert node["assay_rpc_calls_total", "author", "reply"] > 1
        assert node["assay_pool_submissions_total", "accepted"] > 1
        judge = scraped(validator)
        assert judge["assay_turns_total", "finished"] > 0
        # By origin, then by outcome.
        assert judge["assay_answers_total", "synthetic", "reply"] > 0
        assert judge["assay_dendrite_calls_total", "reply"] > 0
        assert judge["assay_chain_requests_total", "state_queryStorageAt"] > 0
        assert judge["assay_chain_reads_total", "answered"] > 0
        assert judge["assay_chain_block",] > 10
        server = scraped(miner)
        assert server["assay_axon_requests_total", "reply"] > 0
        assert server["assay_axon_answer_seconds_count",] > 0
        assert server["assay_axon_connections_total", "kept"] > 0
        assert server["process_resident_memory_bytes",] > 0
        logs = list((run.state_dir / "logs").glob("*.log"))
        assert len(logs) == 4
        for log in logs:
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            assert {"time", "level", "module", "message"} <= lines[0].keys()


@pytest.mark.parametrize("command", ["miner", "validator", "chain", "up"])
def test_a_taken_port_is_told_before_anything_is_begun(command: str, tmp_path: Path) -> None:
    state = tmp_path / "state"
    neuron = ("run", "--netuid", "1", *REVERSE, "--register", "--chain", "ws://127.0.0.1:9")
    words = {"chain": ("start",), "up": REVERSE}.get(command, neuron)
    assert assay("wallet", "create", command, "--state-dir", str(state)).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = assay(command, *words, "--state-dir", str(state), "--metrics-port", port)
    assert done.returncode == 4, done.stderr
    assert port in done.stderr
    assert "--metrics-port" in done.stderr
    assert not (state / "chain").exists()
    assert not list(state.glob("chain*"))
