"""What a state folder remembers of its run, so that `assay up` can take the run up again.

``RecordFile`` keeps one small file in the folder, replaced atomically: the cast that the run was
drawn with, the subnet that it made, and what its epochs paid. A run with
another cast is refused in that folder. One run at a time has the folder, by a lock beside the file.

A state folder may be any folder of a person's. So ``clear`` removes only what a run leaves behind,
and only while no process uses it; it looks at all of that before it removes any of it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.cli.up.plan import HONEST, Plan
from assay.cli.up.presets import BESIDE, RUN_FOLDER
from assay.errors import Unavailable, UserError
from assay.files import InUse, LockFile, held, raise_disk_error, read_limited, write_atomic
from assay.types import AlphaRao, NetUid

VERSION: Final = 2
OWN: Final = "its own"
ELSEWHERE: Final = "somebody else's"
"""Whose chain a run is on, as a person is told."""
_SIZE_BYTES_MAX: Final = 1 << 20
"""A few hundred members; a file that is longer was not written here."""
_FRESH: Final = {
    "chain": re.compile(r"chain\.(lock|head|sqlite(-wal|-shm|-journal)?)"),
    # By the chain's genesis; an older version named them by wallet, hotkey and netuid.
    "neurons": re.compile(r"[0-9a-f]{8}|[^.].*\.[^.]+\.\d+"),
    "logs": re.compile(
        r"(chain|owner|gateway|(validator|miner|auditor|trainer)-\d+)\."
        r"(log(\.\d)?|outcome\.json|ready|slips\.jsonl)"
    ),
    "cache": re.compile(r"sdk"),
    "onlooker": re.compile(r"neurons"),
    RUN_FOLDER: re.compile(r"manifest|model|corpus|\..*\.tmp"),
}
"""The folders that ``--fresh`` removes, and what the entries of each are called if a run made them.
Wallets stay: a person may have put keys of their own there."""
_MUST_AGREE: Final = {
    "version": "version of this program",
    "task": "--task",
    "task_options": "choice of the task's options",
    "seed": "--seed",
    "whose_chain": "chain (--chain)",
    "cast": "cast (--validators, --miners, --cheat or --slow)",
}
"""What must be the same when a run is taken up again, and what a person calls it."""


class BesideRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered of the subnet beside a run's own."""

    netuid: NetUid
    paid: dict[str, AlphaRao] = {}
    paid_epoch: int | None = None


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered of a run."""

    version: int = VERSION
    seed: int
    cast: list[list[str]]
    """Name, role and behaviour of each member."""
    task: str
    task_options: list[str]
    chain_port: int | None = None
    """Where the run's chain listens, or listened last."""
    whose_chain: str = OWN
    """``OWN`` or ``ELSEWHERE``."""
    chain: str | None = None
    """The address of a chain elsewhere."""
    genesis: str | None = None
    """Of a chain elsewhere; None until it was met."""
    netuid: NetUid | None = None
    """The subnet; None until it was made."""
    paid: dict[str, AlphaRao] = {}
    paid_epoch: int | None = None
    """See ``earned.Earned``: what was paid, by hotkey, and the last epoch that was counted."""
    beside: BesideRecord | None = None
    """The subnet that runs beside the run's own; None until it was made, or where there is none."""


class RecordFile:
    """The record in one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir
        self._path = state_dir / "up.json"
        self._lock = state_dir / "up.lock"

    def open(self, plan: Plan) -> RunRecord:
        """The folder's record, or a new one for ``plan``; UserError if the folder's was drawn with
        another cast, task or seed."""
        wanted = RunRecord(
            seed=plan.seed,
            cast=[[m.name, m.role.value, m.behaviour] for m in plan.members],
            task=_storable(plan.task),
            task_options=[_storable(word) for word in plan.task_options],
            chain_port=plan.chain_port,
            whose_chain=OWN if plan.chain_url is None else ELSEWHERE,
            chain=plan.chain_url,
        )
        data = read_limited(self._path, _SIZE_BYTES_MAX)
        if data is None:
            return wanted
        try:
            stored = msgspec.json.decode(data, type=RunRecord)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            stored = None
        if stored is None:
            raise self._other("that cannot be read")
        for field, named in _MUST_AGREE.items():
            if getattr(stored, field) != getattr(wanted, field):
                raise self._other(f"with another {named}{_difference(stored, wanted, field)}")
        return msgspec.structs.replace(stored, chain_port=plan.chain_port, chain=plan.chain_url)

    def endpoint(self) -> str | None:
        """The address of the chain of the folder's run; None where no run tells."""
        stored = self._stored()
        if stored is None or stored.chain is not None:
            return None if stored is None else stored.chain
        return None if stored.chain_port is None else f"ws://127.0.0.1:{stored.chain_port}"

    def netuid_of(self, task: str) -> NetUid | None:
        """The subnet of the folder's run that does ``task``, its own or the one beside it; None
        where there is none."""
        stored = self._stored()
        if stored is None or stored.task == task:
            return None if stored is None else stored.netuid
        beside = BESIDE.get(stored.task)
        if beside is None or beside.preset.task != task or stored.beside is None:
            return None
        return stored.beside.netuid

    def _stored(self) -> RunRecord | None:
        """What stands in the file; None if there is none that can be read."""
        with contextlib.suppress(UserError, msgspec.MsgspecError, UnicodeDecodeError):
            data = read_limited(self._path, _SIZE_BYTES_MAX)
            if data is not None:
                return msgspec.json.decode(data, type=RunRecord)
        return None

    def _other(self, how: str) -> UserError:
        return UserError(
            f"{self._folder.absolute()} holds a run {how}.",
            "Give --fresh to start over there, or another --state-dir.",
        )

    def save(self, record: RunRecord) -> None:
        """Write ``record`` down; durable when this returns. The folder is there since ``held``: one
        that somebody has removed since is not made again, because the rest of it is gone."""
        write_atomic(self._path, msgspec.json.encode(record))

    def check_there(self) -> None:
        """Unavailable if somebody removed the folder, or what lay in it, under the run that has it
        ``held``. The record may be there all the same: written while the rest was being removed."""
        if not (self._path.is_file() and self._lock.is_file()):
            raise Unavailable(
                f"{self._folder.absolute()} was removed while the run used it.",
                "Give --fresh to start over there.",
            )

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Lock the folder while the block runs; it is made if there is none. Unavailable if another
        run has it."""
        return held(
            self._lock,
            lambda holder: Unavailable(
                f"Another `assay up` (process {holder}) runs in {self._folder}.",
                "Stop it, or give another --state-dir.",
            ),
        )

    def clear(self) -> None:
        """Remove the run's chain, its neurons' folders, logs and caches, and the record.

        The wallets stay. UserError, and nothing is removed, if one of these is not a run's or is in
        use.
        """
        try:
            with contextlib.ExitStack() as locks:
                doomed = [path for name in _FRESH if (path := self._checked(name, locks))]
                for path in doomed:
                    shutil.rmtree(path)
                self._path.unlink(missing_ok=True)  # last: until then --fresh can be repeated
        except OSError as error:
            raise_disk_error(error, Path(error.filename or self._folder))

    def _checked(self, name: str, locks: contextlib.ExitStack) -> Path | None:
        """The folder ``name``, once it is known to be a run's and is locked against every process
        that may use it; None if there is none."""
        folder = self._folder / name
        if folder.is_symlink() or not folder.is_dir():
            if folder.is_symlink() or folder.exists():
                raise UserError(
                    f"{folder} is not a folder, so no run made it.",
                    "Move it away, or give another --state-dir.",
                )
            return None
        for entry in folder.iterdir():
            if not _FRESH[name].fullmatch(entry.name):
                raise UserError(
                    f"{entry} was not made by a run, so --fresh does not remove {folder}.",
                    "Move it away, or give another --state-dir.",
                )
        for path in folder.rglob("*.lock"):
            try:
                locks.callback(LockFile(path).close)
            except InUse as error:
                raise Unavailable(
                    f"Process {error.holder} uses {path.parent}.",
                    "Stop it before its folder is removed, or give another --state-dir.",
                ) from None
        return folder


def _storable(text: str) -> str:
    """``text`` as JSON can hold it: a path need not be UTF-8."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def _difference(stored: RunRecord, wanted: RunRecord, field: str) -> str:
    """What ``field`` was and what it is asked to be, in brackets; empty if both look alike."""
    was, asked = (_shown(getattr(record, field)) for record in (stored, wanted))
    return f" ({was}, and now {asked})" if was != asked else ""


def _shown(value: Any) -> str:
    """A field's value as a person would say it."""
    if not isinstance(value, list):
        return str(value)
    if not (value and isinstance(value[0], list)):
        return " ".join(value) or "none"
    # A cast: how many there are of each role, and who is not honest.
    kinds = Counter(role if how == HONEST else how for _, role, how in value)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())
