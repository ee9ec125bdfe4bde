"""The coldkey that pays, and whether it may: one made for play money is not used for real TAO.

Adds to the SDK's wallets what the folder says. ``assay up``, and ``assay wallet create`` where it
is not asked for a password, leave coldkeys in clear under the state folder, which is right for a
chain on this machine. Used elsewhere by mistake, they would hold money that whoever reads the file
can take. Elsewhere a key in clear is its owner's choice and is only told. It reads no chain: what
TAO is worth there, it is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from assay.chain.connect import is_loopback, resolve
from assay.chain.interface import Signer
from assay.cli.options import read_password, wallets_of
from assay.errors import Refused


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
