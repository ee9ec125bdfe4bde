"""The drawn tree is the real one, and every code has a status."""

from __future__ import annotations

import copy
import re

import pytest

from assay.errors import AssayError, Refused, Unavailable, UserError
from assay.wire import errors
from tests.unit.subnet.wire.test_evidence import of_a_refusal


def test_every_error_is_in_the_drawing_at_its_place() -> None:
    drawing = errors.__doc__ or ""
    drawn = re.findall(r"^[ │├└─]*\b([A-Z]\w+)", drawing, re.MULTILINE)
    real = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type)
        and issubclass(value, AssayError)
        and value.__module__ == errors.__name__
    }
    assert real - {"SignedRefusal"} <= set(drawn)
    for name, kind in re.findall(r"(\w+) +\((Unavailable|Refused)\)", drawing):
        base = {"Unavailable": Unavailable, "Refused": Refused}[kind]
        assert issubclass(getattr(errors, name), base), name
        assert issubclass(getattr(errors, name), errors.CallError), name


def test_every_code_has_a_status() -> None:
    assert set(errors.STATUS) == set(errors.Code)
    assert all(400 <= status < 600 for status in errors.STATUS.values())


def test_what_a_person_sees_has_a_cause_and_a_cure() -> None:
    busy = errors.PeerBusy("5Abc", "is busy.", "Wait.", "overloaded", 503, 2.0)
    assert isinstance(busy, UserError)
    assert (busy.cause, busy.cure, busy.exit_code) == ("5Abc is busy.", "Wait.", 4)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.PeerUnreachable("5Abc", "is gone.", "Look."), "peer_unreachable"),
        (errors.PeerBusy("5Abc", "is busy.", "Wait.", "overloaded", 503), "overloaded"),
        (errors.PeerRefused("5Abc", "says no.", "No.", "made up", 400), "peer_refused"),
        (errors.PeerRefused("5Abc", "says no.", "No."), "peer_refused"),
    ],
)
def test_what_went_wrong_is_one_of_few_words(error: errors.CallError, kind: str) -> None:
    """A peer could else fill a metric with a new label for each reply."""
    assert error.kind == kind


def test_where_it_is_clear_who_the_cause_stands_alone() -> None:
    gone = errors.PeerUnreachable("5Abc", "is gone.", "Look.")
    assert (gone.peer, gone.what, gone.cause) == ("5Abc", "is gone.", "5Abc is gone.")
    assert gone.latency_s is None


def test_a_refusal_keeps_what_shows_it() -> None:
    shown = of_a_refusal()
    busy = errors.PeerBusy("5Abc", "is busy.", "Wait.", "overloaded", 503, 2.0, shown)
    assert busy.evidence is shown
    assert copy.copy(busy).evidence is shown


def test_errors_can_be_copied() -> None:
    busy = copy.copy(errors.PeerBusy("5Abc", "is busy.", "Wait.", "overloaded", 503, 2.0))
    assert (busy.peer, busy.code, busy.status, busy.retry_after_s) == (
        "5Abc",
        "overloaded",
        503,
        2.0,
    )
    gone = copy.copy(errors.PeerUnreachable("5Abc", "is gone.", "Look."))
    assert str(gone) == "5Abc is gone. Look."


def test_a_task_says_no_in_one_sentence() -> None:
    """What a builder finds in ``assay.wire`` and writes down first."""
    from assay.wire import Code, RequestRefused

    plain = RequestRefused("too hard")
    assert (plain.code, plain.detail, plain.status) == (Code.REFUSED_BY_TASK, "too hard", 422)
    assert str(plain) == "refused_by_task: too hard"
    later = RequestRefused("too soon", retry_after_s=2.0)
    assert (later.code, later.retry_after_s) == (Code.REFUSED_BY_TASK, 2.0)
    other = RequestRefused(Code.OVERLOADED, "full", retry_after_s=3.0)
    assert (other.code, other.detail, other.retry_after_s) == (Code.OVERLOADED, "full", 3.0)
    assert len(RequestRefused("x" * 10_000).detail) == 300


def test_what_a_builder_needs_can_be_imported_from_the_room() -> None:
    from assay import wire

    for name in wire.__all__:
        assert getattr(wire, name).__name__ == name
    assert {"RequestRefused", "Synapse", "Method", "Caller"} <= set(wire.__all__)
