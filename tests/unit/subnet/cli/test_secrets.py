"""No local variable reaches a log: it could be a key, a password or a prompt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
SEED = "0x" + "5eed" * 16

FAILING = f"""
import asyncio, sys
from loguru import logger
from assay.cli import main

PHRASE, SEED = {PHRASE!r}, {SEED!r}

def deep(mnemonic, seed):
    local = mnemonic + seed
    return 1 / (len(local) - len(mnemonic + seed))

def fail(*_):
    mnemonic, seed = PHRASE, SEED
    deep(mnemonic, seed)

async def in_a_task():
    asyncio.create_task(asyncio.to_thread(fail))
    await asyncio.sleep(0.1)

def logged(*_):
    try:
        fail()
    except ZeroDivisionError:
        logger.exception("it failed")
    logger.catch(fail)()
    asyncio.run(in_a_task())
    return 0

main._run = {{"logged": logged, "raised": fail}}[sys.argv[1]]
sys.exit(main.main(["status"]))
"""


@pytest.mark.parametrize("how", ["logged", "raised"])
@pytest.mark.parametrize("level", [{}, {"ASSAY_LOG_LEVEL": "TRACE"}, {"LOGURU_DIAGNOSE": "YES"}])
def test_a_secret_in_a_local_variable_reaches_no_log(
    how: str, level: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "failing.py"), how],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **level},
        check=False,
    )
    assert "ZeroDivisionError" in done.stderr, "it did not fail, so nothing was shown"
    for word in (*PHRASE.split()[:3], SEED[2:10]):
        shown = [line for line in done.stderr.splitlines() if word in line]
        assert not shown, shown
