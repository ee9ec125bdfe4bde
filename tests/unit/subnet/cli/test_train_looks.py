"""The commands that look at a run: what is told of windows and peers, and what wrong input gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

torch = pytest.importorskip("torch")

from assay.chain.wallets import create_wallet  # noqa: E402
from assay.cli import main, output  # noqa: E402
from assay.cli.train import status  # noqa: E402
from assay.models.fresh import make_model  # noqa: E402
from assay.models.source import resolve  # noqa: E402
from assay.protocol.training.records import PeerRecord  # noqa: E402
from assay.training.chain_records import (  # noqa: E402
    CountedPeer,
    WindowClosing,
    WindowPeer,
    WindowPeers,
)
from assay.training.corpus import make_corpus  # noqa: E402
from assay.training.run_folder import RunFolder  # noqa: E402
from assay.training.shown import WindowShown, read_shown  # noqa: E402
from assay.types import Ss58  # noqa: E402
from tests.unit.subnet.cli.commands import NOBODY  # noqa: E402
from tests.unit.subnet.training.runs import small_manifest  # noqa: E402

pytestmark = pytest.mark.inference

STATE = b"s" * 16


@pytest.fixture(autouse=True)
def _fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("parts")
    texts = [
        (f"{n}.py", "".join(chr(32 + (n * 7 + at) % 64) for at in range(200))) for n in range(48)
    ]
    corpus = make_corpus(
        folder / "corpus", texts, lambda text: list(text.encode()), end=0, vocabulary=4096
    )
    model = make_model(folder / "model", "0.2M", resolve("demo"), seed=1)
    return RunFolder.create(folder / "run", small_manifest(corpus), model, folder / "corpus")


def copy_of(run: RunFolder, into: Path) -> Path:
    for path in run.files:
        (into / path.relative_to(run.path)).parent.mkdir(parents=True, exist_ok=True)
        (into / path.relative_to(run.path)).write_bytes(path.read_bytes())
    return into


def damaged(run: RunFolder, into: Path, how: str) -> Path:
    """A copy of the run in which one thing is wrong."""
    copy_of(run, into)
    manifest = into / "manifest"
    match how:
        case "manifest":
            manifest.write_bytes(manifest.read_bytes()[:-3])
        case "version":
            raw = msgspec.msgpack.decode(manifest.read_bytes())
            manifest.write_bytes(msgspec.msgpack.encode({**raw, "version": 1}))
        case "model":
            config = into / "model" / "config.json"
            config.write_bytes(config.read_bytes() + b" ")
        case "corpus":
            tokens = into / "corpus" / "train.bin"
            tokens.write_bytes(tokens.read_bytes()[:-4])
        case "none":
            manifest.unlink()
    return into


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("none", "There is no run in"),
        ("manifest", "its manifest cannot be used"),
        ("version", "its manifest cannot be used"),
        ("model", "its model is not the one that its manifest names"),
        ("corpus", "is damaged"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        ("train", "status"),
        ("train", "eval", "--wallet", "w"),
        ("model", "pull", "m", "--wallet", "w"),
    ],
    ids=" ".join,
)
def test_a_run_that_is_none_is_told_before_the_chain_is_asked(
    words: tuple[str, ...],
    how: str,
    cause: str,
    run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    create_wallet(tmp_path / ".assay" / "wallets", "w")
    folder = damaged(run, tmp_path / "r", how)
    assert main.main([*words, "--run", str(folder), *NOBODY, "--json"]) == 2
    told = json.loads(capsys.readouterr().out)["error"]
    assert cause in told["cause"]
    assert told["cure"]
    assert not (tmp_path / "m").exists()


def test_a_status_needs_a_folder_and_a_chain(
    run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main(["train", "status", "--run", "ab" * 32, *NOBODY]) == 2
    assert "Give --run a folder" in capsys.readouterr().err
    assert main.main(["train", "status", "--run", str(run.path), *NOBODY]) == 4
    assert "ws://127.0.0.1:9" in " ".join(capsys.readouterr().err.split())


def closing(
    *, counted: tuple[int, ...] = (), without: frozenset[int] = frozenset()
) -> WindowClosing:
    peers = {uid: WindowPeer(uid, Ss58(f"m{uid}"), uid - 3, 0) for uid in (3, 4, 5)}
    found = {
        uid: CountedPeer(peers[uid], PeerRecord(7, STATE, b"x" * 32), b"k" * 32, 1, ())
        for uid in counted
    }
    return WindowClosing(7, STATE, WindowPeers(7, peers), found, {}, without)


def test_what_became_of_a_peer_is_told_in_a_word() -> None:
    one = closing(counted=(3,), without=frozenset({4}))
    told = {uid: status._outcome(uid, one) for uid in (3, 4, 5, 9)}
    assert told == {3: "counted", 4: "no key in time", 5: "not counted", 9: "not there"}
    assert status._outcome(3, closing()) == "void"


def test_what_a_miner_shows_is_read_and_what_it_does_not_is_nothing(tmp_path: Path) -> None:
    assert read_shown(tmp_path) is None
    (tmp_path / "run").mkdir()
    one = WindowShown(7, 5.5, 1500.2, 1556)
    one.write(tmp_path / "run")
    assert read_shown(tmp_path) == one
    (tmp_path / "run" / "shown.json").write_bytes(b"\xff{")
    assert read_shown(tmp_path) is None


def document(**changes: Any) -> dict[str, Any]:
    mined = WindowShown(7, 5.5, 1500.2, 1556)
    peer = {
        "uid": 3, "name": "miner-1", "hotkey": "m3", "place": 0, "incentive": 32_768,
        "now": "sealed", "last": "counted", "shown": mined,
        "reasons": ["window 7 counts its message"],
    }  # fmt: skip
    return {
        "run": {"name": "local", "root": "ab" * 32, "windows": 10_000},
        "block": 412, "window": 8, "phase": "train", "blocks_left": 12, "seconds_left": 3.0,
        "decided": status._decided(closing(counted=(3, 4))),
        "peers": [peer, {**peer, "uid": 4, "shown": None, "reasons": [], "incentive": 0}],
        **changes,
    }  # fmt: skip


def test_a_status_says_where_the_run_is_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    status._show(document())
    shown = capsys.readouterr().out
    assert "Run local · window 8 of 10,000 · train, 12 blocks left (3 s) · block 412" in shown
    assert "Window 7 counts 2 of 3 peers, by the word of 0 validators." in shown
    assert "uid 3: window 7: loss 5.500, 1,500 tokens/s, 1,556 bytes; window 7 counts" in shown
    assert "50.0%" in shown
    assert max(len(line) for line in shown.splitlines() if not line.startswith("uid 3:")) <= 80
    status._show(document(decided=status._decided(closing())))
    assert "Window 7 is void" in capsys.readouterr().out
    status._show(document(decided=None, peers=[]))
    assert "Why" not in capsys.readouterr().out
