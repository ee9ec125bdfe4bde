"""`assay train new`: a run's folder that opens, what is told of it, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from assay.cli import main, output  # noqa: E402
from assay.cli.train.new import SIZES  # noqa: E402
from assay.models import fresh  # noqa: E402
from assay.scoring.training.policy import PUBLISHED, SIGNED  # noqa: E402
from assay.training.corpus import make_corpus  # noqa: E402
from assay.training.run_folder import RunFolder  # noqa: E402

pytestmark = pytest.mark.inference


@pytest.fixture(autouse=True)
def _fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    texts = [
        (f"{number}.py", "".join(chr(32 + number + at % 64) for at in range(200)))
        for number in range(48)
    ]
    make_corpus(
        tmp_path / "corpus", texts, lambda text: list(text.encode()), end=0, vocabulary=4096
    )
    return tmp_path / "corpus"


def test_what_is_made_is_what_was_asked_for(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "new", str(tmp_path / "r"), "--size", "0.2M", "--corpus", str(corpus)]
    assert (
        main.main([*words, "--start-block", "17", "--steps", "9", "--context", "64", "--json"]) == 0
    )
    out, err = capsys.readouterr()
    told = json.loads(out)
    run = RunFolder.open(tmp_path / "r")
    assert err == ""
    assert told["root"] == run.root.hex()
    assert told["tokens_a_window"] == 9 * 8 * 64
    assert run.manifest.schedule.start == 17
    assert run.manifest.inner.steps == 9
    assert run.manifest.codec.policy.sent_ppm == SIGNED.sent_ppm
    assert told["ratio"] > 250
    assert told["audit"]["caught_within_5_windows"] > 0.95
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["corpus", "r"], "what was made on the way is gone"


def test_the_published_codec_is_as_it_is_published(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "new", str(tmp_path / "r"), "--size", "0.2M", "--corpus", str(corpus)]
    assert main.main([*words, "--start-block", "1", "--codec", "sparseloco"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    codec = RunFolder.open(tmp_path / "r").manifest.codec
    assert codec.form == "chunked"
    assert (codec.sent_ppm, codec.levels) == (PUBLISHED.sent_ppm, PUBLISHED.levels)
    assert codec.feedback_decay == PUBLISHED.feedback_decay
    assert "a validator computes 30% of all windows again" in shown


def test_few_audits_are_told(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "new", str(tmp_path / "r"), "--size", "0.2M", "--corpus", str(corpus)]
    assert main.main([*words, "--start-block", "1", "--audit-share", "0.1"]) == 0
    assert "give --audit-share more" in " ".join(capsys.readouterr().err.split())


def test_the_sizes_offered_are_those_that_can_be_made() -> None:
    assert set(SIZES) == set(fresh.SIZES)


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--name", "Run 1"], "This run cannot be"),
        (["--nproc", "3"], "3 processes"),
        (["--trim", "0.2"], "a trimmed mean is over all peers"),
        (["--context", "1024"], "do not fit into the model"),
        (["--batch", "60000"], "fewer than one step reads"),
        (["--model", "{tmp}/corpus"], "is not a model folder"),
        (["--corpus", "{tmp}/nosuch"], "There is no corpus in"),
        (["--device", "cuda"], "cuda" if not torch.cuda.is_available() else "allow a distance"),
    ],
)
def test_a_mistake_leaves_nothing_behind(
    words: list[str],
    cause: str,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [word.format(tmp=tmp_path) for word in words]
    asked = ["train", "new", str(tmp_path / "r"), "--size", "0.2M", "--start-block", "1"]
    rest = [] if "--corpus" in words else ["--corpus", str(corpus)]
    assert main.main([*asked, *rest, *given]) == 2
    assert cause in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_folder_that_is_there_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("keep")
    assert main.main(["train", "new", str(tmp_path), "--start-block", "1"]) == 2
    assert "is there already" in capsys.readouterr().err
