"""What a state folder remembers of its run, so that `assay up` takes it up where it was left.

Adds to the folder one small file, replaced atomically: the cast that the run was drawn with, the
subnet it made, and the stakes that rewards are counted from. A run with another cast is refused in
that folder rather than mixed into it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import msgspec

from subnet.cli.up.plan import Plan
from subnet.errors import UserError
from subnet.files import read_limited, write_atomic
from subnet.types import AlphaRao, NetUid

VERSION: Final = 1
_SIZE_BYTES_MAX: Final = 1 << 20  # a few hundred members; anything longer is not ours
_FRESH: Final = ("chain", "neurons", "logs", "cache")
"""What ``--fresh`` removes. Wallets stay: a person may have put keys of their own there."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int = VERSION
    seed: int
    cast: list[list[str]]
    """Name, role and behaviour of each member."""
    task: str
    task_options: list[str]
    netuid: NetUid | None = None
    baseline: dict[str, AlphaRao] = {}


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
        same = ("version", "seed", "cast", "task", "task_options")
        if stored is None or any(getattr(stored, k) != getattr(wanted, k) for k in same):
            raise UserError(
                f"{self._folder} holds a run with other options.",
                "Give --fresh to start over there, or another --state-dir.",
            )
        return stored

    def save(self, record: Record) -> None:
        """Remember; durable when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path, msgspec.json.encode(record))

    def clear(self) -> None:
        """Forget the run: its chain, its neurons' states, its logs and caches; not its wallets."""
        self._path.unlink(missing_ok=True)
        for name in _FRESH:
            shutil.rmtree(self._folder / name, ignore_errors=True)
