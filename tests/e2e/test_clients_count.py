"""A miner that serves validators well and clients garbage is convicted by what clients got."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import openai
import pytest
from openai import OpenAI

from tests.e2e.runs import Run, up

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.inference,
    pytest.mark.slow,
    pytest.mark.timeout(400),
]


CONVICTED = r"uid (\d+) is convicted by a client's answer"


def convicts(run: Run, folder: Path) -> list[str]:
    """The hotkeys that the run in ``folder`` has convicted by clients' answers, once a turn took
    that; the first is unpaid until it has answered truly for long enough."""
    found: list[str] = run.wait(
        lambda: [
            hotkey
            for path in folder.glob("neurons/*/*/*/task/convictions.json")
            for hotkey in json.loads(path.read_text())["until_ns"]
        ],
        "the next turn takes it",
        60.0,
    )
    [probation] = folder.glob("neurons/*/*/*/task/probation.json")
    answers, _ = json.loads(probation.read_text())["owed"][found[0]]
    assert answers > 0
    return found


def test_two_faces_are_convicted_by_canaries_alone(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """No client asks, no answer is handed on and nobody complains: only validators ask, through the
    gateway, as clients do."""
    folder = tmp_path_factory.mktemp("canaries") / "state"
    with up(
        folder, "--validators", "1", "--miners", "2", "--cheat", "two-faced",
        "--client-share", "0", "--canaries-per-hour", "1200", judged=False,
    ) as run:  # fmt: skip
        log = folder / "logs" / "validator-1.log"

        def convicted() -> object:
            return re.search(CONVICTED, log.read_text() if log.exists() else "")

        found = run.wait(convicted, "a canary convicts", 300.0)
        convicts(run, folder)
        said = log.read_text()
        assert set(re.findall(CONVICTED, said)) == {found.group(1)}
        keys = (folder / "gateway" / "validator-1.keys").read_text().split()
        processes: list[bytes] = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # a process that has ended meanwhile
                processes.append(path.read_bytes())
        for key in keys:
            assert key not in said
            assert key not in run.log()
            assert not any(key.encode() in words for words in processes)
        assert run.stop()[0] == 0


def test_two_faces_are_convicted_by_what_clients_get(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """All processes are real: clients ask the gateway, which shows the validator what it draws."""
    folder = tmp_path_factory.mktemp("clients") / "state"
    with up(
        folder, "--validators", "1", "--miners", "2", "--cheat", "two-faced", "--client-share", "1",
        judged=False,
    ) as run:  # fmt: skip
        told = run.wait(
            lambda: re.search(r"(http://\S+/v1) with\s+the\s+key\s+(sk-assay-\S+)", run.log()),
            "the gateway is named",
        )
        url, key = told.groups()
        log = folder / "logs" / "validator-1.log"

        def convicted() -> object:
            # Each neuron is named in turn: by itself the gateway may keep to the honest miner.
            for hotkey in {path.name for path in folder.glob("neurons/*/*/*")}:
                with contextlib.suppress(openai.APIError):
                    client.completions.create(
                        model="demo",
                        prompt="def walk(",
                        max_tokens=8,
                        extra_headers={"x-assay-miner": hotkey},
                    )
            said = log.read_text() if log.exists() else ""
            return re.search(CONVICTED, said)

        with OpenAI(base_url=url, api_key=key, max_retries=0) as client:
            found = run.wait(convicted, "a client's answer convicts", 240.0)
        assert len(set(convicts(run, folder))) == 1
        said = log.read_text()
        assert set(re.findall(r"uid (\d+) is convicted by", said)) == {found.group(1)}
        assert "def walk(" not in said, "no prompt is in a log"
        assert run.stop()[0] == 0
