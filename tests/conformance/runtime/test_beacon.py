"""What the SDK sealed, opened in the committed runtime by the pulse that drand published."""

from __future__ import annotations

from typing import Any, Final

import pytest
from bittensor_core import encrypt_at_round

from assay.localnet.beacon.pulse import (
    AWAITED_ROUNDS_KEY,
    CONFIG_KEY,
    DEVELOPMENT_SEED,
    QUICKNET,
    BeaconConfig,
    Bringer,
    Pulse,
    awaited_round,
)
from assay.localnet.primitives.scale import Reader, compact, encode_bytes
from tests.conformance.runtime.subnet import hotkey
from tests.conformance.runtime.test_sealing import _world as untimed
from tests.conformance.runtime.world import NETUID, World, account, address

VALIDATOR: Final = hotkey(0)
ROUND: Final = 1_000
SIGNATURE: Final = bytes.fromhex(
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125"
    "e342b73a8dd2bacbe47e4b6b63ed5e39"
)
"""Of quicknet's round 1000, as drand publishes it."""
RANDOMNESS: Final = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
INCLUDED: Final = b"\0\0"
NOW_MS: Final = (QUICKNET.genesis_s + 2 * ROUND * QUICKNET.period_s) * 1_000
"""Past every round here, and within the week in which a round may be late."""


def _world(neurons: int) -> World:
    world = untimed(neurons)
    world.set("Now", to=NOW_MS, pallet="Timestamp")
    return world


def _sealed(text: bytes) -> bytes:
    """``text``, sealed by the SDK to quicknet's round: what is inside of its envelope."""
    envelope, _ = encrypt_at_round(text, ROUND)
    reader = Reader(bytes(envelope))
    inner = reader.bytes()
    assert reader.uint(8) == ROUND
    return inner


def _bring(world: World, pulse: Pulse) -> bytes:
    """What the runtime says of the unsigned extrinsic that brings ``pulse``."""
    extrinsic = Bringer(b"\7" * 32).extrinsic(pulse, world.block)
    return world.call("BlockBuilder_apply_extrinsic", extrinsic)


def _row(who: str, row: list[tuple[int, int]]) -> bytes:
    """A row as clients seal it: whose, for whom, how much, and the version key."""
    uids = b"".join(uid.to_bytes(2, "little") for uid, _ in row)
    values = b"".join(value.to_bytes(2, "little") for _, value in row)
    length = compact(len(row))
    return encode_bytes(account(who)) + length + uids + length + values + bytes(8)


def _commit(world: World, sealed: bytes, number: int) -> str | None:
    return world.submit(
        VALIDATOR,
        "commit_timelocked_weights",
        {
            "netuid": NETUID,
            "commit": sealed,
            "reveal_round": number,
            "commit_reveal_version": 4,
        },
    )


def _events(world: World) -> list[str]:
    return [record["event"]["event_id"] for record in world.get("Events", pallet="System")]


def _next_epoch(world: World) -> None:
    world.set("SubnetEpochIndex", NETUID, to=5)
    world.begin_block(101)


def test_a_recorded_pulse_opens_weights_and_a_text_that_the_sdk_sealed() -> None:
    world = _world(3)
    world.clear("BeaconConfig", pallet="Drand")  # the default: the chain follows quicknet
    row = [(1, 65_535), (2, 30_000)]
    sealed = _sealed(_row(VALIDATOR, row))
    assert _commit(world, sealed, ROUND) is None
    text = {"encrypted": _sealed(b"a text")}
    field = {"TimelockEncrypted": text | {"reveal_round": ROUND}}
    given = {"netuid": NETUID, "info": {"fields": [[field]]}}
    assert world.submit(VALIDATOR, "set_commitment", given, pallet="Commitments") is None

    pulse = Pulse(ROUND, SIGNATURE)
    assert pulse.randomness.hex() == RANDOMNESS
    assert _bring(world, pulse) == INCLUDED
    assert world.get("LastStoredRound", pallet="Drand") == ROUND
    _next_epoch(world)
    assert [tuple(pair) for pair in world.get("Weights", NETUID, 0)] == row
    ((revealed, block),) = world.get(
        "RevealedCommitments", NETUID, address(VALIDATOR), pallet="Commitments"
    )
    assert (revealed, block) == ("a text", 101)
    assert {"TimelockedWeightsRevealed", "CommitmentRevealed"} <= set(_events(world))


def _ask(world: World, question: str, *arguments: bytes) -> bytes:
    answer = world.call(f"BeaconRuntimeApi_{question}", b"".join(arguments))
    assert answer[:1] == b"\1"
    return answer[1:]


def test_the_local_beacon_opens_what_was_sealed_to_it() -> None:
    world, number = _world(3), ROUND
    stored = world.overlay.get(CONFIG_KEY)
    assert stored is not None
    config = BeaconConfig.read(stored)
    assert (config.period_s, config.genesis_s) == (QUICKNET.period_s, QUICKNET.genesis_s)
    assert config.public_key == _ask(world, "beacon_public_key", DEVELOPMENT_SEED)
    little = number.to_bytes(8, "little")
    answer = _ask(
        world, "seal_to_round", encode_bytes(_row(VALIDATOR, [(1, 65_535)])), little,
        config.public_key, b"\5" * 32,
    )  # fmt: skip
    size = len(compact(len(answer) - 2))
    assert _commit(world, answer[size:], number) is None
    waits = world.overlay.next_key(AWAITED_ROUNDS_KEY)
    assert waits is not None and awaited_round(waits) == number

    def pulse(number: int) -> Pulse:
        little = number.to_bytes(8, "little")
        return Pulse(number, _ask(world, "beacon_signature", DEVELOPMENT_SEED, little))

    # Its round is passed over, and comes all the same, since something is sealed to it.
    assert _bring(world, pulse(number + 2)) == INCLUDED
    assert _bring(world, pulse(number + 1)) != INCLUDED
    assert _bring(world, pulse(number)) == INCLUDED
    assert world.overlay.get(waits) is None
    assert world.get("LastStoredRound", pallet="Drand") == number + 2
    _next_epoch(world)
    assert [tuple(pair) for pair in world.get("Weights", NETUID, 0)] == [(1, 65_535)]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"number": ROUND + 1}, id="of another round"),
        pytest.param({"signature": bytes(48)}, id="no point"),
        pytest.param({"signature": b""}, id="nothing"),
    ],
)
def test_a_pulse_that_is_not_the_beacons_stores_nothing(changed: dict[str, Any]) -> None:
    world = _world(2)
    world.clear("BeaconConfig", pallet="Drand")
    given = {"number": ROUND, "signature": SIGNATURE} | changed
    _bring(world, Pulse(given["number"], given["signature"]))
    assert world.get("LastStoredRound", pallet="Drand") == 0


@pytest.mark.parametrize("sealed", [b"", b"\xff" * 5_000, bytes(300)])
def test_what_does_not_open_is_dropped(sealed: bytes) -> None:
    world = _world(2)
    world.clear("BeaconConfig", pallet="Drand")
    assert _commit(world, sealed, ROUND) is None
    assert _bring(world, Pulse(ROUND, SIGNATURE)) == INCLUDED
    _next_epoch(world)
    assert world.get("TimelockedWeightCommits", NETUID, 4) == []
    assert "TimelockedWeightsRevealed" not in _events(world)
