"""Headers and bodies: two genesis blocks of public chains, digests, malformed bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.localnet.blocks.inherents import inherent_data, inherent_extrinsics
from assay.localnet.primitives.header import (
    ZERO_HASH,
    Block,
    Header,
    aura_pre_runtime,
    decode_body,
    encode_body,
    slot_of,
)
from assay.localnet.primitives.scale import ScaleError, compact, encode_bytes

EMPTY_ROOT = bytes.fromhex("03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314")


@pytest.mark.parametrize(
    ("state_root", "genesis_hash"),
    [
        pytest.param(
            "29d0d972cd27cbc511e9589fcb7a4506d5eb6a9e8df205f00472e5ab354a4e17",
            "91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3",
            id="Polkadot",
        ),
        pytest.param(
            "b0006203c3a6e6bd2c6a17b1d4ae8ca49a31da0f4579da950b127774b44aef6b",
            "b0a8d493285c2df73290dfb7e61f870f17b41801197a149ca93654499ea3dafe",
            id="Kusama",
        ),
    ],
)
def test_the_hash_of_public_genesis_blocks(state_root: str, genesis_hash: str) -> None:
    header = Header(ZERO_HASH, 0, bytes.fromhex(state_root), EMPTY_ROOT, ())
    assert header.hash.hex() == genesis_hash


HASHES = st.binary(min_size=32, max_size=32)
DIGESTS = st.lists(
    st.one_of(
        st.just(b"\x08"),
        st.binary(max_size=80).map(lambda data: b"\x00" + encode_bytes(data)),
        st.tuples(
            st.sampled_from([b"\x04", b"\x05", b"\x06"]),
            st.binary(min_size=4, max_size=4),
            st.binary(max_size=80),
        ).map(lambda item: item[0] + item[1] + encode_bytes(item[2])),
    ),
    max_size=4,
)


@given(
    header=st.builds(Header, HASHES, st.integers(0, 2**32), HASHES, HASHES, DIGESTS.map(tuple)),
    extrinsics=st.lists(st.binary(max_size=90).map(encode_bytes), max_size=4).map(tuple),
)
def test_blocks_come_back_from_their_encoding(
    header: Header, extrinsics: tuple[bytes, ...]
) -> None:
    block = Block(header, extrinsics)
    assert Block.decode(block.encode()) == block
    assert Header.decode(header.encode()).hash == header.hash
    assert decode_body(encode_body(extrinsics)) == extrinsics


@given(data=st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    for decode in (Block.decode, Header.decode, decode_body):
        try:
            found = decode(data)
        except ScaleError:
            continue
        if isinstance(found, Header):
            assert Header.decode(found.encode()) == found


@pytest.mark.parametrize("cut", [0, 31, 33, 64, 97, 98])
def test_a_cut_header_is_refused(cut: int) -> None:
    encoded = Header(ZERO_HASH, 7, ZERO_HASH, ZERO_HASH, (aura_pre_runtime(1),)).encode()
    with pytest.raises(ScaleError):
        Header.decode(encoded[:cut])
    with pytest.raises(ScaleError):
        Header.decode(encoded + b"\0")


def test_a_length_that_promises_too_much_is_not_believed() -> None:
    with pytest.raises(ScaleError, match="cannot fit"):
        decode_body(compact(2**30) + b"\x04a")


def test_the_slot_is_where_aura_looks_for_it() -> None:
    item = aura_pre_runtime(0x0102)
    assert item.hex() == "0661757261" + "20" + "0201000000000000"
    other = b"\x06BABE" + encode_bytes(bytes(8))
    header = Header(ZERO_HASH, 1, ZERO_HASH, ZERO_HASH, (other, item))
    assert slot_of(header) == 0x0102
    assert slot_of(Header(ZERO_HASH, 0, ZERO_HASH, ZERO_HASH, (other,))) is None


def test_inherent_data_has_both_items() -> None:
    assert inherent_data(0x0A, 0x0B).hex() == (
        "08"
        + b"timstap0".hex()
        + "20"
        + "0a00000000000000"
        + b"auraslot".hex()
        + "20"
        + "0b00000000000000"
    )
    assert inherent_extrinsics(b"\x08" + b"\x04a" + b"\x08bc") == [b"\x04a", b"\x08bc"]
    with pytest.raises(ScaleError):
        inherent_extrinsics(b"\x04\x04a\x00")
