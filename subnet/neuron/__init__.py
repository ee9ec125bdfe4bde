"""Neurons: the Task interface that a subnet builder writes against, and what runs it.

For builders: ``task`` is the interface, ``rounds`` the usual shape of a task (serve, challenge,
score), ``loader`` finds one and ``task_shape`` the slips in it, ``settings`` are a task's own
options, ``context`` makes what a task is handed.

The validator's turn: ``asking`` plays one, ``peers`` asks, ``background`` asks without waiting,
``seeds`` makes its randomness recheckable, ``opinions`` and ``checkpoint`` remember, ``weighing``
sets weights, ``sealed`` opens those that commit-reveal shut. ``receipts`` keeps who said what,
under a root that ``merkle`` computes; ``audit`` checks a receipt or a challenge from files and the
chain alone, ``shown`` finds on chain what a receipt leads to.

The neuron around it: ``miner`` and ``validator``, ``server`` (what both serve), ``callers`` (who
may call), ``record`` and ``presence`` (what the chain shows of a neuron), ``faults`` (a builder's
mistakes), ``retry`` and ``stopping``, ``folder`` (its files), ``reach`` (whom it may call), and
``run``, which puts all of it together. ``onlooker`` is somebody who only asks.
"""

from assay.chain.interface import Call
from assay.neuron.opinions import Opinion, Reason
from assay.neuron.peers import Answer, Origin, Peers, Question, Target
from assay.neuron.record import Role
from assay.neuron.rounds import Rounds, Serving, Task
from assay.neuron.task import (
    JudgedCall,
    Looked,
    MinerTask,
    Pace,
    Score,
    TaskContext,
    TaskSettings,
    Turn,
    ValidatorTask,
    Verdict,
)
from assay.wire.errors import RequestRefused
from assay.wire.interface import Caller, Method
from assay.wire.synapse import Synapse

__all__ = [
    "Answer",
    "Call",
    "Caller",
    "JudgedCall",
    "Looked",
    "Method",
    "MinerTask",
    "Opinion",
    "Origin",
    "Pace",
    "Peers",
    "Question",
    "Reason",
    "RequestRefused",
    "Role",
    "Rounds",
    "Score",
    "Serving",
    "Synapse",
    "Target",
    "Task",
    "TaskContext",
    "TaskSettings",
    "Turn",
    "ValidatorTask",
    "Verdict",
]
