"""`assay train`: the commands around a training run.

Says which there are; each is imported when it is asked for, and what it does is in its own file.
torch and transformers are needed by most of them, and by none for its help.
"""

from __future__ import annotations

from typing import Final

import click

from assay.cli.command import LazyGroup

MEMBERS: Final = {
    "run": ("assay.cli.train.run:run", "Make a run here, and train it with all its peers."),
    "new": ("assay.cli.train.new:new", "Make a run: a model, a corpus, and terms for all."),
    "join": ("assay.cli.train.join:join", "Take part in a run as a miner."),
    "status": ("assay.cli.train.status:status", "Show where a run is, and each peer."),
    "eval": ("assay.cli.train.eval:eval_", "Measure the newest model on held-out text."),
    "corpus": ("assay.cli.train.corpus:corpus", "Cut texts into tokens that a run trains on."),
}


@click.group(cls=LazyGroup, members=MEMBERS)
def train() -> None:
    """Train one model together: run it here, or make a run, join it, look at it."""
