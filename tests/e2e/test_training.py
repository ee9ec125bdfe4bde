"""Strangers train one model, a cheat among them; the model is pulled, served, and answers clients.

One run from an empty folder: a chain, two validators and four miners train for some windows; who
computes is paid and who skips steps is not; the model of the newest state becomes a folder whose
lineage names its makers, an inference miner of a second chain serves it, and a client asks for
words through the gateway.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.runs import ASSAY, ROOT, Run, up

pytestmark = [pytest.mark.e2e, pytest.mark.inference, pytest.mark.slow, pytest.mark.timeout(900)]

WINDOWS = 6
WAIT_S = 300.0
"""For six windows of twelve seconds, and the start of eight processes that load torch."""


def cast(run: Run) -> dict[str, str]:
    """How each miner of the run behaves, by its wallet's name."""
    record = json.loads((run.state_dir / "up.json").read_text())
    return {name: how for name, role, how in record["cast"] if role == "miner"}


def incentives(run: Run) -> dict[str, int]:
    """What the chain pays each miner of the run, by its wallet's name."""
    named = {peer["hotkey"]: peer["name"] for peer in run.assay("train", "status")["peers"]}
    rows = run.assay("status", "--netuid", "1")["neurons"]
    return {named[row["hotkey"]]: row["incentive"] for row in rows if row["hotkey"] in named}


def is_just(run: Run) -> bool:
    """Whether who computes is paid alike, and who cheats next to nothing."""
    paid, how = incentives(run), cast(run)
    honest = [value for name, value in paid.items() if how[name] == "honest"]
    cheats = [value for name, value in paid.items() if how[name] != "honest"]
    middle = statistics.median(honest)
    assert len(honest) == 3 and len(cheats) == 1
    return middle > 0 and min(honest) >= 0.5 * middle and max(cheats) <= 0.05 * middle


def completion(port: int, key: str, model: str) -> str:
    """What the gateway answers to a client."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/completions",
        json.dumps({"model": model, "prompt": "import os\n", "max_tokens": 8}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            told = json.loads(reply.read())
    except urllib.error.HTTPError as error:  # it holds the connection, and is kept for the log
        error.close()
        raise
    assert told["usage"]["completion_tokens"] >= 1
    text: str = told["choices"][0]["text"]
    return text


def test_what_strangers_trained_answers_clients(tmp_path: Path) -> None:
    with up(tmp_path / "state", "--preset", "training", ports=16) as run:
        run.wait(
            lambda: run.assay("train", "status")["window"] >= WINDOWS + 1,
            "windows go by", timeout_s=WAIT_S,
        )  # fmt: skip
        run.wait(lambda: is_just(run), "who computes is paid, and who cheats is not", WAIT_S)
        model = tmp_path / "model"
        lineage = run.assay("model", "pull", str(model), timeout_s=240)
        assert lineage["windows"] >= WINDOWS
        assert lineage["closed"] >= WINDOWS - 1  # a window in which neurons still load is void
        assert lineage["unknown"] == 0
        assert sum(each["share"] for each in lineage["contributors"]) == pytest.approx(1.0)
        named = {peer["hotkey"]: peer["name"] for peer in run.assay("train", "status")["peers"]}
        shares = {named[each["hotkey"]]: each["share"] for each in lineage["contributors"]}
        honest = [name for name, how in cast(run).items() if how == "honest"]
        assert set(honest) <= set(shares), "a window's first ones weigh all, and others later"
        assert sum(shares[name] for name in honest) > 0.75
        losses = run.assay("train", "eval", "--svg", str(tmp_path / "c.svg"), timeout_s=240)
        assert losses["curve"][0]["window"] == 0
        assert losses["loss"] < losses["curve"][0]["loss"]
        assert (tmp_path / "c.svg").read_text().startswith("<svg")

    with up(
        tmp_path / "serving", "--model", str(model), "--miners", "1", "--validators", "1",
        "--cheat", "none",
    ) as serving:  # fmt: skip
        key = json.loads(
            subprocess.run(
                [str(ASSAY), "gateway", "key", "add", "client", "--json", *serving.options[2:]],
                cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
            ).stdout
        )["key"]  # fmt: skip
        serving.wait(
            lambda: completion(serving.base_port + 2, key, "model") is not None,
            "the gateway answers with the trained model", WAIT_S,
        )  # fmt: skip
