"""LangChain, unmodified, asks a run's gateway: what it gets is what its user expects of OpenAI."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conformance.foreign.world import CLIENT_S_MAX, CLIENTS_BIN
from tests.e2e.runs import ROOT, assay, up

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.e2e,
    pytest.mark.inference,
    pytest.mark.timeout(400),
]

SESSION = ROOT / "tests" / "conformance" / "foreign" / "clients" / "langchain_session.py"


def test_a_session_of_langchain(tmp_path: Path) -> None:
    python = CLIENTS_BIN / "python"
    if not list(CLIENTS_BIN.parent.glob("lib/python*/site-packages/langchain_openai")):
        pytest.skip("the foreign clients' environment has no LangChain: make clients")
    state = tmp_path / "state"
    with up(state, "--validators", "1", "--miners", "2", "--cheat", "none", judged=False) as run:
        run.wait(lambda: "Every miner serves" in run.log(), "every miner serves", 180.0)
        run.wait(lambda: (state / "logs" / "gateway.ready").exists(), "the gateway serves")
        told = re.search(r"(http://\S+/v1) with\s+the\s+key\s+(sk-assay-\S+)", run.log())
        assert told is not None
        where = ("--state-dir", str(state), "--json")
        revoked = json.loads(assay("gateway", "key", "add", "visitor", *where).stdout)["key"]
        assay("gateway", "key", "revoke", "visitor", *where)
        done = subprocess.run(
            [str(python), str(SESSION), *told.groups(), revoked],
            capture_output=True, text=True, timeout=CLIENT_S_MAX, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert run.stop()[0] == 0
    said = json.loads(done.stdout)
    assert said["whole"]
    assert said["streamed"] == said["whole"]
    assert said["usage"]["output_tokens"] == said["logprobs"] == 24
    assert "\n" not in said["stopped"]
    assert len(said["batch"]) == 2
    assert said["finish"] == "length"
    assert (said["refused"], said["missing"]) == ("invalid_api_key", "model_not_found")
