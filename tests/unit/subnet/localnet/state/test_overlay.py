"""The overlay's corners that ``sp-state-machine`` decides; the rest is the property test's."""

from __future__ import annotations

import pytest

from assay.localnet.state.head import HeadState, end_of_prefix
from assay.localnet.state.overlay import NoTrie, Overlay
from assay.localnet.state.root import slow_root


def over(pairs: dict[bytes, bytes]) -> Overlay:
    return Overlay(HeadState((key, value, False) for key, value in pairs.items()))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b"\x04X"),
        (b"", b"\x04X"),
        (b"\x04A", b"\x08AX"),
        (b"\x08A", b"\x0cAX"),  # the items are not looked at, as in Substrate
        (b"\x01", b"\x04X"),  # no compact number: begins anew
        (b"\x03\xff\xff\xff\xff", b"\x04X"),  # no room for one more
        (b"\xfc" + b"A" * 63, b"\x01\x01" + b"A" * 63 + b"X"),  # the count's own length grows
    ],
)
def test_append(before: bytes | None, after: bytes) -> None:
    overlay = over({} if before is None else {b"k": before})
    overlay.append(b"k", b"X")
    assert overlay.get(b"k") == after


def test_appends_roll_back_one_by_one() -> None:
    overlay = over({})
    overlay.append(b"k", b"1")
    overlay.start()
    overlay.append(b"k", b"2")
    overlay.start()
    overlay.append(b"k", b"3")
    assert overlay.get(b"k") == b"\x0c123"
    overlay.rollback()
    assert overlay.get(b"k") == b"\x08" + b"12"
    overlay.append(b"k", b"4")
    overlay.rollback()
    overlay.append(b"k", b"5")
    assert overlay.get(b"k") == b"\x08" + b"15"


def test_rolling_back_restores_what_was_there_before_the_transaction() -> None:
    overlay = over({b"k": b"base"})
    overlay.put(b"k", b"0")
    overlay.start()
    overlay.put(b"k", b"1")
    overlay.put(b"k", b"2")  # the second write of a transaction must not count as its start
    overlay.start()
    overlay.put(b"k", b"3")
    overlay.put(b"new", b"4")
    overlay.commit()  # nor must the commit of an inner one
    assert (overlay.get(b"k"), overlay.get(b"new")) == (b"3", b"4")
    overlay.rollback()
    assert (overlay.get(b"k"), overlay.get(b"new")) == (b"0", None)
    assert overlay.changes() == {b"k": b"0"}


def test_a_limited_clear_counts_the_keys_of_the_base_only() -> None:
    overlay = over({b"pa": b"1", b"pb": b"2", b"pc": b"3"})
    overlay.put(b"pz", b"new")
    overlay.put(b"pb", None)
    assert overlay.clear_prefix(b"p", 2) == (True, 2)
    assert [overlay.get(key) for key in (b"pa", b"pb", b"pc", b"pz")] == [None, None, b"3", None]
    assert overlay.clear_prefix(b"p", None) == (False, 3)
    assert overlay.next_key(b"p") is None


def test_child_roots_are_out_of_reach() -> None:
    root = b":child_storage:default:x"
    overlay = over({root: b"r"})
    overlay.put(root, b"other")
    assert overlay.get(root) == b"r"
    for prefix in (b"", b":", b":child_storage:", b":child_storage:default"):
        assert overlay.clear_prefix(prefix) == (False, 0)
    assert overlay.get(root) == b"r"


def test_changes_are_what_differs_but_long_values_count_as_written() -> None:
    overlay = over({b"same": b"1", b"gone": b"2", b"long": b"v" * 33})
    overlay.put(b"same", b"1")
    overlay.put(b"gone", None)
    overlay.put(b"never", None)
    overlay.put(b"new", b"3")
    overlay.put(b"long", b"v" * 33)
    assert overlay.changes() == {b"gone": None, b"new": b"3", b"long": b"v" * 33}
    assert overlay.root(1) == slow_root({b"same": b"1", b"new": b"3", b"long": b"v" * 33}, 1)


def test_the_root_follows_what_is_written_after_it_was_asked_for() -> None:
    overlay = over({b"a": b"1"})
    first = overlay.root(1)
    overlay.start()
    overlay.put(b"b", b"2")
    assert overlay.root(1) == slow_root({b"a": b"1", b"b": b"2"}, 1)
    overlay.rollback()
    assert overlay.root(1) == first
    overlay.put(b"c", b"v" * 40)
    assert overlay.root(0) == slow_root({b"a": b"1", b"c": b"v" * 40}, 0)
    assert overlay.root(1) == overlay.result(1).root_hash != overlay.root(0)


def test_rollback_to_closes_what_a_trap_left_open() -> None:
    overlay = over({})
    overlay.start()
    for value in (b"1", b"2", b"3"):
        overlay.start()
        overlay.put(b"k", value)
    overlay.rollback_to(1)
    assert (overlay.depth, overlay.get(b"k")) == (1, None)


def test_no_root_over_a_state_without_a_trie() -> None:
    class Old(HeadState):
        @property
        def has_trie(self) -> bool:
            return False

    with pytest.raises(NoTrie, match="old state"):
        Overlay(Old()).root(1)


def test_the_end_of_a_prefix() -> None:
    assert end_of_prefix(b"") is None
    assert end_of_prefix(b"\xff\xff") is None
    assert end_of_prefix(b"a\xff") == b"b"
    assert end_of_prefix(b"ab") == b"ac"


def test_the_head_state_pages_its_keys() -> None:
    state = HeadState((key, b"v", False) for key in (b"a", b"b1", b"b2", b"b3", b"c"))
    assert state.keys(b"b") == [b"b1", b"b2", b"b3"]
    assert state.keys(b"b", None, 2) == [b"b1", b"b2"]
    assert state.keys(b"b", b"b1", 2) == [b"b2", b"b3"]
    assert state.keys(b"b", b"a") == [b"b1", b"b2", b"b3"]
    assert state.keys(b"b", b"c") == []
    assert state.keys(b"", None, 0) == []
    assert state.next_key(b"b3") == b"c"
    assert state.next_key(b"c") is None
