"""No handler that ships keeps the event loop from others, whatever it is asked.

Each method of each task, and each of the objects', is asked the most that its message allows, over
real sockets. What a builder's own handler may do is told in that neuron's log (``test_faults``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from assay.chain.follow import Follower
from assay.clock import SystemClock
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.neuron.loader import load_miner, load_validator
from assay.neuron.peers import wire_path
from assay.neuron.task import MinerTask
from assay.objects import Objects, ObjectStore, messages
from assay.objects.limits import (
    CHUNK_BYTES,
    HASH_BYTES,
    OBJECT_BYTES_MAX,
    PAGES_MAX,
    RANGE_CHUNKS_MAX,
)
from assay.objects.tree import Head
from assay.protocol.bursts import ANSWERS_MAX, Burst
from assay.protocol.inference import PROMPT_CHARS_MAX, Complete
from assay.protocol.training.records import STATE_BYTES
from assay.wire.errors import PeerRefused
from assay.wire.interface import Caller, Method, Peer
from assay.wire.synapse import Synapse
from tests.support.contexts import task_context
from tests.support.loop import longest_turn
from tests.unit.subnet.neuron.worlds import make_world
from tests.unit.subnet.wire.world import ALICE, BOB, HttpWorld

ROOT = Path(__file__).parents[4]
COMPUTED_S_MAX: Final = 0.05
"""Processor time of one turn of the loop, for the caller's part and the miner's. Ours take 4 ms at
most, to take in 2 MiB; one that computes its answer in the loop takes all the time it needs."""
STOOD_S_MAX: Final = 1.0
"""Real time: what the product itself tells a builder of. Other programs of the machine count."""
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("[a-z]*.py"))
Largest = Callable[[], Sequence[Synapse]]


def registered() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [set(names) for names in project["entry-points"].values()]
    assert len(groups) == 2
    return sorted(set.union(*groups))


def of_example(name: str, **fields: Any) -> Synapse:
    """A message of the example ``name``, of the class that its one method, or each, takes."""
    request: type[Synapse] = (
        load_miner(str(ROOT / "examples" / f"{name}.py"))().methods()[0].request
    )
    return request(**fields)


def completions() -> Sequence[Synapse]:
    model = model_root(resolve(DEMO))
    fields: dict[str, Any] = {
        "model": model,
        "seed": 3,
        "temperature": 1.0,
        "miner": BOB.address,
    }
    return (
        Complete(prompt="def f(" * (PROMPT_CHARS_MAX // 6), max_tokens=1, **fields),
        Complete(prompt="import os\n" * 60, max_tokens=64, **fields),
    )


def bursts() -> Sequence[Synapse]:
    fields: dict[str, Any] = {"model": model_root(resolve(DEMO)), "seed": 3, "miner": BOB.address}
    return (
        Burst(prompts=["import os\n" * 16], answers=ANSWERS_MAX, max_tokens=4, temperature=1.0,
              **fields),
        Burst(prompts=[f"def f{n}(" for n in range(16)], answers=16, max_tokens=16,
              temperature=0.0, **fields),
    )  # fmt: skip


LARGEST: dict[str, Largest] = {
    "reverse": lambda: [of_example("reverse", text="é" * 4_096)],
    "archive.newest": lambda: [of_example("archive", number=2**63)],
    "archive.hash": lambda: [of_example("archive", number=0)],
    "countdown": lambda: [of_example("countdown", number=2**62)],
    "inference": completions,
    "inference.stream": completions,
    "inference.burst": bursts,
}
"""By path on the wire: what costs the method most."""


@contextlib.asynccontextmanager
async def started(reference: str, folder: Path) -> AsyncIterator[MinerTask]:
    """The miner's half of a task, with a chain to look at."""
    miner = load_miner(reference)()
    world = await make_world({})
    async with Follower(world.chain, world.netuid, clock=world.clock, rng=random.Random(0)) as view:
        context = task_context(miner.settings(), BOB.address, folder, SystemClock())
        try:
            await miner.start(dataclasses.replace(context, chain=view))
            yield miner
        finally:
            await miner.close()


async def ask_all(methods: dict[str, Method[Any, Any]], largest: dict[str, Largest]) -> None:
    """Ask each method what costs it most, and hold every turn of the loop to the bounds."""
    http = HttpWorld()
    axon = await http.axon()
    for path, method in methods.items():
        axon.attach(dataclasses.replace(method, name=path))
    await axon.start()
    dendrite = http.dendrite()
    peer = Peer(BOB.address, "127.0.0.1", axon.port)
    try:
        for path, method in methods.items():
            for message in largest[path]():
                await ask(dendrite, peer, path, method, message)  # what is loaded once, is
                async with longest_turn() as longest:
                    await ask(dendrite, peer, path, method, message)
                assert longest.computed_s < COMPUTED_S_MAX, path
                assert longest.stood_s < STOOD_S_MAX, path
    finally:
        await dendrite.close()
        await axon.stop()


async def ask(
    dendrite: Any, peer: Peer, path: str, method: Method[Any, Any], message: Synapse
) -> None:
    """One call to its end. A refusal is an answer as well."""
    try:
        if method.stream:
            async with dendrite.stream(peer, path, message, method.reply, deadline_s=60) as frames:
                replies = [frame async for frame in frames]
        else:
            replies = [await dendrite.call(peer, path, message, method.reply, deadline_s=60)]
    except PeerRefused:
        return
    assert replies


@pytest.mark.parametrize("name", EXAMPLES)
async def test_no_example_holds_the_loop_up(name: str, tmp_path: Path) -> None:
    async with started(str(ROOT / "examples" / f"{name}.py"), tmp_path) as miner:
        methods = {wire_path(name, method.name): method for method in miner.methods()}
        assert methods
        await ask_all(methods, LARGEST)


OF_A_RUN = ("training",)
"""Tasks that start with the folder of a run; each is asked in a test of its own."""


@pytest.mark.inference
@pytest.mark.parametrize("name", [name for name in registered() if name not in OF_A_RUN])
async def test_no_task_that_ships_holds_the_loop_up(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert load_validator(name)().methods() == (), "its validator serves, and is asked nothing here"
    async with started(name, tmp_path) as miner:
        await ask_all({wire_path(name, method.name): method for method in miner.methods()}, LARGEST)


@pytest.mark.inference
async def test_no_method_of_training_holds_the_loop_up(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from assay.protocol.training.asking import WhichFiles, WhichState, WhichStep
    from assay.protocol.training.judging import WhichFindings, WhichVerdict
    from tests.unit.miners.training.net import training_net

    async with training_net(tmp_path, 1) as net:
        await net.to_window(1)
        (miner,) = net.alive
        newest = miner.follower.newest
        assert newest is not None
        largest: dict[str, Largest] = {
            "state": lambda: [WhichState(state=newest.root[:STATE_BYTES])],
            "step": lambda: [WhichStep(window=0, step=1)],
            "source": lambda: [WhichFiles(run=net.run.root)],
            "findings": lambda: [WhichFindings(window=0)],
            "verdict": lambda: [WhichVerdict(window=0)],
        }
        for half in (miner, load_validator("training")()):
            methods = {method.name: method for method in half.methods()}
            assert set(methods) <= set(largest)
            await ask_all(methods, largest)


async def test_no_method_of_objects_holds_the_loop_up(tmp_path: Path) -> None:
    data = random.Random(0).randbytes(RANGE_CHUNKS_MAX * CHUNK_BYTES)
    store = ObjectStore(tmp_path, 2 * OBJECT_BYTES_MAX)
    objects = Objects(store, HttpWorld().dendrite(ALICE), rng=random.Random(0), may_put=anybody)
    root = await objects.put(data)
    with store.using(root) as folder:
        hashes = folder.page(0)
    largest_head = Head.make(OBJECT_BYTES_MAX, bytes(PAGES_MAX * HASH_BYTES))
    largest: dict[str, Largest] = {
        messages.HAS: lambda: [messages.HasObject(root=root)],
        messages.PAGE: lambda: [messages.GetPage(root=root, page=0)],
        messages.GET: lambda: [messages.GetChunks(root=root, first=0, count=RANGE_CHUNKS_MAX)],
        messages.OFFER: lambda: [
            messages.OfferObject(root=largest_head.root, head=largest_head.encoded)
        ],
        messages.PUT: lambda: [
            messages.PutChunks(
                root=root, first=0, data=memoryview(data), hashes=memoryview(hashes or b"")
            )
        ],
    }
    try:
        await ask_all({method.name: method for method in objects.methods()}, largest)
    finally:
        await objects.close()


def anybody(caller: Caller, size_bytes: int) -> None:
    return None


async def test_a_handler_that_computes_or_sleeps_is_found() -> None:
    """Else the tests above would show nothing."""

    async def computes(request: Synapse, caller: Caller) -> Synapse:
        until_s = time.thread_time() + 2 * COMPUTED_S_MAX
        while time.thread_time() < until_s:
            pass
        return request

    async def sleeps(request: Synapse, caller: Caller) -> Synapse:
        time.sleep(1.2 * STOOD_S_MAX)  # noqa: ASYNC251  this is what must be found
        return request

    for handler in (computes, sleeps):
        method = Method("bad", Synapse, Synapse, handler)
        with pytest.raises(AssertionError, match="bad"):
            await ask_all({"bad": method}, {"bad": lambda: [Synapse()]})
