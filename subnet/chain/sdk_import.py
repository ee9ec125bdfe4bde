"""Imports the bittensor SDK, also for a user without a home folder, and hands on what keys need.

While it is imported, the SDK asks for the home folder, for the default places of its wallets and
settings, and fails where there is none. This project names every such place itself and uses none of
the defaults. So this module is imported before any other that imports the SDK.
"""

from __future__ import annotations

from assay.home import a_home_is_named

with a_home_is_named():
    from bittensor.keyfiles import (
        Keyfile,
        KeyfileError,
        WrongPasswordError,
        get_password_from_environment,
    )
    from bittensor.sp_core import Keypair
    from bittensor.wallet import Wallet

__all__ = [
    "Keyfile",
    "KeyfileError",
    "Keypair",
    "Wallet",
    "WrongPasswordError",
    "get_password_from_environment",
]
