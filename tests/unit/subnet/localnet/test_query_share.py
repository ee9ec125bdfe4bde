"""What is left of a query's budget to everybody, however busy the node is, holds honest reads.

Measured on the largest subnet there may be: 256 neurons, 32 keys lending to each.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import pytest
from bittensor_core import Keypair

from assay.localnet.backend import Backend
from assay.localnet.errors import BudgetSpent
from assay.localnet.primitives.hashing import twox
from assay.localnet.primitives.scale import compact
from assay.localnet.rpc.limits import RpcLimits
from scripts.bench.weights_calls import (
    account,
    burned_register,
    register_network,
    set_storage,
    start_call,
    sudo,
    u16,
    u64,
)
from tests.unit.subnet.localnet.core_chain import ALICE, genesis, module_cache, sign, step

NEURONS, PARENTS, AT_ONCE = 256, 32, 64
ALONE = 0.034
"""A share that a metagraph fits into where nobody lends."""

READS = [
    ("SubnetInfoRuntimeApi_get_metagraph", u16(1)),
    ("SubnetInfoRuntimeApi_get_mechagraph", u16(1) + b"\0"),
    ("SubnetInfoRuntimeApi_get_dynamic_info", u16(1)),
    ("NeuronInfoRuntimeApi_get_neurons", u16(1)),
    ("NeuronInfoRuntimeApi_get_neurons_lite", u16(1)),
    ("StakeInfoRuntimeApi_get_stake_info_for_coldkey", account(ALICE)),
    ("DelegateInfoRuntimeApi_get_delegated", account(ALICE)),
    ("Metadata_metadata", b""),
]


@pytest.fixture(scope="module")
def full() -> Iterator[Backend]:
    """The chain with a subnet that is full; nobody lends yet."""
    defaults = {"maxRegistrationsPerBlock": NEURONS}
    recipe = genesis(subtensorModule={"newSubnetDefaults": defaults})
    chain = Backend.open(None, recipe, module_cache=module_cache())
    hotkeys = neurons()
    by_alice(chain, register_network(hotkeys[0]))
    by_alice(chain, start_call(1))
    for at in range(1, NEURONS, AT_ONCE):
        by_alice(chain, *(burned_register(1, hotkey) for hotkey in hotkeys[at : at + AT_ONCE]))
    yield chain
    chain.close()


def neurons() -> list[Keypair]:
    return [Keypair.create_from_uri(f"//neuron//{number}") for number in range(NEURONS)]


def by_alice(chain: Backend, *calls: bytes) -> None:
    answer = chain.call("AccountNonceApi_account_nonce", account(ALICE))
    first = int.from_bytes(answer, "little")
    signed = [sign(chain, ALICE, call, first + at) for at, call in enumerate(calls)]
    assert len(step(chain, *signed).included) == len(calls)


def lend(chain: Backend) -> None:
    """Each neuron gets as many parents as it may have, all different."""
    table = twox(b"SubtensorModule", 128) + twox(b"ParentKeys", 128)
    items = {}
    for number, hotkey in enumerate(neurons()):
        who = account(hotkey)
        key = table + blake2b(who, digest_size=16).digest() + who + u16(1)
        parents = (blake2b(b"%d %d" % (number, n), digest_size=32).digest() for n in range(PARENTS))
        items[key] = compact(PARENTS) + b"".join(u64(2**60) + parent for parent in parents)
    listed = list(items.items())
    for at in range(0, NEURONS, AT_ONCE):
        by_alice(chain, sudo(set_storage(dict(listed[at : at + AT_ONCE]))))


def test_the_least_share_holds_every_read_of_the_largest_subnet(full: Backend) -> None:
    metagraph, arguments = READS[0]
    assert full.call(metagraph, arguments, share=ALONE)
    lend(full)
    with pytest.raises(BudgetSpent):
        full.call(metagraph, arguments, share=ALONE)
    for method, arguments in READS:
        assert full.call(method, arguments, share=RpcLimits().query_least_share), method
