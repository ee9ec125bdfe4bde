"""What clients ask, as a gateway shows it with their consent to whoever sends canaries.

A gateway keeps requests of the keys that were made with ``--share-prompts``, and shows each of them
once (``GET /v1/shared-prompts``): what was asked and how, and which miners have seen it. Neither a
key nor a name is in it. A validator asks the same of a miner that has not seen it: to that miner
the canary is what a client asks, because a client did.

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
"""Requests of one reply: a validator has use for a few an hour, and what it takes others lack."""
SHARED_BODY_BYTES_MAX: Final = 2**15
"""Of one request; longer ones are not shared. Most have a few kilobytes, and sixteen of these are
half a megabyte."""
STEPS_MAX: Final = 32
"""Requests of one conversation. A longer one is shown with its last ones."""
SEEN_BY_MAX: Final = 256
"""Miners of one subnet."""
PAUSE_S_MAX: Final = 600.0
"""Between two requests of a conversation. After a longer pause it has ended."""


class SharedRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last request of one client's conversation, or of a plain text that grew."""

    path: Literal["chat/completions", "completions"]
    """Behind ``/v1/``: where it was asked."""
    body: dict[str, Any]
    """As OpenAI's interface has it, without a model's name."""
    seen_by: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=ADDRESS_CHARS_MAX)]],
        Meta(max_length=SEEN_BY_MAX),
    ]
    """The hotkeys of the miners that were asked this, or what came before it."""
    pauses_s: Annotated[
        list[Annotated[float, Meta(ge=0.0, le=PAUSE_S_MAX)]], Meta(max_length=STEPS_MAX)
    ]
    """The seconds between the requests of the conversation, the first pause first."""


class SharedRequests(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway replies at ``PATH``."""

    object: Literal["list"] = "list"
    data: Annotated[list[SharedRequest], Meta(max_length=SHOWN_MAX)]
