"""The page of the chain's surface is what the shipped Wasm and the tests make it.

The page is written by `scripts/surface --write`. Held here: that it does not rot, that the
installed SDK asks for no name that the page does not have, that a name which is no test's is not
called behaving, and that what clients need is present only for a reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.runs import ROOT, script
from tests.tidy.test_settings import REFUSED

SURFACE: Final = script("surface")
PUBLIC: Final = json.loads((ROOT / "tests/vectors/public_surface.json").read_text())


PRESENT_ONLY_MOST: Final = 12
"""Of what clients must or should find: the project's own bar."""


@pytest.fixture(scope="module")
def codec() -> Any:
    return SURFACE.shipped()


@pytest.fixture(scope="module")
def found(codec: Any) -> list[Any]:
    """Reads every test of the repository: two seconds."""
    refusing = frozenset(SURFACE.refused(codec))
    return list(SURFACE.items(PUBLIC, SURFACE.names_of(codec), refusing))


def test_the_page_is_what_it_would_be(found: list[Any]) -> None:
    page = Path(SURFACE.PAGE).read_text(encoding="utf-8")
    assert page == SURFACE.page(found, PUBLIC), "scripts/surface --write"


@pytest.mark.slow
def test_every_name_that_the_sdk_was_generated_with_is_on_it(found: list[Any]) -> None:
    on_page = {(item.kind, item.pallet, item.name) for item in found}
    for kind, pallets in SURFACE.sdk().items():
        for pallet, names in pallets.items():
            assert on_page >= {(kind, pallet, name) for name in names}


def test_what_clients_need_is_present_only_for_a_reason(found: list[Any]) -> None:
    needed = [item for item in found if item.need and item.state == "present"]
    assert len(needed) <= PRESENT_ONLY_MOST
    assert [item.path for item in needed if not item.reason] == []


def test_no_reason_outlives_its_item(found: list[Any]) -> None:
    """One that a test names by now, or that is gone, has none any more."""
    present = {f"{item.kind} {item.path}" for item in found if item.state == "present"}
    assert SURFACE.REASONS.keys() <= present


def test_calls_that_refuse_are_those_that_say_so(found: list[Any]) -> None:
    refusing = {item.name for item in found if item.refuses}
    assert refusing == REFUSED
    tests = {item.test for item in found if item.refuses and item.pallet == "AdminUtils"}
    assert None not in tests


def test_a_name_of_no_test_is_not_called_behaving(found: list[Any], codec: Any) -> None:
    here = SURFACE.names_of(codec)
    here["calls"]["SubtensorModule"].append("dance_" + "wildly")
    public = {**PUBLIC, "items": {**PUBLIC["items"], "calls": here["calls"]}}
    (dance,) = [item for item in SURFACE.items(public, here) if item.name.startswith("dance_")]
    assert (dance.state, dance.test) == ("present", None)
    assert {item.state for item in found} == set(SURFACE.STATES)


def test_counts_of_the_public_chain() -> None:
    """As its metadata has them."""
    counts = {kind: sum(map(len, pallets.values())) for kind, pallets in PUBLIC["items"].items()}
    assert counts == {
        "calls": 305, "storage": 390, "apis": 122, "constants": 136, "errors": 398, "events": 301,
    }  # fmt: skip
