"""The page of the chain's surface is what the shipped Wasm and the tests make it.

The page is written by `scripts/surface --write`. Held here: that it does not rot, that the
installed SDK asks for no name that the page does not have, and that a name which is no test's is
not called behaving.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.runs import ROOT, script

SURFACE: Final = script("surface")
PUBLIC: Final = json.loads((ROOT / "tests/vectors/public_surface.json").read_text())


@pytest.fixture(scope="module")
def found() -> list[Any]:
    return list(SURFACE.items(PUBLIC, SURFACE.live()))


@pytest.mark.slow  # reads every test of the repository
def test_the_page_is_what_it_would_be(found: list[Any]) -> None:
    page = Path(SURFACE.PAGE).read_text(encoding="utf-8")
    assert page == SURFACE.page(found, PUBLIC), "scripts/surface --write"


@pytest.mark.slow
def test_every_name_that_the_sdk_was_generated_with_is_on_it(found: list[Any]) -> None:
    on_page = {(item.kind, item.pallet, item.name) for item in found}
    for kind, pallets in SURFACE.sdk().items():
        for pallet, names in pallets.items():
            assert on_page >= {(kind, pallet, name) for name in names}


@pytest.mark.slow
def test_a_name_of_no_test_is_not_called_behaving(found: list[Any]) -> None:
    here = SURFACE.live()
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
