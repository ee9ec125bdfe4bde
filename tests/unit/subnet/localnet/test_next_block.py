"""What root may do to a chain, and what it may not: no block may be the last one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.localnet.backend import Backend
from assay.localnet.errors import BlockRejected
from assay.localnet.executor.machine.wasm_binary import MAGIC, sections
from assay.localnet.primitives.hashing import twox
from assay.localnet.primitives.scale import compact, encode_bytes
from tests.unit.subnet.localnet.core_chain import ALICE, RUNTIME, open_chain, sign, step, transfer

SLOT_DURATION = twox(b"SubtensorModule", 128) + twox(b"SlotDurationMs", 128)
NOW = twox(b"Timestamp", 128) + twox(b"Now", 128)


@pytest.fixture
def chain() -> Iterator[Backend]:
    made = open_chain()
    yield made
    made.close()


def by_root(chain: Backend, inner: bytes, nonce: int) -> bytes:
    """Alice, who is root here, makes a call that weighs nothing."""
    call = _SUDO_UNCHECKED_WEIGHT + inner + compact(0) + compact(0)
    return sign(chain, ALICE, call, nonce)


def set_u64(key: bytes, value: int) -> bytes:
    item = encode_bytes(key) + encode_bytes(value.to_bytes(8, "little"))
    return _SET_STORAGE + compact(1) + item


def _without(section: str) -> bytes:
    """The runtime without a custom section."""
    code, ended_at = RUNTIME.read_bytes(), len(MAGIC)
    named = encode_bytes(section.encode())[1:]
    for _, begin, end in sections(code):
        if code[begin + 1 :].startswith(named):
            return code[:ended_at] + code[end:]
        ended_at = end
    raise AssertionError(f"there is no {section}")


def _renamed(entry_point: bytes) -> bytes:
    """The runtime with an entry point under another name."""
    code = RUNTIME.read_bytes()
    assert entry_point in code
    return code.replace(entry_point, entry_point[:-1] + b"_")


@pytest.mark.parametrize(
    "code",
    [
        b"no runtime",
        b"\0asm\x01\0\0\0",
        None,
        _without("runtime_version"),
        _renamed(b"AuraApi_slot_duration"),
        _renamed(b"BlockBuilder_finalize_block"),
    ],
    ids=["text", "nothing", "removed", "no version", "no slots", "no end"],
)
def test_no_block_leaves_the_chain_without_a_runtime(chain: Backend, code: bytes | None) -> None:
    """Root may set what it likes; a chain with such a block could never have another one."""
    if code is None:
        inner = _KILL_STORAGE + compact(1) + encode_bytes(b":code")
    else:
        inner = _SET_CODE_WITHOUT_CHECKS + encode_bytes(code)
    before = chain.head
    with pytest.raises(BlockRejected, match="runtime"):
        step(chain, by_root(chain, inner, 0))
    assert chain.head is before
    assert step(chain, transfer(chain, 0)).included


_SET_CODE_WITHOUT_CHECKS = b"\x00\x03"
_SET_STORAGE = b"\x00\x04"
_KILL_STORAGE = b"\x00\x05"
_SUDO_UNCHECKED_WEIGHT = b"\x0c\x01"


@pytest.mark.parametrize("duration_ms", [0, 2**64 - 1])
def test_no_block_leaves_the_chain_with_slots_that_no_block_fits(
    chain: Backend, duration_ms: int
) -> None:
    step(chain)
    before, length = chain.head, chain.slot_duration_ms()
    with pytest.raises(BlockRejected, match="none could follow"):
        step(chain, by_root(chain, set_u64(SLOT_DURATION, duration_ms), 0))
    assert (chain.head, chain.slot_duration_ms()) == (before, length)
    assert step(chain, transfer(chain, 0)).included


def test_the_next_block_has_slots_of_the_length_that_root_gave(chain: Backend) -> None:
    step(chain)
    length = 2 * chain.slot_duration_ms()
    step(chain, by_root(chain, set_u64(SLOT_DURATION, length), 0))
    assert chain.slot_duration_ms() == length
    assert step(chain, transfer(chain, 1)).included


def test_a_clock_at_its_end_ends_the_blocks_and_not_the_node(chain: Backend) -> None:
    step(chain, by_root(chain, set_u64(NOW, 2**64 - 1), 0))
    with pytest.raises(BlockRejected, match="time"):
        step(chain)
    assert chain.call("Core_version", b"")
