"""docs/wire.md is true: its clients run as printed, and its table has every refusal."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assay.wire.admission import Admission, Serve
from assay.wire.errors import STATUS, RequestRefused
from assay.wire.interface import Caller
from tests.unit.subnet.wire.world import (
    BOB,
    Count,
    Counted,
    HttpWorld,
    count,
    counting,
    serving,
)

PAGE = Path(__file__).parents[4].joinpath("docs", "wire.md").read_text(encoding="utf-8")


UNARY, STREAM = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


async def run(program: str, port: int) -> tuple[int | None, str, str]:
    """Exit code, output and errors of a printed client that calls Bob."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(port), BOB.address,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(child.communicate(), 60)
    return child.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("serve", "said"),
    [(Serve.ANYBODY, "200 {'text': 'hello'}"), (Serve.PERMIT, "403 {'code': 'unknown_caller'")],
)
async def test_the_printed_client_runs_and_checks_replies_and_refusals(
    serve: Serve, said: str
) -> None:
    async with serving(HttpWorld(), admission=Admission(serve=serve)) as axon:
        code, out, err = await run(UNARY, axon.port)
    assert code == 0, err
    assert out.startswith(said)


async def fails(request: Count, caller: Caller) -> AsyncIterator[Counted]:
    async for reply in count(request, caller):
        yield reply
    raise RequestRefused("enough")


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (count, ["{'number': 0, 'filling': b''}", "ended"]),
        (fails, ["{'number': 0, 'filling': b''}", "failed"]),
    ],
)
async def test_the_printed_client_reads_a_stream(handler: Any, said: list[str]) -> None:
    async with serving(HttpWorld()) as axon:
        axon.attach(counting(handler))
        code, out, err = await run(STREAM, axon.port)
    assert code == 0, err
    lines = out.splitlines()
    assert [lines[0], lines[-1]] == said
    assert len(lines) == (4 if handler is count else 5)


async def test_the_printed_client_tells_a_cut_stream() -> None:
    world = HttpWorld()
    async with serving(world) as axon:
        axon.attach(counting())
        async with world.altering(axon, lambda body: (body[:-73], True)) as peer:
            code, out, err = await run(STREAM, peer.port)
    assert (code, err.strip()) == (1, "the stream was cut")
    assert "ended" not in out


async def test_the_printed_client_does_not_take_a_changed_stream() -> None:
    world = HttpWorld()
    async with serving(world) as axon:
        axon.attach(counting())
        changed = lambda body: (body.replace(b"number\x01", b"number\x07"), True)  # noqa: E731
        async with world.altering(axon, changed) as peer:
            code, out, err = await run(STREAM, peer.port)
    assert code == 1
    assert "not the miner's stream" in err
    assert "7" not in out


def test_the_table_has_every_code_in_its_row() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| (`.*?) \|", PAGE, re.MULTILINE)
    listed = {
        code: {int(status) for status in statuses.split(",")}
        for statuses, codes in rows
        for code in re.findall(r"`(\w+)`", codes)
    }
    assert set(listed) == {code.value for code in STATUS}
    for code, status in STATUS.items():
        assert status in listed[code.value], code
