"""What `assay up` runs by one word: a preset fixes the task, its options, and what is made first.

A preset gives other defaults to the command's options; words that a person gives go before them. It
may also name a command of ours that makes files in the state folder once, before the neurons start:
the command's words come from here, and ``prepare`` runs it. A preset is called like its task, so
that ``assay.needs`` can tell which environment it needs.

What a preset's task does, and how the neurons are started, is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from assay.aio import bounded
from assay.chain.interface import Chain
from assay.child import NICENESS
from assay.cli.up.plan import MemberRole
from assay.clock import Clock
from assay.errors import AssayError, Unavailable, UserError

RUN_FOLDER: Final = "run"
"""Under the state folder: the run that the preset ``training`` makes."""
JOIN_BLOCKS: Final = 80
"""From the making of a run to its first window: 20 s of a local chain, in which uids are bought and
neurons load torch. Whoever is later misses a window."""


PREPARE_PATIENCE_S: Final = 600.0
"""In which a preset's files are made: the run of ``training`` takes ten seconds, and an hour would
mean that its command hangs."""
SMALL_JOIN_BLOCKS: Final = 160
"""The same for the small run beside another one, whose neurons load torch while others compute."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset."""

    name: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Of the options of `assay up`, by their parameters' names, instead of the command's own."""
    folder: str | None = None
    """What is made once, under the state folder; None where nothing is."""
    written_last: str = ""
    """The file in it that is there once it is whole."""
    making: Callable[[Path, int], Sequence[str]] | None = None
    """The words of the command that makes ``folder`` at a block of the chain."""
    setting: str = ""
    """The setting of the task by which the neurons are told of ``folder``."""

    @property
    def task(self) -> str:
        """The preset's task."""
        return self.name

    def shown(self, task_dir: Path) -> str:
        """What the miner with the task folder ``task_dir`` shows of itself, in a few words."""
        return ""

    def settings(self, state_dir: Path) -> dict[str, str]:
        """The task's settings that follow from where ``folder`` is."""
        if self.folder is None:
            return {}
        return {self.setting: str((state_dir / self.folder).absolute())}


def _make_run(folder: Path, block: int) -> Sequence[str]:
    return (
        *("train", "new", str(folder), "--name", "local", "--size", "0.2M"),
        *("--source", "stdlib", "--megabytes", "2", "--steps", "15", "--batch", "4"),
        *("--warmup", "15", "--start-block", str(block + JOIN_BLOCKS), "--windows", "10000"),
        *("--train-blocks", "28", "--upload-blocks", "8", "--reveal-blocks", "6"),
        *("--attest-blocks", "6", "--evaluate-blocks", "1", "--advance-blocks", "1", "--json"),
    )


@dataclass(frozen=True, slots=True)
class ServedModel(Preset):
    """A model that miners serve and clients ask, which needs nothing before."""

    name: str = "inference"


@dataclass(frozen=True, slots=True)
class TrainedModel(Preset):
    """A run of a small model. A window takes 50 blocks, 12 s of a local chain. A miner computes in
    it for 0.7 s, and so does whoever audits the miner; at the beginning every validator audits
    all of them, 8 s for two cores that also run everything else."""

    name: str = "training"
    defaults: Mapping[str, Any] = field(default_factory=lambda: {"cheat": "skip-10"})
    folder: str | None = RUN_FOLDER
    written_last: str = "manifest"
    making: Callable[[Path, int], Sequence[str]] | None = _make_run
    setting: str = "run"

    def shown(self, task_dir: Path) -> str:
        from assay.training.shown import read_shown

        found = read_shown(task_dir)
        return "" if found is None else str(found)


def _make_small_run(folder: Path, block: int) -> Sequence[str]:
    return (
        *("train", "new", str(folder), "--name", "small", "--size", "0.2M"),
        *("--source", "stdlib", "--megabytes", "2", "--steps", "8", "--batch", "4"),
        *("--warmup", "15", "--start-block", str(block + SMALL_JOIN_BLOCKS), "--windows", "10000"),
        *("--train-blocks", "72", "--upload-blocks", "10", "--reveal-blocks", "8"),
        *("--attest-blocks", "8", "--evaluate-blocks", "1", "--advance-blocks", "1", "--json"),
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """A small subnet that runs beside a run's own, once that one has paid its first reward. Every
    process of it gives way to those of the run's own."""

    preset: Preset
    names: Mapping[MemberRole, str]
    """What its members are called: a run's own members have the plain names."""
    validators: int = 1
    miners: int = 1
    niceness: int = 15
    """Against a process of niceness 0 that has something to do, it gets a thirtieth of a core."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of its task, beside those that follow from where its folder is."""


BESIDE: Final[Mapping[str, Beside]] = {
    ServedModel().task: Beside(
        TrainedModel(defaults={}, making=_make_small_run),
        {MemberRole.VALIDATOR: "auditor", MemberRole.MINER: "trainer"},
        settings={"auditor": False, "audit_share": 0.5},
    )
}
"""By the task of the run's own subnet: what runs beside it. A process that trains takes 450 MB: so
there is one miner, and the validator audits in the process that it folds in. It is alone, so it
audits as often as two would together."""

PRESETS: Final = {each.name: each for each in (ServedModel(), TrainedModel())}
DEFAULT: Final = ServedModel().name


def _choose(context: click.Context, param: click.Parameter, name: str | None) -> str | None:
    """Let the preset's defaults stand in for the command's own."""
    if name is not None:
        preset = PRESETS[name]
        # A setting's parameter: what may be required of a task is given by its preset.
        own = {f"task__{preset.setting}": f"STATE_DIR/{preset.folder}"} if preset.folder else {}
        context.default_map = {"task": preset.task, **preset.defaults, **own}
    return name


preset_option: Final = click.option(
    "--preset", type=click.Choice(list(PRESETS)), is_eager=True, callback=_choose,
    metavar="NAME", show_default=DEFAULT,
    help=f"What is run, with its options and what it needs: {' or '.join(PRESETS)}.",
)  # fmt: skip


def chosen_preset(name: str | None, task: str) -> Preset | None:
    """The preset that a run follows, whose ``task`` is known; None for a task that has none.
    UserError for a preset whose task is another one."""
    if name is not None and PRESETS[name].task != task:
        raise UserError(
            f"The preset {name} runs the task {PRESETS[name].task}, not {task}.",
            "Leave out --task, or --preset.",
        )
    return PRESETS.get(task)


async def prepare(preset: Preset, state_dir: Path, block: int, *, niceness: int = 0) -> None:
    """Make the folder of ``preset`` under ``state_dir`` unless it is there, as the chain is at
    ``block``; UserError if it cannot be made.

    The command runs in a process of its own, since it may load what takes seconds and gigabytes;
    ``niceness`` is how far that one gives way to others.
    """
    if preset.folder is None or preset.making is None:
        return
    folder = (state_dir / preset.folder).absolute()
    if not (folder / preset.written_last).exists():
        await _ended(preset.making(folder, block), niceness)


async def prepare_in_time(
    preset: Preset, state_dir: Path, chain: Chain, clock: Clock, *, niceness: int = 0
) -> None:
    """As ``prepare``, at the newest block of ``chain``; Unavailable if it takes too long."""
    making = prepare(preset, state_dir, (await chain.head()).number, niceness=niceness)
    try:
        await bounded(clock, PREPARE_PATIENCE_S, making)
    except TimeoutError:
        raise Unavailable(
            f"The files of the preset {preset.name} were not made within {PREPARE_PATIENCE_S:g} s.",
            "Start again on a machine that is less busy.",
        ) from None


async def _ended(words: Sequence[str], niceness: int) -> None:
    """Run a command of ours to its end; the error that it ended with, if it did."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "assay.cli.main", *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # the same is told on stdout
        start_new_session=True,  # Ctrl-C in the terminal is ours to pass on
        env={**os.environ, NICENESS: str(niceness)},
    )  # fmt: skip
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        raise _failed(words, told)


def _failed(words: Sequence[str], told: bytes) -> AssayError:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        error = json.loads(told)["error"]
        return UserError(str(error["cause"]), str(error["cure"]))
    command = f"assay {' '.join(words[:2])}"
    return AssayError(f"{command} ended without a word.", f"Run {command} by hand to see why.")
