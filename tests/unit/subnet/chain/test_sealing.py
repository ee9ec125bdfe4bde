"""The hash of a sealed row, and what can be opened when."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from assay.chain.interface import RefusalReason, WeightsRefused
from assay.chain.sealing import WeightsSealed, seal
from assay.chain.weights import still_sealed
from assay.types import U16Weight, Uid
from tests.conformance.chain.worlds import NamedKey

KEY = NamedKey("validator")
ROW = ((Uid(0), U16Weight(65_535)), (Uid(258), U16Weight(1)))
SEALED = seal(KEY.address, 3, ROW, 7, [1, 2, 65_535])


def test_the_hash_is_over_the_encoding_that_the_runtime_hashes() -> None:
    """The bytes are written by hand, after the SCALE specification."""
    encoded = KEY.public_key + bytes.fromhex(
        "0300"  # the subnet
        "08" "0000" "0201"  # two uids
        "08" "ffff" "0100"  # two values
        "0c" "0100" "0200" "ffff"  # three numbers of salt
        "0700000000000000"  # the version key
    )  # fmt: skip
    assert SEALED.hash == "0x" + blake2b(encoded, digest_size=32).hexdigest()


@pytest.mark.parametrize(
    ("entries", "prefix"), [(63, "fc"), (64, "0101"), (16_383, "fdff"), (16_384, "02000100")]
)
def test_long_rows_have_longer_lengths(entries: int, prefix: str) -> None:
    row = [(Uid(uid), U16Weight(1)) for uid in range(entries)]
    uids = b"".join(uid.to_bytes(2, "little") for uid in range(entries))
    length = bytes.fromhex(prefix)
    encoded = (
        KEY.public_key + b"\3\0" + length + uids + length + b"\1\0" * entries + b"\0" + bytes(8)
    )
    assert (
        seal(KEY.address, 3, row, 0, []).hash == "0x" + blake2b(encoded, digest_size=32).hexdigest()
    )


def test_nothing_secret_shows_where_a_row_is_printed() -> None:
    assert "65535" not in repr(SEALED)
    assert "salt" not in repr(WeightsSealed(SEALED, 4))


def test_a_row_opens_in_its_epoch_and_in_no_other() -> None:
    opens = {SEALED.hash: 8, "0x00": 3}
    assert still_sealed(SEALED, opens, 7) == WeightsSealed(SEALED, 8)
    assert still_sealed(SEALED, opens, 8) is None
    for late in still_sealed(SEALED, opens, 9), still_sealed(SEALED, {}, 8):
        assert isinstance(late, WeightsRefused)
        assert late.reason is RefusalReason.NOT_SEALED
