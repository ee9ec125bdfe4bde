"""A stored chain re-executes, and any change to it is found; an export is complete."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from assay.localnet.errors import ChainDamaged, ChainInUse
from assay.localnet.export import export_blocks
from assay.localnet.primitives.header import Block
from assay.localnet.state.store import DATABASE_NAME
from assay.localnet.verify import Verified, verify_chain
from tests.unit.subnet.localnet.core_chain import grow, module_cache, open_chain


def verify(path: Path) -> Verified:
    return verify_chain(path, module_cache=module_cache())


def test_what_we_built_verifies(tmp_path: Path) -> None:
    chain = open_chain(tmp_path)
    grow(chain, 6, per_block=2)
    head = chain.head
    with pytest.raises(ChainInUse):
        verify(tmp_path)
    chain.close()
    seen: list[tuple[int, int]] = []
    verified = verify_chain(
        tmp_path, module_cache=module_cache(), progress=lambda *at: seen.append(at)
    )
    assert verified == Verified(0, 6, head.hash, head.header.state_root)
    assert seen == [(number, 6) for number in range(1, 7)]


def test_a_pruned_chain_verifies_from_its_first_state(tmp_path: Path) -> None:
    chain = open_chain(tmp_path, history_blocks=5)
    grow(chain, 70)
    oldest = chain._oldest_state
    assert oldest > 0
    chain.close()
    verified = verify(tmp_path)
    assert (verified.first, verified.blocks) == (oldest, 70 - oldest)
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database, database:
        row = (b"key", oldest + 1, b"not written by that block")
        database.execute("INSERT INTO versions VALUES (?, ?, ?)", row)
        database.execute("INSERT INTO versions VALUES (?, ?, NULL)", (b"key", oldest + 2))
    with pytest.raises(ChainDamaged, match=f"block {oldest + 1} did not change what is stored"):
        verify(tmp_path)
    with pytest.raises(ChainDamaged, match="no longer keeps its first state"):
        export_blocks(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE blocks SET body = x'00' WHERE number = 2", "block 2 is refused by the runtime"),
        ("UPDATE blocks SET hash = randomblob(32) WHERE number = 2", "another hash or number"),
        ("DELETE FROM blocks WHERE number = 2", "block 2 is missing"),
        ("UPDATE versions SET value = x'01' WHERE block = 2", "did not change what is stored"),
        ("UPDATE meta SET value = '{}' WHERE name = 'genesis_config'", "does not build block 0"),
        ("UPDATE meta SET value = '{' WHERE name = 'genesis_config'", "tell the genesis config"),
        ("UPDATE meta SET value = '7' WHERE name = 'genesis_config'", "is none"),
        ("DELETE FROM meta WHERE name = 'genesis_config'", "tell the genesis config"),
        ("INSERT INTO meta VALUES ('oldest_state', '-1')", "how old"),
    ],
)
def test_every_change_is_found(tmp_path: Path, damage: str, told: str) -> None:
    chain = open_chain(tmp_path)
    grow(chain, 3)
    chain._store._database.execute(damage)
    chain.close()
    with pytest.raises(ChainDamaged, match=told):
        verify(tmp_path)


def test_an_export_is_complete(tmp_path: Path) -> None:
    chain = open_chain(tmp_path / "chain")
    grow(chain, 4)
    blocks = [chain.block(chain.block_hash(number) or b"") for number in range(1, 5)]
    config, code, head = chain.genesis_config(), chain.state().get(b":code"), chain.head
    chain.close()
    out = tmp_path / "out"
    exported = export_blocks(tmp_path / "chain", out)
    assert (exported.blocks, exported.head_hash) == (4, head.hash)
    assert exported.head_state_root == head.header.state_root
    lines = (out / "blocks.txt").read_text().splitlines()
    assert [Block.decode(bytes.fromhex(line)) for line in lines] == blocks
    assert json.loads((out / "genesis.json").read_text()) == config
    assert (out / "runtime.wasm").read_bytes() == code
    assert not list(out.glob(".*"))


def test_the_head_is_judged_by_the_slow_trie_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the fast trie says: if the two ever differ, one of them is wrong."""
    chain = open_chain(tmp_path)
    grow(chain, 2)
    chain.close()
    monkeypatch.setattr("assay.localnet.verify.slow_root", lambda pairs, version: bytes(32))
    with pytest.raises(ChainDamaged, match="computed differently"):
        verify(tmp_path)
