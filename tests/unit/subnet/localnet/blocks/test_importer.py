"""A block is executed again on its parent's state, and every lie about it is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from assay.localnet.backend import Backend, Block
from assay.localnet.blocks.importer import execute_block
from assay.localnet.errors import BlockRejected
from assay.localnet.executor.call import Executor
from assay.localnet.primitives.header import aura_pre_runtime
from assay.localnet.state.head import HeadState
from assay.localnet.state.root import slow_root
from tests.unit.subnet.localnet.core_chain import open_chain, step, transfer


@pytest.fixture(scope="module")
def chain() -> Iterator[Backend]:
    """Two blocks with three transfers in the second."""
    made = open_chain()
    step(made)
    step(made, *(transfer(made, nonce) for nonce in range(3)))
    yield made
    made.close()


def _parts(chain: Backend) -> tuple[Executor, HeadState, Block, Block]:
    """The runtime, the state after block 1, block 1 and block 2."""
    store = chain._store
    state = HeadState((row.key, row.value, len(row.value) > 32) for row in store.pairs_at(1))
    first, second = store.block(1), store.block(2)
    assert first is not None and second is not None
    assert state.root_hash == first.header.state_root
    return chain._executor(chain._state, 2), state, first, second


def test_an_honest_block_gives_its_changes(chain: Backend) -> None:
    executor, state, parent, block = _parts(chain)
    result = execute_block(executor, state, parent.header, block)
    assert result.root_hash == block.header.state_root
    assert result.changes == chain._store.changes_of(2)
    assert state.root_hash == parent.header.state_root, "the parent's state is only read"
    state.advance(result)
    assert slow_root(state.items(), 1) == block.header.state_root
    assert dict(state.items()) == dict(chain._state.items())


def _with_header(**changes: object) -> Callable[[Block], Block]:
    return lambda block: Block(
        replace(block.header, **changes),  # type: ignore[arg-type]
        block.extrinsics,
    )


def _with_body(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Block], Block]:
    return lambda block: Block(block.header, tuple(change(list(block.extrinsics))))


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(_with_header(state_root=bytes(32)), id="state root"),
        pytest.param(_with_header(extrinsics_root=bytes(32)), id="extrinsics root"),
        pytest.param(_with_header(parent=bytes(32)), id="parent"),
        pytest.param(_with_header(number=3), id="number"),
        pytest.param(_with_header(digest=()), id="no slot"),
        pytest.param(_with_header(digest=(aura_pre_runtime(1),)), id="old slot"),
        pytest.param(_with_body(lambda body: body[1:]), id="no timestamp"),
        pytest.param(_with_body(lambda body: body[:-1]), id="one extrinsic less"),
        pytest.param(_with_body(lambda body: [*body, body[-1]]), id="one extrinsic twice"),
        pytest.param(_with_body(lambda body: [body[0], *body[:0:-1]]), id="another order"),
        pytest.param(_with_body(lambda body: [*body[:-1], b"\x0c\x84\x00\x01"]), id="garbage"),
    ],
)
def test_every_lie_is_found(chain: Backend, tamper: Callable[[Block], Block]) -> None:
    executor, state, parent, block = _parts(chain)
    with pytest.raises(BlockRejected):
        execute_block(executor, state, parent.header, tamper(block))
    execute_block(executor, state, parent.header, block)
