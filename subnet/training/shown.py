"""What a miner shows of its last window to who runs it: one small file in the neuron's folder.

In come figures after each window; out comes a sentence for a table. Nobody decides anything by it,
and other machines never see it. No torch is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.errors import UserError
from assay.files import read_limited, write_atomic

SHOWN: Final = "shown.json"
SHOWN_BYTES_MAX: Final = 4096

Count = Annotated[int, Meta(ge=0)]


class WindowShown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last window that a miner sealed: the mean ``loss`` of its steps in nats a token, its
    speed, the bytes of the sealed message, and the steps behind it."""

    window: Count
    loss: float
    tokens_per_s: float
    message_bytes: Count
    steps: Count = 0

    def __str__(self) -> str:
        return (
            f"window {self.window}: loss {self.loss:.3f}, {self.tokens_per_s:,.0f} tokens/s,"
            f" {self.message_bytes:,} bytes"
        )

    def write(self, folder: Path) -> None:
        """Write the figures into a miner's ``folder`` of a run. A full disk is left unsaid: what
        matters more fails for the same cause, and says so."""
        try:
            write_atomic(folder / SHOWN, msgspec.json.encode(self))
        except UserError:
            return


def read_shown(task_dir: Path) -> WindowShown | None:
    """Return what the miner with the task folder ``task_dir`` shows, of whichever run; None where
    it shows nothing yet."""
    for path in sorted(task_dir.glob(f"*/{SHOWN}")):
        try:
            return msgspec.json.decode(read_limited(path, SHOWN_BYTES_MAX) or b"", type=WindowShown)
        except (UserError, msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return None
