"""An engine behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp and the like.

In comes an ``EngineRequest``; it is sent as ``POST {base_url}/completions``, and the server's text
comes back as tokens. The server's kernels, precision and sampler are its own, so a validator can
check less than for our own engine: greedy answers only, and only that they are plausible for the
model whose root the miner committed (``engine_verdict`` in ``assay.scoring.inference.agreement``).
The text is cut into tokens here with the model's own tokenizer; the server may have cut it
otherwise at a few places.

What the server sends is read here under limits of size and time; ``openai_replies`` says what it
means. The API key, and whatever else of the address is secret, is sent and nothing else is done
with it: ``shown_address`` is what messages name.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Final

import aiohttp
from yarl import URL

from assay.errors import UserError
from assay.models.engine import (
    Closed,
    DrawnToken,
    EngineAnswer,
    EngineEnd,
    EnginePiece,
    EngineRequest,
)
from assay.models.fair_queue import BURSTS_MAX, ELSEWHERE_TOGETHER, AnswerQueue, Asker
from assay.models.openai_replies import (
    ANSWER_BYTES_MAX,
    OpenAIAnswer,
    away,
    broken,
    failure,
    parse_answer,
)
from assay.models.tokens import Tokens
from assay.types import HANDLER_S_MAX

CONNECT_S_MAX: Final = 5.0
"""An engine stands beside its miner; one that does not accept within seconds is down."""
SEED_BITS: Final = 31
"""Several servers keep seeds in 32 signed bits. Their samplers are not ours in any case."""


def parse_address(text: str) -> URL:
    """The address of an OpenAI-compatible server in ``text``; UserError if it is none.

    The error does not repeat ``text``, which may hold a key.
    """
    try:
        url = URL(text)
        if url.scheme in {"http", "https"} and url.host and url.port:
            return url
    except ValueError:  # brackets that do not close, a port beyond 65535
        pass
    raise UserError(
        "What was given as --base-url is not an http address.",
        "Give --base-url as http://HOST:PORT/v1, the address that OpenAI clients use.",
    )


def shown_address(url: URL) -> str:
    """Scheme, host and port of ``url``: user, password, path and query may each hold a secret."""
    return str(url.origin())


class OpenAIEngine:
    """A foreign server as an engine. Made inside a running event loop."""

    seeded = False
    together = ELSEWHERE_TOGETHER

    def __init__(
        self,
        base_url: str,
        model: str,
        tokens: Tokens,
        root: bytes,
        *,
        monotonic: Callable[[], float],
        api_key: str | None = None,
    ) -> None:
        base = parse_address(base_url)
        if api_key and base.user is not None:
            raise UserError(
                "--base-url holds a user and --api-key-file a key, and only one can be sent.",
                "Give one of them.",
            )
        self.root = root
        path = f"{base.raw_path.rstrip('/')}/completions"
        self._url = base.with_user(None).with_path(path, encoded=True).with_query(base.query)
        self._shown = shown_address(self._url)
        self._model = model
        self._tokens = tokens
        self._monotonic = monotonic
        self._queue: AnswerQueue[object] = AnswerQueue(
            first_open_max=self.together, first_max=BURSTS_MAX * self.together
        )
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        if base.user is not None:
            headers["Authorization"] = aiohttp.encode_basic_auth(base.user, base.password or "")
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=HANDLER_S_MAX, connect=CONNECT_S_MAX),
        )

    async def complete(self, ask: EngineRequest, asker: Asker) -> EngineAnswer:
        """The server's continuation, as ``Engine.complete`` has it."""
        if self._session.closed:
            raise Closed
        asked = self._monotonic()
        answer = await self._in_turn(
            asker,
            {
                "model": self._model,
                "prompt": ask.prompt,
                "max_tokens": ask.max_tokens,
                "temperature": ask.sampling.temperature,
                "seed": ask.seed % 2**SEED_BITS,
                "stream": False,
            },
        )
        finish = answer.finish(ask.max_tokens, self._shown)
        tokens = self._tokens.encode_answer(answer.text)
        if finish == "stop":
            tokens += sorted(self._tokens.ends)[:1]
        if not tokens:
            raise broken(self._shown, "an empty answer")
        took = self._monotonic() - asked
        return EngineAnswer(answer.text, tuple(tokens), finish, 0.0, took, took)

    async def stream(self, ask: EngineRequest, asker: Asker) -> AsyncGenerator[EnginePiece, None]:
        """The same in one piece, because its text is looked at as a whole before it is told."""
        made = await self.complete(ask, asker)
        end = EngineEnd(
            made.finish, made.prompt_tokens, made.queued_s, made.first_token_s, made.total_s
        )
        yield EnginePiece(tuple(DrawnToken(token) for token in made.tokens), made.text, end)

    async def _in_turn(self, asker: Asker, body: dict[str, object]) -> OpenAIAnswer:
        """Ask the server, unless ``asker`` has too many answers open there already: the server
        computes many together and knows nobody."""
        job = object()
        self._queue.add(job, asker)
        try:
            return await self._post(body)
        finally:
            self._queue.remove(job)

    async def _post(self, body: dict[str, object]) -> OpenAIAnswer:
        try:
            async with self._session.post(self._url, json=body, allow_redirects=False) as response:
                raw = bytearray()
                async for chunk in response.content.iter_any():
                    raw += chunk
                    if len(raw) > ANSWER_BYTES_MAX:
                        raise broken(self._shown, f"more than {ANSWER_BYTES_MAX} bytes")
        except TimeoutError:
            raise away(self._shown, "does not answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Not the error itself: it may name the whole address.
            raise away(self._shown, f"cannot be asked ({type(error).__name__})") from None
        if response.status != 200:
            raise failure(response.status, response.headers, bytes(raw), self._shown, self._model)
        return parse_answer(bytes(raw), self._shown)

    async def close(self) -> None:
        """End what is open at the server, and the connections to it."""
        await self._session.close()
