"""The operator's guide names every refusal there is, and what it lets systemd run would start."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import click
import pytest

from assay.chain.interface import RefusalReason
from assay.cli.app import EXIT_CODES, app
from assay.localnet.rpc import errors as rpc_errors
from assay.wire.errors import Code
from tests.tidy.sources import ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
FIELDS = [
    "time",
    "level",
    "module",
    "line",
    "pid",
    "message",
    "error",
    "traceback",
    "cause",
    "cure",
]
UNITS = re.findall(r"^```ini\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_where_a_foreign_engine_is_offered_it_is_said_who_pays_for_it() -> None:
    """A miner behind one earns nothing from a validator that was started without the option."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    texts = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in pages}
    offering = {name for name, text in texts.items() if "--backend openai" in text}
    assert "README.md" in offering
    assert {name for name in offering if "--accept-engines" not in texts[name]} == set()


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table after ``heading``, without its own head."""
    _, found, rest = PAGE.partition(f"{heading}\n")
    assert found, heading
    lines = [line for line in rest.split("\n#", 1)[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_exit_code_has_its_row() -> None:
    assert [int(row[0]) for row in rows("### Exit codes")] == list(EXIT_CODES)


def test_every_code_of_an_axon_has_its_row() -> None:
    assert [row[0] for row in rows("### Codes of an axon")] == [f"`{code}`" for code in Code]


def test_every_reason_why_weights_are_refused_has_its_row() -> None:
    found = [row[0] for row in rows("### Why weights are refused")]
    assert found == [f"`{reason}`" for reason in RefusalReason]


def test_every_error_code_of_the_rpc_has_its_row() -> None:
    codes = {
        name: value
        for name, value in vars(rpc_errors).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int)
    }
    assert len(codes) > 20
    found = {row[1].strip("`"): int(row[0]) for row in rows("### Error codes of the chain's RPC")}
    assert found == codes


@pytest.mark.parametrize(
    "heading",
    [
        "### Exit codes",
        "### Codes of an axon",
        "### Why weights are refused",
        "### Error codes of the chain's RPC",
    ],
)
def test_every_row_has_a_cause_and_a_cure(heading: str) -> None:
    for row in rows(heading):
        *_, cause, cure = row
        assert cause.endswith("."), row
        assert cure.endswith("."), row


def test_the_fields_of_a_line_of_the_log_are_listed() -> None:
    """``tests/unit/subnet/cli/test_log.py`` holds the lines to the same names."""
    assert [row[0] for row in rows("## Logs")] == [f"`{field}`" for field in FIELDS]


def test_metrics_in_alerts_exist() -> None:
    from assay.metrics import METRICS

    named = set(re.findall(r"assay_\w+", "".join(map(str, rows("## Metrics and alerts")))))
    assert named
    assert named <= set(METRICS)


@pytest.mark.parametrize("unit", UNITS, ids=["miner", "validator", "chain"])
def test_what_systemd_runs_is_a_command_with_options_that_there_are(unit: str) -> None:
    (line,) = re.findall(r"^ExecStart=(.+)$", unit, flags=re.MULTILINE)
    program, group, command, *words = shlex.split(line)
    assert program.endswith("/bin/assay")
    with click.Context(app) as context:
        found = app.get_command(context, group)
        assert isinstance(found, click.Group)
        run = found.get_command(context, command)
    assert run is not None
    plain = click.Command(run.name, params=[p for p in run.params if isinstance(p, click.Option)])
    plain.make_context("assay", words)  # raises UsageError for what is not an option, or wrong


def test_the_page_of_commands_is_not_stale() -> None:
    check = [sys.executable, str(ROOT / "scripts" / "commands_page.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
