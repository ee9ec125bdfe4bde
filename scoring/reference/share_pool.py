"""A hotkey's stake and the shares that its members hold of it.

The rule is that of ``primitives/share-pool/src/lib.rs``, whose executed runtimes cut the ratio of a
deposit to the pool to 32 bits first. Ours, and the rule here: the exact ratio, rounded in the
pool's favour. Shares have 64 fractional bits at the first deposit; a deposit mints
``floor(shares * amount / value)``, a payout takes ``ceil(shares * amount / value)``, and paying out
all that a member's shares are worth takes all of them. What rounding would cost its member more
than a rao is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SHARE_BITS = 64


@dataclass(slots=True)
class SharePool:
    """The pool's value in rao, and each member's shares."""

    value: int = 0
    members: dict[str, int] = field(default_factory=dict)

    @property
    def shares(self) -> int:
        """The shares of all members together."""
        return sum(self.members.values())

    def worth(self, member: str) -> int:
        """Return the rao that ``member`` could withdraw."""
        held = self.members.get(member, 0)
        return self.value * held // self.shares if held else 0

    def deposit(self, member: str, amount: int) -> int:
        """Add ``amount`` for ``member`` and return it; return 0, and add nothing, if it buys no
        shares or shares that are worth over a rao less."""
        total = self.shares
        minted = total * amount // self.value if total and self.value else amount << SHARE_BITS
        if minted == 0 or (total and self.value and minted * self.value // total + 1 < amount):
            return 0
        self.members[member] = self.members.get(member, 0) + minted
        self.value += amount
        return amount

    def withdraw(self, member: str, amount: int) -> bool:
        """Pay ``amount`` out to ``member``; return False, and pay nothing, if its shares are worth
        less or would cost it over a rao more."""
        worth = self.worth(member)
        if amount > worth:
            return False
        held = self.members[member] if amount else 0
        if amount < worth:
            held = -(-self.shares * amount // self.value)
            if held * self.value // self.shares > amount:
                return False
        if amount:
            self.members[member] -= held
            self.value -= amount
        return True

    def pay_all(self, amount: int) -> int:
        """Add ``amount`` for all members in proportion and return it; return 0 if there are
        none."""
        if not self.shares:
            return 0
        self.value += amount
        return amount
