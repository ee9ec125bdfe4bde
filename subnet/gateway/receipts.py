"""The receipts of a gateway's clients as files (``assay.protocol.client_receipts`` has their form).

``ReceiptStore`` keeps as many as fit; the oldest go first. They hold prompts: the folder is its
owner's alone, and a receipt is shown to the key whose reply it is of. This module knows no HTTP, no
chain and no signatures.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
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
        self._sizes: OrderedDict[str, int] = OrderedDict()
        """By id, the oldest first."""
        self._bytes = 0
        self._lock = threading.Lock()
        """Guards the two above: receipts are put from several threads."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = [(entry.stat(), entry.name) for entry in os.scandir(folder)]
        except OSError as error:
            raise_disk_error(error, folder)
        for stat, name in sorted(found, key=lambda each: each[0].st_mtime_ns):
            if ID.fullmatch(name.removesuffix(".tmp")):  # of a process that was killed
                (folder / name).unlink(missing_ok=True)
            elif ID.fullmatch(name.removesuffix(".json")):
                self._sizes[name.removesuffix(".json")] = stat.st_size
                self._bytes += stat.st_size

    def put(self, receipt: ClientReceipt) -> None:
        """Keep a receipt. It survives the end of this process, however it ends; a power cut may
        cost the newest ones, which are not worth a wait for the disk each."""
        data = msgspec.json.encode(receipt)
        path = self._path(receipt.id)
        temporary = path.with_suffix(".tmp")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
            with self._lock:
                self._bytes += len(data) - self._sizes.pop(receipt.id, 0)
                self._sizes[receipt.id] = len(data)
                self._make_room()
        except OSError as error:
            raise_disk_error(error, path)

    def get(self, id_: str) -> ClientReceipt | None:
        """The receipt called ``id_``; None if there is none, or none any more."""
        if ID.fullmatch(id_) is None:
            return None
        data = read_limited(self._path(id_), RECEIPT_BYTES_MAX)
        return None if data is None else parse_receipt(data)

    def __len__(self) -> int:
        return len(self._sizes)

    def _make_room(self) -> None:
        while len(self._sizes) > self._count_max or (
            self._bytes > self._bytes_max and len(self._sizes) > 1
        ):
            id_, size = self._sizes.popitem(last=False)
            self._bytes -= size
            self._path(id_).unlink(missing_ok=True)

    def _path(self, id_: str) -> Path:
        return self._folder / f"{id_}.json"
