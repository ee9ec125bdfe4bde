"""Who calls a neuron: each hotkey's membership of the subnet, from the newest metagraph, in memory.

An axon asks it before a request is served, so it answers without waiting. Between two updates the
answers are those of the last metagraph; before the first one every hotkey is unknown.
"""

from __future__ import annotations

from assay.chain.interface import Metagraph
from assay.types import Ss58
from assay.wire.interface import Membership


class Callers:
    """The memberships of a subnet's hotkeys as of the last update."""

    def __init__(self) -> None:
        self._memberships: dict[Ss58, Membership] = {}

    def update(self, metagraph: Metagraph) -> None:
        """Replace all memberships by those of ``metagraph``."""
        self._memberships = {
            neuron.hotkey: Membership.PERMIT if neuron.validator_permit else Membership.REGISTERED
            for neuron in metagraph.neurons
        }

    def __call__(self, address: Ss58) -> Membership:
        """The membership of the hotkey ``address``: what the wire calls a resolver."""
        return self._memberships.get(address, Membership.UNKNOWN)
