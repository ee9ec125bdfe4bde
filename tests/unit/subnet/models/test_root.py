"""The root against a slow tree written from its documentation, and what changes it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import UserError
from assay.models import root as root_module
from assay.models.layout import COUNTED
from assay.models.root import CHUNK_BYTES, model_root, root_of


def slow_root(files: dict[str, bytes], chunk: int) -> bytes:
    leaves = []
    for name in sorted(files, key=str.encode):
        body = files[name]
        for offset in range(0, max(len(body), 1), chunk):
            head = struct.pack("<H", len(name.encode())) + name.encode()
            head += struct.pack("<QQ", len(body), offset)
            leaf = head + body[offset : offset + chunk]
            leaves.append(blake3(leaf, derive_key_context="assay 2026 model leaf v1").digest())
    while len(leaves) > 1:
        paired = []
        for i in range(0, len(leaves) - 1, 2):
            both = leaves[i] + leaves[i + 1]
            paired.append(blake3(both, derive_key_context="assay 2026 model node v1").digest())
        if len(leaves) % 2:
            paired.append(leaves[-1])
        leaves = paired
    return leaves[0]


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return folder


def tree_root(folder: Path) -> bytes:
    return root_of(sorted(folder.iterdir()))


@given(
    sizes=st.lists(st.integers(0, 90), min_size=1, max_size=7),
    chunk=st.sampled_from([1, 7, 16]),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_root_is_the_slow_trees(
    sizes: list[int], chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"part-{i}.safetensors": bytes((i, 7)) * size for i, size in enumerate(sizes)}
    with monkeypatch.context() as patched:
        patched.setattr(root_module, "CHUNK_BYTES", chunk)
        assert tree_root(write(tmp_path / "m", files)) == slow_root(files, chunk)


def test_files_larger_than_a_chunk(tmp_path: Path) -> None:
    files = {"config.json": b"{}", "model.safetensors": b"ab" * CHUNK_BYTES + b"c"}
    assert tree_root(write(tmp_path / "m", files)) == slow_root(files, CHUNK_BYTES)


def test_a_models_root_is_that_of_its_files(tmp_path: Path) -> None:
    assert model_root(write(tmp_path / "m", BASE)) == slow_root(BASE, CHUNK_BYTES)


BASE = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": b"weights",
    "tokenizer.json": b"[]",
}


@pytest.mark.parametrize(
    "changed",
    [
        {**BASE, "model.safetensors": b"weightz"},
        {**BASE, "model.safetensors": b"weights\0"},
        {**BASE, "config.json": b"[]", "tokenizer.json": b"{}"},
        {**BASE, "extra.json": b""},
        {k: v for k, v in BASE.items() if k != "tokenizer.json"},
        {**{k: v for k, v in BASE.items() if k != "config.json"}, "confih.json": b"{}"},
    ],
)
def test_every_change_that_counts_changes_the_root(
    changed: dict[str, bytes], tmp_path: Path
) -> None:
    assert tree_root(write(tmp_path / "a", BASE)) != tree_root(write(tmp_path / "b", changed))


def test_what_decides_nothing_does_not_count(tmp_path: Path) -> None:
    with_more = {**BASE, "README.md": b"hello", ".gitattributes": b"", "weights.bin": b"pickled"}
    assert model_root(write(tmp_path / "a", BASE)) == model_root(write(tmp_path / "b", with_more))
    assert ".bin" not in COUNTED


def test_an_empty_folder_has_no_root(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json is missing"):
        model_root(tmp_path)
