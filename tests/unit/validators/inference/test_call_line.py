"""Whose call the judge looks at next, and who has to make room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.validators.inference.call_line import CallLine


def test_senders_take_turns_and_each_senders_calls_come_in_order() -> None:
    line: CallLine[str] = CallLine(8)
    for call in ("a1", "a2", "a3", "b1", "c1", "c2"):
        assert line.add(call[0], call) is None
    assert [line.next() for _ in range(6)] == ["a1", "b1", "c1", "a2", "c2", "a3"]
    with pytest.raises(IndexError):
        line.next()


def test_who_has_most_makes_room_until_nobody_has_two_more_than_another() -> None:
    line: CallLine[str] = CallLine(4)
    for number in range(4):
        line.add("a", f"a{number}")
    assert (line.room("a"), line.room("b")) == (0, 2)
    assert [line.add("b", f"b{number}") for number in range(2)] == ["a3", "a2"]
    assert line.room("b") == 0
    with pytest.raises(ValueError, match="no room"):
        line.add("b", "b2")
    assert [line.next() for _ in range(4)] == ["a0", "b0", "a1", "b1"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60))
def test_what_is_told_is_true(steps: list[tuple[str, bool]]) -> None:
    """There are never more than may be; a sender with room gets a place; and a place that the
    sender with most gives up was its own."""
    line: CallLine[tuple[str, int]] = CallLine(5)
    kept: list[tuple[str, int]] = []
    for number, (sender, comes) in enumerate(steps):
        if comes and line.room(sender):
            kept.append((sender, number))
            if (left := line.add(sender, (sender, number))) is not None:
                counts = {each: sum(s == each for s, _ in kept) for each in "abcd"}
                assert left[0] != sender
                assert counts[left[0]] == max(counts.values())
                kept.remove(left)
        elif not comes and kept:
            kept.remove(line.next())
        assert len(line) == len(kept) <= 5
