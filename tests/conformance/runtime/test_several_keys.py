"""Several keys for one account, and keys for another: Multisig and Proxy as clients use them.

What a call does, what its deposit is and that it comes back, the storage that clients list from,
the event, and who is refused. The deposits are the public chain's, which clients show before they
sign. What a proxy's type lets through is the runtime's own test.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import pytest

from tests.conformance.runtime.started import TAO, started
from tests.conformance.runtime.world import World, account, address

WEIGHT: Final = {"ref_time": 10**10, "proof_size": 10**5}
BASE, FACTOR = 132_000_000, 32_000_000
"""Rao for a call that waits, and for each signature that it waits for."""
PROXY_BASE, PROXY_FACTOR = 60_000_000, 33_000_000
"""Rao for an account that has proxies, and for each; the same scale for announcements."""
ANNOUNCED_BASE, ANNOUNCED_FACTOR = 36_000_000, 68_000_000
FUNDS_UNAVAILABLE: Final = "dispatch:0x0700"
HASH: Final = f"0x{'11' * 32}"


@pytest.fixture(scope="module")
def subnet() -> World:
    return started(12)


def reserved(world: World, name: str) -> int:
    return int(world.get("Account", address(name), pallet="System")["data"]["reserved"])


def do(world: World, who: str, pallet: str, function: str, **arguments: Any) -> str | None:
    return world.submit(who, function, arguments, pallet=pallet)


# -- Multisig


def together(threshold: int, *names: str) -> str:
    """The account of several keys: BLAKE2 of a prefix, the sorted keys, and the threshold."""
    keys = sorted(account(name) for name in names)
    told = b"modlpy/utilisuba" + bytes((len(keys) << 2,)) + b"".join(keys)
    return f"0x{blake2b(told + threshold.to_bytes(2, 'little'), digest_size=32).hexdigest()}"


def others(*names: str) -> list[str]:
    return [address(name) for name in sorted(names, key=account)]


def payment(rao: int = TAO) -> bytes:
    return World().compose(
        "Balances", "transfer_keep_alive", {"dest": address("stranger"), "value": rao}
    )


def hashed(call: bytes) -> str:
    return f"0x{blake2b(call, digest_size=32).hexdigest()}"


def waiting(world: World, call: bytes) -> dict[str, Any]:
    """Begin a call of two keys of three by the owner: the arguments by which it goes on."""
    begun = {
        "threshold": 2,
        "other_signatories": others("validator", "miner"),
        "maybe_timepoint": None,
        "call": call,
        "max_weight": WEIGHT,
    }
    assert do(world, "owner", "Multisig", "as_multi", **begun) is None
    (said,) = world.events("NewMultisig")
    assert said["call_hash"] == hashed(call)
    return {"height": world.block, "index": 0}


def test_one_of_several_keys_acts_for_their_account(world: World) -> None:
    theirs = together(1, "owner", "miner")
    fund = {"dest": theirs, "value": 5 * TAO}
    assert do(world, "validator", "Balances", "transfer_keep_alive", **fund) is None
    before = world.free("stranger")
    act = {"other_signatories": others("owner"), "call": payment(2 * TAO)}
    assert do(world, "miner", "Multisig", "as_multi_threshold_1", **act) is None
    assert world.free("stranger") - before == 2 * TAO
    stranger = do(world, "stranger", "Multisig", "as_multi_threshold_1", **act)
    assert stranger == FUNDS_UNAVAILABLE, "the stranger and the owner have another account"
    nobody = {**act, "other_signatories": []}
    assert do(world, "miner", "Multisig", "as_multi_threshold_1", **nobody) == "TooFewSignatories"


def test_a_call_waits_for_the_second_key_and_its_deposit_comes_back(world: World) -> None:
    theirs = together(2, "owner", "validator", "miner")
    call = payment(2 * TAO)
    when = waiting(world, call)
    assert reserved(world, "owner") == BASE + 2 * FACTOR
    kept = world.get("Multisigs", theirs, hashed(call), pallet="Multisig")
    assert (kept["when"], kept["deposit"]) == (when, BASE + 2 * FACTOR)
    assert (kept["depositor"], kept["approvals"]) == (address("owner"), [address("owner")])
    fund = {"dest": theirs, "value": 5 * TAO}
    assert do(world, "validator", "Balances", "transfer_keep_alive", **fund) is None
    before = world.free("stranger")
    second = {
        "threshold": 2,
        "other_signatories": others("owner", "validator"),
        "maybe_timepoint": when,
        "call": call,
        "max_weight": WEIGHT,
    }
    assert do(world, "miner", "Multisig", "as_multi", **second) is None
    assert world.free("stranger") - before == 2 * TAO
    assert (reserved(world, "owner"), world.events("MultisigExecuted")[0]["result"]) == (
        0,
        {"Ok": ()},
    )
    assert world.get("Multisigs", theirs, hashed(call), pallet="Multisig") is None


def test_who_began_a_call_takes_it_back(world: World) -> None:
    theirs = together(2, "owner", "validator", "miner")
    call = payment()
    when = waiting(world, call)
    named = {"threshold": 2, "timepoint": when, "call_hash": hashed(call)}
    other = {**named, "other_signatories": others("owner", "validator")}
    own = {**named, "other_signatories": others("validator", "miner")}
    late = {**own, "timepoint": {"height": world.block, "index": 1}}
    assert do(world, "miner", "Multisig", "cancel_as_multi", **other) == "NotOwner"
    assert do(world, "owner", "Multisig", "cancel_as_multi", **late) == "WrongTimepoint"
    assert do(world, "owner", "Multisig", "cancel_as_multi", **own) is None
    (said,) = world.events("MultisigCancelled")
    assert (said["cancelling"], said["call_hash"]) == (address("owner"), hashed(call))
    assert world.get("Multisigs", theirs, hashed(call), pallet="Multisig") is None
    assert reserved(world, "owner") == 0
    assert do(world, "owner", "Multisig", "cancel_as_multi", **own) == "NotFound"


def test_a_deposit_of_another_time_is_brought_up_to_date(world: World) -> None:
    """Such as one that was made before the chain's deposits changed."""
    theirs = together(2, "owner", "validator", "miner")
    call = payment()
    waiting(world, call)
    key = (theirs, hashed(call))
    kept = world.get("Multisigs", *key, pallet="Multisig")
    world.set("Multisigs", *key, to={**kept, "deposit": FACTOR}, pallet="Multisig")
    named = {"threshold": 2, "call_hash": hashed(call)}
    other = {**named, "other_signatories": others("owner", "validator")}
    assert do(world, "miner", "Multisig", "poke_deposit", **other) == "NotOwner"
    own = {**named, "other_signatories": others("validator", "miner")}
    assert do(world, "owner", "Multisig", "poke_deposit", **own) is None
    (said,) = world.events("DepositPoked")
    assert (said["old_deposit"], said["new_deposit"]) == (FACTOR, BASE + 2 * FACTOR)
    assert world.get("Multisigs", *key, pallet="Multisig") == kept


def test_clients_are_told_the_deposits(world: World) -> None:
    told = {
        "Multisig.DepositBase": BASE,
        "Multisig.DepositFactor": FACTOR,
        "Proxy.ProxyDepositBase": PROXY_BASE,
        "Proxy.ProxyDepositFactor": PROXY_FACTOR,
        "Proxy.AnnouncementDepositBase": ANNOUNCED_BASE,
        "Proxy.AnnouncementDepositFactor": ANNOUNCED_FACTOR,
    }
    assert {name: world.constant(name) for name in told} == told


# -- Proxy


def proxy(name: str, kind: str, delay: int = 0) -> dict[str, Any]:
    return {"delegate": address(name), "proxy_type": kind, "delay": delay}


def proxies(world: World, name: str) -> tuple[list[Mapping[str, Any]], int]:
    listed, deposit = world.get("Proxies", address(name), pallet="Proxy")
    return listed, deposit


def test_one_proxy_of_several_is_removed(world: World) -> None:
    """As exactly as it was added: delegate, type and delay."""
    first, second = proxy("miner", "Staking"), proxy("validator", "Transfer", 7)
    for each in (first, second):
        assert do(world, "owner", "Proxy", "add_proxy", **each) is None
    listed, deposit = proxies(world, "owner")
    assert sorted(each["delegate"] for each in listed) == sorted(
        each["delegate"] for each in (first, second)
    )
    assert deposit == reserved(world, "owner") == PROXY_BASE + 2 * PROXY_FACTOR
    for wrong in ({"delay": 1}, {"proxy_type": "Any"}, {"delegate": address("stranger")}):
        assert do(world, "owner", "Proxy", "remove_proxy", **{**first, **wrong}) == "NotFound"
    assert do(world, "owner", "Proxy", "remove_proxy", **first) is None
    (said,) = world.events("ProxyRemoved")
    assert said == {
        "delegator": address("owner"),
        "delegatee": first["delegate"],
        "proxy_type": "Staking",
        "delay": 0,
    }
    assert proxies(world, "owner") == ([second], PROXY_BASE + PROXY_FACTOR)
    assert do(world, "owner", "Proxy", "remove_proxy", **second) is None
    assert proxies(world, "owner") == ([], 0)
    assert reserved(world, "owner") == 0
    act = {"real": address("owner"), "force_proxy_type": None, "call": payment()}
    assert do(world, "validator", "Proxy", "proxy", **act) == "NotProxy"


def test_an_announcement_is_kept_until_it_is_taken_back(world: World) -> None:
    assert do(world, "owner", "Proxy", "add_proxy", **proxy("miner", "Any", 5)) is None
    call = {"real": address("owner"), "call_hash": HASH}
    assert do(world, "stranger", "Proxy", "announce", **call) == "NotProxy"
    assert do(world, "miner", "Proxy", "announce", **call) is None
    announced = {**call, "height": world.block}
    deposit = ANNOUNCED_BASE + ANNOUNCED_FACTOR
    kept = world.get("Announcements", address("miner"), pallet="Proxy")
    assert tuple(kept) == ([announced], deposit)
    assert reserved(world, "miner") == deposit
    other = {**call, "call_hash": f"0x{'22' * 32}"}
    assert do(world, "miner", "Proxy", "remove_announcement", **other) == "NotFound"
    assert do(world, "miner", "Proxy", "remove_announcement", **call) is None
    assert tuple(world.get("Announcements", address("miner"), pallet="Proxy")) == ([], 0)
    assert reserved(world, "miner") == 0


def test_deposits_of_another_time_are_brought_up_to_date(world: World) -> None:
    """Such as those that were made before the chain's deposits changed."""
    assert do(world, "owner", "Proxy", "add_proxy", **proxy("miner", "Any")) is None
    listed, deposit = proxies(world, "owner")
    assert do(world, "owner", "Proxy", "poke_deposit") is None
    assert world.events("DepositPoked") == []
    world.set("Proxies", address("owner"), to=(listed, deposit - 7), pallet="Proxy")
    assert do(world, "owner", "Proxy", "poke_deposit") is None
    (said,) = world.events("DepositPoked")
    assert (said["who"], said["kind"]) == (address("owner"), "Proxies")
    assert (said["old_deposit"], said["new_deposit"]) == (deposit - 7, deposit)
    assert proxies(world, "owner") == (listed, deposit)
