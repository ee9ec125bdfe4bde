"""The SDK's errors as ours. Adds to its names and codes our classes and their one-sentence cures.

The SDK tells three things apart only by the shape of the object: a lost connection, a refusal by
the pool, and a call that failed in its block. ``refusal_of`` turns the last two into leaves of
``ChainRefused``; ``sdk_session`` handles the first, and like it a node that ``is_busy``. It knows
nothing of what was attempted but its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bittensor.result import ErrorCode

from assay.chain.address import redacted
from assay.chain.errors import (
    FUND_CURE,
    AlreadyRegistered,
    ChainRefused,
    NotRegistered,
    NotStarted,
    RateLimited,
    TooDear,
    TooLittleBalance,
    UnknownBlock,
    UnknownSubnet,
)

_CLASS_OF: Final[Mapping[Any, type[ChainRefused]]] = {
    ErrorCode.INSUFFICIENT_BALANCE: TooLittleBalance,
    ErrorCode.NOT_REGISTERED: NotRegistered,
    ErrorCode.RATE_LIMITED: RateLimited,
    ErrorCode.SUBNET_NOT_EXISTS: UnknownSubnet,
}
_CLASS_OF_NAME: Final[Mapping[str, type[ChainRefused]]] = {
    "HotKeyAlreadyRegisteredInSubNet": AlreadyRegistered,
    "Payment": TooLittleBalance,
    "CannotAffordLockCost": TooLittleBalance,
    "AccountNotAllowedCommit": NotRegistered,
    "SubtokenDisabled": NotStarted,
    "SpaceLimitExceeded": RateLimited,
    "RegistrationPriceLimitExceeded": TooDear,
    "SlippageTooHigh": TooDear,
}
_CURE_OF_CLASS: Final[Mapping[type[ChainRefused], str]] = {
    TooLittleBalance: FUND_CURE,
    TooDear: TooDear.CURE,
    UnknownSubnet: "Choose one of `assay subnet list`.",
    NotRegistered: (
        "Register the hotkey on the subnet first, with `assay register --netuid N --wallet NAME`."
    ),
}
_CURE_OF_NAME: Final[Mapping[str, str]] = {
    "SubtokenDisabled": "Let the subnet's owner start it with `assay subnet start`.",
    "SubNetRegistrationDisabled": "Ask the subnet's owner to open registration.",
    "ColdkeySwapAnnounced": "Finish or clear the coldkey's swap with the tool that announced it.",
    "ColdkeySwapAnnouncementNotFound": "Announce the swap first, with the SDK's own tools.",
    "ColdkeySwapTooEarly": "Wait until the announcement's delay has passed, and try again.",
    "SpaceLimitExceeded": "Wait for the subnet's next epoch, which gives the key new space.",
    "InvalidIpAddress": "Publish an address that other machines can reach.",
    "TooManyRegistrationsThisBlock": "Try again in a later block.",
    "SlippageTooHigh": TooDear.STAKE_CURE,
    "AmountTooLow": "Stake a larger amount.",
    "StakeAmountTooLow": "Stake a larger amount.",
    "BadProof": "Check that the client and the chain run the same runtime version.",
}
STRANGER: Final = "What answers there is no chain: a metrics port, or another program."
_NO_WEBSOCKET: Final = re.compile(r"valid HTTP response|WebSocket handshake \(HTTP [1-4]")
"""How the SDK says that a server speaks something else. A proxy's 5xx is a chain's absence."""
_OURS: Final[Mapping[str, str]] = {
    "wallet balance": "wallet show",
    "wallet registrations": "status",
    "stake list": "wallet show",
    "stake add": "stake",
    "subnets list": "subnet list",
    "subnets metagraph": "status",
    "subnets register": "register",
    "subnets price": "subnet list",
    "subnets create-cost": "subnet list",
    "hparams start": "subnet start",
}
"""Ours instead of what the SDK's advice names. The rest of btcli has no word of ours, and whoever
has only Assay cannot follow it: such advice is left out."""
_BTCLI: Final = re.compile(r"`?\bbtcli ((?:[a-z-]+ )?[a-z-]+)[^`]*`?")
_CLAUSES: Final = re.compile(r"; | — |(?<=[.]) ")
_TEXT_CHARS_MAX: Final = 300
"""A node may answer with anything; a person reads one sentence."""


def sentence(text: object) -> str:
    """The first sentence of ``text``, clean and bounded: no control characters and no secret part
    of an address; a capital and a full stop."""
    flat = re.sub(r"[\x00-\x1f\x7f-\x9f\s]+", " ", redacted(str(text))).strip()
    flat = flat.partition(". ")[0][:_TEXT_CHARS_MAX].rstrip(".;, ")
    return f"{flat[:1].upper()}{flat[1:]}." if flat else "No reason was given."


def unopened(error: object) -> str:
    """Why a connection could not be opened, as one sentence."""
    return STRANGER if _NO_WEBSOCKET.search(str(error)) else sentence(error)


def is_busy(error: Any) -> bool:
    """Whether the node had no time for a request (-32009), so it refused nothing.

    The SDK drops the code, so it is told by its words, which all Substrate nodes use.
    """
    return "erver is busy" in str(error)


def is_pool_full(error: Any) -> bool:
    """Whether the node's pool had no room (1016): the same bytes may enter it in a later block.

    The SDK drops this code as well.
    """
    return "immediately dropped" in str(error).casefold()


def is_banned(error: Any) -> bool:
    """Whether the node has called these bytes invalid before, and does not look again (1012)."""
    return "temporarily banned" in str(error).casefold()


def refusal_of(error: Any, what: str) -> ChainRefused:
    """Our refusal for an SDK ``ChainError``.

    Its reason is the chain's own name of the error, or the SDK's code where the SDK made it up.
    """
    name = getattr(error, "name", None)
    if name is None and "tate discarded" in str(error):
        return UnknownBlock.discarded()
    code = getattr(error, "code", None)
    kind = _CLASS_OF_NAME.get(name or "") or _CLASS_OF.get(code, ChainRefused)
    detail = getattr(error, "description", None) or getattr(error, "message", None) or error
    named = f" ({name})" if name else ""
    cure = (
        _CURE_OF_NAME.get(name or "")
        or _CURE_OF_CLASS.get(kind)
        or sentence(_advice(getattr(error, "remediation", None)))
    )
    return kind(
        f"The chain refused to {what}{named}: {sentence(detail)}", cure, name or _code(code)
    )


def _advice(text: object) -> str:
    """The SDK's advice with our commands for btcli's, without the clauses that have none."""
    kept = [_in_our_words(clause) for clause in _CLAUSES.split(str(text or ""))]
    return "; ".join(clause for clause in kept if clause) or "nothing was changed; read the cause"


def _in_our_words(clause: str) -> str:
    """``clause`` with our commands; empty if it names one that only btcli has."""
    named = _BTCLI.findall(clause)
    if any(command not in _OURS for command in named):
        return ""
    return _BTCLI.sub(lambda found: f"`assay {_OURS[found[1]]}`", clause)


def _code(code: Any) -> str:
    return str(getattr(code, "value", None) or "Other")
