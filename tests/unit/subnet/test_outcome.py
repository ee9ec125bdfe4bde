"""An error becomes an outcome: its kind, its two sentences, and the builder's line if any."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import types
from assay.errors import AssayError, Refused, Unavailable, UserError
from assay.localnet.errors import ChainDamaged
from assay.outcome import (
    OUTCOME_BYTES_MAX,
    WORDS_CHARS_MAX,
    Kind,
    Outcome,
    Slip,
    SourceLine,
    append_slip,
    builders_line,
    outcome_of,
    raised_in,
    read_outcome,
    read_slips,
    write_outcome,
)
from assay.types import ss58_decode


def raised(run: Callable[[], object]) -> BaseException:
    try:
        run()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def within_product(run: Callable[[], object]) -> BaseException:
    """What ``run`` raises if the product's code calls it; ``run`` itself must not be Python."""
    code = compile("def call(run): run()", "/somewhere/main.py", "exec")
    space: dict[str, Callable[..., object]] = {"__name__": "assay.cli.main"}  # type: ignore[dict-item]
    exec(code, space)
    error = raised(lambda: space["call"](run))
    assert error.__traceback__ is not None
    return error.with_traceback(error.__traceback__.tb_next.tb_next)  # type: ignore[union-attr]


def test_slips_are_read_as_they_were_written_and_a_torn_one_is_left(tmp_path: Path) -> None:
    path = tmp_path / "slips.jsonl"
    assert read_slips(path) == []
    at = SourceLine("/t/ä.py", 7, "serve")
    slips = [Slip.of(at, KeyError("oops"), "Mend it."), Slip.of(at, "it stands\nstill", "Mend it.")]
    for slip in slips:
        append_slip(path, slip)
    assert slips[0].cause == "/t/ä.py:7 in serve(): KeyError: 'oops'."
    assert read_slips(path) == slips
    with path.open("ab") as file:
        file.write(b'{"at":')
    assert read_slips(path) == slips
    append_slip(tmp_path / "no folder" / "slips", slips[0])  # a full disk ends no neuron


def test_an_error_names_the_module_that_raised_it() -> None:
    def line_of(words: str, file: str) -> int:
        lines = [line.strip() for line in Path(file).read_text().splitlines()]
        return 1 + lines.index(words)

    wrong = raised(lambda: ss58_decode("0"))
    words = 'raise ValueError(f"{char!r} is not a base58 character")'
    assert raised_in(wrong) == ("assay.types", line_of(words, types.__file__))
    # What a library raises is told where the library was called.
    library = raised(lambda: json.loads("no json"))
    words = 'library = raised(lambda: json.loads("no json"))'
    assert raised_in(library) == (__name__, line_of(words, __file__))
    assert raised_in(UserError("It is so.", "Do so.")) is None, "it was never raised"


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (UserError("It is so.", "Do so."), Kind.USER, 2),
        (Unavailable("It is so.", "Do so."), Kind.UNAVAILABLE, 4),
        (Refused("It is so.", "Do so."), Kind.REFUSED, 3),
        (ChainDamaged("It is so.", "Do so."), Kind.USER, 2),
    ],
)
def test_a_users_error_keeps_its_sentences(error: UserError, kind: Kind, code: int) -> None:
    told = outcome_of(error)
    assert (told.kind, told.code, told.cause, told.cure) == (kind, code, "It is so.", "Do so.")
    assert told.needs_fresh is isinstance(error, ChainDamaged)


def test_our_own_faults_are_told_as_ours() -> None:
    assert outcome_of(AssayError("It broke.")).kind is Kind.INTERNAL
    told = outcome_of(within_product(Path("/nonexistent/x").__class__("/nonexistent/x").stat))
    assert (told.kind, told.at) == (Kind.INTERNAL, None)
    assert "FileNotFoundError" in told.cause


def test_the_builders_innermost_line_is_named_first() -> None:
    def score() -> None:
        json.loads("{")  # the standard library raises; this line called it

    told = outcome_of(raised(score))
    assert told.kind is Kind.TASK
    assert told.at is not None
    assert told.at.file == __file__
    assert "json.loads" in Path(__file__).read_text().splitlines()[told.at.line - 1]
    assert told.cause.startswith(f"{__file__}:{told.at.line} in score(): JSONDecodeError: ")


def test_the_products_own_frames_are_not_the_builders() -> None:
    at = builders_line(raised(lambda: ss58_decode("")))
    assert at is not None
    assert at.file == __file__


def test_words_are_bounded() -> None:
    told = outcome_of(raised(lambda: (_ for _ in ()).throw(ValueError("x\n" * 10_000))))
    assert len(told.cause) < WORDS_CHARS_MAX + 500
    assert "\n" not in told.cause


@given(
    st.builds(
        Outcome,
        code=st.integers(-64, 255),
        kind=st.sampled_from(Kind),
        cause=st.text(max_size=200),
        cure=st.text(max_size=200),
        needs_fresh=st.booleans(),
        at=st.none() | st.builds(SourceLine, st.text(), st.integers(0, 10_000), st.text()),
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, told: Outcome) -> None:
    path = tmp_path_factory.getbasetemp() / "outcome.json"
    write_outcome(path, told)
    assert read_outcome(path) == told


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[1]", b"\xff\xfe", b'{"code":1,"kind":"odd"}', b" " * (OUTCOME_BYTES_MAX + 1)],
)
def test_what_is_no_outcome_counts_as_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "outcome.json"
    assert read_outcome(path) is None
    path.write_bytes(data)
    assert read_outcome(path) is None


def test_a_disk_that_refuses_the_outcome_is_no_second_fault(tmp_path: Path) -> None:
    write_outcome(tmp_path / "nowhere" / "outcome.json", Outcome(code=0, kind=Kind.DONE))
