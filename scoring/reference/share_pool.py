"""A hotkey's stake and the shares in it (survey 4.8; executed runtimes, difference 10).

Executed runtimes cut the ratio of a deposit to the pool to 32 bits first. Ours, and the rule
here: the exact ratio, rounded in the pool's favour. Shares have 64 fractional bits at the first
deposit; a deposit mints ``floor(shares * amount / value)``, a payout takes
``ceil(shares * amount / value)``, and paying out all that a member's shares are worth takes them
all. What rounding would cost its member more than a rao is refused.
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
        return sum(self.members.values())

    def worth(self, member: str) -> int:
        """What a member could withdraw."""
        held = self.members.get(member, 0)
        return self.value * held // self.shares if held else 0

    def deposit(self, member: str, amount: int) -> int:
        """Add value for one member; the amount taken in: nothing if it buys no shares of about as
        much."""
        total = self.shares
        minted = total * amount // self.value if total and self.value else amount << SHARE_BITS
        if minted == 0 or (total and self.value and minted * self.value // total + 1 < amount):
            return 0
        self.members[member] = self.members.get(member, 0) + minted
        self.value += amount
        return amount

    def withdraw(self, member: str, amount: int) -> bool:
        """Pay value out to one member; False if its shares are worth less, or cost more."""
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
        """Add value for all members in proportion; the amount taken in: nothing without any."""
        if not self.shares:
            return 0
        self.value += amount
        return amount
