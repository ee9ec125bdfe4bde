"""What becomes of old states: forgotten in steps, and no block is lost over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from loguru import logger

from assay.errors import UserError
from assay.localnet.backend import StateDiscarded
from assay.localnet.errors import ChainDamaged, ChainInUse, StorageFailed
from tests.unit.subnet.localnet.core_chain import open_chain, step


def test_pruned_states_are_gone_and_blocks_stay() -> None:
    chain = open_chain(history_blocks=10)
    for _ in range(80):
        step(chain)
    oldest = chain.block_hash(1)
    assert oldest is not None
    assert chain.block(oldest) is not None
    with pytest.raises(StateDiscarded, match=f"State already discarded for 0x{oldest.hex()}"):
        chain.state(oldest)
    with pytest.raises(StateDiscarded):
        chain.call("Core_version", b"", oldest)
    kept = chain.block_hash(chain.head.number - 10)
    assert chain.state(kept).get(b":code") == chain.state().get(b":code")
    chain.close()


def test_a_limited_history_keeps_the_database_small() -> None:
    """Seven keys change in an empty block; one of them, the block's hash, is new and stays."""
    chain = open_chain(history_blocks=10)

    def versions_after(blocks: int) -> int:
        for _ in range(blocks):
            step(chain)
        count: int = chain._store._one("SELECT count(*) FROM versions", ())[0]
        return count

    early = versions_after(200)
    assert versions_after(300) - early <= 300 + 64 * 7
    chain.close()


def test_a_long_history_is_forgotten_step_by_step(tmp_path: Path) -> None:
    """All at once it would hold up one block for hours: the work grows with the square."""
    chain = open_chain(tmp_path)
    for _ in range(150):
        step(chain)
    chain.close()
    again = open_chain(tmp_path, history_blocks=2)
    discarded = []
    for _ in range(4):
        step(again)
        discarded.append(again._store.oldest_state)
    assert discarded == [64, 128, 128, 128]
    again.close()


@pytest.mark.parametrize("fault", [StorageFailed, ChainInUse, ChainDamaged])
def test_no_block_is_lost_because_old_states_cannot_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[UserError]
) -> None:
    """Pruning is housekeeping: a full disk is met again by a later block, damage by the next."""
    chain = open_chain(tmp_path, history_blocks=2)
    while chain.head.number < 66:  # the 67th is the first that could prune
        step(chain)
    prune, tries = chain._store.prune, 0

    def failing(oldest: int) -> None:
        nonlocal tries
        tries += 1
        raise fault("It cannot be.", "Make it so.")

    monkeypatch.setattr(chain._store, "prune", failing)
    if fault is ChainDamaged:
        with pytest.raises(ChainDamaged):
            step(chain)
        assert (chain.head.number, tries) == (66, 1), "no block was committed and then not told"
    else:
        told: list[str] = []
        sink = logger.add(told.append, level="WARNING", format="{message}")
        for _ in range(3):
            step(chain)
        logger.remove(sink)
        assert (chain.head.number, tries, len(told)) == (69, 3, 1)
        monkeypatch.setattr(chain._store, "prune", prune)
        step(chain)
        assert chain._store.oldest_state == 64
    chain.close()
