"""The file that names the last announced block: what it survives, and what it finds out."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from pathlib import Path

import pytest

from assay.localnet.errors import ChainDamaged, StorageFailed
from assay.localnet.limits import CoreLimits
from assay.localnet.state.last_block import (
    LAST_BLOCK_NAME,
    LastBlock,
    LastBlockFile,
    UnreadableLastBlock,
)
from assay.localnet.state.store import DATABASE_NAME, ChainStore
from tests.unit.subnet.localnet.state.test_store import block, fill

WAL_NAME = f"{DATABASE_NAME}-wal"
FLIPS = 240
BLOCKS = 40


def open_file(path: Path) -> contextlib.closing[LastBlockFile]:
    return contextlib.closing(LastBlockFile(path))


def named(number: int) -> LastBlock:
    return LastBlock(number, bytes([number] * 32))


def test_the_last_name_comes_back(tmp_path: Path) -> None:
    with open_file(tmp_path / "f") as file:
        assert file.read() is None
        for number in (0, 1, 2, 7, 8):
            file.write(named(number))
            assert file.read() == named(number)
    with open_file(tmp_path / "f") as file:
        assert file.read() == named(8)


@pytest.mark.parametrize("last", [1, 2])
def test_a_write_that_was_torn_leaves_the_name_before(tmp_path: Path, last: int) -> None:
    """At each byte, with what stood there before behind it."""
    path = tmp_path / "f"
    with open_file(path) as file:
        for number in range(last + 1):
            file.write(named(number))
        before = path.read_bytes()
        file.write(named(last + 1))
        after = path.read_bytes()
    differing = [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    for cut in range(differing[0] + 1, differing[-1] + 1):
        path.write_bytes(after[:cut] + before[cut:])
        with open_file(path) as file:
            assert file.read() == named(last), cut


def test_of_a_flipped_bit_the_other_slot_is_left(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with open_file(path) as file:
        file.write(named(4))
        file.write(named(5))
    whole = path.read_bytes()
    for bit in range(len(whole) * 8):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        with open_file(path) as file:
            assert file.read() in (named(4), named(5))
    path.write_bytes(bytes(len(whole)))
    with open_file(path) as file, pytest.raises(UnreadableLastBlock):
        file.read()


def long_chain(folder: Path) -> ChainStore:
    """Blocks that nothing has copied from the log into the database yet."""
    store = ChainStore(folder, CoreLimits(), create=True)
    last = fill(store)[-1]
    for number in range(5, BLOCKS):
        last = block(number, last)
        store.append(last, {b"key%d" % (number % 7): bytes([number] * 300)}, 1)
    return store


def copy_of(folder: Path, to: Path) -> Path:
    """What a crash of the machine would leave of the open chain."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return to


def everything(folder: Path) -> tuple[int, list[dict[bytes, bytes]], list[object]]:
    with contextlib.closing(ChainStore(folder, CoreLimits(), create=False)) as store:
        head = store.head()
        states = [{row.key: row.value for row in store.pairs_at(n)} for n in range(head + 1)]
        return head, states, [store.block(number) for number in range(head + 1)]


def test_no_flipped_bit_of_the_log_gives_an_older_chain_without_a_word(tmp_path: Path) -> None:
    store = long_chain(tmp_path / "chain")
    whole = everything(copy_of(tmp_path / "chain", tmp_path / "copy"))
    assert whole[0] == BLOCKS - 1
    log = (tmp_path / "chain" / WAL_NAME).read_bytes()
    rng, refused = random.Random(11), 0
    for _ in range(FLIPS):
        folder = copy_of(tmp_path / "chain", tmp_path / "copy")
        bit = rng.randrange(len(log) * 8)
        data = bytearray(log)
        data[bit // 8] ^= 1 << bit % 8
        (folder / WAL_NAME).write_bytes(data)
        try:
            assert everything(folder) == whole, bit
        except ChainDamaged:
            refused += 1
    store.close()
    assert refused > FLIPS / 4, "the flips did not reach what counts"


def test_a_lost_log_is_told_with_both_numbers_and_a_cure_that_works(tmp_path: Path) -> None:
    store = long_chain(tmp_path / "chain")
    store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    last = store.block(store.head())
    assert last is not None
    following = block(BLOCKS, last)
    store.append(following, {b"a": b"late"}, 1)
    folder = copy_of(tmp_path / "chain", tmp_path / "copy")
    store.close()
    (folder / WAL_NAME).unlink()
    with pytest.raises(ChainDamaged, match=f"ends at block {last.number}, but") as caught:
        ChainStore(folder, CoreLimits(), create=True)
    assert f"block {BLOCKS} (0x{following.hash.hex()}) was announced" in str(caught.value)
    assert LAST_BLOCK_NAME in caught.value.cure
    (folder / LAST_BLOCK_NAME).unlink()
    assert everything(folder)[0] == last.number


def test_a_lost_database_does_not_begin_anew(tmp_path: Path) -> None:
    long_chain(tmp_path).close()
    (tmp_path / DATABASE_NAME).unlink()
    with pytest.raises(ChainDamaged, match="holds no block, but block"):
        ChainStore(tmp_path, CoreLimits(), create=True)


def test_another_chain_in_its_place_is_noticed(tmp_path: Path) -> None:
    for name in ("one", "other"):
        with contextlib.closing(ChainStore(tmp_path / name, CoreLimits(), create=True)) as store:
            last = fill(store)[-1]
            if name == "other":
                store.append(block(5, None), {b"x": b"y"}, 1)
                store.append(block(6, None), {b"x": b"z"}, 1)
            else:
                store.append(block(5, last), {b"x": b"y"}, 1)
    shutil.copy(tmp_path / "other" / DATABASE_NAME, tmp_path / "one" / DATABASE_NAME)
    with pytest.raises(ChainDamaged, match="holds another block 5"):
        ChainStore(tmp_path / "one", CoreLimits(), create=False)


def test_a_block_that_was_committed_and_not_yet_named_is_kept(tmp_path: Path) -> None:
    """Killed between the two: nobody was told of the block, and it is there."""
    store = ChainStore(tmp_path / "chain", CoreLimits(), create=True)
    blocks = fill(store)
    before = (tmp_path / "chain" / LAST_BLOCK_NAME).read_bytes()
    store.append(block(5, blocks[-1]), {b"x": b"y"}, 1)
    store.close()
    (tmp_path / "chain" / LAST_BLOCK_NAME).write_bytes(before)
    again = ChainStore(tmp_path / "chain", CoreLimits(), create=False)
    assert again.head() == 5
    again.append(block(6, again.block(5)), {b"x": b"z"}, 1)
    again.close()
    assert everything(tmp_path / "chain")[0] == 6


def test_a_damaged_name_says_how_to_go_on(tmp_path: Path) -> None:
    long_chain(tmp_path).close()
    (tmp_path / LAST_BLOCK_NAME).write_bytes(b"nonsense" * 16)
    with pytest.raises(ChainDamaged, match=f"{LAST_BLOCK_NAME} in .* is damaged") as caught:
        ChainStore(tmp_path, CoreLimits(), create=False)
    assert "Remove that file" in caught.value.cure
    (tmp_path / LAST_BLOCK_NAME).unlink()
    assert everything(tmp_path)[0] == BLOCKS - 1


def test_a_name_that_cannot_be_written_ends_the_chain_at_a_whole_block(tmp_path: Path) -> None:
    store = ChainStore(tmp_path, CoreLimits(), create=True)
    blocks = fill(store)
    assert store._last_block is not None
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, store._last_block._descriptor)
    os.close(full)
    with pytest.raises(StorageFailed, match=LAST_BLOCK_NAME):
        store.append(block(5, blocks[-1]), {b"x": b"y"}, 1)
    store.close()
    assert everything(tmp_path)[0] == 5
