"""Who pays, and whether he agreed: the price is named first, and a key of play money buys nothing.

Adds to a trade on a chain the consent of whoever pays: the price is shown before anything is
signed, a ceiling holds, the whole sum must be there before its first part is spent, and where TAO
is worth something a person is asked, or said ``--yes``. The trades are in ``trades``.

Adds to the SDK's wallets what their folder says: `assay up`, and `assay wallet create` where it is
not asked for a password, leave coldkeys in clear under the state folder, which is right for a
chain on this machine. Used elsewhere by mistake, they would hold money that whoever reads the file
can take; so they buy nothing there. A key in clear that lies elsewhere is its owner's choice, and
is only told. Nothing here signs.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loguru import logger

from assay.chain.address import is_loopback, resolve, shown
from assay.chain.errors import (
    FUND_CURE,
    TooLittleBalance,
)
from assay.cli import output
from assay.cli.amounts import in_tao
from assay.cli.arguments import read_password, wallets_of
from assay.cli.streams import is_person
from assay.errors import Refused
from assay.types import RAO_PER_TAO, AlphaRao, Rao, Signer, Ss58

FEES_MAX: Final = Rao(RAO_PER_TAO // 100)
"""More than two extrinsics' fees: a uid must not be bought with what its stake's fee needs."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person who pays has agreed to. TAO of a chain on this machine is play money, unless
    what stands here is a node of the public chain."""

    network: str
    max_price: Rao | None = None
    yes: bool = False

    def plays(self, *, money: bool) -> bool:
        """Whether the TAO is play money; ``money`` is what the chain's own ``is_money`` says."""
        return is_loopback(resolve(self.network)) and not money

    def to(
        self,
        what: str,
        price: Rao,
        payer: Ss58,
        balance: Rao,
        *,
        money: bool,
        besides: int = 0,
        alpha_limit: Rao | None = None,
        about: AlphaRao | None = None,
    ) -> Rao | None:
        """Refused unless ``price``, and what is staked ``besides`` it, may be paid.

        ``money`` is what the chain's own ``is_money`` says, ``about`` what is bought ``besides`` at
        the spot price. Returns the most that the thing may
        cost by the time it is bought; None: whatever it costs.
        """
        needs = [f"{what} costs {in_tao(price)} TAO"] if price or not besides else []
        needs += [f"a stake of {in_tao(besides)} TAO is asked for"] if besides else []
        if alpha_limit is not None:
            needs[-1] += f" at no more than {in_tao(alpha_limit)} TAO an alpha"
        if self.max_price is not None and price > self.max_price:
            raise Refused(
                f"{_capital(needs[0])}, more than the {in_tao(self.max_price)} allowed.",
                "Wait for the price to fall, or raise --max-price.",
            )
        cost, total = _capital(" and ".join(needs)), Rao(price + besides)
        if balance < total + (FEES_MAX if price and besides else 0):
            raise TooLittleBalance(
                f"{cost}; {payer} has {in_tao(balance)} TAO.", FUND_CURE, "NotEnoughBalanceToStake"
            )
        spot = f" The stake is about {in_tao(about)} alpha at the spot price." if about else ""
        output.note(f"{cost}; {payer} has {in_tao(balance)} TAO.{spot}")
        if not self._asked(f"spend {in_tao(total)} TAO", "--max-price", money=money):
            return self.max_price
        return price if self.max_price is None else self.max_price

    def to_sell(self, what: str, offer: str, *, money: bool) -> None:
        """Refused unless ``what`` may be sold, as ``offer`` says to the person who is asked."""
        output.note(offer)
        self._asked(f"sell {what}", "--rate-tolerance", money=money)

    def _asked(self, act: str, bound: str, *, money: bool) -> bool:
        """Whether a person was asked and agreed to ``act``; False where nobody has to be asked.

        Refused without an agreement. ``bound`` is the option that limits what ``--yes`` agrees to.
        """
        if self.yes or self.plays(money=money):
            return False
        # An address may hold an access token.
        where = shown(self.network) if "://" in self.network else self.network
        if not (is_person(sys.stdin) and is_person(sys.stderr)):
            raise Refused(
                f"Nobody is here to agree to {act} on {where}.",
                f"Give --yes to agree beforehand, with {bound} as its bound.",
            )
        if not _agreed(f"{_capital(act)} on {where}?"):
            raise Refused("It was not agreed to, and nothing was spent.", "Answer y to go on.")
        return True


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _agreed(question: str) -> bool:
    # An event loop would take Ctrl-C as a request to stop once the answer is there.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return output.agreed(question)
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True, slots=True)
class Payer:
    """A wallet's coldkey, as the options name it."""

    wallet: str
    state_dir: Path
    wallet_path: Path | None = None
    password_file: Path | None = None

    @property
    def folder(self) -> Path:
        return wallets_of(self.state_dir, self.wallet_path)

    def open(self) -> Signer:
        """The key, ready to sign; ``WalletError`` says what is wrong with it."""
        from assay.chain.wallets import open_coldkey

        return open_coldkey(self.folder, self.wallet, read_password(self.password_file))

    def check(self, network: str, *, money: bool) -> None:
        """Refused if the key lies in clear among the state folder's and the chain's TAO is
        ``money``; a warning for any other in clear where the chain is not on this machine."""
        from assay.chain.wallets import is_locked

        here = is_loopback(resolve(network)) and not money
        if here or is_locked(self.folder, self.wallet):
            return
        path = (self.folder / self.wallet / "coldkey").absolute()
        if money and is_of_state(self.folder, self.state_dir):
            raise Refused(
                f"The coldkey {path} lies in clear, as made for a local chain's play money.",
                "Pay with a locked one: `assay wallet create NAME --wallet-path DIR` makes it.",
            )
        logger.warning("The coldkey {} lies in clear: who reads it has what it holds.", path)


def is_of_state(folder: Path, state_dir: Path) -> bool:
    """Whether wallets there belong to the state folder, where TAO is play money."""
    return folder.resolve().is_relative_to(state_dir.resolve())
