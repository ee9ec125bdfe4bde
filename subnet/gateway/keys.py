"""The keys with which clients ask a gateway: made, found again, revoked; one small file.

A key is ``sk-assay-<id>-<secret>``. The id is public and names the key in lists and logs. The file
holds no secret but its hash: plain BLAKE2b, because the secret has 256 random bits. A slow hash
makes guessing of *weak* secrets dear; these cannot be guessed at any speed, and each request of a
client checks one.

The file is replaced atomically, and read again whenever it has changed: a key that is added or
revoked on the command line counts from the next request on. This module knows no HTTP and counts
no requests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.clock import Clock
from assay.errors import Unavailable, UserError
from assay.files import held, raise_disk_error, read_limited, write_atomic

KEYS_MAX: Final = 10_000
"""Of one gateway. The file then has 3 MB, which are read again after each change."""
FILE_BYTES_MAX: Final = 2**22
QUOTA_MAX: Final = 10**12
"""Whoever means more has mistyped, and wants no quota at all."""
SECRET_BYTES: Final = 32
"""256 bits, so that the plain hash cannot be guessed."""
PREFIX: Final = "sk-assay"
NAME_PATTERN: Final = r"\A[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z"
_KEY: Final = re.compile(rf"{PREFIX}-([0-9a-f]{{8}})-[A-Za-z0-9_-]{{43}}", re.ASCII)
_PERSON: Final = b"assay-key/1"

Quota = Annotated[int, Meta(ge=1, le=QUOTA_MAX)]


class ClientKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of one key."""

    id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}\Z")]
    name: Annotated[str, Meta(pattern=NAME_PATTERN)]
    digest: Annotated[bytes, Meta(min_length=32, max_length=32)]
    created_s: int
    """Unix time."""
    revoked_s: int | None = None
    requests_per_minute: Quota | None = None
    tokens_per_day: Quota | None = None
    """Of prompts and answers together. None: as many as the miners give."""
    shares_prompts: bool = False
    """Whether its owner agreed that what it asks is asked again, of other miners, as canaries."""
    reads_shared_prompts: bool = False
    """Whether it is shown what the keys ask that share their prompts."""


class KeyFile:
    """The keys of all gateways of one state folder."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Nothing is read or made yet. ``random_bytes(n)`` gives n unguessable bytes."""
        self._path = path
        self._clock = clock
        self._random_bytes = random_bytes
        self._seen: tuple[int, int, int] | None = None
        """Of the file that ``_keys`` were read from: its time, its size, its number on the disk."""
        self._keys: dict[str, ClientKey] = {}
        """By id."""

    def find(self, presented: str) -> ClientKey | None:
        """The record of the key that a client ``presented``; None for one that is unknown or
        revoked. The time it takes does not depend on the secret."""
        found = _KEY.fullmatch(presented)
        if found is None:
            return None
        key = self._now().get(found[1])
        kept = key.digest if key is not None else bytes(32)
        same = hmac.compare_digest(_digest(presented), kept)
        return key if same and key is not None and key.revoked_s is None else None

    def all(self) -> list[ClientKey]:
        """All keys, the oldest first, revoked ones too."""
        return list(self._now().values())

    def add(
        self,
        name: str,
        *,
        requests_per_minute: int | None = None,
        tokens_per_day: int | None = None,
        shares_prompts: bool = False,
        reads_shared_prompts: bool = False,
        replace: bool = False,
    ) -> tuple[str, ClientKey]:
        """Make a key called ``name``; the key itself, which nobody can show again, and its record.

        UserError for a name that is taken; with ``replace`` keys of that name are forgotten.
        """
        if re.fullmatch(NAME_PATTERN, name) is None:
            raise UserError(
                f"{name[:80]!r} cannot be a key's name.",
                "Give 1 to 64 letters, digits, dots, dashes, underscores or @.",
            )
        with self._locked():
            keys = self._now()
            if replace:
                keys = {id_: key for id_, key in keys.items() if key.name != name}
            if any(key.name == name and key.revoked_s is None for key in keys.values()):
                raise UserError(
                    f"There is a key called {name} already.",
                    "Revoke it first with `assay gateway key revoke`, or give another name.",
                )
            if len(keys) >= KEYS_MAX:
                raise UserError(
                    f"There are {KEYS_MAX} keys already.", "Give several clients the same key."
                )
            id_ = next(
                id_ for id_ in iter(lambda: self._random_bytes(4).hex(), "") if id_ not in keys
            )
            secret = base64.urlsafe_b64encode(self._random_bytes(SECRET_BYTES)).decode().rstrip("=")
            key = f"{PREFIX}-{id_}-{secret}"
            record = ClientKey(
                id=id_,
                name=name,
                digest=_digest(key),
                created_s=self._now_s(),
                requests_per_minute=requests_per_minute,
                tokens_per_day=tokens_per_day,
                shares_prompts=shares_prompts,
                reads_shared_prompts=reads_shared_prompts,
            )
            self._save(keys | {id_: record})
        return key, record

    def revoke(self, named: str) -> ClientKey:
        """End the key whose id or name is ``named``; its record. UserError if there is none."""
        with self._locked():
            keys = self._now()
            found = [
                key
                for key in keys.values()
                if named in (key.id, key.name) and key.revoked_s is None
            ]
            if not found:
                raise UserError(
                    f"There is no key {named[:80]!r} that could be revoked.",
                    "See `assay gateway key list`.",
                )
            revoked = msgspec.structs.replace(found[0], revoked_s=self._now_s())
            self._save(keys | {revoked.id: revoked})
        return revoked

    def _now(self) -> dict[str, ClientKey]:
        """The keys as the file has them now."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            self._seen, self._keys = None, {}
            return self._keys
        except OSError as error:
            raise_disk_error(error, self._path)
        state = (found.st_mtime_ns, found.st_size, found.st_ino)
        if state != self._seen:
            self._keys = self._read()
            self._seen = state
        return self._keys

    def _read(self) -> dict[str, ClientKey]:
        data = read_limited(self._path, FILE_BYTES_MAX)
        try:
            keys = msgspec.json.decode(data or b"[]", type=list[ClientKey])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise UserError(
                f"{self._path} does not hold keys.",
                "Restore the file from a copy, or move it away and make new keys.",
            ) from None
        return {key.id: key for key in keys}

    def _save(self, keys: dict[str, ClientKey]) -> None:
        write_atomic(self._path, msgspec.json.format(msgspec.json.encode(list(keys.values()))))

    def _locked(self) -> AbstractContextManager[None]:
        """Keep other processes from changing the file at the same time."""
        return held(
            self._path.with_suffix(".lock"),
            lambda holder: Unavailable(
                f"Process {holder} changes the keys just now.", "Try again."
            ),
        )

    def _now_s(self) -> int:
        return self._clock.now_ns() // 10**9


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=32, person=_PERSON).digest()


def key_path(state_dir: Path) -> Path:
    """Where the keys of the gateways of a state folder are kept."""
    return state_dir / "gateway" / "keys.json"
