"""What a training validator must not forget, in one file that survives ``kill -9``.

By hotkey: what a peer owes before it is paid, what it carried out of its last counted window, and
its ratings. By window: who was drawn for an audit, so that a restart cannot draw again. A hotkey
that is not in the file is a newcomer; a uid means nothing here, since it changes hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
from loguru import logger
from msgspec import Meta

from assay.files import read_limited, write_atomic
from assay.protocol.training.seal import Hash
from assay.scoring.training.payment import OwedWindows, newcomer
from assay.scoring.training.ranks import HALF, NOTHING, PeerRating
from assay.types import Ss58

FILE: Final = "judgements.msgpack"
VERSION: Final = 1
HOTKEYS_MAX: Final = 4096
"""Hotkeys that are remembered, those of sixteen full subnets. Who was judged longest ago is
forgotten first."""
WINDOWS_MAX: Final = 8
"""Windows whose draws are remembered: audits stay open for three."""
FILE_BYTES_MAX: Final = 4 * 2**20
"""A hotkey takes 200 bytes, a draw 64 a peer."""

Count = Annotated[int, Meta(ge=0, le=2**32)]


class PeerBook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered of one hotkey."""

    audits: Count = 0
    until: Count = 0
    lapsed: Count | None = None
    after: Hash | None = None
    """The root of what it carried out of its last counted window."""


class WindowDraw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who was drawn for an audit of ``window``, by the turn of ``block``."""

    window: Count
    block: Count
    drawn: tuple[str, ...]
    """Hotkeys, in the order in which they are audited."""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    """Drawn behind them: of the data that worth is measured on, and of the sketches."""


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=VERSION, le=VERSION)]
    peers: dict[str, PeerBook]
    ratings: dict[str, dict[str, tuple[float, float]]]
    draws: list[WindowDraw]
    judged: int
    closed: int


class JudgeMemory:
    """The file at ``path``. What is changed is on disk once ``save`` has returned."""

    def __init__(self, path: Path, *, entrance: int) -> None:
        """``entrance`` is how many audits a newcomer owes; 0 where nobody is audited."""
        self._path, self._entrance = path, entrance
        self._peers: dict[str, PeerBook] = {}
        self._ratings: dict[str, dict[str, tuple[float, float]]] = {}
        self._draws: dict[int, WindowDraw] = {}
        self.judged = -1
        """The last window that was judged."""
        self.closed = -1
        """The last window whose end was taken in; what is carried is known up to here."""
        raw = read_limited(path, FILE_BYTES_MAX)
        if raw is None:
            return
        try:
            stored = msgspec.msgpack.decode(raw, type=_Stored)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # Everybody is a newcomer again, and is audited before being paid.
            logger.warning("{} is damaged and is begun anew", path)
            return
        self._peers, self._ratings = stored.peers, stored.ratings
        self._draws = {draw.window: draw for draw in stored.draws}
        self.judged, self.closed = stored.judged, stored.closed

    # -- what a peer owes

    def owed(self, hotkey: Ss58) -> OwedWindows:
        """Return what ``hotkey`` owes before it is paid."""
        book = self._peers.get(hotkey)
        if book is None:
            return newcomer(self._entrance)
        # Where nobody is audited, audits cannot be owed.
        audits = book.audits if self._entrance else 0
        return OwedWindows(audits, book.until, book.lapsed)

    def set_owed(self, hotkey: Ss58, owed: OwedWindows) -> None:
        """Remember what ``hotkey`` owes."""
        after = self._peers.get(hotkey, PeerBook()).after
        self._put(hotkey, PeerBook(owed.audits, owed.until, owed.lapsed, after))

    # -- what a peer carries

    def carried(self, hotkey: Ss58) -> bytes | None:
        """Return the root of what ``hotkey`` carried out of its last counted window; None where
        that is not known."""
        return self._peers.get(hotkey, PeerBook()).after

    def closed_with(self, window: int, carried: Mapping[Ss58, bytes | None]) -> None:
        """Take in the end of ``window``, which counted the hotkeys in ``carried``, each with what
        it carried out of the window, or None where that is not known. Where windows before were
        missed, nothing is known of what anybody carries."""
        if window != self.closed + 1:
            self._peers = {
                hotkey: msgspec.structs.replace(book, after=None)
                for hotkey, book in self._peers.items()
            }
        self.closed = window
        for hotkey, after in carried.items():
            owed = self.owed(hotkey)
            self._put(hotkey, PeerBook(owed.audits, owed.until, owed.lapsed, after))

    # -- ratings and draws

    def ratings(self, table: str) -> dict[str, PeerRating]:
        """Return the ratings of ``table`` by name."""
        return {name: PeerRating(*each) for name, each in self._ratings.get(table, {}).items()}

    def set_ratings(self, table: str, ratings: Mapping[str, PeerRating]) -> None:
        """Remember the ``ratings`` of ``table``; those of hotkeys that are remembered."""
        self._ratings[table] = {
            name: (each.mean, each.deviation)
            for name, each in ratings.items()
            if name in self._peers or name in (HALF, NOTHING)
        }

    def draw(self, window: int) -> WindowDraw | None:
        """Return who was drawn for ``window``; None before."""
        return self._draws.get(window)

    def set_draw(self, draw: WindowDraw) -> None:
        """Remember who was drawn."""
        self._draws[draw.window] = draw
        for window in sorted(self._draws)[:-WINDOWS_MAX]:
            del self._draws[window]

    def save(self) -> None:
        """Write all of it down; when this returns, it survives. Unavailable if the disk is full."""
        stored = _Stored(
            VERSION, self._peers, self._ratings, list(self._draws.values()), self.judged,
            self.closed,
        )  # fmt: skip
        write_atomic(self._path, msgspec.msgpack.encode(stored))

    def _put(self, hotkey: Ss58, book: PeerBook) -> None:
        self._peers.pop(hotkey, None)
        self._peers[hotkey] = book
        while len(self._peers) > HOTKEYS_MAX:
            del self._peers[next(iter(self._peers))]
