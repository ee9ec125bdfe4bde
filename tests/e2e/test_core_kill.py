"""kill -9 while blocks are committed: every block that was announced is there afterwards.

A child process builds blocks on a stored chain and prints each head's number and hash once
``build`` has returned. It is killed at a random moment, again and again; after each kill the chain
opens, its state gives the head's root (``open`` checks it), and every printed head is on it.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.subnet.localnet.core_chain import open_chain

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
KILLS = 6
RUN_S_MAX = 0.4
READY_S_MAX = 60.0

CHILD = """
import sys
from pathlib import Path
from tests.unit.subnet.localnet.core_chain import ALICE, open_chain, step, transfer
chain = open_chain(Path(sys.argv[1]))
print("ready", flush=True)
nonce = int.from_bytes(
    chain.call("AccountNonceApi_account_nonce", bytes(ALICE.public_key)), "little"
)
while True:
    built = step(chain, *(transfer(chain, nonce + at) for at in range(3)))
    assert not built.failed
    nonce += 3
    print(built.block.number, built.block.hash.hex(), flush=True)
"""


def test_no_announced_block_is_lost(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    announced: dict[int, str] = {}
    for kill in range(KILLS):
        announced |= _run_and_kill(tmp_path / "chain", rng.uniform(0.0, RUN_S_MAX))
        chain = open_chain(tmp_path / "chain")
        try:
            for number, block_hash in announced.items():
                found = chain.block_hash(number)
                assert found is not None, f"seed {seed}, kill {kill}: block {number} is lost"
                assert found.hex() == block_hash, f"seed {seed}, kill {kill}: block {number}"
            assert chain.head.number >= max(announced, default=0)
        finally:
            chain.close()
    assert len(announced) > KILLS, "too few blocks were built for this to mean anything"


def _run_and_kill(path: Path, run_s: float) -> dict[int, str]:
    """What the child announced before it was killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert child.stdout is not None
    try:
        deadline = time.monotonic() + READY_S_MAX
        while child.stdout.readline() != "ready\n":
            assert child.poll() is None and time.monotonic() < deadline, "the child did not start"
        time.sleep(run_s)
    finally:
        child.kill()
    output, _ = child.communicate(timeout=10)
    lines = [line for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return {int(number): text for number, text in (line.split() for line in lines)}
