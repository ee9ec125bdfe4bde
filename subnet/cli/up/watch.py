"""What came of a run, read from the chain and from the validators' own checkpoints.

Adds to a metagraph what a person wants to know: who is who, what each validator thinks and why,
what each earned since it joined, and whether the first reward has been paid. It judges nothing:
scores and reasons are the validators', rewards are balances on chain at one finalized block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.chain.interface import BlockRef, Chain, Metagraph, Neuron
from assay.cli.up.bootstrap import Keys, Standup
from assay.cli.up.plan import HONEST, SLOW, Member, Plan, Role
from assay.errors import UserError
from assay.neuron.checkpoint import CheckpointFile
from assay.neuron.folder import NeuronFolder
from assay.neuron.opinions import Opinion
from assay.types import AlphaRao, NetUid, Rao, Ss58


@dataclass(frozen=True, slots=True)
class Row:
    """One uid, as the table and the report show it."""

    uid: int
    name: str
    hotkey: Ss58
    role: Role
    behaviour: str
    score: float | None
    """Mean of the validators' moving averages; None for who is not scored."""
    reasons: tuple[str, ...]
    incentive: int
    dividends: int
    reward_alpha: AlphaRao
    reward_tao: Rao
    permit: bool
    codes: frozenset[str] = frozenset()
    """The reasons' codes, for programs."""


@dataclass(frozen=True, slots=True)
class View:
    """A run at one finalized block."""

    at: BlockRef
    netuid: NetUid
    epoch: int
    next_epoch_block: int
    rows: tuple[Row, ...]
    rewarded: bool
    """Both halves of the first reward: see ``Watch._is_rewarded``."""


@dataclass
class Watch:
    """Reads a run. Keeps the stake that each member had when it joined, and the last epoch seen."""

    chain: Chain
    plan: Plan
    keys: Mapping[str, Keys]
    standup: Standup
    baseline: dict[str, AlphaRao] = field(default_factory=dict)
    _epoch: int | None = None
    _before_epoch: dict[str, AlphaRao] = field(default_factory=dict)
    _rewarded: bool = False

    async def start(self) -> None:
        """Note the stakes that rewards are counted from (a validator's own purchase is none)."""
        if not self.baseline:
            self.baseline = await self._stakes(None)

    async def look(self) -> View:
        """The run at the newest finalized block."""
        metagraph = await self.chain.metagraph(self.standup.netuid)
        stakes = await self._stakes(metagraph.at)
        if self._epoch is not None and metagraph.epoch.index > self._epoch and not self._rewarded:
            self._rewarded = await self._is_rewarded(metagraph, stakes)
        if metagraph.epoch.index != self._epoch:
            self._epoch, self._before_epoch = metagraph.epoch.index, stakes
        opinions = self._opinions(await self.chain.genesis_hash())
        rows = [self._row(member, metagraph, stakes, opinions) for member in self.plan.members]
        return View(
            at=metagraph.at,
            netuid=metagraph.netuid,
            epoch=metagraph.epoch.index,
            next_epoch_block=metagraph.epoch.next_block,
            rows=tuple(sorted(rows, key=lambda row: row.uid)),
            rewarded=self._rewarded,
        )

    async def _is_rewarded(self, metagraph: Metagraph, stakes: Mapping[str, AlphaRao]) -> bool:
        """Did the epoch that just ran count both validators' weights and pay every honest miner?

        A validator's weights entered the consensus if its row stood at the epoch's block and the
        epoch gave it trust, which only a row that took part gets.
        """
        rows = await self.chain.weights(metagraph.netuid, at=metagraph.at)
        for validator in self.plan.of(Role.VALIDATOR):
            neuron = self._neuron(validator, metagraph)
            stood = neuron.uid in rows and neuron.last_update <= metagraph.epoch.last_block
            if not stood or neuron.validator_trust == 0:
                return False
        return all(
            stakes[miner.name] > self._before_epoch[miner.name]
            for miner in self.plan.of(Role.MINER)
            if miner.behaviour in (HONEST, SLOW)
        )

    async def _stakes(self, at: BlockRef | None) -> dict[str, AlphaRao]:
        at = at or await self.chain.finalized()
        return {
            member.name: await self.chain.stake(
                self.keys[member.name].hotkey.address,
                self.keys[member.name].coldkey.address,
                self.standup.netuid,
                at=at,
            )
            for member in self.plan.members
        }

    def _opinions(self, genesis: str) -> list[Mapping[Ss58, Opinion]]:
        """What each validator wrote down after its last round."""
        found: list[Mapping[Ss58, Opinion]] = []
        for member in self.plan.of(Role.VALIDATOR):
            hotkey = self.keys[member.name].hotkey.address
            netuid = self.standup.netuid
            folder = NeuronFolder.of(self.plan.state_dir, genesis, netuid, hotkey)
            try:
                memory = CheckpointFile(folder.checkpoint).load(genesis, netuid, hotkey)
            except UserError:
                continue  # the validator itself will say what is wrong with its file
            found.append(memory.opinions)
        return found

    def _neuron(self, member: Member, metagraph: Metagraph) -> Neuron:
        return metagraph.neurons[self.standup.uids[member.name]]

    def _row(
        self,
        member: Member,
        metagraph: Metagraph,
        stakes: Mapping[str, AlphaRao],
        opinions: list[Mapping[Ss58, Opinion]],
    ) -> Row:
        neuron = self._neuron(member, metagraph)
        own = [table[neuron.hotkey] for table in opinions if neuron.hotkey in table]
        gained = AlphaRao(stakes[member.name] - self.baseline.get(member.name, AlphaRao(0)))
        return Row(
            uid=neuron.uid,
            name=member.name,
            hotkey=neuron.hotkey,
            role=member.role,
            behaviour=member.behaviour,
            score=sum(s.average for s in own) / len(own) if own else None,
            reasons=tuple(dict.fromkeys(reason.text for s in own for reason in s.reasons)),
            codes=frozenset(reason.code for s in own for reason in s.reasons),
            incentive=neuron.incentive,
            dividends=neuron.dividends,
            reward_alpha=gained,
            # One whole alpha costs ``alpha_price`` rao, and both units have 10^9 rao.
            reward_tao=Rao(gained * metagraph.alpha_price // 10**9),
            permit=neuron.validator_permit,
        )
