"""Who is known, and who must prove itself before it is paid; remembered over restarts.

In come the findings of each round; out comes, by hotkey, what is owed before it is paid again
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
from assay.scoring.inference.probation import AFTER_CONVICTION, Sentence, sentence_after
from assay.types import Ss58

FILE: Final = "probation.json"
HOTKEYS_MAX: Final = 4096
"""Hotkeys that are remembered: those of sixteen full subnets. The ones judged longest ago are
forgotten first."""
FILE_BYTES_MAX: Final = HOTKEYS_MAX * 96
"""An address takes 48 bytes, quotes and two counts some more."""
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    version: Annotated[int, msgspec.Meta(ge=2, le=2)]
    owed: dict[str, tuple[_Count, _Count]]
    """By hotkey, clean answers and the first epoch that may pay."""


class Probation:
    """What each hotkey owes, kept in the file ``path``."""

    def __init__(self, path: Path, *, answers: int = AFTER_CONVICTION) -> None:
        """``answers`` is how many clean answers a conviction costs."""
        self._path = path
        self._answers = answers
        self._owed: dict[str, Sentence] = {}
        stored = read_limited(path, FILE_BYTES_MAX)
        if stored is None:
            return
        try:
            owed = msgspec.json.decode(stored, type=_Stored).owed
            self._owed = {hotkey: Sentence(*sentence) for hotkey, sentence in owed.items()}
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Everybody is a newcomer again and is examined at length before being paid.
            logger.warning("{} is damaged and is begun anew", path)

    def owed(self, hotkey: Ss58) -> Sentence:
        """Return what ``hotkey`` owes before it is paid."""
        return self._owed.get(hotkey, Sentence())

    def knows(self, hotkey: Ss58) -> bool:
        """Return whether an answer of ``hotkey`` was ever judged."""
        return hotkey in self._owed

    def record(self, findings: Iterable[tuple[Ss58, bool, bool]], *, epoch: int) -> None:
        """Take in ``findings`` of one turn in ``epoch``, each (hotkey, verified, convicted). They
        are on disk when this returns."""
        for hotkey, verified, convicted in findings:
            if not (verified or convicted):
                continue  # nothing was judged: who was a newcomer still is
            owed = sentence_after(
                self.owed(hotkey),
                verified=verified,
                convicted=convicted,
                epoch=epoch,
                answers=self._answers,
            )
            self._owed.pop(hotkey, None)
            self._owed[hotkey] = owed
        while len(self._owed) > HOTKEYS_MAX:
            del self._owed[next(iter(self._owed))]
        kept = {hotkey: (each.answers, each.until_epoch) for hotkey, each in self._owed.items()}
        write_atomic(self._path, msgspec.json.encode(_Stored(version=2, owed=kept)))
