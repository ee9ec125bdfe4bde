"""A market of miners and validators: a subnet's economy without its network and its models.

Everything that decides about pay is the product's own: ``InferenceValidator.score`` with its
probation and its speeds, the validators' opinions and windows, their weights, and Yuma 3 of
``assay.scoring.reference``. Two things are replaced: the clock, and the examination of an answer,
for which each strategy says how often its answers come, how long they take, and how many pass.

Two validators of equal stake; an epoch has 72 rounds, a minute each on a public chain. The real one
has a thousand; where a strategy works in few of them, a market is given more rounds.
Pay is counted in what an honest miner of ordinary speed earns in an epoch. A third validator may
copy the rows of the two, or sleep (``Third``); its dividends are counted in theirs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from assay.neuron.opinions import Opinion, Window, after_setting, proportional, update
from assay.neuron.peers import Answer, Target
from assay.neuron.task import Score, Verdict
from assay.protocol.bursts import Burst
from assay.protocol.inference import Complete
from assay.scoring.reference.epoch import Epoch, EpochNeuron, EpochRules, run
from assay.types import BlockNumber, Ss58, Uid
from assay.validators.inference.answers import Finding, convicted, unjudged
from assay.validators.inference.bursts import BURST_SHARE, BurstShape, least_tokens
from assay.validators.inference.probation import FILE, Probation
from assay.validators.inference.requests import TOKENS_ASKED, TOKENS_OF_ENTRANCE
from assay.validators.inference.settings import BURST
from assay.validators.inference.speeds import Speeds
from assay.validators.inference.task import IN_BURST, METHOD, InferenceValidator, patience_s
from scripts.bench.machines import Miner, Served, frames, seems_s, serve

ROUNDS = 72  # of an epoch
SET_AT = 0.75  # the part of an epoch after which weights are set: its last quarter begins
VALIDATORS = 2
TEMPO = 360
U16_MAX = 65_535
EMISSION = 10**12


class Modelled(InferenceValidator):
    """The inference validator, told what its judge would find."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._probation = Probation(folder / FILE)
        self.findings: dict[Ss58, Finding] = {}

    @property
    def speeds(self) -> Speeds:
        return self._speeds

    def knows(self, hotkey: Ss58) -> bool:
        assert self._probation is not None
        return self._probation.knows(hotkey)

    def owes(self, hotkey: Ss58, epoch: int) -> bool:
        assert self._probation is not None
        return not self._probation.owed(hotkey).served(epoch)

    def _examine(self, answer: Answer[Any, Any]) -> Finding:
        return self.findings[answer.target.hotkey]

    def _organic_finding(self, answer: Answer[Any, Any]) -> Finding:
        return Finding(True, False, ()) if answer.code is None else convicted("other tokens")

    async def to_clients(self, answers: Sequence[Answer[Any, Any]], epoch: int) -> list[Verdict]:
        moment = SimpleNamespace(epoch=SimpleNamespace(index=epoch))
        turn: Any = SimpleNamespace(organic=answers, moment=moment)
        return await self._organic_verdicts(turn)


class Judging:
    """One validator: what it asks in a round, and what it thinks of everybody."""

    def __init__(self, number: int, folder: Path, dice: random.Random) -> None:
        self.number = number
        folder.mkdir()
        self.task = Modelled(folder)
        self.opinions: dict[Ss58, Opinion] = {}
        self.window = Window()
        self.row: dict[Ss58, float] = {}
        self._dice = dice

    async def play(self, market: Market, epoch: int, number: int) -> None:
        tokens, is_burst = self._dice.choice(TOKENS_ASKED), self._dice.random() < BURST_SHARE
        here = [m for m in market.miners if market.joined(m, epoch, number)]
        working = {m.name for m in here if m.at_work(epoch, number, self.number)}
        asked = {m.name: self._asked(market.hotkey(m), tokens, is_burst) for m in here}
        engines: dict[str, list[Miner]] = {}
        for miner in here:
            if miner.name in working:
                engines.setdefault(miner.engine or miner.name, []).append(miner)
        drawn = {
            name: served
            for uids in engines.values()
            for name, served in serve(
                self._dice, uids, asked, number=number, validator=self.number
            ).items()
        }
        answers = [self._answer(market, m, epoch, asked[m.name], drawn.get(m.name)) for m in here]
        scores: list[Score] = await self.task.score(answers, epoch=epoch)
        verdicts = [
            Verdict(a.target.hotkey, s.value, reasons=(), forfeits=s.forfeits)
            for a, s in zip(answers, scores, strict=True)
        ]
        verdicts += await self.task.to_clients(list(self._shown(market, here)), epoch)
        block = BlockNumber(TEMPO * epoch + TEMPO * number // market.rounds)
        self.window = Window(
            turns=self.window.turns + 1,
            epoch_turns=self.window.epoch_turns,
            since=self.window.since if self.window.since is not None else block,
        )
        hotkeys = [market.hotkey(m) for m in here]
        self.opinions = update(
            self.opinions,
            verdicts,
            market.metagraph(hotkeys),
            window=self.window,
            askable=hotkeys,
            replied=[h for h, m in zip(hotkeys, here, strict=True) if m.name in working],
        )

    def set_weights(self, epoch: int) -> None:
        self.row = proportional(self.opinions)
        block = BlockNumber(TEMPO * epoch + int(TEMPO * SET_AT))
        self.opinions, self.window = after_setting(
            self.opinions,
            self.window,
            counted=self.opinions,
            counted_window=self.window,
            at=block,
        )

    def _shown(self, market: Market, here: Sequence[Miner]) -> Iterator[Answer[Any, Any]]:
        """Answers to clients that gateways show this validator, and that it has drawn."""
        for miner in here:
            if miner.shown and self._dice.random() < miner.shown:
                hotkey = market.hotkey(miner)
                wrong = None if self._dice.random() < miner.clients_pass else "wrong"
                request = Complete(
                    model=bytes(32), prompt="", max_tokens=1, seed=0, temperature=1.0, miner=hotkey
                )
                yield Answer(Target(Uid(0), hotkey, None), request, None, None, 0.0, code=wrong)

    def _asked(self, hotkey: Ss58, tokens: int, is_burst: bool) -> BurstShape:
        if not self.task.knows(hotkey):
            return BurstShape(1, TOKENS_OF_ENTRANCE)
        if not is_burst:
            return BurstShape(1, tokens)
        return BurstShape.of(self.task.speeds.tokens_to_ask(hotkey, least_tokens(tokens)), BURST)

    def _answer(
        self, market: Market, miner: Miner, epoch: int, asked: BurstShape, served: Served | None
    ) -> Answer[Any, Any]:
        hotkey, dice = market.hotkey(miner), self._dice
        is_new = not self.task.knows(hotkey)
        total = asked.answers * asked.tokens
        told, times = frames(dice, miner, asked, served) if served is not None else ((), ())
        silent = dice.random() >= miner.answers or not times or times[-1] > patience_s(total)
        if silent:
            self.task.findings[hotkey] = unjudged("no answer")
        elif self._passes(miner, hotkey, epoch, is_new):
            self.task.findings[hotkey] = Finding(True, False, (), total)
        else:
            self.task.findings[hotkey] = convicted("other tokens")
        return Answer(
            Target(Uid(0), hotkey, None),
            _request(hotkey, asked),
            None if silent else told[-1],
            None,
            times[-1] if times else patience_s(total),
            method=IN_BURST.name if asked.answers > 1 else METHOD.name,
            frames=told,
            frames_s=times,
            network_s=seems_s(miner),
        )

    def _passes(self, miner: Miner, hotkey: Ss58, epoch: int, is_new: bool) -> bool:
        watched = is_new or self.task.owes(hotkey, epoch)
        if watched and miner.honest_when_watched:
            return True
        passes = miner.passes
        if is_new and miner.passes_entrance is not None:
            passes = miner.passes_entrance
        return self._dice.random() < passes


def _request(hotkey: Ss58, asked: BurstShape) -> Complete | Burst:
    fields: dict[str, Any] = {"model": bytes(32), "seed": 0, "temperature": 1.0, "miner": hotkey}
    if asked.answers == 1:
        return Complete(prompt="", max_tokens=asked.tokens, **fields)
    return Burst(prompts=[""], answers=asked.answers, max_tokens=asked.tokens, **fields)


@dataclass(frozen=True)
class Third:
    """A validator of the same stake that does no work."""

    sealed_epochs: int | None = None
    """It copies the rows that others see: at once with 0, else those that were opened so many
    epochs after they were committed, and its own are sealed as long. None: it does not copy."""
    sleeps_from: int | None = None
    """It copies at once until this epoch, and sets no weights from then on."""
    cutoff_epochs: float = 5_000 / TEMPO
    """Of silence, after which it is inactive; the default is the public chain's."""


@dataclass(frozen=True)
class Row:
    """What ``update`` reads of one neuron."""

    hotkey: Ss58
    uid: Uid


@dataclass(frozen=True)
class Rows:
    neurons: tuple[Row, ...]


class Market:
    """Miners, and validators that judge them, over some epochs."""

    def __init__(
        self,
        miners: Sequence[Miner],
        folder: Path,
        seed: int,
        third: Third | None = None,
        *,
        rounds: int = ROUNDS,
    ) -> None:
        self.rounds = rounds
        """Of an epoch."""
        dice = random.Random(seed)
        self._third = third
        self._uids = VALIDATORS + (third is not None)
        """Those of validators; the miners' come next."""
        self._rows: list[list[list[float]]] = []
        """The row of each validator that judges, by epoch."""
        self.dividends: list[list[float]] = []
        """Of each validator, by epoch."""
        self.miners = list(miners)
        self.joins: dict[str, tuple[int, int]] = {}
        self._names = {m.name: Ss58(m.name) for m in miners}
        self._validators = [
            Judging(n, folder / f"{seed}-{n}", random.Random(dice.random()))
            for n in range(VALIDATORS)
        ]
        self._bonds: dict[int, list[tuple[int, int]]] = {}
        self.pay: list[dict[str, float]] = []

    def hotkey(self, miner: Miner) -> Ss58:
        return self._names[miner.name]

    def joined(self, miner: Miner, epoch: int, number: int) -> bool:
        return (epoch, number) >= self.joins.get(miner.name, (0, 0))

    def metagraph(self, hotkeys: Sequence[Ss58]) -> Any:
        return Rows(tuple(Row(h, Uid(n)) for n, h in enumerate(hotkeys)))

    def run(self, epochs: int) -> Market:
        asyncio.run(self._run(epochs))
        return self

    async def _run(self, epochs: int) -> None:
        for epoch in range(epochs):
            for number in range(self.rounds):
                for validator in self._validators:
                    if number == int(self.rounds * SET_AT):
                        validator.set_weights(epoch)
                    await validator.play(self, epoch, number)
            self._close(epoch)

    def _close(self, epoch: int) -> None:
        """The chain's epoch: uids of validators come first."""
        block = TEMPO * (epoch + 1)
        set_at = block - TEMPO + int(TEMPO * SET_AT)
        updates = [set_at] * VALIDATORS
        rules = EpochRules(yuma3=True)
        if self._third is not None:
            asleep = self._third.sleeps_from is not None and epoch >= self._third.sleeps_from
            missed = epoch - (self._third.sleeps_from or 0) + 1 if asleep else 0
            updates.append(set_at - TEMPO * missed)
            rules = replace(rules, activity_cutoff=round(TEMPO * self._third.cutoff_epochs))
        neurons = [EpochNeuron(stake=10**12, last_update=at, permit=True) for at in updates]
        joined = [TEMPO * self.joins.get(m.name, (0, 0))[0] for m in self.miners]
        neurons += [EpochNeuron(stake=0, registered=at) for at in joined]
        outcome = run(
            Epoch(
                block=block,
                neurons=neurons,
                weights=self._standing(epoch),
                bonds=self._bonds,
                emission=EMISSION,
                tempo=TEMPO,
                last_step=block - TEMPO,
            ),
            rules,
        )
        self._bonds = outcome.bonds
        shares = np.array(outcome.incentive[self._uids :], dtype=np.float64) / U16_MAX
        self.pay.append({m.name: float(s) for m, s in zip(self.miners, shares, strict=True)})
        self.dividends.append([part / U16_MAX for part in outcome.dividends[: self._uids]])

    def _standing(self, epoch: int) -> dict[int, list[tuple[int, int]]]:
        """The rows that stand when this epoch ends."""
        self._rows.append(
            [[v.row.get(self.hotkey(m), 0.0) for m in self.miners] for v in self._validators]
        )
        sealed = (self._third and self._third.sealed_epochs) or 0
        standing = self._rows[epoch - sealed] if epoch >= sealed else []
        rows = list(standing)
        if self._third is not None:
            # Sealed in the epoch before, what it copied was open then: sealed once more before.
            seen = epoch - 2 * sealed
            if self._third.sleeps_from is not None:
                seen = min(seen, self._third.sleeps_from - 1)
            copied = self._rows[seen] if seen >= 0 else []
            rows += [[sum(column) for column in zip(*copied, strict=True)]] if copied else [[]]
        first = self._uids
        return {uid: _sixteen_bits(row, first) for uid, row in enumerate(rows)}

    def third_beside_others(self, first: int, last: int | None = None) -> float:
        """The dividends of the third validator in those of one of the others, over the epochs from
        ``first`` to before ``last``."""
        told = self.dividends[first:last]
        others = sum(sum(each[:VALIDATORS]) for each in told) / VALIDATORS
        return sum(each[VALIDATORS] for each in told) / others

    def income(self, prefix: str, *, first: int = 0, last: int | None = None) -> float:
        """What the miners whose names begin with ``prefix`` earned together, epoch by epoch in what
        an honest miner earned in the same epoch, summed over the epochs from ``first`` on."""
        total = 0.0
        for pay in self.pay[first:last]:
            honest = [share for name, share in pay.items() if name.startswith("honest")]
            mine = sum(share for name, share in pay.items() if name.startswith(prefix))
            total += mine / (sum(honest) / len(honest))
        return total

    def share(self, prefix: str, first: int = 1) -> float:
        """The income an epoch, from epoch ``first`` on: the first pays for a part of its rounds."""
        return self.income(prefix, first=first) / len(self.pay[first:])


def _sixteen_bits(row: Sequence[float], first: int) -> list[tuple[int, int]]:
    """A row of weights as the chain keeps it: the largest is 65,535. ``first`` is the first uid."""
    most = max(row, default=0.0)
    if most <= 0.0:
        return []
    cut = [round(U16_MAX * weight / most) for weight in row]
    return [(first + n, value) for n, value in enumerate(cut) if value]
