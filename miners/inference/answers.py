"""How an inference miner comes by its answers: its engine, opened and asked.

In come the miner's settings and a request that was let in; out comes this task's reply, or the
refusal that the caller is told. Loading a model takes seconds and runs in a thread. This module
does not know the chain; of a caller it uses the address and the membership.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from assay.clock import Clock
from assay.errors import UserError
from assay.miners.inference.bursts import make_all
from assay.miners.inference.outage import EngineOutage
from assay.miners.inference.settings import MinerSettings
from assay.models.engine import (
    Closed,
    Engine,
    EngineEnd,
    EngineFailed,
    EngineRequest,
    NotContinued,
    NotTaken,
    TokenLogprobs,
    TooLong,
)
from assay.models.fair_queue import Asker, Busy, CallerBusy
from assay.models.opening import open_model, open_tokens
from assay.neuron import Caller
from assay.protocol.bursts import BurstFrame
from assay.protocol.inference import (
    SECONDS_MAX,
    TOKENS_MAX,
    Completion,
    Ending,
    Piece,
    TokenLogprob,
)
from assay.scoring.inference.fingerprint import pack
from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import Membership

if TYPE_CHECKING:
    from assay.models.drawing import Floats

KEY_BYTES_MAX: Final = 4096
"""API keys have some hundred bytes; a longer file holds something else."""
RETRY_AFTER_S: Final = 1.0
"""An answer of a usual length takes less than that."""
CLOSED_RETRY_AFTER_S: Final = 5.0
"""A miner that is started anew has its model loaded by then, if it is small."""


async def open_engine(settings: MinerSettings, clock: Clock) -> Engine:
    """Return the engine that ``settings`` name, ready to answer; UserError if it cannot be
    opened."""
    if settings.backend == "openai":
        return await _open_openai(settings, clock)
    if settings.base_url is not None:
        raise UserError("--base-url needs --backend openai.", "Give both or neither.")
    opened = await open_model(
        settings.model,
        threads=settings.threads,
        tolerance=settings.tolerance,
        precision=settings.precision,
    )
    from assay.models.local_engine import LocalEngine  # here, not above: it brings torch

    return LocalEngine(opened.model, opened.root, monotonic=clock.monotonic)


async def _open_openai(settings: MinerSettings, clock: Clock) -> Engine:
    if settings.base_url is None:
        raise UserError(
            "--backend openai needs an address.", "Give --base-url http://HOST:PORT/v1 as well."
        )
    if settings.precision != "fp32":
        raise UserError(
            f"--precision {settings.precision} cannot be promised for an engine elsewhere.",
            "Leave --precision out: an engine's answers are judged as plausible, in any precision.",
        )
    api_key = _read_key(settings.api_key_file) if settings.api_key_file else None
    tokens, root = await open_tokens(settings.model)
    from assay.models.openai_backend import OpenAIEngine

    return OpenAIEngine(
        settings.base_url,
        settings.served_name or settings.model,
        tokens,
        root,
        monotonic=clock.monotonic,
        api_key=api_key,
    )


def _read_key(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            key = stream.read(KEY_BYTES_MAX + 1)
    except OSError as error:
        raise UserError(
            f"The key file {path} cannot be read ({error.strerror}).", "Check --api-key-file."
        ) from None
    text = key.decode("ascii", "replace").strip()
    if not text or len(key) > KEY_BYTES_MAX or not text.isprintable() or "\ufffd" in text:
        raise UserError(f"{path} does not hold an API key.", "It must be one line of plain text.")
    return text


async def answer(
    engine: Engine, ask: EngineRequest, caller: Caller, outage: EngineOutage
) -> Completion:
    """Return what ``engine`` makes of ``ask``, as a reply; RequestRefused if it makes nothing.

    Validators go first, because what others ask for must not cost this miner its score. The caller
    is told what went wrong in words of ours; what the engine said is the operator's business, and
    goes to ``outage``.
    """
    with _refusing(outage):
        made = await engine.complete(ask, _asker(caller))
    outage.answered()
    return Completion(
        text=made.text,
        tokens=list(made.tokens[:TOKENS_MAX]),
        finish=made.finish,
        queued_s=_seconds(made.queued_s),
        first_token_s=_seconds(made.first_token_s),
        total_s=_seconds(made.total_s),
        prompt_tokens=made.prompt_tokens,
        logprobs=_shown(made.logprobs),
        fingerprint=_fingerprint([each.projected for each in made.drawn], made.tokens, ask.key),
    )


async def pieces(
    engine: Engine, ask: EngineRequest, caller: Caller, outage: EngineOutage
) -> AsyncIterator[Piece]:
    """Yield what ``engine`` makes of ``ask``, piece by piece; the errors are those of
    ``answer``."""
    with _refusing(outage):
        async with contextlib.aclosing(_grown(engine, ask, _asker(caller))) as grown:
            async for piece in grown:
                yield piece
    outage.answered()


async def burst(
    engine: Engine,
    asks: Sequence[EngineRequest],
    caller: Caller,
    outage: EngineOutage,
    clock: Clock,
) -> AsyncIterator[BurstFrame]:
    """Yield what ``engine`` makes of all ``asks`` at once, frame by frame; the errors are those of
    ``answer``."""
    asker = _asker(caller)
    with _refusing(outage):
        async with contextlib.aclosing(
            make_all(asks, lambda ask: _grown(engine, ask, asker), clock, width=engine.together)
        ) as frames:
            async for frame in frames:
                yield frame
    outage.answered()


async def _grown(engine: Engine, ask: EngineRequest, asker: Asker) -> AsyncGenerator[Piece, None]:
    """Yield one answer of ``engine``, piece by piece; raises what the engine raises."""
    rows: list[Floats | None] = []
    tokens: list[int] = []
    async with contextlib.aclosing(engine.stream(ask, asker)) as grown:
        async for piece in grown:
            rows += [each.projected for each in piece.drawn]
            tokens += piece.tokens
            end = piece.end
            yield Piece(
                tokens=list(piece.tokens),
                text=piece.text,
                logprobs=_shown(piece.logprobs),
                end=None if end is None else _ending(end, _fingerprint(rows, tokens, ask.key)),
            )


@contextlib.contextmanager
def _refusing(outage: EngineOutage) -> Iterator[None]:
    """Turn what an engine raises into what the caller is told."""
    try:
        yield
    except (TooLong, NotContinued) as error:
        raise RequestRefused(Code.REFUSED_BY_TASK, error.cause) from None
    except NotTaken as error:
        outage.refused(error)
        raise RequestRefused(Code.REFUSED_BY_TASK, error.told) from None
    except Busy as error:
        code = Code.CALLER_LIMITED if isinstance(error, CallerBusy) else Code.OVERLOADED
        raise RequestRefused(code, error.cause, retry_after_s=RETRY_AFTER_S) from None
    except EngineFailed as error:
        outage.failed(error)
        raise RequestRefused(
            Code.OVERLOADED, error.told, retry_after_s=error.retry_after_s
        ) from None
    except Closed:
        raise RequestRefused(
            Code.DRAINING, "this miner is stopping", retry_after_s=CLOSED_RETRY_AFTER_S
        ) from None


def _asker(caller: Caller) -> Asker:
    return Asker(caller.address, first=caller.membership >= Membership.PERMIT)


def _fingerprint(rows: Sequence[Floats | None], tokens: Sequence[int], key: bytes) -> bytes:
    """The fingerprint of a whole answer; empty where an engine shows no states."""
    known = [row for row in rows if row is not None]
    if not tokens or len(known) != len(tokens):
        return b""
    return pack(np.stack(known), tokens, key)


def _ending(end: EngineEnd, fingerprint: bytes) -> Ending:
    return Ending(
        finish=end.finish,
        queued_s=_seconds(end.queued_s),
        first_token_s=_seconds(end.first_token_s),
        total_s=_seconds(end.total_s),
        prompt_tokens=end.prompt_tokens,
        fingerprint=fingerprint,
    )


def _shown(logprobs: Iterable[TokenLogprobs]) -> list[TokenLogprob]:
    return [TokenLogprob(each.logprob, list(each.top)) for each in logprobs]


def _seconds(value: float) -> float:
    return min(max(value, 0.0), SECONDS_MAX)
