"""Keys on disk, in the SDK's own layout, and signers made from them.

Adds to the SDK's wallet: nothing is ever asked on the terminal, nothing is ever overwritten or left
half made, what goes wrong has a cause and a cure, and a key that was opened can sign and can do
nothing else. btcli makes and reads the same files.

A secret (a password, a phrase, a seed) is held in ``Secret`` or inside the SDK's own key object;
neither shows it in a repr, a log line or a pickle, and errors are raised without the frames that
held it. The SDK is imported on first use only. Nothing here knows a chain.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from assay.chain.address import is_loopback, shown
from assay.chain.errors import WalletError, WrongPasswordError
from assay.chain.wallet_addresses import WalletInfo, check_name, wallet_info
from assay.errors import UserError
from assay.types import Ss58

SEED_BYTES: Final = 32
_SR25519: Final = 1


class Secret:
    """Text that must not be seen. ``reveal`` is the one way out."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class KeySigner:
    """An opened sr25519 key: it has an address and signs. Satisfies ``Signer``."""

    __slots__ = ("_keypair", "address", "public_key")

    def __init__(self, keypair: Any) -> None:
        self._keypair = keypair
        self.address = Ss58(str(keypair.ss58_address))
        self.public_key = bytes(keypair.public_key)

    def sign(self, message: bytes) -> bytes:
        return bytes(self._keypair.sign(message))

    def __repr__(self) -> str:
        return f"KeySigner({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")


def dev_signer(uri: str, *, chain_url: str) -> KeySigner:
    """The well-known key of a URI such as ``//Alice``, for a chain on this machine only.

    Anyone can sign with these keys, so no other chain may ever see one from here.
    """
    if not is_loopback(chain_url):
        raise UserError(
            f"The development key {uri} is public, and {shown(chain_url)} is not on this machine.",
            "Name a wallet of your own.",
        )
    from bittensor.sp_core import Keypair

    if not uri.startswith("//"):  # anything else could be a real secret phrase
        raise UserError("This is not a development key.", "Give one such as //Alice.")
    try:
        return KeySigner(Keypair.create_from_uri(uri))
    except ValueError:
        raise UserError(f"{uri!r} is not a key's path.", "Give one such as //Alice.") from None


def missing_keys(root: Path, name: str, hotkey: str = "default") -> tuple[str, ...]:
    """Which keys of a wallet ``create_wallet`` would make."""
    check_name(name)
    check_name(hotkey)
    folder = root / name
    if not folder.exists():
        return ("coldkey", "hotkey")
    return () if (folder / "hotkeys" / hotkey).exists() else ("hotkey",)


def create_wallet(
    root: Path,
    name: str,
    hotkey: str = "default",
    *,
    password: Secret | None = None,
    coldkey_seed: bytes | None = None,
    hotkey_seed: bytes | None = None,
    show_phrase: Callable[[str, str], None] | None = None,
) -> WalletInfo:
    """Make what is missing of a coldkey and a hotkey; whatever exists stays as it is.

    ``password`` encrypts the coldkey; without one it is stored in clear, which is for local chains.
    The seeds make keys that can be made again (the seed of a simulation). ``show_phrase`` is called
    with each new key's role and its recovery phrase, which is kept nowhere else.
    """
    missing = missing_keys(root, name, hotkey)
    folder = root / name
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if "coldkey" in missing:
            # All or nothing: the wallet appears under its name once both keys are on the disk.
            draft = f".{name}.{secrets.token_hex(4)}"
            try:
                _make_coldkey(root, draft, password, coldkey_seed, show_phrase)
                _make_hotkey(root, draft, hotkey, hotkey_seed, show_phrase)
                os.rename(root / draft, folder)
            finally:
                shutil.rmtree(root / draft, ignore_errors=True)
        elif missing:
            _make_hotkey(root, name, hotkey, hotkey_seed, show_phrase)
    except OSError as error:
        raise WalletError(
            f"The wallet {folder} cannot be written: {error.strerror or error}.",
            "Make room and check the folder's permissions, or name another with --wallet-path.",
        ) from None
    return wallet_info(root, name)


def _make_coldkey(
    root: Path,
    folder: str,
    password: Secret | None,
    seed: bytes | None,
    show_phrase: Callable[[str, str], None] | None,
) -> None:
    from bittensor.wallet import Wallet

    wallet = Wallet(folder, path=str(root))
    locked: dict[str, Any] = {
        "use_password": password is not None,
        "coldkey_password": password.reveal() if password is not None else None,
        "suppress": True,
    }
    if seed is not None:
        wallet.regenerate_coldkey(seed=_seed(seed), **locked)
    else:
        wallet.create_new_coldkey(on_mnemonic=_teller("coldkey", show_phrase), **locked)


def _make_hotkey(
    root: Path,
    folder: str,
    hotkey: str,
    seed: bytes | None,
    show_phrase: Callable[[str, str], None] | None,
) -> None:
    from bittensor.wallet import Wallet

    wallet = Wallet(folder, hotkey, path=str(root))
    if seed is not None:
        wallet.regenerate_hotkey(seed=_seed(seed), use_password=False, suppress=True)
    else:
        wallet.create_new_hotkey(
            use_password=False, suppress=True, on_mnemonic=_teller("hotkey", show_phrase)
        )


def _seed(seed: bytes) -> bytes:
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes")
    return seed


def _teller(role: str, show_phrase: Callable[[str, str], None] | None) -> Callable[[str], None]:
    """The SDK prints a phrase that nobody takes, so someone always takes it."""
    return lambda phrase: show_phrase(role, phrase) if show_phrase is not None else None


def open_coldkey(root: Path, name: str, password: Secret | None = None) -> KeySigner:
    """The coldkey, ready to sign; ``WrongPasswordError`` and ``WalletError`` say what is wrong."""
    check_name(name)
    return _open(root / name / "coldkey", f"The coldkey of wallet {name}", password)


def is_locked(root: Path, name: str) -> bool:
    """Whether a coldkey that can be opened needs a password for it."""
    from bittensor.keyfiles import Keyfile

    check_name(name)
    return bool(Keyfile(root / name / "coldkey").is_encrypted())


def open_hotkey(
    root: Path, name: str, hotkey: str = "default", password: Secret | None = None
) -> KeySigner:
    """A hotkey, ready to sign."""
    check_name(name)
    check_name(hotkey)
    return _open(root / name / "hotkeys" / hotkey, f"Hotkey {hotkey} of wallet {name}", password)


def _open(path: Path, what: str, password: Secret | None) -> KeySigner:
    from bittensor.keyfiles import Keyfile, KeyfileError, resolve_key_password
    from bittensor.keyfiles import WrongPasswordError as SdkWrongPassword

    keyfile = Keyfile(path)
    try:
        if not path.is_file():
            raise WalletError(
                f"{what} is not in {path.parent.absolute()}.",
                "Create it with `assay wallet create` or btcli, or name the folder"
                " with --wallet-path.",
            )
        given = password.reveal() if password is not None else None
        if keyfile.is_encrypted():
            # From us, or from the variable that the SDK reads; never from the terminal.
            variable = keyfile.env_var_name()
            given = resolve_key_password(given, env_var_name=variable, allow_prompt=False)
            if given is None:
                raise WalletError(
                    f"{what} is encrypted and no password was given.",
                    "Name a file that holds it with --password-file.",
                )
        keypair = keyfile.get_keypair(given)
        signer = KeySigner(keypair)
        _probe(signer, what)
    except SdkWrongPassword:
        raise WrongPasswordError(
            f"The password does not open {what[0].lower()}{what[1:]}.",
            "Give the password it was encrypted with.",
        ) from None
    except (KeyfileError, ValueError):
        raise WalletError(
            f"{what} is damaged: {path} is not a key file.",
            "Restore it from its recovery phrase with btcli.",
        ) from None
    except OSError as error:
        raise WalletError(
            f"{what} cannot be read: {error.strerror or error}.", "Check the file's permissions."
        ) from None
    if keypair.crypto_type != _SR25519:
        raise WalletError(f"{what} is not an sr25519 key.", "Use an sr25519 key.")
    return signer


def _probe(signer: KeySigner, what: str) -> None:
    """A file may hold a public key alone; that should show now and not at the first signature."""
    try:
        signer.sign(b"")
    except Exception:
        raise WalletError(
            f"{what} cannot sign: its file holds no secret.",
            "Restore it from its recovery phrase with btcli.",
        ) from None
