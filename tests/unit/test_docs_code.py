"""Every Python block of README and docs runs: what a page tells to import can be imported."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from pathlib import Path

import pytest

from assay.neuron.loader import load_miner, load_validator

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```python[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN_ELSEWHERE = {"wire.md", "objects.md", "demo-model.md", "gateway.md"}
"""Pages whose blocks are one program, which a test of their own runs; and the page of what the demo
model writes, which is no program of ours."""
BLOCKS = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    if page.name not in RUN_ELSEWHERE
    for number, code in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("code", BLOCKS)
def test_a_block_runs(code: str, tmp_path: Path) -> None:
    """As a module of its own, so that classes find their annotations."""
    name = "assay_docs_block"
    module = type(sys)(name)
    sys.modules[name] = module
    try:
        exec(compile(code, str(tmp_path / "block.py"), "exec"), module.__dict__)
        for name_of_test, function in list(vars(module).items()):
            if name_of_test.startswith("test_"):
                result = function()
                if inspect.isawaitable(result):
                    asyncio.run(result)  # type: ignore[arg-type]
    finally:
        del sys.modules[name]


def test_the_task_of_the_page_loads(tmp_path: Path) -> None:
    (code,) = BLOCK.findall((ROOT / "docs" / "add-a-task.md").read_text(encoding="utf-8"))
    file = tmp_path / "work.py"
    file.write_text(code)
    assert load_miner(str(file)).name == load_validator(str(file)).name == "work"
