"""What goes between peers as objects: refused where it is wrong, kept as long as it is needed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from assay.objects import Bucket, Objects
from assay.objects.errors import NoHolder
from assay.protocol.training.seal import NOTHING, SEAL_BYTES_MAX, PeerSeal
from assay.training.exchange import (
    Exchange,
    ExchangeLimits,
    NotAccepted,
    WindowTerms,
    check_seal,
    message_hash,
    open_message,
)
from assay.training.sealed import seal as seal_message
from assay.types import Ss58
from tests.unit.subnet.objects.world import Neuron, World

RUN, STATE, KEY = b"r" * 32, b"s" * 32, b"k" * 32
HOTKEY = Ss58("5Hot")
LIMITS = ExchangeLimits(message_bytes=2_000, carried_bytes=200_000, state_bytes=300_000)
TERMS = WindowTerms(run=RUN, window=4, state=STATE, cursor=96, steps=15, boundary_steps=(5, 10))
MESSAGE = b"what the steps changed" * 9
SEALED = seal_message(MESSAGE, KEY, run=RUN, window=4, hotkey=HOTKEY)


def seal_of(**changes: object) -> PeerSeal:
    whole = PeerSeal(
        run=RUN, window=4, hotkey=HOTKEY, state=STATE, cursor=96, steps=15, before=NOTHING,
        after=b"a" * 32, end=b"e" * 32, boundaries=[b"b" * 32] * 2, message=b"m" * 32,
        message_bytes=len(SEALED), opened=message_hash(MESSAGE),
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changes)


class Neighbours:
    """Two neurons, each with an exchange, which find each other under the names a and b."""

    def __init__(self, world: World, folder: Path, found: dict[str, Neuron]) -> None:
        self._world, self._folder, self._found = world, folder, found

    def exchange(self, name: str, bucket: Bucket | None = None) -> Exchange:
        neuron = self._found[name]
        return Exchange(
            neuron.objects, lambda hotkey: self._found[hotkey].peer if hotkey in self._found
            else None, LIMITS, self._folder / f"{name}.json", bucket,
        )  # fmt: skip

    def objects(self, name: str) -> Objects:
        return self._found[name].objects

    def pinned(self, name: str) -> set[bytes]:
        return {each.root for each in self._found[name].store.all() if each.pinned}

    def charged_bytes(self, name: str) -> int:
        return self._found[name].store.used_bytes


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Neighbours]:
    async with contextlib.AsyncExitStack() as stack:
        world = await stack.enter_async_context(World(tmp_path))
        found = {name: await world.neuron() for name in ("a", "b")}
        yield Neighbours(world, tmp_path, found)


A = [Ss58("a"), Ss58("not on the subnet")]


async def test_a_peers_window_reaches_another_and_opens_with_the_key(pair: Neighbours) -> None:
    here, there = pair.exchange("b"), pair.exchange("a")
    message = await there.put(SEALED, 4)
    root = await there.put_seal(seal_of(message=message))
    seal = await here.seal(root, A, 4)
    check_seal(seal, TERMS, HOTKEY, LIMITS)
    await here.sealed_message(seal, A)
    assert await here.opened(seal, KEY) == MESSAGE
    assert pair.pinned("b") == {root, message}


async def test_what_a_peer_left_in_a_bucket_comes_from_there_until_it_is_forgotten(
    pair: Neighbours, tmp_path: Path
) -> None:
    address = f"file://{tmp_path / 'bucket'}"
    there, here = pair.exchange("a", Bucket.open(address)), pair.exchange("b", Bucket.open(address))
    root = await there.put_seal(seal_of(message=await there.put(SEALED, 4)))
    nobody: list[Ss58] = []
    await here.sealed_message(await here.seal(root, nobody, 4), nobody)
    assert len(list((tmp_path / "bucket").iterdir())) == 2
    await here.forget(5)
    assert len(list((tmp_path / "bucket").iterdir())) == 2, "they are another's"
    await there.forget(5)
    assert not list((tmp_path / "bucket").iterdir())


async def test_a_bucket_in_trouble_stops_no_peer(pair: Neighbours, tmp_path: Path) -> None:
    bucket = Bucket.open(f"file://{tmp_path / 'bucket'}")
    (tmp_path / "bucket").rmdir()
    (tmp_path / "bucket").write_bytes(b"no folder any more")
    root = await pair.exchange("a", bucket).put_seal(seal_of())
    assert await pair.exchange("b", bucket).seal(root, A, 4) == seal_of()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"run": b"x" * 32}, "run"),
        ({"window": 5}, "window"),
        ({"hotkey": "5Another"}, "hotkey"),
        ({"state": b"x" * 32}, "state"),
        ({"cursor": 97}, "cursor"),
        ({"steps": 16}, "steps"),
        ({"boundaries": [b"b" * 32]}, "1 states on the way, and not 2"),
        ({"steps": 9}, "2 states on the way, and not 1"),
        ({"message_bytes": LIMITS.message_bytes + 1}, "at most 2000"),
        ({"message_bytes": 16}, "16 bytes"),
    ],
)
def test_a_seal_that_does_not_fit_its_window_is_named(
    changes: dict[str, object], named: str
) -> None:
    check_seal(seal_of(), TERMS, HOTKEY, LIMITS)
    with pytest.raises(NotAccepted, match=named):
        check_seal(seal_of(**changes), TERMS, HOTKEY, LIMITS)


def test_a_message_opens_to_what_its_seal_names_and_to_nothing_else() -> None:
    assert open_message(SEALED, KEY, seal_of()) == MESSAGE
    other = seal_message(b"late idea" * 22, KEY, run=RUN, window=4, hotkey=HOTKEY)
    assert len(other) == len(SEALED)
    for sealed, key, seal in (
        (SEALED[:-1], KEY, seal_of()),
        (SEALED, b"x" * 32, seal_of()),
        (SEALED, KEY, seal_of(window=5)),
        (SEALED, KEY, seal_of(hotkey="5Another")),
        (other, KEY, seal_of()),
    ):
        with pytest.raises(NotAccepted):
            open_message(sealed, key, seal)


@pytest.mark.parametrize("junk", [b"", b"\xff" * 99, b"\x93" + b"\x00" * 90])
async def test_an_object_that_holds_no_seal_is_refused(pair: Neighbours, junk: bytes) -> None:
    root = await pair.exchange("a").put(junk, 4)
    with pytest.raises(NotAccepted, match="no seal"):
        await pair.exchange("b").seal(root, A, 4)


async def test_what_is_larger_than_its_kind_may_be_is_refused_before_it_comes(
    pair: Neighbours,
) -> None:
    there, here = pair.exchange("a"), pair.exchange("b")
    bomb = await there.put(bytes(SEAL_BYTES_MAX + 1), 4)
    with pytest.raises(NotAccepted, match="more than"):
        await here.seal(bomb, A, 4)
    large = await there.put(bytes(LIMITS.carried_bytes + 1), 4)
    with pytest.raises(NotAccepted, match="more than"):
        await here.carried(large, A, 4, Path("never"))
    with pytest.raises(NotAccepted, match="more than"):
        await here.sealed_message(seal_of(message=large), A)
    short = await there.put(SEALED[:-1], 4)
    with pytest.raises(NotAccepted, match="not as long"):
        await here.sealed_message(seal_of(message=short), A)
    assert pair.charged_bytes("b") < 20_000  # the folder of the short one


async def test_what_nobody_has_is_another_failure_than_what_is_wrong(pair: Neighbours) -> None:
    with pytest.raises(NoHolder):
        await pair.exchange("b").seal(b"q" * 32, A, 4)


async def test_objects_are_spared_until_their_window_is_forgotten(pair: Neighbours) -> None:
    here = pair.exchange("a")
    old, young = await here.put(b"old", 3), await here.put(b"young", 4)
    again = await here.put(b"both", 3)
    await here.put(b"both", 4)
    await here.forget(4)
    assert pair.pinned("a") == {young, again}
    assert await here.has(old)  # it may be evicted, and is not yet


async def test_a_restart_spares_what_windows_need_and_lets_go_of_the_rest(
    pair: Neighbours, tmp_path: Path
) -> None:
    """Killed between the pin and the ledger, an object would else be spared for ever."""
    first = pair.exchange("a")
    kept = await first.put(b"kept", 4)
    await pair.objects("a").put(b"pinned, and not written down", pin=True)
    second = pair.exchange("a")
    await second.open()
    assert pair.pinned("a") == {kept}
    await second.forget(5)
    assert not pair.pinned("a")
    (tmp_path / "a.json").write_bytes(b"{ no ledger")
    await first.put(b"kept", 4)
    (tmp_path / "a.json").write_bytes(b"{ no ledger")
    third = pair.exchange("a")
    await third.open()
    assert not pair.pinned("a")
