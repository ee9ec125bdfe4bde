"""A run's files from neuron to neuron: a newcomer needs the run's root alone.

``RunSource`` says which objects hold the files of a run folder; the objects are made when somebody
first asks. ``fetch_run`` brings a run here: who has it is asked of everybody, the files come as
objects, and the folder is opened as any other, so that every part is checked by the hashes that the
root leads to. What a neuron claims is believed no further than that.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from loguru import logger

from assay.errors import Unavailable, UserError
from assay.neuron.peers import Peers, Question, Target
from assay.neuron.record import Role
from assay.objects import Objects, Root
from assay.protocol.training.asking import SOURCE, RunFile, RunFiles, WhichFiles
from assay.training.exchange import FOREVER, Exchange
from assay.training.run_folder import MANIFEST, RunFolder
from assay.types import Ss58
from assay.wire.interface import Method, Peer

ASK_S: Final = 600.0
"""Whoever is asked first puts a model and a corpus of gigabytes into its store."""
RUN_BYTES_MAX: Final = 2**37
"""Of all files of a run together, 128 GiB: a model of 30 thousand million numbers and its corpus.
What a stranger lists is refused beyond it before a byte has come."""
ASKED_AT_ONCE: Final = 4
"""Neurons that are asked to share a run: each that was not asked before copies its files into its
store, and four of them fill a newcomer's line."""
_METHOD: Final = Method(SOURCE, WhichFiles, RunFiles)


class RunSource:
    """Shares the run in a folder."""

    def __init__(self, run: RunFolder, exchange: Exchange) -> None:
        self._run, self._exchange = run, exchange
        self._files: RunFiles | None = None
        self._putting = asyncio.Lock()

    async def which(self, request: WhichFiles) -> RunFiles:
        """Return which objects hold the files of the run that somebody asks for: a task serves this
        as the method ``SOURCE``."""
        if request.run != self._run.root:
            return RunFiles(files=())
        async with self._putting:
            if self._files is None:
                self._files = RunFiles(files=tuple([await self._put(p) for p in self._run.files]))
            return self._files

    async def _put(self, path: Path) -> RunFile:
        root = await self._exchange.put(path, FOREVER)
        name = path.relative_to(self._run.path).as_posix()
        return RunFile(name, root, await asyncio.to_thread(os.path.getsize, path))


async def fetch_run(
    root: bytes, objects: Objects, peers: Peers, into: Path, rng: random.Random
) -> RunFolder:
    """Return the run with this ``root`` in the folder ``into``, which is filled from other neurons
    unless the run lies there already. Unavailable if nobody shares it, or what is shared is not the
    run; what came is kept for another try. ``rng`` says in which order neurons are asked."""
    if (into / MANIFEST).exists():
        return await asyncio.to_thread(RunFolder.open, into, root)
    targets = [*peers.of_role(Role.MINER), *peers.of_role(Role.VALIDATOR)]
    rng.shuffle(targets)
    for first in range(0, len(targets), ASKED_AT_ONCE):
        some = targets[first : first + ASKED_AT_ONCE]
        for files, holders in (await _who_shares(root, peers, some)).items():
            found = [peer for each in holders if (peer := peers.find_peer(each)) is not None]
            try:
                await _fetch(root, files, found, objects, into)
                return await asyncio.to_thread(RunFolder.open, into, root)
            except UserError as error:
                logger.warning("The run {} did not come: {}", root.hex()[:16], error.cause)
                (into / MANIFEST).unlink(missing_ok=True)
    raise Unavailable(
        f"Nobody on the subnet hands over the run {root.hex()}.",
        "Check the root, or give a folder that holds the run.",
    )


async def _who_shares(
    root: bytes, peers: Peers, targets: Sequence[Target]
) -> dict[tuple[RunFile, ...], list[Ss58]]:
    """Return what files ``targets`` say the run has, each list with those who say so."""
    answers = await peers.fan_out(
        [Question(target, _METHOD, WhichFiles(run=root)) for target in targets], deadline_s=ASK_S
    )
    said: dict[tuple[RunFile, ...], list[Ss58]] = {}
    for answer in answers:
        if answer.reply is not None and answer.reply.files:
            said.setdefault(answer.reply.files, []).append(answer.target.hotkey)
    return said


async def _fetch(
    root: bytes, files: Sequence[RunFile], holders: list[Peer], objects: Objects, into: Path
) -> None:
    """Write ``files`` into the folder ``into``, the manifest last; Unavailable for a list that
    is not of this run, or too large."""
    by_name = {file.name: file for file in files}
    manifest = by_name.pop(MANIFEST, None)
    if manifest is None or manifest.root != root or len(by_name) != len(files) - 1:
        raise Unavailable("Its list of files has no manifest of this run.", "Ask another neuron.")
    if sum(file.size_bytes for file in files) > RUN_BYTES_MAX:
        raise Unavailable("Its files are too large together.", "Ask another neuron.")
    for file in (*by_name.values(), manifest):
        path = into / file.name
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        await objects.get(Root(file.root), holders, into=path, size_bytes_max=file.size_bytes)
