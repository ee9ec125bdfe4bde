"""Makes the blocks: sealing says when, the backend builds, the pool is pruned, listeners are told.

Everything that changes the chain passes through here, on one thread: ``submit`` puts into the pool,
``seal`` makes one block (``dev_newBlock`` calls it), ``run`` is the loop that calls ``seal`` when
sealing says so. A block is told to listeners only after the backend committed it, and it is final
then: there are no forks. After each block, sealing is told the slot duration, which root may have
changed in it. This module knows no socket and no JSON-RPC.

What goes wrong: a disk that fails ends the loop with that error (the process must not go on as if
blocks were kept). A block that cannot be finished is logged and tried again later with half of the
transactions, and so on until one is left; if a block without it can be made, it leaves the pool: a
single transaction must not end the chain. Where even an empty block fails, nobody is to blame, and
the RPC still answers, because one can only find out why by asking it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from loguru import logger

from assay.aio import until
from assay.clock import Clock
from assay.errors import AssayError
from assay.localnet.backend import Backend, BuiltBlock
from assay.localnet.blocks.builder import never
from assay.localnet.errors import BlockRejected, RuntimeTrap
from assay.localnet.pool import BlockEffects, Event, Submitted, TransactionPool
from assay.localnet.pool.ordering import nonce_tag
from assay.localnet.primitives.hashing import blake2_256
from assay.localnet.primitives.header import Block
from assay.localnet.sealing import Sealing, block_timestamp_ms
from assay.metrics import NO_METRICS, Metrics

BlockListener = Callable[[BuiltBlock], None]
EventListener = Callable[[Sequence[Event]], None]
SubmissionListener = Callable[[bytes], None]

_BUILDING_SHARE: Final = 0.8
"""Of the block time, for executing transactions. The rest is for validating new ones and answering
clients, who would otherwise wait for block after block."""

_BUILDING_S_MAX: Final = 2.0
"""And no more than this of a long block time, since nobody is answered meanwhile. Substrate's own
limit for a block's weight; far more than a pool full of transfers takes."""

_RETRY_S: Final = 1.0
"""After a block that could not be made. A trap in a hook will happen again: no need to hurry."""


def _after(budget_s: float, clock: Clock) -> Callable[[], bool]:
    """A function that tells whether ``budget_s`` have passed since its first call.

    The builder calls it first when the block is begun and its inherents are in: what the runtime's
    own hooks take must not leave the transactions without any time.
    """
    until_s: float | None = None

    def passed() -> bool:
        nonlocal until_s
        now_s = clock.monotonic()
        if until_s is None:
            until_s = now_s + budget_s
            return False
        return now_s >= until_s

    return passed


class Service:
    """Makes a chain's blocks and tells its listeners. It neither opens nor closes the backend."""

    def __init__(
        self,
        backend: Backend,
        pool: TransactionPool,
        sealing: Sealing,
        clock: Clock,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._backend = backend
        self._pool = pool
        self._sealing = sealing
        self._clock = clock
        self._metrics = metrics
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._most: int | None = None
        """How many transactions a block may try, after one failed as a whole."""
        self._suspect: bytes | None = None
        """The hash of the only transaction of a block that failed."""
        self._block_listeners: list[BlockListener] = []
        self._event_listeners: list[EventListener] = []
        self._submission_listeners: list[SubmissionListener] = []

    def on_block(self, listener: BlockListener) -> None:
        self._block_listeners.append(listener)

    def on_events(self, listener: EventListener) -> None:
        self._event_listeners.append(listener)

    def on_submitted(self, listener: SubmissionListener) -> None:
        """Tell ``listener`` each extrinsic that the pool took."""
        self._submission_listeners.append(listener)

    def submit(self, extrinsic: bytes) -> Submitted:
        """Put ``extrinsic`` into the pool. Raises what the pool and the runtime refuse it with."""
        try:
            submitted = self._pool.submit(extrinsic, self._clock.monotonic())
        except AssayError as refusal:
            outcome = type(refusal).__name__
            self._metrics.count("assay_pool_submissions_total", outcome=outcome)
            raise
        self._metrics.count("assay_pool_submissions_total", outcome="accepted")
        self._tell(submitted.events)
        self._show_pool()
        self._wake.set()
        for listener in self._submission_listeners:
            listener(extrinsic)
        return submitted

    def expel(self, extrinsic: bytes) -> None:
        """Remove ``extrinsic`` from the pool: whoever makes the blocks refuses it."""
        self._tell(self._pool.expel(blake2_256(extrinsic), self._clock.monotonic()))
        self._show_pool()

    def take(self, block: Block) -> BuiltBlock:
        """Take ``block``, which another node made. BlockRejected if it does not hold."""
        began_s = self._clock.monotonic()
        return self._made(self._backend.take(block), began_s)

    def seal(self, budget_s: float | None = None) -> BuiltBlock:
        """Build one block now, whatever the sealing mode.

        After ``budget_s`` no further transaction is begun; None tries all that fit.
        """
        timestamp_ms = block_timestamp_ms(
            self._clock.now_ns() // 1_000_000, self._backend.earliest_timestamp_ms()
        )
        began_s = self._clock.monotonic()
        try:
            built = self._backend.build(
                timestamp_ms,
                islice(self._pool.best(), self._most),
                until=never if budget_s is None else _after(budget_s, self._clock),
            )
        except (RuntimeTrap, BlockRejected) as fault:
            self._metrics.count("assay_blocks_total", outcome="failed")
            self._beware(fault.tried)
            raise
        return self._made(built, began_s)

    def _made(self, built: BuiltBlock, began_s: float) -> BuiltBlock:
        """Tell everybody of the block that was ``built`` since ``began_s``, and prune the pool."""
        now_s = self._clock.monotonic()
        self._metrics.count("assay_blocks_total", outcome="made")
        self._metrics.observe("assay_block_seconds", now_s - began_s)
        self._metrics.show("assay_finalized_block", built.block.number)
        self._sealing.sealed(now_s)
        self._sealing.set_interval(built.slot_duration_ms / 1_000, now_s)
        for listener in self._block_listeners:
            listener(built)
        effects = BlockEffects(
            number=built.block.number,
            included=built.included + tuple(other.hash for other in built.unsealed),
            beside=tuple(
                (other.hash, nonce_tag(other.signer, other.next_nonce - 1))
                for other in built.unsealed
                if other.next_nonce  # not of an account that is gone
            ),
            failed=built.failed,
            runtime_changed=built.runtime_changed,
        )
        self._tell(self._pool.after_block(effects, now_s))
        self._relax(now_s)
        self._show_pool()
        return built

    def _beware(self, tried: Sequence[bytes]) -> None:
        """Note that a block failed as a whole after these transactions were ``tried``.

        The next block tries half of them, so that repeated failures single out the one to blame.
        """
        if tried:
            self._most = len(tried) // 2
            self._suspect = tried[0] if len(tried) == 1 else None
        else:
            self._most = self._suspect = None

    def _relax(self, now_s: float) -> None:
        """Note that a block was made.

        A suspect that was left out of that block is to blame for the failures, and leaves the pool.
        """
        if self._suspect is not None:
            logger.warning("0x{} leaves the pool: no block can hold it", self._suspect.hex())
            self._tell(self._pool.expel(self._suspect, now_s))
            self._most = self._suspect = None
        elif self._most is not None:
            # Who was to blame may have left by itself. If not, the next failure halves it again.
            self._most = self._most * 2 if self._pool.ready_count else None

    def _show_pool(self) -> None:
        self._metrics.show("assay_pool_transactions", self._pool.ready_count, state="ready")
        self._metrics.show("assay_pool_transactions", self._pool.future_count, state="future")

    def _tell(self, events: Sequence[Event]) -> None:
        if events:
            for listener in self._event_listeners:
                listener(events)

    async def run(self) -> None:
        """Build blocks until ``stop``. Raises StorageFailed or ChainDamaged, which end the node."""
        while not self._stop.is_set():
            wait_s = self._sealing.wait_s(self._clock.monotonic(), self._pool.ready_count)
            if wait_s is None or wait_s > 0:
                await self._pause(wait_s)
                continue
            height = self._backend.head.number
            await asyncio.sleep(0)  # what clients have sent meanwhile comes into this block
            if self._stop.is_set() or self._backend.head.number != height:
                continue  # a call made the block
            ready = self._pool.ready_count
            built = self._seal_in_time()
            if built is None or (ready and not (built.included or built.failed)):
                # Nothing fitted: an eager mode would spin. The next block must wait for something.
                await self._pause(_RETRY_S)

    @property
    def beat_s(self) -> float | None:
        """Seconds between two blocks of a mode with a beat; None for a mode without."""
        return self._sealing.beat_s

    def block_is_due(self) -> bool:
        """Whether a block's time has come and ``run`` has not made it yet.

        Whoever is about to hold the event loop leaves it to ``run`` first.
        """
        return self._sealing.overdue(self._clock.monotonic()) and not self._stop.is_set()

    def _seal_in_time(self) -> BuiltBlock | None:
        """Build a block within its share of the block time; None if the runtime cannot make one."""
        try:
            return self.seal(min(self._sealing.interval_s * _BUILDING_SHARE, _BUILDING_S_MAX))
        except (RuntimeTrap, BlockRejected) as fault:
            logger.error("block {} cannot be built: {}", self._backend.head.number + 1, fault)
            self._sealing.sealed(self._clock.monotonic() + _RETRY_S)
            return None

    async def _pause(self, wait_s: float | None) -> None:
        """Wait ``wait_s``, or until something was submitted; None: only the latter."""
        self._wake.clear()
        if self._stop.is_set():
            return
        if wait_s is None:
            await self._wake.wait()
            return
        await until(self._wake, self._clock, wait_s)

    def stop(self) -> None:
        """Let ``run`` end; a block that is being built is finished first."""
        self._stop.set()
        self._wake.set()
