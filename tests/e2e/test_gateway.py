"""`assay up` serves clients: OpenAI's own, curl, revoked keys, receipts, and a miner that dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from assay.models.language import LanguageModel
from assay.models.source import DEMO, resolve
from assay.protocol.client_receipts import (
    ClientReceipt,
    parse_receipt,
    read_call,
    receipt_fault,
)
from assay.protocol.inference import Complete, noise_key
from assay.wire.synapse import decode
from tests.e2e.runs import Run, assay, up

pytestmark = [pytest.mark.e2e, pytest.mark.inference, pytest.mark.timeout(400)]

HELLO: Any = [{"role": "user", "content": "import os\n\n\ndef walk("}]


@dataclass(frozen=True)
class Served:
    """A run whose gateway serves, and OpenAI's client before it."""

    run: Run
    url: str
    key: str
    client: OpenAI

    def receipt(self, id_: str) -> ClientReceipt:
        shown = self.client.get(f"/receipts/{id_}", cast_to=object)
        receipt = parse_receipt(json.dumps(shown).encode())
        assert receipt is not None
        return receipt

    def miners(self) -> dict[str, str]:
        """The names of the run's miners, by hotkey."""
        names = (path.name for path in (self.run.state_dir / "wallets").glob("miner-*"))
        return {
            json.loads((self.run.state_dir / "wallets" / name / "hotkeys" / "default").read_text())[
                "ss58Address"
            ]: name
            for name in names
        }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("gateway") / "state"
    with up(folder, "--validators", "1", "--miners", "3", "--cheat", "none", judged=False) as run:
        told = run.wait(
            lambda: re.search(r"(http://\S+/v1) with\s+the\s+key\s+(sk-assay-\S+)", run.log()),
            "the gateway is named",
        )
        url, key = told.groups()
        with OpenAI(base_url=url, api_key=key, max_retries=0) as client:

            def answered() -> object:
                try:
                    return client.completions.create(model="demo", prompt="x", max_tokens=1)
                except openai.APIError:
                    return None

            run.wait(answered, "a miner answers a client", 180.0)
            yield Served(run, url, key, client)
        assert run.stop()[0] == 0


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel.load(resolve(DEMO))


def check_tokens(receipt: ClientReceipt, model: LanguageModel) -> list[int]:
    """The tokens of the one answer in ``receipt``, each of which is the one that the model and the
    request give: what whoever has both can find out."""
    assert receipt_fault(receipt) is None
    ask = decode(Complete, receipt.calls[0].request)
    tokens = [token for call in receipt.calls for token in read_call(call).tokens]
    prompt = model.tokens.encode(ask.prompt)
    noise = noise_key(ask.seed, ask.model, ask.miner)
    right = model.stream(prompt, len(tokens), ask.sampling(), noise)
    assert tokens == [next(right) for _ in tokens]
    return tokens


def test_a_scripted_session(served: Served) -> None:
    client = served.client
    assert [each.id for each in client.models.list()] == ["demo"]
    ask: Any = {"model": "demo", "messages": HELLO, "temperature": 0, "max_tokens": 20}
    whole = client.chat.completions.create(**ask)
    text = whole.choices[0].message.content
    assert text
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 20
    parts = list(
        client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True})
    )
    assert "".join(p.choices[0].delta.content or "" for p in parts if p.choices) == text
    assert parts[-1].usage == whole.usage
    shown = client.chat.completions.create(**ask, logprobs=True, top_logprobs=3).choices[0].logprobs
    assert shown is not None
    assert shown.content is not None
    assert b"".join(bytes(each.bytes or ()) for each in shown.content).decode() == text
    assert all(each.token == each.top_logprobs[0].token for each in shown.content)
    several = client.completions.create(model="demo", prompt="def f(", n=3, max_tokens=8, seed=1)
    assert len({choice.text for choice in several.choices}) == 3
    stopped = client.completions.create(
        model="demo", prompt=HELLO[0]["content"], temperature=0, max_tokens=20, stop=[text[3:6]]
    )
    assert stopped.choices[0].text == text[:3]
    assert stopped.choices[0].finish_reason == "stop"
    with pytest.raises(openai.BadRequestError) as long:
        client.completions.create(model="demo", prompt="a b c " * 500)
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="other", messages=HELLO)


def test_a_revoked_key(served: Served) -> None:
    where = ("--state-dir", str(served.run.state_dir), "--json")
    made = json.loads(assay("gateway", "key", "add", "visitor", *where).stdout)["key"]
    with OpenAI(base_url=served.url, api_key=made, max_retries=0) as visitor:
        assert visitor.models.list().data
        assert assay("gateway", "key", "revoke", "visitor", *where).returncode == 0
        with pytest.raises(openai.AuthenticationError):
            visitor.models.list()


def test_curl(served: Served) -> None:
    body = json.dumps({"model": "demo", "prompt": "def f(", "max_tokens": 5, "stream": True})
    done = subprocess.run(
        ["curl", "-sS", "-N", f"{served.url}/completions", "-d", body,
         "-H", f"Authorization: Bearer {served.key}"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    events = done.stdout.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert json.loads(events[0].removeprefix("data: "))["object"] == "text_completion"


def test_a_receipt_can_be_checked_by_whoever_has_the_model(
    served: Served, model: LanguageModel, tmp_path: Path
) -> None:
    raw = served.client.completions.with_raw_response.create(
        model="demo", prompt="class Walk:", max_tokens=40, seed=77, top_p=0.9, stop="\n\n\n"
    )
    receipt = served.receipt(raw.headers["x-assay-receipt"])
    tokens = check_tokens(receipt, model)
    text = raw.parse().choices[0].text
    assert model.tokens.decode(tokens).startswith(text)
    shown = served.client.get(f"/receipts/{receipt.id}", cast_to=object)
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(shown))
    done = assay("receipt", "verify", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["miners"] == [call.miner for call in receipt.calls]
    done = assay("receipt", "judge", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert [call["verdict"] for call in json.loads(done.stdout)] == ["verified"]
    path.write_text(json.dumps(shown).replace(receipt.calls[0].miner, receipt.gateway))
    assert assay("receipt", "verify", str(path)).returncode == 3


def test_a_miner_that_dies_leaves_no_seam(served: Served, model: LanguageModel) -> None:
    """Its process is killed once its first tokens are there; the text goes on as it would have."""
    names = served.miners()
    pids = served.run.pids()
    raw = served.client.completions.with_streaming_response.create(
        model="demo", prompt="class Walk:\n", max_tokens=400, seed=5, stream=True
    )
    with raw as reply:
        dying = names[reply.headers["x-assay-miner"]]
        events = reply.iter_lines()
        first = next(line for line in events if line)
        os.kill(pids[dying], signal.SIGKILL)
        parts = [first, *(line for line in events if line)]
        id_ = reply.headers["x-assay-receipt"]
    assert parts[-1] == "data: [DONE]"
    said = "".join(
        json.loads(part.removeprefix("data: "))["choices"][0]["text"] for part in parts[:-1]
    )
    receipt = served.receipt(id_)
    assert len({call.miner for call in receipt.calls}) == 2, "one began and another went on"
    tokens = check_tokens(receipt, model)
    assert said == model.tokens.decode(tokens)
