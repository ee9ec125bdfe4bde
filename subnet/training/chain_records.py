"""What a chain says of a run's windows, read at the blocks that decide.

In come a run's schedule and the chain's moments; out come, for a window, its peers and their
places, what they sealed in time, what they opened in time, which state most validator stake names,
and what the window counts. All who read the same blocks find the same, whenever they read them. A
record that stands on chain a block too late does not count.

Objects, messages and states are not known here: what a counted record leads to may still turn out
to be no message.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from assay.chain.interface import Moment, Neuron
from assay.neuron.peers import addressed
from assay.neuron.record import NeuronRecord, Role, parse
from assay.protocol.training.closing import Attestation, close
from assay.protocol.training.records import UIDS_MAX, PeerRecord, ValidatorRecord
from assay.protocol.training.schedule import Phase, Schedule
from assay.types import Ss58

WINDOWS_KEPT: Final = 16
"""Windows of which is kept what was read: whoever audits, folds and shows a table looks at the last
three. A window takes about 100 bytes a peer."""

Found = TypeVar("Found")


class MomentReader(Protocol):
    """Where moments of the past come from: a ``ChainView``."""

    async def moment_at(self, number: int) -> Moment:
        """The moment of the finalized block ``number``; ``UnknownBlock`` if there is none yet, or
        the chain no longer knows it."""
        ...


@dataclass(frozen=True, slots=True)
class WindowPeer:
    """A peer of one window: its ``place`` says which data it reads, and its ``incentive`` in the
    window's first block how much its message weighs."""

    uid: int
    hotkey: Ss58
    place: int
    incentive: int


@dataclass(frozen=True, slots=True)
class WindowPeers:
    """The peers of one window, by rising uid."""

    window: int
    by_uid: Mapping[int, WindowPeer]

    def of(self, hotkey: Ss58) -> WindowPeer | None:
        """Return the peer with this ``hotkey``, or None if it is none of this window."""
        return next((peer for peer in self.by_uid.values() if peer.hotkey == hotkey), None)


@dataclass(frozen=True, slots=True)
class CountedPeer:
    """A peer whose work a window counts: its ``record`` with the key, the whole ``weight`` of its
    message, and the hotkeys of those who should hold its sealed message."""

    peer: WindowPeer
    record: PeerRecord
    key: bytes
    weight: int
    holders: tuple[Ss58, ...]


@dataclass(frozen=True, slots=True)
class WindowClosing:
    """What became of one window. ``state`` is the beginning of the hash of the state that more than
    half of validator stake says the window started from; None, and the window is void, where no
    state has so much. ``counted`` is empty for a void window."""

    window: int
    state: bytes | None
    peers: WindowPeers
    counted: Mapping[int, CountedPeer]
    said: Mapping[Ss58, ValidatorRecord]
    """The words of validators on this window, by hotkey."""
    without_message: frozenset[int]
    """Uids that validators attested, and whose records do not hold a seal that was in time and a
    key for it."""

    @property
    def is_void(self) -> bool:
        """Whether the state stays and the data are read again."""
        return not self.counted


class ChainRecords:
    """What the chain says of the windows of one run."""

    def __init__(self, view: MomentReader, schedule: Schedule) -> None:
        """``view`` gives moments of the past, and ``schedule`` says which blocks decide."""
        self._view, self._schedule = view, schedule
        self._peers: OrderedDict[int, WindowPeers] = OrderedDict()
        self._closings: OrderedDict[int, WindowClosing] = OrderedDict()

    async def peers(self, window: int) -> WindowPeers:
        """Return the peers of ``window``, as its first block shows them; UnknownBlock if that block
        is not final yet, or no longer known."""

        async def read() -> WindowPeers:
            first = self._schedule.blocks(window, Phase.TRAIN)[0]
            return peers_in(await self._view.moment_at(first), window)

        return await _remembered(self._peers, window, read)

    async def sealed(self, window: int) -> dict[int, PeerRecord]:
        """Return, by uid, the records of ``window`` that stood on chain at the end of upload. A key
        in them was shown too early, and opens to anybody; it counts none the less."""
        moment = await self._view.moment_at(self._schedule.deadline(window, Phase.UPLOAD))
        return records_in(moment, await self.peers(window))

    async def opened(self, window: int) -> dict[int, PeerRecord]:
        """Return, by uid, the records of ``window`` that stood on chain with a key at the end of
        reveal, and that name the state and the seal that they named at the end of upload."""
        moment = await self._view.moment_at(self._schedule.deadline(window, Phase.REVEAL))
        sealed = await self.sealed(window)
        return {
            uid: record
            for uid, record in records_in(moment, await self.peers(window)).items()
            if record.key is not None and uid in sealed and _same(record, sealed[uid])
        }

    async def named_state(self, window: int) -> bytes | None:
        """Return the beginning of the state's hash that more than half of validator stake names at
        the end of attest in ``window``, or None."""
        deadline = self._schedule.deadline(window, Phase.ATTEST)
        return named_state(await self._view.moment_at(deadline), window)

    async def closing(self, window: int) -> WindowClosing:
        """Return what became of ``window``; UnknownBlock before the end of attest is final."""

        async def read() -> WindowClosing:
            deadline = self._schedule.deadline(window, Phase.ATTEST)
            moment = await self._view.moment_at(deadline)
            peers, state = await self.peers(window), named_state(moment, window)
            said = _words(moment, window)
            uids = None if state is None else close(attestations(moment), window, state)
            if uids is None:
                return WindowClosing(window, state, peers, {}, said, frozenset())
            opened = await self.opened(window)
            right = {uid for uid in uids if uid in opened and opened[uid].state == state}
            counted = _counted(peers, {uid: opened[uid] for uid in right}, said)
            return WindowClosing(window, state, peers, counted, said, uids - right)

        return await _remembered(self._closings, window, read)


def peers_in(moment: Moment, window: int) -> WindowPeers:
    """Return the peers of ``window``, whose first block is that of ``moment``: the miners that
    publish an address."""
    neurons = {neuron.uid: neuron for neuron in moment.metagraph.neurons}
    uids = sorted(
        target.uid for target, role in addressed(moment) if role is Role.MINER
    )[:UIDS_MAX]  # fmt: skip
    return WindowPeers(
        window,
        {
            uid: WindowPeer(uid, neurons[uid].hotkey, place, neurons[uid].incentive)
            for place, uid in enumerate(uids)
        },
    )


def records_in(moment: Moment, peers: WindowPeers) -> dict[int, PeerRecord]:
    """Return, by uid, what the ``peers`` of a window say of that window in ``moment``."""
    found = {}
    for uid, peer in peers.by_uid.items():
        committed = moment.commitments.get(peer.hotkey)
        record = None if committed is None else PeerRecord.parse(parse(committed.data).data)
        if record is not None and record.window == peers.window:
            found[uid] = record
    return found


def attestations(moment: Moment) -> list[Attestation]:
    """Return the words of all validators in ``moment``, with their stakes: of the neurons that hold
    a permit and call themselves validators. Miners that earn hold stake, and permits in time; their
    silence about others' work must not make every window void."""
    return [
        Attestation(neuron.total_stake, ValidatorRecord.parse(record.data))
        for neuron, record in _validators(moment)
    ]


def named_state(moment: Moment, window: int) -> bytes | None:
    """Return the beginning of the state's hash that validators with more than half of all their
    stake name for ``window`` in ``moment``, or None if no state has so much."""
    total = 0
    stakes: dict[bytes, int] = {}
    for each in attestations(moment):
        total += each.stake
        if each.record is not None and each.record.window == window:
            stakes[each.record.state] = stakes.get(each.record.state, 0) + each.stake
    return next((state for state, stake in stakes.items() if 2 * stake > total), None)


def message_weights(incentives: Mapping[int, int]) -> dict[int, int]:
    """Return the weights of messages by uid, from the ``incentives`` of the peers that count: who
    has no incentive is left out, unless nobody has any; then all weigh 1."""
    weights = {uid: incentive for uid, incentive in incentives.items() if incentive > 0}
    return weights or dict.fromkeys(incentives, 1)


def _counted(
    peers: WindowPeers, records: Mapping[int, PeerRecord], said: Mapping[Ss58, ValidatorRecord]
) -> dict[int, CountedPeer]:
    weights = message_weights({uid: peers.by_uid[uid].incentive for uid in records})
    counted = {}
    for uid, record in sorted(records.items()):
        peer, key = peers.by_uid[uid], record.key
        assert key is not None, "an opened record has a key"
        mirrors = sorted(hotkey for hotkey, word in said.items() if uid in word.held)
        counted[uid] = CountedPeer(
            peer, record, key, weights.get(uid, 0), (peer.hotkey, *mirrors)
        )  # fmt: skip
    return counted


def _words(moment: Moment, window: int) -> dict[Ss58, ValidatorRecord]:
    found = {}
    for neuron, record in _validators(moment):
        word = ValidatorRecord.parse(record.data)
        if word is not None and word.window == window:
            found[neuron.hotkey] = word
    return found


def _validators(moment: Moment) -> Iterator[tuple[Neuron, NeuronRecord]]:
    for neuron in moment.metagraph.neurons:
        committed = moment.commitments.get(neuron.hotkey)
        record = parse(committed.data if committed is not None else None)
        if neuron.validator_permit and record.role is Role.VALIDATOR:
            yield neuron, record


def _same(one: PeerRecord, other: PeerRecord) -> bool:
    return one.state == other.state and one.seal == other.seal


async def _remembered(
    kept: OrderedDict[int, Found], window: int, read: Callable[[], Awaitable[Found]]
) -> Found:
    if window not in kept:
        kept[window] = await read()
        if len(kept) > WINDOWS_KEPT:
            kept.popitem(last=False)
    return kept[window]
