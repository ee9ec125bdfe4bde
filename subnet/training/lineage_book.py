"""Who made a run's state so far: a book that every state carries, and its hash covers.

Chains and validators forget windows; a model keeps what they put into it. So each window, when it
is folded, is entered into a book that goes with the state from then on, and the state's hash, which
validators of more than half of the stake name on chain in every window, names the book too. Whoever
has a state that was so named has its book, from the first window on, and needs nothing older.

The book adds up: of each hotkey how many windows counted its message, and the sum of the weights
with which they did. The entries themselves are not kept; ``link`` is the hash of the last one, and
each entry names the link before, so that whoever has entries can check them and their order::

    entry = msgpack array: link before | window | closed | [hotkey, weight] by hotkey
    link  = BLAKE3 derive_key "assay 2026 training lineage entry v1" over the entry
    book  = msgpack array: link | windows | closed | weight of others | [hotkey, windows, weight]
    root  = BLAKE3 derive_key "assay 2026 training lineage book v1" over the book

Where messages come from, and how models are published, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from blake3 import blake3
from msgspec import Meta

from assay.protocol.training import one_form
from assay.protocol.training.records import WINDOW_MAX
from assay.protocol.training.seal import Hash

LINES_MAX: Final = 65_536
"""Hotkeys with a line of their own: 256 a window, and most of them return. A window's new hotkeys
beyond that are added up in one number, so that shares stay parts of the whole."""
BOOK_BYTES_MAX: Final = 2**23
"""A line takes 66 bytes at the usual length of a hotkey, and 82 at most."""
WEIGHT_MAX: Final = 2**62
"""A window's weights sum to less than 2**18, and a run has at most a million windows."""
_ENTRY: Final = "assay 2026 training lineage entry v1"
_BOOK: Final = "assay 2026 training lineage book v1"

Hotkey = Annotated[str, Meta(min_length=1, max_length=64)]
Windows = Annotated[int, Meta(ge=0, le=WINDOW_MAX)]
Weight = Annotated[int, Meta(ge=0, le=WEIGHT_MAX)]


class LineageEntry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What one ``window`` came to: whether it ``closed``, and whose messages were folded with which
    weights, by rising hotkey; ``before`` is the link of the window before."""

    before: Hash
    window: Windows
    closed: bool
    counted: list[tuple[Hotkey, Weight]]

    @property
    def link(self) -> bytes:
        """The hash that the next entry names."""
        return blake3(one_form.pack(self), derive_key_context=_ENTRY).digest()


class BookLine(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What one hotkey has contributed: its message was folded in so many ``windows``, with weights
    that sum to ``weight``."""

    hotkey: Hotkey
    windows: Windows
    weight: Weight


class LineageBook(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The first so many ``windows`` of a run, ``closed`` of which counted messages, added up."""

    link: Hash = bytes(32)
    """Of the last window's entry; zeros before the first window."""
    windows: Windows = 0
    closed: Windows = 0
    others: Weight = 0
    """The weights of those who came when all lines were taken."""
    lines: Annotated[tuple[BookLine, ...], Meta(max_length=LINES_MAX)] = ()
    """By rising hotkey."""

    def after(self, counted: Mapping[str, int] | None) -> LineageBook:
        """Return the book after the next window, in which the messages of the hotkeys ``counted``
        were folded with these weights; None for a void window."""
        rows = sorted((counted or {}).items())
        entry = LineageEntry(self.link, self.windows, counted is not None, list(rows))
        lines = {line.hotkey: line for line in self.lines}
        others = self.others
        for hotkey, weight in rows:
            line = lines.get(hotkey)
            if line is None and len(lines) == LINES_MAX:
                others += weight
                continue
            before = line or BookLine(hotkey, 0, 0)
            lines[hotkey] = BookLine(hotkey, before.windows + 1, before.weight + weight)
        return LineageBook(
            entry.link, self.windows + 1, self.closed + entry.closed, others,
            tuple(lines[hotkey] for hotkey in sorted(lines)),
        )  # fmt: skip

    @property
    def weight(self) -> int:
        """The sum of all weights."""
        return self.others + sum(line.weight for line in self.lines)

    @property
    def root(self) -> bytes:
        """The hash that a state's head has."""
        return blake3(self.pack(), derive_key_context=_BOOK).digest()

    def pack(self) -> bytes:
        """Return the book's bytes."""
        return one_form.pack(self)

    @classmethod
    def parse(cls, data: bytes) -> LineageBook:
        """Return the book in ``data``; ValueError for anything else, and for one whose lines are
        not by rising hotkey."""
        book = one_form.parse(data, cls, "lineage", bytes_max=BOOK_BYTES_MAX)
        if any(one.hotkey >= other.hotkey for one, other in pairwise(book.lines)):
            raise ValueError("a lineage's lines are by rising hotkey, each once")
        return book
