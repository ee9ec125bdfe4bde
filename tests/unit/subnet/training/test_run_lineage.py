"""Who made a state: entries add up, are linked, and lead to the hash that validators name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UserError
from assay.models.root import tree_root
from assay.neuron.record import Role
from assay.protocol.training.records import STATE_BYTES, ValidatorRecord
from assay.protocol.training.schedule import Phase
from assay.scoring.training.shapes import ModelShape, TensorRole, TensorShape
from assay.training import lineage_book
from assay.training.chain_records import ChainRecords
from assay.training.fold import skip
from assay.training.lineage import LINEAGE, Lineage, read_lineage
from assay.training.lineage_book import BookLine, LineageBook, LineageEntry
from assay.training.run_lineage import is_named
from assay.training.state import TrainingState
from assay.training.state_tree import head_path, head_root, node
from assay.training.stored import NotStored, pack_state, parse_state
from tests.unit.subnet.training.moments import Past, Row, moment
from tests.unit.subnet.training.test_chain_records import SCHEDULE

SHAPE = ModelShape((TensorShape("a", 64, 700, TensorRole.MATRIX),))
WINDOWS: list[dict[str, int] | None] = [{"5A": 1, "5B": 3}, None, {"5B": 4}, {"5C": 0, "5A": 2}, {}]


def book(windows: list[dict[str, int] | None] = WINDOWS) -> LineageBook:
    found = LineageBook()
    for counted in windows:
        found = found.after(counted)
    return found


def state(lineage: LineageBook) -> TrainingState:
    first = TrainingState.first(SHAPE, np.linspace(-1, 1, SHAPE.size, dtype=np.float32))
    return TrainingState(
        SHAPE, lineage.windows, 7, first.model, first.momentum, first.past, lineage
    )


def lineage_of(of: TrainingState) -> Lineage:
    return Lineage.of(b"r" * 32, "small", of.lineage, of.root, of.head, of.head_path)


def test_windows_and_weights_add_up() -> None:
    found = book()
    assert (found.windows, found.closed, found.weight) == (5, 4, 10)
    assert found.lines == (BookLine("5A", 2, 3), BookLine("5B", 2, 7), BookLine("5C", 1, 0))


def test_links_are_those_of_entries_written_by_hand() -> None:
    context, link = "assay 2026 training lineage entry v1", bytes(32)
    for number, counted in enumerate(WINDOWS):
        rows = [[hotkey, counted[hotkey]] for hotkey in sorted(counted)] if counted else []
        entry = msgspec.msgpack.encode([link, number, counted is not None, rows])
        link = blake3(entry, derive_key_context=context).digest()
    assert book().link == link
    assert LineageEntry(bytes(32), 0, False, []).link == book([None]).link


@given(st.permutations(range(len(WINDOWS))))
def test_another_order_has_another_link(order: list[int]) -> None:
    same = [WINDOWS[number] for number in order] == WINDOWS
    assert (book([WINDOWS[number] for number in order]).link == book().link) == same


def test_who_comes_when_all_lines_are_taken_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage_book, "LINES_MAX", 2)
    found = book([{"5B": 3, "5C": 1}, {"5A": 2, "5C": 4}, {"5A": 5}])
    assert found.lines == (BookLine("5B", 1, 3), BookLine("5C", 2, 5))
    assert (found.others, found.weight) == (7, 15)


def test_the_largest_book_is_within_its_limit() -> None:
    line = BookLine("5" * 64, 2**32 - 1, 2**62)
    assert len(msgspec.msgpack.encode(line)) * lineage_book.LINES_MAX < lineage_book.BOOK_BYTES_MAX


def test_a_book_has_one_form() -> None:
    found = book()
    assert LineageBook.parse(found.pack()) == found
    twice = msgspec.structs.replace(found, lines=(*found.lines[:2], found.lines[1]))
    turned = msgspec.structs.replace(found, lines=found.lines[::-1])
    for wrong in (twice.pack(), turned.pack(), found.pack() + b"\x00", b"", found.pack()[:-1]):
        with pytest.raises(ValueError, match="lineage"):
            LineageBook.parse(wrong)


def test_a_stored_state_keeps_its_lineage_and_no_other() -> None:
    whole = state(book())
    data = pack_state(whole)
    kept = parse_state(data, SHAPE)
    assert (kept.lineage, kept.root) == (whole.lineage, whole.root)
    with pytest.raises(NotStored):
        parse_state(data.replace(b"5B", b"5D"), SHAPE)
    assert skip(whole).lineage == book([*WINDOWS, None])


@given(st.integers(1, 40))
def test_the_head_leads_to_the_top_of_any_tree(count: int) -> None:
    head = b"h" * 48
    first = head_root(head, [])
    leaves = [first, *(bytes([number]) * 32 for number in range(1, count))]
    assert head_root(head, head_path(leaves)) == tree_root(leaves, node)


def test_a_published_lineage_follows_from_the_state_s_hash(tmp_path: Path) -> None:
    whole = state(book())
    lineage = lineage_of(whole)
    assert [each.share for each in lineage.contributors] == [0.3, 0.7, 0.0]
    assert read_lineage(tmp_path) is None
    (tmp_path / LINEAGE).write_bytes(lineage.pack())
    assert read_lineage(tmp_path) == lineage
    some = lineage.contributors
    more = msgspec.structs.replace(some[0], weight=4)
    for changes in (
        {"contributors": [more, *some[1:]]},
        {"contributors": some[:-1]},
        {"contributors": [msgspec.structs.replace(some[0], share=0.4), *some[1:]]},
        {"windows": 6},
        {"closed": 5},
        {"link": "00" * 32},
        {"state": "00" * 32},
        {"head": lineage.head[:-2]},
        {"path": lineage.path[:-1]},
        {"others": 1},
    ):
        harmed = msgspec.structs.replace(lineage, **changes)
        (tmp_path / LINEAGE).write_bytes(harmed.pack())
        with pytest.raises(UserError, match="lineage"):
            read_lineage(tmp_path)
    for data in (
        lineage.pack()[:-4],
        b"[]",
        lineage.pack().replace(b'"version": 2', b'"version": 1'),
    ):
        (tmp_path / LINEAGE).write_bytes(data)
        with pytest.raises(UserError, match="lineage"):
            read_lineage(tmp_path)


async def test_the_chain_says_whether_validators_name_the_state() -> None:
    whole = state(book())
    lineage = lineage_of(whole)
    deadline = SCHEDULE.deadline(lineage.windows, Phase.ATTEST)

    def said(root: bytes, stake: int) -> ChainRecords:
        word = ValidatorRecord(lineage.windows, root[:STATE_BYTES], frozenset()).pack()
        silent = Row("5Other", role=Role.VALIDATOR, stake=10, permit=True)
        rows = [Row("5V", role=Role.VALIDATOR, data=word, stake=stake, permit=True), silent]
        return ChainRecords(Past({deadline: moment(deadline, rows)}), SCHEDULE)

    assert await is_named(said(whole.root, 11), lineage) is True
    assert await is_named(said(whole.root, 10), lineage) is None
    assert await is_named(said(b"x" * 32, 11), lineage) is False
    assert await is_named(ChainRecords(Past({}), SCHEDULE), lineage) is None
