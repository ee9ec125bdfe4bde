"""docs/wire.md is true: its client runs as printed, and its table has every refusal."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from assay.wire.admission import Admission, Serve
from assay.wire.errors import STATUS
from tests.unit.subnet.wire.world import BOB, HttpWorld, serving

PAGE = Path(__file__).parents[4].joinpath("docs", "wire.md").read_text(encoding="utf-8")


def program() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.mark.parametrize(
    ("serve", "said"),
    [(Serve.ANYBODY, "200 {'text': 'hello'}"), (Serve.PERMIT, "403 {'code': 'unknown_caller'")],
)
async def test_the_printed_client_runs_and_checks_replies_and_refusals(
    serve: Serve, said: str
) -> None:
    async with serving(HttpWorld(), admission=Admission(serve=serve)) as axon:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program(), str(axon.port), BOB.address,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, err.decode()
    assert out.decode().startswith(said)


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
