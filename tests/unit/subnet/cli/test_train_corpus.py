"""`assay train corpus`: what a person and a program are told, and that a folder is whole or not
there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.cli import main, output

pytestmark = pytest.mark.inference
pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(64):
        (folder / f"{number}.py").write_text(f"def f{number}(x):\n    return x + {number}\n")
    return folder


def test_a_folder_becomes_a_corpus(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from assay.training.corpus import TrainingCorpus

    assert main.main(["train", "corpus", str(texts), str(tmp_path / "c"), "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    made = TrainingCorpus.open(tmp_path / "c")
    assert err == ""
    assert told["root"] == made.root.hex()
    assert told["vocabulary"] == made.vocabulary == 4096
    assert told["tokens"] == {"train": len(made.train), "held_out": len(made.held)}
    assert sum(told["documents"].values()) == 64
    assert 1 <= told["documents"]["held_out"] <= 12
    assert main.main(["train", "corpus", str(texts), str(tmp_path / "d")]) == 0
    shown = capsys.readouterr().out
    assert told["root"] in shown, "the same texts make the same corpus"
    assert f"{told['tokens']['train']:,}" in shown


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["{tmp}/nosuch", "{tmp}/c"], "is not there"),
        (["{texts}", "{texts}"], "is there already"),
        (["{texts}", "{tmp}/c", "--tokenizer", "{texts}"], "is not a model folder"),
        (["{texts}", "{tmp}/c", "--megabytes", "0.001"], "none is left to hold out"),
    ],
)
def test_a_mistake_leaves_nothing_behind(
    words: list[str], cause: str, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(tmp=tmp_path, texts=texts) for word in words]
    assert main.main(["train", "corpus", *given]) == 2
    assert cause in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["texts"]
