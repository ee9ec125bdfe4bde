"""Long prompts become tokens in a thread of their own, in their callers' turns.

In come prompts with their callers; out come their tokens. Cutting 65,536 characters into tokens
takes a tenth of a second, in which the thread that computes would make no token for anybody. One
prompt is cut at a time; callers who go first come before all others, and within a kind the turn
passes from caller to caller, as ``fair_queue`` has it. So whoever sends many long prompts waits
behind itself, and delays another caller by one of them.

This module knows no model and no answers.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from assay.models.fair_queue import AnswerQueue, Asker


@dataclass(eq=False, slots=True)
class _Prompt:
    text: str
    tokens: Future[list[int]] = field(default_factory=Future)


class PromptReader:
    """Cuts prompts by ``encode``, which is called in one thread."""

    def __init__(self, encode: Callable[[str], list[int]]) -> None:
        self._encode = encode
        self._lock = threading.Lock()
        """Guards the two fields below, which the event loop and the thread change."""
        self._queue: AnswerQueue[_Prompt] = AnswerQueue()
        self._working = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prompts")

    async def read(self, text: str, asker: Asker) -> list[int]:
        """Return the tokens of ``text``, for ``asker``; Busy for a caller, or for all of its kind,
        with too many prompts here."""
        prompt = _Prompt(text)
        with self._lock:
            self._queue.add(prompt, asker)
            if not self._working:
                self._working = True
                self._thread.submit(self._work)
        try:
            return await asyncio.wrap_future(prompt.tokens)
        finally:
            # Also when the caller has gone: nobody waits for the tokens.
            with self._lock:
                self._queue.remove(prompt)

    def stop(self) -> None:
        """Cut no further prompt; whoever waits for one is cancelled."""
        with self._lock:
            abandoned = self._queue.clear()
        for prompt in abandoned:
            prompt.tokens.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        """Cut what waits, one prompt after the other. Runs in the thread."""
        while True:
            with self._lock:
                prompt = self._queue.next()
                if prompt is None:
                    self._working = False
                    return
                self._queue.remove(prompt)
            if not prompt.tokens.set_running_or_notify_cancel():
                continue
            try:
                prompt.tokens.set_result(self._encode(prompt.text))
            except Exception as error:
                prompt.tokens.set_exception(error)
