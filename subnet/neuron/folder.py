"""Where a neuron keeps its files: the one module that knows their names.

A neuron's folder is named by the chain's genesis, the subnet and the hotkey, because what a neuron
remembers holds for these three together: averages of one chain say nothing on another. The folder
holds a mark with the same three in full, and a folder with another mark is refused.

    <state>/neurons/<genesis, 8 digits>/<netuid>/<hotkey>/
        neuron.json       the mark
        neuron.lock       held by the running process
        checkpoint.json   a validator's memory
        seeds.json        a validator's secret and hash chain
        nonces            the highest nonce that an axon accepted
        receipts/         what was answered, and the signatures
        objects/          files that a task keeps and serves by their hash
        workers/          the logs of a task's child processes
        answers/          a gateway's receipts for its clients
        usage.json        what a gateway's clients used today
        task/             the task's own

This module does not know what stands in the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from assay.errors import UserError
from assay.files import read_limited, write_atomic
from assay.types import NetUid, Ss58

NEURONS: Final = "neurons"
CHECKPOINT: Final = "checkpoint.json"
_MARK: Final = "neuron.json"
_MARK_BYTES_MAX: Final = 4096
_GENESIS_DIGITS: Final = 8
"""Enough to tell a person's chains apart; the mark holds all 64."""


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose folder this is."""

    genesis: str
    netuid: NetUid
    hotkey: Ss58


@dataclass(frozen=True, slots=True)
class NeuronFolder:
    """The folder of one hotkey on one subnet of one chain."""

    path: Path

    @classmethod
    def of(cls, state_dir: Path, genesis: str, netuid: int, hotkey: Ss58) -> NeuronFolder:
        """Where it is; nothing is made or looked at. ``genesis`` is ``0x`` and 64 hex digits."""
        digits = genesis.removeprefix("0x")[:_GENESIS_DIGITS]
        return cls(state_dir / NEURONS / digits / str(netuid) / hotkey)

    @property
    def lock(self) -> Path:
        return self.path / "neuron.lock"

    @property
    def checkpoint(self) -> Path:
        return self.path / CHECKPOINT

    @property
    def seeds(self) -> Path:
        return self.path / "seeds.json"

    @property
    def nonces(self) -> Path:
        return self.path / "nonces"

    @property
    def receipts(self) -> Path:
        return self.path / "receipts"

    @property
    def objects(self) -> Path:
        return self.path / "objects"

    @property
    def workers(self) -> Path:
        return self.path / "workers"

    @property
    def client_receipts(self) -> Path:
        return self.path / "answers"

    @property
    def client_usage(self) -> Path:
        return self.path / "usage.json"

    @property
    def task(self) -> Path:
        return self.path / "task"

    def claim(self, genesis: str, netuid: int, hotkey: Ss58) -> None:
        """Make the folder if there is none, and make sure that it is this neuron's.

        UserError, and nothing touched, for a folder whose mark names another chain, subnet or
        hotkey.
        """
        mine = Mark(genesis=genesis, netuid=NetUid(netuid), hotkey=hotkey)
        mark = self.path / _MARK
        stored = read_limited(mark, _MARK_BYTES_MAX)
        if stored is None:
            self.task.mkdir(parents=True, exist_ok=True)
            write_atomic(mark, msgspec.json.encode(mine))
            return
        theirs = read_mark(self.path)
        if theirs != mine:
            raise UserError(
                f"{self.path} belongs to hotkey {theirs.hotkey} on subnet {theirs.netuid} of the "
                f"chain {theirs.genesis}, not to {hotkey} on subnet {netuid} of {genesis}.",
                "Give this neuron a state folder of its own with --state-dir.",
            )
        self.task.mkdir(exist_ok=True)

    def take_over(self, old: Path) -> None:
        """Take what an older Assay kept in the folder ``old``, once, if there is no new folder yet.

        Nonces and the task's own files go on: they hold on any chain. Averages do not, because the
        old layout did not say which chain they are of; they are kept beside as ``*.old``.
        """
        if self.path.exists() or not old.is_dir():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(old, self.path)
        self.task.mkdir(exist_ok=True)
        for entry in list(self.path.iterdir()):
            if entry == self.checkpoint:
                entry.rename(entry.with_suffix(".json.old"))
            elif entry not in (self.lock, self.nonces, self.task):
                entry.rename(self.task / entry.name)
        logger.warning(
            "The neuron's folder {} is {} from now on. Its averages were of an unnamed chain and "
            "are not used; they stand in {}.json.old.",
            old,
            self.path,
            CHECKPOINT.removesuffix(".json"),
        )


def read_mark(folder: Path) -> Mark:
    """Whose the neuron's folder ``folder`` is; UserError if it is none."""
    stored = read_limited(folder / _MARK, _MARK_BYTES_MAX)
    try:
        if stored is None:
            raise UserError(f"{folder} is not a neuron's folder.", "See `assay receipt list`.")
        return msgspec.json.decode(stored, type=Mark)
    except msgspec.MsgspecError as error:
        raise UserError(
            f"{folder / _MARK} cannot be read: {error}.", "Restore the file from a copy."
        ) from error


def old_folder(state_dir: Path, wallet: str, hotkey: str, netuid: int) -> Path:
    """Where Assay kept a neuron's files before folders were bound to a chain."""
    return state_dir / NEURONS / f"{wallet}.{hotkey}.{netuid}"


def checkpoints(state_dir: Path, genesis: str, netuid: int) -> Iterator[Path]:
    """The checkpoints of all validators of one subnet under a state folder, sorted by hotkey."""
    digits = genesis.removeprefix("0x")[:_GENESIS_DIGITS]
    yield from sorted((state_dir / NEURONS / digits / str(netuid)).glob(f"*/{CHECKPOINT}"))
