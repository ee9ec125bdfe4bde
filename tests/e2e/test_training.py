"""Strangers train one model, a cheat among them; the model is pulled, served, and answers clients.

One chain from an empty folder: two validators and four miners train for some windows; who computes
is paid and who skips steps is not; the model of the newest state becomes a folder whose lineage
names its makers, a miner of a second subnet serves it, and a client asks for words through that
subnet's gateway.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.runs import ASSAY, ROOT, Run, up

pytestmark = [pytest.mark.e2e, pytest.mark.inference, pytest.mark.slow, pytest.mark.timeout(900)]

WINDOWS = 6
"""That close with a set; the first ones are void while neurons still load."""
WAIT_S = 300.0
"""For six windows of twelve seconds, and the start of eight processes that load torch."""
PORTS = 16
"""Of the run; the miner and the gateway of the second subnet have those after them."""


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


def has_closed(run: Run, closed: set[int]) -> bool:
    """Whether so many windows closed with a set; ``closed`` keeps those that were seen to."""
    decided = run.assay("train", "status")["decided"]
    if decided is not None and not decided["void"]:
        closed.add(decided["window"])
    return len(closed) >= WINDOWS


def told(run: Run, *argv: str) -> Any:
    """What a command beside the run tells, which finds the run by the environment."""
    done = subprocess.run(
        [str(ASSAY), *argv, "--json"],
        cwd=ROOT, env=around(run), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def around(run: Run) -> dict[str, str]:
    """The environment of commands beside the run."""
    return {**os.environ, "ASSAY_CHAIN": run.url, "ASSAY_STATE_DIR": str(run.state_dir)}


def found_a_subnet(run: Run) -> None:
    """A second subnet on the run's chain, and a wallet that can buy a uid on it."""
    for wallet, tao in (("founder", "5000"), ("server", "100")):
        told(run, "wallet", "create", wallet, "--no-password")
        told(run, "fund", wallet, tao)
    assert told(run, "subnet", "register", "--wallet", "founder")["netuid"] == 2


@contextlib.contextmanager
def process(run: Run, *argv: str) -> Iterator[None]:
    """A neuron or a gateway beside the run, while the block runs."""
    with (
        (run.state_dir / f"{argv[0]}.log").open("w") as log,
        subprocess.Popen(
            [str(ASSAY), *argv], cwd=ROOT, env=around(run), stdout=log, stderr=log
        ) as child,
    ):
        try:
            yield
        finally:
            child.terminate()


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
    strangers_train(tmp_path)


def strangers_train(tmp_path: Path, chain: str | None = None) -> None:
    """The whole of it, on a chain of the run's own or on one that somebody else runs."""
    with up(tmp_path / "state", "--preset", "training", ports=PORTS + 2, chain=chain) as run:
        closed: set[int] = set()
        run.wait(lambda: has_closed(run, closed), "windows close", timeout_s=WAIT_S)
        run.wait(lambda: is_just(run), "who computes is paid, and who cheats is not", WAIT_S)
        model = tmp_path / "model"
        lineage = run.assay("model", "pull", str(model), timeout_s=240)
        assert lineage["windows"] >= lineage["closed"] >= WINDOWS
        assert lineage["named"] is not False
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
        found_a_subnet(run)
        key = told(run, "gateway", "key", "add", "client")["key"]
        served = ("--netuid", "2", "--model", str(model))
        miner, gateway = (str(run.base_port + PORTS + number) for number in range(2))
        with (
            process(
                run, "miner", "run", *served, "--wallet", "server", "--register", "--port", miner
            ),
            process(run, "gateway", "run", *served, "--wallet", "founder", "--port", gateway),
        ):
            run.wait(
                lambda: completion(int(gateway), key, "model") is not None,
                "the gateway answers with the trained model", WAIT_S,
            )  # fmt: skip
