"""What came of a run, read from the chain and from the validators' own checkpoints.

``Watch.look`` returns a ``View``: who holds which uid, what the validators think of whom and why,
what each neuron has earned since the run began, and whether the first reward has been paid. Who
joined the subnet by hand is shown like the run's own members.

This module judges nothing. Scores and reasons are the validators'; rewards are what the chain's
epochs paid. It shows nothing to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from assay.chain.interface import BlockRef, Chain, Metagraph, Neuron
from assay.cli.up.bootstrap import MemberKeys
from assay.cli.up.earned import Earned
from assay.cli.up.keys import wallet_names
from assay.cli.up.plan import HONEST, SLOW, Member, MemberRole, Plan
from assay.errors import UserError
from assay.neuron.checkpoint import CheckpointFile
from assay.neuron.folder import NeuronFolder
from assay.neuron.opinions import TOLD, Opinion
from assay.types import AlphaRao, NetUid, Rao, Ss58

GUEST: Final = "joined"
"""The behaviour of a neuron that is none of the run's own: nobody here knows what it does."""
_ADDRESS_CHARS: Final = 8
"""What is shown of a guest's hotkey if its wallet is elsewhere; as much as `assay status` shows."""

LOOK_INTERVAL_S: Final = 0.5
"""Between two looks: two blocks of a local chain."""
SEPARATOR: Final = " · "
"""Between what several say of one neuron."""

Opinions = Mapping[str, Mapping[Ss58, Opinion]]
"""By the validator's name, then by hotkey."""
Cast = Sequence[tuple[Neuron, Member]]
"""Every neuron of the subnet, and who that is."""


@dataclass(frozen=True, slots=True)
class Row:
    """One uid, as the table and the report show it."""

    uid: int
    name: str
    hotkey: Ss58
    role: MemberRole
    behaviour: str
    score: float | None
    """Mean of the validators' averages; None for a neuron that no validator has judged."""
    reasons: tuple[str, ...]
    """All that the validators say of the neuron, each sentence once."""
    incentive: int
    dividends: int
    reward_alpha: AlphaRao
    reward_tao: Rao
    permit: bool
    codes: frozenset[str] = frozenset()
    """The codes of the reasons, for programs."""
    why: str = ""
    """One line for a person: the reasons of one validator, or of each where they differ, and what
    is still awaited."""


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
    gateway: str | None = None
    """Where clients are served; None where there is no gateway."""


def _always(_: str) -> bool:
    return True


@dataclass
class Watch:
    """Reads a run, and remembers what was paid in ``earned``."""

    chain: Chain
    plan: Plan
    keys: Mapping[str, MemberKeys]
    netuid: NetUid
    earned: Earned
    is_ready: Callable[[str], bool] = _always
    """Whether the process of a miner of the run serves; one that does not is loading its task."""
    shown: Callable[[Path], str] = lambda task_dir: ""
    """What a miner shows of itself, by the folder of its task."""
    _epoch: int | None = None
    _rewarded: bool = False
    _names: dict[Ss58, str] = field(default_factory=dict)

    async def look(self) -> View:
        """The run at the newest finalized block."""
        metagraph = await self.chain.metagraph(self.netuid)
        await self.earned.count(metagraph)
        newer = self._epoch is not None and metagraph.epoch.index > self._epoch
        if newer and not self._rewarded:
            self._rewarded = await self._is_rewarded(metagraph)
        self._epoch = metagraph.epoch.index
        genesis = await self.chain.genesis_hash()
        opinions = self._opinions(genesis)
        rows = [
            self._row(neuron, member, metagraph, opinions, genesis)
            for neuron, member in self._cast(metagraph)
        ]
        return View(
            at=metagraph.at,
            netuid=metagraph.netuid,
            epoch=metagraph.epoch.index,
            next_epoch_block=metagraph.epoch.next_block,
            rows=tuple(rows),
            rewarded=self._rewarded,
            gateway=self.plan.gateway_url,
        )

    async def _is_rewarded(self, metagraph: Metagraph) -> bool:
        """Whether the epoch that just ran counted both validators' weights and paid every honest
        miner.

        A validator's weights entered the consensus if its row stood at the epoch's block and the
        epoch gave it trust, which only a row that took part gets.
        """
        rows = await self.chain.weights(metagraph.netuid, at=metagraph.at)
        for validator in self.plan.of(MemberRole.VALIDATOR):
            neuron = metagraph.by_hotkey(self.keys[validator.name].hotkey.address)
            if neuron is None:
                return False
            stood = neuron.uid in rows and neuron.last_update <= metagraph.epoch.last_block
            if not stood or neuron.validator_trust == 0:
                return False
        honest = (
            metagraph.by_hotkey(self.keys[miner.name].hotkey.address)
            for miner in self.plan.of(MemberRole.MINER)
            if miner.behaviour in (HONEST, SLOW)
        )
        return all(neuron is not None and neuron.emission > 0 for neuron in honest)

    def _cast(self, metagraph: Metagraph) -> Cast:
        """Everybody on the subnet, by uid: the run's own members, and guests."""
        own = {self.keys[member.name].hotkey.address: member for member in self.plan.members}
        return [(each, own.get(each.hotkey) or self._guest(each)) for each in metagraph.neurons]

    def _guest(self, neuron: Neuron) -> Member:
        """A neuron that is none of the run's own, as if it were a member."""
        if neuron.hotkey not in self._names:
            self._names = wallet_names(self.plan.wallets_dir)
            self._names.setdefault(neuron.hotkey, f"{neuron.hotkey[:_ADDRESS_CHARS]}…")
        role = MemberRole.VALIDATOR if neuron.validator_permit else MemberRole.MINER
        return Member(self._names[neuron.hotkey], role, GUEST, None)

    def _opinions(self, genesis: str) -> Opinions:
        """What each validator of the run wrote down after its last round."""
        found: dict[str, Mapping[Ss58, Opinion]] = {}
        for member in self.plan.of(MemberRole.VALIDATOR):
            hotkey = self.keys[member.name].hotkey.address
            folder = NeuronFolder.of(self.plan.state_dir, genesis, self.netuid, hotkey)
            try:
                memory = CheckpointFile(folder.checkpoint).load(genesis, self.netuid, hotkey)
            except UserError:
                continue  # the validator itself says what is wrong with its file
            found[member.name] = memory.opinions
        return found

    def _row(
        self,
        neuron: Neuron,
        member: Member,
        metagraph: Metagraph,
        opinions: Opinions,
        genesis: str,
    ) -> Row:
        own = {
            validator: table[neuron.hotkey]
            for validator, table in opinions.items()
            if neuron.hotkey in table
        }
        gained = self.earned.paid[neuron.hotkey]
        score = sum(each.average for each in own.values()) / len(own) if own else None
        reasons = [reason for each in own.values() for reason in each.reasons]
        said = _said(own)
        own_folder = NeuronFolder.of(self.plan.state_dir, genesis, self.netuid, neuron.hotkey)
        shown = self.shown(own_folder.task) if member.role is MemberRole.MINER else ""
        mines = member.role is MemberRole.MINER and member.behaviour != GUEST
        loading = mines and not self.is_ready(member.name)
        awaited = _awaited(member.role, neuron, score, metagraph, loading=loading)
        return Row(
            uid=neuron.uid,
            name=member.name,
            hotkey=neuron.hotkey,
            role=member.role,
            behaviour=member.behaviour,
            score=score,
            reasons=tuple(dict.fromkeys(reason.text for reason in reasons)),
            codes=frozenset(reason.code for reason in reasons),
            incentive=neuron.incentive,
            dividends=neuron.dividends,
            reward_alpha=gained,
            # One whole alpha costs ``alpha_price`` rao, and both units have 10^9 rao.
            reward_tao=Rao(gained * metagraph.alpha_price // 10**9),
            permit=neuron.validator_permit,
            why=SEPARATOR.join(part for part in (shown, said, awaited) if part),
        )


def _said(opinions: Mapping[str, Opinion]) -> str:
    """What the validators say of one neuron. Where they say the same, one of them is enough: the
    figures in their sentences differ a little."""
    kinds: dict[tuple[str, ...], tuple[str, str]] = {}
    for validator, opinion in opinions.items():
        kind = tuple(
            reason.text if reason.code == TOLD else reason.code for reason in opinion.reasons
        )
        kinds.setdefault(kind, (validator, "; ".join(reason.text for reason in opinion.reasons)))
    told = [(validator, words) for validator, words in kinds.values() if words]
    if len(told) == 1:
        return told[0][1]
    return SEPARATOR.join(f"{validator}: {words}" for validator, words in told)


def _awaited(
    role: MemberRole, neuron: Neuron, score: float | None, metagraph: Metagraph, *, loading: bool
) -> str:
    """What a neuron that earns nothing yet is waiting for; empty if it waits for nothing.

    Words that fit one uid and several: neurons of which the same is said share a line.
    """
    next_epoch = f"at the next epoch, block {metagraph.epoch.next_block}"
    if role is MemberRole.VALIDATOR:
        return "" if neuron.validator_permit else f"permit {next_epoch}"
    if role is MemberRole.OWNER:
        return ""
    if score is None:
        if neuron.axon:
            return "not asked yet"
        return "still loading the task" if loading else "no address published yet"
    return f"score counts {next_epoch}" if score > 0 and not neuron.incentive else ""
