"""Who may ask a miner: a metagraph's answer to the wire's question, in memory.

Adds to a metagraph the look-up that an axon needs before it serves: by address, without waiting.
Between two updates it answers from the last one; before the first it knows nobody.
"""

from __future__ import annotations

from assay.chain.interface import Metagraph
from assay.types import Ss58
from assay.wire.interface import Membership


class Members:
    """The hotkeys of a subnet and what each is there, as of the last update."""

    def __init__(self) -> None:
        self._membership: dict[Ss58, Membership] = {}

    def update(self, metagraph: Metagraph) -> None:
        """Take the place of all that was known."""
        self._membership = {
            neuron.hotkey: Membership.PERMIT if neuron.validator_permit else Membership.REGISTERED
            for neuron in metagraph.neurons
        }

    def __call__(self, address: Ss58) -> Membership:
        """The wire's resolver."""
        return self._membership.get(address, Membership.UNKNOWN)
