"""The unmodified SDK through the shield: its own registration, and what the chain refuses.

A process of its own on either side.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay.localnet.testing import node_process

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

CLIENT = Path(__file__).parent / "clients" / "shield.py"
CLIENT_S_MAX = 180
TAO_RAO = 10**9
FEE_RAO_MAX = TAO_RAO // 1_000
"""More than any fee here."""


def test_the_sdk_registers_through_the_shield_and_reads_each_refusal_by_its_name() -> None:
    with node_process("--in-memory", "--log-level", "WARNING") as node:
        command = [sys.executable, str(CLIENT), node.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_S_MAX)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["found"], seen["key_bytes"], seen["joined"]) == (True, 1184, True)
    assert seen["data"]["shielded"] is True
    assert seen["bob"] in seen["hotkeys"]
    assert seen["nonce"] == 2, "the envelope and what was in it"
    assert TAO_RAO < seen["spent"] < TAO_RAO + 10 * FEE_RAO_MAX, "the burn of 1 TAO and two fees"

    refused = seen["refused"]
    for case, told in {
        "no ciphertext": "payload could not be parsed",
        "another key": "public-key hash does not match",
        "too long a life": "Rebuild and resign",
    }.items():
        assert refused[case]["success"] is False
        assert told in refused[case]["message"], case
        assert refused[case]["paid"] == 0
    for case in ("no extrinsic", "damaged"):
        assert refused[case]["success"] is True, "it is in a block, and nothing came out of it"
        assert 0 < refused[case]["paid"] < FEE_RAO_MAX
