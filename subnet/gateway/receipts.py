"""The receipts of a gateway's clients as files (``assay.protocol.client_receipts`` has their form).

``ReceiptStore`` keeps as many as fit. Where room is needed, the key that takes most of it loses its
oldest: a client that asks for much more than others pushes out its own receipts and nobody else's,
so no miner's friend can make a gateway forget what the miner has signed for others. They hold
prompts: the folder is its owner's alone, and a receipt is shown to the key whose reply it is of.
This module knows no HTTP, no chain and no signatures.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from assay.errors import UserError
from assay.files import raise_disk_error, read_limited
from assay.protocol.client_receipts import ClientReceipt as ClientReceipt
from assay.protocol.client_receipts import parse_receipt
from assay.protocol.client_receipts import receipt_fault as receipt_fault

RECEIPTS_MAX: Final = 20_000
"""Of one gateway. A client fetches its receipts soon, if at all."""
RECEIPTS_BYTES_MAX: Final = 512 * 2**20
"""Of all of them on disk. An ordinary one has ten kilobytes, one with logprobs some hundred."""
RECEIPT_BYTES_MAX: Final = 128 * 2**20
"""Sixteen answers of 4,096 tokens with all logprobs; a longer file is not a receipt."""
ID: Final = re.compile(r"rcpt-[0-9a-f]{32}")
_FILE: Final = re.compile(rf"({ID.pattern})\.([0-9a-f]{{16}})\.json")
"""The name of a receipt's file: its id, and a hash of its key, by which a gateway that starts knows
whose each file is without reading all of them."""


@dataclass(slots=True)
class _Kept:
    """The receipts of one key."""

    sizes: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """By id, the oldest first."""
    bytes: int = 0


def read_client_receipt(path: Path) -> ClientReceipt | None:
    """The receipt in the file ``path``; None if the file holds something else."""
    data = read_limited(path, RECEIPT_BYTES_MAX)
    if data is None:
        raise UserError(f"There is no file {path}.", "Check the path.")
    return parse_receipt(data)


class ReceiptStore:
    """The receipts of one gateway in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        count_max: int = RECEIPTS_MAX,
        bytes_max: int = RECEIPTS_BYTES_MAX,
    ) -> None:
        """Open the folder, which is made if need be, and count what is in it."""
        self._folder = folder
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._owners: dict[str, str] = {}
        """Whose each receipt is, by id: the key as ``_tag`` has it."""
        self._kept: dict[str, _Kept] = {}
        """By owner. No entry is empty."""
        self._bytes = 0
        self._lock = threading.Lock()
        """Guards the three above: receipts are put from several threads."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = [(entry.stat(), entry.name) for entry in os.scandir(folder)]
        except OSError as error:
            raise_disk_error(error, folder)
        for stat, name in sorted(found, key=lambda each: each[0].st_mtime_ns):
            if (named := _FILE.fullmatch(name)) is not None:
                self._add(named[1], named[2], stat.st_size)
            elif ID.match(name):  # of a process that was killed, or of an older gateway
                (folder / name).unlink(missing_ok=True)

    def put(self, receipt: ClientReceipt) -> None:
        """Keep a receipt. It survives the end of this process, however it ends; a power cut may
        cost the newest ones, which are not worth a wait for the disk each."""
        data = msgspec.json.encode(receipt)
        owner = _tag(receipt.key)
        path = self._path(receipt.id, owner)
        temporary = path.with_suffix(".tmp")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
            with self._lock:
                self._add(receipt.id, owner, len(data))
                self._make_room()
        except OSError as error:
            raise_disk_error(error, path)

    def get(self, id_: str) -> ClientReceipt | None:
        """The receipt called ``id_``; None if there is none, or none any more."""
        owner = self._owners.get(id_)
        if owner is None:
            return None
        data = read_limited(self._path(id_, owner), RECEIPT_BYTES_MAX)
        return None if data is None else parse_receipt(data)

    def __len__(self) -> int:
        return len(self._owners)

    def _add(self, id_: str, owner: str, size: int) -> None:
        kept = self._kept.setdefault(owner, _Kept())
        more = size - kept.sizes.pop(id_, 0)
        kept.sizes[id_] = size
        kept.bytes += more
        self._bytes += more
        self._owners[id_] = owner

    def _make_room(self) -> None:
        """Remove receipts of whoever has most until the rest fits; the last one stays."""
        while len(self._owners) > 1:
            if self._bytes > self._bytes_max:
                owner = max(self._kept, key=lambda each: self._kept[each].bytes)
            elif len(self._owners) > self._count_max:
                owner = max(self._kept, key=lambda each: len(self._kept[each].sizes))
            else:
                return
            kept = self._kept[owner]
            id_, size = kept.sizes.popitem(last=False)
            kept.bytes -= size
            self._bytes -= size
            if not kept.sizes:
                del self._kept[owner]
            del self._owners[id_]
            self._path(id_, owner).unlink(missing_ok=True)

    def _path(self, id_: str, owner: str) -> Path:
        return self._folder / f"{id_}.{owner}.json"


def _tag(key: str) -> str:
    """A short hash of a key's id, which is the owner's to choose and may be no name of a file."""
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
