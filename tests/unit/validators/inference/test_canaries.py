"""Canaries: what a miner sees of them is what it sees of clients, and a cheat is convicted by them.

Gateway, HTTP and signatures are the real ones; the miners' model is one of bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from loguru import logger
from msgspec.structs import replace
from yarl import URL

from assay.clock import Clock, ManualClock, SystemClock
from assay.models.corpus import Corpus
from assay.neuron import RequestRefused
from assay.protocol.client_receipts import ClientReceipt, SignedCall, read_call
from assay.protocol.inference import Piece
from assay.protocol.shared_prompts import CHAT, PLAIN, SharedRequest, SharedSession, SharedSessions
from assay.protocol.shared_prompts import PATH as SHARED
from assay.types import Ss58
from assay.validators.inference.canaries import OPEN_MAX, WAIT_S_MAX, Canaries, Door
from assay.validators.inference.canary_requests import (
    QUESTIONS_MAX,
    STOCK_MAX,
    CanaryRequests,
    Session,
)
from assay.validators.inference.gateway_client import (
    GatewayClient,
    GatewayFailed,
    parse_gateway,
    read_keys,
)
from assay.validators.inference.settings import ValidatorSettings
from tests.unit.subnet.gateway.desks import Desk, desk
from tests.unit.subnet.gateway.miners import ROOT, ByteSpelling, FakeMiner, key
from tests.unit.validators.inference.test_client_desk import WRONG, Place

QUESTION: Any = {"messages": [{"role": "user", "content": "why?"}], "max_tokens": 6}


@cache
def corpus() -> Corpus:
    return Corpus.open(None)


def asked_once(body: dict[str, Any], path: Any = CHAT) -> Session:
    return Session([SharedRequest(path=path, body=body)])


def lies(piece: Piece) -> Piece:
    return replace(piece, tokens=[WRONG] * len(piece.tokens))


def canaries(doors: Sequence[Door], take: Callable[[SignedCall], None], **more: Any) -> Canaries:
    fields: dict[str, Any] = {
        "model": ROOT.hex(), "per_hour": 60.0, "take": take, "clock": SystemClock(),
    }  # fmt: skip
    return Canaries(doors, **(fields | more))


@contextlib.asynccontextmanager
async def door(at: Desk, *keys: str, clock: Clock | None = None) -> Any:
    client = GatewayClient(URL(at.url), clock or SystemClock())
    try:
        yield Door(client, keys or (at.key,), CanaryRequests(corpus()))
    finally:
        await client.close()


async def hold(at: Desk, session: Session) -> list[SignedCall]:
    taken: list[SignedCall] = []
    async with door(at) as one:
        asking = canaries([one], taken.append)
        await asking.hold(one, session, random.Random(1))
    return taken


async def test_what_a_miner_sees_is_what_it_sees_of_a_client(tmp_path: Path) -> None:
    """All fields of the same request, once by a client and once by a canary, are the same but for
    what is another one each time."""
    miner = FakeMiner(key(1))
    body = {
        "prompt": "def walk(", "max_tokens": 6, "temperature": 0.5, "stop": ["zz"], "seed": 3,
    }  # fmt: skip
    async with desk(tmp_path, miner) as at:
        async with door(at) as one:
            await one.client.ask(at.key, PLAIN, body | {"model": "demo"}, ())
        await hold(at, asked_once(body, PLAIN))
        other, _ = at.keys.add("other")
        async with door(at, other) as one:
            asking = canaries([one], lambda call: None)
            await asking.hold(one, asked_once(body, PLAIN), random.Random(1))
    client, same_key, canary = miner.asked
    assert client == same_key
    assert client == replace(canary, cache=client.cache)
    assert len(client.cache) == len(canary.cache)
    assert client.cache != canary.cache


async def test_two_faces_are_convicted_by_canaries_alone(tmp_path: Path) -> None:
    liar, place = FakeMiner(key(1), changes=lies), Place(tmp_path, clock=SystemClock())  # type: ignore[arg-type]
    async with desk(tmp_path / "gateway", liar) as at, door(at) as one:
        asking = canaries([one], place.desk.take_own)
        await asking.hold(one, asked_once(QUESTION), random.Random(1))
        [[waiting]] = place.desk._queue._waiting.values()
        judging = asyncio.create_task(place.desk.judge_all())
        found = await waiting.found
        assert found is not None
        assert found.convicted
        await asyncio.sleep(0)
        judging.cancel()
    [answer] = place.desk.take()
    finding = place.desk.finding(answer)
    assert finding is not None
    assert finding.convicted
    assert answer.target.hotkey == liar.hotkey


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_goes_on_from_what_was_answered(tmp_path: Path, stream: bool) -> None:
    """From the gateway's words: what a miner writes beside its tokens no client ever sees."""
    miner = FakeMiner(key(1), changes=lambda piece: replace(piece, text="a mark"))
    first_one = [{"role": "user", "content": "one"}]
    second_one = [
        *first_one, {"role": "assistant", "content": "other words"},
        {"role": "user", "content": "two"},
    ]  # fmt: skip
    session = Session(
        [
            SharedRequest(path=CHAT, body={"messages": messages, "max_tokens": 4, "stream": stream})
            for messages in (first_one, second_one)
        ]
    )
    async with desk(tmp_path, miner) as at:
        calls = await hold(at, session)
    first, second = (read_call(call) for call in calls)
    said = ByteSpelling().decode(first.tokens)
    assert first.request.prompt == "user: one\nassistant: "
    assert second.request.prompt == f"user: one\nassistant: {said}\nuser: two\nassistant: "


async def test_no_answer_counts_for_nothing(tmp_path: Path) -> None:
    miner = FakeMiner(key(1), refuses=RequestRefused("no"))
    async with desk(tmp_path, miner) as at:
        with pytest.raises(GatewayFailed, match="it says"):
            await hold(at, asked_once(QUESTION))
        with pytest.raises(GatewayFailed, match="does not take the key"):
            async with door(at, "sk-assay-none") as one:
                await one.client.ask("sk-assay-none", CHAT, QUESTION, ())
    with pytest.raises(GatewayFailed):  # nobody listens there any more
        await hold(at, asked_once(QUESTION))


async def test_whoever_has_seen_it_is_not_asked_again(tmp_path: Path) -> None:
    best, second = FakeMiner(key(1), incentive=9_000), FakeMiner(key(2), incentive=10)
    shared = SharedRequest(path=CHAT, body=QUESTION)
    async with desk(tmp_path, best, second) as at:
        await hold(at, Session([shared] * 3, frozenset({Ss58(best.hotkey)})))
        assert (len(best.asked), len(second.asked)) == (0, 3)
        await hold(at, Session([shared]))
        assert (len(best.asked), len(second.asked)) == (1, 3), "a canary goes where clients go"
        with pytest.raises(GatewayFailed, match="503"):
            await hold(at, Session([shared], frozenset(map(Ss58, (best.hotkey, second.hotkey)))))


# -- when, and what


@dataclass
class CountingClient:
    """A gateway that notes what it is asked, and when."""

    clock: Clock
    asked: list[tuple[float, str, set[Ss58]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    reads: int = 0
    forbids: int | None = None
    shows: Sequence[SharedSession] = ()
    shown: str = "http://gateway"

    async def ask(self, key: str, path: str, body: Any, avoid: Any) -> tuple[ClientReceipt, str]:
        said = str(body.get("prompt") or body["messages"][-1]["content"])
        self.asked.append((self.clock.monotonic(), said, set(avoid)))
        self.keys.append(key)
        raise GatewayFailed("enough")

    async def shared(self, key: str) -> list[SharedSession]:
        self.reads += 1
        self.keys.append(f"read {key}")
        if self.forbids:
            raise GatewayFailed("no", self.forbids)
        shown, self.shows = self.shows, ()
        return list(shown)

    async def close(self) -> None:
        """Nothing is open."""


class AtOnce(ThreadPoolExecutor):
    """Does in the caller's thread what is given to another one, for which no manual clock waits."""

    def submit(self, fn: Any, /, *args: Any, **more: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **more))
        return done


async def run_for(asking: Canaries, clock: ManualClock, hours: float) -> None:
    asyncio.get_running_loop().set_default_executor(AtOnce())
    running = asyncio.create_task(asking.run())
    for _ in range(int(hours * 3_600)):
        for _ in range(8):
            await asyncio.sleep(0)
        clock.advance(1.0)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def shared_one(number: int, *seen_by: str) -> SharedSession:
    asked = SharedRequest(path=PLAIN, body={"prompt": f"words {number}"})
    return SharedSession(requests=[asked], seen_by=list(seen_by))


async def counted(
    seed: int, *, hours: float = 1.0, shows: int = 0, forbids: int | None = None
) -> CountingClient:
    clock = ManualClock()
    shows_ = [shared_one(number, "a") for number in range(shows)]
    client = CountingClient(clock, shows=shows_, forbids=forbids)
    asking = canaries(
        [Door(client, ("first", "second", "third"), CanaryRequests(corpus()))],
        pytest.fail, clock=clock, per_hour=60.0,
    )  # fmt: skip
    asking.begin_turn(bytes([seed]) * 32, [Ss58("a"), Ss58("b")])
    await run_for(asking, clock, hours)
    return client


async def test_moments_are_random_and_follow_from_the_committed_seed() -> None:
    client = await counted(1, shows=400)
    # 120 are expected, and eleven are one sigma.
    assert 75 <= len(client.asked) <= 165
    times = [at for at, _, _ in client.asked]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    sigma = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert 0.6 < sigma / mean < 1.4, "exponential gaps are as wide as they are long"
    assert max(gaps) < 10 * WAIT_S_MAX
    again, other = await counted(1, shows=400), await counted(2, shows=400)
    assert again.asked == client.asked
    assert other.asked[:STOCK_MAX] != client.asked[:STOCK_MAX]


async def test_a_clients_words_are_asked_once_and_of_who_has_not_seen_them() -> None:
    client = await counted(3, hours=0.5, shows=STOCK_MAX)
    theirs = [(said, avoid) for _, said, avoid in client.asked if said.startswith("words ")]
    assert len(theirs) > 20
    assert all(avoid == {"a"} for _, avoid in theirs), "a has seen them"
    assert len({said for said, _ in theirs}) == len(theirs)


async def test_the_first_key_reads_and_the_others_ask() -> None:
    client = await counted(4, hours=0.5, forbids=403)
    assert set(client.keys) == {"read first", "second", "third"}
    assert client.reads == 1, "who may not read does not ask again"
    later = await counted(4, hours=0.5, forbids=503)
    assert 2 <= later.reads <= 7


async def test_a_validator_that_may_not_read_says_once_what_that_means() -> None:
    told: list[str] = []
    sink = logger.add(told.append, level="INFO")
    try:
        assert (await counted(1, forbids=403)).reads == 1
    finally:
        logger.remove(sink)
    [line] = [line for line in told if "made up" in line]
    assert "--read-shared-prompts" in line


async def test_a_gateway_sets_no_cookies_by_which_canaries_are_known(tmp_path: Path) -> None:
    seen: list[str | None] = []

    async def reply(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.json_response({"data": []}, headers={"Set-Cookie": "who=validator; Path=/"})

    server = TestServer(web.Application())
    server.app.router.add_get(SHARED, reply)
    async with server:
        client = GatewayClient(server.make_url("/"), SystemClock())
        try:
            for _ in range(2):
                await client.shared("sk-assay-key")
        finally:
            await client.close()
    assert seen == [None, None]


@pytest.mark.parametrize("seen_by", ["a\r\nx-other: 1", "a, b", "é"])
async def test_hotkeys_that_are_none_are_no_shared_session(seen_by: str) -> None:
    """They would become a header."""
    sent = {"data": [{"requests": [{"path": PLAIN, "body": {}}], "seen_by": [seen_by]}]}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(sent), type=SharedSessions)


async def test_few_are_open_at_one_time() -> None:
    clock = ManualClock()

    class Hanging(CountingClient):
        async def ask(
            self, key: str, path: str, body: Any, avoid: Any
        ) -> tuple[ClientReceipt, str]:
            self.asked.append((0.0, "", set()))
            await asyncio.Event().wait()
            raise AssertionError

    client = Hanging(clock, shows=[shared_one(n) for n in range(STOCK_MAX)])
    asking = canaries(
        [Door(client, ("key",), CanaryRequests(corpus()))], pytest.fail, clock=clock,
        per_hour=600.0,
    )  # fmt: skip
    asking.begin_turn(bytes(32), [Ss58("a")])
    await run_for(asking, clock, 0.25)
    assert len(client.asked) == OPEN_MAX


# -- what is made up


def test_what_is_made_up_is_of_several_kinds_and_never_twice_the_same() -> None:
    requests, rng = CanaryRequests(corpus()), random.Random(5)
    made = [requests.made_up(rng) for _ in range(300)]
    bodies = [each.body(0, ()) for each in made]
    words = [str(b.get("prompt") or b["messages"][0]["content"]) for b in bodies]
    assert len(set(words)) > 285
    assert {each.requests[0].path for each in made} == {CHAT, PLAIN}
    assert {1, 2} <= {len(each.requests) for each in made} <= set(range(1, QUESTIONS_MAX + 1))
    assert not any(part in word for word in words for part in ("{name}", "{code}", "{prose}"))
    assert len({str(sorted(b.keys() - {"messages", "prompt"})) for b in bodies}) >= 5


@pytest.mark.parametrize(
    "messages", [[], [1], "x", None, [None, {"role": "user"}], [{"role": 1}, {"role": "tool"}]]
)
def test_whatever_a_gateway_shares_is_asked_or_refused_by_that_gateway(messages: Any) -> None:
    """What it makes up is sent back to it as it is."""
    bodies = [{"messages": messages}, {"messages": [*(messages or []), {"role": "user"}]}]
    session = Session([SharedRequest(path=CHAT, body=body) for body in bodies])
    assert session.body(0, ()) == bodies[0]
    assert session.body(1, ("said",)) == bodies[1]


# -- options and keys


def test_each_gateway_has_its_keys() -> None:
    good = ValidatorSettings(canary_gateway=("http://h:1",), canary_key_file=(Path("k"),))
    assert good.canaries_per_hour == 6.0
    for wrong, why in (
        ({"canary_gateway": ("http://h:1",)}, "needs one"),
        ({"canary_key_file": (Path("k"),)}, "needs one"),
        ({"canary_gateway": ("h:1",), "canary_key_file": (Path("k"),)}, "no address"),
        ({"canary_gateway": ("http://u:secret@h:1",), "canary_key_file": (Path("k"),)}, "address"),
    ):
        with pytest.raises(ValueError, match=why) as told:
            ValidatorSettings(**wrong)  # type: ignore[arg-type]
        assert "secret" not in str(told.value)
    with pytest.raises(ValueError, match="no-client-answers"):
        ValidatorSettings(
            canary_gateway=("http://h:1",), canary_key_file=(Path("k"),), client_answers=False
        )
    for text in ("http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"):
        assert str(parse_gateway(text)).rstrip("/") == "http://h:1"


@pytest.mark.parametrize("content", [None, "", "two words\x07", "k\n" * 99])
def test_a_file_without_keys_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Exception, match="holds no keys"):
        read_keys(path)


async def test_neither_key_nor_words_are_in_a_log(tmp_path: Path) -> None:
    told: list[str] = []
    failed = asyncio.Event()

    def note(line: str) -> None:
        told.append(line)
        if "No answer to a canary" in line:
            failed.set()

    sink = logger.add(note, level=0)
    miner = FakeMiner(key(1), refuses=RequestRefused("no"))
    try:
        async with desk(tmp_path, miner) as at, door(at) as one:
            asking = canaries([one], pytest.fail, per_hour=3_600.0)
            asking.begin_turn(bytes(32), [Ss58(miner.hotkey)])
            session = asked_once({"prompt": "secret words", "max_tokens": 4}, PLAIN)
            one.requests._stock = [session] * 3
            running = asyncio.create_task(asking.run())
            await failed.wait()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            assert "secret words" not in "".join(told)
            assert at.key not in "".join(told)
    finally:
        logger.remove(sink)
