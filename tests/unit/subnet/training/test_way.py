"""States on a window's way: kept, gone on from, and checked part by part."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest

from assay.protocol.training.manifest import AuditTerms
from assay.training.inner import StepState
from assay.training.messages import (
    Checked,
    CheckSteps,
    CheckWindow,
    Computed,
    ComputeWindow,
    MakeFirst,
    TakeSteps,
)
from assay.training.run_folder import RunFolder
from assay.training.stored import NotStored, pack_step, parse_step
from assay.training.work import WindowWork
from assay.training.worker import TrainerProcess
from tests.unit.subnet.training.local_workers import LocalCall
from tests.unit.subnet.training.runs import small_run

CALL = LocalCall(lambda value: None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return small_run(tmp_path_factory.mktemp("run"))


@dataclasses.dataclass
class Played:
    """A window of the peer at place 0, with its states on the way in ``way``."""

    process: TrainerProcess
    state: str
    done: Computed
    way: Path

    def check(self, begin: int, last: int, end: Path | None = None, **more: bytes) -> Checked:
        """Check the steps from ``begin`` to ``last``, whose state is the kept one or ``end``."""
        first = str(self.way / str(begin)) if begin else None
        end = end or self.way / str(last)
        request = CheckSteps(self.state, None, 0, first, last, str(end), **more)
        found = self.process(request, CALL)
        assert isinstance(found, Checked)
        return found

    def take(self, begin: int, last: int, into: Path) -> Path:
        first = str(self.way / str(begin)) if begin else None
        self.process(TakeSteps(self.state, None, 0, first, last, str(into)), CALL)
        return into


@pytest.fixture
def played(run: RunFolder, tmp_path: Path) -> Played:
    process = TrainerProcess(run)
    state = str(tmp_path / "state")
    process(MakeFirst(state), CALL)
    request = ComputeWindow(state, None, 0, str(tmp_path / "w"), str(tmp_path / "way"))
    done = process(request, CALL)
    assert isinstance(done, Computed)
    return Played(process, state, done, tmp_path / "way")


def test_each_part_of_an_honest_window_follows_from_the_state_before(
    played: Played, tmp_path: Path
) -> None:
    assert sorted(path.name for path in played.way.iterdir()) == ["2", "4"]
    first, second = played.done.boundaries
    assert played.check(0, 2, root=first).right
    assert played.check(2, 4, root=second).right
    assert not played.check(2, 4, root=first).right, "the state that the seal names is another"
    last = CheckWindow(played.state, None, 0, played.done.message, begin=str(played.way / "4"))
    assert played.process(last, CALL).right  # type: ignore[attr-defined]
    # What is asked for later has the bits of what was kept, from wherever the steps begin.
    again = played.take(0, 4, tmp_path / "again")
    assert again.read_bytes() == (played.way / "4").read_bytes()
    played.take(2, 3, played.way / "3")
    assert played.check(3, 4).right


@pytest.mark.parametrize("harm", ["model", "first", "second", "steps", "step"])
def test_a_state_that_the_one_before_does_not_lead_to_is_found(
    run: RunFolder, played: Played, tmp_path: Path, harm: str
) -> None:
    """Also where its model is right: the next steps would follow from moments that nobody made."""
    shape = played.process._shape
    state = parse_step((played.way / "4").read_bytes(), shape)
    moments = state.moments
    harmed = {
        "model": dataclasses.replace(state, model=state.model + np.float32(1e-4)),
        "first": dataclasses.replace(
            state, moments=dataclasses.replace(moments, first=moments.first * np.float32(1.01))
        ),
        "second": dataclasses.replace(
            state, moments=dataclasses.replace(moments, second=moments.second * np.float32(1.01))
        ),
        "steps": dataclasses.replace(
            state, moments=dataclasses.replace(moments, steps=moments.steps + 1)
        ),
        "step": dataclasses.replace(state, step=3),
    }[harm]
    end = tmp_path / "harmed"
    end.write_bytes(pack_step(harmed))
    found = played.check(2, 4, end)
    assert not found.right
    end.write_bytes(b"no state")
    assert "is none" in played.check(2, 4, end).reason


def test_differences_of_machines_do_not_add_up_over_parts(run: RunFolder, played: Played) -> None:
    """A peer whose every step lies off by a little is within the bound part by part, and beyond it
    over the whole window."""
    shape = played.process._shape
    audit = AuditTerms(share=0.5, distance=2e-3)
    manifest = msgspec.structs.replace(run.manifest, audit=audit)
    work = WindowWork(manifest, played.process._network, run.corpus)
    state, none = played.process._state(played.state), played.process._own_carried(None)
    leans = np.random.default_rng(5).standard_normal(shape.size)
    leans /= np.linalg.norm(leans)
    begin: StepState | None = None
    drifted: list[StepState] = []
    for step in range(1, 7):
        done = work.take(state, none, 0, step, begin=begin)
        start = state.model if begin is None else begin.model
        off = leans * (1.9e-3 * np.linalg.norm(done.end - start))
        begin = StepState(step, (done.end + off).astype(np.float32), done.moments)
        drifted.append(begin)
    for before, after in zip([None, *drifted], drifted, strict=False):
        assert work.check_steps(state, none, 0, before, after).right
    assert not work.check_steps(state, none, 0, None, drifted[-1]).right


def test_a_state_on_the_way_has_one_form(played: Played) -> None:
    shape, data = played.process._shape, (played.way / "2").read_bytes()
    assert pack_step(parse_step(data, shape)) == data
    for harmed in (data[:-4], data + b"x", b"", data.replace(b'\\"step\\":2', b'\\"step\\":-')):
        with pytest.raises(NotStored):
            parse_step(harmed, shape)
    state = parse_step(data, shape)
    wild = dataclasses.replace(state, model=np.full_like(state.model, np.inf))
    with pytest.raises(NotStored, match="finite"):
        parse_step(pack_step(wild), shape)
