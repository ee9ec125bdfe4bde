"""A task with two methods, a pace in blocks, and chain state: miners keep the hashes of blocks.

assay up --task examples/archive.py
"""

from collections.abc import Sequence
from typing import Any

from assay.neuron import (
    Caller,
    Method,
    MinerTask,
    Pace,
    Question,
    RequestRefused,
    Synapse,
    TaskContext,
    Turn,
    ValidatorTask,
    Verdict,
)


class Ask(Synapse, frozen=True):
    number: int


class Told(Synapse, frozen=True):
    hash: str


NEWEST, HASH_OF = Method("newest", Ask, Ask), Method("hash", Ask, Told)


class Keeper(MinerTask):
    name = "archive"

    async def start(self, context: TaskContext) -> None:
        self.chain = context.chain
        self.kept: dict[int, str] = {}

    async def run(self) -> None:
        async for moment in self.chain.blocks():  # work that nobody asked for
            self.kept[moment.at.number] = moment.at.hash

    async def newest(self, request: Ask, caller: Caller) -> Ask:
        return Ask(number=max(n for n in self.kept if n <= request.number))

    async def hash_of(self, request: Ask, caller: Caller) -> Told:
        if request.number not in self.kept:
            raise RequestRefused("that block is not kept")
        return Told(hash=self.kept[request.number])

    def methods(self) -> Sequence[Method[Any, Any]]:
        return [Method("newest", Ask, Ask, self.newest), Method("hash", Ask, Told, self.hash_of)]


class Auditor(ValidatorTask):
    name, pace = "archive", Pace.blocks(4)

    async def turn(self, turn: Turn) -> list[Verdict]:
        at = turn.moment.at
        found = await turn.ask([Question(t, NEWEST, Ask(number=at.number)) for t in turn.targets])
        kept = [a.target for a in found if a.reply and at.number - a.reply.number < 8]
        told = await turn.ask([Question(t, HASH_OF, Ask(number=at.number)) for t in kept])
        right = {a.target.hotkey for a in told if a.reply and a.reply.hash == at.hash}
        return [Verdict(t.hotkey, float(t.hotkey in right)) for t in turn.targets]
