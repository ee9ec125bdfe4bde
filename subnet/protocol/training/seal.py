"""What a peer binds itself to before a window's deadline: its seal. Pure.

A seal names, by hashes, all that decides whether the peer's message is right: the state and the
data that the peer started from, what the peer carried over from its window before (the optimiser's
moments, the error feedback), the states on the way, and the sealed message itself. A seal lies in
an object, whose root the peer's record has; an audit opens what it needs and compares.

A seal has one form in bytes. Anything else is refused, so that two who hash the same seal find the
same hash.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.protocol.training import one_form
from assay.protocol.training.schedule import WINDOWS_MAX

SEAL_BYTES_MAX: Final = 64 * 2**10
"""The largest seal, with ``BOUNDARIES_MAX`` states on the way, takes 36 KiB."""
BOUNDARIES_MAX: Final = 1_024
"""States on the way of one window. A dispute halves the way ten times."""
CURSOR_MAX: Final = 2**62
"""Sequences that a run reads; sums with it still fit 63 bits."""
STEPS_MAX: Final = 10**6
"""Inner steps of one window."""
MESSAGE_BYTES_MAX: Final = 2**34
"""Of a sealed message: 16 GiB, what a model of 600 billion parameters takes at a ratio of 146. What
a run allows follows from its own model, and is far less."""

Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]

NOTHING: Final = bytes(32)
"""As ``before``: the peer carried nothing into the window, as a newcomer does, or a peer whose disk
was lost. No object has this root."""


class PeerSeal(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One peer's seal of one window."""

    run: Hash
    window: Annotated[int, Meta(ge=0, lt=WINDOWS_MAX)]
    hotkey: Annotated[str, Meta(min_length=1, max_length=64)]
    """So that nobody can take over another's seal."""
    state: Hash
    """The state that the window started from."""
    cursor: Annotated[int, Meta(ge=0, le=CURSOR_MAX)]
    """Of the run, from which the window's data follow."""
    steps: Annotated[int, Meta(ge=1, le=STEPS_MAX)]
    before: Hash
    """The root of the object that holds what the peer carried into the window, or ``NOTHING``."""
    after: Hash
    """Likewise what it carries out of the window; the next seal's ``before``."""
    end: Hash
    """The state after the last step."""
    boundaries: Annotated[list[Hash], Meta(max_length=BOUNDARIES_MAX)]
    """The states on the way, evenly spaced, without the first and the last."""
    message: Hash
    """The root of the object that holds the sealed message."""
    message_bytes: Annotated[int, Meta(ge=1, le=MESSAGE_BYTES_MAX)]
    opened: Hash
    """The hash of the message once it is opened: the key can open it to nothing else."""

    def pack(self) -> bytes:
        """Return the seal's bytes."""
        return one_form.pack(self)

    @classmethod
    def parse(cls, data: bytes) -> PeerSeal:
        """Return the seal in ``data``; ValueError for anything else, and for one in another
        form."""
        return one_form.parse(data, cls, "seal", bytes_max=SEAL_BYTES_MAX)
