"""Somebody who takes no part: asks a subnet's neurons and fetches from them, and serves nothing.

In go a subnet, a hotkey that signs what is asked, and a task's class; out comes a ``TaskContext``
like a neuron's, whose folder is apart from the one that a neuron with the same hotkey has. Nothing
is published and nothing is signed for the chain.
"""

from __future__ import annotations

import contextlib
import random
import secrets
from collections.abc import AsyncGenerator
from typing import Final, NoReturn

from assay.errors import Unavailable
from assay.files import held
from assay.neuron.context import AnyTask, make_context, open_resources
from assay.neuron.folder import NeuronFolder
from assay.neuron.peers import Peers
from assay.neuron.record import Role
from assay.neuron.run import OpenSubnet
from assay.neuron.task import TaskContext
from assay.types import Signer
from assay.wire.dendrite import Dendrite

ONLOOKER: Final = "onlooker"
"""The folder, under the state folder, of all that somebody fetched who took no part."""


@contextlib.asynccontextmanager
async def look_on(
    subnet: OpenSubnet, hotkey: Signer, task: AnyTask
) -> AsyncGenerator[TaskContext, None]:
    """Yield a context of ``task``, which is not started, for the block. Neurons answer a hotkey
    that is registered, unless they say otherwise. Unavailable while another process looks on with
    the same hotkey."""
    folder = NeuronFolder.of(
        subnet.state_dir / ONLOOKER, subnet.genesis, subnet.netuid, hotkey.address
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(held(folder.lock, lambda holder: _in_use(holder)))
        folder.claim(subnet.genesis, subnet.netuid, hotkey.address)
        dendrite = Dendrite(hotkey, clock=subnet.clock, reach=subnet.reach, metrics=subnet.metrics)
        stack.push_async_callback(dendrite.close)
        rng = random.Random(secrets.randbits(64))
        resources = await open_resources(task, folder, dendrite, stack, clock=subnet.clock, rng=rng)
        peers = Peers(dendrite, task=task.name, own=hotkey.address, now=subnet.view.now)
        yield make_context(
            task,
            Role.CLIENT,
            None,
            hotkey=hotkey,
            folder=folder,
            clock=subnet.clock,
            rng=rng,
            chain=subnet.chain,
            view=subnet.view,
            peers=peers,
            resources=resources,
            publish=_publish,
        )


async def _publish(data: bytes) -> NoReturn:
    raise AssertionError("who looks on publishes nothing")


def _in_use(holder: str) -> Unavailable:
    return Unavailable(
        f"Process {holder} looks on here with the same hotkey.",
        "Wait until it ends, or give another --hotkey or --state-dir.",
    )
