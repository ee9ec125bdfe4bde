"""Documents of a source: the same for everybody who reads it, and one sentence for a wrong one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from assay.errors import Unavailable, UserError
from assay.training.corpus import is_held_out
from assay.training.documents import read_documents


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def line(text: str) -> bytes:
    return json.dumps({"text": text, "url": "other fields do not count"}).encode() + b"\n"


def test_a_folder_gives_text_and_lines_by_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "b/two.txt": "zwei ä".encode(),
            "a.md": b"one",
            "c.jsonl": line("three") + b"\n" + line("four"),
            "latin.txt": "ä".encode("latin-1"),
            "empty.txt": b" \n",
            "picture.png": b"no text",
            "node_modules/x.js": b"somebody else's",
        },
    )
    assert read_documents(str(tmp_path)) == [
        ("a.md", "one"),
        ("b/two.txt", "zwei ä"),
        ("c.jsonl:000000001", "three"),
        ("c.jsonl:000000003", "four"),
    ]
    alone = read_documents(str(tmp_path / "c.jsonl"))
    assert [text for _, text in alone] == ["three", "four"]


def test_progress_reaches_all_there_is(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": b"one", "b.txt": b"three"})
    seen: list[tuple[int, int]] = []
    read_documents(str(tmp_path), told=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 8), (8, 8)]


def test_a_part_is_the_same_for_everybody_and_holds_out_its_share() -> None:
    whole = read_documents("stdlib")
    part = read_documents("stdlib", bytes_max=3_000_000)
    assert len(whole) > 500
    assert set(part) < set(whole)
    assert sum(len(text.encode()) for _, text in part) <= 3_000_000
    assert part == read_documents("stdlib", bytes_max=3_000_000)
    smaller = read_documents("stdlib", bytes_max=1_500_000)
    assert set(smaller) < set(part)
    held = sum(is_held_out(name) for name, _ in part)
    assert 0 < held < len(part) / 4


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        ({"a.jsonl": b'{"text": "good"}\n{"txt": "wrong"}\n'}, "Line 2 of "),
        ({"a.jsonl": b"[" * 100_000}, "Line 1 of "),
        ({"a.jsonl": b'{"text": "\xff"}\n'}, "Line 1 of "),
        ({"a.jsonl": b'{"text": "' + b"x" * 2**24 + b'"}\n'}, "is longer than"),
        ({"a.png": b"no text"}, "holds no texts"),
    ],
)
def test_a_wrong_source_gives_one_sentence(
    files: dict[str, bytes], cause: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=cause):
        read_documents(str(write(tmp_path, files)))


def test_what_is_no_source_is_told_with_what_would_be_one(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    for source, cause in ((tmp_path / "nosuch", "is not there"), (tmp_path / "a.zip", "is not a")):
        with pytest.raises(UserError, match=cause) as told:
            read_documents(str(source))
        assert "stdlib" in told.value.cure
    with pytest.raises(UserError, match="No document fits"):
        read_documents("stdlib", bytes_max=10)


LIBRARY = """
def load_dataset(name, *, split, streaming):
    assert streaming
    if name == "gone":
        raise ConnectionError("no route")
    field = "content" if name == "odd" else "text"
    return ({field: f"{name} {split} {number}"} for number in range(3))
"""


def test_a_data_set_is_read_where_its_library_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "datasets", raising=False)
    monkeypatch.syspath_prepend(str(write(tmp_path, {"datasets.py": LIBRARY.encode()})))
    assert read_documents("datasets:own/set")[0] == ("own/set/000000000", "own/set train 0")
    assert read_documents("datasets:own/set:test")[2][1] == "own/set test 2"
    with pytest.raises(Unavailable, match="no route"):
        read_documents("datasets:gone")
    with pytest.raises(UserError, match="no field text"):
        read_documents("datasets:odd")
    monkeypatch.delitem(sys.modules, "datasets", raising=False)
