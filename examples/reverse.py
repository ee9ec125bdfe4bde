"""The smallest whole task: a miner reverses a text, a validator checks it. Copy it and change it.

assay up --task examples/reverse.py
"""

import random
import string
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from subnet.neuron import Answer, Caller, Score, Synapse, Target, Task

Text = Annotated[str, Meta(max_length=4096)]


class Reverse(Synapse, frozen=True):
    text: Text


class Reversed(Synapse, frozen=True):
    text: Text


class ReverseTask(Task[Reverse, Reversed]):
    name = "reverse"
    request = Reverse
    reply = Reversed

    async def serve(self, request: Reverse, caller: Caller) -> Reversed:
        return Reversed(text=request.text[::-1])

    def challenge(self, rng: random.Random, target: Target) -> Reverse:
        return Reverse(text="".join(rng.choices(string.ascii_letters, k=256)))

    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Reverse, Reversed]]
    ) -> list[Score]:
        return [judge(answer) for answer in answers]


def judge(answer: Answer[Reverse, Reversed]) -> Score:
    if answer.reply is None:
        return Score(0.0, ("no answer",))
    if answer.reply.text != answer.request.text[::-1]:
        return Score(0.0, ("the text is not the reverse",))
    return Score(1.0, ("right",))
