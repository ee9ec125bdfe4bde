"""Chain specs: what is read of them, what a chain that begins with one is, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay.localnet.backend import Backend, Genesis
from assay.localnet.blocks import spec
from assay.localnet.blocks.spec import read_spec
from assay.localnet.errors import BadGenesis, ChainDamaged
from assay.localnet.export import export_blocks
from assay.localnet.verify import verify_chain
from tests.unit.subnet.localnet.core_chain import RUNTIME, genesis, grow, module_cache, open_chain

CODE = RUNTIME.read_bytes()
FAST = {"subtensorModule": {"slotDurationMs": 500}}


@contextmanager
def begun(recipe: Genesis, folder: Path | None = None) -> Iterator[Backend]:
    chain = Backend.open(folder, recipe, module_cache=module_cache())
    try:
        yield chain
    finally:
        chain.close()


def written(folder: Path, of_genesis: Any, **rest: Any) -> Path:
    path = folder / "spec.json"
    document = {"name": "Elsewhere", "genesis": of_genesis, "bootNodes": ["/dns/nowhere"], **rest}
    path.write_text(json.dumps(document))
    return path


def raw_of(chain: Backend) -> dict[str, Any]:
    """The state of a chain as a node's ``build-spec --raw`` writes it."""
    state = chain.state()
    keys = state.keys(b"", None, 100_000)
    top = {f"0x{key.hex()}": f"0x{(state.get(key) or b'').hex()}" for key in keys}
    return {"raw": {"top": top, "childrenDefault": {}}}


def test_a_patch_and_a_whole_configuration_begin_the_same_chain(tmp_path: Path) -> None:
    named = Genesis(code=CODE, preset="default", overrides=FAST)
    with begun(named) as chain:
        whole, wanted = chain.genesis_config(), chain.genesis_hash
    for of_genesis in ({"patch": FAST}, {"config": whole}):
        plain = {"runtimeGenesis": {"code": f"0x{CODE.hex()}", **of_genesis}}
        with begun(read_spec(written(tmp_path, plain))) as chain:
            assert chain.genesis_hash == wanted
            assert chain.slot_duration_ms() == 500
            assert chain.chain_name == "Elsewhere"
            assert chain.properties["tokenSymbol"] == "TAO"


def test_a_raw_state_begins_the_chain_that_it_was_taken_from(tmp_path: Path) -> None:
    chain = open_chain()
    wanted, raw = chain.genesis_hash, raw_of(chain)
    chain.close()
    path = written(tmp_path, raw, properties={"tokenSymbol": "X"})
    with begun(read_spec(path), tmp_path / "chain") as chain:
        assert chain.genesis_hash == wanted
        assert chain.properties == {"tokenSymbol": "X"}
        grow(chain, 3)
    # It is stored with its recipe, goes on under the same spec, and can be executed again.
    with begun(read_spec(path), tmp_path / "chain") as chain:
        assert chain.head.number == 3
    assert verify_chain(tmp_path / "chain", module_cache=module_cache()).blocks == 3
    with pytest.raises(ChainDamaged, match="raw chain spec"):
        export_blocks(tmp_path / "chain", tmp_path / "export")


def test_the_recipes_of_before_there_were_specs_keep_their_fingerprints() -> None:
    assert genesis().config is None
    assert Genesis(code=b"x").fingerprint().hex() == (
        "268a2f9d06e947a064f99be58315cecedf9e1a395b5349f5cf2c80cd0c8c01f6"
    )
    assert Genesis(code=b"x", config={}).fingerprint() != Genesis(code=b"x").fingerprint()


BAD: dict[str, Any] = {
    "no name and genesis": {"stateRootHash": "0x00"},
    "neither raw nor runtimeGenesis": {},
    "only the root": {"stateRootHash": "0x00"},
    "export it raw": {"runtime": {}},
    "holds no runtime": {"raw": {"top": {"0x00": "0x00"}}},
    "child tries": {"raw": {"top": {}, "childrenDefault": {"0x00": {}}}},
    "code is no hexadecimal": {"runtimeGenesis": {"code": "0xzz", "patch": {}}},
    "keys and values in hexadecimal": {"raw": {"top": {"0x00": 5}}},
}


@pytest.mark.parametrize("why", BAD)
def test_what_is_no_spec_is_refused_in_one_sentence(tmp_path: Path, why: str) -> None:
    rest = {"name": ""} if why.startswith("no name") else {}
    with pytest.raises(BadGenesis, match=why) as refused:
        read_spec(written(tmp_path, BAD[why], **rest))
    assert refused.value.cure


@pytest.mark.parametrize("text", ["", "[", "5", "[" * 100_000, '{"name": 5}'])
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "spec.json"
    path.write_text(text)
    with pytest.raises(BadGenesis, match=str(path)):
        read_spec(path)


def test_what_is_too_large_or_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spec, "SPEC_BYTES_MAX", 10)
    path = written(tmp_path, {})
    with pytest.raises(BadGenesis, match="larger than"):
        read_spec(path)
    with pytest.raises(BadGenesis, match="cannot be read"):
        read_spec(tmp_path / "absent")


def test_a_name_that_no_preset_has_is_told_with_those_that_there_are() -> None:
    with (
        pytest.raises(BadGenesis, match="no genesis preset named 'x'") as refused,
        begun(Genesis(code=CODE, preset="x")),
    ):
        pass
    assert "default" in refused.value.cure
