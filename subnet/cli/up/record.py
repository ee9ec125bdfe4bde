"""What a state folder remembers of its run, so that `assay up` takes it up where it was left.

Adds to the folder one small file, replaced atomically: the cast that the run was drawn with, the
subnet it made, and the stakes that rewards are counted from. A run with another cast is refused in
that folder rather than mixed into it. One run at a time has the folder: a lock beside the record
says so. What ``--fresh`` removes is looked at first, because a state folder may be any folder: only
what a run leaves behind goes, and only while nothing that still runs uses it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.cli.up.plan import HONEST, Plan
from assay.errors import Unavailable, UserError
from assay.files import InUse, LockFile, held, raise_disk_error, read_limited, write_atomic
from assay.types import AlphaRao, NetUid

VERSION: Final = 1
_SIZE_BYTES_MAX: Final = 1 << 20  # a few hundred members; anything longer is not ours
_FRESH: Final = {
    "chain": re.compile(r"chain\.(lock|head|sqlite(-wal|-shm|-journal)?)"),
    # By the chain's genesis; an older version named them by wallet, hotkey and netuid.
    "neurons": re.compile(r"[0-9a-f]{8}|[^.].*\.[^.]+\.\d+"),
    "logs": re.compile(r"(chain|owner|(validator|miner)-\d+)\.(log|outcome\.json)"),
    "cache": re.compile(r"sdk"),
}
"""What ``--fresh`` removes, and what each of these folders holds if it is a run's. Wallets stay: a
person may have put keys of their own there."""
_MUST_AGREE: Final = {
    "version": "version of this program",
    "task": "--task",
    "task_options": "choice of the task's options",
    "seed": "--seed",
    "cast": "cast (--validators, --miners, --cheat or --slow)",
}
"""What a run is taken up with must be what it was begun with; how a person is told."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int = VERSION
    seed: int
    cast: list[list[str]]
    """Name, role and behaviour of each member."""
    task: str
    task_options: list[str]
    netuid: NetUid | None = None
    baseline: dict[str, AlphaRao] = {}


def _change(stored: Record, wanted: Record, field: str) -> str:
    """What was, and what is asked for now."""
    was, asked = (_shown(getattr(record, field)) for record in (stored, wanted))
    return f" ({was}, and now {asked})" if was != asked else ""


def _shown(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    if not (value and isinstance(value[0], list)):
        return " ".join(value) or "none"
    # A cast: how many there are of each role, and who is not honest.
    kinds = Counter(role if how == HONEST else how for _, role, how in value)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


class RecordFile:
    """The record in one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir
        self._path = state_dir / "up.json"

    def open(self, plan: Plan) -> Record:
        """The folder's record, or a new one; UserError if it was drawn with another cast."""
        wanted = Record(
            seed=plan.seed,
            cast=[[m.name, m.role.value, m.behaviour] for m in plan.members],
            task=plan.task,
            task_options=list(plan.task_options),
        )
        data = read_limited(self._path, _SIZE_BYTES_MAX)
        if data is None:
            return wanted
        try:
            stored = msgspec.json.decode(data, type=Record)
        except msgspec.MsgspecError:
            stored = None
        if stored is None:
            raise self._other("that cannot be read")
        for field, named in _MUST_AGREE.items():
            if getattr(stored, field) != getattr(wanted, field):
                raise self._other(f"with another {named}{_change(stored, wanted, field)}")
        return stored

    def _other(self, how: str) -> UserError:
        return UserError(
            f"{self._folder.absolute()} holds a run {how}.",
            "Give --fresh to start over there, or another --state-dir.",
        )

    def save(self, record: Record) -> None:
        """Remember; durable when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path, msgspec.json.encode(record))

    def check_there(self) -> None:
        """Unavailable if somebody removed the folder, or the record in it, under a run."""
        if not self._path.is_file():
            raise Unavailable(
                f"{self._folder.absolute()} was removed while the run used it.",
                "Give --fresh to start over there.",
            )

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Have the folder, which is made if need be, for oneself. Unavailable if a run has it."""
        return held(
            self._folder / "up.lock",
            lambda holder: Unavailable(
                f"Another `assay up` (process {holder}) runs in {self._folder}.",
                "Stop it, or give another --state-dir.",
            ),
        )

    def clear(self) -> None:
        """Forget the run: its chain, its neurons' states, its logs and caches; not its wallets.

        UserError, and nothing is removed, if one of these folders is not a run's or is in use.
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
        """The folder if it is there, is a run's, and was locked against whoever might use it."""
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
