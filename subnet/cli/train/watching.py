"""What the commands that look at a run share: which run, on which subnet, and the newest state.

A run is a folder, or a root of which the folder is fetched from the run's neurons. Whoever looks on
needs a registered hotkey, which signs the questions, and publishes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from assay.cli import arguments, param_types
from assay.cli.up.presets import RUN_FOLDER
from assay.errors import UserError

if TYPE_CHECKING:
    from assay.neuron.run import OpenSubnet
    from assay.neuron.task import TaskContext
    from assay.training.messages import StateRef
    from assay.training.run_folder import RunFolder
    from assay.training.run_parts import RunParts

STATE_PATIENCE_S: Final = 600.0
"""Within which the newest state must be here: a state of gigabytes takes minutes, and what is only
not decided yet comes with the next block."""

_SUBNET: Final = (arguments.netuid(1), arguments.chain, arguments.state_dir)
view_options: Final = arguments.all_of(
    click.option(
        "--run", metavar="FOLDER", show_default=f"STATE_DIR/{RUN_FOLDER}", help="The run's folder."
    ),
    *_SUBNET,
)
"""For whoever reads the chain alone."""
look_options: Final = arguments.all_of(
    click.option(
        "--run", metavar="FOLDER|ROOT", show_default=f"STATE_DIR/{RUN_FOLDER}",
        help="The run: its folder, or its root in 64 hex digits; then all else comes from its"
        " neurons.",
    ),
    *_SUBNET, arguments.wallet("owner"), arguments.hotkey, arguments.wallet_path,
)  # fmt: skip
"""For whoever asks the run's neurons: a hotkey signs the questions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """Which run, and how to reach its subnet."""

    run: str | None
    netuid: int
    chain: str
    state_dir: Path
    wallet: str = ""
    hotkey: str = ""
    wallet_path: Path | None = None

    @classmethod
    def of(cls, context: click.Context) -> Where:
        """Out of what was given on the command line. The chain that `assay up` runs in the state
        folder goes before the default one, and so does its subnet that trains."""
        from assay.cli.status import chain_of_run

        given = {name: context.params[name] for name in cls.__slots__ if name in context.params}
        if context.get_parameter_source("chain") is ParameterSource.DEFAULT:
            given["chain"] = chain_of_run(given["state_dir"]) or given["chain"]
        if context.get_parameter_source("netuid") is ParameterSource.DEFAULT:
            given["netuid"] = subnet_of_run(given["state_dir"]) or given["netuid"]
        return cls(**given)

    @property
    def root(self) -> bytes | None:
        """The run's root, if that was given."""
        from assay.training.run_task import root_of

        return None if self.run is None else root_of(self.run)

    def open_run(self) -> RunFolder | None:
        """The run in the folder that was given; None for a root. UserError for a folder that holds
        no run."""
        from assay.training.run_folder import RunFolder

        if self.root is not None:
            return None
        path = self.state_dir / RUN_FOLDER if self.run is None else param_types.absolute(self.run)
        return RunFolder.open(path)


def subnet_of_run(state_dir: Path) -> int | None:
    """The subnet of the run of `assay up` in ``state_dir`` that trains; None where none does."""
    from assay.cli.up.record import RecordFile
    from assay.protocol.training.asking import NAME

    return RecordFile(state_dir).netuid_of(NAME)


@contextlib.asynccontextmanager
async def subnet_of(where: Where) -> AsyncGenerator[OpenSubnet, None]:
    """The subnet, followed while the block runs."""
    from assay.cli.neurons import COMMAND_PATIENCE_S
    from assay.neuron.run import open_subnet

    async with open_subnet(
        where.chain, where.netuid, state_dir=where.state_dir, patience_s=COMMAND_PATIENCE_S
    ) as subnet:
        yield subnet


@contextlib.asynccontextmanager
async def looking_on(where: Where) -> AsyncGenerator[tuple[TaskContext, RunParts], None]:
    """The run's parts, as one who takes no part has them."""
    from assay.chain.wallets import open_hotkey
    from assay.neuron import MinerTask
    from assay.neuron.onlooker import look_on
    from assay.protocol.training.asking import NAME
    from assay.training.run_parts import RunParts
    from assay.training.run_task import OBJECTS_BYTES_MAX, fetched_run

    class Onlooker(MinerTask):
        name = NAME
        objects_bytes_max = OBJECTS_BYTES_MAX

    hotkey = open_hotkey(
        arguments.wallets_of(where.state_dir, where.wallet_path), where.wallet, where.hotkey
    )
    run = where.open_run()  # before the chain is asked: it may not be one
    async with subnet_of(where) as subnet, look_on(subnet, hotkey, Onlooker()) as context:
        if run is None:
            root = where.root
            assert root is not None, "a run is a folder or a root"
            run = await fetched_run(context, root)
        yield context, await RunParts.open(context, run)


async def newest_state(context: TaskContext, parts: RunParts) -> StateRef:
    """The state that the next window begins from; what cannot be reached at one block is tried
    again at the next. UserError if it cannot be reached at all."""
    from assay.training.follower import NotCaughtUp

    until_s = context.clock.monotonic() + STATE_PATIENCE_S
    async with contextlib.aclosing(context.chain.blocks()) as moments:
        async for moment in moments:
            try:
                return await parts.follower.advance(moment.at.number)
            except NotCaughtUp as error:
                if context.clock.monotonic() > until_s:
                    raise UserError(
                        f"The run's newest state is out of reach: {error.cause}",
                        "See with `assay train status` whether its neurons hold it.",
                    ) from None
    raise AssertionError("blocks do not end")
