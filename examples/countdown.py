"""A task whose reply is a stream: a miner counts down, a validator looks at every number.

assay up --task examples/countdown.py
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from assay.neuron import Caller, Method, MinerTask, Question, Synapse, Turn, ValidatorTask, Verdict


class Start(Synapse, frozen=True):
    number: int


class Number(Synapse, frozen=True):
    number: int


STEPS = 20
COUNT = Method("", Start, Number, stream=True)


class Counter(MinerTask):
    name = "countdown"

    async def count(self, request: Start, caller: Caller) -> AsyncIterator[Number]:
        for number in range(request.number, request.number - STEPS, -1):
            yield Number(number=number)

    def methods(self) -> Sequence[Method[Any, Any]]:
        return [Method("", Start, Number, self.count, stream=True)]


class Listener(ValidatorTask):
    name = "countdown"

    async def turn(self, turn: Turn) -> list[Verdict]:
        first = turn.rng.randint(STEPS, 2**31)
        answers = await turn.ask([Question(t, COUNT, Start(number=first)) for t in turn.targets])
        wanted = list(range(first, first - STEPS, -1))
        return [
            Verdict(a.target.hotkey, float([f.number for f in a.frames] == wanted)) for a in answers
        ]
