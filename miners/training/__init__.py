"""The training task's miner: computes windows of a run, and says on chain what it computed.

``task`` is the miner; ``peer`` decides, block by block, what is to be done next; ``work`` does it
(compute, seal, open); ``sending`` measures how early its steps must end; ``way`` gives its states
on the way to a validator that disputes a window; ``memory`` is what must survive ``kill -9``;
``settings`` are its options.
"""

from assay.miners.training.settings import TrainingMinerSettings
from assay.miners.training.task import TrainingMiner

__all__ = ["TrainingMiner", "TrainingMinerSettings"]
