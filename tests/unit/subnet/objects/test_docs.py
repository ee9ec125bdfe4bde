"""docs/objects.md is true: its example runs as printed, and its methods are those served."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from assay.objects.tree import TreeBuilder
from tests.unit.subnet.objects.world import neurons

PAGE = Path(__file__).parents[4].joinpath("docs", "objects.md").read_text(encoding="utf-8")


async def test_the_printed_example_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, err.decode()
    data = b"parameters" * 100_000
    assert (tmp_path / "copy").read_bytes() == data
    tree = TreeBuilder()
    for start in range(0, len(data), 65_536):
        tree.add(data[start : start + 65_536])
    _, head = tree.finish()
    assert out.decode() == f"{head.root.hex()[:16]} {len(data)} wrong: 0\n"


async def test_the_table_has_every_method(tmp_path: Path) -> None:
    listed = set(re.findall(r"^\| `(objects\.\w+)` \|", PAGE, re.MULTILINE))
    async with neurons(tmp_path) as world:
        neuron = await world.neuron()
        assert listed == {method.name for method in neuron.objects.methods()}
