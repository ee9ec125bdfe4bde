"""Miners killed with -9 at a hundred points of their streams: no client sees a seam.

A gateway and three miners, each a process with the shipped model, over real sockets; their chain is
one in memory that each of them makes for itself (``scripts/bench/served``). A miner that was killed
is started again from a process that has the model loaded, so that all hundred kills are real ones.
What a broken stream must say is what the same miner says to the same seed when nobody kills it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from openai import OpenAI

from assay.models.source import DEMO
from assay.protocol.client_receipts import CallRecord, parse_receipt, read_call, receipt_fault
from assay.protocol.inference import Complete
from assay.wire.synapse import decode
from scripts.bench.served import Door, Nursery, miner_key, nursery

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.inference, pytest.mark.timeout(1500)]

MINERS = 3
POINTS = 100
OTHER_POINTS = range(1, POINTS, 10)
"""For the streams without a seed, and for those behind a gateway without a permit."""
TOKENS = POINTS + 28
"""Of an answer. What a miner has sent when it is killed still arrives, which is mostly a token or
two; a stream that was whole before its miner died is broken again, at the same point."""
TRIES = 3
POINTS_APART = POINTS // 2
"""The least number of different tokens at which the hundred streams broke off: on a busy machine a
client is some tokens behind, and two kills may break an answer at one token."""
END = 0
"""The shipped model's token that ends a text: no answer may draw it, or it has fewer tokens."""
ASK: Any = {
    "model": "demo", "prompt": "class Walk:\n", "max_tokens": TOKENS, "seed": 5,
    "logit_bias": {str(END): -100},
}  # fmt: skip


@dataclass
class Broken:
    """What a client has got of a stream whose miner was killed."""

    miner: int
    receipt: str
    text: str = ""
    errors: list[Any] = field(default_factory=list)
    done: int = 0
    """How often the stream said that it was whole."""


class Client:
    """A client that kills the miners which serve it."""

    def __init__(self, miners: Nursery, door: Door) -> None:
        self.miners = miners
        self._client = OpenAI(base_url=door.url, api_key=door.key, max_retries=0)
        self._numbers = {miner_key(number).address: number for number in range(MINERS)}

    def whole(self, miner: int, seed: int = ASK["seed"]) -> str:
        """What ``miner`` says if nobody kills it."""
        named = {"x-assay-miner": miner_key(miner).address}
        said = self._client.completions.create(**ASK | {"seed": seed}, extra_headers=named)
        return said.choices[0].text

    def broken(self, point: int, **changes: Any) -> Broken:
        """A stream whose miner is killed once the client has ``point`` tokens of it. The miner is
        started again."""
        ask = {**ASK, "stream": True, "logprobs": 0, **changes}
        tokens, killed = 0, False
        with self._client.completions.with_streaming_response.create(**ask) as reply:
            miner = self._numbers[reply.headers["x-assay-miner"]]
            found = Broken(miner, reply.headers["x-assay-receipt"])
            for line in filter(None, reply.iter_lines()):
                event = line.removeprefix("data: ")
                if event == "[DONE]":
                    found.done += 1
                elif "error" in (said := json.loads(event)):
                    found.errors.append(said["error"])
                else:
                    [choice] = said["choices"]
                    found.text += choice["text"]
                    tokens += len(choice["logprobs"]["tokens"]) if choice["logprobs"] else 0
                if tokens >= point and not killed:
                    self.miners.kill(miner)
                    killed = True
        self.miners.start(miner)
        return found

    def calls(self, broken: Broken) -> list[CallRecord]:
        """The calls of which an answer was made, each shown by its miner's signatures."""
        shown = self._client.get(f"/receipts/{broken.receipt}", cast_to=object)
        receipt = parse_receipt(json.dumps(shown).encode())
        assert receipt is not None
        assert receipt_fault(receipt) is None
        return receipt.calls


def tokens_of(call: CallRecord) -> int:
    return len(read_call(call).tokens)


@pytest.fixture(scope="module")
def miners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    # Each token is a piece, so that a stream can break at any of them.
    with nursery(tmp_path_factory.mktemp("miners"), DEMO, MINERS, more=["0"]) as found:
        yield found


@pytest.fixture(scope="module")
def client(miners: Nursery) -> Iterator[Client]:
    with miners.gateway() as door:
        yield Client(miners, door)


def test_no_kill_at_a_hundred_points_leaves_a_seam(client: Client) -> None:
    whole = {miner: client.whole(miner) for miner in range(MINERS)}
    assert len(set(whole.values())) == MINERS, "each miner draws with noise of its own"
    broke_at = set()
    for point in range(1, POINTS + 1):
        for _ in range(TRIES):
            broken = client.broken(point)
            assert (broken.text, broken.errors) == (whole[broken.miner], []), f"at {point}"
            assert broken.done == 1
            first, *rest = client.calls(broken)
            if rest:
                break
        else:
            pytest.fail(f"no stream was broken off at {point}")
        assert point <= tokens_of(first) < TOKENS
        assert sum(map(tokens_of, (first, *rest))) == TOKENS
        broke_at.add(tokens_of(first))
    assert len(broke_at) >= POINTS_APART


@pytest.mark.parametrize("point", OTHER_POINTS)
def test_a_stream_without_a_seed_goes_on_as_well(client: Client, point: int) -> None:
    """The gateway draws a seed, which the receipt shows: with it, the miner says the same."""
    broken = client.broken(point, seed=None)
    first, *rest = client.calls(broken)
    seed = decode(Complete, first.request).seed
    assert rest, "another miner went on"
    assert broken.text == client.whole(broken.miner, seed)
    assert (broken.errors, broken.done) == ([], 1)


def test_without_a_permit_a_stream_ends_with_one_error(miners: Nursery) -> None:
    """What was said before is the beginning of the answer, and nothing says that it is whole."""
    with miners.gateway("poor", permit=False) as door:
        client = Client(miners, door)
        whole = {miner: client.whole(miner) for miner in range(MINERS)}
        for point in OTHER_POINTS:
            broken = client.broken(point)
            assert [error["code"] for error in broken.errors] == ["miner_failed"]
            assert broken.done == 0
            assert len(broken.text) >= point // 2
            assert whole[broken.miner].startswith(broken.text)
            assert broken.text != whole[broken.miner]
