"""What root may do to a chain, and what it may not: no block may be the last one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.localnet.backend import Backend
from assay.localnet.blocks.builder import named
from assay.localnet.errors import BlockRejected
from assay.localnet.executor.machine.wasm_binary import MAGIC, sections
from assay.localnet.primitives.header import slot_of
from assay.localnet.primitives.scale import compact, encode_bytes
from assay.localnet.primitives.well_known_keys import TIMESTAMP_NOW
from tests.unit.subnet.localnet.core_chain import (
    RUNTIME,
    SLOT_DURATION,
    by_root,
    open_chain,
    set_u64,
    step,
    transfer,
)


@pytest.fixture
def chain() -> Iterator[Backend]:
    made = open_chain()
    yield made
    made.close()


def time_ms(chain: Backend) -> int:
    """The chain's own time."""
    return int.from_bytes(chain.state().get(TIMESTAMP_NOW) or b"", "little")


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
_KILL_STORAGE = b"\x00\x05"


@pytest.mark.parametrize("duration_ms", [0, 1, 3_600_001, 2**64 - 1])
def test_no_block_leaves_the_chain_with_slots_that_no_block_fits(
    chain: Backend, duration_ms: int
) -> None:
    step(chain)
    before, length = chain.head, chain.slot_duration_ms()
    with pytest.raises(BlockRejected, match="none could follow"):
        step(chain, by_root(chain, set_u64(SLOT_DURATION, duration_ms), 0))
    assert (chain.head, chain.slot_duration_ms()) == (before, length)
    assert step(chain, transfer(chain, 0)).included


@pytest.mark.parametrize("length_ms", [2, 125, 249, 251, 500, 3_600_000])
def test_the_next_block_has_slots_of_the_length_that_root_gave(
    chain: Backend, length_ms: int
) -> None:
    chain.build(1_700_000_000_100, ())
    built = step(chain, by_root(chain, set_u64(SLOT_DURATION, length_ms), 0))
    assert (chain.slot_duration_ms(), built.slot_duration_ms) == (length_ms, length_ms)
    for nonce in range(1, 4):
        before_ms = time_ms(chain)
        assert step(chain, transfer(chain, nonce)).included
        assert 0 < time_ms(chain) - before_ms <= length_ms, "no leap"
    assert time_ms(chain) // length_ms == slot_of(chain.head.header)


def test_a_clock_that_root_set_back_goes_on_from_there(chain: Backend) -> None:
    chain.build(1_700_000_000_000, ())
    step(chain, by_root(chain, set_u64(TIMESTAMP_NOW, 1_600_000_000_000), 0))
    assert chain.build(1_600_000_000_250, named([transfer(chain, 1)])).included


def test_a_clock_at_its_end_ends_the_blocks_and_not_the_node(chain: Backend) -> None:
    step(chain, by_root(chain, set_u64(TIMESTAMP_NOW, 2**64 - 1), 0))
    with pytest.raises(BlockRejected, match="time"):
        step(chain)
    assert chain.call("Core_version", b"")
