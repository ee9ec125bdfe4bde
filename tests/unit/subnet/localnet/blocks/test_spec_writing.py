"""The specs that are written: what begins with one is the chain that was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.localnet.backend import Backend, Genesis
from assay.localnet.blocks.spec import read_spec
from assay.localnet.blocks.spec_writing import SpecFields, WrittenSpec, write_spec
from assay.localnet.errors import BadGenesis, BadRuntime
from assay.localnet.executor.machine.module_cache import ModuleCache
from assay.localnet.node import genesis_of
from tests.unit.subnet.localnet.core_chain import RUNTIME, module_cache

CODE = RUNTIME.read_bytes()


def written(recipe: Genesis, **fields: object) -> WrittenSpec:
    return write_spec(recipe, SpecFields(**fields), module_cache=ModuleCache(module_cache()))  # type: ignore[arg-type]


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(("preset", "block_ms"), [("local", 100), ("upstream", None)])
def test_what_begins_with_it_is_the_same_chain(
    tmp_path: Path, preset: str, block_ms: int | None, raw: bool
) -> None:
    recipe = genesis_of(code=CODE, preset=preset, block_time_ms=block_ms)
    found = written(recipe, raw=raw)
    assert found.raw is raw
    assert found.block_time_ms == (block_ms or 12_000)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(found.document))
    chains = [
        Backend.open(None, each, module_cache=module_cache()) for each in (recipe, read_spec(path))
    ]
    try:
        assert {chain.genesis_hash for chain in chains} == {found.genesis_hash}
        assert {chain.chain_name for chain in chains} == {recipe.chain_name}
    finally:
        for chain in chains:
            chain.close()
    # Written once more, it says the same: a raw one stays raw.
    again = written(read_spec(path))
    assert (again.genesis_hash, again.raw) == (found.genesis_hash, raw)


def test_the_node_finds_the_fields_that_it_wants() -> None:
    document = written(genesis_of(code=CODE), para_id=7, relay_chain="elsewhere").document
    assert (document["para_id"], document["relay_chain"]) == (7, "elsewhere")
    assert document["chainType"] == "Development"
    assert set(document["genesis"]["runtimeGenesis"]) == {"code", "config"}


@pytest.mark.parametrize("code", [b"", b"# a page\n", CODE[:1000]])
def test_what_is_no_runtime_is_refused(code: bytes) -> None:
    with pytest.raises(BadRuntime):
        written(genesis_of(code=code))


def test_a_preset_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadGenesis, match="nosuch"):
        written(genesis_of(code=CODE, preset="nosuch"))
