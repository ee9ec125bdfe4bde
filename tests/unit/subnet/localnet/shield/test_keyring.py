"""Which key is announced when, how long one is held, and that no secret shows."""

from __future__ import annotations

from assay.localnet.shield.cipher import new_key
from assay.localnet.shield.keyring import ROLL_MS, Keyring, key_hash

_BLOCK_MS = 250
_ERA_BLOCKS = 8
"""What is sealed lives no longer."""


def _run(keyring: Keyring, blocks: range, block_ms: int) -> list[bytes]:
    """Make blocks as a chain of one author does: what it announces is shown a block later."""
    announced: list[bytes] = []
    for number in blocks:
        announced.append(keyring.to_announce(number, number * block_ms))
        keyring.block_made(number, announced[-2] if len(announced) > 1 else None)
    return announced


def test_a_key_is_announced_for_as_long_as_a_public_block_takes() -> None:
    announced = _run(Keyring(), range(1, 200), _BLOCK_MS)
    runs = [announced.count(key) for key in dict.fromkeys(announced)]
    assert runs[:-1] == [ROLL_MS // _BLOCK_MS] * (len(runs) - 1)
    assert len(runs) == 5


def test_where_a_block_takes_so_long_each_has_its_own_key() -> None:
    announced = _run(Keyring(), range(1, 20), ROLL_MS)
    assert len(set(announced)) == len(announced)


def test_what_was_sealed_to_a_shown_key_can_be_opened_for_as_long_as_it_lives() -> None:
    keyring = Keyring()
    shown = _run(keyring, range(1, 100), ROLL_MS)[0]
    last_shown = 2
    assert keyring.held(key_hash(shown)) is None  # long ago
    keyring = Keyring()
    announced = _run(keyring, range(1, last_shown + 1), ROLL_MS)
    for number in range(last_shown + 1, last_shown + 1 + _ERA_BLOCKS):
        assert keyring.held(key_hash(announced[0])) is not None, number
        announced.append(keyring.to_announce(number, number * ROLL_MS))
        keyring.block_made(number, announced[-2])


def test_keys_are_dropped_in_the_end_and_there_are_never_many() -> None:
    keyring = Keyring()
    for number in range(1, 500):
        keyring.block_made(number, keyring.to_announce(number, number * ROLL_MS))
        assert len(keyring) <= 50


def test_a_stranger_s_key_on_the_chain_is_nothing_to_it() -> None:
    keyring = Keyring()
    other = new_key().public_key().public_bytes_raw()
    keyring.block_made(1, other)
    assert keyring.held(key_hash(other)) is None


def test_a_keyring_tells_no_secret() -> None:
    keyring = Keyring()
    public = keyring.to_announce(1, 0)
    secret = keyring.held(key_hash(public))
    assert secret is not None
    told = repr(keyring) + repr(vars(keyring)) + str(keyring._latest)
    assert secret.private_bytes_raw().hex() not in told
    assert str(secret.private_bytes_raw()) not in told
    assert repr(secret.private_bytes_raw()[:8])[2:-1] not in told
