"""Documents with one form in bytes: all who hash the same document find one hash. Pure.

What is not a document of its kind, is too long, or is one in another form, is refused.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

Document = TypeVar("Document", bound=msgspec.Struct)


def pack(document: msgspec.Struct) -> bytes:
    """Return the bytes of ``document``."""
    return msgspec.msgpack.encode(document)


def parse(data: bytes, kind: type[Document], what: str, *, bytes_max: int) -> Document:
    """Return the document of ``kind`` in ``data``; ValueError, which calls it ``what``, for
    anything else, for more than ``bytes_max``, and for another form of it."""
    if len(data) > bytes_max:
        raise ValueError(f"a {what} has {bytes_max} bytes at most, not {len(data)}")
    try:
        document = msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no {what}: {error}") from None
    if pack(document) != data:
        raise ValueError(f"a {what} in another form than its own")
    return document
