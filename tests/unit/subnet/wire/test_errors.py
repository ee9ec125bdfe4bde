"""The drawn tree is the real one, and every code has a status."""

from __future__ import annotations

import re

from assay.errors import AssayError, Refused, Unavailable, UserError
from assay.wire import errors


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
    assert (busy.cause, busy.cure, busy.exit_code) == ("5Abc is busy.", "Wait.", 2)


def test_errors_can_be_copied() -> None:
    import copy

    busy = copy.copy(errors.PeerBusy("5Abc", "is busy.", "Wait.", "overloaded", 503, 2.0))
    assert (busy.peer, busy.code, busy.status, busy.retry_after_s) == (
        "5Abc",
        "overloaded",
        503,
        2.0,
    )
    gone = copy.copy(errors.PeerUnreachable("5Abc", "is gone.", "Look."))
    assert str(gone) == "5Abc is gone. Look."
