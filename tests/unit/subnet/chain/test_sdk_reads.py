"""What the chain says, parsed: the shapes that SDK 11.3 decodes to, and what is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from assay.chain.errors import BadAnswer, UnknownSubnet
from assay.chain.interface import Commitment, Endpoint
from assay.chain.sdk_reads import read_block
from assay.types import U64_MAX, BlockNumber
from tests.unit.subnet.chain.told import AT, GRAPH, OWNER, A, B, Told

QUICKNET = (  # as drand publishes it
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
)


class Asked:
    """A ``BlockReader`` whose every method is a whole read, as a chain makes it."""

    def __init__(self, told: Told) -> None:
        self.told = told

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        def ask(*args: Any) -> Awaitable[Any]:
            return read_block(self.told, AT.hash, lambda r: getattr(r, name)(*args))

        return ask


def reader(told: Told | None = None, **changes: Any) -> Any:
    return Asked(told or Told(**changes))


async def test_a_metagraph() -> None:
    graph = await reader().metagraph(1)
    assert (graph.netuid, graph.n, graph.at) == (1, 2, AT)
    assert (graph.epoch.index, graph.epoch.last_block, graph.epoch.next_block) == (3, 30, 50)
    first, second = graph.neurons
    assert (first.uid, first.hotkey, first.coldkey, first.axon) == (0, A, OWNER, None)
    assert second.axon == Endpoint("127.0.0.1", 20_001)
    assert (second.alpha_stake, second.total_stake, second.emission) == (6, 8, 2)
    assert (second.incentive, second.validator_trust) == (65_535, 0)  # not yet in the vector
    assert first.validator_trust == 65_535
    assert graph.alpha_price == 500_000_000


async def test_an_epoch_that_was_asked_for_comes_earlier() -> None:
    assert (await reader(PendingEpochAt=44).metagraph(1)).epoch.next_block == 44


async def test_old_runtimes_lack_three_items() -> None:
    told = Told()
    told.true.missing = frozenset({"ValidatorTrust", "StakeThreshold", "LastStoredRound"})
    told.items["Uids"] = 0
    rights = await reader(told).rights(1, A)
    assert (rights.beacon, rights.settings.stake_threshold, rights.uid) == (False, 0, 0)
    assert rights.owner


async def test_what_the_sdk_seals_opens_only_on_a_chain_that_follows_quicknet() -> None:
    for key, follows in ((QUICKNET, True), ("01" * 96, False), ("", False)):
        told = {"LastStoredRound": 5, "BeaconConfig": {"public_key": "0x" + key}}
        assert (await reader(**told).rights(1, A)).beacon is follows
    with pytest.raises(BadAnswer):
        await reader(LastStoredRound=5, BeaconConfig=7).rights(1, A)


@pytest.mark.parametrize("tao_weight", [0.2, 0.5, 2 / 3])
@pytest.mark.parametrize("spent", [1, 100, 5_000])
async def test_a_price_after_a_purchase_from_a_pool_of_any_weights(
    tao_weight: float, spent: int
) -> None:
    """By the pool's own rule: TAO to the power of its weight, times alpha to its own, stays."""
    tao, alpha = 1_000.0, 2_000.0
    ratio = tao_weight / (1 - tao_weight)
    price = tao / alpha / ratio
    left = alpha * (tao / (tao + spent)) ** ratio
    found = await reader(
        SubnetMechanism=1,
        SubnetTAO=int(tao * 1e9),
        SubnetAlphaIn=int(alpha * 1e9),
        current_alpha_price=round(price * 1e9),
    ).price_after(1, spent * 10**9)
    assert found == pytest.approx((tao + spent) / left / ratio * 1e9, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "spent", "price"),
    [
        ({}, 0, 500_000_000),
        ({"SubnetMechanism": 0, "SubnetTAO": 0}, 10**12, 500_000_000),
        ({"SubnetTAO": 0}, 10**9, U64_MAX),
        ({"SubnetAlphaIn": 1}, 10**9, U64_MAX),
        ({"SubnetAlphaIn": 10**9}, U64_MAX, U64_MAX),
    ],
)
async def test_a_price_that_no_purchase_moves_and_a_pool_that_sells_nothing(
    changes: dict[str, int], spent: int, price: int
) -> None:
    pool = {"SubnetMechanism": 1, "SubnetTAO": 10**12, "SubnetAlphaIn": 2 * 10**12}
    assert await reader(**(pool | changes)).price_after(1, spent) == price


async def test_no_such_subnet() -> None:
    with pytest.raises(UnknownSubnet):
        await reader(get_metagraph=None).metagraph(9)
    for ask in (
        lambda r: r.subnet(9),
        lambda r: r.price_after(9, 1),
        lambda r: r.hyperparameters(9),
        lambda r: r.rows(9),
        lambda r: r.commitments(9),
    ):
        with pytest.raises(UnknownSubnet):
            await ask(reader(NetworksAdded=False))
    assert not await reader().exists(70_000)


BAD_GRAPHS: dict[str, dict[str, Any]] = {
    "a short column": {"coldkeys": [OWNER]},
    "no column": {"axons": None},
    "a u16 that is none": {"incentives": [0, 65_536]},
    "a negative amount": {"alpha_stake": [-1, 0]},
    "text for a number": {"last_update": ["1", 2]},
    "a truth for a number": {"emission": [True, 2]},
    "an address that is none": {"hotkeys": ["5Grwva", B]},
    "an owner that is none": {"owner_hotkey": None},
}


@pytest.mark.parametrize("name", BAD_GRAPHS)
async def test_a_metagraph_that_is_wrong(name: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        await reader(get_metagraph=GRAPH | BAD_GRAPHS[name]).metagraph(1)
    assert "get_metagraph" in caught.value.cause


@pytest.mark.parametrize("answer", [[], "0x", 5])
async def test_a_metagraph_that_is_no_record(answer: Any) -> None:
    with pytest.raises(BadAnswer):
        await reader(get_metagraph=answer).metagraph(1)


@pytest.mark.parametrize(
    "axon",
    [
        None,
        {"ip": 0, "port": 5, "ip_type": 4},
        {"ip": 5, "port": 0, "ip_type": 4},
        {"ip": 2**40, "port": 5, "ip_type": 4},
    ],
)
async def test_an_axon_that_is_none_hides_no_other(axon: Any) -> None:
    graph = await reader(get_metagraph=GRAPH | {"axons": [axon, GRAPH["axons"][1]]}).metagraph(1)
    assert graph.neurons[0].axon is None
    assert graph.neurons[1].axon is not None


async def test_an_ipv6_axon() -> None:
    axon = {"ip": 1, "port": 5, "ip_type": 6}
    graph = await reader(get_metagraph=GRAPH | {"axons": [axon, axon]}).metagraph(1)
    assert str(graph.neurons[0].axon) == "[::1]:5"


async def test_rows_are_sorted_and_without_zeros() -> None:
    rows = await reader(Weights=[(4, []), (3, [(5, 1), (1, 65_535), (2, 0)])]).rows(1)
    assert rows == {3: ((1, 65_535), (5, 1))}


@pytest.mark.parametrize("row", [[(1,)], [(1, 65_536)], [(-1, 1)], 7, [5]])
async def test_a_row_that_is_none(row: Any) -> None:
    with pytest.raises(BadAnswer):
        await reader(Weights=[(0, row)]).rows(1)


def held(*fields: Any) -> dict[str, Any]:
    return {"deposit": 0, "block": 12, "info": {"fields": list(fields)}}


@pytest.mark.parametrize(
    ("record", "data"),
    [
        (held({"Raw3": "0x616263"}), b"abc"),
        (held({"Raw0": []}), b""),
        (held({"Raw0": "0x"}), b""),
        (held("Raw0"), b""),
        (held({"Raw1": "0x61"}, {"Raw2": "0x6263"}), b"abc"),
        (held({"Raw128": "0x" + "ff" * 128}), b"\xff" * 128),
    ],
)
async def test_a_commitment_in_clear(record: Any, data: bytes) -> None:
    found = await reader(CommitmentOf=record).commitment(1, A)
    assert found == Commitment(data, BlockNumber(12))
    assert await reader(CommitmentOf=[(A, record)]).commitments(1) == {A: found}


@pytest.mark.parametrize(
    "record",
    [
        held(),
        held("None"),
        held({"Sha256": "0x" + "00" * 32}),
        held({"TimelockEncrypted": {"encrypted": "0x00", "reveal_round": 5}}),
        held(*[{"Raw128": "0x" + "ff" * 128}] * 4),
    ],
)
async def test_a_commitment_that_says_nothing_in_clear(record: Any) -> None:
    assert await reader(CommitmentOf=record).commitment(1, A) is None
    assert await reader(CommitmentOf=[(A, record)]).commitments(1) == {}


@pytest.mark.parametrize(
    "record", [[], "0x", held({"Raw1": "zz"}), held({"Raw1": 5.0}), {"info": None, "block": 1}]
)
async def test_a_commitment_that_is_none(record: Any) -> None:
    with pytest.raises(BadAnswer):
        await reader(CommitmentOf=[(A, record)]).commitments(1)


async def test_money() -> None:
    assert await reader().balance(A) == 77
    stake = {"hotkey": A, "coldkey": B, "netuid": 1, "stake": 9}
    assert await reader(get_stake_info_for_hotkey_coldkey_netuid=stake).stake(A, B, 1) == 9
    assert await reader(get_stake_info_for_hotkey_coldkey_netuid=None).stake(A, B, 1) == 0
    found = await reader(get_stake_info_for_coldkey=[stake, stake | {"stake": 0}]).stakes(B)
    assert [(p.hotkey, p.netuid, p.alpha) for p in found] == [(A, 1, 9)]
    for wrong in (None, {"data": None}, {"data": {"free": "1"}}):
        with pytest.raises(BadAnswer):
            await reader(Account=wrong).balance(A)
