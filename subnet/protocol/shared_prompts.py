"""What clients ask, as a gateway shows it with their consent to whoever sends canaries.

A gateway keeps what is asked with the keys that were made with ``--share-prompts``, and shows each
session once (``GET /v1/shared-prompts``): what was asked in a row and how, with the pauses, and
which miners have seen any of it. Neither a key nor a name is in it. A validator asks the same of a
miner that has not seen it: to that miner the canary is what a client asks, because a client did.

This module knows no keys and no sockets. What is in a body is for whoever asks with it to look at.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from assay.protocol.inference import ADDRESS_CHARS_MAX

PATH: Final = "/v1/shared-prompts"
CHAT: Final = "chat/completions"
PLAIN: Final = "completions"
SHOWN_MAX: Final = 16
"""Sessions of one reply: a validator has use for a few an hour, and what it takes others lack."""
SESSION_BYTES_MAX: Final = 2**16
"""Of all bodies of one session, as JSON. A session is cut where the next request would not fit; a
longer request is not shared."""
REQUESTS_MAX: Final = 16
"""Of one session. What a client asks beyond them without a pause is another session."""
SEEN_BY_MAX: Final = 100
"""Miners that a gateway can be told to avoid: their hotkeys fit into the head of a request. What
more have seen is not shown."""
PAUSE_S_MAX: Final = 600.0
"""Between two requests of a session. After a longer pause it has ended."""


class SharedRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request of a client."""

    path: Literal["chat/completions", "completions"]
    """Behind ``/v1/``: where it was asked."""
    body: dict[str, Any]
    """As OpenAI's interface has it, without a model's name."""
    pause_s: Annotated[float, Meta(ge=0.0, le=PAUSE_S_MAX)] = 0.0
    """Seconds since the request before it."""


class SharedSession(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client asked in a row."""

    requests: Annotated[list[SharedRequest], Meta(min_length=1, max_length=REQUESTS_MAX)]
    seen_by: Annotated[
        list[Annotated[str, Meta(max_length=ADDRESS_CHARS_MAX, pattern=r"\A[A-Za-z0-9]+\Z")]],
        Meta(max_length=SEEN_BY_MAX),
    ]
    """The hotkeys of the miners that were asked any of it, or what begins like it."""


class SharedSessions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway replies at ``PATH``."""

    object: Literal["list"] = "list"
    data: Annotated[list[SharedSession], Meta(max_length=SHOWN_MAX)]
