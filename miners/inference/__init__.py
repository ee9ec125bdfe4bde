"""The miner's half of inference: serve a language model.

``task`` is the half itself, ``settings`` its options, ``requests`` what is let in, ``answers`` how
an answer is made. Importing this package imports no torch; starting the task does.
"""

from assay.miners.inference.task import InferenceMiner

__all__ = ["InferenceMiner"]
