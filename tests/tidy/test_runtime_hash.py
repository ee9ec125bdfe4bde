"""The committed Wasm and the sources of ``runtime/`` have not parted.

Reads the facts that ``scripts/build_runtime.sh`` wrote beside the Wasm and holds them against the
files on disk. Needs no Rust toolchain, so it runs wherever the tests do; that the bytes can be
built again is what ``scripts/build_runtime.sh --check`` shows.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def artefact() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "runtime_artefact", ROOT / "scripts" / "runtime_artefact.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_wasm_is_built_from_the_sources_on_disk(artefact: ModuleType) -> None:
    facts = json.loads(artefact.FACTS.read_text())
    assert facts["source_hash"] == artefact.source_hash(), (
        "runtime/ has changed since assay.wasm was built: run scripts/build_runtime.sh"
    )


def test_facts_describe_the_committed_wasm(artefact: ModuleType) -> None:
    wasm = artefact.WASM.read_bytes()
    facts = json.loads(artefact.FACTS.read_text())
    assert facts["wasm_blake2b256"] == hashlib.blake2b(wasm, digest_size=32).hexdigest()
    assert facts == artefact.facts(wasm)


def test_wasm_holds_nothing_for_debuggers(artefact: ModuleType) -> None:
    wasm = artefact.WASM.read_bytes()
    assert artefact.strip(wasm) == wasm


def test_source_hash_moves_with_names_and_contents(artefact: ModuleType, tmp_path: Path) -> None:
    def hashed(files: dict[str, str]) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        result = artefact.source_hash(folder)
        assert isinstance(result, str)
        return result

    base = hashed({"src/lib.rs": "a", "Cargo.lock": "b"})
    assert hashed({"src/lib.rs": "a", "Cargo.lock": "c"}) != base
    assert hashed({"src/main.rs": "a", "Cargo.lock": "b"}) != base
    unread = {"oracle/src/main.rs": "x", "src/tests.rs": "x", "target/a.rs": "x", "README.md": "x"}
    assert hashed({"src/lib.rs": "a", "Cargo.lock": "b", **unread}) == base
