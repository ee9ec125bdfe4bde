"""Where a published model comes from: ``lineage.json`` in its folder, which its root covers.

Two who export the same state with the same lineage make folders with one root, so a lineage says
only what anybody can read on chain. No torch is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.errors import UserError
from assay.files import read_limited

LINEAGE: Final = "lineage.json"
CONTRIBUTORS_MAX: Final = 65_536
"""Hotkeys that ever had a counted message: 256 a window, and most of them return."""
LINEAGE_BYTES_MAX: Final = 2**24
"""A contributor takes 120 bytes."""

HexHash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Contributor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One hotkey: in how many ``windows`` its message counted, and its ``share`` of all weights
    with which messages counted."""

    hotkey: Annotated[str, Meta(min_length=1, max_length=64)]
    windows: Annotated[int, Meta(ge=1)]
    share: Annotated[float, Meta(ge=0.0, le=1.0)]


class Lineage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The run that made a model, by the root of its manifest; how many of its windows are in the
    model, and how many of these closed with a set; and who contributed, by hotkey."""

    version: Annotated[int, Meta(ge=1, le=1)]
    run: HexHash
    name: Annotated[str, Meta(max_length=64)]
    state: HexHash
    windows: Annotated[int, Meta(ge=0)]
    closed: Annotated[int, Meta(ge=0)]
    contributors: Annotated[list[Contributor], Meta(max_length=CONTRIBUTORS_MAX)]

    def pack(self) -> bytes:
        """Return the bytes of ``lineage.json``: contributors by hotkey, two spaces a level."""
        ordered = sorted(self.contributors, key=lambda each: each.hotkey)
        raw = msgspec.json.encode(msgspec.structs.replace(self, contributors=ordered))
        return msgspec.json.format(raw, indent=2) + b"\n"


def read_lineage(folder: Path) -> Lineage | None:
    """Return the lineage of the model in ``folder``; None for a model without one. UserError for
    one that cannot be read."""
    raw = read_limited(folder / LINEAGE, LINEAGE_BYTES_MAX)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=Lineage)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(
            f"The lineage in {folder} cannot be read: {error}.", "Fetch the model again."
        ) from None
