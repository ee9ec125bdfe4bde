"""How a machine answers the questions to its uids, and when their frames arrive.

A machine draws so many tokens a second in one stream, and more in several together (``gains``). In
comes what each of its uids is asked for at one moment, and how the machine serves its uids; out
come the frames of each answer with their times, through a network that may lose packets. A burst's
answers are streams of one uid. Prompts of one burst are read once.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.protocol.bursts import BurstFrame, BurstPart
from assay.protocol.inference import Ending, Piece
from assay.scoring.inference.speed import LAST, WINDOW_S
from assay.validators.inference.bursts import BurstShape

SPEED = 300.0  # tokens a second of an ordinary miner: the demo model on one core
RTT_S = 0.02
PROMPT = 5.0  # tokens that a machine would draw while it reads a prompt
JITTER = 0.1  # of the time that computing takes, one sigma of its logarithm
RETRANSMIT_S = 0.2  # Linux's least; doubled for each further loss


IN_TURNS = "in turns"  # a token for each uid
QUEUE = "queue"  # one answer after the other, always in the same order
HALF = "half"  # little more than half of the uids in turns, others each time, then the rest
BY_VALIDATOR = "by validator"  # each validator's questions to one uid first, then the rest


@dataclass
class Miner:
    """One hotkey and its strategy."""

    name: str
    speed: float = SPEED
    passes: float = 1.0  # of its answers; the others convict
    passes_entrance: float | None = None  # of long answers to newcomers; None: the same
    honest_when_watched: bool = False  # answers truly while it is new or on probation
    answers: float = 1.0  # of the requests; silent for the others
    rtt_s: float = RTT_S
    seems_s: float | None = None  # its round trip, as its kernel pretends; None: the true one
    holds_s: float = 0.0  # no frame leaves it before
    loss: float = 0.0  # of packets
    detour: float = 1.0  # times the latency of what it forwards to
    clients_pass: float = 1.0  # of what it answers clients
    shown: float = (
        0.0  # the chance that a validator replays an answer of its to a client in a round
    )
    works: Any = None  # (epoch, round) -> bool; None: always
    engine: str = ""  # whose uids share one machine
    gains: tuple[tuple[int, float], ...] = ()  # of that machine, as ``gain`` takes them
    serves: str = IN_TURNS  # of one machine: whom it answers when
    one_answer_each: bool = False  # to each validator, then silent for ever
    told: set[int] = field(default_factory=set)

    def at_work(self, epoch: int, number: int, validator: int) -> bool:
        if self.works is not None and not self.works(epoch, number):
            return False
        if self.one_answer_each:
            if validator in self.told:
                return False
            self.told.add(validator)
        return True


def gain(streams: int, points: Sequence[tuple[int, float]]) -> float:
    """How many times more a machine draws in so many streams together than in one: 1 without
    ``points``, which name it for some numbers of streams; between them by the logarithm."""
    if not points:
        return 1.0
    at, gains = zip(*points, strict=True)
    return float(np.interp(math.log(streams), np.log(at), gains))


@dataclass(frozen=True)
class Served:
    """When the first token of what one uid is asked for can be drawn, and the tokens a second from
    then on, in all its streams together."""

    begins_s: float
    speed: float


def serve(
    dice: random.Random,
    uids: Sequence[Miner],
    asked: Mapping[str, BurstShape],
    *,
    number: int,
    validator: int,
) -> dict[str, Served]:
    """When one machine serves each of its ``uids`` in the round ``number`` of a validator."""
    count, how = len(uids), uids[0].serves
    together, first = count, 0
    if how == QUEUE:
        together = 1
    elif how == HALF:
        together, first = min(count * LAST // (2 * LAST - 1) + 1, count), number
    elif how == BY_VALIDATOR:
        together, first = 1, validator
    in_order = [uids[(first + n) % count] for n in range(count)]
    served: dict[str, Served] = {}
    free_s = 0.0
    for group in [in_order[:together], *([uid] for uid in in_order[together:])]:
        streams = sum(asked[miner.name].answers for miner in group)
        ends_s = free_s
        for miner in group:
            shape = asked[miner.name]
            speed = miner.speed / miner.detour * dice.lognormvariate(0.0, JITTER)
            reads_s = PROMPT * len(group) / (speed * gain(len(group), miner.gains))
            own = speed * gain(streams, miner.gains) * shape.answers / streams
            served[miner.name] = Served(free_s + reads_s, own)
            ends_s = max(ends_s, free_s + reads_s + shape.answers * shape.tokens / own)
        free_s = ends_s
    return served


FRAMES = 200  # of an answer whose miner lies about its distance


def frames(
    dice: random.Random, miner: Miner, asked: BurstShape, served: Served
) -> tuple[tuple[Piece, ...] | tuple[BurstFrame, ...], tuple[float, ...]]:
    """An answer's frames and when each came: the first token, what came within the window, what
    came next, and the rest. A packet holds a token of each of its streams."""
    tokens, speed, packets = asked.answers * asked.tokens, served.speed, asked.answers
    begins_s = served.begins_s + miner.rtt_s + _resent_s(dice, miner.loss)
    window_s = WINDOW_S + seems_s(miner)
    held_s, pause_s = _held_s(dice, miner, speed / packets)
    inside = int((window_s - held_s - begins_s) * speed)
    inside = min(max(inside, 1), tokens - 1)
    ends_s = begins_s + tokens / speed + _held_s(dice, miner, speed / packets)[0]
    at = [1, inside, min(inside + math.ceil(pause_s * speed), tokens), tokens]
    times = [begins_s + count / speed for count in at[:2]]
    times += [min(times[1] + pause_s, ends_s), ends_s]
    if miner.seems_s is not None:  # where its window ends is the validator's to say
        at = sorted({1 + round(n * (tokens - 1) / FRAMES) for n in range(FRAMES + 1)})
        times = [max(begins_s + count / speed, miner.holds_s) for count in at]
    end = Ending(finish="length", queued_s=0.0, first_token_s=0.0, total_s=0.0)
    pieces = tuple(
        Piece(tokens=[0] * (count - before), text="", end=end if n == len(at) - 1 else None)
        for n, (before, count) in enumerate(zip([0, *at], at, strict=False))
    )
    if asked.answers == 1:
        return pieces, tuple(times)
    return tuple(BurstFrame(parts=[BurstPart(0, piece)]) for piece in pieces), tuple(times)


def seems_s(miner: Miner) -> float:
    """How far away a miner seems by its kernel."""
    return miner.rtt_s if miner.seems_s is None else miner.seems_s


def _resent_s(dice: random.Random, loss: float) -> float:
    """Seconds until a lone packet is through, waited for twice as long each time it is lost."""
    waited, pause = 0.0, RETRANSMIT_S
    while dice.random() < loss:
        waited += pause
        pause *= 2
    return waited


def _held_s(dice: random.Random, miner: Miner, speed: float) -> tuple[float, float]:
    """By how much a stream lags at one moment, and how long the pause is that it is in: until the
    oldest missing token is there, which holds back all later ones. Each token is a packet. A lost
    one is missed after three more, and sent again one round trip later; lost again, it waits for
    the timer."""
    held = (0.0, 1 / speed)
    back_s = miner.rtt_s + 3 / speed
    for place in range(1, int((back_s + 4 * RETRANSMIT_S) * speed) if miner.loss else 0):
        if dice.random() < miner.loss:
            pause_s = back_s + _resent_s(dice, miner.loss)
            if place / speed < pause_s:
                held = (place / speed, pause_s)
    return held
