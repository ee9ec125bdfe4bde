"""Which miners may answer a request, and in which order they are asked. Pure.

``candidates`` reads them from a moment of the chain: neurons that publish an address and have
committed to the wanted model, on a numeric path that the gateway accepts. ``ranked`` puts them in
order: miners that validators pay before those that validators do not; among these by the time that
the answer is expected to take, to its last token, times one more than the calls that are open, over
the square root of the miner's share of the incentive. So verified quality, speed and load each
count, and none of them alone: twice the incentive is worth 1.4 times the time.

This module asks nobody.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from assay.chain.view import Moment
from assay.gateway.health import Health
from assay.neuron.peers import targets_of
from assay.protocol.inference import ModelCommitment, NumericPath
from assay.types import Ss58, Uid
from assay.wire.interface import Peer


@dataclass(frozen=True, slots=True)
class Candidate:
    """A miner that may be asked, as the chain shows it."""

    uid: Uid
    peer: Peer
    path: NumericPath
    incentive: int
    """Of 65535: what validators think of its work. 0: nobody pays it, or not yet."""

    @property
    def hotkey(self) -> Ss58:
        """Whose answers these are."""
        return self.peer.address

    @property
    def verified(self) -> bool:
        """Whether validators pay this miner for answers that they have replayed."""
        return self.incentive > 0


def candidates(
    moment: Moment, root: bytes, paths: Collection[NumericPath], own: Ss58
) -> list[Candidate]:
    """Every miner at ``moment`` that serves the model ``root`` on one of ``paths``, by uid, the
    hotkey ``own`` left out."""
    found = []
    for target in targets_of(moment, own):
        commitment = ModelCommitment.parse(target.commitment)
        if commitment is None or commitment.root != root or commitment.path not in paths:
            continue
        neuron = moment.metagraph.neurons[target.uid]
        if neuron.axon is None:
            continue
        peer = Peer(target.hotkey, neuron.axon.host, neuron.axon.port)
        found.append(Candidate(target.uid, peer, commitment.path, neuron.incentive))
    return found


def ranked(
    found: Iterable[Candidate], health: Health, tokens: float, now_s: float
) -> list[Candidate]:
    """Those of ``found`` that may be asked now for an answer of so many ``tokens``, the best
    first."""
    able = [candidate for candidate in found if health.may_ask(candidate.hotkey, now_s)]
    most = max((c.incentive for c in able), default=0)
    best = health.best()

    def cost(candidate: Candidate) -> tuple[bool, float, int]:
        answer_s = health.expect_s(candidate.hotkey, tokens, now_s, best)
        wait_s = answer_s * (1 + health.open(candidate.hotkey))
        share = candidate.incentive / most if candidate.verified else 1.0
        return (not candidate.verified, wait_s / math.sqrt(share), candidate.uid)

    return sorted(able, key=cost)
