"""`assay up` that is interrupted, started twice, killed half way, or told to start over."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from assay.cli.task_options import ChosenTask
from assay.cli.up.plan import make_plan
from assay.cli.up.port_owner import check_own_chain
from assay.cli.up.request import RunRequest
from assay.cli.up.run import run as run_up
from assay.errors import Unavailable
from assay.neuron.loader import load_miner, load_validator
from tests.e2e.runs import ASSAY, Run, assay, free_ports, up
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

REVERSE = ("--task", "examples/reverse.py")


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def chain_of(run: Run) -> int:
    """The chain's process id, as soon as it was started."""
    run.wait(lambda: runs(run.pids()["chain"]), "the chain is started")
    return run.pids()["chain"]


def said(run: Run, words: str) -> None:
    run.wait(lambda: words in run.log(), words)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_before_the_first_reward_it_leaves_130_and_no_result(
    number: signal.Signals, tmp_path: Path
) -> None:
    with up(tmp_path / "state", *REVERSE, "--until-first-reward", "--json") as run:
        chain = chain_of(run)
        said(run, "Creating a subnet")
        run.process.send_signal(number)
        out, _ = run.process.communicate(timeout=20)
        assert (run.process.returncode, out) == (130, ""), run.log()
        assert "Traceback" not in run.log()
        assert not runs(chain)


def test_a_folder_has_one_run_and_fresh_does_not_end_it(tmp_path: Path) -> None:
    with up(tmp_path / "state", *REVERSE) as run:
        chain_of(run)
        port = str(run.base_port + 50)
        for more in ((), ("--fresh",)):
            second = assay(
                "up", *REVERSE, "--base-port", port, "--state-dir", str(run.state_dir), *more
            )
            assert second.returncode == 4
            assert f"process {run.process.pid}" in second.stderr
        assert (run.state_dir / "chain" / "chain.sqlite").is_file()
        said(run, "Starting the neurons")


@pytest.mark.slow
def test_killed_half_way_it_goes_on_with_the_subnet_it_made(tmp_path: Path) -> None:
    """Also when the chain itself is killed while the members join."""
    state = tmp_path / "state"
    with up(state, *REVERSE) as run:
        chain = chain_of(run)
        said(run, "Registering neurons")
        run.process.kill()
        run.process.communicate(timeout=20)
        eventually(lambda: not runs(chain), "the chain ends after its supervisor")
    assert msgspec.json.decode((state / "up.json").read_bytes())["netuid"] is None
    with up(state, *REVERSE, "--until-first-reward", "--json") as run:
        chain = chain_of(run)
        said(run, "Registering neurons")
        os.kill(chain, signal.SIGKILL)
        out, _ = run.process.communicate(timeout=120)
        assert run.process.returncode == 0, run.log()
        assert msgspec.json.decode(out)["netuid"] == 1
        assert run.log().count("Creating a subnet") == 0
    with up(state, *REVERSE, "--fresh") as run:
        said(run, "Creating a subnet")
        assert run.stop()[0] == 130


def test_a_chain_that_cannot_start_is_told_at_once(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "chain").mkdir(parents=True)
    (state / "chain" / "chain.sqlite").write_bytes(b"no database" * 1_000)
    with up(state, *REVERSE, judged=False) as run:
        run.process.communicate(timeout=120)
        # 2, and not the 4 of a run whose patience with a slow chain came to its end.
        assert run.process.returncode == 2
        assert "damaged" in run.log()
        assert "--fresh" in run.log()
        assert "was not ready" not in run.log()
    with up(state, *REVERSE, "--fresh") as run:
        said(run, "Creating a subnet")


def test_a_chain_that_began_with_another_runtime_goes_on(tmp_path: Path) -> None:
    """As after an update of the program: the chain keeps the runtime that it was begun with."""
    state = tmp_path / "state"
    with up(state, *REVERSE) as run:
        said(run, "Starting the neurons")
    with contextlib.closing(sqlite3.connect(state / "chain" / "chain.sqlite")) as database:
        database.execute("UPDATE meta SET value = x'00' WHERE name = 'genesis'")
        database.commit()
    asked = ("chain", "start", "--state-dir", str(state / "chain"), "--port", "0")
    told = assay(*asked, "--preset", "local")
    assert told.returncode == 2
    assert "began with another" in told.stderr
    with up(state, *REVERSE, "--until-first-reward", "--json") as run:
        out, _ = run.process.communicate(timeout=120)
        assert run.process.returncode == 0, run.log()
        assert run.log().count("Every miner serves") == 1
        assert msgspec.json.decode(out)["netuid"] == 1


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[tuple[int, bytes]]:
    """A chain that belongs to nobody here: its port, and what it said when it was ready."""
    port = free_ports(8)
    # Another block time makes another genesis.
    argv = ("chain", "start", "--in-memory", "--port", str(port), "--block-time", "200", "--json")
    with subprocess.Popen([str(ASSAY), *argv], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield port, process.stdout.readline()
        process.terminate()


async def test_a_run_never_joins_a_strangers_chain(
    stranger: tuple[int, bytes], tmp_path: Path
) -> None:
    """It came after the ports were looked at; the run's own chain cannot have its port then."""
    port, _ = stranger
    state = tmp_path / "state"
    request = RunRequest(
        preset=None, task=REVERSE[1], seed=0, base_port=port, chain=None,
        state_dir=state, validators=1, miners=1, cheat="none", slow=0, until_first_reward=True,
        fresh=False, training=True, metrics_port=None, json=True, commit_reveal=False,
        log_level="WARNING", log_format="text", neuron_log_level="INFO",
    )  # fmt: skip
    plan = make_plan(
        seed=0, task=REVERSE[1], task_options=(), base_port=port, state_dir=state,
        validators=1, miners=1, cheat=None, slow=0,
    )  # fmt: skip
    halves = (load_miner(REVERSE[1]), load_validator(REVERSE[1]))
    with pytest.raises(Unavailable, match=f"{port}.*in use"):
        await run_up(plan, request, ChosenTask(halves, {}), check=lambda plan: None)
    assert not (state / "wallets").exists()
    subnets = assay("subnet", "list", "--chain", f"ws://127.0.0.1:{port}", "--json")
    assert msgspec.json.decode(subnets.stdout) == []


def test_a_chain_is_told_from_another_by_its_genesis(stranger: tuple[int, bytes]) -> None:
    port, ready = stranger
    check_own_chain(port, ready)
    with pytest.raises(Unavailable, match="another chain"):
        check_own_chain(port, msgspec.json.encode({"genesis_hash": "0x" + "00" * 32}))
    with pytest.raises(Unavailable, match="no chain"):
        check_own_chain(free_ports(1), ready)


def test_a_run_whose_folder_is_removed_ends_with_a_sentence(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with up(state, *REVERSE) as run:
        said(run, "Starting the neurons")
        log = (state / "up.log").open()
        shutil.rmtree(state, ignore_errors=True)
        run.process.communicate(timeout=60)
        told = log.read()
        log.close()
    assert run.process.returncode == 4, told
    assert f"{state} was removed while the run used it" in told
    assert "--fresh" in told
