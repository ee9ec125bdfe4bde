"""`assay wallet create`: where it lies, what is new, and no silent key in clear among real ones."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.chain.wallets import Secret, create_wallet, open_coldkey
from assay.cli import main, output


@pytest.fixture(autouse=True)
def _fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)


def create(state: Path, *argv: str) -> int:
    return main.main(["wallet", "create", "w", "--state-dir", str(state), *argv])


def test_it_says_where_the_wallet_lies_and_what_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*argv: str) -> Any:
        assert create(tmp_path, *argv, "--json") == 0
        return json.loads(capsys.readouterr().out)

    first = told()
    assert (first["made"], first["path"]) == (["coldkey", "hotkey"], f"{tmp_path}/wallets/w")
    assert told("--hotkey", "second")["made"] == ["hotkey"]
    again = told()
    assert (again["made"], again["coldkey"]) == ([], first["coldkey"])
    assert create(tmp_path) == 0
    out, err = capsys.readouterr()
    assert "nothing was made" in err
    assert f"folder   {tmp_path}/wallets/w" in out


def test_among_real_wallets_none_is_made_in_clear_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state, real = tmp_path / "state", tmp_path / "real"
    at = ("--wallet-path", str(real))
    monkeypatch.setattr(sys, "stdin", io.StringIO("tiger\n"))
    assert create(state, *at) == 2
    assert "--no-password" in capsys.readouterr().err
    assert not real.exists()
    assert create(state, *at, "--password") == 0
    open_coldkey(real, "w", Secret("tiger"))
    with pytest.raises(Exception, match="no password was given"):
        open_coldkey(real, "w")
    assert create(state, *at, "--hotkey", "second") == 0  # no new coldkey, no question
    assert create(state, "--wallet-path", str(tmp_path / "other"), "--no-password") == 0
    open_coldkey(tmp_path / "other", "w")


def test_a_mistyped_address_is_not_called_a_missing_wallet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQX"
    assert main.main(["fund", wrong, "1", "--state-dir", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "mistyped" in told
    assert "no wallet" not in told


@pytest.mark.parametrize("home", ["", "relative"])
def test_a_home_folder_that_is_none_is_told_with_the_option_to_give(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", home)
    assert create(tmp_path / "state", "--wallet-path", "~/wallets", "--no-password") == 2
    told = capsys.readouterr().err
    assert "--wallet-path" in told
    assert "HOME names no folder; give the path in full" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("stake", "5", "--netuid", "1", "--wallet", "wallt"),
        ("register", "--netuid", "1", "--wallet", "wallt"),
        ("miner", "run", "--netuid", "1", "--wallet", "wallt"),
        ("validator", "run", "--netuid", "1", "--wallet", "wallt"),
        ("wallet", "show", "wallt"),
        ("fund", "wallt", "5"),
    ],
)
def test_a_wallet_that_is_not_there_is_told_in_one_way_and_with_those_like_it(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("wallet", "juror"):
        create_wallet(tmp_path / "wallets", name)
    assert main.main([*command, "--state-dir", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert f"There is no wallet wallt in {tmp_path}/wallets." in told
    assert "Name one that is there, such as wallet; or create it" in told


def test_a_default_wallet_that_is_not_there_names_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_wallet(tmp_path / "wallets", "juror")
    assert main.main(["stake", "5", "--netuid", "1", "--state-dir", str(tmp_path)]) == 2
    assert "such as juror" in capsys.readouterr().err


def test_a_wallet_that_is_not_there_costs_no_heavy_import(tmp_path: Path) -> None:
    """The SDK's import takes seconds, and torch's as many again."""
    asked = ["miner", "run", "--netuid", "1", "--wallet", "nobody", "--state-dir", str(tmp_path)]
    script = (
        "import sys; from assay.cli.main import main; code = main(sys.argv[1:]);"
        " assert code == 2, code;"
        " assert not {'bittensor', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *asked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
