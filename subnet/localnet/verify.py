"""Re-executes a stored chain from its first kept state and compares everything.

For each block: the hash is that of the header, the header follows its parent,
``Core_execute_block`` accepts it, the root is the header's, and what it changed is what the store
says it changed. Where the first state is kept, the genesis is built again from the stored
configuration as well. At the end the head's root is computed once more by the slow twin of the
trie. The database is only read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.localnet.blocks.genesis import Genesis, cook_config
from assay.localnet.blocks.importer import execute_block
from assay.localnet.errors import BadGenesis, BlockRejected, ChainDamaged
from assay.localnet.executor.machine.module_cache import ModuleCache
from assay.localnet.executor.runtimes import Runtimes
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.header import Block
from assay.localnet.primitives.well_known_keys import CODE_KEY
from assay.localnet.state.head import HeadState
from assay.localnet.state.root import slow_root
from assay.localnet.state.store import ChainStore
from assay.localnet.state.trie import stores_hashed

_CURE: Final = "Start a new chain in an empty folder, or restore this one from a copy."


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked."""

    first: int
    """The block whose state the check began with."""
    blocks: int
    """How many blocks were executed again."""
    head_hash: bytes
    head_state_root: bytes


def verify_chain(
    chain: Path,
    *,
    module_cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verified:
    """Check the chain stored in ``chain``; ChainDamaged names the first block that fails.

    ``progress`` is told (blocks done, blocks in all). The chain must not be open elsewhere.
    """
    limits = CoreLimits()
    store = ChainStore(chain, limits, create=False)
    runtimes = Runtimes(limits, ModuleCache(module_cache) if module_cache else None)
    try:
        return _Verification(store, runtimes, progress).run()
    except BlockRejected as error:
        raise ChainDamaged(f"The chain does not hold: {error}.", _CURE) from error
    finally:
        runtimes.close()
        store.close()


class _Verification:
    def __init__(
        self,
        store: ChainStore,
        runtimes: Runtimes,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._store = store
        self._runtimes = runtimes
        self._progress = progress

    def run(self) -> Verified:
        store = self._store
        first, last = store.oldest_state, store.head()
        parent = self._block(first)
        state = HeadState(
            (row.key, row.value, stores_hashed(row.value, row.state_version))
            for row in store.pairs_at(first)
        )
        if state.root_hash != parent.header.state_root:
            raise BlockRejected(f"the stored state of block {first} has another root")
        if first == 0:
            self._check_genesis(state)
        for number in range(first + 1, last + 1):
            block = self._block(number)
            self._execute(state, parent, block)
            parent = block
            if self._progress is not None:
                self._progress(number - first, last - first)
        self._check_head(state, parent)
        return Verified(first, last - first, parent.hash, parent.header.state_root)

    def _block(self, number: int) -> Block:
        block = self._store.block(number)
        if block is None:
            raise BlockRejected(f"block {number} is missing")
        if self._store.hash_of(number) != block.hash or block.number != number:
            raise BlockRejected(f"block {number} is stored under another hash or number")
        return block

    def _check_genesis(self, state: HeadState) -> None:
        code = self._code(state)
        config = self._store.genesis_config()
        executor = self._runtimes.of_code(code, None)
        try:
            cooked = cook_config(executor, Genesis(code=code), config)
        except BadGenesis as error:
            raise BlockRejected(
                f"the genesis configuration does not build block 0: {error.cause}"
            ) from error
        if cooked.block != self._block(0):
            raise BlockRejected("the genesis configuration does not build block 0")

    def _execute(self, state: HeadState, parent: Block, block: Block) -> None:
        executor = self._runtimes.of_code(self._code(state), None)
        result = execute_block(executor, state, parent.header, block)
        if result.changes != self._store.changes_of(block.number):  # pruning left these whole
            raise BlockRejected(f"block {block.number} did not change what is stored of it")
        state.advance(result)

    def _check_head(self, state: HeadState, head: Block) -> None:
        stored = list(self._store.pairs_at(head.number))
        if {row.key: row.value for row in stored} != state.items():
            raise BlockRejected(f"the stored state of block {head.number} is not what it gives")
        versions = {row.state_version for row in stored}
        if len(versions) == 1:
            root = slow_root(state.items(), versions.pop())
            if root != head.header.state_root:
                raise BlockRejected(f"the root of block {head.number} is computed differently")

    def _code(self, state: HeadState) -> bytes:
        code = state.get(CODE_KEY)
        if code is None:
            raise BlockRejected("the state holds no runtime")
        return code
