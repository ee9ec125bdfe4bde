"""An engine behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp and the like.

Adds to ``engine`` a client for ``POST {base_url}/completions``. The server's kernels, precision and
sampler are its own, so what a validator can check is less than for our own engine: greedy answers
only, and only that they are plausible for the model whose root the miner committed
(``assay.scoring.agreement.engine_verdict``). Answers come back as text; they are cut into tokens
here with the model's own tokenizer, and the cut may differ from the server's at a few places.

What the server sends is parsed once, under limits of size and time. The API key is sent and nothing
else is done with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import aiohttp
import msgspec

from assay.errors import Unavailable, UserError
from assay.models.engine import Ask, Closed, Made
from assay.models.tokens import Tokens
from assay.models.turns import Asker, Turns

ANSWER_BYTES_MAX: Final = 4 * 2**20
"""Text of a few thousand tokens as JSON takes tens of KB; log-probabilities we do not ask for."""
TOTAL_S_MAX: Final = 120.0
"""The longest budget that a caller may have on our wire; nobody waits for more."""
CONNECT_S_MAX: Final = 5.0
"""An engine stands beside its miner; one that does not accept within seconds is down."""
SEED_BITS: Final = 31
"""Several servers keep seeds in 32 signed bits. Their samplers are not ours in any case."""


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port beyond 65535
        return False


class _Choice(msgspec.Struct):
    text: Annotated[str, msgspec.Meta(max_length=ANSWER_BYTES_MAX)]
    finish_reason: str | None = None


class _Response(msgspec.Struct):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1, max_length=16)]


class OpenAIEngine:
    """A foreign server as an engine. Made inside a running event loop."""

    seeded = False

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
        if not _is_address(base_url):
            raise UserError(
                f"{base_url!r} is not an http address.",
                "Give --base-url as http://HOST:PORT/v1, the address that OpenAI clients use.",
            )
        self.root = root
        self._url = f"{base_url.rstrip('/')}/completions"
        self._model = model
        self._tokens = tokens
        self._monotonic = monotonic
        self._turns: Turns[object] = Turns()
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=TOTAL_S_MAX, connect=CONNECT_S_MAX),
        )

    async def complete(self, ask: Ask, asker: Asker) -> Made:
        if self._session.closed:
            raise Closed
        asked = self._monotonic()
        choice = await self._in_turn(
            asker,
            {
                "model": self._model,
                "prompt": ask.prompt,
                "max_tokens": ask.max_tokens,
                "temperature": ask.temperature,
                "seed": ask.seed % 2**SEED_BITS,
                "stream": False,
            },
        )
        finish: Literal["length", "stop"] = "stop" if choice.finish_reason == "stop" else "length"
        tokens = self._tokens.encode_answer(choice.text)
        if finish == "stop":
            tokens += sorted(self._tokens.ends)[:1]
        if not tokens:
            raise self._broken("an empty answer")
        took = self._monotonic() - asked
        return Made(choice.text, tuple(tokens), finish, 0.0, took, took)

    async def _in_turn(self, asker: Asker, body: dict[str, object]) -> _Choice:
        """The server computes many answers together and knows nobody; we bound what one caller may
        have open there."""
        job = object()
        self._turns.add(job, asker)
        try:
            return await self._post(body)
        finally:
            self._turns.remove(job)

    async def _post(self, body: dict[str, object]) -> _Choice:
        try:
            async with self._session.post(self._url, json=body, allow_redirects=False) as response:
                if response.status != 200:
                    raise self._broken(f"status {response.status}")
                raw = bytearray()
                async for chunk in response.content.iter_any():
                    raw += chunk
                    if len(raw) > ANSWER_BYTES_MAX:
                        raise self._broken(f"more than {ANSWER_BYTES_MAX} bytes")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._broken(type(error).__name__) from error
        try:
            return msgspec.json.decode(bytes(raw), type=_Response).choices[0]
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._broken("something that is not a completion") from None

    def _broken(self, what: str) -> Unavailable:
        return Unavailable(
            f"The engine at {self._url} answered with {what}.",
            "Check that it runs, serves this model's name, and offers /v1/completions.",
        )

    async def close(self) -> None:
        await self._session.close()
