"""Keys on disk, in the SDK's own layout, and signers made from them.

Adds to the SDK's wallet: nothing is ever asked on the terminal, nothing is ever overwritten or left
half made, what goes wrong has a cause and a cure, and a key that was opened can sign and can do
nothing else. btcli makes and reads the same files.

A secret (a password, a phrase, a seed) is held in ``Secret`` or inside the SDK's own key object;
neither shows it in a repr, a log line or a pickle, and errors are raised without the frames that
held it. The SDK is imported on first use only. Nothing here knows a chain.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from assay.chain.address import is_loopback, shown
from assay.chain.errors import WalletError, WrongPasswordError
from assay.chain.wallet_addresses import (
    PUBLIC,
    WalletInfo,
    check_name,
    check_wallet,
    key_address,
    wallet_info,
)
from assay.errors import Unavailable, UserError
from assay.types import Ss58

SEED_BYTES: Final = 32
_LOCKED_BYTES_MIN: Final = 150
"""A locked file holds at least a seed and an address in text, a nonce and a checksum."""
_DRAFT: Final = re.compile(r"\.[0-9a-f]{8}")
"""Ends the name of a draft."""
_ABANDONED_S: Final = 600
"""A draft older than that belongs to a process that was killed: to make a wallet takes seconds."""
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

    def owns(self, signature: bytes) -> bool:
        """Whether ``signature`` is this address's, of an empty message."""
        return bool(self._keypair.verify(b"", signature))

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
    from assay.chain.sdk_import import Keypair

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
        if missing:
            # All or nothing: keys appear under their names once all of them are on the disk.
            draft = f".{name}.{secrets.token_hex(4)}"
            try:
                if "coldkey" in missing:
                    _make_coldkey(root, draft, password, coldkey_seed, show_phrase)
                _make_hotkey(root, draft, hotkey, hotkey_seed, show_phrase)
                _sweep(root, name, draft)
                if "coldkey" in missing:
                    os.rename(root / draft, folder)
                else:
                    _add_hotkey(root / draft / "hotkeys", folder / "hotkeys", hotkey)
            finally:
                shutil.rmtree(root / draft, ignore_errors=True)
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)  # that passes by itself
        raise (Unavailable if is_full else WalletError)(
            f"The wallet {folder} cannot be written: {error.strerror or error}.",
            "Make room and check the folder's permissions, or name another with --wallet-path.",
        ) from None
    return wallet_info(root, name)


def _add_hotkey(draft: Path, folder: Path, hotkey: str) -> None:
    """Put the two files of a new hotkey where they belong; a key that is there already stays."""
    folder.mkdir(exist_ok=True, mode=0o700)
    os.link(draft / hotkey, folder / hotkey)  # fails where another process was quicker
    os.replace(draft / f"{hotkey}{PUBLIC}", folder / f"{hotkey}{PUBLIC}")


def _sweep(root: Path, name: str, own: str) -> None:
    """Remove what a killed process left of a wallet that it was making: secrets lie in it.

    The file system's own clock says how old a draft is, beside the draft ``own``.
    """
    now = (root / own).stat().st_mtime
    for draft in root.glob(f".{name}.*"):
        is_draft = _DRAFT.fullmatch(draft.name.removeprefix(f".{name}")) is not None
        if is_draft and now - draft.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(draft, ignore_errors=True)


def _make_coldkey(
    root: Path,
    folder: str,
    password: Secret | None,
    seed: bytes | None,
    show_phrase: Callable[[str, str], None] | None,
) -> None:
    from assay.chain.sdk_import import Wallet

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
    from assay.chain.sdk_import import Wallet

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
    check_wallet(root, name)
    return _open(root / name / "coldkey", f"The coldkey of wallet {name}", password)


def is_locked(root: Path, name: str) -> bool:
    """Whether a coldkey that can be opened needs a password for it."""
    from assay.chain.sdk_import import Keyfile

    check_name(name)
    return bool(Keyfile(root / name / "coldkey").is_encrypted())


def open_hotkey(
    root: Path, name: str, hotkey: str = "default", password: Secret | None = None
) -> KeySigner:
    """A hotkey, ready to sign."""
    check_wallet(root, name)
    check_name(hotkey)
    return _open(root / name / "hotkeys" / hotkey, f"Hotkey {hotkey} of wallet {name}", password)


def _open(path: Path, what: str, password: Secret | None) -> KeySigner:
    from assay.chain.sdk_import import Keyfile, KeyfileError
    from assay.chain.sdk_import import WrongPasswordError as SdkWrongPassword

    path = path.absolute()  # the SDK makes a variable's name of it
    keyfile = Keyfile(path)
    try:
        if not path.is_file():
            raise WalletError(
                f"{what} is not in {path.parent}.",
                "Create it with `assay wallet create`, or name the folder with --wallet-path.",
            )
        keypair = None
        for given in _passwords(keyfile, what, password):
            try:
                keypair = keyfile.get_keypair(given)
                break
            except SdkWrongPassword:
                continue
        if keypair is None:
            # What encrypts a key file cannot tell a changed byte from another password.
            raise WrongPasswordError(
                f"{what} does not open: the password is another one, or {path} is damaged.",
                "Give the password it was encrypted with; if that is the one, the key is damaged:"
                " restore it from its recovery phrase with btcli.",
            )
        signer = KeySigner(keypair)
        _probe(signer, what)
    except (KeyfileError, ValueError):
        raise _damaged(what, f"{path} is not a key file") from None
    except OSError as error:
        raise WalletError(
            f"{what} cannot be read: {error.strerror or error}.", "Check the file's permissions."
        ) from None
    if keypair.crypto_type != _SR25519:
        raise WalletError(f"{what} is not an sr25519 key.", "Use an sr25519 key.")
    public = path.with_name(f"{path.name}{PUBLIC}")
    told = key_address(public)
    if told is not None and told != signer.address:
        raise _damaged(what, f"it is the key of {signer.address}, and {public} names {told}")
    return signer


def _damaged(what: str, why: str) -> WalletError:
    return WalletError(
        f"{what} is damaged: {why}.", "Restore it from its recovery phrase with btcli."
    )


def _passwords(keyfile: Any, what: str, password: Secret | None) -> list[str | None]:
    """What to try on a key file: the ``password``, else the variable that btcli reads, where the
    password may stand as btcli writes it or in plain letters; never the terminal."""
    from assay.chain.sdk_import import KeyfileError, get_password_from_environment

    if not keyfile.is_encrypted():
        return [None]
    if os.path.getsize(keyfile.path) < _LOCKED_BYTES_MIN:
        raise _damaged(what, f"{keyfile.path} is too short to hold a key")
    if password is not None and password.reveal():
        return [password.reveal()]
    variable = keyfile.env_var_name()
    found = [os.environ.get(variable)]
    with contextlib.suppress(KeyfileError, ValueError):  # it is not in btcli's writing
        found.insert(0, get_password_from_environment(variable))
    passwords: list[str | None] = [each for each in found if each]
    if not passwords:
        raise WalletError(
            f"{what} is encrypted and no password was given.",
            "Name a file that holds it with --password-file.",
        )
    return passwords


def _probe(signer: KeySigner, what: str) -> None:
    """A file may hold a public key alone, or one that does not belong to its secret: that should
    show now and not at the first signature."""
    try:
        signature = signer.sign(b"")
    except Exception:
        raise WalletError(
            f"{what} cannot sign: its file holds no secret.",
            "Restore it from its recovery phrase with btcli.",
        ) from None
    if not signer.owns(signature):
        raise _damaged(what, "its secret does not belong to its address")
