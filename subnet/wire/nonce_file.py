"""The file beneath ``replay``: one number, written whole or not at all.

Adds to ``assay.files`` the ceiling's own form, and a lock beside it that keeps a second process of
the same hotkey from sharing it unknowingly. No clock, no policy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from assay.errors import Unavailable, UserError
from assay.files import InUse, LockFile, raise_disk_error, read_limited, write_atomic
from assay.wire.replay import CeilingUnreadable

_FILE_BYTES_MAX: Final = 64  # a header word and 20 digits
_WORD: Final = b"assay-nonces/1"


class CeilingFile:
    """A ceiling in ``path``; the process holds it exclusively until ``close``."""

    blocking = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = str(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = LockFile(path.with_suffix(".lock"))
        except InUse as error:
            raise Unavailable(
                f"Another process ({error.holder}) uses {path}.",
                "Stop it, or give this one a state folder of its own.",
            ) from None
        except OSError as error:
            raise_disk_error(error, path)

    def load(self) -> int | None:
        try:
            text = read_limited(self._path, _FILE_BYTES_MAX)
        except UserError as error:
            if isinstance(error, Unavailable):
                raise
            raise CeilingUnreadable(str(self._path)) from error
        if text is None:
            return None
        word, _, digits = text.strip().partition(b" ")
        if word != _WORD or not digits.isdigit():
            raise CeilingUnreadable(str(self._path))
        return int(digits)

    def save(self, ceiling_ns: int) -> None:
        write_atomic(self._path, b"%s %d\n" % (_WORD, ceiling_ns))

    def close(self) -> None:
        self._lock.close()
