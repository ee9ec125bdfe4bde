"""How the SDK registers a neuron in clear: by a plain call, which any node takes.

A process of its own on either side. Also a call of an owner through ``AdminUtils``, and the typed
reads that show what all of it came to. By the SDK's own intent, which seals: ``test_shield``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay.localnet.testing import node_process

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

CLIENT = Path(__file__).parent / "clients" / "registration.py"
CLIENT_S_MAX = 90


def test_the_sdk_registers_a_neuron_in_clear_and_an_owner_sets_a_hyperparameter() -> None:
    with node_process("--in-memory", "--log-level", "WARNING") as node:
        command = [sys.executable, str(CLIENT), node.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_S_MAX)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["bob"] not in seen["before"]
    assert (seen["found"], seen["owned"], seen["joined"]) == (True, True, True)
    assert seen["bob"] in seen["after"]
    assert seen["immunity_period"] == 7
