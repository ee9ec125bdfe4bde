"""A group of options is declared once: every command that takes it has all of them, and its own."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from assay.cli import lab, miner, validator
from assay.cli.given import MinerOptions, ValidatorOptions, takes
from assay.cli.tasks import CONTEXT_SETTINGS


def options_of(app: typer.Typer, command: str) -> dict[str, Any]:
    """What a command takes: by option, its default."""
    group: Any = typer.main.get_command(app)
    found = group.commands[command]
    return {name: p.default for p in found.params for name in p.opts if name.startswith("--")}


def test_an_honest_miner_and_the_labs_take_the_same_options() -> None:
    honest, wrapped = options_of(miner.app, "run"), options_of(lab.app, "miner")
    assert {name: wrapped[name] for name in honest} == honest
    assert wrapped.keys() - honest.keys() == {"--cheat", "--slow"}
    assert len(honest) >= len(fields(MinerOptions))


def test_what_neurons_share_has_one_default_but_the_wallets_name() -> None:
    mines, validates = options_of(miner.app, "run"), options_of(validator.app, "run")
    shared = {f"--{field.name.replace('_', '-')}" for field in fields(ValidatorOptions)}
    differing = {name for name in shared if mines[name] != validates[name]}
    assert differing == {"--wallet"}


@pytest.fixture
def seen() -> list[tuple[MinerOptions, int, list[str]]]:
    return []


@pytest.fixture
def app(seen: list[tuple[MinerOptions, int, list[str]]]) -> typer.Typer:
    made = typer.Typer()

    @made.command(context_settings=CONTEXT_SETTINGS)
    @takes(MinerOptions)
    def run(
        context: typer.Context,
        given: MinerOptions,
        own: Annotated[int, typer.Option("--own")] = 5,
    ) -> None:
        """What it does."""
        seen.append((given, own, context.args))

    return made


def test_values_arrive_in_the_group_and_the_rest_where_it_belongs(
    app: typer.Typer, seen: list[tuple[MinerOptions, int, list[str]]]
) -> None:
    argv = ["--netuid", "7", "--own", "9", "--state-dir", "here", "--model", "x", "--json"]
    done = CliRunner().invoke(app, argv)
    assert done.exit_code == 0, done.output
    assert seen == [
        (MinerOptions(netuid=7, state_dir=Path("here"), json=True), 9, ["--model", "x"])
    ]


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
    argv: list[str], app: typer.Typer, seen: list[tuple[MinerOptions, int, list[str]]]
) -> None:
    assert CliRunner().invoke(app, argv).exit_code == 2
    assert seen == []
