"""A state folder remembers its run, refuses another one, and forgets only what is a run's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from assay.cli.up.plan import Plan, make_plan
from assay.cli.up.record import RecordFile
from assay.errors import AssayError, Unavailable, UserError
from assay.files import LockFile
from assay.types import AlphaRao, NetUid

MADE = (
    "chain/chain.sqlite",
    "neurons/miner-1.default.1/checkpoint.json",
    "neurons/45fb4fa2/1/5Hotkey/checkpoint.json",
    "logs/miner-1.log",
    "logs/miner-1.log.4",
    "logs/miner-1.slips.jsonl",
    "cache/sdk",
)
"""Of each folder that a run makes, something that it leaves there."""


def plan(folder: Path, *, seed: int = 0, task: str = "reverse") -> Plan:
    return make_plan(
        seed=seed,
        task=task,
        task_options=(),
        base_port=30_000,
        state_dir=folder,
        validators=2,
        miners=4,
        cheat="garbage",
        slow=0,
    )


def test_a_run_is_taken_up_where_it_was_left(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    file = RecordFile(tmp_path / "state")
    fresh = file.open(plan(tmp_path))
    assert fresh.netuid is None
    known = msgspec.structs.replace(fresh, netuid=NetUid(1), paid={"5Owner": AlphaRao(7)})
    file.save(known)
    assert file.open(plan(tmp_path)) == known


def test_a_folder_that_is_removed_under_a_run_is_not_made_again(tmp_path: Path) -> None:
    """With the record alone in it nobody would see that the rest is gone."""
    state = tmp_path / "state"
    file = RecordFile(state)
    with file.held():
        record = file.open(plan(tmp_path))
        file.save(record)
        shutil.rmtree(state)
        with pytest.raises((AssayError, OSError)):
            file.save(record)
        with pytest.raises(Unavailable, match="was removed"):
            file.check_there()
        state.mkdir()
        file.save(record)  # as one that was being written when the rest was removed
        with pytest.raises(Unavailable, match="was removed"):
            file.check_there()


def test_another_cast_is_refused(tmp_path: Path) -> None:
    file = RecordFile(tmp_path)
    file.save(file.open(plan(tmp_path)))
    for other, word in (
        (plan(tmp_path, task="another"), r"--task \(.+, and now another\)"),
        (plan(tmp_path, seed=3), r"--seed \(\d, and now 3\)"),
    ):
        with pytest.raises(UserError, match=f"with another {word}"):
            file.open(other)


def test_a_damaged_record_is_refused_and_fresh_clears_it_but_no_wallet(tmp_path: Path) -> None:
    file = RecordFile(tmp_path)
    (tmp_path / "up.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        file.open(plan(tmp_path))
    for name in (*MADE, "wallets/mine"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    file.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["wallets"]
    assert file.open(plan(tmp_path)).netuid is None
    file.clear()


@pytest.mark.parametrize(
    "foreign", ["logs/letters.txt", "cache/browser", "neurons/brain", "chain/letter", "logs"]
)
def test_fresh_removes_nothing_where_something_is_not_a_runs(tmp_path: Path, foreign: str) -> None:
    for name in MADE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if not name.startswith(foreign):
            (tmp_path / name).touch()
    if foreign == "logs":
        (tmp_path / "logs").rmdir()
    (tmp_path / foreign).touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=r"made"):
        RecordFile(tmp_path).clear()
    assert sorted(tmp_path.rglob("*")) == before


def test_fresh_follows_no_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "sdk").mkdir(parents=True)
    state = tmp_path / "state"
    state.mkdir()
    (state / "cache").symlink_to(elsewhere)
    with pytest.raises(UserError, match="not a folder"):
        RecordFile(state).clear()
    assert (elsewhere / "sdk").is_dir()


@pytest.mark.parametrize("lock", ["chain/chain.lock", "neurons/45fb4fa2/1/5Hotkey/nonces.lock"])
def test_fresh_removes_nothing_that_is_in_use(tmp_path: Path, lock: str) -> None:
    for name in (*MADE, lock):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    held = LockFile(tmp_path / lock)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Unavailable, match=f"Process {os.getpid()} uses"):
        RecordFile(tmp_path).clear()
    assert sorted(tmp_path.rglob("*")) == before
    held.close()
    RecordFile(tmp_path).clear()
    assert list(tmp_path.iterdir()) == []


def test_one_run_at_a_time_has_the_folder(tmp_path: Path) -> None:
    first, second = (RecordFile(tmp_path / "deep" / "state") for _ in range(2))
    with (
        first.held(),
        pytest.raises(Unavailable, match=f"process {os.getpid()}"),
        second.held(),
    ):
        pass
    with second.held():
        pass


def test_a_folder_that_cannot_be_made_has_cause_and_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable), RecordFile(tmp_path / "file" / "state").held():
        pass
