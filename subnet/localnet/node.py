"""A whole node in one object: backend, pool, service and RPC server, wired, started and stopped.

Comes in: ``NodeOptions`` and a clock. Goes out: a running ``Node``. What is decided here is the
order. A start takes the port, opens the chain, serves, then seals. A stop ends the sealing, closes
the port and its connections, and closes the database; a block that is being built is finished
first. Whoever starts a node waits on ``finished``, which returns or raises when the node has ended.

This module knows no command line and installs no signal handlers: the process around the node does
(``cli/chain_start.py``), or a test (``localnet/testing.py``).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loguru import logger

from assay.clock import Clock
from assay.errors import UserError
from assay.home import cache_folder
from assay.localnet.backend import Backend, Genesis
from assay.localnet.beacon.local import LocalBeacon
from assay.localnet.errors import BlockRejected, ChainDamaged, GenesisDiffers
from assay.localnet.following.follower import BlockFollower
from assay.localnet.following.source import HttpFollowed
from assay.localnet.holders import Holders, holders_of
from assay.localnet.limits import CoreLimits
from assay.localnet.pool import TransactionPool
from assay.localnet.pool.limits import PoolLimits
from assay.localnet.rpc.dispatch import RpcDispatcher
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.methods import registry
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.server import RpcServer, bind
from assay.localnet.rpc.subscriptions import Hub
from assay.localnet.sealing import Sealing, SealingMode
from assay.localnet.service import Service
from assay.localnet.shield.author import Shield
from assay.localnet.state.view import State
from assay.metrics import NO_METRICS, Metrics
from assay.types import Ss58

RUNTIME_PATH: Final = Path(__file__).parent / "runtime" / "assay.wasm"
"""The committed runtime; it travels in the wheel."""

_WASM_BYTES_MAX: Final = 64 * 2**20
"""A runtime has one to two megabytes; a file above this is something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What one node is started with. ``state_dir`` None keeps the chain in memory only."""

    genesis: Genesis
    """The recipe of the chain: a new one is begun with it, a stored one is held to it."""
    continue_any: bool = False
    """Continue a stored chain even if it began with another recipe."""
    state_dir: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    sealing: SealingMode = SealingMode.INTERVAL
    follow: str | None = None
    """The address of a node whose blocks are taken; then none are made here, whatever the sealing
    mode."""
    beacon: bool = False
    """Bring the pulses of the development beacon, where the chain follows that one."""
    history_blocks: int | None = None
    dev_methods: bool = False
    origins: tuple[str, ...] = ()
    expose_development_keys: bool = False
    """Serve others although anybody has power over the chain."""
    module_cache: Path | None = None
    core_limits: CoreLimits | None = None
    pool_limits: PoolLimits | None = None
    rpc_limits: RpcLimits | None = None


def read_runtime(path: Path = RUNTIME_PATH) -> bytes:
    """Read a runtime's code from the file ``path``. UserError if the file cannot be a runtime."""
    try:
        if path.stat().st_size > _WASM_BYTES_MAX:
            raise UserError(f"{path} is too large for a runtime.", "Give a runtime's Wasm file.")
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"The runtime {path} cannot be read ({error.strerror}).",
            "Give a readable Wasm file with --runtime, or install Assay again.",
        ) from error


def default_module_cache() -> Path | None:
    """The folder in which compiled runtimes are kept between runs; it belongs to this user.

    None, with a warning in the log, for a user without a home folder.
    """
    root = cache_folder()
    if root is None:
        logger.warning(
            "HOME names no folder, so the runtime is compiled at every start, which takes seconds;"
            " set HOME or XDG_CACHE_HOME"
        )
        return None
    return root / "assay" / "modules"


_OTHER_NODE: Final = "Follow another node; where that has the same block, report this host's fault."
_SUDO_RAO: Final = 3_000_000 * 10**9
"""What the sudo account of a chain without development accounts begins with: as much as those have
together in the presets."""


def genesis_of(
    *,
    code: bytes,
    preset: str = "local",
    block_time_ms: int | None = None,
    sudo: Ss58 | None = None,
) -> Genesis:
    """The recipe of a new chain whose first runtime is ``code``.

    ``block_time_ms`` None leaves the preset's own block time. ``sudo`` names the account that may
    do everything, makes the blocks and holds all the money; None leaves power and money to the
    development accounts of the preset.
    """
    overrides: dict[str, Any] = {}
    if block_time_ms is not None:
        overrides["subtensorModule"] = {"slotDurationMs": block_time_ms}
    if sudo is not None:
        overrides["sudo"] = {"key": sudo}
        overrides["aura"] = {"authorities": [sudo]}
        overrides["balances"] = {"balances": [[sudo, _SUDO_RAO]]}
    return Genesis(code=code, preset=preset, overrides=overrides)


def _check_exposure(options: NodeOptions, holders: Holders) -> None:
    """Raise UserError if others could reach a chain over which anybody has power.

    ``holders`` says who has power. Where the options ask for it, a warning takes the error's place.
    """
    power = holders.public_power
    if power is None:
        return
    if not ipaddress.ip_address(options.host or "0.0.0.0").is_loopback:  # noqa: S104
        reach = f"Whoever reaches {options.host}"
    elif "*" in options.origins:
        reach = "Every web page that is open in a browser here"
    else:
        return
    if options.expose_development_keys:
        logger.warning("{} can {}", reach, power)
        return
    raise UserError(
        f"{reach} could {power}.",
        "Begin a chain with a key of your own (--sudo SS58), or say --expose-development-keys too.",
    )


class Node:
    """A running node. Make one with ``Node.start``, or with ``running``."""

    def __init__(self, backend: Backend, service: Service, server: RpcServer, host: str) -> None:
        self.backend = backend
        self.service = service
        self.host = host
        self._server = server
        self._follower: BlockFollower | None = None
        self._source: HttpFollowed | None = None
        self._fatal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sealing_task: asyncio.Task[None] | None = None
        self._beacon_task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        """The address that a client on this machine connects to."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host  # noqa: S104
        return f"ws://{f'[{host}]' if ':' in host else host}:{self.port}"

    @classmethod
    async def start(cls, options: NodeOptions, clock: Clock, metrics: Metrics = NO_METRICS) -> Node:
        """Open the chain and serve it. UserError names what is in the way; nothing is left then."""
        listener = bind(options.host, options.port)  # first: a taken port must leave no new chain
        try:
            backend = cls._open(options, clock)
        except BaseException:
            listener.close()
            raise
        try:
            node = cls._wire(backend, options, clock, metrics)
            if node._follower is not None:
                try:
                    await node._follower.check()
                except BaseException:
                    await node._unfollow()
                    raise
            await node._server.start(listener)
        except BaseException:
            listener.close()
            backend.close()
            raise
        work = node.service.run() if node._follower is None else node._follower.run()
        node._sealing_task = asyncio.create_task(work, name="sealing")
        node._sealing_task.add_done_callback(node._sealing_ended)
        if options.beacon and node._follower is None:
            beacon = LocalBeacon(backend, node.service)
            node._beacon_task = asyncio.create_task(beacon.run(), name="beacon")
            node._beacon_task.add_done_callback(node._beacon_ended)
        head = backend.head
        logger.info("block {} 0x{}… at {}", head.number, head.hash.hex()[:8], node.url)
        return node

    @staticmethod
    def _open(options: NodeOptions, clock: Clock) -> Backend:
        def permit(state: State) -> None:
            _check_exposure(options, holders_of(state))

        def open_as(genesis: Genesis | None) -> Backend:
            return Backend.open(
                options.state_dir,
                genesis,
                limits=options.core_limits,
                history_blocks=options.history_blocks,
                module_cache=options.module_cache,
                clock=clock,
                permit=permit,
                # Who follows makes no blocks: the ciphertexts are the other node's to open.
                shield=Shield() if options.follow is None else None,
            )

        try:
            return open_as(options.genesis)
        except GenesisDiffers:
            if not options.continue_any:
                raise
            return open_as(None)

    @classmethod
    def _wire(cls, backend: Backend, options: NodeOptions, clock: Clock, metrics: Metrics) -> Node:
        limits = options.rpc_limits or RpcLimits()
        pool = TransactionPool(backend, head_number=backend.head.number, limits=options.pool_limits)
        sealing = Sealing(
            options.sealing if options.follow is None else SealingMode.MANUAL,
            interval_s=backend.slot_duration_ms() / 1_000,
            now_s=clock.monotonic(),
        )
        service = Service(backend, pool, sealing, clock, metrics)
        hub = Hub(backend, limits)
        service.on_block(hub.tell_block)
        service.on_events(hub.tell_events)
        methods = registry(dev_methods=options.dev_methods)
        rpc_node = RpcNode(
            backend=backend,
            pool=pool,
            service=service,
            hub=hub,
            limits=limits,
            methods=methods.names,
            clock=clock,
        )
        node: Node
        server = RpcServer(
            RpcDispatcher(methods, rpc_node, metrics),
            hub,
            limits,
            clock,
            origins=options.origins,
            block_is_due=service.block_is_due,
            on_fatal=lambda error: node._fail(error),
            metrics=metrics,
        )
        node = cls(backend, service, server, options.host)
        if options.follow is not None:
            node._source = HttpFollowed(options.follow)
            node._follower = BlockFollower(node._source, backend, service, pool.pending, clock)
        return node

    async def _unfollow(self) -> None:
        if self._source is not None:
            await self._source.close()

    def _fail(self, error: BaseException) -> None:
        if not self._fatal.done():
            self._fatal.set_exception(error)

    def _sealing_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, BlockRejected):  # only another node's block gets here
                error = ChainDamaged(f"What was followed does not hold: {error}.", _OTHER_NODE)
            self._fail(error)

    def _beacon_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    async def finished(self) -> None:
        """Wait for as long as the node runs, and raise the error that ended it."""
        await asyncio.shield(self._fatal)

    async def stop(self) -> None:
        """Stop sealing, then serving, then storing. A second call does nothing."""
        self.service.stop()
        if self._beacon_task is not None:
            self._beacon_task.cancel()
            await asyncio.wait((self._beacon_task,))
            self._beacon_task = None
        if self._sealing_task is not None:
            if self._follower is not None:
                self._sealing_task.cancel()
            await asyncio.wait((self._sealing_task,))
            self._sealing_task = None
        await self._unfollow()
        await self._server.stop()
        self.backend.close()
        if self._fatal.done() and not self._fatal.cancelled():
            self._fatal.exception()  # it was raised by ``finished``, or nobody asked
        else:
            self._fatal.cancel()


@asynccontextmanager
async def running(
    options: NodeOptions, clock: Clock, metrics: Metrics = NO_METRICS
) -> AsyncIterator[Node]:
    """A node that is started on entry and stopped on exit of an ``async with``."""
    node = await Node.start(options, clock, metrics)
    try:
        yield node
    finally:
        await node.stop()
