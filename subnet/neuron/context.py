"""What a task is handed when it starts: made, bounded, and taken apart again.

In go a neuron's parts (folder, chain, peers, transport); out comes a ``TaskContext`` whose
functions check what a builder's code passes to them, and whose workers and objects end with the
neuron. This module does not know how a neuron is run, or any particular task.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger

from assay.chain.interface import Call, Chain, Receipt
from assay.chain.view import ChainView
from assay.clock import Clock
from assay.neuron.faults import BrokenTask
from assay.neuron.folder import NeuronFolder
from assay.neuron.peers import Peers
from assay.neuron.record import Role
from assay.neuron.settings import TaskSettings
from assay.neuron.task import MinerTask, TaskContext, ValidatorTask
from assay.objects import Objects, ObjectStore
from assay.types import Signer
from assay.wire.interface import AnyDendrite
from assay.workers import Workers

AnyTask = MinerTask | ValidatorTask


@dataclass(frozen=True, slots=True)
class Resources:
    """What of a neuron a task may use, and what has to end before the neuron does."""

    workers: Workers
    objects: Objects | None


async def open_resources(
    task: AnyTask,
    folder: NeuronFolder,
    dendrite: AnyDendrite,
    stack: contextlib.AsyncExitStack,
    *,
    clock: Clock,
    rng: random.Random,
    objects_bytes_max: int | None = None,
) -> Resources:
    """Make the workers, and the object store if there is room for one, and close both with
    ``stack``. ``objects_bytes_max`` takes the place of the task's own."""
    workers = Workers(folder.workers, clock, rng)
    stack.push_async_callback(workers.close)
    room = task.objects_bytes_max if objects_bytes_max is None else objects_bytes_max
    if not task.objects_bytes_max or not room:
        return Resources(workers, None)
    store = ObjectStore(folder.objects, room, clock=clock)
    objects = Objects(store, dendrite, clock=clock, rng=rng, may_put=task.may_put)
    stack.push_async_callback(objects.close)
    return Resources(workers, objects)


def make_context(
    task: AnyTask,
    role: Role,
    settings: TaskSettings | None,
    *,
    hotkey: Signer,
    folder: NeuronFolder,
    clock: Clock,
    rng: random.Random,
    chain: Chain,
    view: ChainView,
    peers: Peers,
    resources: Resources,
    publish: Callable[[bytes], Awaitable[None]],
) -> TaskContext:
    """The context of one half of ``task``. ``publish`` raises ValueError for bytes that are too
    many; a builder is told so as BrokenTask."""

    async def checked_publish(data: bytes) -> None:
        if not isinstance(data, bytes):
            raise BrokenTask(
                f"The task {task.name} publishes a {type(data).__name__}.",
                "Publish bytes; a text becomes some with .encode().",
            )
        try:
            await publish(data)
        except ValueError as error:
            raise BrokenTask(
                f"The task {task.name} publishes {len(data)} bytes: {error}.",
                "Publish a hash or a pointer to what is longer.",
            ) from None

    async def submit(call: Call) -> Receipt:
        if str(call) not in task.calls:
            raise BrokenTask(
                f"The task {task.name} signs {call}, and does not declare it.",
                f'Give its class calls = ("{call}",): an operator is told what a task may sign.',
            )
        return await chain.submit(call, hotkey)

    if task.calls:
        logger.info("The task {} may sign with this hotkey: {}", task.name, ", ".join(task.calls))
    return TaskContext(
        settings=settings if settings is not None else task.settings(),
        hotkey=hotkey.address,
        role=role,
        state_dir=folder.task,
        clock=clock,
        rng=rng,
        chain=view,
        publish=checked_publish,
        peers=peers,
        submit=submit,
        workers=resources.workers,
        object_store=resources.objects,
    )
