"""A validator's receipts as a person reads them, and hands one on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli.app import app
from assay.cli.receipt import _one_line
from assay.neuron.audit import read_proof, receipt_problem
from assay.neuron.folder import NeuronFolder
from assay.types import NetUid
from tests.unit.subnet.neuron.test_receipts import filled, record
from tests.unit.subnet.neuron.worlds import GENESIS, key

VALIDATOR = key(1).address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A neuron's folder with two closed periods, whose records nobody signed."""
    neuron = NeuronFolder.of(tmp_path, GENESIS, NetUid(1), VALIDATOR)
    neuron.claim(GENESIS, NetUid(1), VALIDATOR)
    filled(neuron.receipts, periods=2, records=3).close()
    return neuron.path


def said(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_has_one_row_a_period_and_the_folder(tmp_path: Path, folder: Path) -> None:
    rows = json.loads(said("receipt", "list", "--state-dir", str(tmp_path), "--json"))
    assert [(row["period"], row["records"], row["validator"]) for row in rows] == [
        (0, 3, VALIDATOR),
        (1, 3, VALIDATOR),
    ]
    (last,) = json.loads(
        said("receipt", "list", "--state-dir", str(tmp_path), "--json", "--last", "1")
    )
    assert last["period"] == 1
    other = said(
        "receipt", "list", "--state-dir", str(tmp_path), "--json", "--validator", key(9).address
    )
    assert json.loads(other) == []
    told = said("receipt", "list", "--state-dir", str(tmp_path)).splitlines()
    assert told[-1] == str(folder), "in one line, to be copied"


def test_a_periods_records_are_shown_by_the_index_that_export_takes(
    tmp_path: Path, folder: Path
) -> None:
    rows = json.loads(said("receipt", "show", str(folder), "1", "--json"))
    assert [(row["index"], row["turn"], row["target"], row["outcome"]) for row in rows] == [
        (index, index, key(2).address, "reply") for index in range(3)
    ]
    file = tmp_path / "receipt.json"
    said("receipt", "export", str(folder), "1", "2", str(file))
    proof, kept = read_proof(file)
    assert kept == record(1, 2)
    assert proof.validator == VALIDATOR
    assert receipt_problem(proof, kept, genesis=GENESIS) is not None, "nobody signed it"


def test_a_validators_words_add_no_lines() -> None:
    assert _one_line("m\nsigned_by  ['5Alice']") == "m signed_by ['5Alice']"
