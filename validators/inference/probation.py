"""Who is known, and who must prove itself before it is paid; remembered over restarts.

In come the findings of each round; out comes, by hotkey, how many clean answers are owed
(``assay.scoring.inference.probation``). The memory is one small file, written atomically, so that
neither a restarted validator nor ``kill -9`` forgives a conviction. A hotkey that is not in the
file has never been judged: it is a newcomer. This module knows no uids, so a uid's new owner is a
newcomer too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from loguru import logger

from assay.files import read_limited, write_atomic
from assay.scoring.inference.probation import owed_after
from assay.types import Ss58

FILE: Final = "probation.json"
HOTKEYS_MAX: Final = 4096
"""Hotkeys that are remembered: those of sixteen full subnets. The ones judged longest ago are
forgotten first."""
FILE_BYTES_MAX: Final = HOTKEYS_MAX * 80
"""An address takes 48 bytes, quotes and a count some more."""


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    owed: dict[str, Annotated[int, msgspec.Meta(ge=0, le=2**31)]]


class Probation:
    """How many clean answers each hotkey owes, kept in the file ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owed: dict[str, int] = {}
        stored = read_limited(path, FILE_BYTES_MAX)
        if stored is None:
            return
        try:
            self._owed = msgspec.json.decode(stored, type=_Stored).owed
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Everybody is a newcomer again and is examined at length before being paid.
            logger.warning("{} is damaged and is begun anew", path)

    def owed(self, hotkey: Ss58) -> int:
        """Return how many clean answers ``hotkey`` owes before it is paid."""
        return self._owed.get(hotkey, 0)

    def knows(self, hotkey: Ss58) -> bool:
        """Return whether an answer of ``hotkey`` was ever judged."""
        return hotkey in self._owed

    def record(self, findings: Iterable[tuple[Ss58, bool, bool]]) -> None:
        """Take in ``findings`` of one turn, each (hotkey, verified, convicted). They are on disk
        when this returns."""
        for hotkey, verified, convicted in findings:
            if not (verified or convicted):
                continue  # nothing was judged: who was a newcomer still is
            owed = owed_after(self.owed(hotkey), verified=verified, convicted=convicted)
            self._owed.pop(hotkey, None)
            self._owed[hotkey] = owed
        while len(self._owed) > HOTKEYS_MAX:
            del self._owed[next(iter(self._owed))]
        write_atomic(self._path, msgspec.json.encode(_Stored(version=1, owed=self._owed)))
