"""The ways a chain says no. Adds to ``assay.errors`` the leaves that a caller tells apart.

The tree::

    Unavailable
    └── ChainUnavailable      no answer: down, unreachable or too slow
        └── OutcomeUnknown    the answer to a submission was lost; it may still take effect
    Refused
    └── ChainRefused          the chain (or the client on its behalf) said no; ``reason`` says why
        ├── UnknownSubnet
        ├── UnknownBlock      not made or not finalized yet, or not kept any more
        ├── NotStarted        the subnet's token does not trade yet
        ├── NotRegistered
        ├── AlreadyRegistered
        ├── TooLittleBalance
        ├── TooDear           the price rose above what was agreed to
        ├── TooCheap          the price fell below what was agreed to
        ├── TooLittleStake    less alpha is held than was to be sold
        ├── RateLimited       ``retry_after_blocks`` where it is known
        ├── OtherChain        the chain at this address is not the one it was before
        └── BadAnswer         the chain's answer is not one that this client understands
    UserError
    ├── BadQuery              a storage item or call that the chain's metadata does not have
    └── WalletError           a missing, locked or damaged key file
        └── WrongPasswordError

Causes and cures are one sentence each and never carry a secret. Nothing here knows the SDK.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from assay.errors import Refused, Unavailable, UserError
from assay.types import RAO_PER_TAO


class ChainUnavailable(Unavailable):
    """No answer within the deadline. Reads may be repeated without harm."""


class OutcomeUnknown(ChainUnavailable):
    """A submission's fate was lost with the connection. Read the state before sending it again."""


class ChainRefused(Refused):
    """The chain understood and said no; ``reason`` is its own error name where it gave one."""

    def __init__(self, cause: str, cure: str, reason: str = "Other") -> None:
        super().__init__(cause, cure)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ChainRefused], tuple[str, str, str]]:  # type: ignore[override]
        return type(self), (self.cause, self.cure, self.reason)


class UnknownSubnet(ChainRefused):
    """No subnet has this netuid."""

    @classmethod
    def of(cls, netuid: int) -> UnknownSubnet:
        return cls(
            f"Subnet {netuid} does not exist on this chain.",
            "Choose one of `assay subnet list`, or create one with `assay subnet register`.",
            "SubnetNotExists",
        )


class UnknownBlock(ChainRefused):
    """No finalized block has this number, or the chain does not know it any more."""

    @classmethod
    def of(cls, number: int, final: int) -> UnknownBlock:
        if number > final:
            return cls(
                f"Block {number} is not finalized yet; the newest finalized block is {final}.",
                "Wait for it.",
                "UnknownBlock",
            )
        return cls(
            f"The chain does not know block {number}.",
            "Name a newer block, or ask an archive node.",
            "UnknownBlock",
        )

    @classmethod
    def discarded(cls, number: int | None = None) -> UnknownBlock:
        """The block is known, and its state is not kept any more."""
        which = "that block" if number is None else f"block {number}"
        return cls(
            f"The chain no longer keeps the state of {which}.",
            "Read a newer block, or ask an archive node.",
            "StateDiscarded",
        )


class NotStarted(ChainRefused):
    """The subnet's owner has not started it."""

    @classmethod
    def of(cls, netuid: int) -> NotStarted:
        return cls(
            f"Subnet {netuid} has not been started, so its token does not trade yet.",
            "Let its owner start it with `assay subnet start`.",
            "SubtokenDisabled",
        )


class NotRegistered(ChainRefused):
    """The hotkey holds no uid on the subnet."""

    @classmethod
    def of(cls, hotkey: str, netuid: int) -> NotRegistered:
        return cls(
            f"Hotkey {hotkey} is not registered on subnet {netuid}.",
            "Buy it a uid with --register or `assay register`; its coldkey pays the price.",
            "HotKeyNotRegisteredInSubNet",
        )


class AlreadyRegistered(ChainRefused):
    """The hotkey holds a uid on the subnet already."""

    @classmethod
    def of(cls, hotkey: str, netuid: int) -> AlreadyRegistered:
        return cls(
            f"Hotkey {hotkey} is registered on subnet {netuid} already.",
            "Go on with the uid it has, or use another hotkey.",
            "HotKeyAlreadyRegisteredInSubNet",
        )


class TooLittleBalance(ChainRefused):
    """The paying account cannot cover the amount, the price or the fee."""

    @classmethod
    def of(cls, payer: str, balance: int, what: str, price: int) -> TooLittleBalance:
        return cls(
            f"{payer} has {_tao(balance)} TAO and {what} costs {_tao(price)}.",
            FUND_CURE,
            "NotEnoughBalanceToStake",
        )

    @classmethod
    def fee(cls, payer: str, what: str, fee: int, balance: int, stays: int) -> TooLittleBalance:
        """``payer`` has ``balance``, of which ``stays`` cannot be spent, and cannot pay ``fee``."""
        return cls(
            f"To {what} costs a fee of {_tao(fee)} TAO, which {payer} pays; it has"
            f" {_tao(balance)} TAO, and {_tao(stays)} TAO must stay on it.",
            f"Fund {payer} with at least {_tao(max(fee + stays - balance, 1))} TAO (on a local"
            " chain with `assay fund`), and with more for later fees.",
            "Payment",
        )


class TooDear(ChainRefused):
    """The price is above the limit that came with the order; no more than a fee was paid."""

    CURE: Final = "Look at the price again: it rises with each registration and falls by itself."
    STAKE_CURE: Final = "Stake less, wait for the price to settle, or raise --rate-tolerance."

    @classmethod
    def of(cls, netuid: int, price: int, limit: int) -> TooDear:
        return cls(
            f"A uid of subnet {netuid} costs {_tao(price)} TAO now,"
            f" more than the {_tao(limit)} agreed to.",
            cls.CURE,
            "RegistrationPriceLimitExceeded",
        )

    @classmethod
    def stake(cls, netuid: int, amount: int, limit: int) -> TooDear:
        return cls(
            f"A stake of {_tao(amount)} TAO would raise the price of subnet {netuid}'s alpha above"
            f" the {_tao(limit)} TAO allowed.",
            cls.STAKE_CURE,
            "SlippageTooHigh",
        )


class TooCheap(ChainRefused):
    """An alpha would bring less than the limit that came with the order; only a fee was paid."""

    @classmethod
    def of(cls, netuid: int, amount: int, limit: int) -> TooCheap:
        return cls(
            f"To sell {_tao(amount)} alpha would lower the price of subnet {netuid}'s alpha below"
            f" the {_tao(limit)} TAO allowed.",
            "Unstake less, wait for the price to settle, or raise --rate-tolerance.",
            "SlippageTooHigh",
        )


class TooLittleStake(ChainRefused):
    """The coldkey holds less on the hotkey than was to be sold."""

    @classmethod
    def of(cls, hotkey: str, netuid: int, held: int, amount: int) -> TooLittleStake:
        return cls(
            f"{_tao(held)} alpha of subnet {netuid} are staked on {hotkey} by this coldkey, and"
            f" {_tao(amount)} were to be sold.",
            "Unstake no more than that; `assay wallet show` lists what a wallet has staked.",
            "NotEnoughStakeToWithdraw",
        )


class RateLimited(ChainRefused):
    """The same key did the same thing too few blocks ago."""

    def __init__(
        self,
        cause: str,
        cure: str,
        reason: str = "RateLimited",
        retry_after_blocks: int | None = None,
    ) -> None:
        super().__init__(cause, cure, reason)
        self.retry_after_blocks = retry_after_blocks


class OtherChain(ChainRefused):
    """Another genesis answers at the address, or the same one with other blocks. What was learned
    before is worth nothing there."""


class BadAnswer(ChainRefused):
    """An answer of an unexpected shape: a runtime that this client was not made for."""

    @classmethod
    def to(cls, question: str, detail: str) -> BadAnswer:
        detail = detail.rstrip(".")
        return cls(
            f"The chain's answer to {question} is not understood: {detail}.",
            "Use a chain whose runtime speaks the ABI of SDK 11.3.",
            "BadAnswer",
        )


class BadQuery(UserError, ValueError):
    """A storage item, a call, a key or an argument that does not fit the chain's metadata: the
    mistake of whoever wrote the program."""


class WalletError(UserError):
    """A key file is missing, locked or damaged."""


class WrongPasswordError(WalletError):
    """The password does not open the key file."""


def _tao(rao: int) -> str:
    return f"{Decimal(rao) / RAO_PER_TAO:f}"


UNSTAKE_MORE_CURE: Final = "Unstake a larger amount at once, or all of it."
"""What a person can do about a sale that brings less than the least that the chain trades."""
FUND_CURE: Final = (
    "Fund it (on a local chain with `assay fund`); `assay wallet show` says what a wallet has."
)
"""What a person can do about too little TAO."""
WAIT_CURE: Final = "Wait for it to come back, or name another chain with --chain."
"""What a person can do about a chain that does not answer."""
