"""The head's state: what it costs to hold, and that nobody can tell what it keeps in memory."""

from __future__ import annotations

import gc
import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b

import pytest

from assay.localnet.errors import StorageFailed
from assay.localnet.state import head as head_module
from assay.localnet.state import key_ranges, trie
from assay.localnet.state.fold import fold
from assay.localnet.state.head import HeadState
from assay.localnet.state.overlay import Overlay
from assay.localnet.state.root import slow_root

ACCOUNTS = 6_000
PREFIX = bytes(range(32))


def account_key(number: int) -> bytes:
    public = blake2b(number.to_bytes(4, "big"), digest_size=32).digest()
    return PREFIX + public[:16] + public


def advance(state: HeadState, changes: dict[bytes, bytes | None], version: int = 1) -> None:
    overlay = Overlay(state)
    for key, value in changes.items():
        overlay.put(key, value)
    state.advance(overlay.result(version))


@pytest.fixture
def state() -> Iterator[HeadState]:
    with closing(HeadState()) as made:
        yield made


def node_count(root: trie.TrieNode | bytes | None) -> int:
    if not isinstance(root, trie.TrieNode):
        return 0
    return 1 + sum(map(node_count, (root.children or {}).values()))


def test_an_account_that_nobody_touches_keeps_no_python_objects(
    state: HeadState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a kilobyte for good; one TAO bought 27,000 of them."""
    monkeypatch.setattr("assay.localnet.state.recent.RECENT_BYTES_MAX", 64 * 1024)
    busy: dict[bytes, bytes | None] = {b"busy%03d" % at: b"0" for at in range(50)}
    advance(state, busy)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for first in range(0, ACCOUNTS, 500):
        advance(state, {account_key(first + at): bytes(56) for at in range(500)})
    for number in range(3 * head_module.FOLD_AFTER_CHANGES // len(busy)):
        advance(state, dict.fromkeys(busy, b"%d" % number))  # life goes on
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown / ACCOUNTS < 100
    assert state.get(account_key(77)) == bytes(56)
    assert node_count(state.root) < 2_000


def test_a_start_folds_what_it_reads() -> None:
    rows = [(account_key(number), bytes(56), True) for number in range(9_000)]
    with closing(HeadState(rows)) as state:
        assert node_count(state.root) < 1_500
        assert state.root_hash == slow_root({key: value for key, value, _ in rows}, 1)


def test_a_folded_branch_comes_back_when_it_is_written(state: HeadState) -> None:
    model: dict[bytes, bytes] = {account_key(n): b"v%d" % n for n in range(300)}
    advance(state, dict(model))
    fold(state.root, before=trie.next_generation())
    assert node_count(state.root) < 60
    for number in (0, 5, 299):
        advance(state, {account_key(number): None, account_key(1_000 + number): b"w" * 50})
        del model[account_key(number)]
        model[account_key(1_000 + number)] = b"w" * 50
        assert state.root_hash == slow_root(model, 1)
    advance(state, {account_key(9_999): None})
    assert state.root_hash == slow_root(model, 1), "what is not there cannot be removed"


def test_what_is_left_of_a_branch_joins_a_folded_neighbour(state: HeadState) -> None:
    """Two keys under one node: one is removed, and the other is only a reference by then."""
    advance(state, {b"\x10\x10": b"a", b"\x10\x11": b"b" * 40, b"\x20": b"c"})
    fold(state.root, before=trie.next_generation())
    advance(state, {b"\x20": None})
    assert state.root_hash == slow_root({b"\x10\x10": b"a", b"\x10\x11": b"b" * 40}, 1)
    advance(state, {b"\x10\x10": None})
    assert state.root_hash == slow_root({b"\x10\x11": b"b" * 40}, 1)


def test_a_large_value_is_not_read_because_of_its_neighbours(state: HeadState) -> None:
    advance(state, {b":code": bytes(100_000), b":coda": b"1", b":cob": b"2"})
    fold(state.root, before=trie.next_generation())
    loaded: list[str] = []

    load = state.load

    def noted(prefix: str) -> Iterator[trie.Stored]:
        loaded.append(prefix)
        return load(prefix)

    state.load = noted  # type: ignore[method-assign]
    advance(state, {b":coda": b"3", b":cob": b"4"})
    assert loaded and not any(b":code".hex().startswith(prefix) for prefix in loaded)


def test_a_value_keeps_its_form_when_its_branch_is_folded(state: HeadState) -> None:
    """Long values of state version 0 stand in their nodes, those of version 1 by their hash."""
    advance(state, {b"k": b"v" * 40, b"m": b"x" * 40}, version=0)
    advance(state, {b"l": b"w" * 40}, version=1)
    whole = trie.insert_stored(
        None, [(b"k", b"v" * 40, False), (b"l", b"w" * 40, True), (b"m", b"y", False)]
    )
    fold(state.root, before=trie.next_generation())
    advance(state, {b"m": b"y"})
    assert state.root_hash == trie.root_hash(whole)


def test_what_was_tried_is_gone_afterwards(state: HeadState) -> None:
    advance(state, {b"a": b"1", b"b": b"2", b"c": b"3"})
    root, keys = state.root_hash, state.keys(b"")
    overlay = Overlay(state)
    for key, value in {b"a": None, b"b": b"9" * 50, b"d": b"4"}.items():
        overlay.put(key, value)
    result = overlay.result(1)

    def look() -> None:
        assert (state.get(b"a"), state.get(b"d"), state.next_key(b"")) == (None, b"4", b"b")
        assert state.keys(b"") == [b"b", b"c", b"d"]
        assert state.root_hash == result.root_hash

    with state.tried(result):
        look()
    with pytest.raises(ZeroDivisionError), state.tried(result):
        _ = 1 // 0
    assert (state.get(b"a"), state.get(b"d"), state.next_key(b"")) == (b"1", None, b"a")
    assert (state.keys(b""), state.root_hash) == (keys, root)


def test_ranges_that_were_read_know_of_what_came_and_went(state: HeadState) -> None:
    model = {b"%03d" % at: b"v" for at in range(0, 400, 2)}
    advance(state, dict(model))

    def seen() -> None:
        ordered = sorted(model)
        assert state.keys(b"") == ordered
        assert state.keys(b"1") == [key for key in ordered if key[:1] == b"1"]
        for count in (0, 1, 3):
            assert (
                state.keys(b"1", b"150", count) == [k for k in ordered if b"150" < k < b"2"][:count]
            )
        walked, key = [], b""
        while (found := state.next_key(key)) is not None:
            walked.append(found)
            key = found
        assert walked == ordered

    seen()
    for gone, come in ((b"000", b"0001"), (b"150", b"151"), (b"398", b"4")):
        advance(state, {gone: None, come: b"w"})
        del model[gone]
        model[come] = b"w"
        seen()


def test_what_a_caller_does_to_a_list_of_keys_stays_with_it(state: HeadState) -> None:
    advance(state, {b"a": b"1", b"b": b"2"})
    state.keys(b"").clear()
    assert state.keys(b"") == [b"a", b"b"]


def test_remembered_ranges_are_bounded(state: HeadState) -> None:
    advance(state, {b"%04d" % at: b"v" for at in range(1_000)})
    for at in range(500):
        state.keys(b"%03d" % at)
        state.next_key(b"%04d" % at)
    assert len(state._ranges._ranges) <= key_ranges.RANGES_MAX
    state.keys(b"")
    held = sum(len(known.keys) for known in state._ranges._ranges.values())
    assert held <= key_ranges.RANGES_MAX * key_ranges.RANGE_KEYS_MAX


def test_a_full_folder_for_temporary_files_is_named(state: HeadState) -> None:
    state._pairs._database.execute("PRAGMA max_page_count = 8")
    advance(state, {b"%04d" % at: bytes(500) for at in range(1_000)})
    with pytest.raises(StorageFailed, match="temporary file") as caught:
        state.keys(b"")
    assert "TMPDIR" in caught.value.cure


def test_searches_end_at_their_bounds(state: HeadState) -> None:
    """A search without an end in the index reads on to the last key of the state."""
    advance(state, {b"a": b"1"})
    database: sqlite3.Connection = state._pairs._database
    state.keys(b"a")
    for query in (
        "SELECT key FROM pairs WHERE key >= x'61' AND key < x'62' ORDER BY key LIMIT 9",
        "SELECT key FROM pairs WHERE key >= x'61' ORDER BY key LIMIT 9",
    ):
        plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert len(plan) == 1 and "COVERING INDEX" in plan[0], plan
        assert ("key<?" in plan[0].replace(" ", "")) == ("<" in query), plan


def test_a_state_that_differs_from_its_folds_is_noticed(state: HeadState) -> None:
    advance(state, {account_key(number): b"v" for number in range(50)})
    fold(state.root, before=trie.next_generation())
    assert len(state.items()) == 50  # all of it is in the database now
    state._pairs._database.execute("UPDATE pairs SET value = x'00'")
    with pytest.raises(AssertionError, match="not what was folded"):
        advance(state, {account_key(3): b"w"})
