"""One way through a chain with a command line: commands, and what storage says before and after.

Adds to ``Btcli`` who acts, whether a command submits, and the block of which it speaks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.conformance.foreign.raw import RAO_PER_TAO, RawChain, Storage, u16
from tests.conformance.foreign.world import Btcli, Done

ATTEMPT_RAO_MAX: Final = RAO_PER_TAO // 100
"""What a call that failed costs at most: its fee, and the envelope's if it was sealed."""
BLOCKS_S_MAX: Final = 120.0
"""For some fifty blocks of a quarter of a second."""
ATTEMPTS_MAX: Final = 4
"""One block in twenty pays stake on the preset ``local``: all four attempts meet one with odds of
1 in 10^5."""


def rao(tao: float) -> int:
    return round(tao * RAO_PER_TAO)


@dataclass
class Journey:
    """The chain, btcli, and what earlier steps found out: addresses of people by name, the
    subnet that is theirs, and another one."""

    btcli: Btcli
    chain: RawChain
    home: Path
    coldkeys: dict[str, str] = field(default_factory=dict)
    hotkeys: dict[str, str] = field(default_factory=dict)
    netuid: int = 0
    other: int = 0

    def run(self, *arguments: str, who: str | None = None) -> Done:
        """One command, of the wallet ``who``."""
        wallet = () if who is None else ("--wallet", who, "--wallet-hotkey", "default")
        return self.btcli(*arguments, *wallet)

    def read(self, *arguments: str, who: str | None = None) -> Any:
        """What a command that only looks prints."""
        return self.run(*arguments, who=who).json

    def spoken(
        self, *arguments: str, holds: Callable[[Any, Storage], bool], who: str | None = None
    ) -> Any:
        """What a command prints that names no block; it must hold in one that it may speak of."""
        first = self.chain.height()
        told = self.read(*arguments, who=who)
        last = self.chain.height()
        assert any(holds(told, at) for at in self.chain.between(first, last)), (
            f"in no block from {first} to {last}: {told}"
        )
        return told

    def does(self, *arguments: str, who: str) -> tuple[Any, Storage, Storage]:
        """What a command prints that submits and succeeds; before its block, and after it."""
        told = self.run(*arguments, "--yes", who=who).json
        assert told["success"] is True, told
        return (told, *self.chain.around(told["block_hash"]))

    def moves_stake(self, *arguments: str, who: str) -> tuple[Any, Storage, Storage]:
        """As ``does``, again if the subnet's epoch paid its stake in the same block: what the
        command alone moved could not be told from that."""
        for _ in range(ATTEMPTS_MAX):
            told, before, after = self.does(*arguments, who=who)
            ended = [at.subtensor("LastEpochBlock", u16(self.netuid)) for at in (before, after)]
            if ended[0] == ended[1]:
                return told, before, after
        raise AssertionError(f"an epoch in the block of each of {ATTEMPTS_MAX} attempts")

    def refused(self, *arguments: str, who: str, name: str, code: str) -> Any:
        """What a command prints that submits and fails; if it got into a block, it cost little."""
        done = self.run(*arguments, "--yes", who=who)
        assert done.code == 1, done
        told = json.loads(done.out)
        assert (told["success"], told["error"]["name"], told["error"]["code"]) == (
            False,
            name,
            code,
        )
        if "block_hash" in told:
            before, after = self.chain.around(told["block_hash"])
            assert 0 < self.paid(who, before, after) < ATTEMPT_RAO_MAX
        return told

    def paid(self, who: str, before: Storage, after: Storage) -> int:
        """What left a wallet's free balance."""
        coldkey = self.coldkeys[who]
        return before.account(coldkey).free - after.account(coldkey).free

    def now(self) -> Storage:
        return self.chain.at(self.chain.height())

    def wait(self, holds: Callable[[Storage], bool], what: str) -> None:
        """Until it holds after a block."""
        end = time.monotonic() + BLOCKS_S_MAX
        while not holds(self.now()):
            assert time.monotonic() < end, f"not within {BLOCKS_S_MAX} s: {what}"
            time.sleep(0.1)

    def at_netuid(self) -> tuple[str, str]:
        return "--netuid", str(self.netuid)

    def registered(self) -> list[bytes]:
        return self.now().hotkeys(self.netuid)


def is_sealed(told: Any, paid: int) -> None:
    """A shielded command tells the fee of what it sealed; the envelope has one of its own."""
    assert told["data"]["shielded"] is True
    assert rao(told["fee_tao"]) < paid < rao(told["fee_tao"]) + ATTEMPT_RAO_MAX
