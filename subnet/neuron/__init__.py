"""Neurons: the Task interface that a subnet builder writes against, and the loops that run it.

``task`` is the interface, ``loader`` finds one, ``miner`` and ``validator`` are the two loops, and
``rounds``, ``standings`` and ``checkpoint`` are a validator's turn taken apart.
"""

from assay.neuron.task import (
    Answer,
    MinerContext,
    MinerTask,
    Score,
    Target,
    Task,
    TaskContext,
    TaskSettings,
    ValidatorContext,
    ValidatorTask,
)
from assay.wire.interface import Caller
from assay.wire.synapse import Synapse

__all__ = [
    "Answer",
    "Caller",
    "MinerContext",
    "MinerTask",
    "Score",
    "Synapse",
    "Target",
    "Task",
    "TaskContext",
    "TaskSettings",
    "ValidatorContext",
    "ValidatorTask",
]
