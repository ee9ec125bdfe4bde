"""`assay model`: what a person, and a program, are told of a model that was quantised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.cli import main

pytestmark = pytest.mark.inference
pytest.importorskip("torch")


def test_a_model_is_quantised_and_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.py").write_text("import os\n\ndef walk(top):\n    return os.walk(top)\n", "utf-8")
    (texts / "b.py").write_bytes(b"\xff\xfe in no encoding of ours")
    words = ["model", "quantise", "demo", str(tmp_path / "m"), "--text", str(texts), "--json"]
    assert main.main(words) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert err == ""
    assert told["folder"] == str(tmp_path / "m")
    assert told["scheme"] == "int8, a scale for each row"
    assert told["bytes"][1] < 0.62 * told["bytes"][0]
    before, after = told["bits_per_byte"]
    assert 0.5 < before < 8
    assert abs(after - before) < 0.1
    assert min(told["tokens_per_s"]) > 0


def test_without_measuring_a_table_shows_the_sizes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["model", "quantise", "demo", str(tmp_path / "m"), "--bits", "4", "--no-measure"]
    assert main.main(words) == 0
    out = capsys.readouterr().out
    assert "int4, a scale for each 32 numbers" in " ".join(out.split())
    assert "11.2 MB" in out
    assert "bits per byte" not in out
    assert str(tmp_path / "m") in out


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (["--group-size", "3"], "even number of weights from 16"),
        (["--group-size", "33"], "even number of weights from 16"),
        (["--text", "{empty}"], "holds no texts"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    options: list[str], cause: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty := tmp_path / "empty").mkdir()
    told = [word.replace("{empty}", str(empty)) for word in options]
    assert main.main(["model", "quantise", "demo", str(tmp_path / "m"), *told]) == 2
    assert cause in capsys.readouterr().err
    assert not (tmp_path / "m").exists()
