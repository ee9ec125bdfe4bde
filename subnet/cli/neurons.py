"""Put a neuron together from its parts, run it, take it apart again.

Adds to the loops in ``assay.neuron`` what they are handed: a chain client, a wallet's hotkey, an
axon or a dendrite, a folder, a clock, and a stop that Ctrl-C and SIGTERM set. ``assay miner run``,
``assay validator run`` and the lab's wrapped miners all come through here.
"""

from __future__ import annotations

import contextlib
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loguru import logger

from assay.chain.connect import resolve, shown
from assay.chain.errors import NotRegistered
from assay.chain.interface import Chain, Endpoint, Signer
from assay.cli.amounts import parse_amount
from assay.cli.given import NeuronOptions
from assay.cli.options import wallets_of
from assay.cli.payer import Payer
from assay.cli.process import stop_on_signals
from assay.cli.spending import Consent, Stake, join
from assay.clock import Clock, SystemClock
from assay.errors import Unavailable
from assay.files import held
from assay.neuron.checkpoint import CheckpointFile
from assay.neuron.members import Members
from assay.neuron.miner import Miner, MinerConfig
from assay.neuron.task import (
    MinerContext,
    MinerTask,
    TaskSettings,
    ValidatorContext,
    ValidatorTask,
)
from assay.neuron.validator import Validator, ValidatorConfig
from assay.types import NetUid, Rao

COMMAND_PATIENCE_S: Final = 4.0
"""For a command that a person waits for: longer than a local chain takes to start again."""
NEURON_PATIENCE_S: Final = 30.0
"""For a neuron, which a machine may start together with its chain."""
LOCK: Final = "neuron.lock"


@dataclass(frozen=True, slots=True)
class Identity:
    """Which neuron: its chain, its subnet, its key, and where it keeps things."""

    network: str
    netuid: NetUid
    wallet: str
    hotkey: str
    state_dir: Path
    wallet_path: Path | None
    register: bool
    stake: Stake | None = None
    """What to stake on the hotkey if it holds nothing yet."""
    password_file: Path | None = None
    """Holds the coldkey's password, which only registering and staking need."""
    max_price: Rao | None = None
    """The most that registering may cost; None: whatever it costs."""
    yes: bool = False
    """Agree to pay on a real chain without being asked."""

    @classmethod
    def of(cls, given: NeuronOptions, *, stake: Stake | None = None) -> Identity:
        """Out of what was given on the command line."""
        return cls(
            given.chain,
            NetUid(given.netuid),
            given.wallet,
            given.hotkey,
            given.state_dir,
            given.wallet_path,
            given.register,
            stake,
            given.password_file,
            parse_amount(given.max_price) if given.max_price is not None else None,
            given.yes,
        )

    @property
    def folder(self) -> Path:
        """This neuron's own folder; one key on one subnet has one."""
        return neuron_folder(self.state_dir, self.wallet, self.hotkey, self.netuid)


def neuron_folder(state_dir: Path, wallet: str, hotkey: str, netuid: int) -> Path:
    """Where a neuron keeps its checkpoint and its nonces, locked while it runs: two processes with
    one memory would each undo what the other remembers."""
    return state_dir / "neurons" / f"{wallet}.{hotkey}.{netuid}"


@contextlib.asynccontextmanager
async def open_chain(
    network: str, state_dir: Path, clock: Clock, *, patience_s: float = COMMAND_PATIENCE_S
) -> AsyncIterator[Chain]:
    """A connected chain whose caches stay under the state folder."""
    from assay.chain.connect import connect

    chain = await connect(
        network, cache_dir=state_dir / "cache" / "sdk", clock=clock, patience_s=patience_s
    )
    try:
        yield chain
    finally:
        await chain.close()


async def _join(identity: Identity, chain: Chain, hotkey: Signer) -> None:
    """Buy a uid and stake, if that was asked for; the loops refuse to run without a uid."""
    if not identity.register and not identity.stake:
        return
    payer = Payer(identity.wallet, identity.state_dir, identity.wallet_path, identity.password_file)
    money = await chain.is_money()

    def coldkey() -> Signer:
        opened = payer.open()
        payer.check(identity.network, money=money)
        return opened

    await join(
        chain,
        identity.netuid,
        hotkey.address,
        coldkey,
        Consent(identity.network, identity.max_price, identity.yes),
        register=identity.register,
        stake=identity.stake,
    )


@contextlib.asynccontextmanager
async def _opened(identity: Identity, clock: Clock) -> AsyncIterator[tuple[Chain, Signer]]:
    """The chain and the hotkey, once that may work: it has a uid, and its folder to itself."""
    from assay.chain.wallets import open_hotkey

    hotkey = open_hotkey(
        wallets_of(identity.state_dir, identity.wallet_path), identity.wallet, identity.hotkey
    )
    logger.info(
        "Connecting to the chain at {}, for at most {:g} s",
        shown(resolve(identity.network)),
        NEURON_PATIENCE_S,
    )
    async with open_chain(
        identity.network, identity.state_dir, clock, patience_s=NEURON_PATIENCE_S
    ) as chain:
        if not identity.register:
            # The loops would say so too, but only once the task has loaded and committed.
            metagraph = await chain.metagraph(identity.netuid)
            if metagraph.by_hotkey(hotkey.address) is None:
                raise NotRegistered.of(hotkey.address, identity.netuid)
        with held(identity.folder / LOCK, lambda holder: _in_use(identity, holder)):
            await _join(identity, chain, hotkey)
            yield chain, hotkey


def _in_use(identity: Identity, holder: str) -> Unavailable:
    return Unavailable(
        f"Process {holder} runs a neuron in {identity.folder} already.",
        "Stop it, or give this one a state folder of its own with --state-dir.",
    )


@contextlib.asynccontextmanager
async def _started(
    start: Awaitable[None], close: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """A task between its start and its close; closed also when the start fails."""
    try:
        await start
        yield
    finally:
        await close()


async def run_miner(
    identity: Identity,
    make_task: Callable[[], MinerTask[Any, Any]],
    settings: TaskSettings,
    *,
    bind: Endpoint,
    announce: Endpoint | None,
    serve: str,
    ready: Callable[[int], None] = lambda port: None,
) -> None:
    """Run one miner until it is told to stop.

    ``bind`` is where the axon listens (port 0: any), ``announce`` what the chain is told if that
    differs, ``serve`` the least standing that is answered (registered, permit or anybody).
    """
    from assay.wire.admission import Admission, Serve
    from assay.wire.axon import Axon
    from assay.wire.nonce_file import CeilingFile

    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        chain, hotkey = await stack.enter_async_context(_opened(identity, clock))
        # The axon closes it too, but only once it has served.
        nonces = stack.enter_context(contextlib.closing(CeilingFile(identity.folder / "nonces")))
        members = Members()
        axon = Axon(
            hotkey,
            clock=clock,
            nonces=nonces,
            admission=Admission(
                now_s=clock.monotonic(), resolver=members, serve=Serve[serve.upper()]
            ),
            host=bind.host,
            port=bind.port,
        )

        async def commit(data: bytes) -> None:
            known = await chain.commitment(identity.netuid, hotkey.address)
            if known is None or known.data != data:
                await chain.set_commitment(identity.netuid, hotkey, data)

        task = make_task()
        context = MinerContext(settings, hotkey.address, identity.folder, clock, commit=commit)
        await stack.enter_async_context(_started(task.start(context), task.close))
        miner = Miner(
            MinerConfig(
                netuid=identity.netuid,
                host=announce.host if announce else bind.host,
                port=announce.port if announce else None,
            ),
            chain=chain,
            axon=axon,
            members=members,
            task=task,
            hotkey=hotkey,
            clock=clock,
            rng=random.Random(secrets.randbits(64)),
        )
        stop_on_signals(miner.stop)
        await miner.run(ready)


async def run_validator(
    identity: Identity,
    make_task: Callable[[], ValidatorTask[Any, Any]],
    settings: TaskSettings,
    *,
    seed: str | None,
    round_interval_s: float,
    answer_deadline_s: float,
) -> None:
    """Run one validator until it is told to stop. ``seed`` None draws an unguessable one."""
    from assay.cli.places import reach_of
    from assay.wire.dendrite import Dendrite

    clock = SystemClock()
    async with _opened(identity, clock) as (chain, hotkey):
        reach = reach_of(resolve(identity.network), public=await chain.is_public())
        dendrite = Dendrite(hotkey, clock=clock, reach=reach)
        try:
            task = make_task()
            context = ValidatorContext(settings, hotkey.address, identity.folder, clock)
            async with _started(task.start(context), task.close):
                validator = Validator(
                    ValidatorConfig(
                        netuid=identity.netuid,
                        seed=seed if seed is not None else secrets.token_hex(16),
                        round_interval_s=round_interval_s,
                        answer_deadline_s=answer_deadline_s,
                    ),
                    chain=chain,
                    dendrite=dendrite,
                    task=task,
                    hotkey=hotkey,
                    checkpoints=CheckpointFile(identity.folder / "checkpoint.json"),
                    clock=clock,
                    rng=random.Random(secrets.randbits(64)),
                )
                stop_on_signals(validator.stop)
                await validator.run()
        finally:
            await dendrite.close()
