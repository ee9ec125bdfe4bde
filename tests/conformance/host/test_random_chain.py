"""Our host beside others, over chains of random calls.

In process: the chain re-executes (``Core_execute_block``, changes, roots, the slow trie), also
after a runtime upgrade, and the same calls give the same chain under the checked binding with fresh
instances. Where the judge is built (``scripts/judge``), Parity's executor and trie replay the
export and must agree on every block.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from assay.localnet.backend import Backend
from assay.localnet.executor.machine import vm
from assay.localnet.executor.machine.vm_binding import CheckedBinding
from assay.localnet.executor.machine.wasm_binary import Outline
from assay.localnet.export import export_blocks
from assay.localnet.verify import verify_chain
from tests.conformance.host.random_chain import RandomChain
from tests.e2e.runs import script
from tests.unit.subnet.localnet.core_chain import genesis, module_cache, open_chain

JUDGE_S_MAX = 300


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored chain of random calls, with a restart, an upgrade and other slots on the way."""
    folder = tmp_path_factory.mktemp("walk")
    chain = open_chain(folder)
    walk = RandomChain(chain, seed=7)
    walk.fund_hotkeys()
    walk.run(blocks=24, per_block=20)
    walk.upgrade()
    walk.run(blocks=5, per_block=20)
    walk.slots_of(1_000)
    walk.run(blocks=5, per_block=20)
    chain.close()
    walk.chain = chain = Backend.open(folder, genesis(), module_cache=module_cache())
    walk.run(blocks=10, per_block=20)
    walk.slots_of(100)
    walk.run(blocks=5, per_block=20)
    assert walk.included > 150
    before_upgrade = chain.block_hash(20)
    assert chain.runtime_version(before_upgrade) == chain.runtime_version()
    old_nonce = chain.call("AccountNonceApi_account_nonce", bytes(32), before_upgrade)
    assert old_nonce == bytes(4)
    chain.close()
    return folder


def test_it_re_executes(walked: Path) -> None:
    assert verify_chain(walked, module_cache=module_cache()).blocks == 53


def test_it_re_executes_the_slow_way(walked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outline, "reusable", property(lambda self: False))
    monkeypatch.setattr(vm, "select_binding", lambda engine, meter: CheckedBinding(meter))
    assert verify_chain(walked, module_cache=module_cache()).blocks == 53


@pytest.mark.slow  # by then the judge is built
def test_parity_agrees(walked: Path, tmp_path: Path) -> None:
    judge = script("judge").oracle()
    if judge is None:
        pytest.skip("the judge is not built: scripts/judge")
    exported = export_blocks(walked, tmp_path)
    run = subprocess.run(
        [str(judge), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=JUDGE_S_MAX,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    verdict = json.loads(run.stdout)
    assert verdict["blocks"] == exported.blocks
    assert verdict["head_state_root"] == "0x" + exported.head_state_root.hex()
