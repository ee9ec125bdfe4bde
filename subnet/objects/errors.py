"""What goes wrong with objects: leaves below ``assay.errors``, each with a cause and a cure.

A root is shown by its first 16 hex digits, enough to tell objects apart in a log. Holders are shown
by their addresses. No sentence holds a path that came from a network, because none ever does.
"""

from __future__ import annotations

from collections.abc import Mapping

from assay.errors import Unavailable, UserError
from assay.objects.tree import Root

_SHOWN_DIGITS = 16


def short(root: bytes) -> str:
    """The first digits of ``root``, for people."""
    return bytes(root).hex()[:_SHOWN_DIGITS]


class ObjectMissing(UserError):
    """The store does not hold the object, or not all of it."""

    def __init__(self, cause: str, cure: str = "Get it from a holder first.") -> None:
        super().__init__(cause, cure)

    @classmethod
    def of(cls, root: Root) -> ObjectMissing:
        return cls(f"Object {short(root)} is not in the store.")


class ObjectInUse(UserError):
    """The object cannot be removed now."""


class StoreFull(Unavailable):
    """No room for an object, and nothing that may be evicted would make enough."""


class StoreDamaged(Unavailable):
    """The disk does not give back what was written to it."""

    @classmethod
    def of(cls, root: Root) -> StoreDamaged:
        return cls(
            f"The disk lost a part of object {short(root)}.",
            "Get the object again, and check the disk if the same happens twice.",
        )


class SourceChanged(UserError):
    """A file was written to while the store read it."""


class NoHolder(Unavailable):
    """An object cannot be got: no holder is left, too little came, or the object is too large.

    ``reasons`` says, by address, why holders were given up.
    """

    def __init__(self, cause: str, cure: str, reasons: Mapping[str, str] | None = None) -> None:
        super().__init__(cause, cure)
        self.reasons = dict(reasons or {})

    @staticmethod
    def too_large(root: Root, size_bytes: int, size_bytes_max: int) -> ObjectTooLarge:
        """``root`` stands for more bytes than ``size_bytes_max``; no holder can change that."""
        return ObjectTooLarge(
            f"Object {short(root)} has {size_bytes:,} bytes, more than the {size_bytes_max:,} that "
            "were allowed.",
            "Allow more with size_bytes_max if an object of this size is expected.",
        )

    def __reduce__(self) -> tuple[type[NoHolder], tuple[str, str, dict[str, str]]]:  # type: ignore[override]
        return type(self), (self.cause, self.cure, self.reasons)


class ObjectTooLarge(NoHolder):
    """The object is larger than its caller takes, whoever holds it: the size follows from the
    root."""


class SendRefused(Unavailable):
    """A receiver did not take an object."""
