"""The examples beside the first one: two methods with a pace in blocks, and a stream."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.e2e.runs import up

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX = 60

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("name", ["archive", "countdown"])
def test_an_example_is_short_and_pays_those_who_do_the_work(name: str, tmp_path: Path) -> None:
    file = ROOT / "examples" / f"{name}.py"
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LINES_MAX
    task = ("--task", str(file), "--until-first-reward", "--json")
    with up(tmp_path / "state", *task) as run:
        out, _ = run.process.communicate(timeout=120)
        assert run.process.returncode == 0, run.log()
    neurons = msgspec.json.decode(out)["neurons"]
    paid = {n["behaviour"]: n["incentive"] for n in neurons if n["role"] == "miner"}
    assert paid["honest"] > 0
    assert all(incentive == 0 for who, incentive in paid.items() if who not in ("honest", "slow"))
