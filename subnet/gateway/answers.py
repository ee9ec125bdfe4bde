"""From a client's request to the reply: prompts, answers of miners, rendering, receipt, account.

``Answering.begin`` checks that the request fits the model and the key's quota, asks miners for all
answers that are wanted, and waits for the first token: until then a failure is an error with its
status, and afterwards the last event of the stream. What a request may take is set aside before the
miners are asked, and what it took is counted when it is over, however it ends.

This module knows no sockets and no headers.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from loguru import logger

from assay.clock import Clock
from assay.errors import UserError
from assay.gateway.keys import ClientKey
from assay.gateway.model import OfferedModel
from assay.gateway.openai import replies
from assay.gateway.openai.errors import ApiError, broken, invalid_value, too_long, unknown_model
from assay.gateway.openai.meaning import SEEDS, ClientRequest
from assay.gateway.openai.replies import CallDelta, Chance, Choice, Delta, Rendering, Usage
from assay.gateway.openai.tool_calls import ToolCall, ToolCallReader, tool_names
from assay.gateway.quotas import Quotas
from assay.gateway.receipts import ReceiptStore
from assay.gateway.router import Growth, Router, TextWish, Trail
from assay.gateway.shared_prompts import SharedPrompts
from assay.metrics import NO_METRICS, Metrics
from assay.protocol.client_receipts import ClientReceipt
from assay.protocol.inference import CACHE_BYTES_MAX, TOKENS_MAX, TokenLogprob
from assay.types import NetUid, Ss58

QUEUE_MAX: Final = 32
"""Growths of several answers that wait for one slow client."""
BEGINNING_CHARS: Final = 256
"""By so many characters of its prompt a conversation is known again, so that miners read what they
know of it from their caches. A conversation whose first prompt is shorter is known from its second
one on, which costs the reading of these characters once more."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Where a gateway stands: what its receipts say of it."""

    genesis: str
    netuid: NetUid
    hotkey: Ss58


@dataclass(slots=True)
class Work:
    """One request while it is served."""

    id: str
    key: ClientKey
    wanted: ClientRequest
    wishes: list[TextWish]
    prompt_tokens: int
    asked_s: float
    """Monotonic."""
    trails: list[Trail] = field(default_factory=list)
    readers: list[ToolCallReader] = field(default_factory=list)
    """One for each answer, if calls of tools are read out of the texts; else none."""
    reserved: int = 0
    settled: bool = False

    @property
    def usage(self) -> Usage:
        """What has been used so far."""
        return Usage(self.prompt_tokens, sum(len(trail.tokens) for trail in self.trails))


@dataclass(frozen=True, slots=True)
class _Grown:
    """What the answer number ``choice`` has grown by."""

    choice: int
    growth: Growth


@dataclass(slots=True)
class Begun:
    """A reply whose first token is there."""

    work: Work
    miner: Ss58
    verified: bool
    body: AsyncGenerator[bytes, None]
    """The events of a stream; for a reply that is not streamed, the one whole body."""
    grown: AsyncGenerator[_Grown, None]
    """What the body is made of."""

    @property
    def receipt_id(self) -> str:
        """The name of the receipt, which is there once the body is whole."""
        return f"rcpt-{self.work.id}"


class Answering:
    """Answers the requests of clients with the help of a subnet's miners."""

    def __init__(
        self,
        router: Router,
        model: OfferedModel,
        subject: Subject,
        *,
        quotas: Quotas,
        receipts: ReceiptStore,
        clock: Clock,
        new_id: Callable[[], str],
        hand_on: Callable[[ClientReceipt], None] = lambda receipt: None,
        shared: SharedPrompts | None = None,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """``new_id()`` gives 32 hex digits that nobody can guess; ``hand_on`` is told each
        receipt, and ``shared`` what the keys ask that share their prompts."""
        self._router = router
        self._model = model
        self._subject = subject
        self._quotas = quotas
        self._receipts = receipts
        self._clock = clock
        self._new_id = new_id
        self._hand_on = hand_on
        self._shared = shared
        self._metrics = metrics
        self._cache_secret = new_id().encode()

    async def begin(
        self,
        key: ClientKey,
        wanted: ClientRequest,
        *,
        miner: Ss58 | None = None,
        avoid: frozenset[Ss58] = frozenset(),
    ) -> Begun:
        """Ask miners for what is ``wanted`` until the first token is there. ``miner`` has to begin
        all answers, if it is not None, and those of ``avoid`` are not asked. ApiError where that
        cannot be."""
        began_s = self._clock.monotonic()
        work = await self._work(key, wanted, miner, avoid)
        self._quotas.reserve(key, work.reserved, self._unix_s())
        grown = self._grown(work)
        try:
            first = await anext(grown)
        except BaseException:
            self._settle(work)
            raise
        self._metrics.observe(
            "assay_gateway_first_token_seconds", self._clock.monotonic() - began_s
        )
        candidate = first.growth.candidate
        show = Rendering(
            id=f"{'chatcmpl' if wanted.is_chat else 'cmpl'}-{work.id}",
            created=int(self._unix_s()),
            model=wanted.model,
            fingerprint=f"{self._model.root.hex()}/{candidate.path.name.lower()}",
            is_chat=wanted.is_chat,
            with_logprobs=wanted.options.logprobs is not None,
            with_usage=wanted.include_usage,
        )
        body = (self._streamed if wanted.stream else self._whole)(work, show, first, grown)
        return Begun(work, candidate.hotkey, candidate.verified, body, grown)

    async def end(self, begun: Begun) -> None:
        """End a reply, whether its body was read or not: the miners are told, and what the request
        took is counted. A body of which nothing was read would do neither when it is closed."""
        await begun.body.aclose()
        await begun.grown.aclose()
        await self._over(begun.work)

    async def _work(
        self,
        key: ClientKey,
        wanted: ClientRequest,
        miner: Ss58 | None,
        avoid: frozenset[Ss58],
    ) -> Work:
        """What has to be done for ``wanted``; ApiError if the model cannot."""
        if wanted.model not in (self._model.name, self._model.root.hex()):
            raise unknown_model(wanted.model)
        asked_s = self._clock.monotonic()
        answers = wanted.n * max(1, len(wanted.prompts))
        least = self._model.least_tokens(wanted) + answers * (wanted.options.max_tokens or 1)
        self._quotas.check(key, least, self._unix_s())  # before any work is done
        seed = wanted.options.seed
        seed = self._router.draw_seed() if seed is None else seed
        wishes: list[TextWish] = []
        prompt_tokens = 0
        async with contextlib.aclosing(self._model.prompts(wanted, key.id)) as prompts:
            async for text, count in prompts:
                most = self._room(wanted, count)
                prompt_tokens += count
                cache = self._cache_of(key, text)
                for _ in range(wanted.n):
                    choice = len(wishes)
                    own = (seed + choice) % SEEDS
                    wishes.append(
                        TextWish(
                            text, most, own, wanted.options, choice, miner, avoid, cache, key.id
                        )
                    )
        work = Work(self._new_id(), key, wanted, wishes, prompt_tokens, asked_s)
        work.trails = [Trail() for _ in wishes]
        if wanted.tools and self._model.spelling.writes_tool_calls:
            names = tool_names(wanted.tools)
            work.readers = [ToolCallReader(names) for _ in wishes]
        work.reserved = prompt_tokens + sum(wish.max_tokens for wish in wishes)
        return work

    def _cache_of(self, key: ClientKey, prompt: str) -> bytes:
        """What keeps a conversation of ``key`` apart in miners' caches: another one for each
        beginning of a ``prompt``, and after each start. So no miner can tell which requests are of
        one key, and learn from what became of some of them who asks the others."""
        named = f"{key.id}/{prompt[:BEGINNING_CHARS]}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(named, key=self._cache_secret, digest_size=CACHE_BYTES_MAX).digest()

    def _room(self, wanted: ClientRequest, prompt_tokens: int) -> int:
        """How many tokens an answer may have; ApiError if the context has no room for them."""
        context, asked = self._model.context_tokens, wanted.options.max_tokens
        param = "messages" if wanted.is_chat else "prompt"
        room = context - prompt_tokens
        if room < (asked or 1):
            raise too_long(prompt_tokens, asked or 1, context, param)
        if asked is not None and asked > TOKENS_MAX:
            raise invalid_value(
                f"max_tokens is too large: {asked}. This model supports at most {TOKENS_MAX} "
                "completion tokens.",
                "max_tokens",
            )
        return min(asked or room, TOKENS_MAX)

    # -- answers

    async def _grown(self, work: Work) -> AsyncGenerator[_Grown, None]:
        """What all answers of ``work`` grow by, in the order in which it comes."""
        if len(work.wishes) == 1:
            async with contextlib.aclosing(
                self._router.answer(work.wishes[0], work.trails[0])
            ) as answer:
                async for growth in answer:
                    yield _Grown(0, growth)
            return
        queue: asyncio.Queue[_Grown | None] = asyncio.Queue(QUEUE_MAX)

        async def read(wish: TextWish, trail: Trail) -> None:
            async with contextlib.aclosing(self._router.answer(wish, trail)) as answer:
                async for growth in answer:
                    await queue.put(_Grown(wish.choice, growth))

        async def read_all() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for wish, trail in zip(work.wishes, work.trails, strict=True):
                        group.create_task(read(wish, trail))
            except* ApiError as errors:
                raise _first_error(errors) from None
            await queue.put(None)

        reading = asyncio.ensure_future(read_all())
        try:
            while True:
                next_one = asyncio.ensure_future(queue.get())
                await asyncio.wait((next_one, reading), return_when=asyncio.FIRST_COMPLETED)
                if not next_one.done():
                    next_one.cancel()
                    await reading  # it has failed
                    continue  # the last None is in the queue
                grown = next_one.result()
                if grown is None:
                    return
                yield grown
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, ApiError):
                await reading

    # -- replies

    async def _streamed(
        self, work: Work, show: Rendering, first: _Grown, rest: AsyncGenerator[_Grown, None]
    ) -> AsyncGenerator[bytes, None]:
        """The events of the reply."""
        lengths = [0] * len(work.wishes)

        def events(grown: _Grown) -> bytes:
            delta = self._delta(work, grown, show)
            shown = b""
            if delta.text or delta.chances or delta.calls or delta.finish is not None:
                shown = show.grown(delta, lengths[delta.index])
            lengths[delta.index] += len(delta.text)
            return shown

        try:
            async with contextlib.aclosing(rest):
                opening = b"".join(show.first(index) for index in range(len(lengths)))
                yield opening + events(first)
                async for grown in rest:
                    yield events(grown)
            await self._over(work)
            yield show.last(work.usage)
        except ApiError as error:
            yield replies.failed(error)
        except Exception as error:
            logger.error("A reply broke off by a fault of our own: {}", type(error).__name__)
            yield replies.failed(broken())
        finally:
            await self._over(work)

    async def _whole(
        self, work: Work, show: Rendering, first: _Grown, rest: AsyncGenerator[_Grown, None]
    ) -> AsyncGenerator[bytes, None]:
        """The body of the reply, in one piece."""
        choices = [Choice(index) for index in range(len(work.wishes))]
        try:
            async with contextlib.aclosing(rest):
                choices[first.choice].add(self._delta(work, first, show))
                async for grown in rest:
                    choices[grown.choice].add(self._delta(work, grown, show))
        finally:
            await self._over(work)
        yield show.whole(choices, work.usage)

    def _delta(self, work: Work, grown: _Grown, show: Rendering) -> Delta:
        growth = grown.growth
        chances: Sequence[Chance] = ()
        if show.with_logprobs:
            pairs = zip(growth.tokens, growth.logprobs, strict=False)
            chances = [self._chance(token, logprob) for token, logprob in pairs]
        if not work.readers:
            return Delta(grown.choice, growth.text, chances, growth.finish)
        reader = work.readers[grown.choice]
        before = reader.calls
        parts = reader.add(growth.text) + (reader.end() if growth.finish is not None else [])
        calls = [
            CallDelta(place, _call_id(work.id, grown.choice, place), call)
            for place, call in enumerate((p for p in parts if isinstance(p, ToolCall)), before)
        ]
        text = "".join(part for part in parts if isinstance(part, str))
        called = growth.finish == "stop" and reader.calls > 0
        return Delta(grown.choice, text, chances, "tool_calls" if called else growth.finish, calls)

    def _chance(self, token: int, logprob: TokenLogprob) -> Chance:
        spelt = self._model.spelling.token_bytes
        return Chance(
            spelt(token), logprob.logprob, [(spelt(other), each) for other, each in logprob.top]
        )

    # -- afterwards

    async def _over(self, work: Work) -> None:
        """Count what the work took and keep its receipt, once."""
        if work.settled:
            return
        self._settle(work)
        self._share(work)
        records = [record for trail in work.trails for record in trail.records]
        if not records:
            return
        receipt = ClientReceipt(
            id=f"rcpt-{work.id}",
            created=int(self._unix_s()),
            genesis=self._subject.genesis,
            netuid=self._subject.netuid,
            gateway=self._subject.hotkey,
            model=self._model.root,
            key=work.key.id,
            calls=records,
        )
        self._hand_on(receipt)
        try:
            await asyncio.to_thread(self._receipts.put, receipt)
        except UserError as error:
            logger.warning("A receipt was not kept: {} {}", error.cause, error.cure)

    def _share(self, work: Work) -> None:
        """Keep what was asked for canaries, if the key shares its prompts."""
        if self._shared is not None and work.key.shares_prompts:
            miners = {miner for trail in work.trails for miner in trail.asked}
            now_s = self._clock.monotonic()
            mark = work.wishes[0].cache
            self._shared.note(work.key.id, mark, work.wanted, miners, work.asked_s, now_s)

    def _settle(self, work: Work) -> None:
        if work.settled:
            return
        work.settled = True
        usage = work.usage
        spent = usage.prompt_tokens + usage.completion_tokens if usage.completion_tokens else 0
        self._quotas.settle(work.key, work.reserved, spent, self._unix_s())
        self._metrics.count("assay_gateway_tokens_total", usage.prompt_tokens, kind="prompt")
        self._metrics.count(
            "assay_gateway_tokens_total", usage.completion_tokens, kind="completion"
        )

    def _unix_s(self) -> float:
        return self._clock.now_ns() / 1e9


def _call_id(work: str, choice: int, place: int) -> str:
    """The name of one call in the reply to one request, by which a client says what it gave."""
    named = hashlib.blake2b(f"{work}/{choice}/{place}".encode(), digest_size=12)
    return f"call_{named.hexdigest()}"


def _first_error(errors: BaseExceptionGroup[ApiError]) -> ApiError:
    """The first of ``errors``, however deep it lies."""
    inner: BaseException = errors
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    assert isinstance(inner, ApiError)
    return inner
