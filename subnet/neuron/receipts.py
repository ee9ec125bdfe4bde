"""A validator's receipts: what was asked and answered, with the signatures, kept for others to
check.

The log is a folder with one file a period; a period lasts from one published link of the hash chain
(``seeds``) to the next, about an epoch. A file holds records one after another, each with its
length and checksum in front, so that a torn end is seen and cut off when the log is opened again.

Every target has an equal share of a period's room, so that a miner with long answers leaves no less
room for those of others. A record beyond its target's share is kept as its leaf hash alone: the
root stands for it, and whoever has its bytes can show them.
When a period ends, its Merkle root enters a running hash::

    running(0) = 32 zero bytes
    running(i) = SHA-256("assay/receipts/1" | running(i - 1) | digest of period i)
    digest     = SHA-256(root | tip | link | number | records | left out, each as 8 bytes)

The running hash goes on chain with the next link, so the chain's newest record stands for every
period before. A closed period has a summary beside its file, with all that a third party needs.

The log is bounded: a period keeps no more than its share, and the oldest periods go first. This
module does not know what a signature covers, or how a record got on chain.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from loguru import logger

from assay.chain.interface import BlockRef
from assay.errors import UserError
from assay.files import raise_disk_error, read_limited, write_atomic
from assay.neuron import merkle
from assay.neuron.peers import Answer
from assay.types import BlockNumber, Ss58, Uid
from assay.wire.synapse import encode

PERIOD_BYTES_MAX: Final = 64 * 2**20
"""Of one period's whole records, all targets together: 256 miners and some two hundred turns."""
LEAVES_BYTES_MAX: Final = 32 * 2**20
"""Of one period's leaf hashes, beyond its whole records: another 800,000 answers. What comes later
is counted only."""
TARGETS_MIN: Final = 8
"""A period's room is divided by this number at least: the first target to answer must not take all
of it before others have."""
LOG_BYTES_MAX: Final = 512 * 2**20
"""Of all periods. A disk that the log could fill would end the validator; old receipts go first."""
PERIODS_MAX: Final = 512
"""Three weeks of a public subnet's epochs, and some hours of a local one's. Each takes two
files."""
RECORD_BYTES_MAX: Final = 2**20
"""A longer record is a damaged length. Bodies above ``BODY_BYTES_MAX`` are kept as digests."""
BODY_BYTES_MAX: Final = 64 * 1024
_SUMMARY_BYTES_MAX: Final = 4096
_HEAD_BYTES: Final = 8
_LEAF_ONLY: Final = 0x8000_0000
"""Set in the length of a frame that holds a leaf hash in place of a record."""
_RUNNING: Final = b"assay/receipts/1"
START: Final = bytes(32)
"""The running hash before the first period."""


class ReceiptRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question and what came back."""

    period: int
    turn: int
    block: BlockNumber
    block_hash: bytes
    target: Ss58
    uid: Uid
    commitment: bytes | None
    """The task's part of what the target had published at that block."""
    method: str
    origin: str
    failure: str | None
    """The failure's code, or None where there is a reply."""
    evidence: bytes | None
    """The wire's evidence, encoded; None where nothing was signed."""
    request: bytes | None = None
    reply: bytes | None = None
    """The bodies, where they are small enough to keep."""


def record_of(answer: Answer[Any, Any], *, period: int, turn: int, at: BlockRef) -> ReceiptRecord:
    """The record of one answer that turn ``turn`` at the block ``at`` got."""
    request = encode(answer.request)
    return ReceiptRecord(
        period=period,
        turn=turn,
        block=at.number,
        block_hash=bytes.fromhex(at.hash.removeprefix("0x")),
        target=answer.target.hotkey,
        uid=answer.target.uid,
        commitment=answer.target.commitment,
        method=answer.method,
        origin=answer.origin.value,
        failure=answer.code,
        evidence=answer.evidence,
        request=request if len(request) <= BODY_BYTES_MAX else None,
        reply=answer.body if answer.body and len(answer.body) <= BODY_BYTES_MAX else None,
    )


class Period(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The summary of a closed period."""

    number: int
    records: int
    left_out: int
    """Records that had no room."""
    root: bytes
    before: bytes
    """The running hash before this period."""
    tip: bytes
    """The link that was on chain while the period lasted."""
    link: bytes
    """The link that the period's turns were drawn from; it followed ``tip`` onto the chain."""

    @property
    def running(self) -> bytes:
        """The running hash with this period in it."""
        return running(self.before, self.digest)

    @property
    def digest(self) -> bytes:
        """One hash over all of the summary but what came before."""
        counts = b"".join(
            n.to_bytes(8, "little") for n in (self.number, self.records, self.left_out)
        )
        return sha256(self.root + self.tip + self.link + counts).digest()


def running(before: bytes, digest: bytes) -> bytes:
    """The running hash after a period with this digest."""
    return sha256(_RUNNING + before + digest).digest()


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record of a period: its leaf hash, and its bytes unless only the hash was kept."""

    leaf: bytes
    record: bytes | None


class Receipts:
    """The log of one validator in one folder."""

    def __init__(self, folder: Path) -> None:
        """Open the log; a torn end of the newest file is cut off, and the log says so."""
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise_disk_error(error, folder)
        self._number: int | None = None
        self._descriptor: int | None = None
        self._bytes = 0
        self._leaves: list[bytes] = []
        self._kept: dict[Ss58, int] = {}
        """Of each target: the bytes of its whole records in the open period."""
        self._whole = 0
        """Their sum."""
        self._left_out = 0

    @property
    def newest_period(self) -> int:
        """The number of the newest period with any record or summary; 0 if there is none."""
        return max(self._closed() | self._numbers("*.log"), default=0)

    @property
    def root(self) -> bytes:
        """The running hash over all closed periods: what goes on chain."""
        newest = max(self._closed(), default=None)
        return START if newest is None else self.summary(newest).running

    def append(self, record: ReceiptRecord) -> None:
        """Add a record to its period, which is opened if need be. In the operating system's hands
        when this returns, so that it survives ``kill -9``. ValueError for a period that is closed:
        its root stands on chain."""
        if record.period != self._number:
            if record.period in self._closed():
                raise ValueError(f"period {record.period} is closed")
            self._open(record.period)
        payload = msgspec.msgpack.encode(record)
        leaf = merkle.leaf(payload)
        if self._has_room(record.target, len(payload)):
            self._write(_framed(payload))
            self._kept[record.target] += len(payload)
            self._whole += len(payload)
        elif self._bytes < PERIOD_BYTES_MAX + LEAVES_BYTES_MAX:
            self._write(_framed(leaf, _LEAF_ONLY))
        else:
            self._left_out += 1
            return
        self._leaves.append(leaf)

    def _has_room(self, target: Ss58, size: int) -> bool:
        """Whether a record of ``size`` bytes fits into what is left of its target's share."""
        used = self._kept.setdefault(target, 0)
        share = PERIOD_BYTES_MAX // max(len(self._kept), TARGETS_MIN)
        return (
            size <= RECORD_BYTES_MAX
            and used + size <= share
            and self._whole + size <= PERIOD_BYTES_MAX
        )

    def _write(self, framed: bytes) -> None:
        """Put a frame behind the others, or nothing of it: a part of one would hide all later
        ones."""
        assert self._descriptor is not None and self._number is not None
        try:
            written = os.write(self._descriptor, framed)
            if written < len(framed):
                os.ftruncate(self._descriptor, self._bytes)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise_disk_error(error, self._path(self._number))
        self._bytes += len(framed)

    def close_period(self, number: int, *, tip: bytes, link: bytes) -> None:
        """Close a period: write its summary, and make room. Nothing happens for one that is closed
        already."""
        if number in self._closed():
            return
        if number != self._number:
            self._open(number)
        if self._descriptor is not None:
            os.fsync(self._descriptor)
        summary = Period(
            number=number,
            records=len(self._leaves),
            left_out=self._left_out,
            root=merkle.root(self._leaves),
            before=self.root,
            tip=tip,
            link=link,
        )
        write_atomic(self._summary_path(number), msgspec.json.encode(summary))
        self._shut()
        self._make_room()

    def close(self) -> None:
        """Let go of the open file."""
        self._shut()

    def periods(self) -> list[Period]:
        """The summaries of all closed periods that are kept, oldest first."""
        return [self.summary(number) for number in sorted(self._closed())]

    def summary(self, number: int) -> Period:
        """The summary of one closed period; UserError if it is gone or damaged."""
        path = self._summary_path(number)
        stored = read_limited(path, _SUMMARY_BYTES_MAX)
        if stored is None:
            raise UserError(f"There is no closed period {number}.", "See `assay receipt list`.")
        try:
            return msgspec.json.decode(stored, type=Period)
        except msgspec.MsgspecError as error:
            raise UserError(
                f"{path} cannot be read: {error}.", "Restore the file from a copy."
            ) from error

    def records(self, number: int) -> list[bytes]:
        """The whole records of a period as they were written, in their order."""
        return [entry.record for entry in self.entries(number) if entry.record is not None]

    def entries(self, number: int) -> list[LogEntry]:
        """All records of a period in their order, also those of which only the hash was kept."""
        try:
            with self._path(number).open("rb") as file:
                return [entry for entry, _ in _read(file.read(_FILE_BYTES_MAX))]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise_disk_error(error, self._path(number))

    def open_periods(self) -> list[int]:
        """The periods that have records and no summary yet, oldest first."""
        closed = self._closed()
        return sorted(n for n in self._numbers("*.log") if n not in closed)

    def _open(self, number: int) -> None:
        self._shut()
        path = self._path(number)
        try:
            data = path.read_bytes() if path.exists() else b""
            whole = list(_read(data))
            used = whole[-1][1] if whole else 0
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            if used < len(data):
                logger.warning(
                    "{} ended in the middle of a record; its last {} bytes are cut off.",
                    path,
                    len(data) - used,
                )
                os.ftruncate(descriptor, used)
        except OSError as error:
            raise_disk_error(error, path)
        self._number, self._descriptor, self._bytes = number, descriptor, used
        self._leaves = [entry.leaf for entry, _ in whole]
        for entry, _ in whole:
            if entry.record is not None:
                target = msgspec.msgpack.decode(entry.record, type=ReceiptRecord).target
                self._kept[target] = self._kept.get(target, 0) + len(entry.record)
                self._whole += len(entry.record)

    def _shut(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._number, self._descriptor, self._bytes = None, None, 0
        self._leaves, self._kept, self._whole, self._left_out = [], {}, 0, 0

    def _make_room(self) -> None:
        """Remove the oldest closed periods until the log fits. A proof needs its own period and the
        later ones, so what is kept can still be proved."""
        closed = sorted(self._closed())
        sizes = {n: self._path(n).stat().st_size for n in closed if self._path(n).exists()}
        used = sum(sizes.values())
        for number in closed[:-1]:
            if used <= LOG_BYTES_MAX and len(closed) <= PERIODS_MAX:
                return
            self._path(number).unlink(missing_ok=True)
            self._summary_path(number).unlink()
            used -= sizes.get(number, 0)
            closed.remove(number)

    def _closed(self) -> set[int]:
        return self._numbers("*.json")

    def _numbers(self, pattern: str) -> set[int]:
        return {int(p.stem) for p in self._folder.glob(pattern) if p.stem.isdecimal()}

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08}.log"

    def _summary_path(self, number: int) -> Path:
        return self._folder / f"{number:08}.json"


_FILE_BYTES_MAX: Final = PERIOD_BYTES_MAX + LEAVES_BYTES_MAX + 2**20
"""Both kinds of records with their lengths; a longer file is read up to there."""


def _framed(payload: bytes, flag: int = 0) -> bytes:
    size = (len(payload) | flag).to_bytes(4, "little")
    return size + zlib.crc32(payload).to_bytes(4, "little") + payload


def _read(data: bytes) -> Iterator[tuple[LogEntry, int]]:
    """The whole entries at the beginning of ``data``, each with where it ends."""
    at = 0
    while at + _HEAD_BYTES <= len(data):
        told = int.from_bytes(data[at : at + 4], "little")
        size = told & ~_LEAF_ONLY
        payload = data[at + _HEAD_BYTES : at + _HEAD_BYTES + size]
        checksum = int.from_bytes(data[at + 4 : at + _HEAD_BYTES], "little")
        if len(payload) < size or size > RECORD_BYTES_MAX or zlib.crc32(payload) != checksum:
            return
        at += _HEAD_BYTES + size
        leaf_only = bool(told & _LEAF_ONLY)
        yield LogEntry(payload, None) if leaf_only else LogEntry(merkle.leaf(payload), payload), at


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One record with all that leads from it to the running hash on chain: an exported receipt."""

    version: int = 1
    genesis: str
    netuid: int
    validator: Ss58
    record: bytes
    index: int
    siblings: Sequence[bytes]
    period: Period
    later: Sequence[bytes] = ()
    """The digests of the periods after this one, up to the one that the chain shows."""

    def running(self) -> bytes:
        """The running hash that this proof leads to; ValueError if its parts do not fit."""
        leaf = merkle.leaf(self.record)
        root = merkle.root_of_path(leaf, self.index, self.period.records, self.siblings)
        if root != self.period.root:
            raise ValueError("the record is not among those of its period")
        digest = self.period.running
        for later in self.later:
            digest = running(digest, later)
        return digest


def prove(
    receipts: Receipts, number: int, index: int, *, genesis: str, netuid: int, validator: Ss58
) -> Proof:
    """The proof of one record of a closed period. ValueError if there is no such record."""
    summary = receipts.summary(number)
    entries = receipts.entries(number)
    if not 0 <= index < len(entries):
        raise ValueError(f"period {number} keeps {len(entries)} records, and {index} is none")
    record = entries[index].record
    if record is None:
        raise ValueError(f"of record {index} only the hash was kept: its miner's share was full")
    leaves = [entry.leaf for entry in entries]
    later = [period.digest for period in receipts.periods() if period.number > number]
    return Proof(
        genesis=genesis,
        netuid=netuid,
        validator=validator,
        record=record,
        index=index,
        siblings=merkle.path(leaves, index),
        period=summary,
        later=later,
    )
