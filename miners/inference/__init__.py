"""The miner's half of inference: serve a language model.

``task`` is the half itself, ``settings`` its options, ``requests`` which requests are taken,
``answers`` how an answer is made, ``bursts`` how several are at once, and ``outage`` what an
operator is told of an engine that fails.
Importing this package imports no torch; starting the task does.
"""

from assay.miners.inference.task import InferenceMiner

__all__ = ["InferenceMiner"]
