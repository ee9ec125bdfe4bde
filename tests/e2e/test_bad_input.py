"""What a person does wrong, or finds gone wrong: a cause, a cure, an exit code, nothing half done.

Each command is a process of its own. What is malformed is sent to a chain and to an axon of a real
run, which must go on serving what is well formed.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.chain.wallets import open_hotkey
from assay.types import Ss58
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Peer
from examples.reverse import Reverse, Reversed
from tests.e2e.runs import ASSAY, ROOT, Run, assay, free_ports, up

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

TASK = ("--task", "examples/reverse.py")
UNKNOWN_NETUID = "4242"
SETTLE_S_MAX = 30.0


MISTAKE, REFUSED, UNAVAILABLE = 2, 3, 4


def refused(code: int, *argv: str, unchanged: Path | None = None) -> str:
    """The cause and the cure of a command that must be refused, and must leave a folder alone."""
    before = tree(unchanged)
    done = assay(*argv)
    check_refusal(done, code)
    assert tree(unchanged) == before
    return done.stderr


def check_refusal(done: subprocess.CompletedProcess[str], code: int) -> None:
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    (cause,) = [line for line in lines if line.startswith("error ")]
    (cure,) = [line for line in lines if line.startswith("cure ")]
    assert cause.rstrip().endswith(".")
    assert cure.rstrip().endswith(".")
    assert "Traceback" not in done.stderr
    assert "DEBUG" not in done.stderr


def tree(folder: Path | None) -> dict[str, bytes]:
    """Every file below a folder with its content; the SDK's caches do not count."""
    if folder is None or not folder.exists():
        return {}
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
        if "cache" not in path.relative_to(folder).parts
    }


# ---- without a chain ----------------------------------------------------------------------------


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_ports(4) + 1))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def wallet(tmp_path: Path) -> Path:
    """A state folder with one wallet, ``w``."""
    state = tmp_path / "state"
    made = assay("wallet", "create", "w", "--state-dir", str(state), "--json")
    assert made.returncode == 0, made.stderr
    return state


@pytest.mark.parametrize("offset", [0, 1], ids=["the-chain's", "a-miner's"])
def test_a_port_in_use_ends_a_run_before_it_starts(
    taken_port: int, offset: int, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    argv = ("up", *TASK, "--base-port", str(taken_port - offset), "--state-dir", str(state))
    told = refused(UNAVAILABLE, *argv)
    assert f"Port {taken_port} is in use" in told
    assert "--base-port" in told
    for name in ("chain", "wallets", "neurons", "logs"):
        assert not (state / name).exists(), f"{name} was made"


COMMANDS = {
    "status": (),
    "fund": ("w", "5"),
    "subnet list": (),
    "subnet register": ("--wallet", "w"),
    "wallet show": ("w",),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_chain_that_is_down(command: str, wallet: Path) -> None:
    url = f"ws://127.0.0.1:{free_ports(1)}"
    argv = (*command.split(), *COMMANDS[command], "--chain", url, "--state-dir", str(wallet))
    told = refused(UNAVAILABLE, *argv, unchanged=wallet)
    assert url in told
    assert "--chain" in told


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_what_listens_there_is_no_chain(answer: bytes, wallet: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            with contextlib.ExitStack() as held, contextlib.suppress(OSError):
                while True:
                    caller = held.enter_context(listener.accept()[0])
                    caller.sendall(answer)
                    if answer:
                        caller.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        argv = ("status", "--chain", url, "--state-dir", str(wallet))
        assert url in refused(UNAVAILABLE, *argv, unchanged=wallet)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.inference
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "no model folder"),
        ({}, "config.json is missing"),
        ({"config.json": "{"}, "not JSON"),
        ({"config.json": '{"model_type": "llama"}'}, "no weights"),
        ({"config.json": '{"model_type": "llama"}', "pytorch_model.bin": ""}, "run code"),
    ],
)
def test_a_model_folder_that_is_none(
    content: dict[str, str] | None, word: str, tmp_path: Path
) -> None:
    model, state = tmp_path / "model", tmp_path / "state"
    if content is not None:
        model.mkdir()
        for name, text in content.items():
            (model / name).write_text(text)
    port = str(free_ports(8))
    argv = ("up", "--model", str(model), "--base-port", port, "--state-dir", str(state))
    told = refused(MISTAKE, *argv)
    assert word in told
    assert not state.exists()


@pytest.mark.parametrize(
    ("text", "word"), [(None, "no task"), ("x = (", "reverse"), ("x = 1\n", "task")]
)
def test_a_task_that_is_none(text: str | None, word: str, tmp_path: Path) -> None:
    path, state = tmp_path / "reverse.py", tmp_path / "state"
    if text is not None:
        path.write_text(text)
    refused(MISTAKE, "up", "--task", str(path), "--state-dir", str(state))
    assert not state.exists()


# ---- on a full disk -----------------------------------------------------------------------------


def on_a_full_disk(
    folder: Path, kib: int, *argv: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """A command whose folder is a file system with ``kib`` KiB left; what it ended like and left.

    The file system exists for that command alone, in a namespace of its own.
    """
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this machine lets nobody make a namespace to mount in")
    folder.mkdir()
    listing = folder.with_name("left")
    script = (
        'mount -t tmpfs -o "size=${KIB}k" none "$FOLDER"; "$@"; code=$?;'
        ' (cd "$FOLDER" && find . -type f) > "$LISTING"; exit $code'
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(ASSAY), *argv],
        cwd=ROOT,
        env={"KIB": str(kib), "FOLDER": str(folder), "LISTING": str(listing),
             "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    return done, listing.read_text().split()


@pytest.mark.parametrize("kib", [4, 8, 12])
def test_a_full_disk_leaves_no_half_wallet(kib: int, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    done, left = on_a_full_disk(disk, kib, "wallet", "create", "w", "--state-dir", str(disk))
    check_refusal(done, UNAVAILABLE)
    assert "No space left" in done.stderr
    assert left == []


@pytest.mark.parametrize("kib", [64, 200, 600])
def test_a_full_disk_ends_a_run(kib: int, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    port = str(free_ports(8))
    done, left = on_a_full_disk(
        disk, kib, "up", *TASK, "--base-port", port, "--state-dir", str(disk)
    )
    check_refusal(done, UNAVAILABLE)
    assert not [name for name in left if name.endswith((".tmp", ".new"))]
    for wallet in {name.split("/")[2] for name in left if name.startswith("./wallets/")}:
        files = {name for name in left if name.startswith(f"./wallets/{wallet}/")}
        assert len(files) == 4, f"{wallet} is half made: {files}"
    with socket.socket() as probe:  # nothing of the run is left running
        probe.bind(("127.0.0.1", int(port)))


# ---- beside a run -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    state = tmp_path_factory.mktemp("bad") / "state"
    with up(state, *TASK) as run:
        run.wait(lambda: served(run), "the miners serve", SETTLE_S_MAX)
        yield run
        code, _ = run.stop()
        assert code == 0, run.log()


def served(run: Run) -> list[str]:
    """The miners' endpoints as the chain has them, once all four are there."""
    neurons = run.assay("status", "--netuid", "1")["neurons"]
    axons = [neuron["axon"] for neuron in neurons if neuron["axon"]]
    return axons if len(axons) == 4 else []


@pytest.fixture
def poor(run: Run) -> str:
    """A wallet that has nothing."""
    made = assay("wallet", "create", "poor", "--state-dir", str(run.state_dir))
    assert made.returncode == 0, made.stderr
    return "poor"


def test_an_unknown_subnet(run: Run, poor: str) -> None:
    told = refused(REFUSED, "status", "--netuid", UNKNOWN_NETUID, *run.options)
    assert UNKNOWN_NETUID in told
    for role in ("miner", "validator"):
        argv = (role, "run", "--netuid", UNKNOWN_NETUID, "--wallet", poor, *TASK, "--register")
        assert UNKNOWN_NETUID in refused(REFUSED, *argv, *run.options)


def test_too_little_balance(run: Run, poor: str) -> None:
    before = run.assay("wallet", "show", poor)
    subnets = len(run.assay("subnet", "list"))
    refused(REFUSED, "subnet", "register", "--wallet", poor, *run.options)
    mines = ("miner", "run", "--netuid", "1", "--wallet", poor, *TASK, "--register")
    refused(REFUSED, *mines, *run.options)
    refused(REFUSED, "fund", poor, "9999999999", *run.options)
    assert run.assay("wallet", "show", poor) == before
    assert len(run.assay("subnet", "list")) == subnets


def test_a_wrong_password(run: Run, tmp_path: Path) -> None:
    made = subprocess.run(
        [str(ASSAY), "wallet", "create", "locked", "--password", "--state-dir", str(run.state_dir)],
        input="tiger\ntiger\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    run.assay("fund", "locked", "3000")
    secret = tmp_path / "secret"
    secret.write_text("lion\n")
    argv = ("subnet", "register", "--wallet", "locked", *run.options)
    told = refused(MISTAKE, *argv, "--password-file", str(secret))
    assert "password" in told
    assert "lion" not in told
    assert "password" in refused(MISTAKE, *argv)
    refused(MISTAKE, *argv, "--password-file", str(tmp_path / "absent"))
    secret.write_text("tiger\n")
    run.assay("subnet", "register", "--wallet", "locked", "--password-file", str(secret))


def test_a_neuron_that_has_no_uid(run: Run, poor: str) -> None:
    for role in ("miner", "validator"):
        told = refused(REFUSED, role, "run", "--netuid", "1", "--wallet", poor, *TASK, *run.options)
        assert "is not registered on subnet 1" in told


def rpc(run: Run, body: bytes) -> Any:
    status, answer = posted(run.base_port, "/", body)
    assert status == 200
    return json.loads(answer)


def posted(
    port: int, path: str, body: bytes, method: str = "POST", **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def height(run: Run) -> int:
    told = rpc(run, b'{"jsonrpc":"2.0","id":7,"method":"chain_getHeader","params":[]}')
    assert told["id"] == 7
    return int(told["result"]["number"], 16)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[]", -32600),
        (b'"text"', -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"no_such","params":[]}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"chain_getBlock","params":["x"]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"author_submitExtrinsic","params":["0x"]}', None),
        (b'{"jsonrpc":"2.0","id":1,"method":"author_submitExtrinsic","params":["0x0cffff"]}', None),
        (b'{"jsonrpc":"2.0","id":1,"method":"author_submitExtrinsic","params":["0x1004"]}', None),
        (b"[" * 5_000, -32700),
    ],
)
def test_the_chain_answers_a_malformed_frame_and_goes_on(
    run: Run, frame: bytes, code: int | None
) -> None:
    before = height(run)
    error = rpc(run, frame)["error"]
    assert isinstance(error["message"], str)
    # 1001 to 1016 are the codes of refused extrinsics.
    assert error["code"] == code if code is not None else error["code"] in range(1001, 1017)
    run.wait(lambda: height(run) > before, "the next block", 10)


NOISE = (
    b"\x00" * 100,
    b"GET\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999\r\n\r\n",
    b"GET / HTTP/9.9\r\n" + b"a: b\r\n" * 2_000 + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


def throw(port: int, noise: bytes) -> bytes:
    """Send bytes that are no request; the beginning of whatever came back."""
    thrown = socket.create_connection(("127.0.0.1", port), timeout=20)
    with thrown, contextlib.suppress(OSError):
        thrown.sendall(noise)
        thrown.shutdown(socket.SHUT_WR)
        return thrown.recv(64)
    return b""


@pytest.mark.parametrize("noise", NOISE)
def test_the_chain_survives_what_is_no_http(run: Run, noise: bytes) -> None:
    before = height(run)
    answer = throw(run.base_port, noise)
    assert not answer or answer.split()[1].startswith(b"4"), answer
    run.wait(lambda: height(run) > before, "the next block", 10)


async def reversed_by(run: Run, port: int, hotkey: str, text: str) -> str:
    """What a miner answers to a good request, signed by one of the run's validators."""
    signer = open_hotkey(run.state_dir / "wallets", "validator-1")
    dendrite = Dendrite(signer)
    try:
        peer = Peer(Ss58(hotkey), "127.0.0.1", port)
        reply = await dendrite.call(peer, "reverse", Reverse(text=text), Reversed, deadline_s=10)
        return reply.message.text
    finally:
        await dendrite.close()


REQUESTS: dict[str, tuple[str, str, bytes]] = {
    "no-route": ("GET", "/", b""),
    "wrong-method": ("DELETE", "/v1/reverse", b""),
    "unsigned": ("POST", "/v1/reverse", b'{"text":"abc"}'),
    "not-json": ("POST", "/v1/reverse", b"\xff\x00"),
    "too-long": ("POST", "/v1/reverse", b"a" * 9_000_000),
}


@pytest.fixture(scope="module")
def axon(run: Run) -> tuple[int, str]:
    """An honest miner's port, and its hotkey."""
    run.wait(lambda: served(run), "the miners serve", SETTLE_S_MAX)
    port = run.base_port + 1
    neurons = run.assay("status", "--netuid", "1")["neurons"]
    (hotkey,) = [n["hotkey"] for n in neurons if n["axon"] == f"127.0.0.1:{port}"]
    return port, hotkey


@pytest.mark.parametrize("name", REQUESTS)
async def test_an_axon_refuses_a_malformed_request_and_goes_on(
    run: Run, axon: tuple[int, str], name: str
) -> None:
    method, path, body = REQUESTS[name]
    status = None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # hung up on, rightly
        status, _ = await asyncio.to_thread(posted, axon[0], path, body, method)
    assert status is None or status in range(400, 500)
    assert await reversed_by(run, *axon, text="assay") == "yassa"


@pytest.mark.parametrize("noise", NOISE)
async def test_an_axon_survives_what_is_no_http(
    run: Run, axon: tuple[int, str], noise: bytes
) -> None:
    answer = await asyncio.to_thread(throw, axon[0], noise)
    assert not answer or answer.split()[1].startswith(b"4"), answer
    assert await reversed_by(run, *axon, text="assay") == "yassa"
