"""Honest ways of computing in processes of their own, measured and gone on with after a break."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.models.calibration import convicted, differing
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.scoring.inference.precision import TOLERANCES

pytestmark = [pytest.mark.inference, pytest.mark.slow]
pytest.importorskip("torch")

from assay.models import calibrate  # noqa: E402  after the check for torch
from assay.models.calibrate import Journal, measure  # noqa: E402

PROMPTS = ("def f(x):\n    return ", "import os\n")
# Both round otherwise than the replay on every processor; "AVX2" does so only where there is more.
WAYS = ("cache", "plain attention")


def test_a_run_that_was_broken_off_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "WAYS", WAYS)
    folder, path = resolve(DEMO), tmp_path / "journal"
    root = model_root(folder)
    run = measure(folder, root, "bf16", PROMPTS, 4, Journal(path, root))
    first = next(run)
    run.close()
    with path.open("ab") as stream:
        stream.write(b'{"root": "torn')
    journal = Journal(path, root)
    assert journal.measured == {"bf16": [first]}
    rest = list(measure(folder, root, "bf16", PROMPTS, 4, journal))
    whole = Journal(path, root).measured["bf16"]
    assert whole == [first, *rest]
    assert [(each.way, each.number) for each in whole] == [(w, n) for w in WAYS for n in (0, 1)]
    assert not list(measure(folder, root, "bf16", PROMPTS, 4, Journal(path, root)))
    assert all(each.bits > 0 and each.distance > 0.0 for each in whole)
    assert differing(whole) == len(WAYS)
    assert convicted(whole, TOLERANCES["bf16"]) == 0
    assert not Journal(path, bytes(32)).measured, "another model's"
    path.write_bytes(2 * path.read_bytes())
    assert Journal(path, root).measured["bf16"] == whole, "two runs at once"
