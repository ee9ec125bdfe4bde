"""What every neuron of a run is made of, whether it trains, validates or only watches.

In go a task's context and a run folder; out come a trainer's process, the way to the run's objects,
what the chain says of its windows, and the follower that holds the newest state, all of which end
with the neuron.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.neuron.task import TaskContext
from assay.objects import Bucket
from assay.training.chain_records import ChainRecords
from assay.training.exchange import Exchange, ExchangeLimits
from assay.training.follower import RunFollower
from assay.training.run_folder import RunFolder
from assay.training.source import RunSource
from assay.training.trainer import Trainer


@dataclass(frozen=True, slots=True)
class RunParts:
    """One neuron's parts of one run, which are open."""

    run: RunFolder
    trainer: Trainer
    exchange: Exchange
    records: ChainRecords
    follower: RunFollower
    source: RunSource
    folder: Path
    """The neuron's own, of this run alone."""

    @classmethod
    async def open(
        cls,
        context: TaskContext,
        run: RunFolder,
        *,
        niceness: int = 0,
        threads: int | None = None,
        processes: int | None = None,
        bucket: str = "",
    ) -> RunParts:
        """Start the trainer's process for ``run``, and read what a neuron before has left of it.

        ``niceness``, ``threads`` and ``processes`` are as for ``Trainer.start``. WorkerNotStarted
        if the run cannot be computed here; UserError for a ``bucket``, an address or nothing, that
        cannot be opened.
        """
        opened = Bucket.open(bucket) if bucket else None
        folder = context.state_dir / run.root.hex()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        trainer = await Trainer.start(
            context.workers, run, niceness=niceness, threads=threads, processes=processes
        )
        exchange = Exchange(
            context.objects, context.peers.find_peer, ExchangeLimits.of(trainer.facts),
            folder / "objects.json", opened,
        )  # fmt: skip
        await exchange.open()
        records = ChainRecords(context.chain, run.manifest.schedule)
        follower = RunFollower(trainer, exchange, records, context.peers, folder)
        await follower.open()
        return cls(run, trainer, exchange, records, follower, RunSource(run, exchange), folder)
