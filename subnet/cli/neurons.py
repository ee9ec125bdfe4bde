"""From what was given on the command line to a running neuron: keys, consent, signals.

``assay miner run``, ``assay validator run`` and the lab's wrapped miners come through here. The
neuron itself is put together by ``assay.neuron.run``, which knows no command line.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from loguru import logger

from assay.chain.address import resolve, shown
from assay.chain.errors import NotRegistered
from assay.chain.interface import Chain, Endpoint
from assay.child import tell_slip
from assay.cli.amounts import parse_amount
from assay.cli.arguments import NeuronArguments, wallets_of
from assay.cli.consent import Consent, Payer
from assay.cli.events import Tell, telling
from assay.cli.process import stop_on_signals
from assay.cli.trades import Stake, join
from assay.clock import Clock
from assay.metrics import NO_METRICS, Metrics
from assay.neuron import run
from assay.neuron.folder import old_folder
from assay.neuron.run import OpenSubnet
from assay.neuron.task import MinerTask, Pace, TaskSettings, ValidatorTask
from assay.types import NetUid, Rao, Signer
from assay.wire.admission import Serve

OpensSubnet = Callable[..., contextlib.AbstractAsyncContextManager[OpenSubnet]]
"""The shape of ``assay.neuron.run.open_subnet``; tests hand in one over a fake chain."""

COMMAND_PATIENCE_S: Final = 4.0
"""For a command that a person waits for: longer than a local chain takes to start again."""


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
    objects_bytes_max: int | None = None
    """The most disk that the task's objects take; None: what the task asks for."""

    @classmethod
    def of(cls, given: NeuronArguments, *, stake: Stake | None = None) -> Identity:
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
            round(given.objects_max_gb * 1e9) if given.objects_max_gb is not None else None,
        )

    @property
    def old_folder(self) -> Path:
        """Where an older Assay kept this neuron's files."""
        return old_folder(self.state_dir, self.wallet, self.hotkey, self.netuid)


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
async def _opened(
    identity: Identity, open_subnet: OpensSubnet, metrics: Metrics
) -> AsyncIterator[tuple[OpenSubnet, Signer]]:
    """The subnet and the hotkey; NotRegistered if it has no uid and none is to be bought."""
    from assay.chain.wallets import open_hotkey

    hotkey = open_hotkey(
        wallets_of(identity.state_dir, identity.wallet_path), identity.wallet, identity.hotkey
    )
    logger.info(
        "Connecting to the chain at {}, for at most {:g} s",
        shown(resolve(identity.network)),
        run.PATIENCE_S,
    )
    async with open_subnet(
        identity.network, identity.netuid, state_dir=identity.state_dir, metrics=metrics
    ) as subnet:
        seated = subnet.view.now().metagraph.by_hotkey(hotkey.address) is not None
        if not identity.register and not seated:
            # The neuron would say so too, but only once the task has loaded.
            raise NotRegistered.of(hotkey.address, identity.netuid)
        yield replace(subnet, tell_slip=tell_slip), hotkey


async def run_miner(
    identity: Identity,
    make_task: Callable[[], MinerTask],
    settings: TaskSettings,
    *,
    bind: Endpoint,
    announce: Endpoint | None,
    serve: str,
    ready: Callable[[int], None] = lambda port: None,
    tell: Tell | None = None,
    metrics: Metrics = NO_METRICS,
    open_subnet: OpensSubnet = run.open_subnet,
) -> None:
    """Run one miner until a signal stops it.

    ``bind`` is where the axon listens (port 0: any), ``announce`` what the chain is told if that
    differs, ``serve`` the least membership that is answered (registered, permit or anybody).
    ``tell`` is handed what happens to the hotkey on the chain.
    """
    async with _opened(identity, open_subnet, metrics) as (subnet, hotkey):
        stop = asyncio.Event()
        stop_on_signals(stop)
        async with telling(subnet.view, hotkey.address, tell, stop):
            await run.run_miner(
                subnet,
                hotkey,
                make_task(),
                settings=settings,
                bind=bind,
                announce=announce,
                serve=Serve[serve.upper()],
                objects_bytes_max=identity.objects_bytes_max,
                old=identity.old_folder,
                join=lambda: _join(identity, subnet.chain, hotkey),
                ready=ready,
                stop=stop,
            )


async def run_validator(
    identity: Identity,
    make_task: Callable[[], ValidatorTask],
    settings: TaskSettings,
    *,
    seed: str | None,
    round_interval_s: float | None,
    answer_deadline_s: float,
    bind: Endpoint,
    announce: Endpoint | None,
    ready: Callable[[int | None], None] = lambda port: None,
    tell: Tell | None = None,
    metrics: Metrics = NO_METRICS,
    open_subnet: OpensSubnet = run.open_subnet,
) -> None:
    """Run one validator until a signal stops it. ``seed`` None draws an unguessable one,
    ``round_interval_s`` None keeps the task's own pace. ``bind`` and ``announce`` are as a miner's,
    for a task whose validators serve something; ``tell`` is as a miner's too."""
    async with _opened(identity, open_subnet, metrics) as (subnet, hotkey):
        stop = asyncio.Event()
        stop_on_signals(stop)
        async with telling(subnet.view, hotkey.address, tell, stop):
            await run.run_validator(
                subnet,
                hotkey,
                make_task(),
                settings=settings,
                pace=Pace.seconds(round_interval_s) if round_interval_s is not None else None,
                answer_deadline_s=answer_deadline_s,
                seed=seed,
                bind=bind,
                announce=announce,
                objects_bytes_max=identity.objects_bytes_max,
                old=identity.old_folder,
                join=lambda: _join(identity, subnet.chain, hotkey),
                ready=ready,
                stop=stop,
            )
