"""The small subnet beside a run's own: who takes part, where, and that its trouble is its own."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assay.cli.up.beside import BesideRun, plan_beside
from assay.cli.up.keys import own_funds
from assay.cli.up.plan import MemberRole, Plan, make_plan
from assay.cli.up.record import BesideRecord, RecordFile
from assay.cli.up.request import RunRequest
from assay.clock import SystemClock
from assay.errors import Unavailable
from assay.supervise import Supervisor
from assay.types import NetUid


def request(folder: Path, **changed: Any) -> RunRequest:
    given: dict[str, Any] = {
        "preset": None, "task": "inference", "seed": 0, "base_port": 30_000, "chain": None,
        "state_dir": folder, "validators": 2, "miners": 4, "cheat": "cached", "slow": 0,
        "until_first_reward": False, "training": True, "fresh": False, "metrics_port": None,
        "json": True, "commit_reveal": False, "log_level": "WARNING", "log_format": "text",
        "neuron_log_level": "INFO",
    }  # fmt: skip
    return RunRequest(**given | changed)


def own(folder: Path, task: str = "inference", metrics_port: int | None = None) -> Plan:
    return make_plan(
        seed=0, task=task, task_options=(), base_port=30_000, state_dir=folder, validators=2,
        miners=4, cheat="cached", slow=0, gateway=True, metrics_port=metrics_port,
    )  # fmt: skip


@pytest.mark.parametrize("metrics_port", [None, 31_000])
def test_it_has_names_and_ports_of_its_own_on_the_same_chain(
    tmp_path: Path, metrics_port: int | None
) -> None:
    first = own(tmp_path, metrics_port=metrics_port)
    wanted = plan_beside(first, request(tmp_path))
    assert wanted is not None
    plan = wanted.plan
    assert (plan.endpoint, plan.state_dir) == (first.endpoint, first.state_dir)
    assert plan.owner.name == first.owner.name
    names = {each.name for each in plan.members if each.role is not MemberRole.OWNER}
    assert names == {"auditor-1", "trainer-1"}
    assert not names & {each.name for each in first.members}
    ports = [port for port in plan.ports if port != plan.chain_port]
    assert len(ports) == len(names)
    assert not set(ports) & set(first.ports)
    assert all(each.behaviour == "honest" for each in plan.members)
    assert wanted.beside.niceness > 0
    wanted.chosen.settings(wanted.chosen.miner)
    assert wanted.chosen.settings(wanted.chosen.validator)


def test_it_is_for_the_default_task_and_can_be_left_out(tmp_path: Path) -> None:
    first = own(tmp_path)
    assert plan_beside(first, request(tmp_path, training=False)) is None
    assert plan_beside(first, request(tmp_path, until_first_reward=True)) is None
    for task in ("training", "examples/reverse.py"):
        assert plan_beside(own(tmp_path, task), request(tmp_path)) is None


def test_the_subnet_that_trains_is_found_whether_it_is_the_runs_own_or_not(tmp_path: Path) -> None:
    file = RecordFile(tmp_path)
    assert file.netuid_of("training") is None
    record = file.open(own(tmp_path))
    file.save(msgspec.structs.replace(record, netuid=NetUid(1)))
    assert (file.netuid_of("inference"), file.netuid_of("training")) == (1, None)
    beside = BesideRecord(netuid=NetUid(2))
    file.save(msgspec.structs.replace(record, netuid=NetUid(1), beside=beside))
    assert (file.netuid_of("inference"), file.netuid_of("training")) == (1, 2)
    assert file.netuid_of("reverse") is None
    file.save(msgspec.structs.replace(record, task="training", netuid=NetUid(3)))
    assert file.netuid_of("training") == 3


class Down:
    """A chain that does not answer."""

    async def balance(self, address: str) -> int:
        raise Unavailable("It is down.", "Wait.")

    async def head(self) -> None:
        raise Unavailable("It is down.", "Wait.")

    async def subnets(self) -> None:
        raise Unavailable("It is down.", "Wait.")


@pytest.mark.timeout(60)
async def test_what_goes_wrong_there_is_told_once_and_ends_nothing_else(tmp_path: Path) -> None:
    wanted = plan_beside(own(tmp_path), request(tmp_path))
    assert wanted is not None
    told: list[str] = []
    ended = asyncio.Event()

    def say(message: str) -> None:
        told.append(message)
        if "is off" in message:
            ended.set()

    supervisor = Supervisor(SystemClock(), random.Random(0))
    run = BesideRun(
        wanted,
        request(tmp_path),
        None,
        lambda record: None,
        supervisor,
        say,
        SystemClock(),
        own_funds(wanted.plan),
    )
    going = asyncio.create_task(run.go(Down(), NetUid(1)))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert told == [], "the run's own subnet has not paid yet"
    run.own_paid.set()
    await ended.wait()
    assert told[-1].endswith("It is down. Wait.")
    assert not going.done(), "the run goes on"
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
