"""A state folder remembers its run, refuses another one, and forgets only what is a run's."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from subnet.cli.up.plan import Plan, make_plan
from subnet.cli.up.record import RecordFile
from subnet.errors import UserError
from subnet.types import AlphaRao, NetUid


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
    file = RecordFile(tmp_path / "state")
    fresh = file.open(plan(tmp_path))
    assert fresh.netuid is None
    known = msgspec.structs.replace(fresh, netuid=NetUid(1), baseline={"owner": AlphaRao(7)})
    file.save(known)
    assert file.open(plan(tmp_path)) == known


def test_another_cast_is_refused(tmp_path: Path) -> None:
    file = RecordFile(tmp_path)
    file.save(file.open(plan(tmp_path)))
    for other in (plan(tmp_path, task="another"), plan(tmp_path, seed=3)):
        with pytest.raises(UserError, match="other options"):
            file.open(other)


def test_a_damaged_record_is_refused_and_fresh_clears_it_but_no_wallet(tmp_path: Path) -> None:
    file = RecordFile(tmp_path)
    (tmp_path / "up.json").write_text("{")
    with pytest.raises(UserError, match="other options"):
        file.open(plan(tmp_path))
    for name in ("chain", "neurons", "wallets"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kept").touch()
    file.clear()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wallets"]
    assert file.open(plan(tmp_path)).netuid is None
