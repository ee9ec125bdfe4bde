"""What a window's deciding blocks say: its peers, what is in time, and what counts."""

from __future__ import annotations

import pytest

from assay.chain.errors import UnknownBlock
from assay.neuron.record import Role
from assay.protocol.training.records import PeerRecord, ValidatorRecord
from assay.protocol.training.schedule import Phase, Schedule
from assay.training.chain_records import (
    ChainRecords,
    attestations,
    message_weights,
    named_state,
    peers_in,
)
from tests.unit.subnet.training.moments import Past, Row, moment

STATE, OTHER = b"s" * 16, b"o" * 16
SCHEDULE = Schedule(
    start=10, windows=9, train=4, upload=3, reveal=2, attest=2, evaluate=1, advance=1
)
WINDOW = 2
FIRST = SCHEDULE.blocks(WINDOW, Phase.TRAIN)[0]
UPLOAD, REVEAL, ATTEST = (
    SCHEDULE.deadline(WINDOW, phase) for phase in (Phase.UPLOAD, Phase.REVEAL, Phase.ATTEST)
)
# uid 0: the owner, without an address; 1 and 2: validators; 3 to 6: miners.
PERMITS = {1: 60, 2: 40}


def sealed(uid: int, **changes: object) -> PeerRecord:
    return PeerRecord(**{"window": WINDOW, "state": STATE, "seal": bytes([uid]) * 32, **changes})  # type: ignore[arg-type]


def opened(uid: int, **changes: object) -> PeerRecord:
    return sealed(uid, **{"key": bytes([uid]) * 32, **changes})


def word(*held: int, state: bytes = STATE, window: int = WINDOW) -> ValidatorRecord:
    return ValidatorRecord(window, state, frozenset(held))


def rows(
    miners: dict[int, PeerRecord | None],
    words: dict[int, ValidatorRecord] | None = None,
    incentives: dict[int, int] | None = None,
) -> list[Row]:
    found = [Row("owner", stake=1, addressed=False)]
    for uid, stake in PERMITS.items():
        said = (words or {}).get(uid)
        data = None if said is None else said.pack()
        found.append(Row(f"v{uid}", Role.VALIDATOR, data, stake, permit=True))
    for uid in range(3, 7):
        record = miners.get(uid)
        data = None if record is None else record.pack()
        found.append(Row(f"m{uid}", data=data, incentive=(incentives or {}).get(uid, 0)))
    return found


def chain(
    at_upload: dict[int, PeerRecord | None],
    at_reveal: dict[int, PeerRecord | None],
    words: dict[int, ValidatorRecord],
    incentives: dict[int, int] | None = None,
) -> ChainRecords:
    past = Past(
        {
            FIRST: moment(FIRST, rows({}, incentives=incentives)),
            UPLOAD: moment(UPLOAD, rows(at_upload)),
            REVEAL: moment(REVEAL, rows(at_reveal)),
            ATTEST: moment(ATTEST, rows({}, words)),
        }
    )
    return ChainRecords(past, SCHEDULE)


ALL = range(3, 7)
SEALED = {uid: sealed(uid) for uid in ALL}
OPENED = {uid: opened(uid) for uid in ALL}


def test_a_windows_peers_are_the_miners_with_an_address_and_have_a_place_by_uid() -> None:
    people = [
        Row("owner", addressed=False),
        Row("validator", Role.VALIDATOR, permit=True, stake=5),
        Row("miner", data=b"anything", incentive=7),
        Row("client", Role.CLIENT),
        Row("silent", addressed=False),
        Row("calls itself a validator, and is paid as a miner", Role.VALIDATOR, incentive=3),
        Row("a validator without a permit", Role.VALIDATOR),
    ]
    peers = peers_in(moment(FIRST, people), WINDOW)
    assert [(p.uid, p.place, p.incentive) for p in peers.by_uid.values()] == [(2, 0, 7), (5, 1, 3)]
    found = peers.of(people[2].hotkey)  # type: ignore[arg-type]
    assert found is not None
    assert found.uid == 2
    assert peers.of("client") is None  # type: ignore[arg-type]


async def test_a_window_counts_what_more_than_half_of_stake_holds() -> None:
    records = chain(SEALED, OPENED, {1: word(3, 4), 2: word(3, 4, 5)})
    closing = await records.closing(WINDOW)
    assert closing.state == STATE
    assert set(closing.counted) == {3, 4}
    counted = closing.counted[4]
    assert (counted.key, counted.weight, counted.peer.place) == (bytes([4]) * 32, 1, 1)
    assert counted.holders == ("m4", "v1", "v2")
    assert closing.said["v2"].held == {3, 4, 5}  # type: ignore[index]


@pytest.mark.parametrize(
    ("at_upload", "at_reveal"),
    [
        (None, opened(3)),  # the seal came a block too late
        (sealed(3), sealed(3)),  # no key in time
        (sealed(3), None),
        (sealed(3), opened(3, seal=b"x" * 32)),  # another seal than was in time
        (sealed(3), opened(3, window=WINDOW + 1)),
        (sealed(3, state=OTHER), opened(3, state=OTHER)),  # of another state
    ],
)
async def test_what_was_not_in_time_or_not_the_same_has_no_message(
    at_upload: PeerRecord | None, at_reveal: PeerRecord | None
) -> None:
    """Also where validators attest it: all who read the chain leave it out."""
    records = chain(
        {**SEALED, 3: at_upload}, {**OPENED, 3: at_reveal}, {1: word(3, 4), 2: word(3, 4)}
    )
    closing = await records.closing(WINDOW)
    assert set(closing.counted) == {4}
    assert closing.without_message == {3}


@pytest.mark.parametrize(
    "words",
    [
        {},
        {2: word(3, 4)},  # 40 of 100
        {1: word(3, state=STATE), 2: word(3, state=OTHER)} | {1: word(3, window=1)},
        {1: word(), 2: word()},  # nobody's work is held
        {1: word(200), 2: word(200)},  # held, and no peer
    ],
)
async def test_a_window_without_a_majority_is_void(words: dict[int, ValidatorRecord]) -> None:
    closing = await chain(SEALED, OPENED, words).closing(WINDOW)
    assert closing.is_void
    assert not closing.counted


def test_the_named_state_has_more_than_half_of_all_stake() -> None:
    split = moment(ATTEST, rows({}, {1: word(state=STATE), 2: word(state=OTHER)}))
    assert named_state(split, WINDOW) == STATE
    assert named_state(split, WINDOW + 1) is None
    alone = moment(ATTEST, rows({}, {2: word(state=OTHER)}))
    assert named_state(alone, WINDOW) is None
    assert [each.stake for each in attestations(alone)] == [60, 40]
    assert [each.record is None for each in attestations(alone)] == [True, False]


def test_a_miner_with_a_permit_has_no_word_and_no_part_in_the_total() -> None:
    """Miners that earn hold stake: their silence would else make every window void."""
    people = rows({}, {2: word(3, state=OTHER)})
    people[1] = Row("v1", Role.MINER, word(3).pack(), 60, permit=True)
    people[0] = Row("owner", stake=500, permit=True)
    assert named_state(moment(ATTEST, people), WINDOW) == OTHER
    assert [each.stake for each in attestations(moment(ATTEST, people))] == [40]


def test_messages_weigh_what_their_peers_earn_or_all_the_same() -> None:
    assert message_weights({3: 0, 4: 0}) == {3: 1, 4: 1}
    assert message_weights({3: 0, 4: 9, 5: 1}) == {4: 9, 5: 1}
    assert message_weights({}) == {}


async def test_whoever_has_no_incentive_counts_and_weighs_nothing_beside_others() -> None:
    records = chain(SEALED, OPENED, {1: word(3, 4), 2: word()}, {4: 30, 5: 99})
    closing = await records.closing(WINDOW)
    assert {uid: each.weight for uid, each in closing.counted.items()} == {3: 0, 4: 30}


async def test_a_window_is_read_once_and_not_before_it_is_decided() -> None:
    first = {FIRST: moment(FIRST, rows({}))}
    past = Past(first)
    records = ChainRecords(past, SCHEDULE)
    await records.peers(WINDOW)
    with pytest.raises(UnknownBlock):
        await records.closing(WINDOW)
    past.moments = {
        **first,
        UPLOAD: moment(UPLOAD, rows({**SEALED})),
        REVEAL: moment(REVEAL, rows({**OPENED})),
        ATTEST: moment(ATTEST, rows({}, {1: word(3), 2: word(3)})),
    }
    past.asked.clear()
    assert set((await records.closing(WINDOW)).counted) == {3}
    assert sorted(past.asked) == [UPLOAD, REVEAL, ATTEST]
    past.asked.clear()
    await records.closing(WINDOW)
    assert not past.asked
