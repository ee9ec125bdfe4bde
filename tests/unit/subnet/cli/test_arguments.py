"""Options that commands share are declared once: every command that takes them has all of them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from assay.cli import lab, miner, validator
from assay.cli.arguments import MinerArguments, NeuronArguments, miner_options, one_line
from assay.cli.up.command import up
from assay.cli.up.request import RunRequest
from tests.unit.subnet.cli.commands import commands


def options_of(command: click.Command) -> dict[str, Any]:
    """What a command takes: by option, its default."""
    with click.Context(command) as context:
        return {name: p.get_default(context) for p in command.params for name in p.opts}


def test_an_honest_miner_and_the_labs_take_the_same_options() -> None:
    honest, wrapped = options_of(miner.run), options_of(lab.miner)
    assert {name: wrapped[name] for name in honest} == honest
    assert wrapped.keys() - honest.keys() == {"--cheat", "--slow"}


@pytest.mark.parametrize(
    ("command", "record", "besides"),
    [
        (miner.run, MinerArguments, set()),
        (lab.miner, MinerArguments, {"cheat", "slow"}),
        (validator.run, NeuronArguments,
         {"seed", "round_interval", "answer_deadline", "stake", "rate_tolerance", "json"}),
        (up, RunRequest, set()),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)  # fmt: skip
def test_each_option_of_a_record_has_a_field(
    command: click.Command, record: Any, besides: set[str]
) -> None:
    assert {each.name for each in command.params} - besides == {f.name for f in fields(record)}


def test_what_neurons_share_has_one_default_but_the_wallets_name() -> None:
    mines, validates = options_of(miner.run), options_of(validator.run)
    shared = {f"--{field.name.replace('_', '-')}" for field in fields(NeuronArguments)}
    assert {name for name in shared if mines[name] != validates[name]} == {"--wallet"}


@pytest.mark.parametrize("path", commands())
def test_every_option_says_what_it_takes_in_one_way(path: str) -> None:
    """A value has a name in capitals, a flag has none, and each has a sentence of help."""
    command = commands()[path]
    with click.Context(command, info_name=path) as context:
        for param in command.params:
            shown = param.make_metavar(context)
            told = getattr(param, "help", None)
            assert told and told.endswith("."), (param.name, told)
            if isinstance(param, click.Option) and param.is_flag:
                left, _ = param.get_help_record(context) or ("", "")
                assert " " not in left.replace(" / ", "/"), left
            else:
                assert shown[:1].isupper(), (param.name, shown)


@pytest.fixture
def seen() -> list[tuple[MinerArguments, int]]:
    return []


@pytest.fixture
def command(seen: list[tuple[MinerArguments, int]]) -> click.Command:
    @click.command()
    @miner_options
    @click.option("--own", type=int, default=5)
    def run(own: int, **given: Any) -> None:
        """What it does."""
        seen.append((MinerArguments(**given), own))

    return run


def test_values_arrive_in_the_record_and_the_rest_where_it_belongs(
    command: click.Command, seen: list[tuple[MinerArguments, int]]
) -> None:
    argv = ["--netuid", "7", "--own", "9", "--state-dir", "here", "--json", "--log-level", "debug"]
    done = CliRunner().invoke(command, argv)
    assert done.exit_code == 0, done.output
    ((given, own),) = seen
    assert own == 9
    assert given == MinerArguments(
        netuid=7, wallet="miner", hotkey="default", task="inference", chain="local",
        state_dir=Path.cwd() / "here", wallet_path=None, register=False, max_price=None, yes=False,
        password_file=None, log_level="DEBUG", host="127.0.0.1", port=0, announce=None,
        objects_max_gb=None, serve="registered", json=True, metrics_port=None,
        metrics_host="127.0.0.1", log_format="text", log_file=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--netuid", "abc"],
        ["--netuid", "-1"],
        ["--netuid", "65536"],
        ["--netuid", "1", "--serve", "friends"],
        ["--netuid", "1", "--port", "65536"],
        ["--netuid", "1", "--log-level", "LOUD"],
    ],
)
def test_what_is_out_of_bounds_is_refused(
    argv: list[str], command: click.Command, seen: list[tuple[MinerArguments, int]]
) -> None:
    assert CliRunner().invoke(command, argv).exit_code == 2
    assert seen == []


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_one_line_end_of_any_kind_is_taken_off(end: str) -> None:
    assert one_line(f" tiger {end}") == " tiger "
    assert one_line(f"tiger\n{end}") == ("tiger" if not end else "tiger\n")
