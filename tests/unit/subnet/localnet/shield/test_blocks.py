"""Sealed extrinsics on the committed runtime: what is opened, what is refused, and who pays.

The client's own code seals (``bittensor_core``); the extrinsics are put together by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bittensor_core
import pytest
from bittensor_core import Keypair

from assay.localnet.backend import Backend, BuiltBlock
from assay.localnet.errors import InvalidTransaction, TransactionRefused
from assay.localnet.primitives.hashing import blake2_256
from assay.localnet.primitives.scale import Reader, compact, encode_bytes
from assay.localnet.primitives.well_known_keys import ACCOUNTS, blake2_128_concat, item_key
from assay.localnet.shield.author import NEXT_KEY, Shield
from assay.localnet.shield.cipher import new_key
from assay.localnet.shield.keyring import ROLL_MS, Keyring
from assay.localnet.verify import verify_chain
from tests.unit.subnet.localnet.core_chain import (
    ALICE,
    BOB,
    module_cache,
    open_chain,
    sign,
    step,
)

CHARLIE = Keypair.create_from_uri("//Charlie")
TAO = 10**9
PERIOD = 8
FEE_RAO_MIN, FEE_RAO_MAX = 10_000, TAO // 1_000
"""Between these is the fee of any extrinsic here."""


@pytest.fixture
def chain() -> Iterator[Backend]:
    made = open_chain(shield=Shield())
    while shown_key(made) is None:
        step(made)
    yield made
    made.close()


def shown_key(chain: Backend) -> bytes | None:
    """The key that clients read."""
    stored = chain.state().get(NEXT_KEY)
    return None if stored is None else Reader(stored).bytes()


def seal(chain: Backend, text: bytes) -> bytes:
    key = shown_key(chain)
    assert key is not None
    return bytes(bittensor_core.encrypt_mlkem768(key, text, include_key_hash=True))


def envelope(
    chain: Backend, ciphertext: bytes, nonce: int, signer: Keypair = ALICE, period: int = PERIOD
) -> bytes:
    return sign(chain, signer, b"\x1e\x01" + encode_bytes(ciphertext), nonce, period=period)


def transfer_to_charlie(chain: Backend, nonce: int, signer: Keypair = ALICE) -> bytes:
    call = b"\x05\x03\x00" + bytes(CHARLIE.public_key) + compact(TAO)
    return sign(chain, signer, call, nonce, period=PERIOD)


def account(chain: Backend, who: Keypair) -> tuple[int, int]:
    """The nonce and the free balance."""
    record = chain.state().get(ACCOUNTS + blake2_128_concat(bytes(who.public_key))) or bytes(80)
    return int.from_bytes(record[:4], "little"), int.from_bytes(record[16:24], "little")


def body(built: BuiltBlock) -> tuple[bytes, ...]:
    """The block's extrinsics behind the two inherents, of the time and of the key."""
    return built.block.extrinsics[2:]


def refusal(chain: Backend, extrinsic: bytes) -> tuple[str, int | None]:
    with pytest.raises(TransactionRefused) as refused:
        chain.validate(extrinsic)
    return refused.value.kind, refused.value.custom_code


def test_what_is_inside_follows_its_envelope_and_its_signer_pays(chain: Backend) -> None:
    inner = transfer_to_charlie(chain, 1)
    outer = envelope(chain, seal(chain, inner), 0)
    before, got = account(chain, ALICE), account(chain, CHARLIE)[1]
    chain.validate(outer)
    built = step(chain, outer)
    assert body(built) == (outer, inner)
    (unsealed,) = built.unsealed
    assert (unsealed.hash, unsealed.signer) == (blake2_256(inner), bytes(ALICE.public_key))
    assert unsealed.next_nonce == 2
    after = account(chain, ALICE)
    assert after[0] == before[0] + 2
    assert account(chain, CHARLIE)[1] - got == TAO
    assert 2 * FEE_RAO_MIN < before[1] - after[1] - TAO < FEE_RAO_MAX


def test_the_envelope_costs_its_fee_whatever_it_holds(chain: Backend) -> None:
    damaged = bytearray(seal(chain, transfer_to_charlie(chain, 1, BOB)))
    damaged[-1] ^= 1
    bare = encode_bytes(b"\x04\x1e\x00\x01" + encode_bytes(bytes(1184)))
    time = encode_bytes(b"\x04\x02\x00" + compact(2**40))
    for nonce, ciphertext in enumerate(
        [
            bytes(damaged),
            seal(chain, b"no extrinsic"),
            seal(chain, transfer_to_charlie(chain, 0, BOB) + b"\0"),
            seal(chain, bare),
            seal(chain, time),
        ]
    ):
        before = account(chain, BOB)
        outer = envelope(chain, ciphertext, nonce, BOB)
        built = step(chain, outer)
        assert body(built) == (outer,), nonce
        assert built.unsealed == ()
        after = account(chain, BOB)
        assert after[0] == before[0] + 1
        assert FEE_RAO_MIN < before[1] - after[1] < FEE_RAO_MAX, "the fee, and no more"


def test_the_nonce_rules_hold_for_what_is_inside(chain: Backend) -> None:
    for nonce, inner_nonce in enumerate([0, 3]):
        inner = transfer_to_charlie(chain, inner_nonce)
        outer = envelope(chain, seal(chain, inner), nonce)
        built = step(chain, outer)
        assert body(built) == (outer,)


def test_a_replayed_ciphertext_pays_again_and_does_nothing_again(chain: Backend) -> None:
    ciphertext = seal(chain, transfer_to_charlie(chain, 1))
    first = envelope(chain, ciphertext, 0)
    assert len(body(step(chain, first))) == 2
    assert refusal(chain, first) == ("Stale", None)
    got = account(chain, CHARLIE)[1]
    again = envelope(chain, ciphertext, 2)
    copied = envelope(chain, ciphertext, 0, BOB)
    built = step(chain, again, copied)
    assert body(built) == (again, copied)
    assert account(chain, CHARLIE)[1] == got


def test_a_copied_ciphertext_included_first_takes_nothing_from_its_sender(chain: Backend) -> None:
    inner = transfer_to_charlie(chain, 1)
    ciphertext = seal(chain, inner)
    mine, thief = envelope(chain, ciphertext, 0), envelope(chain, ciphertext, 0, BOB)
    built = step(chain, thief, mine)
    assert body(built) == (thief, mine, inner)


def test_another_s_extrinsic_may_be_carried_and_the_other_pays_for_it(chain: Backend) -> None:
    inner = transfer_to_charlie(chain, 0, BOB)
    outer = envelope(chain, seal(chain, inner), 0)
    before = account(chain, BOB)[1]
    assert body(step(chain, outer)) == (outer, inner)
    assert before - account(chain, BOB)[1] > TAO
    assert account(chain, ALICE)[0] == 1


def test_what_is_sealed_twice_is_opened_once(chain: Backend) -> None:
    innermost = transfer_to_charlie(chain, 2)
    inner = envelope(chain, seal(chain, innermost), 1)
    outer = envelope(chain, seal(chain, inner), 0)
    assert body(step(chain, outer)) == (outer, inner)


def test_what_a_batch_wraps_stays_sealed(chain: Backend) -> None:
    call = b"\x1e\x01" + encode_bytes(seal(chain, transfer_to_charlie(chain, 1)))
    batch = sign(chain, ALICE, b"\x0b\x00" + compact(1) + call, 0, period=PERIOD)
    assert body(step(chain, batch)) == (batch,)


def test_it_is_refused_by_the_codes_that_clients_know(chain: Backend) -> None:
    good = seal(chain, transfer_to_charlie(chain, 1))
    stranger = new_key().public_key().public_bytes_raw()
    other = bytes(bittensor_core.encrypt_mlkem768(stranger, b"text", include_key_hash=True))
    assert refusal(chain, envelope(chain, b"\0", 0)) == ("Custom", 23)
    assert refusal(chain, envelope(chain, good[: 16 + 2 + 1088 + 24], 0)) == ("Custom", 23)
    assert refusal(chain, envelope(chain, other, 0)) == ("Custom", 24)
    assert refusal(chain, envelope(chain, good, 0, period=16)) == ("Stale", None)
    immortal = sign(chain, ALICE, b"\x1e\x01" + encode_bytes(good), 0)
    assert refusal(chain, immortal) == ("Stale", None)
    # In a block as in the pool, and free of charge.
    before = account(chain, BOB)
    built = step(chain, envelope(chain, other, 0, BOB))
    ((_, why),) = built.failed
    assert isinstance(why, InvalidTransaction)
    assert why.custom_code == 24
    assert account(chain, BOB) == before


def test_more_than_a_call_may_carry_is_no_extrinsic(chain: Backend) -> None:
    from assay.localnet.errors import RuntimeTrap

    with pytest.raises(RuntimeTrap):
        chain.validate(envelope(chain, bytes(8_193), 0))
    largest = seal(chain, bytes(8_192 - (16 + 2 + 1088 + 24 + 16)))
    assert len(largest) == 8_192
    chain.validate(envelope(chain, largest, 0))


def _shown(chain: Backend) -> set[bytes]:
    keys = set()
    for item in ("CurrentKey", "PendingKey", "NextKey"):
        stored = chain.state().get(item_key("MevShield", item))
        keys.add(b"" if stored is None else Reader(stored).bytes())
    return keys


def test_keys_go_round_and_a_late_ciphertext_is_opened_for_as_long_as_it_lives(
    chain: Backend,
) -> None:
    inner = transfer_to_charlie(chain, 1)
    outer = envelope(chain, seal(chain, inner), 0)
    first = shown_key(chain)
    # A block so late that there is a new key; it is shown one block later.
    chain.build(chain.earliest_timestamp_ms() + ROLL_MS, ())
    assert shown_key(chain) == first
    step(chain)
    assert shown_key(chain) not in (first, None)
    for _ in range(2):
        step(chain)
    assert first not in _shown(chain)
    assert body(step(chain, outer)) == (outer, inner)


def test_after_a_restart_the_lost_key_is_refused_and_a_new_one_is_shown(tmp_path: Path) -> None:
    shield = Shield()
    chain = open_chain(tmp_path, shield=shield)
    while shown_key(chain) is None:
        step(chain)
    outer = envelope(chain, seal(chain, transfer_to_charlie(chain, 1)), 0)
    secret = shield._keyring._latest
    assert secret is not None
    chain.close()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert secret.secret.private_bytes_raw() not in path.read_bytes(), path
    chain = open_chain(tmp_path, shield=Shield())
    lost = shown_key(chain)
    assert refusal(chain, outer) == ("Custom", 24)
    for _ in range(2):
        step(chain)
    assert shown_key(chain) not in (lost, None)
    inner = transfer_to_charlie(chain, 1)
    again = envelope(chain, seal(chain, inner), 0)
    assert body(step(chain, again)) == (again, inner)
    chain.close()
    # Executed again from what is stored, without any key.
    assert verify_chain(tmp_path, module_cache=module_cache()).blocks == chain.head.number


def test_without_a_shield_there_is_no_key_and_the_error_names_the_other_way() -> None:
    chain = open_chain()
    for _ in range(3):
        step(chain)
    assert shown_key(chain) is None
    key = new_key().public_key().public_bytes_raw()
    text = bytes(bittensor_core.encrypt_mlkem768(key, b"text", include_key_hash=True))
    built = step(chain, envelope(chain, text, 0))
    assert len(built.block.extrinsics) == 2  # the inherent of the time, and the envelope
    failed = b"\x00\x03\x1e\x04\x00\x00\x00"  # DispatchError::Module of MevShield: NoKey
    events = chain.state().get(item_key("System", "Events")) or b""
    assert failed[1:] in events
    chain.close()


def test_a_keyring_of_ones_own_can_be_given() -> None:
    mine = new_key()
    chain = open_chain(shield=Shield(Keyring(lambda: mine)))
    step(chain)
    step(chain)
    assert shown_key(chain) == mine.public_key().public_bytes_raw()
    chain.close()
