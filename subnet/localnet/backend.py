"""The node's core behind one door: a chain that is opened, read, asked and moved forward.

Adds to ``executor``, ``state`` and ``blocks`` the order in which they work together. The backend is
synchronous and single-threaded; it opens no socket and reads no clock but the one that its
``TimeLimit`` was given. One call to ``build`` is one block: executed, committed to the database,
and only then the head. There are no forks, so the head is final once it is committed.

Extrinsics are opaque SCALE *with* their length prefix everywhere; an extrinsic's hash is
blake2b-256 of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from loguru import logger

from assay.clock import Clock
from assay.errors import Unavailable
from assay.localnet.blocks.builder import BlockBuilder, Built, never
from assay.localnet.blocks.genesis import Genesis, canonical_json, cook
from assay.localnet.blocks.importer import execute_block
from assay.localnet.blocks.slots import Slots, earliest_ms, first_time_ms, slots_of
from assay.localnet.blocks.validity import ValidTransaction, decode_validity
from assay.localnet.built_block import BuiltBlock, UnsealedInBlock
from assay.localnet.errors import (
    BadRuntime,
    BlockRejected,
    ChainDamaged,
    GenesisDiffers,
    InvalidTransaction,
    MissingExport,
    NoSuchBlock,
    RuntimeTrap,
    StateDiscarded,
    TransactionRefused,
    UnknownTransaction,
)
from assay.localnet.executor.call import Executor
from assay.localnet.executor.machine.module_cache import ModuleCache
from assay.localnet.executor.runtimes import Runtimes
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.hashing import blake2_256
from assay.localnet.primitives.header import Block, Header
from assay.localnet.primitives.runtime_version import RuntimeVersion
from assay.localnet.primitives.scale import ScaleError
from assay.localnet.primitives.well_known_keys import ACCOUNTS, CODE_KEY, blake2_128_concat
from assay.localnet.shield.author import NEXT_KEY, Shield
from assay.localnet.shield.envelope import Unsealed
from assay.localnet.state.head import HeadState
from assay.localnet.state.history import HistoricState
from assay.localnet.state.overlay import Committed, Overlay, Result
from assay.localnet.state.store import META_CHAIN, META_CONFIG, META_FINGERPRINT, ChainStore
from assay.localnet.state.trie import stores_hashed
from assay.localnet.state.view import State
from assay.localnet.time_limit import TimeLimit, unlimited

__all__ = [
    "Backend",
    "Block",
    "BuiltBlock",
    "CoreLimits",
    "Genesis",
    "Header",
    "InvalidTransaction",
    "MissingExport",
    "NoSuchBlock",
    "RuntimeTrap",
    "RuntimeVersion",
    "State",
    "StateDiscarded",
    "TransactionRefused",
    "UnknownTransaction",
    "ValidTransaction",
]

SOURCE_EXTERNAL: Final = 2
"""``TransactionSource``: 0 would be a block, 1 this node itself, 2 is anyone."""

_PRUNE_BLOCKS: Final = 64
"""Old states go in batches: one deleting transaction in so many blocks. Where more are too old (the
chain ran without a limit before) each block takes one batch along, until none are."""

_NONCE_BYTES: Final = 4
"""An account's record begins with its next nonce, a u32."""

_START_ANEW: Final = "Start a new chain in an empty folder, or restore this one from a copy."


class Backend:
    """An open chain. Make one with ``Backend.open``; use it from one thread; ``close`` it."""

    def __init__(
        self,
        store: ChainStore,
        state: HeadState,
        head: Block,
        limits: CoreLimits,
        history_blocks: int | None,
        runtimes: Runtimes,
        time_limit: TimeLimit,
        shield: Shield | None,
    ) -> None:
        """For ``open``. The store's head, its state and ``head`` are known to agree."""
        self._shield = shield
        self.time_limit = time_limit
        """What clients ask is held to it once somebody calls ``begin``."""
        self._store = store
        self._state = state
        self._limits = limits
        self._history_blocks = history_blocks
        self._runtimes = runtimes
        self._oldest_state = store.oldest_state
        self._prune_failed = False
        self._slots: Slots | None = None
        self.head = head
        """The best block, which is also the last finalized one."""
        genesis_hash = store.hash_of(0)
        assert genesis_hash is not None
        self.genesis_hash = genesis_hash
        self.chain_name, self.properties = _names(store)

    @classmethod
    def open(
        cls,
        path: Path | None,
        genesis: Genesis | None,
        *,
        limits: CoreLimits | None = None,
        history_blocks: int | None = None,
        module_cache: Path | None = None,
        clock: Clock | None = None,
        permit: Callable[[State], None] | None = None,
        shield: Shield | None = None,
    ) -> Backend:
        """Open the chain in the folder ``path``, or begin one there; ``path`` None: memory only.

        ``genesis`` must be the recipe of the chain that is stored; None opens whatever is there.
        ``history_blocks``: how many blocks below the head keep their state (None: all of them).
        ``module_cache``: a folder of our own for compiled modules; None compiles each time.
        ``clock``: measures ``time_limit``; None for a chain that no stranger asks.
        ``permit``: is shown the head's state, that of a new chain before it is stored; what it
        raises ends the opening.
        ``shield``: opens sealed extrinsics; without one its chain shows no key to seal to.
        """
        limits = limits or CoreLimits()
        time_limit = unlimited() if clock is None else TimeLimit(clock.processor_s, clock.monotonic)
        cache = ModuleCache(module_cache) if module_cache else None
        runtimes = Runtimes(limits, cache, time=time_limit)
        store = ChainStore(path, limits, create=genesis is not None)
        try:
            if store.head_number() is None:
                if genesis is None:
                    raise ChainDamaged(f"There is no chain in {path}.", "Give a chain's folder.")
                state, head = _begin(store, genesis, runtimes, permit)
            else:
                if genesis is not None:
                    _check_genesis(store, genesis)
                state, head = _resume(store)
                if permit is not None:
                    permit(state)
            return cls(store, state, head, limits, history_blocks, runtimes, time_limit, shield)
        except BaseException:
            store.close()
            raise

    # -- blocks

    def block(self, block_hash: bytes) -> Block | None:
        """The block of that hash; None if the chain has none."""
        if block_hash == self.head.hash:
            return self.head
        number = self._store.number_of(block_hash)
        return None if number is None else self._store.block(number)

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the block of that number; None above the head."""
        if not 0 <= number <= self.head.number:
            return None
        return self.head.hash if number == self.head.number else self._store.hash_of(number)

    # -- state

    def state(self, block_hash: bytes | None = None) -> State:
        """The state after a block (None: the head). NoSuchBlock, StateDiscarded."""
        return self._committed(block_hash)[0]

    def _committed(self, block_hash: bytes | None) -> tuple[Committed, int]:
        """The state after a block, and the block's number."""
        if block_hash is None or block_hash == self.head.hash:
            return self._state, self.head.number
        number = self._store.number_of(block_hash)
        if number is None:
            raise NoSuchBlock(block_hash)

        def check() -> None:
            if number < self._oldest_state:
                raise StateDiscarded(block_hash)
            self.time_limit.check()

        check()
        return HistoricState(self._store, number, check, self._limits.historic_keys_max), number

    def _executor(self, state: Committed, number: int) -> Executor:
        """The runtime in force after block ``number``."""
        if state is self._state:
            return self._runtimes.of_code(_code(state), None)
        return self._runtimes.of_block(self._store, state, number)

    # -- calls

    def call(
        self, method: str, args: bytes, at: bytes | None = None, *, share: float = 1.0
    ) -> bytes:
        """Call a runtime API on a throw-away overlay over the state after ``at``.

        RuntimeTrap if it does not end well, MissingExport if there is no such method, BudgetSpent
        if it does not end within ``share`` of a query's budget.
        """
        state, number = self._committed(at)
        executor = self._executor(state, number)
        return executor.call(method, args, Overlay(state), executor.query_budget.part(share))

    def runtime_version(self, at: bytes | None = None) -> RuntimeVersion:
        """The version of the runtime that is in force after the block ``at``."""
        return self._executor(*self._committed(at)).version

    def validate(self, extrinsic: bytes, source: int = SOURCE_EXTERNAL) -> ValidTransaction:
        """What the runtime says of a transaction at the head.

        Raises InvalidTransaction or UnknownTransaction; RuntimeTrap if the bytes upset the runtime
        (malformed extrinsics do: the caller reports them as a bad format).
        """
        method = "TaggedTransactionQueue_validate_transaction"
        if len(extrinsic) > self._limits.extrinsic_bytes_max:
            raise InvalidTransaction("ExhaustsResources")
        argument = bytes((source,)) + extrinsic + self.head.hash
        try:
            executor = self._executor(self._state, self.head.number)
            budget = executor.validation_budget
            valid = decode_validity(executor.call(method, argument, Overlay(self._state), budget))
        except ScaleError as error:
            raise RuntimeTrap(method, f"its answer cannot be read: {error}") from error
        if self._shield is not None:
            self._shield.sealed_in(
                extrinsic,
                lambda method, argument: executor.call(
                    method, argument, Overlay(self._state), budget
                ),
            )
        return valid

    def slot_duration_ms(self) -> int:
        """Aura's slot duration, from the runtime."""
        return self._slots_now().duration_ms

    def _slots_now(self) -> Slots:
        """As the runtime sees them; it is asked again only where it could answer otherwise."""
        executor = self._executor(self._state, self.head.number)
        if self._slots is None or self._slots.executor is not executor:
            self._slots = slots_of(executor, self._state)
        return self._slots

    # -- building

    def earliest_timestamp_ms(self) -> int:
        """The first moment at which the next block may be."""
        return earliest_ms(self.head.header, self._state, self.slot_duration_ms())

    def build(
        self,
        timestamp_ms: int,
        candidates: Iterable[tuple[bytes, bytes]],
        *,
        until: Callable[[], bool] = never,
        max_extrinsics: int | None = None,
    ) -> BuiltBlock:
        """Build the next block, commit it, make it the head.

        ``timestamp_ms`` must be at least ``earliest_timestamp_ms()``. ``candidates``, each
        extrinsic after its hash, are tried in order, until the block is full, ``max_extrinsics``
        are in, or ``until``, asked before each of them, says yes. Whatever goes wrong with the
        block as a whole (StorageFailed, RuntimeTrap, BlockRejected) leaves the head where it was;
        the last two name what was ``tried``.
        """
        earliest = self.earliest_timestamp_ms()
        if timestamp_ms < earliest:
            raise BlockRejected(f"block time {timestamp_ms} is before the earliest, {earliest}")
        self._prune()
        executor = self._executor(self._state, self.head.number)
        slots = self._slots_now()
        slot = timestamp_ms // slots.duration_ms
        builder = BlockBuilder(executor, self._state, self.head.header, self._limits, self._shield)
        built = builder.build(timestamp_ms, slot, candidates, until, max_extrinsics)
        changes = built.result.changes
        runtime_changed = CODE_KEY in changes
        if runtime_changed or any(key in changes for key in slots.keys):
            try:
                slots = self._try_next(built, slots.duration_ms)
            except BlockRejected as fault:
                fault.tried = builder.tried
                raise
        self._commit(built.block, built.result, executor)
        self._slots = slots
        if self._shield is not None:
            self._shield.block_made(self.head.number, self._state.get(NEXT_KEY))
        return BuiltBlock(
            block=built.block,
            included=built.included,
            failed=built.failed,
            postponed=built.postponed,
            unsealed=tuple(map(self._placed, built.unsealed)),
            changes=changes,
            runtime_changed=runtime_changed,
            slot_duration_ms=slots.duration_ms,
        )

    def take(self, block: Block) -> BuiltBlock:
        """Execute ``block``, which another node made, commit it, make it the head.

        BlockRejected, and the head stays, if it does not follow the head, or if executing it gives
        another root than its header names.
        """
        self._prune()
        executor = self._executor(self._state, self.head.number)
        slots = self._slots_now()
        result = execute_block(executor, self._state, self.head.header, block)
        runtime_changed = CODE_KEY in result.changes
        self._commit(block, result, executor)
        if runtime_changed or any(key in result.changes for key in slots.keys):
            self._slots = None
        return BuiltBlock(
            block=block,
            included=tuple(map(blake2_256, block.extrinsics)),
            failed=(),
            postponed=(),
            unsealed=(),
            changes=result.changes,
            runtime_changed=runtime_changed,
            slot_duration_ms=self.slot_duration_ms(),
        )

    def _commit(self, block: Block, result: Result, executor: Executor) -> None:
        """Store ``block`` with what it changed, and make it the head."""
        self._store.append(block, result.changes, executor.version.state_version)
        # Committed: from here on nothing may fail.
        self._state.advance(result)
        self.head = block

    def _placed(self, unsealed: Unsealed) -> UnsealedInBlock:
        account = self._state.get(ACCOUNTS + blake2_128_concat(unsealed.signer)) or b""
        next_nonce = int.from_bytes(account[:_NONCE_BYTES], "little")
        return UnsealedInBlock(blake2_256(unsealed.extrinsic), unsealed.signer, next_nonce)

    def _try_next(self, built: Built, before_ms: int) -> Slots:
        """Try that a block can follow ``built``, which changes the runtime or the slot duration.

        ``before_ms`` is the slot duration before ``built``. The next block is made once, empty, on
        the state as it would be; its slots are returned. BlockRejected if no block could follow, or
        if the chain's clock would leap by more than a slot. What else root may write by force is
        not tried: nothing here knows what it means.
        """
        with self._state.tried(built.result):
            after = self._state
            code = after.get(CODE_KEY)
            if code is None:
                raise BlockRejected("the block removes the runtime")
            header = built.block.header
            try:
                executor = self._runtimes.of_code(code, None)
                slots = slots_of(executor, after)
                duration_ms = slots.duration_ms
                time_ms = first_time_ms(
                    header, after, duration_ms, before_ms=before_ms, limits=self._limits
                )
                builder = BlockBuilder(executor, after, header, self._limits)
                builder.build(time_ms, time_ms // duration_ms, (), never, None)
            except (BadRuntime, BlockRejected, RuntimeTrap) as error:
                raise BlockRejected(f"under its runtime none could follow it: {error}") from error
        return slots

    def _prune(self) -> None:
        """Forget states that are older than asked for, some blocks at a time.

        Before a block, not after: a committed block must be announced whatever happens here. What
        fails is tried again with the next block. Only a damaged database ends the chain, at the
        block before.
        """
        if self._history_blocks is None:
            return
        oldest = self._oldest_state + _PRUNE_BLOCKS
        if oldest <= self.head.number - self._history_blocks:
            try:
                self._store.prune(oldest)
            except Unavailable as error:
                if not self._prune_failed:  # told once: blocks follow each other fast
                    logger.warning("old states stay for now: {}", error)
                self._prune_failed = True
            else:
                self._oldest_state = oldest
                self._prune_failed = False

    # -- the rest

    def genesis_config(self) -> Mapping[str, Any]:
        """The merged genesis configuration that the first state was built from."""
        return self._store.genesis_config()

    def close(self) -> None:
        """Close the database and free the instances. The backend is unusable afterwards."""
        self._runtimes.close()
        self._state.close()
        self._store.close()


def _begin(
    store: ChainStore,
    genesis: Genesis,
    runtimes: Runtimes,
    permit: Callable[[State], None] | None,
) -> tuple[HeadState, Block]:
    """Cook the genesis, show it to ``permit`` and store it as block 0."""
    executor = runtimes.of_code(genesis.code, None)
    cooked = cook(executor, genesis)
    if permit is not None:
        permit(cooked.state)
    meta = {
        META_FINGERPRINT: genesis.fingerprint(),
        META_CONFIG: canonical_json(cooked.config),
        META_CHAIN: canonical_json(
            {"name": genesis.chain_name, "properties": genesis.properties, "preset": genesis.preset}
        ),
    }
    store.begin_chain(meta, cooked.block, cooked.state.items(), executor.version.state_version)
    return cooked.state, cooked.block


def _check_genesis(store: ChainStore, genesis: Genesis) -> None:
    if store.meta(META_FINGERPRINT) == genesis.fingerprint():
        return
    name, _ = _names(store)
    same_code = store.value_at(CODE_KEY, 0) == genesis.code
    what = "configuration" if same_code else "runtime"
    raise GenesisDiffers(
        f"The stored chain {name!r} began with another {what}.",
        "Start it with what it began with, or start a new chain in an empty folder.",
    )


def _names(store: ChainStore) -> tuple[str, Mapping[str, Any]]:
    """The chain's name and its properties."""
    match store.fact(META_CHAIN):
        case {"name": str(name), "properties": dict(properties)}:
            return name, properties
    raise ChainDamaged("The database does not tell its chain's name.", _START_ANEW)


def _resume(store: ChainStore) -> tuple[HeadState, Block]:
    """The head and its state, rebuilt from the store and checked against the header's root."""
    number = store.head()
    head = store.block(number)
    if head is None:
        raise ChainDamaged("The database has no head block.", _START_ANEW)
    if store.last_change() > number:
        raise ChainDamaged(f"The database lacks blocks above {number}.", _START_ANEW)
    state = HeadState(
        (row.key, row.value, stores_hashed(row.value, row.state_version))
        for row in store.pairs_at(number)
    )
    stored_hash = store.hash_of(number)
    if (head.number, head.hash) != (
        number,
        stored_hash,
    ) or state.root_hash != head.header.state_root:
        raise ChainDamaged(
            f"The stored state of block {number} does not have the root that the block names.",
            _START_ANEW,
        )
    return state, head


def _code(state: State) -> bytes:
    code = state.get(CODE_KEY)
    if code is None:
        raise ChainDamaged("The state holds no runtime.", _START_ANEW)
    return code
