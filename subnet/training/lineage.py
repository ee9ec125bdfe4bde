"""Where a published model comes from: ``lineage.json`` in its folder, which its root covers.

It is the book that the model's state carries (``lineage_book``), in readable form, with the way
from the book to the state's hash: whoever trusts that hash, because validators of more than half of
the stake name it on chain, needs to trust nobody for the rest. Two who export the same state make
folders with one root. No torch is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.errors import UserError
from assay.files import read_limited
from assay.training.lineage_book import (
    LINES_MAX,
    BookLine,
    Hotkey,
    LineageBook,
    Weight,
    Windows,
)
from assay.training.state_tree import HEAD_BYTES_MAX, PATH_MAX, head_root, parse_head

LINEAGE: Final = "lineage.json"
VERSION: Final = 2
"""Version 1 said what the chain still knew, and could not be checked."""
LINEAGE_BYTES_MAX: Final = 2**24
"""A contributor takes 150 bytes."""

HexHash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Contributor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One hotkey: in how many ``windows`` its message was folded, the sum of the weights with which
    it was, and its ``share`` of all weights."""

    hotkey: Hotkey
    windows: Annotated[int, Meta(ge=1)]
    weight: Weight
    share: Annotated[float, Meta(ge=0.0, le=1.0)]


class Lineage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The run that made a model, by the root of its manifest; how many of its windows are in the
    model, and how many of these closed with a set; and who contributed, by hotkey."""

    version: Annotated[int, Meta(ge=VERSION, le=VERSION)]
    run: HexHash
    name: Annotated[str, Meta(max_length=64)]
    state: HexHash
    """The state's hash. Validators name its beginning on chain."""
    windows: Windows
    closed: Windows
    others: Weight
    """The weights of hotkeys beyond those that a book has lines for."""
    link: HexHash
    """The hash of the last window's entry, which leads to all entries before."""
    head: Annotated[str, Meta(pattern="^([0-9a-f]{2})+$", max_length=2 * HEAD_BYTES_MAX)]
    """The state's head, which has the book's root."""
    path: Annotated[tuple[HexHash, ...], Meta(max_length=PATH_MAX)]
    """What the head's hash is joined with, level by level, to come to the state's hash."""
    contributors: Annotated[list[Contributor], Meta(max_length=LINES_MAX)]

    @classmethod
    def of(
        cls, run: bytes, name: str, book: LineageBook, state: bytes, head: bytes, path: list[bytes]
    ) -> Lineage:
        """Return what ``book`` says of the run ``name`` with the root ``run``; ``head`` and
        ``path`` lead from the book to the hash of the ``state``."""
        total = book.weight
        contributors = [
            Contributor(
                line.hotkey, line.windows, line.weight, line.weight / total if total else 0.0
            )
            for line in book.lines
        ]
        return cls(
            VERSION, run.hex(), name, state.hex(), book.windows, book.closed, book.others,
            book.link.hex(), head.hex(), tuple(each.hex() for each in path), contributors,
        )  # fmt: skip

    @property
    def book(self) -> LineageBook:
        """The book that this lineage is made of."""
        lines = tuple(BookLine(c.hotkey, c.windows, c.weight) for c in self.contributors)
        return LineageBook(bytes.fromhex(self.link), self.windows, self.closed, self.others, lines)

    def check(self) -> None:
        """ValueError, with what is wrong, unless all that is said here follows from the state's
        hash, but for the run's name."""
        head = bytes.fromhex(self.head)
        path = [bytes.fromhex(each) for each in self.path]
        if head_root(head, path).hex() != self.state:
            raise ValueError("its head does not lead to the hash of its state")
        named = parse_head(head)
        book = self.book
        if book.root != named.lineage or book.windows != named.window:
            raise ValueError("its windows and contributors are not those of its state")
        said = bytes.fromhex(self.run), self.name
        if self != Lineage.of(*said, book, bytes.fromhex(self.state), head, path):
            raise ValueError("its shares do not follow from its weights")

    def pack(self) -> bytes:
        """Return the bytes of ``lineage.json``: contributors by hotkey, two spaces a level."""
        ordered = sorted(self.contributors, key=lambda each: each.hotkey)
        raw = msgspec.json.encode(msgspec.structs.replace(self, contributors=ordered))
        return msgspec.json.format(raw, indent=2) + b"\n"


def read_lineage(folder: Path) -> Lineage | None:
    """Return the lineage of the model in ``folder``, checked; None for a model without one.
    UserError for one that cannot be read, or contradicts the hash of its state."""
    raw = read_limited(folder / LINEAGE, LINEAGE_BYTES_MAX)
    if raw is None:
        return None
    try:
        lineage = msgspec.json.decode(raw, type=Lineage)
        lineage.check()
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise UserError(
            f"The lineage in {folder} cannot be read: {error}.", "Fetch the model again."
        ) from None
    return lineage
