"""Names take turns, whoever waits for more; who leaves costs nobody a turn."""

from __future__ import annotations

import asyncio

from assay.gateway.turns import Turns


async def ran(turns: Turns, names: str, *, leaving: tuple[int, ...] = ()) -> str:
    """In which order ``names``, which all wait at once, have their turns; those at the places
    ``leaving`` go before theirs comes."""
    order: list[str] = []

    async def work(name: str) -> None:
        async with turns.turn(name):
            order.append(name)
            await asyncio.sleep(0)

    async with turns.turn("first"):
        tasks = [asyncio.create_task(work(name)) for name in names]
        await asyncio.sleep(0)
        for place in leaving:
            tasks[place].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    return "".join(order)


async def test_names_take_turns() -> None:
    assert await ran(Turns(), "aaaabbc") == "abcabaa"


async def test_who_leaves_is_forgotten() -> None:
    turns = Turns()
    assert await ran(turns, "aabcd", leaving=(0, 2)) == "acd"
    assert await ran(turns, "ba") == "ba", "and the turn is free again"


async def test_who_leaves_as_its_turn_comes_passes_it_on() -> None:
    turns = Turns()
    async with turns.turn("first"):
        gone = asyncio.create_task(turns.turn("a").__aenter__())
        await asyncio.sleep(0)
        waits = asyncio.create_task(ran(turns, ""))
        await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    async with asyncio.timeout(5):
        await waits
        assert await ran(turns, "ab") == "ab"
