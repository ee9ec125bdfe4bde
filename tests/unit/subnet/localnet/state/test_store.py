"""The chain on disk: what a block's transaction keeps, what pruning takes, what damage says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.localnet.errors import (
    ChainDamaged,
    ChainInUse,
    HistoryTooLong,
    StateDiscarded,
    StorageFailed,
)
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.header import ZERO_HASH, Block, Header
from assay.localnet.state.head import HeadState
from assay.localnet.state.history import HistoricState
from assay.localnet.state.store import DATABASE_NAME, ChainStore

Changes = dict[bytes, bytes | None]

HISTORY: list[Changes] = [
    {b"a": b"a0", b"b": b"b0", b"ba": b"ba0", b"c": b"c0"},
    {b"b": b"b1", b"d": b"d1"},
    {b"b": None, b"a": b"a2"},
    {b"ba": None, b"bb": b"bb3"},
    {b"b": b"b4", b"d": None},
]


def block(number: int, parent: Block | None) -> Block:
    header = Header(
        ZERO_HASH if parent is None else parent.hash, number, bytes([number] * 32), bytes(32), ()
    )
    return Block(header, (b"\x0cext", b"\x04" + bytes((number,))))


def fill(store: ChainStore, history: list[Changes] = HISTORY) -> list[Block]:
    blocks: list[Block] = []
    for number, changes in enumerate(history):
        made = block(number, blocks[-1] if blocks else None)
        if number == 0:
            pairs = {key: value for key, value in changes.items() if value is not None}
            store.begin_chain({"genesis_config": b"{}"}, made, pairs, 1)
        else:
            store.append(made, changes, 1)
        blocks.append(made)
    return blocks


def states(history: list[Changes] = HISTORY) -> list[dict[bytes, bytes]]:
    """The whole state after each block, by plain copying."""
    found: list[dict[bytes, bytes]] = []
    for changes in history:
        state = dict(found[-1]) if found else {}
        for key, value in changes.items():
            if value is None:
                del state[key]
            else:
                state[key] = value
        found.append(state)
    return found


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChainStore]:
    folder = None if request.param == "memory" else tmp_path / "chain"
    made = ChainStore(folder, CoreLimits(), create=True)
    yield made
    made.close()


def test_blocks_come_back(store: ChainStore) -> None:
    assert store.head_number() is None
    with pytest.raises(ChainDamaged, match="no chain"):
        store.head()
    blocks = fill(store)
    assert store.head() == 4
    for number, made in enumerate(blocks):
        assert store.block(number) == made
        assert store.hash_of(number) == made.hash
        assert store.number_of(made.hash) == number
    assert (store.block(5), store.hash_of(5), store.number_of(bytes(32))) == (None, None, None)


def _assert_history(store: ChainStore, first: int = 0) -> None:
    for number, expected in enumerate(states()):
        if number < first:
            continue
        pairs = {row.key: row.value for row in store.pairs_at(number)}
        assert pairs == expected
        view = HistoricState(store, number, lambda: None, keys_max=10_000)
        head = HeadState((key, value, False) for key, value in expected.items())
        for key in (b"", b"a", b"b", b"ba", b"bb", b"bc", b"c", b"d", b"e"):
            assert view.get(key) == head.get(key)
            assert view.next_key(key) == head.next_key(key)
            for start in (None, b"a", b"b", b"ba", b"z"):
                for count in (None, 0, 1, 2, 9):
                    assert view.keys(key, start, count) == head.keys(key, start, count)


def test_every_old_state_reads_as_it_was(store: ChainStore) -> None:
    fill(store)
    _assert_history(store)
    assert store.changed_at(b"b", 3) == 2
    assert store.changed_at(b"x", 3) is None
    assert store.changes_of(2) == HISTORY[2]


@pytest.mark.parametrize("oldest", range(1, 5))
def test_pruning_keeps_what_the_kept_states_need(store: ChainStore, oldest: int) -> None:
    fill(store)
    for step in range(1, oldest + 1):
        store.prune(step)
    assert store.oldest_state == oldest
    _assert_history(store, oldest)
    kept = sum(len(store.changes_of(number)) for number in range(oldest + 1))
    assert kept == len(states()[oldest])  # one version a key, no tombstones


def test_pruning_at_once_equals_pruning_in_steps(store: ChainStore) -> None:
    fill(store)
    store.prune(4)
    _assert_history(store, 4)
    assert sum(len(store.changes_of(number)) for number in range(5)) == len(states()[4])


def test_a_view_of_a_pruned_state_says_so(store: ChainStore) -> None:
    blocks = fill(store)

    def check() -> None:
        raise StateDiscarded(blocks[1].hash)

    view = HistoricState(store, 1, check, keys_max=10)
    for read in (lambda: view.get(b"a"), lambda: view.next_key(b""), lambda: view.keys(b"")):
        with pytest.raises(StateDiscarded, match=f"already discarded for 0x{blocks[1].hash.hex()}"):
            read()


def test_an_old_state_is_read_only_so_far(store: ChainStore) -> None:
    """What costs is every key that any block ever had, not those that are found."""
    fill(store)
    for number in range(5, 25):
        last = store.block(number - 1)
        store.append(block(number, last), {b"key%02d" % number: b"v"}, 1)

    def view() -> HistoricState:
        return HistoricState(store, 1, lambda: None, keys_max=10)

    assert view().next_key(b"c") == b"d"
    for read in (lambda: view().next_key(b"d"), lambda: view().keys(b"key", None, 1)):
        with pytest.raises(HistoryTooLong, match="old state of block 1"):
            read()
    reader = view()
    for _ in range(10):
        assert reader.get(b"a") == b"a0"
    with pytest.raises(HistoryTooLong):
        reader.get(b"a")


def test_keys_are_found_without_reading_values(store: ChainStore) -> None:
    """One of the values is the runtime: a search that passes by it would read a megabyte."""
    fill(store)
    for query in (
        "SELECT min(key) FROM versions WHERE key > x'61'",
        "SELECT block FROM versions WHERE key = x'61' AND block <= 3 ORDER BY block DESC LIMIT 1",
    ):
        plan = store._database.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
        assert ["COVERING INDEX" in row[3] for row in plan] == [True], plan


def test_the_empty_key_is_a_key(store: ChainStore) -> None:
    fill(store, [{b"": b"0", b"a": b"1"}, {b"a": b"2"}])
    assert [row.key for row in store.pairs_at(1)] == [b"", b"a"]
    assert HistoricState(store, 0, lambda: None, keys_max=9).keys(b"") == [b"", b"a"]


def test_a_chain_is_open_once(tmp_path: Path) -> None:
    first = ChainStore(tmp_path, CoreLimits(), create=True)
    with pytest.raises(ChainInUse, match="open in another process"):
        ChainStore(tmp_path, CoreLimits(), create=True)
    first.close()
    first.close()
    ChainStore(tmp_path, CoreLimits(), create=False).close()


def test_opening_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ChainDamaged, match="There is no chain"):
        ChainStore(tmp_path / "x", CoreLimits(), create=False)
    assert not (tmp_path / "x").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageFailed, match="cannot be made"):
        ChainStore(tmp_path / "file", CoreLimits(), create=True)


def test_a_full_disk_keeps_the_last_block(tmp_path: Path) -> None:
    store = ChainStore(tmp_path, CoreLimits(), create=True)
    blocks = fill(store)
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages + 2}")
    bulky: Changes = {b"bulk%d" % at: bytes(5_000) for at in range(20)}
    following = block(5, blocks[-1])
    with pytest.raises(StorageFailed, match="is full") as caught:
        store.append(following, bulky, 1)
    assert "Free some space" in caught.value.cure
    assert store.head() == 4
    _assert_history(store)
    store._database.execute("PRAGMA max_page_count = 1000000")
    store.append(following, bulky, 1)  # the disk has room again
    store.close()
    again = ChainStore(tmp_path, CoreLimits(), create=False)
    assert (again.head(), again.value_at(b"bulk7", 5)) == (5, bytes(5_000))
    again.close()


def test_a_database_that_may_not_be_written(tmp_path: Path) -> None:
    store = ChainStore(tmp_path, CoreLimits(), create=True)
    blocks = fill(store)
    store._database.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageFailed, match="cannot be written"):
        store.append(block(5, blocks[-1]), {b"k": b"v"}, 1)
    assert store.head() == 4
    store.close()


def test_what_is_no_database_and_what_is_cut(tmp_path: Path) -> None:
    store = ChainStore(tmp_path, CoreLimits(), create=True)
    fill(store)
    store.close()
    file = tmp_path / DATABASE_NAME
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    def read_all() -> None:
        with contextlib.closing(ChainStore(tmp_path, CoreLimits(), create=False)) as cut:
            list(cut.pairs_at(4))

    with pytest.raises(ChainDamaged, match="is damaged"):
        read_all()
    file.write_bytes(b"certainly not a database, and long enough to be looked at" * 100)
    with pytest.raises(ChainDamaged, match="is damaged"):
        ChainStore(tmp_path, CoreLimits(), create=False)


def test_another_format_is_refused(tmp_path: Path) -> None:
    store = ChainStore(tmp_path, CoreLimits(), create=True)
    store._database.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(ChainDamaged, match="has format 99"):
        ChainStore(tmp_path, CoreLimits(), create=True)


def test_a_failed_block_leaves_nothing_behind(store: ChainStore) -> None:
    blocks = fill(store)
    with pytest.raises(StorageFailed):
        store.append(block(4, blocks[3]), {b"x": b"y"}, 1)  # block 4 is there already
    assert store.value_at(b"x", 9) is None
    store.append(block(5, blocks[-1]), {b"x": b"y"}, 1)
    assert store.value_at(b"x", 5) == b"y"
