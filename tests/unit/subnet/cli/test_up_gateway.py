"""A run's gateway: which options it is given, and the key that is new at each start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click
import pytest
from msgspec import Meta

from assay.cli.gateway import run
from assay.cli.task_options import ChosenTask
from assay.cli.up.gateway import canary_words, gateway_spec, local_key
from assay.cli.up.plan import Plan, make_plan
from assay.clock import SystemClock
from assay.gateway.keys import KeyFile, key_path
from assay.neuron import MinerTask, TaskSettings, ValidatorTask
from assay.types import NetUid


class Wanted(TaskSettings, frozen=True):
    model: str = "demo"
    accept_engines: bool = False
    tolerance: Annotated[float, Meta(gt=0.0)] = 0.1


class Asking(Wanted, frozen=True):
    canary_gateway: tuple[str, ...] = ()
    canary_key_file: tuple[Path, ...] = ()
    client_answers: bool = True


class Miner(MinerTask):
    name = "some"
    has_gateway = True


class Validator(ValidatorTask):
    name = "some"
    settings = Wanted


class AskingValidator(ValidatorTask):
    name = "some"
    settings = Asking


def plan(folder: Path, metrics_port: int | None = None) -> Plan:
    return make_plan(
        seed=0, task="some", task_options=(), base_port=9944, state_dir=folder, validators=1,
        miners=2, cheat=None, slow=0, metrics_port=metrics_port, gateway=True,
    )  # fmt: skip


def test_it_has_the_validators_options_that_it_knows(tmp_path: Path) -> None:
    given = {"model": "mine", "accept_engines": True, "tolerance": 0.5}
    chosen = ChosenTask((Miner, Validator), given)
    spec = gateway_spec(plan(tmp_path), NetUid(3), chosen, "entry", ("--log-level", "INFO"))
    words = list(spec.arguments)
    assert words[:2] == ["gateway", "run"]
    assert {"--model=mine", "--accept-engines"} <= set(words)
    assert not any("tolerance" in word for word in words)
    # The command takes all of these words.
    context = run.make_context("run", words[2:], resilient_parsing=True)
    assert (context.params["netuid"], context.params["port"]) == (3, 9947)
    assert (context.params["model"], context.params["wallet"]) == ("mine", "owner")
    assert isinstance(context, click.Context)


def test_it_offers_metrics_after_the_neurons_if_any_are_wanted(tmp_path: Path) -> None:
    chosen = ChosenTask((Miner, Validator), {})
    made = plan(tmp_path, metrics_port=9_300)
    neurons = [member.metrics_port for member in made.members if member.metrics_port]
    assert [made.metrics_port, *neurons, made.gateway_metrics_port] == list(range(9_300, 9_305))
    assert 9_304 in made.ports, "the run looks whether it is free"
    words = list(gateway_spec(made, NetUid(3), chosen, "entry", ()).arguments)
    context = run.make_context("run", words[2:], resilient_parsing=True)
    assert context.params["metrics_port"] == 9_304
    assert plan(tmp_path).gateway_metrics_port is None


def test_each_start_has_a_key_of_its_own(tmp_path: Path) -> None:
    made = plan(tmp_path)
    keys = KeyFile(key_path(tmp_path), clock=SystemClock())
    kept, _ = keys.add("ada")
    first, second = (local_key(made, SystemClock()) for _ in range(2))
    assert keys.find(first) is None
    assert keys.find(second) is not None
    assert keys.find(kept) is not None


def test_validators_have_keys_of_their_own_to_ask_as_clients_do(tmp_path: Path) -> None:
    made, clock = plan(tmp_path), SystemClock()
    chosen = ChosenTask((Miner, AskingValidator), {})
    words = canary_words(made, chosen, clock)["validator-1"]
    path = tmp_path / "gateway" / "validator-1.keys"
    assert words == [
        f"--canary-gateway={made.gateway_url}",
        f"--canary-key-file={path.absolute()}",
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    reads, asks = path.read_text().split()
    keys = KeyFile(key_path(tmp_path), clock=clock)
    found = [keys.find(each) for each in (reads, asks)]
    assert [each is not None and each.reads_shared_prompts for each in found] == [True, False]
    assert not any(each is not None and each.shares_prompts for each in found)
    canary_words(made, chosen, clock)
    assert keys.find(asks) is None, "each start has new ones"


@pytest.mark.parametrize(
    ("validator", "given"),
    [
        (Validator, {}),  # a task that knows no canaries
        (AskingValidator, {"client_answers": False}),
        (AskingValidator, {"canary_gateway": ("http://other:1",)}),
    ],
)
def test_no_keys_are_made_where_nobody_uses_them(
    tmp_path: Path, validator: type[ValidatorTask], given: dict[str, object]
) -> None:
    assert canary_words(plan(tmp_path), ChosenTask((Miner, validator), given), SystemClock()) == {}
    assert not (tmp_path / "gateway").exists()
