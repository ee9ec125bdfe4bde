"""A model's calibration: what is tolerated after what was seen, and where it is read from."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from assay.errors import UserError
from assay.models import calibration
from assay.models.calibration import Measured, calibrated, convicted, differing, read_calibration
from assay.models.opening import find_model
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.scoring.inference.precision import TOLERANCES, Tolerance

ROOT = bytes(range(32))


def answer(way: str, number: int, size: float, digest: str = "") -> Measured:
    return Measured(
        way, number, logits=size, margin=size / 2, distance=size / 10, bits=5,
        digest=digest or way,
    )  # fmt: skip


SEEN = [answer("cache", n, 1e-5 * (n + 1)) for n in range(10)] + [answer("batch", 0, 3e-5)]


def test_what_is_tolerated_follows_from_the_largest_difference() -> None:
    fine, coarse = calibrated("fp32", SEEN), calibrated("bf16", SEEN)
    assert fine.all.answers == 11
    assert fine.ways["batch"].logits == 3e-5
    assert fine.tolerance == Tolerance(pytest.approx(20e-4), pytest.approx(1e-4))
    assert coarse.tolerance == Tolerance(pytest.approx(3e-4), pytest.approx(1.5e-5))
    assert fine.tails["margin"] == pytest.approx([2.5e-5, 4.5e-5, 5e-5, 5e-5])
    for one in (fine, coarse):
        assert 2 * one.all.logits < one.logits, "no honest margin exceeds twice the difference"
        assert convicted(SEEN, one.tolerance) == 0
    assert convicted(SEEN, Tolerance(4.2e-5, 1.0)) == 2
    assert convicted(SEEN, Tolerance(1.0, 2.5e-6)) == 9
    with pytest.raises(ValueError, match="nothing was measured"):
        calibrated("fp32", [])


def test_ways_with_the_same_bits_count_once() -> None:
    same = [answer(way, n, 1e-5, f"{n}") for way in "ab" for n in range(20)]
    other = [answer("c", n, 1e-5, f"{n}" if n else "another") for n in range(20)]
    assert differing(same) == 1
    assert differing([*same, *other]) == 1, "one answer of twenty took another token"
    assert differing([*same, *(answer("d", n, 1e-5) for n in range(20))]) == 2


def test_it_stands_beside_the_model_and_changes_no_root(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(resolve(DEMO), folder, ignore=lambda *_: [calibration.FILE])
    root, path = model_root(folder), folder / calibration.FILE
    assert read_calibration(path, root) == {}
    calibration.write_calibration(path, root, {"fp32": calibrated("fp32", SEEN)})
    assert model_root(folder) == root
    assert read_calibration(path, root)["fp32"] == calibrated("fp32", SEEN)
    with pytest.raises(UserError, match="of other parameters"):
        read_calibration(path, ROOT)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"root": "00", "paths": {}}', "[" * 100_000])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / calibration.FILE
    path.write_text(text)
    with pytest.raises(UserError, match="is no calibration"):
        read_calibration(path, ROOT)


def test_no_file_makes_anything_tolerated(tmp_path: Path) -> None:
    """It may be a stranger's: a tolerance of a million would pay for garbage."""
    path = tmp_path / calibration.FILE
    calibration.write_calibration(path, ROOT, {"fp32": calibrated("fp32", SEEN)})
    document = msgspec.json.decode(path.read_bytes())
    document["paths"]["fp32"]["logits"] = 1e6
    path.write_bytes(msgspec.json.encode(document))
    with pytest.raises(UserError, match="is no calibration"):
        read_calibration(path, ROOT)


async def test_whoever_opens_the_model_takes_its_tolerance(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(resolve(DEMO), folder, ignore=lambda *_: [calibration.FILE])
    found = await find_model(str(folder))
    assert found.tolerance("fp16") == TOLERANCES["fp16"]
    calibration.write_calibration(
        folder / calibration.FILE, found.root, {"fp16": calibrated("fp16", SEEN)}
    )
    found = await find_model(str(folder))
    assert found.tolerance("fp16") == calibrated("fp16", SEEN).tolerance
    assert found.tolerance("fp32") == TOLERANCES["fp32"]
    assert found.tolerance("fp16", 6e-4).logits == 6e-4
