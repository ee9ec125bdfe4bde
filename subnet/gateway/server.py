"""What a gateway answers at which address: OpenAI's, the receipts, and the page at ``/``.

``Gateway.handle`` takes one HTTP request and returns one reply. It checks the key, counts the
request, finds the address, and turns whatever goes wrong into an error of OpenAI's shape. Every
reply has an ``x-request-id``; one with text also ``x-assay-receipt``, ``x-assay-miner`` (who began)
and ``x-assay-verified`` (whether validators pay that miner). A request with ``x-assay-miner`` wants
its answer begun by that miner, one with ``x-assay-not-miners`` by none of those.

Any web page may ask: a browser sends no key by itself, so a page that has none gets nothing. The
log has a line for each request, with the key's id, and neither key, prompt nor seed. This module
knows no sockets; how an answer comes about is ``answers``'.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable
from importlib import resources
from typing import Final

import msgspec
from loguru import logger

from assay.clock import Clock
from assay.errors import UserError
from assay.gateway.answers import Answering, Begun
from assay.gateway.http import HttpReply, HttpRequest
from assay.gateway.keys import ClientKey, KeyFile
from assay.gateway.model import OfferedModel
from assay.gateway.openai import meaning, replies
from assay.gateway.openai.errors import (
    ApiError,
    broken,
    no_key,
    overloaded,
    too_many,
    unknown_model,
    unknown_path,
    wrong_key,
    wrong_method,
)
from assay.gateway.openai.meaning import ClientRequest
from assay.gateway.quotas import Quotas
from assay.gateway.receipts import ReceiptStore
from assay.gateway.shared_prompts import SharedPrompts
from assay.metrics import NO_METRICS, Metrics
from assay.protocol.gateway_headers import MINER, NOT_MINERS, RECEIPT
from assay.protocol.shared_prompts import PATH as SHARED
from assay.protocol.shared_prompts import SharedSessions
from assay.types import Ss58

REQUESTS_MAX: Final = 512
"""Requests that are served at one time. Each holds a connection to a miner, of which a dendrite has
320; the others wait for one of them."""
PER_KEY_MAX: Final = 128
"""Of these, for one key: no client can take all places."""
BUSY_S: Final = 1.0
"""When to try again if all places are taken: most answers take longer, some less."""
GONE: Final = 499
"""What is counted for a client that left before its reply: nginx's number for it."""
CORS_DAY_S: Final = 86_400
EXPOSED: Final = (
    "x-request-id, x-assay-receipt, x-assay-miner, x-assay-verified, retry-after, openai-model"
)
"""Headers that a web page's script may read."""
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9-]{1,64}( ?, ?[A-Za-z0-9-]{1,64}){0,63}")
_JSON: Final = {"Content-Type": "application/json"}
_EVENTS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # nginx would hold the first tokens back
}

Parser = Callable[[bytes], ClientRequest]
COMPLETIONS: Final[dict[str, Parser]] = {
    "/v1/chat/completions": meaning.chat_request,
    "/v1/completions": meaning.completion_request,
}
METHODS: Final[dict[str, str]] = {
    "/": "GET",
    "/health": "GET",
    "/v1/models": "GET",
    SHARED: "GET",
    "/v1/embeddings": "POST",
    **dict.fromkeys(COMPLETIONS, "POST"),
}
"""How each address is asked; those that end with a name stand in ``PREFIXES``."""
PREFIXES: Final = ("/v1/models/", "/v1/receipts/")


class Gateway:
    """All that a gateway answers."""

    def __init__(
        self,
        answering: Answering,
        model: OfferedModel,
        *,
        keys: KeyFile,
        quotas: Quotas,
        receipts: ReceiptStore,
        clock: Clock,
        new_id: Callable[[], str],
        shared: SharedPrompts | None = None,
        allow_origin: str = "*",
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """``allow_origin`` is the web pages' origin that may ask; ``*``: any."""
        self._answering = answering
        self._model = model
        self._keys = keys
        self._quotas = quotas
        self._receipts = receipts
        self._clock = clock
        self._new_id = new_id
        self._shared = shared
        self._allow_origin = allow_origin
        self._metrics = metrics
        self._created = clock.now_ns() // 10**9
        self._open: Counter[str] = Counter()
        """Requests that are served now, by the key's id."""
        self._draining = False
        self._page, self._page_policy = _page()

    def drain(self) -> None:
        """Refuse what comes from now on; what is being served goes on."""
        self._draining = True

    async def handle(self, request: HttpRequest) -> HttpReply:
        """The reply to one request."""
        began_s, id_ = self._clock.monotonic(), self._new_id()
        route = _route(request.path)
        try:
            reply = await self._reply(request)
        except ApiError as error:
            reply = _refusal(error)
        except asyncio.CancelledError:
            self._count(route, GONE, began_s, id_)
            raise
        except Exception as error:
            # Only its kind: what it says may quote what a client sent.
            logger.error("Request {} failed by a fault of ours: {}", id_, type(error).__name__)
            reply = _refusal(broken())
        reply.headers |= {"x-request-id": f"req-{id_}"} | self._cors()
        ended = reply.after

        async def after() -> None:
            try:
                if ended is not None:
                    await ended()
            finally:
                self._count(route, reply.status, began_s, id_)

        reply.after = after
        return reply

    async def _reply(self, request: HttpRequest) -> HttpReply:
        path, method = request.path, request.method
        if method == "OPTIONS":
            return self._preflight(request)
        known = METHODS.get(path) or ("GET" if path.startswith(PREFIXES) else None)
        if known is None:
            raise unknown_path(method, path)
        if method != known and not (known == "GET" and method == "HEAD"):
            raise wrong_method(method, path)
        if path == "/":
            return HttpReply(200, self._page, dict(self._page_policy))
        if path == "/health":
            return self._health()
        key = self._authorised(request)
        if known == "POST":
            self._quotas.ask(key, self._clock.monotonic())
        if path in COMPLETIONS:
            return await self._complete(key, request, COMPLETIONS[path])
        if path == "/v1/embeddings":
            wanted = meaning.embedding_model(await request.read())
            self._check_model(wanted)
            raise meaning.no_embeddings(self._model.name)
        if path == SHARED:
            return self._shared_prompts(key)
        if path == "/v1/models":
            return HttpReply(200, replies.models([self._model.name], self._created), dict(_JSON))
        if path.startswith("/v1/models/"):
            self._check_model(path.removeprefix("/v1/models/"))
            document = replies.model_document(self._model.name, self._created)
            return HttpReply(200, msgspec.json.encode(document), dict(_JSON))
        return await self._receipt(key, path.removeprefix("/v1/receipts/"))

    # -- completions

    async def _complete(self, key: ClientKey, request: HttpRequest, parse: Parser) -> HttpReply:
        self._take_place(key)
        begun: Begun | None = None

        async def after() -> None:
            self._give_place(key)
            if begun is not None:
                await self._answering.end(begun)

        try:
            wanted = parse(await request.read())
            named = request.headers.get(MINER, "").strip()
            avoided = request.headers.get(NOT_MINERS, "").split(",")
            begun = await self._answering.begin(
                key,
                wanted,
                miner=Ss58(named) if named else None,
                avoid=frozenset(Ss58(each.strip()) for each in avoided if each.strip()),
            )
            headers = {
                RECEIPT: begun.receipt_id,
                MINER: begun.miner,
                "x-assay-verified": "yes" if begun.verified else "no",
                "openai-model": self._model.name,
            }
            if wanted.stream:
                return HttpReply(200, begun.body, headers | _EVENTS, after)
            body = b"".join([part async for part in begun.body])
            return HttpReply(200, body, headers | _JSON, after)
        except BaseException:
            await after()
            raise

    def _take_place(self, key: ClientKey) -> None:
        """ApiError if this request has no place."""
        if self._draining or self._open.total() >= REQUESTS_MAX:
            raise overloaded(BUSY_S)
        if self._open[key.id] >= PER_KEY_MAX:
            raise too_many("requests", PER_KEY_MAX, "moment", BUSY_S)
        self._open[key.id] += 1
        self._metrics.show("assay_gateway_open_requests", self._open.total())

    def _give_place(self, key: ClientKey) -> None:
        self._open[key.id] -= 1
        if not self._open[key.id]:
            del self._open[key.id]
        self._metrics.show("assay_gateway_open_requests", self._open.total())

    # -- the rest

    def _check_model(self, name: str) -> None:
        if name not in (self._model.name, self._model.root.hex()):
            raise unknown_model(name)

    async def _receipt(self, key: ClientKey, id_: str) -> HttpReply:
        """The receipt called ``id_``, if ``key`` is the one whose reply it is of."""
        found = await asyncio.to_thread(self._receipts.get, id_)
        if found is None or found.key != key.id:
            raise ApiError(
                404,
                "There is no such receipt for this key. A receipt is there once its answer is "
                "whole, and until newer ones need its place.",
                code="receipt_not_found",
            )
        return HttpReply(200, msgspec.json.encode(found), dict(_JSON))

    def _shared_prompts(self, key: ClientKey) -> HttpReply:
        """What was asked by keys that share their prompts, for a ``key`` that may read it."""
        if not key.reads_shared_prompts:
            raise ApiError(
                403,
                "This key may not read what clients share. The gateway's operator makes one that "
                "may with `assay gateway key add --read-shared-prompts`.",
                code="shared_prompts_not_allowed",
            )
        taken = [] if self._shared is None else self._shared.take(self._clock.monotonic())
        return HttpReply(200, msgspec.json.encode(SharedSessions(data=taken)), dict(_JSON))

    def _health(self) -> HttpReply:
        status = 503 if self._draining else 200
        return HttpReply(
            status, b'{"status": "%s"}' % (b"ok" if status == 200 else b"draining"), dict(_JSON)
        )

    def _authorised(self, request: HttpRequest) -> ClientKey:
        """The key of a request; ApiError if it has none that opens."""
        scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not presented.strip():
            raise no_key()
        try:
            key = self._keys.find(presented.strip())
        except UserError as error:
            logger.error("No key can be checked: {} {}", error.cause, error.cure)
            raise broken() from None
        if key is None:
            raise wrong_key()
        return key

    def _preflight(self, request: HttpRequest) -> HttpReply:
        """What a browser asks before a page of another origin may send its request."""
        wanted = request.headers.get("Access-Control-Request-Headers", "")
        headers = {
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Max-Age": str(CORS_DAY_S),
        }
        if _HEADER_NAMES.fullmatch(wanted):
            headers["Access-Control-Allow-Headers"] = wanted
        return HttpReply(204, b"", headers)

    def _cors(self) -> dict[str, str]:
        return {
            "Access-Control-Allow-Origin": self._allow_origin,
            "Access-Control-Expose-Headers": EXPOSED,
            "Vary": "Origin",
        }

    def _count(self, route: str, status: int, began_s: float, id_: str) -> None:
        seconds = self._clock.monotonic() - began_s
        self._metrics.count("assay_gateway_requests_total", route=route, status=str(status))
        self._metrics.observe("assay_gateway_request_seconds", seconds)
        logger.debug("Request {}: {} {} in {:.3f} s", id_, route, status, seconds)


def _route(path: str) -> str:
    """The address as one of few words, for a metric's label."""
    if path in METHODS:
        return path
    return next((prefix for prefix in PREFIXES if path.startswith(prefix)), "other")


def _refusal(error: ApiError) -> HttpReply:
    headers = dict(_JSON)
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return HttpReply(error.status, error.body, headers)


def _page() -> tuple[bytes, dict[str, str]]:
    """The chat page, and what a browser may do with it: run its one script and its one style, and
    ask this gateway."""
    page = resources.files("assay.gateway").joinpath("page.html").read_bytes()

    def allowed(tag: bytes) -> str:
        (inside,) = re.findall(rb"<%s>(.*?)</%s>" % (tag, tag), page, flags=re.DOTALL)
        return f"'sha256-{base64.b64encode(hashlib.sha256(inside).digest()).decode()}'"

    policy = (
        f"default-src 'none'; script-src {allowed(b'script')}; style-src {allowed(b'style')}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return page, {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
