"""The fast structures of ``localnet.state`` beside slow ones that cannot err in the same way."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assay.localnet.primitives.scale import compact, decode_compact
from assay.localnet.state import trie
from assay.localnet.state.head import HeadState
from assay.localnet.state.overlay import Overlay
from assay.localnet.state.root import slow_root

# Few bytes and short keys: keys that are prefixes of each other are the interesting ones.
KEYS = st.binary(max_size=4).map(lambda key: bytes(b"\x00\x01\x10\x11\xff"[b % 5] for b in key))
VALUES = st.sampled_from([b"", b"v", b"v" * 31, b"v" * 32, b"v" * 33, b"\x04A", b"w" * 80])
CHANGES = st.lists(st.tuples(KEYS, st.none() | VALUES), max_size=12)


@settings(max_examples=300, deadline=None)
@given(steps=st.lists(CHANGES, max_size=6), version=st.sampled_from([0, 1]))
def test_the_trie_equals_its_slow_twin_after_each_step(
    steps: list[list[tuple[bytes, bytes | None]]], version: int
) -> None:
    model: dict[bytes, bytes] = {}
    root: trie.TrieNode | None = None
    for step in steps:
        before, root_before = root, trie.root_hash(root)
        root = trie.apply(root, step, version)
        kept = dict(model)
        for key, value in step:
            if value is None:
                model.pop(key, None)
            else:
                model[key] = value
        assert trie.root_hash(root) == slow_root(model, version)
        assert dict(trie.items(root)) == model
        assert trie.root_hash(before) == root_before
        assert dict(trie.items(before)) == kept


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(st.tuples(CHANGES, st.booleans()), max_size=12),
    fold_after=st.integers(1, 8),
    keys_max=st.integers(1, 4),
)
def test_the_head_equals_a_dictionary_whatever_it_folds_and_forgets(
    steps: list[tuple[list[tuple[bytes, bytes | None]], bool]], fold_after: int, keys_max: int
) -> None:
    """With limits so small that every block meets them."""
    with pytest.MonkeyPatch.context() as patch, closing(HeadState()) as head:
        patch.setattr("assay.localnet.state.head.FOLD_AFTER_CHANGES", fold_after)
        patch.setattr("assay.localnet.state.fold.KEYS_MAX", keys_max)
        patch.setattr("assay.localnet.state.recent.RECENT_BYTES_MAX", 1_000)
        patch.setattr("assay.localnet.state.key_ranges.RANGES_MAX", 3)
        model: dict[bytes, bytes] = {}
        for changes, only_tried in steps:
            overlay, after = Overlay(head), dict(model)
            for key, value in changes:
                overlay.put(key, value)
                after.pop(key, None)
                if value is not None:
                    after[key] = value
            result = overlay.result(1)
            assert result.root_hash == slow_root(after, 1)
            if only_tried:
                with head.tried(result):
                    _assert_reads_as(head, after)
            else:
                head.advance(result)
                model = after
            _assert_reads_as(head, model)
        assert head.root_hash == slow_root(model, 1)
        assert dict(trie.items(head.root, head.load)) == model == head.items()


def _assert_reads_as(head: HeadState, model: dict[bytes, bytes]) -> None:
    ordered = sorted(model)
    for key in (b"", b"\x00", b"\x01\x10", b"\x10", b"\x11\x11", b"\xff", b"\xff\xff", *ordered):
        assert head.get(key) == model.get(key)
        assert head.next_key(key) == next((other for other in ordered if other > key), None)
        for count in (None, 1, 2):
            under = [other for other in ordered if other.startswith(key)]
            assert head.keys(key, None, count) == under[:count]
            beyond = [other for other in under if other > b"\x10"]
            assert head.keys(key, b"\x10", count) == beyond[:count]


@given(number=st.integers(0, 2**536 - 1))
def test_compact_integers_come_back(number: int) -> None:
    encoded = compact(number)
    assert decode_compact(encoded + b"rest") == (number, len(encoded))


# A handful, so that one key is written in many transactions; some are prefixes of others.
FEW_KEYS = st.sampled_from([b"\x00", b"\x00\x01", b"\x00\x02", b"\x10", b"\x10\x11", b"\xff", b""])


class OverlayBesideCopies(RuleBasedStateMachine):
    """The overlay against a dictionary that is copied whole at each transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.base = {b"\x00": b"1", b"\x00\x01": b"v" * 40, b"\x10\x11": b"2", b"\xff": b"\x04A"}
        head = HeadState((key, value, True) for key, value in self.base.items() if len(value) > 32)
        short = Overlay(head)
        for key, value in self.base.items():
            if len(value) <= 32:
                short.put(key, value)
        head.advance(short.result(1))
        self.overlay = Overlay(head)
        self.model = dict(self.base)
        self.written: set[bytes] = set()  # keys that the overlay holds now
        self.copies: list[tuple[dict[bytes, bytes], set[bytes]]] = []
        self.touched: set[bytes] = set(self.base)  # keys worth looking at

    @rule(key=FEW_KEYS, value=VALUES)
    def put(self, key: bytes, value: bytes) -> None:
        self.overlay.put(key, value)
        self.model[key] = value
        self.written.add(key)

    @rule(key=FEW_KEYS)
    def remove(self, key: bytes) -> None:
        self.overlay.put(key, None)
        self.model.pop(key, None)
        self.written.add(key)

    @rule(key=FEW_KEYS, item=st.sampled_from([b"X", b"YZ"]))
    def append(self, key: bytes, item: bytes) -> None:
        self.overlay.append(key, item)
        old = self.model.get(key, b"")
        try:
            count, at = decode_compact(old)
            rest = old[at:]
        except Exception:
            count, rest = 0, b""
        if count >= 2**32 - 1:
            count, rest = 0, b""
        self.model[key] = compact(count + 1) + rest + item
        self.written.add(key)

    @rule()
    def start(self) -> None:
        self.overlay.start()
        self.copies.append((dict(self.model), set(self.written)))

    @precondition(lambda self: self.copies)
    @rule()
    def commit(self) -> None:
        self.overlay.commit()
        self.copies.pop()

    @precondition(lambda self: self.copies)
    @rule()
    def rollback(self) -> None:
        self.overlay.rollback()
        self.model, self.written = self.copies.pop()

    @rule(prefix=FEW_KEYS.filter(bool), limit=st.none() | st.integers(0, 2))
    def clear_prefix(self, prefix: bytes, limit: int | None) -> None:
        """Everything written here goes, and of the base's keys the first ``limit``."""
        under = sorted(key for key in self.base if key.startswith(prefix))
        gone = set(under if limit is None else under[:limit])
        more = len(gone) < len(under)
        assert self.overlay.clear_prefix(prefix, limit) == (more, len(gone))
        for key in gone | {key for key in self.written if key.startswith(prefix)}:
            self.model.pop(key, None)
            self.written.add(key)

    @rule(key=FEW_KEYS)
    def next_key(self, key: bytes) -> None:
        above = [other for other in self.model if other > key]
        assert self.overlay.next_key(key) == min(above, default=None)

    @invariant()
    def same_values(self) -> None:
        self.touched |= self.written
        for key in self.touched | self.model.keys():
            assert self.overlay.get(key) == self.model.get(key)

    @invariant()
    def same_root(self) -> None:
        assert self.overlay.root(1) == slow_root(self.model, 1)


OverlayBesideCopies.TestCase.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None
)
test_overlay = OverlayBesideCopies.TestCase
