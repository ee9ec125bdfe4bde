"""`assay gateway key`: a key is shown once, listed without itself, and revoked by name or id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.cli import main, output
from assay.clock import SystemClock
from assay.gateway.keys import KeyFile, key_path


@pytest.fixture(autouse=True)
def _fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)


def test_a_keys_life(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*words: str, code: int = 0) -> Any:
        assert main.main(["gateway", "key", *words, "--state-dir", str(tmp_path), "--json"]) == code
        out = capsys.readouterr().out
        return json.loads(out)

    made = told("add", "ada", "--requests-per-minute", "5", "--tokens-per-day", "1000")
    assert (made["name"], made["requests_per_minute"], made["tokens_per_day"]) == ("ada", 5, 1000)
    keys = KeyFile(key_path(tmp_path), clock=SystemClock())
    found = keys.find(made["key"])
    assert found is not None
    assert found.id == made["id"]

    (row,) = told("list")
    assert "key" not in row
    assert made["key"][18:] not in json.dumps(row)
    assert row["revoked"] is None

    assert told("revoke", "ada")["revoked"] is not None
    assert keys.find(made["key"]) is None
    told("revoke", made["id"], code=2)


def test_a_person_gets_the_key_alone_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["gateway", "key", "add", "ada", "--state-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert shown.out.strip().startswith("sk-assay-")
    assert "cannot be shown again" in shown.err
    made = ["gateway", "key", "add", "bob", "--share-prompts", "--state-dir", str(tmp_path)]
    assert main.main(made) == 0
    capsys.readouterr()
    assert main.main(["gateway", "key", "list", "--state-dir", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert "sk-assay-" not in listed
    assert "name                 bob\nprompts              shares" in listed
    assert listed.count("prompts") == 1, "ada shares nothing"
