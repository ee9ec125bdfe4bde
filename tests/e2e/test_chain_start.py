"""``assay chain start`` as a process: its one line, its signals, its refusals, and ``kill -9``."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from assay.child import LIFELINE
from assay.localnet.state.store import DATABASE_NAME
from assay.localnet.testing import NodeProcess, node_process, running_node, start_process
from tests.unit.subnet.localnet.core_chain import ALICE, transfer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

QUIET = ("--log-level", "WARNING")
REFUSAL_S_MAX = 30.0


MISTAKE, UNAVAILABLE = 2, 4


def refused(code: int, *arguments: str, limited_by: tuple[str, ...] = ()) -> str:
    """What a start that must be refused says; on stdout it says the same as JSON."""
    start = [sys.executable, "-m", "assay.cli.main", "chain", "start", "--json", *arguments]
    command = [*limited_by, *start]
    done = subprocess.run(command, capture_output=True, text=True, timeout=REFUSAL_S_MAX)
    assert done.returncode == code, done.stderr
    assert json.loads(done.stdout)["error"]["code"] == code
    assert done.stderr.count("error") == 1
    assert "cure" in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def ask(node: NodeProcess, method: str, *params: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(
        node.url.replace("ws", "http", 1), body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)["result"]


def wait_for_block(node: NodeProcess, number: int, timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while int(ask(node, "chain_getHeader")["number"], 16) < number:
        assert time.monotonic() < until, f"block {number} did not come"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_one_line_and_ends_in_order(number: signal.Signals, tmp_path: Path) -> None:
    node = start_process("--port", "0", "--state-dir", str(tmp_path / "chain"), *QUIET)
    assert node.ready["head"] == 0
    assert node.ready["block_time_ms"] == 250
    assert node.ready["sealing"] == "interval"
    assert ask(node, "system_chain") == node.ready["chain"]
    wait_for_block(node, 2)
    node.process.send_signal(number)
    rest, _ = node.process.communicate(timeout=20)
    assert (node.process.returncode, rest) == (0, b"")
    with node_process("--state-dir", str(tmp_path / "chain"), *QUIET) as again:
        assert again.ready["head"] >= 2
        assert again.ready["genesis_hash"] == node.ready["genesis_hash"]


def test_it_ends_with_its_supervisor(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "assay.cli.main", "chain", "start", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, "--state-dir", str(tmp_path), *QUIET],
        stdin=read_end,
        stdout=subprocess.PIPE,
        env={**os.environ, LIFELINE: "0"},
    ) as process:
        try:
            os.close(read_end)
            assert process.stdout is not None
            assert process.stdout.readline()
            os.close(write_end)  # as the kernel does when the supervisor is killed
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_a_taken_port_is_refused_and_leaves_no_chain(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = refused(UNAVAILABLE, "--port", port, "--state-dir", str(tmp_path / "chain"))
    assert port in told
    assert "--port" in told
    assert not (tmp_path / "chain").exists()


def test_a_chain_is_open_once(tmp_path: Path) -> None:
    with node_process("--state-dir", str(tmp_path), *QUIET):
        assert str(tmp_path) in refused(
            UNAVAILABLE, "--port", "0", "--state-dir", str(tmp_path)
        ).replace("\n", "")


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(b"this is no database" * 1_000)
    refused(MISTAKE, "--port", "0", "--state-dir", str(tmp_path))


def test_who_names_a_property_gets_it_or_hears_so(tmp_path: Path) -> None:
    with node_process("--state-dir", str(tmp_path), "--block-time", "400", *QUIET) as node:
        assert node.ready["block_time_ms"] == 400
    refused(MISTAKE, "--port", "0", "--state-dir", str(tmp_path), "--block-time", "300")
    with node_process("--state-dir", str(tmp_path), *QUIET) as again:
        assert again.ready["block_time_ms"] == 400, "nothing named: the stored chain as it is"


def chain_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assay.cli.main", "chain", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_stored_chain_is_verified_and_exported(tmp_path: Path) -> None:
    chain, exported = tmp_path / "chain", tmp_path / "exported"
    with node_process("--state-dir", str(chain), "--block-time", "50", *QUIET) as node:
        wait_for_block(node, 5)
        assert chain_command("verify", "--state-dir", str(chain)).returncode == 4, "it is running"
    verified = chain_command("verify", "--state-dir", str(chain), "--json")
    assert verified.returncode == 0, verified.stderr
    done = chain_command("export-blocks", str(exported), "--state-dir", str(chain), "--json")
    assert done.returncode == 0, done.stderr
    told, blocks = json.loads(done.stdout), json.loads(verified.stdout)["blocks"]
    assert told["blocks"] == blocks >= 5
    assert told["genesis"] == node.ready["genesis_hash"]
    assert told["head"] == json.loads(verified.stdout)["head"]
    assert len((exported / "blocks.txt").read_text().split()) == blocks
    assert chain_command("verify", "--state-dir", str(exported)).returncode == 2, "no chain there"


def test_history_ends_where_it_was_told_to() -> None:
    arguments = ("--in-memory", "--history", "3", "--sealing", "manual", *QUIET)
    with node_process(*arguments) as node:
        ask(node, "dev_newBlock", 200)  # old states go some dozens at a time
        first = ask(node, "chain_getBlockHash", 1)
        assert ask(node, "chain_getHeader", first)["number"] == "0x1", "blocks are kept"
        body = json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "state_getStorage", "params": ["0x3a63", first]}
        ).encode()
        url = node.url.replace("ws", "http", 1)
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            error = json.load(reply)["error"]
        assert error["code"] == 4003
        assert f"State already discarded for {first}" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--port", "70000"), "70000"),
        (("--port", "x"), "--port"),
        (("--block-time", "1"), "--block-time"),
        (("--sealing", "never"), "never"),
        (("--nonsense",), "--nonsense"),
        (("--log-level", "LOUD"), "LOUD"),
        (("--preset", "nonsense", "--port", "0", "--in-memory"), "nonsense"),
        (("--runtime", "absent.wasm"), "absent.wasm"),
        (("--runtime", "pyproject.toml", "--port", "0", "--in-memory"), "untime"),
        (("--rpc-address", "203.0.113.7", "--port", "0"), "203.0.113.7"),
        (("--rpc-address", "0.0.0.0", "--port", "0", "--in-memory"), "//Alice"),
        (("--sudo", "5FHneW46", "--port", "0", "--in-memory"), "5FHneW46"),
    ],
)
def test_wrong_options_are_refused(arguments: tuple[str, ...], word: str) -> None:
    assert word in refused(MISTAKE, *arguments)


def test_too_few_addresses_are_named_as_the_cause() -> None:
    limited = ("sh", "-c", 'ulimit -v 4000000; exec "$@"', "sh")
    told = refused(UNAVAILABLE, "--port", "0", "--in-memory", limited_by=limited)
    assert "3906 MiB of addresses (ulimit -v)" in told


def test_a_chain_of_ones_own_says_so() -> None:
    mine = "5CAH491X9qj5L2YugFs8iysiTyGvA4EchvrfY1HAa7iPpBAG"
    with node_process("--in-memory", "--sudo", mine, "--rpc-address", "0.0.0.0", *QUIET) as node:
        assert (node.ready["sudo"], node.ready["sudo_uri"]) == (mine, None)
        assert node.ready["accounts"] == []
        wait_for_block(node, 2)
    with node_process("--in-memory", *QUIET) as node:
        assert node.ready["sudo_uri"] == "//Alice"
        first = node.ready["accounts"][0]
        assert (first["uri"], first["tao"]) == ("//Alice", 1_000_000)


def test_a_full_disk_ends_the_chain_with_its_cause(tmp_path: Path) -> None:
    chain = tmp_path / "chain"
    command = [sys.executable, "-m", "assay.cli.main", "chain", "start", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, "--state-dir", str(chain), *QUIET],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            node = NodeProcess(process, json.loads(process.stdout.readline()))  # type: ignore[arg-type]
            wait_for_block(node, 1)
            # A file that may not grow fails like a disk without room.
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4_096, 4_096))
            _, told = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 4, told
    assert "cure" in told
    assert "Traceback" not in told
    with node_process("--state-dir", str(chain), *QUIET) as again:
        assert again.ready["head"] >= 1


async def test_a_head_that_was_announced_is_there_after_kill_9(tmp_path: Path) -> None:
    arguments = ("--state-dir", str(tmp_path), "--block-time", "50", *QUIET)
    announced: dict[str, str] = {}
    node = start_process("--port", "0", *arguments)
    try:
        async with aiohttp.ClientSession() as http, http.ws_connect(node.url) as ws:
            await ws.send_str(
                '{"jsonrpc":"2.0","id":1,"method":"chain_subscribeFinalizedHeads","params":[]}'
            )
            await ws.receive(10)
            for _ in range(8):
                head = json.loads((await ws.receive(10)).data)["params"]["result"]
                announced[head["number"]] = head["stateRoot"]
    finally:
        await asyncio.to_thread(node.kill)
        assert node.process.stdout is not None
        node.process.stdout.close()

    def check() -> None:
        with node_process(*arguments) as again:
            for number, root in announced.items():
                header = ask(again, "chain_getHeader", ask(again, "chain_getBlockHash", number))
                assert header["stateRoot"] == root

    await asyncio.to_thread(check)
    assert len(announced) == 8


async def test_the_node_in_a_tests_own_loop() -> None:
    """The shipped helper: a real runtime, sealed by each transaction, ready in the same loop."""
    async with running_node() as node:
        chain = node.backend
        nonce = int.from_bytes(
            chain.call("AccountNonceApi_account_nonce", bytes(ALICE.public_key)), "little"
        )
        signed = transfer(chain, nonce)
        sealed = asyncio.Event()
        node.service.on_block(lambda _: sealed.set())
        node.service.submit(signed)
        await asyncio.wait_for(sealed.wait(), 10)
        assert signed in chain.head.extrinsics
