"""A task with two methods, a pace in blocks, and chain state: miners keep the hashes of blocks.

assay up --task examples/archive.py
"""

from dataclasses import replace
from typing import Any

from assay.neuron import (
    Caller,
    Method,
    MinerTask,
    Pace,
    Question,
    Synapse,
    TaskContext,
    Turn,
    ValidatorTask,
    Verdict,
)


class Block(Synapse, frozen=True):
    number: int
    hash: str = ""


NEWEST, HASH_OF = Method("newest", Block, Block), Method("hash", Block, Block)


class ReadsTheChain:
    async def start(self, context: TaskContext) -> None:
        self.chain = context.chain


class Keeper(ReadsTheChain, MinerTask):
    name = "archive"

    async def newest(self, request: Block, caller: Caller) -> Block:
        return Block(number=self.chain.now().at.number)

    async def hash_of(self, request: Block, caller: Caller) -> Block:
        found = await self.chain.block_hash(request.number)
        return Block(number=request.number, hash=found.hex())

    def methods(self) -> list[Method[Any, Any]]:
        return [replace(NEWEST, handler=self.newest), replace(HASH_OF, handler=self.hash_of)]


class Auditor(ReadsTheChain, ValidatorTask):
    name, pace = "archive", Pace.blocks(4)

    async def turn(self, turn: Turn) -> list[Verdict]:
        at = turn.moment.at
        found = await turn.ask([Question(t, NEWEST, Block(number=0)) for t in turn.targets])
        near = [a.target for a in found if a.reply and abs(at.number - a.reply.number) < 8]
        told = await turn.ask([Question(t, HASH_OF, Block(number=at.number - 2)) for t in near])
        wanted = (await self.chain.block_hash(at.number - 2)).hex()
        right = {a.target.hotkey for a in told if a.reply and a.reply.hash == wanted}
        return [Verdict(t.hotkey, float(t.hotkey in right)) for t in turn.targets]
